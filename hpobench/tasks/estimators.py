"""scikit-learn's estimators, or one that a function of the user's makes, as tasks.

    # conf/task/mine.yaml
    about: {label: mine, summary: what it is}
    budget: {time_s: 60}
    _target_: hpobench.tasks.estimators.CrossValidation
    estimator: sklearn.ensemble.RandomForestClassifier
    data: digits                     # or {csv: my.csv, target: income}, {openml: 31}, my.load
    scorer: accuracy
    folds: 5
    fidelity: {n_estimators: [4, 8, 16, 32, 64]}
    space:
      max_features: {type: float, low: 0.05, high: 1}
      min_samples_leaf: {type: integer, low: 1, high: 20, log: true}

This module imports no scikit-learn: what does is imported by the first evaluation.
"""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from hpobench.records import Evaluation, Job
from hpobench.space.space import Space
from hpobench.tasks.calling import Function
from hpobench.tasks.data import tabular
from hpobench.tasks.fitting.fits import DATA, FOLDS, NONE, PARTIAL_FIT, Fits
from hpobench.tasks.functions import FunctionTask
from hpobench.tasks.loops import TrainingLoop


class CrossValidation:
    """Fit an estimator on all folds but one, validate on that one; minimise the mean.

    `estimator`: the dotted path of a class, or of a function that makes one, called with the
    hyperparameters that are active and with those that are `fixed`; where it has a `random_state`
    it is given one that follows from the objective's seed. `data`: see `data.tabular.read`. Folds
    are fixed, and stratified where the target is a class.

    `scorer`: a name of scikit-learn. Scores of which 1 is the best are stored as 1 - score, those
    called `neg_...` as what they negate.

    `fidelity` is what more training is:

        folds                    how many of them are fitted; what is paused goes on
        data: [1/16, 1/4, 1]     the share of the training examples, nested, of every fold
        partial_fit: 27          epochs of `partial_fit`, up to so many
        n_estimators: [4, 16]    any parameter of the estimator, at these values
        none                     nothing: all folds at once

    A parameter grows by `warm_start`, if the estimator knows it and says so by the name
    n_estimators, or by being histogram gradient boosting; set it by `warm_start`. With any other,
    and with shares of the data, each job is fitted from zero. Estimators that grow go on only on
    the worker that holds them, for no pickle is written.

    `test`: share of the examples that is held out; the test value is the mean over the folds'
    estimators. `train_scores`: whether the examples trained on are scored too; that is not charged.
    `cost`: what a second is, of the thread's CPU time or of the wall clock.
    """

    def __init__(
        self,
        estimator: Function | str,
        space: Mapping[str, Any],
        *,
        data: Any,
        scorer: str = "accuracy",
        folds: int = 5,
        fidelity: str | Mapping[str, Any] = FOLDS,
        fixed: Mapping[str, Any] | None = None,
        warm_start: bool | None = None,
        test: float = 0.2,
        train_scores: bool = True,
        cost: str = "cpu",
    ) -> None:
        name, levels = _stated(fidelity, folds)
        self.space = space if isinstance(space, Space) else Space(space)
        self._fits = fits = Fits(
            estimator=estimator,
            fixed=dict(fixed or {}),
            data=data,
            scorer=scorer,
            folds=folds,
            by=name,
            levels=levels,
            warm_start=warm_start,
            test=test,
            train_scores=train_scores,
            cost=cost,
            example=self.space.default(),
        )
        shared: dict[str, Any] = {"noise": "seeded", "cost_s": None, **_metric(scorer, folds)}
        self._task: FunctionTask | TrainingLoop
        if name == FOLDS or fits.grows:
            loop = fits.by_folds if name == FOLDS else fits.growing
            more = _fidelity(name, levels)
            self._task = TrainingLoop(loop, self.space, fidelity=more, **shared)
        elif name == NONE:
            self._task = FunctionTask(fits.at_once, self.space, **shared)
        else:
            more = _fidelity(name, levels)
            self._task = FunctionTask(fits.at, self.space, fidelity=more, **shared)
        self.fidelity, self.metric = self._task.fidelity, self._task.metric
        self.constraints = self._task.constraints
        self.can_checkpoint = self._task.can_checkpoint
        self.optimum: float | None = None
        self.median: float | None = None
        self.data_hash = tabular.digest(data)

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:
        """Fit what the job asks for. A fit that raises has failed."""
        return self._task.evaluate(job, seed, checkpoint)

    def prepare(self) -> None:
        """Load scikit-learn and the data, once a process, outside of any job."""
        _ = self._fits.loaded

    def save_checkpoint(self, path: Path, state: Any) -> None:
        """Write the scores of the folds so far."""
        state.write(path)

    def load_checkpoint(self, path: Path) -> Any:
        """Read them."""
        assert isinstance(self._task, TrainingLoop)
        return self._task.load_checkpoint(path)

    def charged_s(self, job: Job, took_s: float) -> float:
        """The seconds that a job is charged that really took some, whatever came of it."""
        return self._task.charged_s(job, took_s)


def _stated(fidelity: str | Mapping[str, Any], folds: int) -> tuple[str, list[float]]:
    """The name of what more training is, and its levels; of a number, all up to it."""
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise ValueError(f"folds={folds!r}: use a whole number of at least 2")
    if fidelity == FOLDS:
        return FOLDS, list(map(float, range(1, folds + 1)))
    if fidelity == NONE:
        return NONE, []
    if not isinstance(fidelity, Mapping) or len(fidelity) != 1:
        raise ValueError(
            f"fidelity={fidelity!r}: use folds, none, or one of {{data: [1/16, 1/4, 1]}}, "
            "{partial_fit: 27} and {n_estimators: [4, 16, 64]} or another parameter"
        )
    ((name, stated),) = fidelity.items()
    if isinstance(stated, int) and not isinstance(stated, bool) and stated > 0:
        return name, list(map(float, range(1, stated + 1)))
    try:
        levels = [float(Fraction(str(level))) for level in stated]
    except (TypeError, ValueError, ZeroDivisionError):
        levels = []
    if not levels or sorted(set(levels)) != levels or levels[0] <= 0:
        raise ValueError(f"fidelity {name}: {stated!r}: use levels that rise, such as [4, 16, 64]")
    if name == DATA and levels[-1] != 1:
        raise ValueError(f"fidelity data: {stated!r}: the last share must be 1, all of them")
    return name, levels


def _fidelity(name: str, levels: list[float]) -> dict[str, Any]:
    gapless = levels == list(range(1, len(levels) + 1))
    named = {DATA: "share of the data", PARTIAL_FIT: "epochs"}.get(name, name)
    return {
        "name": named,
        "r_min": levels[0],
        "r_max": levels[-1],
        "comparable": name not in (FOLDS, DATA),
        "levels": [] if gapless else levels,
    }


def _metric(scorer: str, folds: int) -> dict[str, Any]:
    """How the mean of a scorer is labelled, and which direction is better."""
    words = scorer.removeprefix("neg_").replace("_", " ")
    if scorer.startswith("neg_"):
        return {"goal": "minimize", "label": f"{folds}-fold {words}"}
    return {"goal": "maximize", "label": f"1 - {folds}-fold {words}", "ceiling": 1.0}
