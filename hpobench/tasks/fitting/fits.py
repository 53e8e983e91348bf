"""Fits of one estimator on the folds of one data set, and their scores."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hpobench.records import EvaluationError
from hpobench.tasks.calling import Function, check_call, resolve
from hpobench.tasks.data import tabular
from hpobench.tasks.data.split import stratified
from hpobench.tasks.fitting.growing import PartialFit, Stopwatch, WarmStart, plain, quiet

FOLDS, DATA, PARTIAL_FIT, NONE = "folds", "data", "partial_fit", "none"
_SPLIT_SEED = 20240229
_FILE = "scores.json"


class Scores(NamedTuple):
    """Of one fitted estimator, in scikit-learn's direction; NaN: not scored."""

    value: float
    test: float
    train: float


class Fold(NamedTuple):
    """Rows to train on, and to validate on."""

    train: Any
    validation: Any


@dataclass(frozen=True)
class Loaded:
    """The examples, those held out, and the folds of the others; `classes` of a classifier."""

    inputs: Any
    target: Any
    held_out: Any
    folds: Sequence[Fold]
    scorer: Callable[..., float]
    classes: Any


@dataclass
class Fits:
    """Fits estimators; see `CrossValidation` for what is stated.

    `by`: what more training is, at `levels`. `example`: a configuration.
    """

    estimator: Function | str
    fixed: dict[str, Any]
    data: Any
    scorer: str
    folds: int
    by: str
    levels: Sequence[float]
    warm_start: bool | None
    test: float
    train_scores: bool
    cost: str
    example: Mapping[str, Any]
    _loaded: Loaded | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        from sklearn.metrics import get_scorer_names

        if self.cost not in ("cpu", "wall"):
            raise ValueError(f"cost={self.cost!r}: use cpu or wall")
        if isinstance(self.test, bool) or not 0 <= self.test < 1:
            raise ValueError(f"test={self.test!r}: use a share of the examples in [0, 1)")
        if self.scorer not in get_scorer_names():
            known = ", ".join(get_scorer_names())
            raise ValueError(f"scorer={self.scorer!r}: scikit-learn has {known}")
        self._make = resolve(self.estimator, "estimator")
        check_call(self._make, [*self.example, *self.fixed])
        self._check_fidelity(self.made(self.example, 0))

    def _check_fidelity(self, estimator: Any) -> None:
        """Raise ValueError if the estimator does not know what more training is."""
        if self.by in (FOLDS, DATA, NONE):
            return
        name = type(estimator).__name__
        if self.by == PARTIAL_FIT:
            last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
            if not hasattr(last, PARTIAL_FIT):
                raise ValueError(f"fidelity partial_fit: {name} has no partial_fit")
        elif self.by not in estimator.get_params():
            raise ValueError(
                f"fidelity {self.by}: {name} has no such parameter: it has "
                f"{', '.join(estimator.get_params())}; use one of these, folds, data, partial_fit"
            )

    @property
    def grows(self) -> bool:
        """Whether what was fitted is the beginning of what is fitted next."""
        if self.by in (FOLDS, DATA, NONE):
            return False
        if self.warm_start is not None or self.by == PARTIAL_FIT:
            return self.warm_start is not False
        boosting = "HistGradientBoosting" in getattr(self._make, "__name__", "")
        return self.by.rpartition("__")[2] == "n_estimators" or boosting

    @property
    def loaded(self) -> Loaded:
        """The data, loaded and split once a process."""
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def _load(self) -> Loaded:
        import threadpoolctl
        from sklearn.base import is_classifier
        from sklearn.metrics import get_scorer
        from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

        threadpoolctl.threadpool_limits(1)  # else costs depend on how many cores are free
        inputs, target = tabular.read(self.data)
        by_class = is_classifier(self.made(self.example, 0))
        rows, held_out = np.arange(len(target)), np.arange(0)
        if self.test:
            strata = target if by_class else None
            rows, held_out = train_test_split(
                rows, test_size=self.test, random_state=_SPLIT_SEED, stratify=strata
            )
        make = StratifiedKFold if by_class else KFold
        split = make(self.folds, shuffle=True, random_state=_SPLIT_SEED)
        return Loaded(
            inputs,
            target,
            held_out,
            [Fold(rows[a], rows[b]) for a, b in split.split(inputs[rows], target[rows])],
            get_scorer(self.scorer),
            np.unique(target) if by_class else None,
        )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_loaded": None}

    def made(self, settings: Mapping[str, Any], seed: int) -> Any:
        """The estimator of a configuration, not fitted yet."""
        active = {name: value for name, value in settings.items() if value is not None}
        estimator = self._make(**self.fixed, **active)
        names = [n for n in estimator.get_params() if n.rpartition("__")[2] == "random_state"]
        return estimator.set_params(**dict.fromkeys(names, seed))

    def at_once(self, *, seed: int, **settings: Any) -> dict[str, Any]:
        """All folds, where there is nothing that could be less."""
        return self.at(resource=1.0, seed=seed, **settings)

    def at(self, *, resource: float, seed: int, **settings: Any) -> dict[str, Any]:
        """All folds from zero: on a share of the data, or with a value of a parameter."""
        found, clock, scores = self.loaded, Stopwatch(self.cost), []
        own = {} if self.by in (DATA, NONE) else {self.by: plain(resource)}
        for fold in found.folds:
            rows = self.share(fold.train, resource if self.by == DATA else 1.0)
            estimator = self.made(settings, seed).set_params(**own)
            with quiet():
                estimator.fit(found.inputs[rows], found.target[rows])
            scores.append(self.scores(estimator, Fold(rows, fold.validation), clock))
        return self.said(scores) | {"cost_s": clock.seconds}

    def by_folds(
        self, *, seed: int, load: Path | None = None, **settings: Any
    ) -> Iterator[dict[str, Any]]:
        """One fold more; what was paused goes on with the scores so far."""
        scores = self._read(load, settings)
        while len(scores) < self.folds:
            clock, found = Stopwatch(self.cost), self.loaded
            fold, estimator = found.folds[len(scores)], self.made(settings, seed)
            with quiet():
                estimator.fit(found.inputs[fold.train], found.target[fold.train])
            scores.append(self.scores(estimator, fold, clock))
            text = json.dumps([settings, scores], default=str)
            save = partial(_write, text)
            yield self.said(scores) | {"cost_s": clock.seconds, "save": save}

    def _read(self, load: Path | None, settings: Mapping[str, Any]) -> list[Scores]:
        if load is None:
            return []
        whose, scores = json.loads((load / _FILE).read_text())
        if whose != json.loads(json.dumps(settings, default=str)):
            raise EvaluationError(
                f"the folds were scored with {whose}, and cannot go on with {dict(settings)}: a "
                "method that copies trainings needs a fidelity of training, not folds"
            )
        return [Scores(*each) for each in scores]

    def growing(self, *, seed: int, **settings: Any) -> Iterator[dict[str, Any]]:
        """All folds, each estimator going on from what it was."""
        found = self.loaded
        clock = Stopwatch(self.cost)
        growing = [self._beginning(settings, seed, fold) for fold in found.folds]
        for level in self.levels:
            with quiet():
                for each in growing:
                    each.go_to(level)
            pairs = zip(growing, found.folds, strict=True)
            scores = [self.scores(each.estimator, fold, clock) for each, fold in pairs]
            yield self.said(scores) | {"cost_s": clock.seconds, "resource": level}
            clock = Stopwatch(self.cost)

    def _beginning(
        self, settings: Mapping[str, Any], seed: int, fold: Fold
    ) -> WarmStart | PartialFit:
        found, estimator = self.loaded, self.made(settings, seed)
        examples = found.inputs[fold.train], found.target[fold.train]
        if self.by == PARTIAL_FIT:
            return PartialFit(estimator, seed, found.classes, *examples)
        return WarmStart(estimator, self.by, *examples)

    def share(self, rows: Any, share: float) -> Any:
        """A share of some rows, stratified; that of a share holds those of all smaller ones."""
        if share >= 1:
            return rows
        found = self.loaded
        strata = np.zeros(len(rows), dtype=np.int64)
        if found.classes is not None:
            strata = np.searchsorted(found.classes, found.target[rows])
        (chosen,) = stratified(strata, [max(1, round(share * len(rows)))], _SPLIT_SEED)
        return rows[chosen]

    def scores(self, estimator: Any, fold: Fold, clock: "Stopwatch") -> Scores:
        """On the validation and test examples; on those trained on too, off the clock."""
        found = self.loaded

        def score(rows: Any) -> float:
            return float(found.scorer(estimator, found.inputs[rows], found.target[rows]))

        with quiet():
            value = score(fold.validation)
            test = score(found.held_out) if len(found.held_out) else math.nan
            with clock.standing():
                train = score(fold.train) if self.train_scores else math.nan
        return Scores(value, test, train)

    def said(self, scores: Sequence[Scores]) -> dict[str, Any]:
        """The means over folds, in the user's direction."""
        sign = -1.0 if self.scorer.startswith("neg_") else 1.0
        means = (sign * np.mean(np.array(scores), axis=0)).tolist()
        return dict(zip(Scores._fields, means, strict=True))


def _write(text: str, folder: Path) -> None:
    (folder / _FILE).write_text(text)
