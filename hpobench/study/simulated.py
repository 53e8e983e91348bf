"""Runs chunks of a study, here or in joblib's workers, each stored as one part."""

import json
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from textwrap import indent
from typing import Any

from hydra.utils import instantiate

from hpobench.contracts import Method, Task
from hpobench.identity import RunKey
from hpobench.real.pool import begin, capped
from hpobench.real.worker import prepare
from hpobench.run import failures, overhead
from hpobench.run.events import Charge, Event
from hpobench.run.hooks import close, set_up
from hpobench.run.randomness import method_rng, objective_seed
from hpobench.run.recorder import Recorder, until_one_succeeds
from hpobench.run.simulator import simulate
from hpobench.storage import parts
from hpobench.storage.arrow import RunRecord
from hpobench.study import isolation, sources
from hpobench.study.compose import ConfigError
from hpobench.study.pairs import Chunk, Config, Pair
from hpobench.study.turns import Report, missing, turn
from hpobench.system import interruption, output, processes, surroundings
from hpobench.system.dotted import with_own_targets
from hpobench.system.names import as_file_name
from hpobench.system.terminal import Notice

FAILING = ".failing"
"""Ending of the notes, one a task, that its first evaluations have failed, and that it was said."""


@lru_cache(maxsize=64)
def _task(config: str) -> Task:
    """Tasks are read once a process: they are immutable, and tables are memory-mapped."""
    task: Task = instantiate(with_own_targets(json.loads(config)), _convert_="all")
    return task


@lru_cache(maxsize=256)
def _method(config: str) -> Callable[..., Method]:
    factory: Callable[..., Method] = instantiate(
        with_own_targets(json.loads(config)), _partial_=True, _convert_="all"
    )
    return factory


def build_task(config: Config) -> Task:
    """The task that a configuration describes."""
    return _task(json.dumps(config))


def build_method(config: Config, task: Task, rng: Any, workers: int) -> Method:
    """The method that a configuration describes, ready for one run on a task."""
    factory = _method(json.dumps(config))
    return factory(space=task.space, fidelity=task.fidelity, rng=rng, workers=workers)


def _planned_task(pair: Pair) -> Task:
    """In another process: the task; raises ConfigError if it is of other code than was planned."""
    task = build_task(pair.task_config)
    if sources.digest(pair.task_config) != pair.task_code:
        raise ConfigError(_changed("task", pair.task))
    return task


def run_one(pair: Pair, seed: int, charge: Charge, log: Path | None = None) -> RunRecord:
    """One run on the simulated clock; `log`: where what it prints is kept.

    A task with code that is not of this package is evaluated in another process.
    """
    if not sources.foreign(pair.task_config):
        return _run_one(pair, seed, charge, log)
    build, whose = partial(_planned_task, pair), f"task {pair.task!r}"
    with isolation.Isolated(build_task(pair.task_config), build, whose) as apart:
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
            seed=objective_seed(pair.study_seed, pair.task, seed),
            workers=pair.workers,
            charge=charge,
            job_timeout_s=pair.job_timeout_s or math.inf,
        )

    with (
        processes.ending(f"task {pair.task!r}"),
        output.kept_in(log, f"== seed {seed}\n"),
        surroundings.restored(),
    ):
        return record_run(pair, seed, events, log.parent if log else None)


def record_run(
    pair: Pair,
    seed: int,
    events: Callable[[Task, Method], Iterator[Event]],
    logs: Path | None = None,
) -> RunRecord:
    """Record a run. An exception ends it, keeps what was known before, and becomes its error.

    Files of our own that fail are not a run's fault: StorageError passes, and nothing is lost. If
    its first evaluations fail that is said at once, once a task; `logs`: where that is noted.
    """
    begin = time.process_time()
    recorder, error, trace, setup_s = Recorder(), "", "", 0.0
    with interruption.noticed(), ExitStack() as stack:
        try:
            task = build_task(pair.task_config)
            rng = method_rng(pair.study_seed, pair.task, pair.method, seed)
            method = build_method(pair.method_config, task, rng, pair.workers)
            stack.callback(_close, method)
            setup_s = set_up(method)
            happening = events(task, method)
            recorder.watch(until_one_succeeds(happening))
            if recorder.only_failed and logs is not None:
                _say(pair, seed, recorder, logs)
            recorder.watch(happening)
            recorder.check()
        except BaseException as exception:
            failures.contain(exception)
            error, trace = failures.last_words(exception), failures.traced(exception)
    return _record(pair.key(seed), recorder, time.process_time() - begin, error, setup_s, trace)


def _say(pair: Pair, seed: int, recorder: Recorder, logs: Path) -> None:
    """Say that the first evaluations of a task failed, unless another run of it has."""
    try:
        logs.mkdir(parents=True, exist_ok=True)
        (logs / f"{as_file_name(pair.task)}{FAILING}").touch(exist_ok=False)
    except FileExistsError:
        return
    except OSError:
        pass  # better twice than never
    count = len(recorder)
    first = f"the first {count} evaluations" if count > 1 else "the first evaluation"
    output.aloud(
        f"\nhpobench: {first} of {pair.task} failed ({pair.method}, seed {seed}), the run goes on; "
        f"the first error:\n{indent(recorder.first_error or 'a value that is not finite', '  ')}"
    )


def _close(method: Method) -> None:
    """Close a method; what it raises then changes nothing of a run that is over."""
    try:
        close(method)
    except BaseException as error:
        failures.contain(error)
        warnings.warn(f"a method did not close: {failures.in_words(error)}", Notice, stacklevel=2)


def _record(
    key: RunKey,
    recorder: Recorder,
    cpu_s: float,
    error: str,
    setup_s: float = 0.0,
    trace: str = "",
) -> RunRecord:
    return RunRecord(
        key=key,
        observations=recorder.observations(),
        trials=recorder.trials(),
        jobs=recorder.job_columns(),
        decisions=recorder.decision_columns(),
        end_time_s=recorder.end_time_s,
        cpu_s=cpu_s,
        setup_s=setup_s,
        error=error,
        first_error=trace or recorder.first_error,
        asked_nothing=recorder.asked_nothing,
    )


def run_chunk(chunk: Chunk, folder: Path) -> Report:
    """Run and store one chunk, if no other call does or has done."""
    with turn(folder, chunk) as mine:
        if not mine:
            return Report(chunk, {}, taken=True)
        left = missing(folder, chunk)
        return Report(chunk, _run(left, folder) if left else {})


def check_code(pair: Pair, on_disk: bool = False) -> None:
    """Raise ConfigError if the code that runs is not what it was when the study was planned.

    `on_disk`: that of the task runs in processes that are yet to begin.
    """
    if not (pair.task_code or pair.method_code):
        return
    with suppress(Exception):  # they are imported; what is wrong with them ends the run
        build_task(pair.task_config)
        _method(json.dumps(pair.method_config))
    for what, name, planned, now in (
        ("task", pair.task, pair.task_code, sources.digest(pair.task_config, on_disk)),
        ("method", pair.method, pair.method_code, sources.digest(pair.method_config)),
    ):
        if planned != now:
            raise ConfigError(_changed(what, name))


def _changed(what: str, name: str) -> str:
    return (
        f"the code of {what} {name!r} was changed while the study ran: what was stored before is "
        "of the code as it was. Call again for a study of the new code: name=OTHER, or --replace"
    )


def _run(chunk: Chunk, folder: Path) -> dict[int, str]:
    check_code(chunk.pair)
    log = output.log_path(folder, chunk.pair.key(0), chunk.seeds)
    records = [run_one(chunk.pair, seed, charge, log) for seed, charge in _charges(chunk)]
    parts.write_part(folder, records)
    return {record.key.seed: record.failure for record in records if record.failure}


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
                if _are_stored(chunk, folder):
                    yield Report(chunk, {})
                else:
                    yield from _run_apart(chunk, folder, backend)


def _parallel(chunks: Sequence[Chunk], folder: Path, n_jobs: int, backend: str) -> Iterator[Report]:
    import joblib

    settings: dict[str, Any] = {}
    if backend == "loky":
        settings = {"inner_max_num_threads": 1, "initializer": begin}
    with joblib.parallel_config(backend=backend, **settings):
        parallel = joblib.Parallel(
            n_jobs=n_jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs"
        )
        jobs = [joblib.delayed(run_chunk)(chunk, folder) for chunk in chunks]
        with capped(1):  # processes start here
            reports = parallel(jobs)
        yield from reports


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
    if _are_stored(chunk, folder):
        yield Report(chunk, {})
    elif len(chunk.seeds) > 1:
        for seed in chunk.seeds:
            yield from _run_apart(replace(chunk, seeds=(seed,)), folder, backend)
    else:
        keys = [chunk.pair.key(seed) for seed in chunk.seeds]
        parts.write_part(folder, [_record(key, Recorder(), 0.0, error) for key in keys])
        yield Report(chunk, dict.fromkeys(chunk.seeds, error))


def _are_stored(chunk: Chunk, folder: Path) -> bool:
    stored = parts.inventory(folder)
    return all(chunk.pair.key(seed) in stored for seed in chunk.seeds)
