"""Tasks that misbehave, on both clocks, in this process and in workers: they cost themselves only.

Each trial is a function of `tests.misbehaving` under one clock. It holds if its runs ended as they
should, with the reason in words on the terminal; and if the command ended with the right status, in
its folder, and without having printed what the tasks did.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd

from hpobench.results import load
from tests.misbehaving import DEADLY, ODD, WRONG, add_tasks

CLOCKS = {
    "here": ["n_jobs=1"],
    "workers": ["n_jobs=2"],
    "real": ["clock=real", "workers=2", "oversubscribe=true", "job_timeout_s=60"],
}
ROOT = Path(__file__).parents[2]
MOST_PRINTED = 200_000
TRIALS = 6


def attack(folder: Path, scale: float) -> Counter[str]:
    """All functions with all clocks; `scale` is the number of seeds."""
    counts: Counter[str] = Counter()
    add_tasks(folder, *WRONG, *ODD, *DEADLY)
    for clock, settings in CLOCKS.items():
        names = [*WRONG, *ODD, *DEADLY]
        seeds = max(1, round(scale))
        call = [f"task=[{','.join(names)}]", "method=random", f"seeds={seeds}", f"name={clock}"]
        done = _run(folder, [*call, *settings])
        counts += _judge(folder / "runs" / clock, names, done)
    return counts


def _run(folder: Path, settings: list[str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hpobench.cli", "run", "--conf", "conf", "progress=false"]
    search = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [*command, f"budget.trials={TRIALS}", *settings],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": search},
        capture_output=True,
        text=True,
        errors="replace",
    )


def _judge(study: Path, names: list[str], done: "subprocess.CompletedProcess[str]") -> Counter[str]:
    if not (study / "study.json").exists():
        return Counter({f"studies that were not stored: {done.stderr[-200:]!r}": len(names)})
    runs = load(study).runs
    counts = Counter(_fate(name, runs[runs["task"] == name], done.stderr) for name in names)
    counts["wrong exit status" if done.returncode != 1 else "held"] += 1
    flooded = len(done.stdout) + len(done.stderr) > MOST_PRINTED
    counts["floods of the terminal" if flooded else "held"] += 1
    logs = sum(path.stat().st_size for path in (study / "logs").iterdir())
    counts["logs without bounds" if logs > 8 << 20 else "held"] += 1
    return counts


def _fate(name: str, runs: pd.DataFrame, said: str) -> str:
    """What became of a task: held, or what is wrong."""
    if not len(runs):
        return f"lost: {name}"
    if name in ODD:
        fine = (runs["failed_evaluations"] == 0) & (runs["evaluations"] == TRIALS)
        return "held" if fine.all() else f"harmed: {name}"
    if (runs["status"] != "failed").any():
        return f"taken for a success: {name}"
    words = (WRONG | DEADLY)[name]
    told = words in "".join(runs["first_error"] + runs["error"])
    return "held" if told and f"{name} random" in said else f"without its reason: {name}"
