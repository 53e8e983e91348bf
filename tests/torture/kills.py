"""Signals to a study and to its workers, at random moments: kill -9, SIGTERM, SIGINT.

Each trial is one signal. It holds if the command ends as it should, soon, without a traceback and
without a process left behind; a worker's end must not end the study. A study is called again and
again until it is whole: then no run is stored twice, and it is what an undisturbed one is, but for
measured seconds. On the real clock that is said of what was tried: when it ended is measured, and a
trial whose worker is killed has failed.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from hpobench.results import load

KILLS = 100
"""On each clock."""
SIMULATED = ("method=[random,evolution]", "seeds=4", "budget.trials=12", "n_jobs=2", "part_runs=1")
REAL = ("method=random", "seeds=2", "budget.trials=12", "clock=real", "workers=2")
MEASURED = ["seconds", "cpu_s", "setup_s"]
SOON_S = 5.0
_PATIENCE_S = 300
_MARK = "HPOBENCH_TORTURE"


def attack(folder: Path, scale: float) -> Counter[str]:
    """The same number on both clocks."""
    task = {
        "_target_": "hpobench.tasks.functions.FunctionTask",
        "function": "tests.leaving.nap",
        "space": {"x": {"type": "float", "low": 0, "high": 1}},
        "cost_s": 1.0,
    }
    conf = folder / "conf" / "task" / "nap.yaml"
    conf.parent.mkdir(parents=True)
    conf.write_text(yaml.safe_dump(task))
    rng, counts = random.Random(), Counter[str]()  # other moments each time
    for clock, settings in (("simulated", SIMULATED), ("real", (*REAL, "oversubscribe=true"))):
        counts += _Victim(folder, clock, settings, rng).counted(max(1, round(KILLS * scale)))
    return counts


class _Victim:
    """Studies of one kind; `took_s`: how long an undisturbed one takes."""

    def __init__(self, folder: Path, clock: str, settings: tuple[str, ...], rng: random.Random):
        self.folder, self.clock, self.settings, self.rng = folder, clock, settings, rng
        began = time.monotonic()
        call = self._call("whole")
        status, said = _end(call)
        if status:
            raise RuntimeError(f"the undisturbed study failed: {said}")
        self.took_s = time.monotonic() - began
        self.whole = _tables(self._place("whole"), _everything)
        self.tried = _tables(self._place("whole"), _what_was_tried)

    def counted(self, kills: int) -> Counter[str]:
        """So many signals, to as many studies as it takes."""
        counts = Counter[str]()
        number = 0
        while sum(counts.values()) < kills:
            number += 1
            counts += self._one_study(f"study{number}", kills - sum(counts.values()))
        return counts

    def _one_study(self, name: str, most: int) -> Counter[str]:
        """Call it, with a signal each time, until a call is left in peace and ends."""
        outcomes: list[str] = []
        worker_died = False
        while True:
            call = self._call(name)
            aim = None
            if len(outcomes) < most:
                aim = self._signal(call)
            status, said = _end(call)
            if aim is None:
                break
            outcomes.append(self._judged(aim, status, said))
            worker_died |= aim[0] == "worker"
        wrong = f"the last call ended with {status}: {said[-200:]}" if status > worker_died else ""
        wrong = wrong or self._difference(name)
        if wrong and outcomes:
            outcomes[-1] = f"{self.clock}: {wrong}"
        return Counter(outcomes)

    def _call(self, name: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "hpobench.cli", "run", "task=nap", *self.settings]
        command += [f"name={name}", "progress=false", f"runs_dir={self.folder / self.clock}"]
        return subprocess.Popen(
            [*command, "--conf", str(self.folder / "conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, _MARK: str(self.folder)},
        )

    def _place(self, name: str) -> Path:
        return self.folder / self.clock / name

    def _signal(self, call: "subprocess.Popen[str]") -> tuple[str, signal.Signals] | None:
        """Wait for a random moment, and signal; None: the study had ended before."""
        until = time.monotonic() + self.rng.uniform(0.1, 1.0) * self.took_s
        whom = self.rng.choice(["parent", "parent", "group", "worker"])
        number = self.rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        while time.monotonic() < until:
            if call.poll() is not None:
                return None
            time.sleep(0.01)
        if whom == "worker":
            if not (workers := _workers(call.pid)):
                return None
            os.kill(self.rng.choice(workers), number)
        elif whom == "group" and number != signal.SIGKILL:
            os.killpg(call.pid, number)
        else:
            call.send_signal(number)
        self.sent_at = time.monotonic()
        return whom, number

    def _judged(self, aim: tuple[str, signal.Signals], status: int, said: str) -> str:
        whom, number = aim
        name = f"{self.clock}, {number.name} to {whom}"
        took_s = time.monotonic() - self.sent_at
        expected = {number.value + 128, -9} if number != signal.SIGKILL else {-9}
        if whom == "worker":
            expected = {0, 1} if self.clock == "real" else {0}
        if status not in (*expected, 0):  # it may have ended just before
            return f"{name}: exit status {status}: {said[-300:]}"
        if "Traceback" in said:
            return f"{name}: a traceback: {said[-300:]}"
        if whom != "worker" and status == number.value + 128 and took_s > SOON_S:
            return f"{name}: ended after {took_s:.1f} s"
        if not _gone(str(self.folder)):
            return f"{name}: processes are left"
        return "held"

    def _difference(self, name: str) -> str:
        parts = (self._place(name) / "parts").glob("[!.]*/runs.parquet")
        keys = [
            tuple(row[column] for column in ("task", "method", "seed"))
            for part in parts
            for row in pq.ParquetFile(part).read().to_pylist()
        ]
        if len(keys) != len(set(keys)):
            return "runs are stored twice"
        if self.clock == "real":
            same = _tables(self._place(name), _what_was_tried) == self.tried
        else:
            same = _tables(self._place(name), _everything) == self.whole
        return "" if same else "it is not what the undisturbed study is"


def _end(call: "subprocess.Popen[str]") -> tuple[int, str]:
    try:
        _, said = call.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        call.kill()
        return 999, "it hung"
    return call.returncode, said


def _everything(study: Any) -> list[str]:
    tables = (study.observations, study.trials, study.jobs, study.decisions, study.runs)
    return [table.drop(columns=MEASURED, errors="ignore").to_csv() for table in tables]


def _what_was_tried(study: Any) -> list[str]:
    trials = study.trials.sort_values(["task", "method", "seed", "trial"])
    return [trials[["task", "method", "seed", "trial", "config"]].to_csv(index=False)]


def _tables(folder: Path, of: Callable[[Any], list[str]]) -> list[str]:
    return of(load(folder))


def _workers(parent: int) -> list[int]:
    """The processes of a study that run jobs."""
    found = []
    for process, words in _marked(""):
        is_child = f"\nPPid:\t{parent}\n" in _text(Path(f"/proc/{process}/status"))
        if is_child and ("popen_loky" in words or "spawn_main" in words):
            found.append(process)
    return found


def _marked(mark: str) -> list[tuple[int, str]]:
    """Processes of this attack that have not ended, with their commands."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if f"{_MARK}={mark}" in _text(folder / "environ"):
            state = _text(folder / "stat").rpartition(")")[2].split()
            if state and state[0] != "Z":
                found.append((int(folder.name), _text(folder / "cmdline")))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _gone(mark: str) -> bool:
    until = time.monotonic() + SOON_S
    while time.monotonic() < until:
        if not _marked(mark):
            return True
        time.sleep(0.05)
    return False
