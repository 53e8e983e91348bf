"""Real runs that are under way, from their journals, which are read and left alone.

A journal grows while it is read: a last line that is cut short is not there yet. A journal that
cannot be read (another version, damaged) is passed over: whoever runs the study will be told.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray
from hpobench.real.journal import VERSION, Entry, decode, parse
from hpobench.records import Job
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.study.study import Study
from hpobench.run.events import Outcome
from hpobench.run.recorder import Recorder
from hpobench.storage import layout
from hpobench.storage.schema import KEY, MethodFacts, TaskFacts


@dataclass(frozen=True)
class UnderWay:
    """How one run stands.

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


def under_way(folder: Path, study: Study) -> list[UnderWay]:
    """The runs of the plan that have a journal and are not stored, in the order of the plan."""
    journals = {path.name: path for path in (folder / "journal").glob("*.jsonl")}
    fine = study.runs[study.runs["status"] != "failed"] if journals else study.runs
    stored = set(zip(*(fine[name] for name in KEY), strict=True)) if journals else set()
    found = []
    for key, name in _planned(folder) if journals else ():
        if name not in journals or key in stored:
            continue
        read = _read(journals[name])
        if read is not None:
            found.append(_stand(key, *read, study.tasks[key[0]]))
    return found


def _planned(folder: Path) -> Iterator[tuple[tuple[str, str, int], str]]:
    """The key of each planned run, and how its journal is called (see `real_runs`)."""
    for pair in layout.read_plan(folder)["pairs"]:
        task, method = pair["task"], pair["method"]
        for seed in pair["seeds"]:
            yield (task, method, seed), f"{task}.{method}.{seed}.{pair['fingerprint']}.jsonl"


def _read(path: Path) -> tuple[list[Entry], float] | None:
    """The events of a journal, and seconds since the last one; None: there is nothing to read."""
    try:
        content, changed = path.read_bytes(), path.stat().st_mtime
        entries, _ = parse(content)
    except (OSError, ValueError):
        return None
    if not entries or entries[0].get("journal") != VERSION:
        return None
    return entries[1:], max(time.time() - changed, 0.0)


@dataclass(slots=True)
class _Progress:
    """What the events of a journal add up to."""

    jobs: dict[int, Job] = field(default_factory=dict)
    running: dict[int, tuple[Job, float]] = field(default_factory=dict)
    trials: set[int] = field(default_factory=set)
    recorder: Recorder = field(default_factory=Recorder)

    def take(self, entry: Entry) -> None:
        """One event more."""
        if entry["event"] == "ask" and entry["job"] is not None:
            job = Job(*entry["job"])
            self.jobs[job.trial] = job
        elif entry["event"] == "start":
            self.running[entry["worker"]] = (self.jobs[entry["trial"]], entry["time_s"])
            self.trials.add(entry["trial"])
        elif entry["event"] == "outcome":
            job, start_s = self.running.pop(entry["worker"])
            evaluation, end_s = decode(entry["evaluation"]), entry["time_s"]
            outcome = Outcome(job, entry["worker"], start_s, end_s, evaluation, entry["cut"])
            self.recorder.watch([outcome])


def _stand(
    key: tuple[str, str, int], entries: list[Entry], silent_s: float, facts: TaskFacts
) -> UnderWay:
    progress = _Progress()
    for entry in entries:
        progress.take(entry)
    last_s = float(entries[-1]["time_s"]) if entries else 0.0
    time_s, value = _incumbent(key, progress.recorder, facts)
    running = tuple(sorted(job.trial for job, _ in progress.running.values()))
    trials = len(progress.trials)
    return UnderWay(*key, last_s, silent_s, trials, running, time_s, value)


def _incumbent(
    key: tuple[str, str, int], recorder: Recorder, facts: TaskFacts
) -> tuple[FloatArray, FloatArray]:
    """Its steps, chosen as in every run."""
    run: Mapping[str, Any] = dict(zip(KEY, key, strict=True))
    table = pd.DataFrame(dict(recorder.observations())).assign(**run)
    table["status"] = np.where(np.isfinite(table["value"].to_numpy(float)), "ok", "failed")
    runs = pd.DataFrame([{**run, "status": "ok", "end_time_s": recorder.end_time_s}])
    nothing = pd.DataFrame()
    methods = {key[1]: MethodFacts(key[1], key[1])}
    part = Study(table, nothing, nothing, runs, {key[0]: facts}, methods)
    return incumbents(part, view="observed").steps(0)
