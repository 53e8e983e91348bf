"""Runs of a study with the wall clock running: one at a time, each on workers of its own."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from hpobench.contracts import Method, Task
from hpobench.loop.events import Event
from hpobench.loop.randomness import objective_seed
from hpobench.real import executor, journal
from hpobench.real.engines import Engine
from hpobench.real.journal import JournalError
from hpobench.real.live import Watch
from hpobench.storage import parts
from hpobench.storage.arrow import RunRecord
from hpobench.study.build import check_code, task_of
from hpobench.study.one_run import record_run
from hpobench.study.overrides import ConfigError
from hpobench.study.pairs import Chunk, Pair
from hpobench.study.turns import Report, missing, turn
from hpobench.system import atomic, output, processes

PROCESSES = Engine()


def run_all(
    pending: Sequence[Chunk],
    folder: Path,
    oversubscribe: bool,
    watch: Watch | None = None,
    engine: Engine = PROCESSES,
) -> Iterator[Report]:
    """Run what is pending, one run after the other; yields a report a stored run.

    Raises ConfigError, before the first run, if a task cannot be built by all its workers. An
    interrupted run goes on where its journal ends; a journal is removed once its run is stored. A
    run whose journal is damaged or does not fit is left, and the others go on.
    """
    folder = folder.resolve()  # a task may change the working directory
    tasks = {pair.task: pair for pair in (chunk.pair for chunk in pending)}
    for pair in tasks.values():
        _try_out(pair, folder, oversubscribe, engine)
    for chunk in pending:
        with turn(folder, chunk) as mine:
            left = missing(folder, chunk) if mine else None
            errors: dict[int, str] = {}
            unfit: list[str] = []
            for seed in left.seeds if left else ():
                check_code(chunk.pair, on_disk=True)
                try:
                    record = run_one(chunk.pair, seed, folder, oversubscribe, watch, engine)
                except JournalError as error:
                    unfit.append(str(error))
                    continue
                parts.write_part(folder, [record])
                journal.remove(journal.path_of(folder, chunk.pair.key(seed)))
                errors |= {seed: record.failure} if record.failure else {}
        yield Report(chunk, errors, not mine, tuple(unfit))


def _try_out(pair: Pair, folder: Path, oversubscribe: bool, engine: Engine) -> None:
    """Have all workers ready at once: data, devices and memory are there, or it is known now."""
    build = partial(task_of, pair)
    try:
        with engine.open(build, pair.workers, folder, oversubscribe) as pool:
            pool.start()
    except Exception as error:
        raise ConfigError(
            f"task {pair.task!r} cannot start on {pair.workers} workers: {error}"
        ) from error


def run_one(
    pair: Pair,
    seed: int,
    folder: Path,
    oversubscribe: bool = False,
    watch: Watch | None = None,
    engine: Engine = PROCESSES,
) -> RunRecord:
    """One run of the study in `folder`.

    Its CPU seconds count since it was begun or resumed, with those of its workers on this machine.
    """
    before = getrusage(RUSAGE_CHILDREN)
    path = journal.path_of(folder, pair.key(seed))
    log = output.log_path(folder, pair.key(seed), [seed])
    build = partial(task_of, pair)
    with atomic.ours(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with (
        processes.ending(f"task {pair.task!r}"),
        engine.open(build, pair.workers, path.parent, oversubscribe) as pool,
    ):

        def events(task: Task, method: Method) -> Iterator[Event]:
            return executor.execute(
                task,
                method,
                budget=pair.budget,
                seed=objective_seed(pair.study_seed, pair.task, pair.noise_seed(seed)),
                pool=pool,
                journal=path,
                job_timeout_s=pair.job_timeout_s or math.inf,
                watch=watch,
                log=log,
            )

        record = record_run(pair, seed, events, log.parent)
    after = getrusage(RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return replace(record, cpu_s=record.cpu_s + spent)
