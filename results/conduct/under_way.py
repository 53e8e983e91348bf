"""Runs under way: the best that is stored so far, and real runs from their journals.

Journals are read and left alone. One grows while it is read: a last line that is cut short is not
there yet. One that cannot be read (another version, damaged) is passed over: whoever runs the
study will be told.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray
from hpobench.identity import RunKey
from hpobench.loop.recorder import Recorder
from hpobench.real import journal
from hpobench.real.events import Event, Finished, Started
from hpobench.results.anytime.incumbents import Incumbents, incumbents
from hpobench.results.study.failed_runs import fine
from hpobench.results.study.study import Study
from hpobench.storage import layout
from hpobench.storage.schema import KEY, MethodFacts, TaskFacts


@dataclass(frozen=True)
class UnderWay:
    """The state of one run.

    `last_s`: the clock of the run at its last event, `silent_s` seconds ago. `trials` were started,
    `running` are those that a worker has. `time_s`, `value` (k,): the steps of its incumbent, by
    observed value.
    """

    task: str
    method: str
    seed: int
    last_s: float
    silent_s: float
    trials: int
    running: tuple[int, ...]
    time_s: FloatArray
    value: FloatArray

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began; the clock stands still while no job is running."""
        return self.last_s + (self.silent_s if self.running else 0.0)

    @property
    def best(self) -> float:
        """The value of the incumbent; NaN if there is none."""
        return float(self.value[-1]) if len(self.value) else np.nan


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


def any_under_way(folder: Path) -> bool:
    """Whether there are journals of real runs in the folder of a study."""
    return bool(journal.paths(folder))


def under_way(folder: Path, study: Study) -> list[UnderWay]:
    """The runs of the plan that have a journal and are not stored, in the order of the plan."""
    journals = set(journal.paths(folder))
    if not journals:
        return []
    fine_runs = fine(study.runs)
    stored = set(zip(*(fine_runs[name] for name in KEY), strict=True))
    runs = []
    for run in _planned(folder):
        path = journal.path_of(folder, run)
        if path in journals and (run.task, run.method, run.seed) not in stored:
            read = _read(path)
            if read is not None:
                runs.append(_stand(run, *read, study.tasks[run.task]))
    return runs


def _planned(folder: Path) -> Iterator[RunKey]:
    for pair in layout.read_plan(folder)["pairs"]:
        for seed in pair["seeds"]:
            yield RunKey(pair["task"], pair["method"], seed, pair["fingerprint"])


def _read(path: Path) -> tuple[list[Event], float] | None:
    """The events of a journal, and seconds since the last one; None: there is nothing to read."""
    try:
        changed = path.stat().st_mtime
        return journal.read(path), max(time.time() - changed, 0.0)
    except OSError:
        return None


def _stand(run: RunKey, events: list[Event], silent_s: float, facts: TaskFacts) -> UnderWay:
    trials: set[int] = set()
    running: dict[int, int] = {}
    recorder = Recorder()
    for event in events:
        if isinstance(event, Started):
            running[event.worker] = event.job.trial
            trials.add(event.job.trial)
        elif isinstance(event, Finished):
            del running[event.outcome.worker]
            recorder.watch([event.outcome])
    last_s = events[-1].time_s if events else 0.0
    key = (run.task, run.method, run.seed)
    steps = _incumbent(key, recorder, facts)
    return UnderWay(*key, last_s, silent_s, len(trials), tuple(sorted(running.values())), *steps)


def _incumbent(
    key: tuple[str, str, int], recorder: Recorder, facts: TaskFacts
) -> tuple[FloatArray, FloatArray]:
    """The steps of a run's incumbent, chosen as in every run."""
    run: Mapping[str, Any] = dict(zip(KEY, key, strict=True))
    table = pd.DataFrame(dict(recorder.observations())).assign(**run)
    table["status"] = np.where(np.isfinite(table["value"].to_numpy(float)), "ok", "failed")
    runs = pd.DataFrame([{**run, "status": "ok", "end_time_s": recorder.end_time_s}])
    nothing = pd.DataFrame()
    methods = {key[1]: MethodFacts(key[1], key[1])}
    part = Study(table, nothing, nothing, runs, {key[0]: facts}, methods)
    return incumbents(part, view="observed").steps(0)
