"""All statistics and bands of the same curves in one go: for figures that offer a choice.

Each is what `anytime` or `average_regret` gives for that statistic and band, but on a grid that
serves both axes; the curves are resampled once instead of once for each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hpobench.hyperparameters import FloatArray
from hpobench.results.aggregate import BANDS, summarise
from hpobench.results.comparison import Comparison, anytime, average_regret, drawn
from hpobench.results.curves import (
    SHORTEST_FRACTION,
    begin,
    begin_all,
    curves,
    fractions,
    horizon_s,
    start_rule,
    time_grid,
)
from hpobench.results.incumbents import Incumbents
from hpobench.results.normalise import Reference, capped_regret, regret

Summaries = dict[tuple[str, str], Comparison]
"""By statistic and band."""


def task_summaries(
    found: Incumbents, task: str, points: Mapping[str, int], rng: np.random.Generator
) -> Summaries:
    """One task, as `comparison.anytime` has it, at so many points of a log and of a linear grid."""
    whole = anytime(found, task)
    grid = np.unique(np.concatenate([time_grid(found, task, *each) for each in points.items()]))
    facts = found.tasks[task]
    median = None if found.views[task] == "test" else facts.median
    begun = begin_all(curves(found, task, grid), start_rule(median), median)
    groups = {
        method: [regret(each.values, facts) if whole.positive else each.values]
        for method, each in begun.items()
    }
    return _summaries(whole, grid, groups, rng)


def average_summaries(
    found: Incumbents,
    references: Mapping[str, Reference],
    points: Mapping[str, int],
    rng: np.random.Generator,
) -> Summaries:
    """Over tasks, as `comparison.average_regret` has it, from where its first curve begins."""
    whole = average_regret(found, references)
    begins = [whole.time[np.isfinite(line.centre)].min() for line in whole.lines.values()]
    shortest = min(begins, default=SHORTEST_FRACTION)
    grids = [fractions(time, count, shortest) for time, count in points.items()]
    parts = np.unique(np.concatenate(grids))
    parts = parts[parts >= shortest]
    groups: dict[str, list[FloatArray]] = {method: [] for method in whole.lines}
    for task, reference in references.items():
        made = curves(found, task, parts * horizon_s(found, task))
        for method in groups:
            values = begin(made[method], "impute", reference.median).values
            groups[method].append(capped_regret(values, reference))
    return _summaries(whole, parts, groups, rng)


def _summaries(
    whole: Comparison,
    grid: FloatArray,
    groups: Mapping[str, Sequence[FloatArray]],
    rng: np.random.Generator,
) -> Summaries:
    return {
        (statistic, band): replace(
            whole,
            time=grid,
            lines=drawn(
                {method: summarise(some, statistic, band, rng) for method, some in groups.items()}
            ),
        )
        for statistic, bands in BANDS.items()
        for band in bands
    }
