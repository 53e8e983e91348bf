"""One run of a study: its learning curves, its rungs and its jobs, ready to be drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray, IntArray
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.study.jobs import idle_share, jobs_of, workers_by_run
from hpobench.results.study.study import Study
from hpobench.results.study.time_axis import charging
from hpobench.storage.schema import MethodFacts, TaskFacts

ROUNDING = 1e-9
"""Of the end of the run: a trial that goes on within it was not paused."""


@dataclass(frozen=True)
class Incumbent:
    """The incumbent's steps (k,) by observed value; `rule` says how it was chosen."""

    time_s: FloatArray
    value: FloatArray
    trial: IntArray
    rule: str


@dataclass(frozen=True)
class Run:
    """The tables of one (task, method, seed), in order of time; columns as in `schema`."""

    task: TaskFacts
    method: MethodFacts
    seed: int
    workers: int
    end_time_s: float
    overhead: str
    observations: pd.DataFrame
    jobs: pd.DataFrame
    incumbent: Incumbent

    def idle(self, until_s: float | None = None) -> float:
        """Idle share of its workers, of all its time or of the time until then."""
        return idle_share(self.jobs, self.workers, until_s or self.end_time_s)


def one_run(study: Study, task: str, method: str, seed: int) -> Run:
    """The run of (task, method, seed). Raises ValueError, naming the choices, if there is none."""
    runs = study.runs
    runs = _only(runs, "task", task, "the study", study.tasks)
    runs = _only(runs, "method", method, f"task {task!r}", study.methods)
    runs = _only(runs, "seed", seed, f"{method!r} on {task!r}", sorted(set(runs["seed"])))
    part = Study(
        observations=_of(study.observations, task, method, seed),
        trials=pd.DataFrame(),
        decisions=pd.DataFrame(),
        runs=runs.reset_index(drop=True),
        tasks={task: study.tasks[task]},
        methods={method: study.methods[method]},
    )
    return Run(
        task=study.tasks[task],
        method=study.methods[method],
        seed=seed,
        workers=_workers(study, runs),
        end_time_s=float(runs["end_time_s"].iloc[0]),
        overhead=charging(study.settings),
        observations=part.observations,
        jobs=_of(jobs_of(study), task, method, seed).sort_values("start_s", ignore_index=True),
        incumbent=_incumbent(part, task),
    )


def _workers(study: Study, runs: pd.DataFrame) -> int:
    """The number of workers of the one run in `runs`."""
    return int(workers_by_run(study)[study.runs.index.get_indexer(runs.index)[0]])


def _only(
    runs: pd.DataFrame, what: str, wanted: object, whose: str, known: Iterable[object]
) -> pd.DataFrame:
    chosen = runs[runs[what] == wanted]
    if len(chosen):
        return chosen
    present = set(runs[what].astype(object))
    choices = [each for each in known if each in present]
    raise ValueError(f"{whose} has no run with {what} {wanted!r}: choose from {_listed(choices)}")


def _listed(choices: Sequence[Any]) -> str:
    numbers = [each for each in choices if not isinstance(each, str)]
    if len(numbers) > 2 and numbers == list(range(int(numbers[0]), int(numbers[-1]) + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, choices)) or "nothing: no run is stored"


def _of(table: pd.DataFrame, task: str, method: str, seed: int) -> pd.DataFrame:
    if not len(table):
        return table
    mine = (table["task"] == task) & (table["method"] == method) & (table["seed"] == seed)
    return table[mine].reset_index(drop=True)


def _incumbent(part: Study, task: str) -> Incumbent:
    found = incumbents(part, view="observed")
    trial = part.observations["trial"].to_numpy(np.int64)[found.row]
    return Incumbent(found.time_s, found.value, trial, found.rules[task])


def learning_curves(run: Run) -> pd.DataFrame:
    """Finite values by trial and time.

    Columns: trial, stretch, time_s, resource, value, train_value (NaN: the task has none), reached.
    `stretch` numbers the parts of a trial's training from 0: a new one begins where a trial is
    resumed after a pause. `reached` is the highest resource at which the trial has a value.
    """
    keep = np.isfinite(run.observations["value"])
    columns = ["trial", "time_s", "resource", "value", "train_value"]
    seen = run.observations[keep].reindex(columns=columns)
    jobs = run.jobs.sort_values(["trial", "start_s"])
    gap_s = jobs["start_s"] - jobs.groupby("trial")["end_s"].shift()
    jobs["paused"] = gap_s > ROUNDING * run.end_time_s
    jobs["stretch"] = jobs.groupby("trial")["paused"].cumsum().astype(np.int64)
    # An observation belongs to the last job of its trial that began before it.
    curves: pd.DataFrame = pd.merge_asof(
        seen.sort_values("time_s", kind="stable"),
        jobs.sort_values("start_s", kind="stable")[["trial", "start_s", "stretch"]],
        left_on="time_s",
        right_on="start_s",
        by="trial",
    ).drop(columns="start_s")
    curves["reached"] = curves.groupby("trial")["resource"].transform("max")
    return curves.sort_values(["trial", "time_s"], kind="stable", ignore_index=True)


def rung_ends(run: Run) -> pd.DataFrame:
    """The ends of whole jobs, in order of time: trial, resource, value, end_s, fate, place.

    fate    complete: at the task's highest resource; promoted: the trial got more later;
            stopped: it did not, be it dropped or still waiting when the run ended
    place   when it ended among those at the same resource: 0 is the first, 1 the last
    """
    last_asked = run.jobs.groupby("trial")["to_resource"].max()
    ends = run.jobs.loc[run.jobs["status"] == "ok", ["trial", "to_resource", "end_s"]]
    ends = ends.rename(columns={"to_resource": "resource"}).sort_values("end_s", kind="stable")
    values = run.observations[["trial", "resource", "value"]]
    values = values.drop_duplicates(["trial", "resource"], keep="first")
    ends = ends.merge(values, on=["trial", "resource"])
    more = ends["trial"].map(last_asked) > ends["resource"]
    complete = ends["resource"] >= run.task.r_max
    ends["fate"] = np.select([complete, more], ["complete", "promoted"], "stopped")
    among = ends.groupby("resource")["end_s"]
    ends["place"] = among.cumcount() / (among.transform("size") - 1).clip(lower=1)
    finished: pd.DataFrame = ends[np.isfinite(ends["value"])]
    return finished.reset_index(drop=True)
