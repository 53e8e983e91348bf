"""How many seeds would tell methods apart that a verdict cannot, if they differ by what was seen.

Of n seeds the interval of a difference d reaches q s / sqrt(n) to either side, q by the number of
methods that are compared (`bootstrap.reach`). With n' seeds d is found in 80 of 100 studies if

    d = (q + z(0.8)) s / sqrt(n'),    n' = n ((q + z(0.8)) e / d)^2,    e = s / sqrt(n)

which is a plain calculation of power for a difference as large as the one that was seen.
"""

import math
from typing import NamedTuple

import numpy as np

from hpobench.results.statistics.bootstrap import reach
from hpobench.results.verdicts.verdict import Verdict

POWER_Z = 0.8416
"""The quantile of the normal distribution at 80 %."""


class MoreSeeds(NamedTuple):
    """Seeds a task with which the `best` method would be told from `other`, `difference` worse."""

    best: str
    other: str
    difference: float
    seeds: int


def more_seeds(verdict: Verdict) -> MoreSeeds | None:
    """What would tell the best method from the next one; None where that is told or not known.

    Nor is it known without a difference, or of fewer than two seeds.
    """
    if not verdict.rivals or verdict.seeds < 2:
        return None
    best, rival = verdict.best, verdict.rivals[0]
    wide = (rival.difference_high - rival.difference_low) / 2
    if not (rival.difference > 0 and wide > 0):
        return None
    reached = float(reach(np.array(float(_freedom(verdict))), len(verdict.standings)))
    error = wide / reached
    factor = ((reached + POWER_Z) * error / rival.difference) ** 2
    seeds = max(math.ceil(factor * verdict.seeds), verdict.seeds + 1)
    return MoreSeeds(best.method, rival.method, rival.difference, seeds)


def _freedom(verdict: Verdict) -> int:
    """About the degrees of freedom: those of the seeds of all tasks."""
    return len(verdict.tasks) * (verdict.seeds - 1)
