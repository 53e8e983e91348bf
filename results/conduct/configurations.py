"""Configurations: those of the incumbents, and which hyperparameters of a task matter.

Importance is functional analysis of variance (fANOVA): with regression trees f grown on what was
tried, and all hyperparameters drawn independently and evenly,

    a_j(v)        = E[f | x_j = v]
    importance_j  = Var_v(a_j(v)) / Var(f)

that is the share of the variance that hyperparameter j explains alone. The rest is interactions,
and noise. Marginals of a tree are exact sums over its leaves.

Source: Hutter, Hoos and Leyton-Brown 2014, An Efficient Approach for Assessing Hyperparameter
Importance (ICML), Eq. 4 and Algorithm 2.

Notation: n configurations, d hyperparameters, l leaves.
"""

from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray, IntArray
from hpobench.forest.forest import Forest
from hpobench.forest.growth import Growth, grow
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.views import VIEWS, available_views
from hpobench.results.statistics.bootstrap import generator
from hpobench.results.study.failed_runs import has_failed
from hpobench.results.study.selection import of_task
from hpobench.results.study.study import Study
from hpobench.results.study.timeline import Timeline
from hpobench.storage.schema import KEY, TAKEN, column_of, hyperparameter_of

FEWEST = 20
TREES = 64
MOST_ROWS = 2000
LEAF_ROWS = 3
FACTS = ("method", "seed", "value")
"""Columns of the table of `incumbent_configs` before those of the hyperparameters."""


def hyperparameters(study: Study, task: str) -> list[str]:
    """Columns of the hyperparameters of a task, as far as any trial has them active.

    A column has the name of its hyperparameter, unless that is taken (`schema.column_of`). Raises
    ValueError if the study was stored without its trials.
    """
    trials = of_task(study, task).trials
    if "trial" not in trials:
        raise ValueError("the study was stored without its trials: configurations are unknown")
    names = [name for name in trials.columns if name not in TAKEN]
    return [name for name in names if trials[name].notna().any()]


def incumbent_configs(
    study: Study, task: str, *, view: str | None = None, rule: str | None = None
) -> pd.DataFrame:
    """The incumbent at the end of each run: method, seed, value, then its hyperparameters.

    One that is called like these, or like a column of the trials, is in `schema.column_of`.
    `value` is in the view, as for curves. A hyperparameter that is not active is blank (NaN or
    None). Failed runs, and runs without an incumbent, are left out.
    """
    study = of_task(study, task)
    found = incumbents(study, view=view, rule=rule)
    has = (np.diff(found.starts) > 0) & ~found.failed
    last = found.starts[1:][has] - 1
    rows = study.observations.iloc[found.row[last]][["method", "seed", "trial"]]
    rows = rows.assign(value=found.value[last]).astype({"method": str})
    order = pd.Categorical(rows["method"], categories=list(study.methods))
    rows = rows.iloc[np.lexsort((rows["seed"], order.codes))].reset_index(drop=True)
    return pd.concat([rows[[*FACTS]], _configs(rows, study, task)], axis="columns")


def _configs(rows: pd.DataFrame, study: Study, task: str) -> pd.DataFrame:
    """The hyperparameters of the trials of some rows, in columns that are not called like FACTS."""
    names = hyperparameters(study, task)
    trials, key = study.trials.reset_index(drop=True), ["method", "seed", "trial"]
    places = trials[key].astype({"method": str}).assign(place=trials.index)
    matched = rows[key].astype({"method": str}).merge(places, on=key, how="left", validate="m:1")
    configs = trials[names].reindex(matched["place"].fillna(-1).astype(int)).set_axis(rows.index)
    taken = {*TAKEN, *FACTS}
    return configs.set_axis([column_of(hyperparameter_of(n), taken) for n in names], axis="columns")


def importance(study: Study, task: str, *, trees: int = TREES) -> pd.DataFrame:
    """Importance of each hyperparameter, the highest first: hyperparameter, importance, low, high.

    From all trials at the highest resource that any trial of the task has reached, by their true
    values where there are any, else the observed ones. Each tree is grown on a resample of the runs
    (of the trials, if there is one run only), of which it sees no more than `MOST_ROWS` trials.
    `importance` is the mean over trees; `low` and `high` are the 2.5 % and 97.5 % quantiles over
    them: what one tree says, and so wider than an interval of the mean.

    Each value that was tried, and not being active, counts as one level, all alike: a method that
    came back to a region often does not weigh it more, but levels lie denser there. A
    hyperparameter with one level has importance 0. Raises ValueError with fewer than 20
    configurations, or if all values are the same.
    """
    study = of_task(study, task)
    data = _data(study, task)
    forest = _grown(data, trees, generator(f"importance on {task}"))
    found = np.array([shares(*boxes, data.counts) for boxes in leaves_of(forest, data.counts)])
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    table = pd.DataFrame(
        {"hyperparameter": data.names, "importance": found.mean(axis=0), "low": low, "high": high}
    )
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


@dataclass(frozen=True)
class _Data:
    """Levels (n, d) of hyperparameters, of which column j has `counts[j]`; values and runs (n,).

    Rows of one run follow each other.
    """

    names: list[str]
    levels: IntArray
    counts: IntArray
    values: FloatArray
    run: IntArray


def _data(study: Study, task: str) -> _Data:
    table = study.observations
    column = VIEWS["true" if "true" in available_views(study)[task] else "observed"]
    run = Timeline.run_numbers(study, table)
    fine = ~has_failed(study.runs)[run]
    fine &= (table["status"] == "ok").to_numpy() & np.isfinite(table[column].to_numpy())
    highest = table.loc[fine, "resource"].max()
    fine &= (table["resource"] == highest).to_numpy()
    rows = table.loc[fine, [*KEY, "trial"]].assign(value=table.loc[fine, column], run=run[fine])
    rows = rows.drop_duplicates(["run", "trial"])
    configs = _configs(rows, study, task)
    if _distinct(configs.head(MOST_ROWS)) < FEWEST and (distinct := _distinct(configs)) < FEWEST:
        raise ValueError(
            f"task {task!r} has {distinct} different configurations at resource {highest:g}: "
            f"importance needs {FEWEST}"
        )
    if rows["value"].min() == rows["value"].max():
        raise ValueError(f"all values of task {task!r} are the same: nothing matters")
    rows = rows.sort_values("run", kind="stable")
    columns = [_levels(configs[name].loc[rows.index]) for name in configs]
    return _Data(
        names=[hyperparameter_of(str(name)) for name in configs],
        levels=np.stack([codes for codes, _ in columns], axis=1),
        counts=np.array([count for _, count in columns]),
        values=rows["value"].to_numpy(float),
        run=rows["run"].to_numpy(np.int64),
    )


def _distinct(configs: pd.DataFrame) -> int:
    """The number of different configurations."""
    return len(configs.astype(str).drop_duplicates()) if len(configs.columns) else 0


def _levels(column: "pd.Series[float]") -> tuple[IntArray, int]:
    """Codes (n,) of the values of a hyperparameter, and how many: numbers in their order.

    Not being active is a level of its own, before all others.
    """
    present = column.dropna()
    numeric = pd.api.types.is_numeric_dtype(present.dtype) or all(
        isinstance(value, Number) and not isinstance(value, bool) for value in present
    )
    text_only = isinstance(present.dtype, pd.StringDtype)
    values = present.astype(float) if numeric else present if text_only else texts(present)
    places, known = pd.factorize(values, sort=True)
    blank = int(len(present) < len(column))
    codes = np.zeros(len(column), dtype=np.int64)
    codes[column.notna().to_numpy()] = places + blank
    return codes, len(known) + blank


def texts(values: "pd.Series[Any]") -> "pd.Series[str]":
    """Categories as texts that tell them apart: "True" is in quotes where it is not alone."""
    told = values.map(_text)
    others = set(told[[not isinstance(value, str) for value in values]])
    quoted = [isinstance(value, str) and value in others for value in values]
    return told.where(~np.array(quoted, dtype=bool), values.map(repr))


def _text(value: object) -> str:
    """Whole numbers read alike whether they were stored as integers or not."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _grown(data: _Data, trees: int, rng: np.random.Generator) -> Forest:
    """Trees that are grown on resampled runs. All levels count as numbers."""
    samples = [_resampled(data.run, rng) for _ in range(trees)]
    levels, growth = data.levels.astype(float), Growth(trees, leaf=LEAF_ROWS)
    return grow(levels, data.values, np.zeros_like(data.counts), growth, rng, samples, data.counts)


def _resampled(run: IntArray, rng: np.random.Generator) -> IntArray:
    """Rows of as many runs as there are, drawn with replacement, thinned to `MOST_ROWS`."""
    _, starts, sizes = np.unique(run, return_index=True, return_counts=True)
    if len(starts) == 1:
        rows = rng.integers(len(run), size=len(run))
    else:
        drawn = rng.integers(len(starts), size=len(starts))
        rows = np.concatenate([starts[one] + np.arange(sizes[one]) for one in drawn])
    if len(rows) > MOST_ROWS:
        rows = rng.choice(rows, MOST_ROWS, replace=False)
    return rows.astype(np.int64)


def leaves_of(forest: Forest, counts: IntArray) -> list[tuple[FloatArray, IntArray, IntArray]]:
    """Of each tree, the values (l,) of its leaves and the boxes of levels that they hold.

    Boxes (l, d) are `low <= level < high`.
    """
    size = len(forest.children)
    low, high = np.zeros((size, len(counts)), dtype=np.int64), np.tile(counts, (size, 1))
    tree = np.zeros(size, dtype=np.int64)
    level = forest.roots
    tree[level] = np.arange(len(level))
    while len(level):  # all nodes of one depth at once
        nodes = level[forest.children[level] != level]
        left = forest.children[nodes]
        for side in (left, left + 1):
            low[side], high[side], tree[side] = low[nodes], high[nodes], tree[nodes]
        column = forest.columns[nodes]
        cut = np.floor(forest.thresholds[nodes]).astype(np.int64) + 1
        high[left, column], low[left + 1, column] = cut, cut
        level = np.concatenate([left, left + 1])
    leaves = np.flatnonzero(forest.children == np.arange(size))
    own = [leaves[tree[leaves] == number] for number in range(len(forest.roots))]
    return [(forest.means[each], low[each], high[each]) for each in own]


def shares(values: FloatArray, low: IntArray, high: IntArray, counts: IntArray) -> FloatArray:
    """First-order shares (d,) of the variance of a function that is constant on boxes of levels.

    The boxes (l, d) are disjoint and fill the whole; all levels of a column weigh the same.
    """
    parts = (high - low) / counts
    sizes = parts.prod(axis=1)
    mean = sizes @ values
    total = sizes @ (values - mean) ** 2
    if not total > 0:
        return np.zeros(len(counts))
    explained = np.zeros(len(counts))
    for column in np.flatnonzero(counts > 1):
        # Each leaf adds what it weighs in the other columns, over the levels it holds.
        weights = (values - mean) * sizes / parts[:, column]
        steps = np.zeros(counts[column] + 1)
        np.add.at(steps, low[:, column], weights)
        np.add.at(steps, high[:, column], -weights)
        explained[column] = np.mean(np.cumsum(steps[:-1]) ** 2)
    first_order: FloatArray = explained / total
    return first_order
