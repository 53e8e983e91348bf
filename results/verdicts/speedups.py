"""Speed-ups of each pair of methods: how many times as fast as the other to its own final value."""

from collections.abc import Mapping

import pandas as pd

from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.regret import Reference
from hpobench.results.verdicts.final import final_regrets
from hpobench.results.verdicts.time_to_target import over_tasks

COLUMNS = ["method", "other", "reached", "share", "speedup", "low", "high", "bound"]
MOST_METHODS = 12
"""132 ordered pairs: a table that can still be read."""


def pair_speedups(
    found: Incumbents,
    references: Mapping[str, Reference],
    *,
    most: int = MOST_METHODS,
) -> pd.DataFrame:
    """Speed-ups over all tasks, with each method as the reference: one row an ordered pair.

    The target is what `other` reaches in the end, task by task. Columns: method, other, reached
    (share of the runs of `method` that got there), share, speedup, low, high, bound, as in
    `targets`. Of more than `most` methods the best by their mean final regret. No rows for a single
    method; raises ValueError if no task can be normalised, or no method has runs on all of them.
    """
    kept = best_methods(found, references, most)
    rows = []
    for other in kept:
        names = [method for method in found.methods if method in kept and method != other]
        some = over_tasks(found, references, other, names)
        for method, made in some.items():
            numbers = made.share, made.speed, made.low, made.high, made.bound
            rows.append((method, other, made.mean_reached, *numbers))
    return pd.DataFrame(rows, columns=COLUMNS)


def best_methods(found: Incumbents, references: Mapping[str, Reference], most: int) -> list[str]:
    """At most so many of the methods with runs on every task, best first by mean final regret."""
    by_task = [frame.mean() for frame in final_regrets(found, references).values()]
    means = pd.DataFrame(by_task).dropna(axis="columns").mean() if by_task else pd.Series()
    if not len(means):
        raise ValueError("no method has runs on all tasks: compare those that share their tasks")
    return [str(name) for name in means.sort_values(kind="stable").index[:most]]
