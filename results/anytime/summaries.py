"""All statistics and bands of the same curves in one go: for figures that offer a choice.

Each is what `anytime` or `average_regret` gives for that statistic and band, but on a grid that
serves both axes; the curves are resampled once instead of once for each.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.results.anytime.comparison import (
    Comparison,
    Prepared,
    average_regret,
    on_task,
    over_tasks,
)
from hpobench.results.anytime.curves import SHORTEST_FRACTION, fractions, time_grid
from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.ranks import average_ranks
from hpobench.results.anytime.regret import Reference
from hpobench.results.statistics.summary import BANDS

Summaries = dict[tuple[str, str], Comparison]
"""By statistic and band."""


def task_summaries(found: Incumbents, task: str, points: Mapping[str, int]) -> Summaries:
    """Summaries of one task, as of `comparison.anytime`, on a log and a linear grid together."""
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


def rank_summaries(found: Incumbents, points: Mapping[str, int]) -> Summaries:
    """Average ranks at the times of a log and of a linear grid."""
    grids = [average_ranks(found, time=time, points=count) for time, count in points.items()]
    times, order = np.unique(np.concatenate([each.time for each in grids]), return_index=True)

    def joined(parts: Iterable[FloatArray]) -> FloatArray:
        return np.asarray(np.concatenate([*parts])[order], dtype=float)

    lines = {
        method: replace(
            line,
            centre=joined(each.lines[method].centre for each in grids),
            low=joined(each.lines[method].low for each in grids),
            high=joined(each.lines[method].high for each in grids),
        )
        for method, line in grids[0].lines.items()
    }
    return {("mean", "sem"): replace(grids[0], time=times, lines=lines)}


def _summaries(prepared: Prepared) -> Summaries:
    return {
        (statistic, band): prepared.summary(statistic, band)
        for statistic, bands in BANDS.items()
        for band in bands
    }
