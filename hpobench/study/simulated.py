"""Runs chunks of a study, here or in joblib's workers, each stored as one part."""

import math
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hpobench.checking import tasks as checking
from hpobench.contracts import Method, Task
from hpobench.loop import failures, overhead
from hpobench.loop.events import Charge, Event
from hpobench.loop.faults import Faults, Policy
from hpobench.loop.randomness import objective_seed
from hpobench.loop.recorder import Recorder
from hpobench.loop.simulator import simulate
from hpobench.real.worker import prepare
from hpobench.storage import parts
from hpobench.storage.arrow import RunRecord
from hpobench.study import sources
from hpobench.study.build import build_task, check_code, planned_task
from hpobench.study.isolation import isolated
from hpobench.study.one_run import as_record, record_run
from hpobench.study.overrides import ConfigError
from hpobench.study.pairs import Chunk, Pair
from hpobench.study.turns import Report, missing, turn
from hpobench.system import dotted, interruption, output, processes, surroundings
from hpobench.system.children import begin, capped
from hpobench.system.terminal import Notice


def run_one(pair: Pair, seed: int, charge: Charge, log: Path | None = None) -> RunRecord:
    """One run on the simulated clock; `log`: where what it prints is kept.

    A task with code that is not of this package is evaluated in another process.
    """
    if not sources.foreign(pair.task_config):
        return _run_one(pair, seed, charge, log)
    build, whose = partial(planned_task, pair), f"task {pair.task!r}"
    with isolated.Isolated(build_task(pair.task_config), build, whose) as apart:
        record = _run_one(pair, seed, charge, log, apart)
    return replace(record, cpu_s=record.cpu_s + apart.cpu_s)


def _run_one(
    pair: Pair, seed: int, charge: Charge, log: Path | None, apart: Any = None
) -> RunRecord:
    def events(task: Task, method: Method) -> Iterator[Event]:
        task = apart or task
        prepare(task)  # what is missing is no failure of a trial
        return simulate(
            task,
            method,
            budget=pair.budget,
            seed=objective_seed(pair.study_seed, pair.task, pair.noise_seed(seed)),
            workers=pair.workers,
            charge=charge,
            job_timeout_s=pair.job_timeout_s or math.inf,
            faults=Faults.of(pair.faults) if pair.faults else None,
            policy=Policy(**pair.failed_trials),
        )

    with (
        processes.ending(f"task {pair.task!r}"),
        output.kept_in(log, f"== seed {seed}\n"),
        surroundings.restored(),
    ):
        return record_run(pair, seed, events, log.parent if log else None)


_LOOK_S = 20.0
"""A first evaluation that takes longer is not repeated."""
_SAY_AFTER_S = 3.0


def first_look(pair: Pair) -> None:
    """Try the user's own task out on two evaluations; raises ConfigError if it breaks its contract.

    Evaluations that fail are for the runs to tell; so is what they print, and leave running.
    """
    if not pair.task_code or not sources.foreign(pair.task_config):
        return
    build, whose = partial(planned_task, pair), f"task {pair.task!r}"
    words = f"{whose} is tried out first: one or two evaluations (check_first=false: none)"
    saying = threading.Timer(_SAY_AFTER_S, output.aloud, [words])
    saying.daemon = True
    try:
        saying.start()
        with (
            TemporaryDirectory() as unread,
            warnings.catch_warnings(action="ignore", category=Notice),
            processes.ending(whose),
            output.kept_in(Path(unread) / "printed"),
            surroundings.restored(),
            isolated.Isolated(build_task(pair.task_config), build, whose) as apart,
        ):
            prepare(apart)
            faults = checking.light(apart, _LOOK_S).faults
    except failures.ElsewhereError:  # what is missing: the runs say it as well
        return
    finally:
        saying.cancel()
        isolated.renew()
    if faults:
        raise ConfigError(
            f"{whose} does not keep its contract: {faults[0]}. hpobench check task={pair.task} "
            "tries more; check_first=false runs it as it is"
        )


def run_chunk(chunk: Chunk, folder: Path) -> Report:
    """Run and store one chunk, if no other call does or has done."""
    with turn(folder, chunk) as mine:
        if not mine:
            return Report(chunk, {}, taken=True)
        left = missing(folder, chunk)
        return Report(chunk, _run(left, folder) if left else {})


def _run(chunk: Chunk, folder: Path) -> dict[int, str]:
    records: list[RunRecord] = []
    try:
        records.extend(made(chunk, folder))
    except BaseException:
        if interruption.told() and records:  # what is done is not lost
            parts.write_part(folder, records)
        raise
    parts.write_part(folder, records)
    return {record.key.seed: record.failure for record in records if record.failure}


def made(chunk: Chunk, folder: Path) -> Iterator[RunRecord]:
    """The runs of a chunk, one after the other; what they print is kept in a log in `folder`."""
    check_code(chunk.pair)
    log = output.log_path(folder, chunk.pair.key(0), chunk.seeds)
    for seed, charge in _charges(chunk):
        yield run_one(chunk.pair, seed, charge, log)


def _charges(chunk: Chunk) -> Iterator[tuple[int, Charge]]:
    pair = chunk.pair
    if pair.overhead != "replay":
        yield from ((seed, overhead.policy(pair.overhead)) for seed in chunk.seeds)
        return
    selection = parts.select(
        Path(pair.replay_from),
        lambda key: key.fingerprint == pair.replay_fingerprint and key.seed in chunk.seeds,
    )
    frames = [table.to_pandas() for table in parts.read(selection, "decisions")]
    for seed in chunk.seeds:
        rows = [frame[frame["seed"] == seed] for frame in frames if (frame["seed"] == seed).any()]
        seconds = {
            kind: [s for row in rows for s in row.loc[row["kind"] == kind, "seconds"]]
            for kind in ("ask", "tell")
        }
        yield seed, overhead.replay(seconds["ask"], seconds["tell"])


def run_all(
    pending: Sequence[Chunk], folder: Path, n_jobs: int, backend: str = "loky"
) -> Iterator[Report]:
    """Run chunks with joblib; yields reports as chunks are stored, in any order.

    If a worker dies, the chunks that were under way are run again, each in a process of its own,
    and those that die again run by run: a run that dies then is stored as failed. All others go on.
    """
    folder = folder.resolve()  # a task may change the working directory
    if n_jobs == 1:
        for chunk in pending:
            if sources.foreign(chunk.pair.method_config):  # it may end its process
                yield from _run_apart(chunk, folder, backend)
            else:
                yield run_chunk(chunk, folder)
        return
    from concurrent.futures.process import BrokenProcessPool

    waiting = list(pending)
    while waiting:
        try:
            for report in _parallel(waiting, folder, n_jobs, backend):
                waiting.remove(report.chunk)
                yield report
        except BrokenProcessPool:
            interruption.wait_for_signal()
            # Chunks are handed out in order, two a process.
            suspects = waiting[: 2 * (os.cpu_count() or 1 if n_jobs < 0 else n_jobs)]
            for chunk in suspects:
                waiting.remove(chunk)
                if are_stored(chunk, folder):
                    yield Report(chunk, {})
                else:
                    yield from _run_apart(chunk, folder, backend)


def _parallel(chunks: Sequence[Chunk], folder: Path, n_jobs: int, backend: str) -> Iterator[Report]:
    import joblib

    settings: dict[str, Any] = {}
    if backend == "loky":
        # Processes are kept from study to study, as long as code of the user's is looked for in
        # the same folders.
        settings = {"inner_max_num_threads": 1, "initializer": _begin}
        settings["initargs"] = tuple(dotted.own_folders())
    with joblib.parallel_config(backend=backend, **settings):
        parallel = joblib.Parallel(
            n_jobs=n_jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs"
        )
        jobs = [joblib.delayed(run_chunk)(chunk, folder) for chunk in chunks]
        with capped(1):  # processes start here
            reports = parallel(jobs)
        yield from reports


def _begin(*folders: Path) -> None:
    dotted.set_folders(folders)
    begin()


def _run_apart(chunk: Chunk, folder: Path, backend: str) -> Iterator[Report]:
    """Run a chunk that may kill its process."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        # To its end: what is left earlier, joblib kills, and all its processes.
        (report,) = _parallel([chunk], folder, 2, backend)
        yield report
        return
    except BrokenProcessPool as broken:
        interruption.wait_for_signal()
        error = f"the worker process died: {processes.how_they_ended(broken)}"
    if are_stored(chunk, folder):
        yield Report(chunk, {})
    elif len(chunk.seeds) > 1:
        for seed in chunk.seeds:
            yield from _run_apart(replace(chunk, seeds=(seed,)), folder, backend)
    else:
        yield store_failed(chunk, folder, error)


def store_failed(chunk: Chunk, folder: Path, error: str) -> Report:
    """Store runs of which nothing is known but why they failed."""
    keys = [chunk.pair.key(seed) for seed in chunk.seeds]
    parts.write_part(folder, [as_record(key, Recorder(), 0.0, error) for key in keys])
    return Report(chunk, dict.fromkeys(chunk.seeds, error))


def are_stored(chunk: Chunk, folder: Path) -> bool:
    """Whether all runs of a chunk are stored, good or bad."""
    stored = parts.inventory(folder)
    return all(chunk.pair.key(seed) in stored for seed in chunk.seeds)
