"""The records that pass between method, executor and task. Values are always minimised."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from hpobench.arrays import FloatArray
from hpobench.space.space import Configuration

T = TypeVar("T", float, FloatArray)

LARGEST = 1e150
"""Squares of what is larger overflow: it has no mean, no regret and no interval."""


def too_large(value: float) -> str:
    """Why such a value is a failure."""
    return f"value is {value:g}: too large to compute with"


class Job(NamedTuple):
    """Train `trial` from `from_resource` (0: not trained yet) to `to_resource`.

    The first job of a trial may go on from the checkpoint of another trial, its `source`: that had
    reached `from_resource`, and has another configuration.
    """

    trial: int
    config: Configuration
    from_resource: float
    to_resource: float
    source: int | None = None

    def copied(self) -> "Job":
        """The same with a configuration of its own, for those who may write into it."""
        trial, config, from_resource, to_resource, source = self
        return Job(trial, dict(config), from_resource, to_resource, source)


class Evaluation(NamedTuple):
    """What came of a job: arrays (k,) over the resources passed on the way, in rising order.

    `seconds` count from the beginning of the job; `duration_s` is the length of the whole job.
    A value that is not finite is a failed observation. `true_values` are free of noise,
    `test_values` come from held-out data, `train_values` from the data that were trained on; each
    is None where a task has none.
    `constraints` hold the slack c(x) by metric: feasible means c(x) >= 0. `error` says in words why
    a job failed, `trace` where in the user's code.
    """

    resources: FloatArray
    seconds: FloatArray
    values: FloatArray
    duration_s: float
    true_values: FloatArray | None = None
    test_values: FloatArray | None = None
    constraints: Mapping[str, FloatArray] = {}
    checkpoint: Any = None
    error: str | None = None
    trace: str = ""
    train_values: FloatArray | None = None

    @property
    def value(self) -> float:
        """The last observed value; infinite if it failed, the worst there is."""
        if self.error is not None or not len(self.values):
            return math.inf
        last = float(self.values[-1])
        return last if math.isfinite(last) else math.inf

    def told(self) -> "Evaluation":
        """What a method may know: no values but its own, and not the training state.

        It cannot write into the arrays, which are those that are stored.
        """
        resources, seconds, values, duration_s, _, _, constraints, _, error, *_ = self
        for array in (resources, seconds, values, *constraints.values()):
            array.setflags(write=False)
        return Evaluation(
            resources, seconds, values, duration_s, None, None, constraints, None, error
        )

    def first(self, count: int) -> "Evaluation":
        """The first `count` observations; the job then ends with the last of them."""
        true_values, test_values = self.true_values, self.test_values
        train_values = self.train_values
        return self._replace(
            resources=self.resources[:count],
            seconds=self.seconds[:count],
            values=self.values[:count],
            true_values=None if true_values is None else true_values[:count],
            test_values=None if test_values is None else test_values[:count],
            train_values=None if train_values is None else train_values[:count],
            constraints={name: slack[:count] for name, slack in self.constraints.items()},
            duration_s=float(self.seconds[count - 1]) if count else 0.0,
        )


class EvaluationError(Exception):
    """Raised by a task whose job failed after `seconds`; any other exception is charged none."""

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How much training an evaluation gets: `r_min <= r <= r_max`, in the unit called `name`.

    `comparable`: a trial trained for r is a model in its own right, so that values at different r
    compare (iterative training); otherwise (subsets, folds) only values of the same r do.
    `levels`: the resources at which there are values, rising; (): all that there can be.
    """

    name: str = "none"
    r_min: float = 1
    r_max: float = 1
    integer: bool = True
    comparable: bool = True
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.r_min <= self.r_max:
            raise ValueError(
                f"fidelity {self.name!r} needs 0 < r_min <= r_max, not r_min={self.r_min}, "
                f"r_max={self.r_max}"
            )
        for name, level in (("r_min", self.r_min), ("r_max", self.r_max)):
            if self.integer and not float(level).is_integer():
                raise ValueError(
                    f"fidelity {self.name!r}: {name}={level} is not a whole number, and "
                    "integer=True says that resources are"
                )

    def only_at(self, levels: Sequence[float]) -> "Fidelity":
        """The same with values at these levels (k,) only; of every whole number none is named."""
        gapless = self.integer and len(levels) == self.r_max - self.r_min + 1
        return self if gapless else replace(self, levels=tuple(map(float, levels)))

    @property
    def single(self) -> bool:
        """Whether there is only one level of resource."""
        return self.r_min == self.r_max


@dataclass(frozen=True, slots=True)
class Metric:
    """What is minimised, and how it reads in the user's direction.

    With `goal="maximize"` the stored value is `ceiling - score`, e.g. 1 - accuracy.
    `label` describes the stored value, `unit` its unit ("" for none).
    """

    name: str
    label: str
    goal: str = "minimize"
    ceiling: float = 1.0
    unit: str = ""

    def __post_init__(self) -> None:
        if self.goal not in ("minimize", "maximize"):
            raise ValueError(f"goal={self.goal!r} of {self.name}: use minimize or maximize")

    def to_minimised(self, score: T) -> T:
        """From the user's direction to the stored value."""
        return self.ceiling - score if self.goal == "maximize" else score

    def to_user(self, value: T) -> T:
        """From the stored value to the user's direction."""
        return self.to_minimised(value)


_SCORE = re.compile(
    r"((validation|test|training|mean|cross[- ]validated|balanced|macro|micro|roc|pr|f1|r2)[ _])*"
    r"(accuracy|auc|auroc|auprc|f1|r2|precision|recall|score|reward|value)",
    re.IGNORECASE,
)


def stored_label(label: str, goal: str, ceiling: float = 1.0) -> str:
    """The label of the stored value of what a function returns, which is called `label`.

    Of a score that is surely one: 1 - accuracy, 100 - accuracy. Whatever else is maximised may have
    been called after what is returned or after what is stored, as a validation error of which the
    function returns the accuracy: then words that are true of both.
    """
    start = f"{ceiling:g} - "
    if goal != "maximize" or label.startswith(start):
        return label
    if _SCORE.fullmatch(label):
        return start + label
    return f"{label} (shown: {start}what is returned)"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A bound on a metric: feasible means slack c(x) >= 0."""

    metric: str
    upper: float | None = None
    lower: float | None = None

    def __post_init__(self) -> None:
        if (self.upper is None) == (self.lower is None):
            raise ValueError(f"the constraint on {self.metric!r} needs one bound: upper or lower")

    def slack(self, measured: T) -> T:
        """c(x) for a measured metric."""
        if self.upper is not None:
            return self.upper - measured
        return measured - (self.lower or 0.0)
