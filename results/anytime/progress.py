"""What a study has found so far: for those who watch it run."""

from typing import NamedTuple

import numpy as np

from hpobench.results.anytime.incumbents import Incumbents


class Best(NamedTuple):
    """The best incumbent of a task at the end of any run, and the method that found it."""

    task: str
    method: str
    value: float


def best_so_far(found: Incumbents) -> list[Best]:
    """The best incumbent of each task that has any; values are in the view of the task."""
    has = np.flatnonzero(np.diff(found.starts) > 0)
    runs = found.runs.iloc[has]
    values = found.value[found.starts[has + 1] - 1]
    best = []
    for task in found.tasks:
        mine = np.flatnonzero((runs["task"] == task).to_numpy() & np.isfinite(values))
        if len(mine):
            first = mine[np.argmin(values[mine])]
            best.append(Best(task, str(runs["method"].iloc[first]), float(values[first])))
    return best
