"""When a run ends: time, trials, total resource, or cost, whichever comes first."""

import math
from dataclasses import dataclass

from hpobench.records import Evaluation, Job

TOLERANCE = 1e-9
"""What a sum may exceed a limit by, relative to it: 1.1 + 1.1 + 1.1 is more than 3.3 in floats."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one run; infinite means no limit.

    `time_s`: nothing after it is known. `trials`: so many configurations are tried; what is under
    way goes on to its end, and so do paused trials if the method hears of it (`Method.refuse`).
    `resource` (summed over all jobs) and `cost_s` (seconds of work, summed over the workers) are
    charged when a job starts; the job that would exceed them is the last, and keeps what it reaches
    with the rest.
    """

    time_s: float = math.inf
    trials: float = math.inf
    resource: float = math.inf
    cost_s: float = math.inf

    def __post_init__(self) -> None:
        limits = self.limits()
        for name, limit in limits.items():
            if not limit > 0:
                raise ValueError(f"budget.{name}={limit} must be above 0")
        if all(limit == math.inf for limit in limits.values()):
            raise ValueError(
                "no budget, so runs would never end: set budget.time_s, budget.trials, "
                "budget.resource or budget.cost"
            )

    def limits(self) -> dict[str, float]:
        """All limits by name, infinite where there is none."""
        return {name: getattr(self, name) for name in self.__slots__}

    def account(self) -> "Account":
        """A fresh account of what one run has spent."""
        return Account(self)


class Account:
    """What one run has spent of all limits but that of time."""

    __slots__ = (
        *("_cost_left", "_cost_margin", "_resource_left", "_resource_margin"),
        *("_trials_left", "_unlimited"),
    )

    def __init__(self, budget: Budget) -> None:
        self._trials_left = budget.trials
        self._resource_left = budget.resource
        self._cost_left = budget.cost_s
        self._resource_margin = _margin(budget.resource)
        self._cost_margin = _margin(budget.cost_s)
        self._unlimited = budget.resource == budget.cost_s == math.inf

    def may_start_trial(self) -> bool:
        """Count one more trial, if there may be one."""
        self._trials_left -= 1
        return self._trials_left >= 0

    @property
    def cost_left_s(self) -> float:
        """Seconds of work that are left, infinite if there is no limit."""
        return self._cost_left

    def spend(self, cost_s: float) -> None:
        """Count seconds of work that were done."""
        self._cost_left -= cost_s

    def reach(self, job: Job, resumed: bool) -> float:
        """How far the budget in resource lets a job go; all that the job asks for is charged."""
        base = job.from_resource if resumed else 0.0
        left = self._resource_left + self._resource_margin
        self._resource_left -= job.to_resource - base
        return job.to_resource if job.to_resource - base <= left else base + left

    def charge(self, job: Job, evaluation: Evaluation, resumed: bool) -> tuple[Evaluation, bool]:
        """What the rest of the budget leaves of a job, and whether that is the whole of it."""
        if self._unlimited:
            return evaluation, True
        reach = self.reach(job, resumed)
        affordable_s = self._cost_left + self._cost_margin
        whole = reach == job.to_resource and evaluation.duration_s <= affordable_s
        if not whole:
            by_resource = evaluation.resources.searchsorted(reach, "right")
            by_cost = evaluation.seconds.searchsorted(affordable_s, "right")
            evaluation = evaluation.first(int(min(by_resource, by_cost)))
            if by_cost < by_resource:
                # The worker is busy until the money runs out, though nothing more becomes known.
                left = self._cost_left if self._cost_left > self._cost_margin else 0.0
                evaluation = evaluation._replace(duration_s=left)
        self._cost_left -= evaluation.duration_s
        return evaluation, whole


def _margin(limit: float) -> float:
    return limit * TOLERANCE if limit < math.inf else 0.0
