"""CPU of our simulator beside that of others, for the same work, in one call, as ratios.

Each library runs as it is, in the environment that `hpobench peers install NAME` makes, on the same
table, with as many trials and workers. What is timed is the run alone, children included, after
one to warm up: imports, the table, and the making of methods, tasks and back ends come before it,
on both sides. A run takes us milliseconds: of several the fastest counts. Nobody writes to disk,
unless the line says "files": then CARP-S keeps its file log, one of its two default loggers, and we
store ten runs in a part, as a study does.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hpobench.identity import RunKey
from hpobench.loop.budget import Budget
from hpobench.loop.randomness import method_rng
from hpobench.loop.recorder import Recorder
from hpobench.loop.simulator import simulate
from hpobench.records import Evaluation, Job, Metric
from hpobench.space.space import Space
from hpobench.storage import parts
from hpobench.storage.arrow import RunRecord
from hpobench.study import build
from hpobench.study.catalogue import read
from hpobench.tasks.table import TableTask
from tests.bench.loop import table
from tests.differential import elsewhere

SIDE = Path(__file__).parent / "peers_side"
REPEATS, PART_RUNS = 15, 10
LEAST_RATIO = 100  # they cost at least so many times as much
# Syne Tune looks for results every 5 simulated seconds, so that long epochs cost it more.
EPOCHS_S = {"1.6 s": 1.0, "100 s": 60.0}
EVALUATIONS = 5000
SYNE_TUNE = (  # environment, method, trials, repeats; ASHA of 0.16 has the stopping form alone
    ("syne_tune", "random", 100, 3),
    ("syne_tune", "asha_stopping", 1000, 1),
    ("syne_tune_0_13", "asha", 1000, 1),
)


def main() -> None:
    """Print the figures."""
    print("CPU time of the run alone: imports and set-up are left out on both sides")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for length, epoch_s in EPOCHS_S.items():
            task = table(epoch_s=epoch_s)
            _write(task, folder / "table.npz")
            for row in SYNE_TUNE:
                against_syne_tune(folder, task, length, *row)
        task = _final_values(table())
        _write(task, folder / "table.npz")
        for files in (False, True):
            against_carps(folder, files, task)
        against_mfhpo(folder)


def against_syne_tune(
    folder: Path,
    task: TableTask,
    length: str,
    environment: str,
    method: str,
    trials: int,
    repeats: int,
) -> None:
    """Runs of ASHA train as they like, there and here: the ratio is that of an epoch."""
    question = {"method": method, "trials": trials, "workers": 4, "repeats": repeats}
    theirs = _theirs(folder, environment, "syne_tune_simulator.py", **question)
    if theirs is None:
        return
    spent, record = _ours(partial(_run, task, method, trials, 4))
    a_trial = spent / trials, theirs["cpu_s"] / theirs["trials"]
    an_epoch = spent / len(record.observations["value"]), theirs["cpu_s"] / theirs["epochs"]
    note = f"{_pair(a_trial)} a trial, {_pair(an_epoch)} an epoch"
    title = f"{environment}, {method}, {trials} trials, epochs of {length}"
    _at_least(title, an_epoch[1] / an_epoch[0], note)


def against_carps(folder: Path, files: bool, task: TableTask, trials: int = 300) -> None:
    """Random search with one worker: more, CARP-S has not."""
    theirs = _theirs(folder, "carps", "carps_random.py", trials=trials, files=files, repeats=3)
    if theirs is None:
        return
    make = partial(_run, task, "random", trials, 1)
    spent = _stored(folder, make) if files else _ours(make)[0]
    pair = spent / trials, theirs["cpu_s"] / trials
    title = f"carps, random, {trials} trials of one epoch{', files' if files else ''}"
    _at_least(title, pair[1] / pair[0], f"{_pair(pair)} a trial")


def _final_values(task: TableTask) -> TableTask:
    """The table with its last epoch alone, at resource 1."""
    curves = _curves(task)
    values, seconds = (curves[name][:, None, -1:] for name in ("values", "seconds"))
    return TableTask(task.space, Metric("error", "error"), values, seconds)


def against_mfhpo(folder: Path) -> None:
    """The loop alone: configurations are listed, and what they give is looked up."""
    rng = np.random.default_rng(0)
    count = EVALUATIONS + 3
    values, seconds = rng.random(count), rng.lognormal(0, 1, count)
    question = {"values": values.tolist(), "seconds": seconds.tolist(), "workers": 4}
    theirs = _theirs(folder, "mfhpo_simulator", "mfhpo_loop.py", **question, repeats=7)
    if theirs is None:
        return
    space = Space({"x": {"type": "ordinal", "values": list(range(count))}})
    task = TableTask(space, Metric("error", "error"), values[:, None, None], seconds[:, None, None])
    pair = _ours(lambda _seed: _listed(task, count))[0] / count, theirs["cpu_s"] / count
    title = f"mfhpo_simulator, its ask-and-tell loop, {count} evaluations"
    _at_least(title, pair[1] / pair[0], f"{_pair(pair)} an evaluation", least=1)


class Listed:
    """Every configuration of a space over `x` in its order; remembers what it is told."""

    def __init__(self, count: int, resource: float) -> None:
        self._jobs = iter([Job(row, {"x": row}, 0, resource) for row in range(count)])
        self.told: list[float] = []

    def ask(self) -> Job | None:
        return next(self._jobs, None)

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        self.told.append(evaluation.value)


def _listed(task: TableTask, count: int) -> Callable[[], RunRecord]:
    method = Listed(count, task.fidelity.r_max)
    return partial(_record, simulate(task, method, budget=Budget(trials=count), seed=0, workers=4))


def _run(
    task: TableTask, name: str, trials: int, workers: int, seed: int
) -> Callable[[], RunRecord]:
    """What a run is to do, with all that it needs."""
    config = {key: value for key, value in read("method", name).items() if key != "about"}
    method = build.build_method(config, task, method_rng(0, "bench", name, seed), workers)
    budget = Budget(trials=trials)
    return partial(_record, simulate(task, method, budget=budget, seed=seed, workers=workers))


def _record(events: Any) -> RunRecord:
    """All columns of a run, in memory."""
    recorder = Recorder()
    recorder.watch(events)
    return RunRecord(
        RunKey("table", "method", 0, "bench"),
        recorder.observations(),
        recorder.trials(),
        recorder.job_columns(),
        recorder.decision_columns(),
        recorder.end_time_s,
        cpu_s=0.0,
    )


def _ours(make: Callable[[int], Callable[[], RunRecord]]) -> tuple[float, RunRecord]:
    """Least CPU seconds of what `make` makes for a seed, and the record of it."""
    times = []
    for _ in range(1 + REPEATS):
        work = make(0)
        begin = _cpu_s()
        record = work()
        times.append(_cpu_s() - begin)
    return min(times[1:]), record


def _stored(folder: Path, make: Callable[[int], Callable[[], RunRecord]]) -> float:
    """Least CPU seconds of a run that is stored in a part with others."""
    times = []
    for _ in range(1 + REPEATS):
        works = [make(seed) for seed in range(PART_RUNS)]
        begin = _cpu_s()
        parts.write_part(folder, [work() for work in works])
        times.append((_cpu_s() - begin) / PART_RUNS)
    return min(times[1:])


def _cpu_s() -> float:
    return time.process_time() + sum(os.times()[2:4])  # of this process and of its children


def _theirs(folder: Path, environment: str, script: str, **question: Any) -> Any:
    """What the other side measured; None, and how to install it, if it is missing."""
    if remedy := elsewhere.missing(environment):
        print(f"{environment:<58} not installed: {remedy}")
        return None
    question["table"] = str(folder / "table.npz")
    return elsewhere.answer(environment, SIDE / script, question, folder)


def _curves(task: TableTask) -> dict[str, Any]:
    """Columns of all configurations of a finite space, and `values` and `seconds` (n, epochs)."""
    rows = [task.space.config_at(index) for index in range(task.space.size or 0)]
    curves = [task.evaluate(Job(0, row, 0, task.fidelity.r_max), 0, None) for row in rows]
    return {
        "values": np.array([curve.values for curve in curves]),
        "seconds": np.array([curve.seconds for curve in curves]),
        **{name: np.array([row[name] for row in rows]) for name in task.space},
    }


def _write(task: TableTask, path: Path) -> None:
    np.savez(path, **_curves(task))


def _pair(seconds: Sequence[float]) -> str:
    ours, theirs = (value * 1e6 for value in seconds)
    return f"{ours:.3g} us against {theirs:.4g} us"


def _at_least(what: str, ratio: float, note: str, least: float = LEAST_RATIO) -> None:
    """One line: how many times our CPU they take, and the least that it should be."""
    verdict = "ok" if ratio >= least else "MISSED"
    print(f"{what:<64} {ratio:7.3g} x ours (bar {least:g})  {verdict:<6}  {note}", flush=True)
