"""A fraction of the training data as the fidelity of a training task.

    # conf/task/mine_fraction.yaml
    _target_: hpobench.tasks.training.fraction.DataFraction
    smallest: 1/27
    task:
      _target_: hpobench.tasks.training.task.TrainingTask
      ...

This module imports no torch: what does is imported by the first training.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from hpobench.records import Evaluation, Fidelity, Job
from hpobench.tasks.data.split import DataSet, training_subset
from hpobench.tasks.training.recipe import resolve
from hpobench.tasks.training.task import TrainingTask


class DataFraction:
    """Train to the task's last epoch on a fraction r of its training examples.

    The subsets are fixed, stratified by class, and nested; r = 1 trains exactly as the task does.
    Validation and test examples are always all there. `smallest` is a number in (0, 1), or a
    fraction as text, such as 1/27.

    Only the last epoch is evaluated. A network trained on less data is no beginning of one trained
    on more: nothing can be resumed, every job is charged from zero, and values at different r do
    not compare. There is no curve within a job, and so nothing to record (`hpobench record`).
    """

    can_checkpoint = False

    def __init__(self, task: TrainingTask, smallest: float | str = "1/27") -> None:
        if not isinstance(task, TrainingTask):
            raise ValueError(f"a data fraction wraps a TrainingTask, not a {type(task).__name__}")
        self.task = task
        self.space, self.metric, self.constraints = task.space, task.metric, task.constraints
        self.fidelity = Fidelity("fraction", _number(smallest), 1.0, False, comparable=False)
        self.optimum: float | None = None
        self.median: float | None = None
        self._data: DataSet | None = None

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:  # noqa: ARG002
        """Train on the fraction `job.to_resource`, from zero. A divergence is a failure."""
        from hpobench.tasks.training.session import Session

        fraction, task = job.to_resource, self.task
        if not 0 < fraction <= 1:
            raise ValueError(f"a job to fraction {fraction} of the data: use one in (0, 1]")
        self.space.validate(job.config)
        data = training_subset(self._whole(), fraction)
        session = Session(task.recipe, data.name, self.space, data)
        began = session.clock()
        training = session.start(job.config, 0, seed, None)
        last = training.finish(int(task.fidelity.r_max))
        duration_s = session.clock() - began
        metrics = training.measure()
        return Evaluation(
            resources=np.array([fraction], dtype=float),
            seconds=np.array([duration_s]),
            values=np.array([last.validation.error]),
            duration_s=duration_s,
            test_values=np.array([last.test.error]),
            constraints={
                bound.metric: np.array([bound.slack(metrics[bound.metric])])
                for bound in self.constraints
            },
            error=last.error,
        )

    def prepare(self) -> None:
        """Load torch and the data, once a process, outside of any job."""
        from hpobench.tasks.training import session  # noqa: F401

        self._whole()

    def _whole(self) -> DataSet:
        if self._data is None:
            self._data = resolve(self.task.recipe.data)()
        return self._data

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_data": None}


def _number(stated: float | str) -> float:
    try:
        number = float(Fraction(str(stated)))
    except (ValueError, ZeroDivisionError):
        number = math.nan
    if not 0 < number < 1:
        raise ValueError(f"smallest={stated!r}: use a number in (0, 1), or a text such as 1/27")
    return number
