"""Calls of one study side by side: other methods, the same ones, with a holder of its lock killed.

Each trial is a study of its own, written by processes of the command line.

- An array: calls with other methods and one name, each with --extend. All pairs are in the plan.
- The same study twice, in parts of one run: every run is stored once, no draft is left.
- A process is killed while it holds the lock of the plan: the next call goes on at once.
- A process is killed while it runs: another call, begun meanwhile, ends with all runs.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from hpobench.storage import layout
from hpobench.storage import parts as store
from tests.studies import write_conf

METHODS = ["random", "sobol", "evolution", "local_search", "asha", "hyperband", "tpe", "grid"]
SEEDS = 4
_PATIENCE_S = 600
_HOLD = """
import sys, time
from pathlib import Path
from hpobench.system import locks
with locks.locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def attack(folder: Path, scale: float) -> Counter[str]:
    """Twice each, and more by `scale`."""
    conf = write_conf(folder / "conf")
    counts: Counter[str] = Counter()
    trials: list[Callable[[Path, Path], str]] = [_array, _twice, _killed_holder, _killed_runner]
    for number in range(max(1, round(2 * scale))):
        for trial in trials:
            runs = folder / f"{trial.__name__}{number}"
            counts[trial(runs, conf) or "held"] += 1
    return counts


def _array(runs: Path, conf: Path) -> str:
    calls = [_call(runs, conf, f"method={name}", "--extend") for name in METHODS]
    codes = [_end(call) for call in calls]
    planned = [(pair["method"], len(pair["seeds"])) for pair in _plan(runs)["pairs"]]
    if sorted(planned) != sorted((name, SEEDS) for name in METHODS):
        return f"array: {len(planned)} of {len(METHODS)} pairs planned"
    return "array: an exit status is not 0" if any(codes) else _whole(runs, len(METHODS) * SEEDS)


def _twice(runs: Path, conf: Path) -> str:
    calls = [_call(runs, conf, "method=[random,evolution]", "part_runs=1") for _ in range(3)]
    codes = [_end(call) for call in calls]
    return "twice: an exit status is not 0" if any(codes) else _whole(runs, 2 * SEEDS)


def _killed_holder(runs: Path, conf: Path) -> str:
    (runs / "study").mkdir(parents=True)
    command = [sys.executable, "-c", _HOLD, str(runs / "study" / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        calls = [_call(runs, conf, f"method={name}", "--extend") for name in METHODS[:2]]
        time.sleep(1)
        holder.kill()
    codes = [_end(call) for call in calls]
    return "killed holder: exit status is not 0" if any(codes) else _whole(runs, 2 * SEEDS)


def _killed_runner(runs: Path, conf: Path) -> str:
    settings = ["method=evolution", "part_runs=1", "budget.trials=3000"]
    first = _call(runs, conf, *settings)
    parts = runs / "study" / "parts"
    while not list(parts.glob(".turn*")) and first.poll() is None:
        time.sleep(0.01)
    second = _call(runs, conf, *settings)
    time.sleep(2)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    return "killed runner: exit status is not 0" if _end(second) else _whole(runs, SEEDS)


def _call(runs: Path, conf: Path, *words: str) -> "subprocess.Popen[bytes]":
    settings = [f"runs_dir={runs}", "name=study", "task=bowl", f"seeds={SEEDS}", "progress=false"]
    command = [sys.executable, "-m", "hpobench.cli", "run", "--conf", str(conf), *settings]
    more = [] if any(word.startswith("budget") for word in words) else ["budget.trials=20"]
    log = (runs.parent / f"{runs.name}.log").open("ab")
    with log:
        return subprocess.Popen(
            [*command, "n_jobs=1", *more, *words], stdout=log, stderr=log, start_new_session=True
        )


def _end(call: "subprocess.Popen[bytes]") -> int:
    return call.wait(_PATIENCE_S)


def _plan(runs: Path) -> layout.Plan:
    plan: layout.Plan = json.loads((runs / "study" / "study.json").read_text())
    return plan


def _whole(runs: Path, expected: int) -> str:
    """What is wrong with the study, in words; empty if every run is there once, and no litter."""
    folder = runs / "study"
    planned = sum(len(pair["seeds"]) for pair in _plan(runs)["pairs"])
    stored = store.inventory(folder)
    if not planned == len(stored) == expected:
        return f"{planned} planned and {len(stored)} stored of {expected} runs"
    parts = list((folder / "parts").iterdir())
    if any(path.name.startswith(".draft") for path in parts):
        return "drafts are left"
    if len({path for _, path in stored.values()}) != len(parts):
        return "runs are stored twice, or locks are left"
    return ""
