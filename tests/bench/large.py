"""Large studies: 1,000, 10,000 and 100,000 runs, of which all are stored; many virtual workers.

What a call costs that finds everything done: composing, planning, skipping. As it grew, the study's
parts are as `run` leaves them: merged by pair. Growth is the cost for each run of the largest
study over that of the smallest: at most 1 is no worse than linear.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hpobench.loop.budget import Budget
from hpobench.loop.recorder import Recorder
from hpobench.loop.simulator import simulate
from hpobench.storage import merging, parts
from hpobench.storage.arrow import RunRecord
from hpobench.study import compose
from hpobench.study.build import build_method, build_task
from hpobench.study.one_run import as_record
from hpobench.study.pairs import Chunk
from hpobench.study.study import Study
from hpobench.system import atomic
from tests.bench.measure import show

TASKS = ["branin", "rosenbrock", "hartmann6", "ackley", "curves_stable"]
METHODS = ["random", "sobol", "evolution", "local_search"]
PAIRS = len(TASKS) * len(METHODS)
SIZES = (1_000, 10_000, 100_000)
LOOSE = 10_000
"""Up to so many runs are stored ten a part, and merged; more as merging leaves them."""

AGAIN = """
import resource, sys, time
begin = time.process_time()
from hpobench.study import compose
from hpobench.study.study import Study
study = Study.make(compose.load(sys.argv[1:]))
change = study.change()
pending = study.pending()
assert not pending, len(pending)
for report in study.run():
    raise AssertionError(report)
seconds = time.process_time() - begin
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


def settings(folder: Path, runs: int) -> list[str]:
    """A study of so many runs."""
    return [
        *(f"runs_dir={folder}", f"name=runs{runs}", f"task=[{','.join(TASKS)}]"),
        *(f"method=[{','.join(METHODS)}]", f"seeds={runs // PAIRS}", "budget.trials=20"),
    ]


def fill(folder: Path, runs: int) -> Study:
    """Store the study: one run of each pair is made, and stands for those of all its seeds."""
    study = Study.make(compose.load(settings(folder, runs)))
    # Waiting for the disk costs time, and no CPU.
    atomic.sync = str  # type: ignore[assignment]
    study._write(False, False, False)
    for pair in study.pairs:
        task = build_task(pair.task_config)
        method = build_method(pair.method_config, task, np.random.default_rng(0), pair.workers)
        recorder = Recorder()
        recorder.watch(simulate(task, method, budget=pair.budget, seed=0, workers=pair.workers))
        made = as_record(pair.key(0), recorder, 0.1, "")
        size = 10 if runs <= LOOSE else len(pair.seeds)
        for first in range(0, len(pair.seeds), size):
            seeds = pair.seeds[first : first + size]
            chunk = Chunk(pair, seeds, seeds[0])
            parts.write_part(study.folder, [_of(made, chunk, seed) for seed in chunk.seeds])
    return study


def _of(made: RunRecord, chunk: Chunk, seed: int) -> RunRecord:
    return replace(made, key=chunk.pair.key(seed))


def again(folder: Path, runs: int) -> tuple[float, float]:
    """CPU seconds and GB of a call that finds everything stored."""
    words = [sys.executable, "-c", AGAIN, *settings(folder, runs)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    seconds, memory = map(float, done.stdout.split())
    return seconds, memory


def workers(count: int) -> float:
    """CPU seconds a job with so many virtual workers."""
    pair = Study.make(
        compose.load(["task=branin", "method=random", f"workers={count}", "seeds=1"])
    ).pairs[0]
    task = build_task(pair.task_config)
    method = build_method(pair.method_config, task, np.random.default_rng(0), count)
    jobs = 5 * count
    begin = time.process_time()
    for _ in simulate(task, method, budget=Budget(trials=jobs), seed=0, workers=count):
        pass
    return (time.process_time() - begin) / jobs


def main(sizes: Sequence[int] = SIZES) -> None:
    """Print all figures."""
    figures = {}
    for runs in sizes:
        with tempfile.TemporaryDirectory() as name:
            study = fill(Path(name), runs)
            loose = again(Path(name), runs)
            begin = time.process_time()
            count = merging.compact(study.folder)
            took = time.process_time() - begin
            files = sum(1 for _ in study.folder.rglob("*"))
            figures[runs] = again(Path(name), runs)
            note = f"(before merging {loose[0]:.2f} s; merging {count} parts {took:.1f} s)"
            show(f"{runs:,} runs, all stored: CPU of a call", figures[runs][0], 10, "s", note)
            show(f"{runs:,} runs, all stored: memory", figures[runs][1], 1, "GB")
            show(f"{runs:,} runs: files of the study", files, 20 * PAIRS, "files")
    first, last = min(sizes), max(sizes)
    growth = figures[last][0] / figures[first][0] / (last / first)
    show(f"growth from {first:,} to {last:,} runs, for each run", growth, 1, "")
    costs = {count: min(workers(count) for _ in range(2)) for count in (10, 1_000, 10_000)}
    for count, seconds in costs.items():
        show(f"{count:,} virtual workers: CPU a job", 1e6 * seconds, 1e9, "µs")
    show("growth from 10 to 10,000 workers, for each job", costs[10_000] / costs[10], 2, "")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or SIZES)
    print(f"peak here {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
