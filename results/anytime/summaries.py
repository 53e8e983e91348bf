"""All statistics and bands of the same curves in one go: for figures that offer a choice.

Each is what `anytime` or `average_regret` gives for that statistic and band, but on a grid that
serves both axes; the curves are resampled once instead of once for each.
"""

from collections.abc import Mapping

import numpy as np

from hpobench.results.anytime.comparison import (
    Comparison,
    Prepared,
    average_regret,
    on_task,
    over_tasks,
)
from hpobench.results.anytime.curves import SHORTEST_FRACTION, fractions, time_grid
from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.regret import Reference
from hpobench.results.statistics.summary import BANDS

Summaries = dict[tuple[str, str], Comparison]
"""By statistic and band."""


def task_summaries(found: Incumbents, task: str, points: Mapping[str, int]) -> Summaries:
    """One task, as `comparison.anytime` has it, at so many points of a log and of a linear grid."""
    grid = np.unique(np.concatenate([time_grid(found, task, *each) for each in points.items()]))
    return _summaries(on_task(found, task, grid))


def average_summaries(
    found: Incumbents, references: Mapping[str, Reference], points: Mapping[str, int]
) -> Summaries:
    """Over tasks, as `comparison.average_regret` has it, from where its first curve begins."""
    whole = average_regret(found, references)
    begins = [whole.time[np.isfinite(line.centre)].min() for line in whole.lines.values()]
    shortest = min(begins, default=SHORTEST_FRACTION)
    grids = [fractions(time, count, shortest) for time, count in points.items()]
    parts = np.unique(np.concatenate(grids))
    return _summaries(over_tasks(found, references, parts[parts >= shortest]))


def _summaries(prepared: Prepared) -> Summaries:
    return {
        (statistic, band): prepared.summary(statistic, band)
        for statistic, bands in BANDS.items()
        for band in bands
    }
