"""How many seeds, and how much computing, it takes to tell methods apart: from a pilot study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.regret import Reference
from hpobench.results.statistics.power import Pilot, seeds_needed
from hpobench.results.verdicts.final import final_regrets

COLUMNS = (
    *("tasks", "method", "other", "difference", "sd", "pilot"),
    *("seeds", "cpu_hours", "seeds_of_all", "cpu_hours_of_all"),
)


@dataclass(frozen=True)
class Needs:
    """What it takes to find a difference of `detect` with probability `power`.

    `pairs`: one row a pair of methods, see `COLUMNS`: the difference and standard deviation (of the
    mean over tasks of one seed each) as in the pilot, its seeds; then seeds and CPU hours of both
    methods on all tasks for this pair alone, and with the p-values of all pairs corrected
    (Bonferroni, the most that Holm asks). NaN: more than can be planned.
    """

    detect: float
    power: float
    level: float
    pairs: pd.DataFrame


def needs(
    found: Incumbents,
    references: Mapping[str, Reference],
    detect: float,
    *,
    power: float = 0.8,
    level: float = 0.05,
    each: bool = False,
) -> Needs:
    """What the pairs of methods need, over each group of tasks with the same methods.

    `each`: task by task instead. Raises ValueError if no pair has two runs of the same seeds.
    """
    normalised = {task: references[task] for task in found.tasks if task in references}
    regrets = final_regrets(found, normalised)
    groups = [[task for task in group if task in regrets] for group in found.groups()]
    units = [[task] for group in groups for task in group] if each else groups
    rows = []
    for tasks in units:
        rows += _of_tasks(found, {task: regrets[task] for task in tasks}, detect, power, level)
    if not rows:
        raise ValueError(
            "there is nothing to plan by: no two methods have 2 runs of the same seeds on a task"
        )
    return Needs(detect, power, level, pd.DataFrame(rows, columns=list(COLUMNS)))


def _of_tasks(
    found: Incumbents,
    regrets: Mapping[str, pd.DataFrame],
    detect: float,
    power: float,
    level: float,
) -> list[Sequence[object]]:
    methods = [name for name in found.methods if all(name in table for table in regrets.values())]
    pairs = list(combinations(methods, 2))
    hours = {name: _hours(found, list(regrets), name) for name in methods}
    rows: list[Sequence[object]] = []
    for one, two in pairs:
        shared = [(table[one] - table[two]).dropna().to_numpy(float) for table in regrets.values()]
        seeds = min(map(len, shared), default=0)
        if seeds < 2:
            continue
        pilot = Pilot.of(shared)
        alone = seeds_needed(pilot, detect, power, level) or np.nan
        all_pairs = seeds_needed(pilot, detect, power, level / len(pairs)) or np.nan
        a_seed = hours[one] + hours[two]
        mean = float(np.mean([some.mean() for some in shared]))
        numbers = (mean, float(np.sqrt(pilot.variance)), seeds)
        spent = (alone, alone * a_seed, all_pairs, all_pairs * a_seed)
        rows.append((", ".join(regrets), one, two, *numbers, *spent))
    return rows


def _hours(found: Incumbents, tasks: Sequence[str], method: str) -> float:
    """CPU hours of one seed of a method on all the tasks, by those that were run."""
    runs = found.runs[found.runs["method"] == method]
    means = runs.groupby("task", observed=True)["cpu_s"].mean()
    return float(sum(means.get(task, np.nan) for task in tasks)) / 3600
