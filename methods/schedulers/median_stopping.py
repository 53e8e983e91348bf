"""The median stopping rule.

Golovin et al. (2017), Google Vizier: A Service for Black-Box Optimization, KDD, Section 3.2.2:
stop a trial at step s if its best value by step s is strictly worse than the median of the running
averages up to step s of the trials that have ended and reached it.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from heapq import heappush, heappushpop

from hpobench.contracts import Step
from hpobench.methods.schedulers.rungs import as_resources, exact
from hpobench.records import Fidelity


class MedianStopping:
    """Trains in steps of `interval` resource; after each one the trial stops or goes on.

    No trial stops before it has the resource `grace`, nor where fewer than `min_trials` trials
    have ended that reached the same step. `interval` and `grace` are `r_min` by default. A failed
    trial ends; it has reached the steps before its failure.
    """

    multi_fidelity = True

    def __init__(
        self,
        fidelity: Fidelity,
        interval: float | None = None,
        grace: float | None = None,
        min_trials: int = 1,
    ) -> None:
        if not min_trials >= 1:
            raise ValueError(f"min_trials={min_trials}: a median needs at least 1 trial")
        self._grace = fidelity.r_min if grace is None else grace
        if not self._grace >= 0:
            raise ValueError(f"grace={grace}: a resource of at least 0")
        self._min_trials = min_trials
        self._levels = step_levels(fidelity, fidelity.r_min if interval is None else interval)
        self._medians = [RunningMedian() for _ in self._levels]
        self._alive: dict[int, _Curve] = {}
        self._going_on: deque[Step] = deque()
        self._started = 0
        self._open = True

    def next(self) -> Step | None:
        if self._going_on:
            return self._going_on.popleft()
        if not self._open:
            return None
        self._alive[self._started] = _Curve()
        self._started += 1
        return Step(self._started - 1, self._levels[0])

    def report(self, trial: int, resource: float, value: float) -> None:
        curve = self._alive[trial]
        step = len(curve.averages)
        if math.isfinite(value):
            curve.add(value)
            if step + 1 < len(self._levels) and not self._stops(curve.best, step, resource):
                self._going_on.append(Step(trial, self._levels[step + 1]))
                return
        del self._alive[trial]
        for median, average in zip(self._medians, curve.averages, strict=False):
            median.add(average)

    def _stops(self, best: float, step: int, resource: float) -> bool:
        median = self._medians[step]
        enough = resource >= self._grace and median.count >= self._min_trials
        return enough and best > median.value

    def exhausted(self) -> None:
        self._open = False


def step_levels(fidelity: Fidelity, interval: float) -> list[float]:
    """The multiples of `interval` from `r_min` to below `r_max`, and `r_max`."""
    if not 0 < interval < math.inf:
        raise ValueError(f"interval={interval} must be a resource above 0, such as 1 epoch")
    width, r_min, r_max = exact(interval), exact(fidelity.r_min), exact(fidelity.r_max)
    first, end = math.ceil(r_min / width), math.ceil(r_max / width)
    levels = [number * width for number in range(first, end)]
    return as_resources([*levels, r_max], fidelity)


@dataclass(slots=True)
class _Curve:
    """The best value of a trial so far, and its running average after each step."""

    best: float = math.inf
    total: float = 0.0
    averages: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        self.best = min(self.best, value)
        self.total += value
        self.averages.append(self.total / (len(self.averages) + 1))


class RunningMedian:
    """The median of growing data in O(log n) an addition: the halves in two heaps."""

    __slots__ = ("_high", "_low")

    def __init__(self) -> None:
        self._low: list[float] = []
        self._high: list[float] = []

    def add(self, number: float) -> None:
        """Take in one more number."""
        if len(self._low) > len(self._high):
            heappush(self._high, -heappushpop(self._low, -number))
        else:
            heappush(self._low, -heappushpop(self._high, number))

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return len(self._low) + len(self._high)

    @property
    def value(self) -> float:
        """The median; the mean of the two in the middle if their number is even."""
        if len(self._low) > len(self._high):
            return -self._low[0]
        return (self._high[0] - self._low[0]) / 2
