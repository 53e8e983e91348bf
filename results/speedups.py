"""Speed-ups of each pair of methods: how many times as fast as the other to its own final value."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hpobench.results.across import final_regrets
from hpobench.results.incumbents import Incumbents
from hpobench.results.normalise import Reference
from hpobench.results.targets import ALL_TASKS, time_to_target

COLUMNS = ["method", "other", "reached", "speedup", "low", "high", "bound"]
MOST_METHODS = 12
"""132 ordered pairs: a table that can still be read."""


def pair_speedups(
    found: Incumbents,
    references: Mapping[str, Reference],
    rng: np.random.Generator,
    *,
    early: str = "censored",
    most: int = MOST_METHODS,
) -> pd.DataFrame:
    """`time_to_target` over all tasks with each method as the reference: one row an ordered pair.

    The target is what `other` reaches in the end, task by task. Columns: method, other, reached
    (share of the runs of `method` that got there), speedup, low, high, bound. Of more than `most`
    methods the best by their mean final regret. No rows for a single method; raises ValueError if
    no task can be normalised, or no method has runs on all of them.
    """
    kept = best_methods(found, references, most)
    parts = []
    for other in kept:
        table = time_to_target(found, references, other, rng, early=early)
        rows = (table["task"] == ALL_TASKS) & (table["method"] != other)
        parts.append(table[rows & table["method"].isin(kept)].assign(other=other))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def best_methods(found: Incumbents, references: Mapping[str, Reference], most: int) -> list[str]:
    """At most so many of the methods with runs on every task, best first by mean final regret."""
    by_task = [frame.mean() for frame in final_regrets(found, references).values()]
    means = pd.DataFrame(by_task).dropna(axis="columns").mean() if by_task else pd.Series()
    if not len(means):
        raise ValueError("no method has runs on all tasks: compare those that share their tasks")
    return [str(name) for name in means.sort_values(kind="stable").index[:most]]
