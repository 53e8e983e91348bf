"""Which values of methods may be set side by side: blocks over tasks, or over (task, seed) pairs.

All tests take `regrets`: by task a table with one row a seed and one column a method, the final
normalised regret (see `final.final_regrets`); NaN or an absent row: there is no such run.
Values of different methods compare within a (task, seed), where they share the objective's noise.
Seeds of one task are not independent repetitions over tasks: what they have in common is the task.
So the blocks are the tasks, each the mean over its seeds, where there are enough of them for a
test; else the (task, seed) pairs, and then a result speaks of these tasks alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray, average_ranks
from hpobench.words import counted

Regrets = Mapping[str, pd.DataFrame]

TASKS = "tasks"
PAIRS = "task-seed pairs"
TASKS_FOR_WILCOXON = 6
"""With five pairs no outcome of a two-sided signed-rank test has p < 0.05 (2 / 2^5 = 0.0625)."""
DECIMALS = 12


@dataclass(frozen=True)
class Blocks:
    """Complete blocks: `values` (blocks, methods), the task of each, and what was dropped.

    `unit`: what a block is. `incomplete`: (task, seed) pairs with a run of some of the
    methods only.
    """

    values: FloatArray
    tasks: tuple[str, ...]
    methods: tuple[str, ...]
    unit: str
    incomplete: int

    @property
    def dropped(self) -> str:
        """A sentence on what was left out, empty if nothing was."""
        if not self.incomplete:
            return ""
        pairs = counted(self.incomplete, "(task, seed) pairs")
        return f"Left out: {pairs} without a run of every method."


def methods_of(regrets: Regrets) -> list[str]:
    """The methods with a value anywhere, in order of appearance.

    Raises ValueError if there is none, or if a table names a seed or a method twice.
    """
    names: dict[str, None] = {}
    for task, table in regrets.items():
        if not table.index.is_unique or not table.columns.is_unique:
            raise ValueError(f"the regrets of task {task!r} name a seed or a method twice")
        finite = np.isfinite(table.to_numpy(dtype=float)).any(axis=0)
        names |= dict.fromkeys(str(name) for name in table.columns[finite])
    if not names:
        raise ValueError("there are no regrets to test: no task has a run that did not fail")
    return list(names)


def require(regrets: Regrets, methods: Sequence[str]) -> None:
    """Raise ValueError, naming the choices, if a method has no value, or is named twice."""
    known = methods_of(regrets)
    for method in methods:
        if method not in known:
            raise ValueError(f"method {method!r} has no run: choose from {', '.join(known)}")
    if len(set(methods)) < len(methods):
        raise ValueError(f"{methods[0]!r} is compared with itself: choose two methods")


def seed_blocks(regrets: Regrets, methods: Sequence[str]) -> Blocks:
    """One block a (task, seed) that has a value of every one of the methods."""
    rows, tasks, incomplete = [np.empty((0, len(methods)))], [], 0
    for task, table in regrets.items():
        values = _columns(table, methods)
        finite = np.isfinite(values)
        complete = finite.all(axis=1)
        rows.append(values[complete])
        tasks += [task] * int(complete.sum())
        incomplete += int((finite.any(axis=1) & ~complete).sum())
    return Blocks(np.concatenate(rows), tuple(tasks), tuple(methods), PAIRS, incomplete)


def _columns(table: pd.DataFrame, methods: Sequence[str]) -> FloatArray:
    """The values (seeds, methods); NaN for a method that the table lacks."""
    missing = np.full(len(table), np.nan)
    columns = [table[name].to_numpy(float) if name in table else missing for name in methods]
    return np.column_stack(columns)


def task_blocks(pairs: Blocks) -> Blocks:
    """One block a task: the means over those of its seeds that have a value of every method."""
    tasks = tuple(dict.fromkeys(pairs.tasks))
    number = {task: place for place, task in enumerate(tasks)}
    codes = np.array([number[task] for task in pairs.tasks], dtype=np.int64)
    totals = np.zeros((len(tasks), len(pairs.methods)))
    np.add.at(totals, codes, pairs.values)
    means = totals / np.bincount(codes, minlength=len(tasks))[:, None]
    # Sums in another order differ by rounding: that must not break ties.
    values = np.round(means, DECIMALS)
    return Blocks(values, tasks, pairs.methods, TASKS, pairs.incomplete)


def blocks(regrets: Regrets, methods: Sequence[str], least_tasks: int) -> Blocks:
    """Tasks if there are at least so many with a complete seed, else (task, seed) pairs."""
    pairs = seed_blocks(regrets, methods)
    over_tasks = task_blocks(pairs)
    return over_tasks if len(over_tasks.values) >= least_tasks else pairs


def comparable_means(table: pd.DataFrame) -> "pd.Series[float]":
    """The mean regret of each method as if all had run on all seeds of the table.

    Methods that have them all have their own mean. Of another, what it differs by on its seeds from
    the methods that have them all is added to theirs; if there is none, only the seeds that all
    share count: NaN, if there are none.
    """
    has = table.notna()
    if has.all(axis=None):
        return table.mean()
    complete = table.loc[:, has.all()]
    if complete.shape[1]:
        hardness = complete.mean(axis=1)
        return table.sub(hardness, axis=0).mean() + hardness.mean()
    return table.dropna().mean()


def ranks(values: FloatArray) -> FloatArray:
    """Ranks along the first axis (methods); NaN is worse than any value, and ties with NaN."""
    return average_ranks(np.where(np.isnan(values), np.inf, values))
