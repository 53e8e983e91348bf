"""Occupancy: how much of the workers' time was spent on jobs, and how much they waited.

Idle share of a run: 1 - busy worker-seconds / (workers x end of the run). A worker is idle while it
waits at a rung barrier, for a decision that is charged, or at the end for the others to finish.
"""

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray
from hpobench.results.study.failed_runs import fine
from hpobench.results.study.selection import by_pair
from hpobench.results.study.study import Study
from hpobench.storage.schema import KEY

FAILURES = ("task", "method", "failed", "share", "time_share", "errors")
MOST_ERRORS = 4
COLUMNS = ("task", "method", "idle", "idle_sem", "jobs", "trials", "seeds", "failed")


def jobs_of(study: Study) -> pd.DataFrame:
    """The table of jobs. Raises ValueError if the study was stored without it."""
    if "worker" not in study.jobs.columns:
        raise ValueError("the study was stored without its jobs: nothing is known of its workers")
    return study.jobs


def workers_of(study: Study) -> int:
    """How many workers each run of the study had. Raises ValueError if it is not one number."""
    if "workers" not in study.settings:
        raise ValueError("the settings of the study do not say how many workers its runs had")
    workers = study.settings["workers"]
    if isinstance(workers, list):
        raise ValueError(f"the runs of the study had {workers[0]} to {workers[-1]} workers")
    return int(workers)


def workers_by_run(study: Study) -> FloatArray:
    """How many workers each run (n,) had: its own number, or that of the study."""
    if "workers" not in study.runs:
        return np.full(len(study.runs), float(workers_of(study)))
    own: FloatArray = study.runs["workers"].to_numpy(float, copy=True)
    if np.isnan(own).any():
        own[np.isnan(own)] = workers_of(study)
    return own


def busy_intervals(jobs: pd.DataFrame) -> pd.DataFrame:
    """Per run and worker, the longest intervals without a pause, in order of time.

    Columns: the key of the run, `worker`, `start_s`, `end_s`, and `jobs`, how many follow one
    another in the interval. Jobs that overlap, as two clocks may make them, count once.
    """
    rows = [*KEY, "worker"]
    ordered = jobs.sort_values([*rows, "start_s", "end_s"], ignore_index=True)
    whose = ordered.groupby(rows, observed=True, sort=False)
    reached = whose["end_s"].cummax()
    before = reached.groupby(whose.ngroup()).shift(fill_value=-np.inf)
    interval = (ordered["start_s"] > before).cumsum()
    merged = ordered.groupby(interval).agg(
        **{name: (name, "first") for name in [*rows, "start_s"]},
        end_s=("end_s", "max"),
        jobs=("end_s", "size"),
    )
    return merged.reset_index(drop=True)


def idle_share(jobs: pd.DataFrame, workers: int, until_s: float) -> float:
    """Idle share of one run, of which these are the jobs, up to a time; NaN if that is 0."""
    if not until_s > 0:
        return np.nan
    busy = busy_intervals(jobs)
    busy_s = (busy["end_s"].clip(upper=until_s) - busy["start_s"].clip(upper=until_s)).sum()
    return float(1 - busy_s / (workers * until_s))


def idle_shares(study: Study) -> pd.DataFrame:
    """The table of runs, with `idle` (NaN: the run took no time) and `jobs`, cut ones included."""
    runs = study.runs.copy()
    key = list(KEY)
    busy = busy_intervals(jobs_of(study)).merge(runs[[*key, "end_time_s"]], on=key)
    end = busy["end_time_s"]
    busy["busy_s"] = busy["end_s"].clip(upper=end) - busy["start_s"].clip(upper=end)
    totals = busy.groupby(key, observed=True)[["busy_s", "jobs"]].sum().reset_index()
    runs = runs.merge(totals, on=key, how="left").fillna({"busy_s": 0.0, "jobs": 0})
    available_s = workers_by_run(study) * runs["end_time_s"].where(runs["end_time_s"] > 0)
    idle = 1 - runs["busy_s"] / available_s
    return runs.assign(idle=idle, jobs=runs["jobs"].astype(np.int64)).drop(columns="busy_s")


def occupancy(study: Study) -> pd.DataFrame:
    """One row per task and method that were run, in the order of the study.

    idle            mean idle share over seeds
    idle_sem        its standard error (NaN: a single seed)
    jobs, trials    mean number of jobs and of trials started
    seeds, failed   runs that went in, runs that failed and were left out
    """
    rows = []
    for task, method, runs in by_pair(study, idle_shares(study)):
        those = fine(runs)
        rows.append(
            {
                "task": task,
                "method": method,
                "idle": those["idle"].mean(),
                "idle_sem": those["idle"].sem(),
                "jobs": those["jobs"].mean(),
                "trials": those["trials"].mean(),
                "seeds": len(those),
                "failed": len(runs) - len(those),
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def failures(study: Study) -> pd.DataFrame:
    """One row per task and method of which jobs failed, in the order of the study.

    failed       how many jobs failed
    share        of all its jobs
    time_share   of the time of all its jobs that those that failed took (NaN: jobs took none)
    errors       what they failed of, most frequent first, with how many did
    """
    rows = []
    for task, method, jobs in by_pair(study, jobs_of(study)):
        failed = jobs["status"] == "failed"
        if not failed.any():
            continue
        took_s = jobs["end_s"] - jobs["start_s"]
        row = {"failed": failed.sum(), "share": failed.mean(), "errors": _kinds(jobs[failed])}
        row["time_share"] = took_s[failed].sum() / took_s.sum() if took_s.sum() > 0 else np.nan
        rows.append({"task": task, "method": method, **row})
    return pd.DataFrame(rows, columns=list(FAILURES))


def _kinds(jobs: pd.DataFrame) -> str:
    """Errors in words; where on its way a fault that was made struck is no matter."""
    lines = jobs["error"].astype(str).str.replace(_WHERE, r"\1", regex=True)
    counts = lines.replace("", "no finite value").value_counts()
    words = [f"{error} ({count:,})" for error, count in counts.head(MOST_ERRORS).items()]
    return ", ".join(words + ["..."] * (len(counts) > MOST_ERRORS))


_WHERE = r"^(InjectedFault: \w+), at .*$"
