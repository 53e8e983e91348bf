"""Whether two studies of the same settings agree: to the bit, in law, or not.

To the bit: of a run all observations, trials and jobs are the same, as they must be of a task that
repeats on the simulated clock. In law: they are not, but the final values of a pair (task, method)
could be of one distribution (Mann-Whitney's test at 1 %, with Holm's correction over pairs).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu

from hpobench.arrays import FloatArray
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.statistics.correction import holm
from hpobench.results.study.failed_runs import has_failed
from hpobench.results.study.study import Study

LEVEL = 0.01
FEWEST = 4
TABLES = ("observations", "trials", "jobs")
How = Literal["bit", "law", "differs", "few"]


@dataclass(frozen=True)
class Agreement:
    """Of one pair how many runs both studies have, and how many of them are the same to the bit.

    `before`, `after`: mean final values; `largest`: the largest difference of two runs of a seed.
    `p_value`: that the final values are of one distribution, corrected (1: the same to the bit).
    `how`: "few" means that there are too few runs to say.
    """

    task: str
    method: str
    runs: int
    same: int
    before: float
    after: float
    largest: float
    p_value: float
    how: How

    def in_words(self) -> str:
        """Such as: phoneme asha: 30 runs agree to the bit."""
        what = f"{self.task} {self.method}: {self.runs} run{'s' * (self.runs != 1)}"
        if self.how == "bit":
            return f"{what} agree{'s' * (self.runs == 1)} to the bit"
        values = f"mean final value {self.before:.6g} then, {self.after:.6g} now"
        exact = f"{self.same} of them to the bit; " if self.same else ""
        if self.how == "law":
            return f"{what} agree in law ({exact}{values}, p = {self.p_value:.2g})"
        if self.how == "few":
            return f"{what} differ{'s' * (self.runs == 1)}, too few to compare in law ({values})"
        return f"{what} DIFFER ({exact}{values}, p = {self.p_value:.2g})"


def agreements(before: Study, after: Study) -> list[Agreement]:
    """The agreement of each pair that both have runs of, in the order of the first study."""
    finals = [_finals(study) for study in (before, after)]
    found = []
    for task, method in dict.fromkeys((task, method) for task, method, _ in finals[0]):
        seeds = sorted(
            seed
            for one, other, seed in finals[0]
            if (one, other) == (task, method) and (task, method, seed) in finals[1]
        )
        if seeds:
            values = [np.array([some[task, method, seed] for seed in seeds]) for some in finals]
            same = sum(_are_equal(before, after, task, method, seed) for seed in seeds)
            found.append(_judged(task, method, same, *values))
    return _corrected(found)


def _finals(study: Study) -> dict[tuple[str, str, int], float]:
    """The last incumbent of each run; infinite where there is none."""
    found = incumbents(study, view="observed")
    runs = found.runs
    values = {}
    for number, key in enumerate(zip(runs["task"], runs["method"], runs["seed"], strict=True)):
        steps = found.steps(number)[1]
        lost = has_failed(runs)[number] or not len(steps)
        values[str(key[0]), str(key[1]), int(key[2])] = np.inf if lost else float(steps[-1])
    return values


def _are_equal(before: Study, after: Study, task: str, method: str, seed: int) -> bool:
    """Whether all that is stored of a run is equal but for measured seconds."""
    return all(
        _of_run(getattr(before, name), task, method, seed).equals(
            _of_run(getattr(after, name), task, method, seed)
        )
        for name in TABLES
    )


def _of_run(table: pd.DataFrame, task: str, method: str, seed: int) -> pd.DataFrame:
    if "task" not in table:  # the study was stored without it
        return table
    rows = table[
        (table["task"] == task) & (table["method"] == method) & (table["seed"] == seed)
    ].astype({"task": str, "method": str})
    rows = rows.dropna(axis="columns", how="all")  # those of other tasks
    texts = [name for name in rows if isinstance(rows[name].dtype, pd.CategoricalDtype)]
    return rows.astype(dict.fromkeys(texts, str)).reset_index(drop=True)


def _judged(task: str, method: str, same: int, before: FloatArray, after: FloatArray) -> Agreement:
    runs = len(before)
    how: How = "bit" if same == runs else "few" if runs < FEWEST else "law"
    p_value = 1.0
    if how == "law" and not np.array_equal(before, after):
        p_value = float(mannwhitneyu(before, after).pvalue)
    with np.errstate(invalid="ignore"):
        largest = float(np.nan_to_num(np.abs(before - after)).max())
    means = float(before.mean()), float(after.mean())
    return Agreement(task, method, runs, same, *means, largest, p_value, how)


def _corrected(found: Sequence[Agreement]) -> list[Agreement]:
    tested = np.array([each.p_value if each.how == "law" else np.nan for each in found])
    made = []
    for each, p_value in zip(found, holm(tested).tolist(), strict=True):
        how: How = "differs" if p_value < LEVEL else each.how
        p_value = each.p_value if math.isnan(p_value) else p_value
        made.append(replace(each, p_value=p_value, how=how))
    return made
