"""k-fold cross-validation around a training task.

    # conf/task/mine_folds.yaml
    _target_: hpobench.tasks.training.folds.KFold
    folds: 5
    fidelity: epochs
    task:
      _target_: hpobench.tasks.training.task.TrainingTask
      ...

This module imports no torch: what does is imported by the first training.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hpobench import progress
from hpobench.arrays import FloatArray
from hpobench.records import Evaluation, Fidelity, Job, Metric
from hpobench.tasks.data.split import DataSet, Part, k_folds
from hpobench.tasks.training.curves import Curves
from hpobench.tasks.training.fairness import MEASURES
from hpobench.tasks.training.recipe import resolve
from hpobench.tasks.training.task import (
    METRICS,
    TrainingTask,
    as_evaluation,
    stated_constraints,
    whole_steps,
)

if TYPE_CHECKING:
    from hpobench.tasks.training.fold_trainings import Networks
    from hpobench.tasks.training.session import Epoch, Session

FIDELITIES = ("epochs", "folds")


class KFold:
    """Train one network a fold, each validated on its fold; minimise the mean of their errors.

    The training and validation examples of `task` are pooled and split into `folds` fixed parts,
    stratified by class and group (`split.k_folds`). The test error, on the task's test examples,
    is the mean over the networks as well; costs are sums.

    `fidelity`: with epochs all networks are trained to epoch r, one epoch of each in turn, so that
    the mean at r is known when the last of them gets there. With folds the first r networks are
    trained, to the task's last epoch: means over different folds do not compare.

    `constraints`: bounds on what a network is (see TrainingTask; measured on the first), or on
    `tpr_difference`: see `fairness`, taken over the predictions of all networks so far, each for
    its own fold. The data need groups for it. The task's own constraints hold too.

    A network that diverges fails the observation and ends the job. Training paused and resumed is
    the same to the bit. All folds are kept in memory, k times the data.
    """

    def __init__(
        self,
        task: TrainingTask,
        folds: int = 5,
        *,
        fidelity: str = "epochs",
        constraints: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(task, TrainingTask):
            raise ValueError(f"k-fold wraps a TrainingTask, not a {type(task).__name__}")
        if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
            raise ValueError(f"folds={folds!r}: use a whole number of at least 2")
        if fidelity not in FIDELITIES:
            raise ValueError(f"fidelity={fidelity!r}: use {' or '.join(FIDELITIES)}")
        self.task, self.folds = task, folds
        self.space = task.space
        self.fidelity = (
            task.fidelity if fidelity == "epochs" else Fidelity("folds", 1, folds, comparable=False)
        )
        self.metric = Metric(
            task.metric.name, f"{folds}-fold {task.metric.label}", task.metric.goal
        )
        own = stated_constraints(constraints, (*METRICS, *MEASURES))
        self.constraints = (*task.constraints, *own)
        twice = {bound.metric for bound in own} & {bound.metric for bound in task.constraints}
        if twice:
            raise ValueError(f"the task constrains {', '.join(sorted(twice))} already: say it once")
        self.can_checkpoint = True
        self.optimum: float | None = None
        self.median: float | None = None
        self._loaded: _Folds | None = None

    @property
    def identity(self) -> str:
        """What checkpoints say they belong to."""
        epochs = f" of {self.task.fidelity.r_max} epochs" * (self.fidelity.name == "folds")
        return f"{self.folds} folds{epochs} by {self.metric.name}: {self.task.identity}"

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:
        """Train `job`. A divergence is a failed observation, and the last."""
        curves, slacks = self._train(job, seed, checkpoint)
        return as_evaluation(curves, slacks, job.from_resource)

    def train(self, job: Job, seed: int, checkpoint: Any = None) -> Curves:
        """Train `job` and return the means over folds, of every resource trained now.

        `Curves.epochs` are resources: epochs or folds. What is measured on predictions is not
        among the metrics: it changes on the way. Raises CheckpointError if the checkpoint is not
        that of the job.
        """
        return self._train(job, seed, checkpoint)[0]

    def prepare(self) -> None:
        """Load torch and the data, once a process, outside of any job."""
        _ = self._folds

    def save_checkpoint(self, path: Path, state: Any) -> None:
        """Store a checkpoint; `load_checkpoint` reads it back without unpickling code."""
        self.task.save_checkpoint(path, state)

    def load_checkpoint(self, path: Path) -> Any:
        """Read what `save_checkpoint` stored."""
        return self.task.load_checkpoint(path)

    def _train(self, job: Job, seed: int, checkpoint: Any) -> tuple[Curves, dict[str, FloatArray]]:
        """The curves, and the slack of each constraint at the same resources."""
        from hpobench.tasks.training.session import curves

        first, last = whole_steps(job, self.space, self.fidelity)
        clock = self._folds.sessions[0].clock
        began = clock()
        networks = self._networks(job, first, seed, checkpoint)
        begun = clock()
        metrics = networks.measure()
        began += clock() - begun  # measuring is not the trial's time
        rows, slacks, error = [], [], None
        while networks.reached < last and not error:
            row, epochs = networks.advance()
            rows.append(row)
            slacks.append(self._slacks(metrics, epochs))
            if epochs[-1].error:
                error = f"fold {len(epochs)} of {self.folds}: {epochs[-1].error}"
            elif row.number > first:
                _report(row, slacks[-1])
        made = None if error else networks.checkpoint()
        return curves(rows, clock() - began, metrics, made, error), {
            bound.metric: np.array([slack[bound.metric] for slack in slacks])
            for bound in self.constraints
        }

    def _networks(self, job: Job, first: int, seed: int, checkpoint: Any) -> "Networks":
        from hpobench.tasks.training.fold_trainings import ByEpochs, ByFolds, Trial

        epochs = int(self.task.fidelity.r_max)
        trial = Trial(self.identity, self._folds.sessions, epochs, job.config, seed)
        if self.fidelity.name == "folds":
            return ByFolds(trial, first, checkpoint)
        return ByEpochs(trial, first, checkpoint)

    def _slacks(self, metrics: Mapping[str, float], epochs: "Sequence[Epoch]") -> dict[str, float]:
        """c(x) by metric, over the predictions of these networks; NaN if one diverged."""
        return {
            bound.metric: bound.slack(
                metrics[bound.metric]
                if bound.metric in metrics
                else self._measured(bound.metric, epochs)
            )
            for bound in self.constraints
        }

    def _measured(self, measure: str, epochs: "Sequence[Epoch]") -> float:
        predictions = [epoch.validation.predicted for epoch in epochs]
        known = [classes.cpu().numpy() for classes in predictions if classes is not None]
        if len(known) < len(predictions):
            return math.nan
        parts = self._folds.validation[: len(known)]
        labels = np.concatenate([part.labels for part in parts])
        groups = np.concatenate([part.groups for part in parts if part.groups is not None])
        return MEASURES[measure](labels, np.concatenate(known), groups)

    @property
    def _folds(self) -> "_Folds":
        """Torch and the data on the device, loaded once a process."""
        if self._loaded is None:
            from hpobench.tasks.training.session import Session

            data = resolve(self.task.recipe.data)()
            for bound in self.constraints:
                if bound.metric in MEASURES:
                    _check_groups(bound.metric, data)
            parts = k_folds(data, self.folds)
            self._loaded = _Folds(
                [Session(self.task.recipe, part.name, self.space, part) for part in parts],
                [part.validation for part in parts],
            )
        return self._loaded

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_loaded": None}


class _Folds(NamedTuple):
    """Where the networks are trained, and what they are validated on."""

    sessions: "list[Session]"
    validation: list[Part]


def _report(row: "Epoch", slacks: Mapping[str, float]) -> None:
    error, test_error = row.validation.error, row.test.error
    progress.report(row.number, error, test_value=test_error, constraints=slacks)


def _check_groups(measure: str, data: DataSet) -> None:
    if data.classes != 2 or data.train.groups is None:
        raise ValueError(
            f"{measure} is defined for two classes and protected groups; {data.name} has "
            f"{data.classes} classes and {'no' if data.train.groups is None else 'some'} groups"
        )
