"""Decision overhead: how long methods take to decide, and how that grows in the course of a run."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpobench.arrays import FloatArray, IntArray
from hpobench.results.study.failed_runs import fine, has_failed
from hpobench.results.study.selection import by_pair
from hpobench.results.study.study import Study
from hpobench.results.study.time_axis import SECONDS, WALL_CLOCK, decisions_charged
from hpobench.results.study.timeline import Timeline

COLUMNS = (
    "task",
    "method",
    "decisions",
    "ask_ms",
    "tell_ms",
    "total_s",
    "cpu_s",
    "setup_s",
    "share_of_run",
    "seeds",
    "failed",
)
GROWTH_COLUMNS = ("task", "method", "number", "ms", "low", "high")
BINS = 30


def overhead(study: Study) -> pd.DataFrame:
    """One row per task and method that were run, in the order of the study.

    decisions         number of asks and tells, mean over runs
    ask_ms, tell_ms   mean over all decisions of the kind (NaN: there was none)
    total_s, cpu_s    seconds, and CPU seconds, of all decisions of a run, mean over runs
    setup_s           seconds of the set-up before the first decision, mean over runs
    share_of_run      total / end of the run on a clock that is charged for decisions, mean over
                      runs (NaN: the run took no time, or its clock counts evaluations). If they
                      were not charged, the end is that of the run plus the total
    seeds, failed     runs that went in, runs that failed and were left out

    Decisions were timed on the machine that ran the study, beside its other processes. Raises
    ValueError if they were not stored, or if the study is not on the wall clock. NaN stands for
    what studies of older versions did not measure.
    """
    if study.axis != WALL_CLOCK:
        raise ValueError("overhead is a share of the wall clock: begin with the stored study")
    rows = [_row(part, task, method) for task, method, part in by_pair(study, _by_run(study))]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(runs: pd.DataFrame, task: str, method: str) -> dict[str, object]:
    those = fine(runs)
    sums = those[["asks", "tells", "ask_s", "tell_s"]].sum()
    return {
        "task": task,
        "method": method,
        "decisions": (those["asks"] + those["tells"]).mean(),
        "ask_ms": 1e3 * sums["ask_s"] / sums["asks"] if sums["asks"] else np.nan,
        "tell_ms": 1e3 * sums["tell_s"] / sums["tells"] if sums["tells"] else np.nan,
        "total_s": those["total_s"].mean(),
        "cpu_s": those["decisions_cpu_s"].mean(),
        "setup_s": those["setup_s"].mean(),
        "share_of_run": those["share"].mean(),
        "seeds": len(those),
        "failed": len(runs) - len(those),
    }


def _by_run(study: Study) -> pd.DataFrame:
    """The table of runs with the number and the seconds of their decisions, by kind."""
    run, tell, seconds = _decisions(study)
    count = len(study.runs)
    columns: dict[str, FloatArray | IntArray] = {}
    for kind, mine in (("ask", ~tell), ("tell", tell)):
        columns[f"{kind}s"] = np.bincount(run[mine], minlength=count)
        columns[f"{kind}_s"] = np.bincount(run[mine], weights=seconds[mine], minlength=count)
    columns["decisions_cpu_s"] = _cpu_s(study)
    # Each run has decisions, if they were measured.
    measured = (columns["asks"] + columns["tells"]) > 0
    runs = study.runs.assign(
        **{name: np.where(measured, column, np.nan) for name, column in columns.items()}
    )
    runs["total_s"] = runs["ask_s"] + runs["tell_s"]
    if "setup_s" not in runs:
        runs["setup_s"] = np.nan
    end_s = runs["end_time_s"] + (0.0 if decisions_charged(study.settings) else runs["total_s"])
    clocks = {name: facts.clock for name, facts in study.tasks.items()}
    in_seconds = runs["task"].astype(str).map(clocks) == SECONDS
    return runs.assign(share=runs["total_s"] / end_s.where(in_seconds & (end_s > 0)))


def _cpu_s(study: Study) -> FloatArray:
    """CPU seconds of the decisions of each run (n,)."""
    table, count = study.decisions, len(study.runs)
    if "cpu_s" not in table:
        return np.full(count, np.nan)
    run = Timeline.run_numbers(study, table)
    cpu_s: FloatArray = np.bincount(run, table["cpu_s"].to_numpy(float), count).astype(float)
    return cpu_s


def overhead_growth(study: Study, *, bins: int = BINS) -> pd.DataFrame:
    """Milliseconds of decisions per evaluation over its number in the run, one row a bin.

    The decisions of evaluation n are those after the method was told of n - 1 and up to when it was
    told of n, whichever trials they concerned. Bins are evenly spaced on a log axis: `number` is
    the geometric middle of the numbers in it, `ms` the median over all runs, `low` and `high`
    the quartiles. Failed runs are left out, and so is what follows the last `tell`.
    Raises ValueError if decisions were not stored.
    """
    table = _per_evaluation(study)
    if not len(table):
        return pd.DataFrame(columns=list(GROWTH_COLUMNS))
    edges = np.unique(np.geomspace(1, table["number"].max() + 1, bins + 1).astype(np.int64))
    table["bin"] = np.searchsorted(edges, table["number"], side="right") - 1
    groups = table.groupby(["task", "method", "bin"], observed=True)["ms"]
    rows = groups.quantile(np.array([0.25, 0.5, 0.75])).unstack().reset_index()
    rows = rows.set_axis([*rows.columns[:3], "low", "ms", "high"], axis="columns")
    rows["number"] = np.sqrt(edges[rows["bin"]] * (edges[rows["bin"] + 1] - 1.0))
    return rows[list(GROWTH_COLUMNS)].astype({"task": str, "method": str})


def _per_evaluation(study: Study) -> pd.DataFrame:
    """Per run that did not fail and evaluation: task, method, number (from 1) and ms."""
    run, tell, seconds = _decisions(study)
    # One slot an evaluation, and one a run for what follows the last `tell`.
    slot = np.cumsum(tell) - tell + run
    spent_s = np.bincount(slot, weights=seconds)
    closed = np.bincount(slot, weights=tell) > 0
    whose = np.zeros(len(spent_s), dtype=np.int64)
    whose[slot] = run
    first = np.searchsorted(run, np.arange(len(study.runs)))
    start = np.append(slot, 0)[first]
    number = np.arange(len(spent_s)) - start[whose] + 1
    table = pd.DataFrame({"number": number, "ms": 1e3 * spent_s})
    # Categories in the order of the study, so that groups come out in it.
    for name, order in (("task", study.tasks), ("method", study.methods)):
        names = study.runs[name].astype(str).iloc[whose].to_numpy()
        table[name] = pd.Categorical(names, categories=list(order))
    return table[closed & ~has_failed(study.runs)[whose]].reset_index(drop=True)


def _decisions(study: Study) -> tuple[IntArray, npt.NDArray[np.bool_], FloatArray]:
    """Of all decisions (d,), by run and in order: the run, whether it is a tell, the seconds."""
    table = study.decisions
    if "seconds" not in table:
        raise ValueError("the study was stored without its decisions: their time is unknown")
    if not len(table) and len(study.runs):
        source = study.settings.get("source")
        whose = f"logs of {source} do not hold it" if source else "no run has decided anything"
        raise ValueError(f"the time of decisions was not measured: {whose}")
    run = Timeline.run_numbers(study, table)
    order = np.argsort(run, kind="stable")
    tell = (table["kind"] == "tell").to_numpy()
    return run[order], tell[order], table["seconds"].to_numpy(float)[order]
