"""What happens in a run, on any clock: decisions, and the outcomes of jobs."""

from collections.abc import Callable
from typing import NamedTuple

from hpobench.records import Evaluation, Job

Charge = Callable[[str, float], float]
"""(kind of decision, seconds measured) -> seconds by which it moves the clock."""


class Decision(NamedTuple):
    """One `ask` or `tell`, begun at simulated `time_s`, which really took `seconds`.

    `none`: an `ask` that was answered by None.
    """

    kind: str
    time_s: float
    seconds: float
    cpu_s: float
    none: bool = False


class Outcome(NamedTuple):
    """A job that ended, or what the end of the budget left of it (`cut`)."""

    job: Job
    worker: int
    start_s: float
    end_s: float
    evaluation: Evaluation
    cut: bool


Event = Decision | Outcome
