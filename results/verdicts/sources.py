"""How much of the spread of regrets is the task's, the method's, and the objective's noise."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray
from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.regret import Reference
from hpobench.results.statistics.variance import Components, components
from hpobench.results.verdicts.final import final_regrets

SOURCES = {
    "task": "the task",
    "method": "the method",
    "task_method": "which method suits which task",
    "noise": "the objective's noise, the same for all methods",
    "method_noise": "how methods meet that noise",
    "own": "the method's own random choices",
    "rest": "how these meet the noise",
}
TOGETHER = "the method's own random choices, and how they meet the noise"
"""Where every run has a seed of its own for both."""


def sources(found: Incumbents, references: Mapping[str, Reference]) -> pd.DataFrame:
    """One row a source, for the average of tasks (if there are several) and for each task.

    Of tasks on which the same methods were run, by the seeds that all methods have. Columns: tasks,
    source (a key of `SOURCES`), words, variance, sd, share (of the sum); `crossed`: whether
    seeds of methods and of the objective were crossed. Raises ValueError if there are fewer than
    two methods or seeds.
    """
    single = replace(found, objective_seeds=1)
    normalised = {task: references[task] for task in found.tasks if task in references}
    arrays = {
        task: _array(table, found.objective_seeds)
        for task, table in final_regrets(single, normalised).items()
    }
    if not arrays or min(min(each.shape[0], each[0].size) for each in arrays.values()) < 2:
        raise ValueError("where spread comes from is known of 2 methods and 2 seeds or more")
    units = [tuple(arrays)] if len(arrays) > 1 else []
    units += [(task,) for task in arrays]
    rows = []
    for tasks in units:
        rows += _rows(tasks, components([arrays[task] for task in tasks]))
    return pd.DataFrame(rows)


def _array(table: pd.DataFrame, objective_seeds: int) -> FloatArray:
    """Regrets (methods, own seeds, objective's seeds), or (methods, 1, seeds) without crossing."""
    whole = table.dropna()
    if objective_seeds < 2:
        return whole.to_numpy(float).T[:, None, :]
    own, _ = np.divmod(whole.index.to_numpy(), objective_seeds)
    complete = [seed for seed in np.unique(own) if (own == seed).sum() == objective_seeds]
    kept = whole[np.isin(own, complete)]
    return kept.to_numpy(float).T.reshape(table.shape[1], len(complete), objective_seeds)


def _rows(tasks: Sequence[str], made: Components) -> list[dict[str, object]]:
    values = {name: value for name, value in made._asdict().items() if name in SOURCES}
    known = {name: value for name, value in values.items() if not np.isnan(value)}
    total = sum(known.values())
    return [
        {
            "tasks": ", ".join(tasks),
            "source": name,
            "words": TOGETHER if name == "rest" and not made.crossed else SOURCES[name],
            "variance": value,
            "sd": float(np.sqrt(value)),
            "share": value / total if total > 0 else np.nan,
            "crossed": made.crossed,
        }
        for name, value in known.items()
    ]


def in_words(rows: pd.DataFrame) -> str:
    """Such as: Of the variance of single runs 60 % is the task, 25 % which method suits which."""
    order = rows.sort_values("share", ascending=False, kind="stable")
    parts = [
        f"{100 * share:.0f} % is {words}"
        for share, words in zip(order["share"], order["words"], strict=True)
        if share >= 0.005
    ]
    if not parts:
        return "All runs have the same regret."
    return f"Of the variance of single runs {', '.join(parts)}."
