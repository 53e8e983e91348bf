"""Feasibility on constrained tasks: how soon and how often configurations meet all constraints.

An observation is feasible if every slack of its task is at least 0; a failed one never is. The
best feasible value over time is the ordinary anytime curve: incumbents are feasible always.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpobench.arrays import FloatArray
from hpobench.results.anytime.comparison import Comparison, drawn, measured, missing
from hpobench.results.anytime.curves import (
    END_SENTENCE,
    POINTS,
    START_SENTENCES,
    begin,
    curves,
    time_grid,
)
from hpobench.results.anytime.incumbents import Incumbents, incumbents
from hpobench.results.statistics.summary import Summary, check, summarise
from hpobench.results.study.failed_runs import has_failed
from hpobench.results.study.selection import by_pair, of_task
from hpobench.results.study.study import Study
from hpobench.results.study.timeline import Timeline
from hpobench.storage.schema import SLACK

COLUMNS = (
    "task",
    "method",
    "feasible_share",
    "runs_with_feasible",
    "first_feasible_s",
    "seeds",
    "failed",
    "clock",
)
QUANTITIES = {
    "runs": (
        "runs with a feasible configuration",
        "Share of runs that know of one that is feasible.",
    ),
    "evaluations": ("feasible evaluations", "Share of the values known so far that are feasible."),
}


def constrained_tasks(study: Study) -> dict[str, list[str]]:
    """Columns of slack, by task with runs and constraints."""
    table = study.observations
    names = [name for name in table.columns if name.startswith(SLACK)]
    by_task = {}
    for task in study.tasks:
        has = table.loc[table["task"] == task, names].notna().any()
        if has.any():
            by_task[task] = [name for name in names if has[name]]
    return by_task


def feasibility(study: Study) -> pd.DataFrame:
    """One row per constrained task and method.

    feasible_share       share of observations that are feasible, mean over runs with any
    runs_with_feasible   how many runs found a feasible configuration
    first_feasible_s     median over all runs of when that became known, runs that found none
                         coming last (NaN: that is half of them or more)
    seeds, failed        how many runs, and how many of them failed: they keep what they found
    clock                what the clock of the task counts, in which times are

    Raises ValueError if no task of the study has constraints.
    """
    tasks = constrained_tasks(study)
    if not tasks:
        raise ValueError("no task of the study has constraints: there is no feasibility to measure")
    runs = _by_run(study, tasks)
    rows = [_row(part, *pair) for *pair, part in by_pair(study, runs) if pair[0] in tasks]
    table = pd.DataFrame(rows, columns=list(COLUMNS[:-1]))
    return table.assign(clock=[study.tasks[str(task)].clock for task in table["task"]])


def _row(runs: pd.DataFrame, task: str, method: str) -> dict[str, object]:
    first_s = runs["first_s"].to_numpy(float)
    return {
        "task": task,
        "method": method,
        "feasible_share": runs["share"].mean(),
        "runs_with_feasible": int(np.isfinite(first_s).sum()),
        "first_feasible_s": _median(first_s),
        "seeds": len(runs),
        "failed": int(has_failed(runs).sum()),
    }


def _median(first_s: FloatArray) -> float:
    """The median of times of which some are infinite; NaN if it is."""
    ordered = np.sort(first_s)
    if not len(ordered) or np.isinf(ordered[len(ordered) // 2]):
        return np.nan
    return float(np.median(ordered))


def _by_run(study: Study, tasks: Mapping[str, list[str]]) -> pd.DataFrame:
    """The table of runs with their `share` of feasible values, and `first_s` (infinite: none)."""
    feasible, constrained = _feasible(study, tasks)
    run = Timeline.run_numbers(study, study.observations)
    total = len(study.runs)
    counts = np.bincount(run[constrained], minlength=total)
    good = np.bincount(run[feasible], minlength=total)
    first_s = np.full(total, np.inf)
    time_s = study.observations["time_s"].to_numpy(float)
    np.minimum.at(first_s, run[feasible], time_s[feasible])
    share = np.where(counts > 0, good / np.maximum(counts, 1), np.nan)
    return study.runs.assign(share=share, first_s=first_s)


def _feasible(
    study: Study, tasks: Mapping[str, list[str]]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Flags of observations (n,): feasible; of a task with constraints."""
    table = study.observations
    ok = ((table["status"] == "ok") & np.isfinite(table["value"])).to_numpy()
    feasible, constrained = np.zeros(len(table), dtype=bool), np.zeros(len(table), dtype=bool)
    for task, slacks in tasks.items():
        mine = (table["task"] == task).to_numpy()
        constrained |= mine
        # What was not measured is not feasible.
        feasible |= mine & ok & (table[slacks].to_numpy() >= 0).all(axis=1)
    return feasible, constrained


def feasibility_curves(
    study: Study,
    task: str,
    *,
    quantity: str = "runs",
    time: str = "log",
    statistic: str = "mean",
    band: str | None = None,
    points: int = POINTS,
) -> Comparison:
    """Shares over time on one task: of runs with a feasible incumbent, or of feasible evaluations.

    Raises ValueError if the task has no constraints.
    """
    if quantity not in QUANTITIES:
        raise ValueError(f"quantity={quantity!r}: use one of {', '.join(QUANTITIES)}")
    study = of_task(study, task)
    slacks = constrained_tasks(study).get(task)
    if not slacks:
        raise ValueError(f"task {task!r} has no constraints: there is no feasibility to measure")
    facts, band = study.tasks[task], check(statistic, band)
    found = _STEPS[quantity](study, task, slacks)
    grid = time_grid(found, task, time, points)
    lines = {
        method: _within_unit(summarise(begin(each, "wait").values, statistic, band, [task]))
        for method, each in curves(found, task, grid).items()
    }
    words, sentence = QUANTITIES[quantity]
    return Comparison(
        title=facts.label,
        label=f"share of {words}",
        quantity=f"share of {words}",
        time=grid,
        lines=drawn(lines),
        notes=(sentence, START_SENTENCES["wait"], END_SENTENCE, *missing(found, lines)),
        **measured(found, [task]),
    )


def _share_of_runs(study: Study, task: str, slacks: list[str]) -> Incumbents:
    """Steps from 0 at the beginning of each run to 1 at its first feasible value."""
    first_s = _by_run(study, {task: slacks})["first_s"].to_numpy(float)
    has = np.isfinite(first_s)
    counts = 1 + has.astype(np.int64)
    starts = np.concatenate(([0], np.cumsum(counts)))
    time_s, value = np.zeros(starts[-1]), np.zeros(starts[-1])
    time_s[starts[1:][has] - 1], value[starts[1:][has] - 1] = first_s[has], 1.0
    return _steps(study, starts, time_s, value)


def _share_of_evaluations(study: Study, task: str, slacks: list[str]) -> Incumbents:
    """Steps of the share of feasible values among all known."""
    feasible, mine = _feasible(study, {task: slacks})
    run = Timeline.run_numbers(study, study.observations)[mine]
    time_s = study.observations["time_s"].to_numpy(float)[mine]
    order = np.lexsort((time_s, run))
    run, good = run[order], pd.Series(feasible[mine][order].astype(float))
    share: FloatArray = (good.groupby(run).cumsum() / (good.groupby(run).cumcount() + 1)).to_numpy()
    starts = np.searchsorted(run, np.arange(len(study.runs) + 1))
    return _steps(study, starts, time_s[order], share)


def _steps(
    study: Study, starts: npt.NDArray[np.int64], time_s: FloatArray, value: FloatArray
) -> Incumbents:
    """Steps of something other than incumbents, in the form that curves are made of.

    The median configuration has none of it: a failed run keeps what it had.
    """
    like = incumbents(study, view="observed")
    row = np.zeros(len(time_s), dtype=np.int64)
    return replace(like, starts=starts, time_s=time_s, value=value, row=row, failed_as="last")


_STEPS: Mapping[str, Callable[[Study, str, list[str]], Incumbents]] = {
    "runs": _share_of_runs,
    "evaluations": _share_of_evaluations,
}


def _within_unit(line: Summary) -> Summary:
    """A band of shares stays within 0 and 1."""
    return replace(line, low=np.clip(line.low, 0, 1), high=np.clip(line.high, 0, 1))
