"""Overtuning: what is lost because the incumbent is chosen by noisy or optimistic observed values.

    gap                  reported - observed value of the incumbent
    overtuning           reported value of the incumbent - the lowest of all incumbents so far
    relative overtuning  overtuning / (reported value of the first incumbent - that lowest one)

The reported value is the true one where the task has true values, else the test value. At a
relative overtuning of 1 a run is back where its first incumbent was; above, it is worse off. It is
infinite if something was lost and nothing ever gained, and 0 as long as nothing was lost.

Source: Schneider, Bischl and Feurer 2025, Overtuning in Hyperparameter Optimization (PMLR 293).
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray, IntArray
from hpobench.results.anytime.comparison import Comparison, drawn, measured, missing
from hpobench.results.anytime.curves import (
    END_SENTENCE,
    POINTS,
    START_SENTENCES,
    begin_all,
    curves,
    time_grid,
)
from hpobench.results.anytime.incumbents import Incumbents, in_view, incumbents
from hpobench.results.anytime.notes import rule_notes
from hpobench.results.anytime.views import REEVALUATED, available_views, views_by_task
from hpobench.results.statistics.summary import check, summarise
from hpobench.results.study.index import codes
from hpobench.results.study.selection import of_task
from hpobench.results.study.study import Study
from hpobench.storage.schema import KEY

COLUMNS = (
    *KEY,
    "time_s",
    "observed",
    "true",
    "test",
    REEVALUATED,
    "gap",
    "overtuning",
    "relative_overtuning",
)
MEANS = (
    "observed",
    "true",
    "test",
    REEVALUATED,
    "gap",
    "overtuning",
    "reevaluated_gap",
    "share",
)
QUANTITIES = {
    "gap": "The gap is the {reported} value of the incumbent less the value observed.",
    "overtuning": "Overtuning is the {reported} value of the incumbent less the lowest of all "
    "incumbents so far.",
}


def gaps(study: Study, *, rule: str | None = None) -> pd.DataFrame:
    """One row a run at its end, for the tasks with true or test values.

    In the order of the study. `true` and `test` are NaN where the task has none, `reevaluated`
    where no other evaluation of the configuration is stored (see `reevaluation`); all values are
    NaN for a run without an incumbent. Raises ValueError if no task has true or test values.
    """
    reported = {task: view for task, view in reported_views(study).items() if view != "observed"}
    if not reported:
        raise ValueError(
            "no task of the study has true or test values: what an incumbent is worth is unknown"
        )
    found = incumbents(study, view="observed", rule=rule).only(reported)
    values = {"observed": found.value}
    values |= {view: _where_known(found, study, view) for view in ("true", "test", REEVALUATED)}
    values |= _derived(found, in_view(found, study, reported).value)
    ends = _at_end(found, values)
    table = found.runs[list(KEY)].assign(time_s=found.runs["end_time_s"], **ends)
    table = table.astype({"task": str, "method": str})
    method = codes(table["method"], study.methods, "method")
    task = codes(table["task"], study.tasks, "task")
    order = np.lexsort((table["seed"].to_numpy(), method, task))
    return table[list(COLUMNS)].iloc[order].reset_index(drop=True)


def _where_known(found: Incumbents, study: Study, view: str) -> FloatArray:
    """The steps (k,) in a view; NaN on tasks that lack it."""
    stored = available_views(study)
    having = [*found.tasks] if view == REEVALUATED and "config" in study.trials else []
    having += [task for task in found.tasks if view in stored[task]]
    mine = found.runs["task"].isin(having).to_numpy()[_run_of(found)]
    return np.where(mine, in_view(found, study, dict.fromkeys(having, view)).value, np.nan)


def mean_views(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the runs of the table of `gaps`, a row a task and method.

    task, method, observed, true, test, gap, overtuning   means over runs with an incumbent
    reevaluated        mean over the runs whose incumbent has such a value
    reevaluated_gap    mean of re-evaluated - observed over these runs
    share              which share of the runs with an incumbent they are
    seeds              runs with an incumbent
    """
    has = table[table["observed"].notna()]
    has = has.assign(
        reevaluated_gap=has[REEVALUATED] - has["observed"], share=has[REEVALUATED].notna()
    )
    groups = has.groupby(["task", "method"], sort=False)
    means = groups[list(MEANS)].mean()
    return means.assign(seeds=groups.size()).reset_index()


def mean_of_runs(table: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Means by method, over its runs, of a column of the table of `gaps` of one task.

    Columns: centre, and low and high, a standard error away (NaN: a single run). Runs without a
    finite value are left out, and methods without others.
    """
    finite = table[np.isfinite(table[quantity].astype(float))]
    made = {
        method: summarise(rows.to_numpy(float)[:, None], band="sem")
        for method, rows in finite.sort_values("seed").groupby("method", sort=False)[quantity]
    }
    rows = [(each.centre[0], each.low[0], each.high[0]) for each in made.values()]
    return pd.DataFrame(rows, index=list(made), columns=["centre", "low", "high"])


def reported_views(study: Study) -> dict[str, str]:
    """The view by task that says what an incumbent is worth; observed: the task has no other."""
    return views_by_task(study, None)


def overtuning_curves(
    study: Study,
    task: str,
    *,
    quantity: str = "overtuning",
    time: str = "log",
    statistic: str = "mean",
    band: str | None = None,
    rule: str | None = None,
    points: int = POINTS,
) -> Comparison:
    """Overtuning or the gap on one task over time; runs without any incumbent are left out.

    Raises ValueError if the task has neither true nor test values.
    """
    if quantity not in QUANTITIES:
        raise ValueError(f"quantity={quantity!r}: use one of {', '.join(QUANTITIES)}")
    study = of_task(study, task)
    view = reported_views(study)[task]
    if view == "observed":
        raise ValueError(
            f"task {task!r} has neither true nor test values: what its incumbents are worth is "
            "unknown"
        )
    facts, band = study.tasks[task], check(statistic, band)
    found = incumbents(study, view="observed", rule=rule)
    derived = _derived(found, in_view(found, study, {task: view}).value)
    grid = time_grid(found, task, time, points)
    some = curves(_with_incumbents(replace(found, value=derived[quantity])), task, grid)
    lines = {
        method: summarise(each.values, statistic, band, [task])
        for method, each in begin_all(some, "wait").items()
    }
    return Comparison(
        title=facts.label,
        label=f"{quantity}: {facts.value_label}" + (f" ({facts.unit})" if facts.unit else ""),
        quantity=quantity,
        time=grid,
        lines=drawn(lines),
        notes=(
            QUANTITIES[quantity].format(reported=view),
            rule_notes(found, [task])[0],
            START_SENTENCES["wait"],
            *_without(found),
            END_SENTENCE,
            *missing(found, lines),
        ),
        **measured(found, [task]) | {"failed_as": "last"},
    )


def _run_of(found: Incumbents) -> IntArray:
    """The run (k,) of each step."""
    return np.repeat(np.arange(len(found.runs)), np.diff(found.starts))


def _derived(found: Incumbents, reported: FloatArray) -> dict[str, FloatArray]:
    """Gap, overtuning and relative overtuning (k,) at each step, from the reported values (k,)."""
    run = _run_of(found)
    lowest = pd.Series(reported).groupby(run).cummin().to_numpy(np.float64)
    lost = reported - lowest
    gained = reported[found.starts[run]] - lowest
    relative = np.where(lost > 0, np.inf, 0.0)
    np.divide(lost, gained, out=relative, where=gained > 0)
    return {
        "gap": reported - found.value,
        "overtuning": lost,
        "relative_overtuning": np.where(np.isnan(reported), np.nan, relative),
    }


def _at_end(found: Incumbents, values: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """The values (m,) at the last step of each run; NaN for one without any."""
    has = np.diff(found.starts) > 0
    ends = {name: np.full(len(found.runs), np.nan) for name in values}
    for name, steps in values.items():
        ends[name][has] = steps[found.starts[1:][has] - 1]
    return ends


def _with_incumbents(found: Incumbents) -> Incumbents:
    """The runs that have an incumbent; a failed one keeps its last."""
    has = np.diff(found.starts) > 0
    starts = np.append(found.starts[:-1][has], len(found.time_s))
    runs = found.runs[has].reset_index(drop=True)
    return replace(found, runs=runs, starts=starts, failed_as="last")


def _without(found: Incumbents) -> tuple[str, ...]:
    count = int((np.diff(found.starts) == 0).sum())
    return (f"Runs without an incumbent are left out: {count}.",) if count else ()
