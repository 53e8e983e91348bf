"""Runs of a study with the wall clock running, each on workers of its own."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import numpy as np

from hpobench.arrays import Columns
from hpobench.cluster import clusters, greeting
from hpobench.cluster import slots as places_of
from hpobench.cluster.settings import is_cluster
from hpobench.cluster.slots import Ledger, Slot, here
from hpobench.contracts import Method, Task
from hpobench.loop.events import Event
from hpobench.loop.randomness import objective_seed
from hpobench.real import executor, journal
from hpobench.real.cluster_pool import Another
from hpobench.real.engines import Engine
from hpobench.real.journal import JournalError
from hpobench.real.live import Watch
from hpobench.real.pool import Place, Pool
from hpobench.real.side_by_side import Ended, Line, SideBySide
from hpobench.storage import parts
from hpobench.storage.arrow import RunRecord
from hpobench.study import spread
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
    """Run what is pending; yields a report a stored run.

    One run after the other or, where the engine has slots for more, side by side, each in a process
    of its own. Raises ConfigError, before the first run, if a task cannot be built by all its
    workers. An interrupted run goes on where its journal ends; a journal is removed once its run is
    stored. A run whose journal is damaged or does not fit is left, and the others go on.
    """
    folder = folder.resolve()  # a task may change the working directory
    tasks = {pair.task: pair for pair in (chunk.pair for chunk in pending)}
    most = at_a_time(engine)
    if most == 1 and not is_cluster(engine.settings):
        for pair in tasks.values():
            _try_out(pair, folder, oversubscribe, engine)
        for chunk in pending:
            yield _run_chunk(chunk, folder, oversubscribe, watch, engine)
        return
    widest = max((pair.workers for pair in tasks.values()), default=1)
    libraries = spread.libraries_of(pending)
    with _slots(engine, widest, oversubscribe, folder, libraries) as (ledger, look, near):
        for pair in tasks.values():
            if pair.workers > len(ledger):
                raise ConfigError(
                    f"workers={pair.workers}, but engine={engine.name} has {len(ledger)} slots "
                    f"({near.settings.get('slots', 'cores')}): take fewer workers"
                )
            _try_out(pair, folder, oversubscribe, near, ledger.all[: pair.workers])
        function = partial(_run_apart, folder=folder, oversubscribe=oversubscribe, engine=near)
        runner = SideBySide(function, ledger, lambda chunk: chunk.pair.workers, most, look, watch)
        again: list[Chunk] = []
        for ended in runner.run(pending):
            if ended.died:
                again.append(ended.item)
            else:
                yield _reported(ended)
        for ended in runner.run(again):
            yield _reported(ended)


def at_a_time(engine: Engine) -> int:
    """How many runs the settings allow at a time."""
    usual = sys.maxsize
    if not is_cluster(engine.settings) and engine.settings.get("slots") != "gpus":
        usual = 1
    return int(engine.settings.get("runs") or usual)


def _reported(ended: Ended[Chunk, Report]) -> Report:
    if ended.error is not None:
        raise ended.error
    if ended.answer is None:
        return Report(ended.item, {}, left=(f"the process of the run died twice: {ended.died}",))
    return ended.answer


Look = Callable[[Ledger], None]


@contextmanager
def _slots(
    engine: Engine, workers: int, oversubscribe: bool, folder: Path, libraries: Sequence[str]
) -> Iterator[tuple[Ledger, Look, Engine]]:
    """The slots of an engine, what keeps them up to date, and the engine as others reach it."""
    if not is_cluster(engine.settings):
        import joblib

        cores = joblib.cpu_count()
        found = here(engine.settings, cores)
        if not found:
            raise ConfigError("engine.slots=gpus: this machine has none that can be seen")
        # More workers than cores are allowed on purpose; more jobs than GPUs never are.
        wanted = workers * at_a_time(engine)
        if oversubscribe and engine.settings.get("slots") != "gpus" and wanted > cores:
            found = here(engine.settings, wanted)
        yield Ledger(found), _same, engine
        return
    try:
        with clusters.opened(engine.name, engine.settings) as cluster:
            settings = dict(engine.settings)
            gpus = settings.get("slots") == "gpus"
            cluster.wait_for_workers(workers)
            with greeting.shown(folder) as shown:
                spread.meet(cluster, shown, libraries)

            def look(ledger: Ledger) -> None:
                """Slots come and go with their workers."""
                threads = cluster.threads()
                ledger.keep(threads)
                new = set(threads) - {slot.worker for slot in ledger.all} - unlike
                if new:
                    seen = cluster.everywhere(places_of.look, settings)
                    unlike.update(spread.unlike(cluster, libraries, new))
                    fresh = {address: threads[address] for address in new - unlike}
                    ledger.add(places_of.of_workers(fresh, seen, gpus, ledger.all))

            ledger, unlike = Ledger(()), set[str]()
            look(ledger)
            address = cluster.client.scheduler.address
            near = replace(engine, settings=settings | {"address": address})
            yield ledger, look, near
    except clusters.ClusterError as error:
        raise ConfigError(str(error)) from error


def _same(ledger: Ledger) -> None:
    """The slots of this machine stay."""


def _run_apart(
    chunk: Chunk,
    mine: Sequence[Slot],
    line: Line,
    *,
    folder: Path,
    oversubscribe: bool,
    engine: Engine,
) -> Report:
    """In a process of its own: one run on its slots."""
    return _run_chunk(
        chunk, folder, oversubscribe, line.watch, engine, slots=mine, another=line.another
    )


def _run_chunk(
    chunk: Chunk,
    folder: Path,
    oversubscribe: bool,
    watch: Watch | None,
    engine: Engine,
    **where: Any,
) -> Report:
    """Run and store what is missing of a chunk, if no other call does."""
    with turn(folder, chunk) as mine:
        left = missing(folder, chunk) if mine else None
        errors: dict[int, str] = {}
        unfit: list[str] = []
        for seed in left.seeds if left else ():
            check_code(chunk.pair, on_disk=True)
            try:
                record = run_one(chunk.pair, seed, folder, oversubscribe, watch, engine, **where)
            except JournalError as error:
                unfit.append(str(error))
                continue
            parts.write_part(folder, [record])
            journal.remove(journal.path_of(folder, chunk.pair.key(seed)))
            errors |= {seed: record.failure} if record.failure else {}
    return Report(chunk, errors, not mine, tuple(unfit))


def _try_out(
    pair: Pair, folder: Path, oversubscribe: bool, engine: Engine, mine: Sequence[Slot] = ()
) -> None:
    """Have all workers ready at once: data, devices and memory are there, or it is known now."""
    build = partial(task_of, pair)
    try:
        with engine.open(build, pair.workers, folder, oversubscribe, mine) as pool:
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
    slots: Sequence[Slot] = (),
    another: Another | None = None,
) -> RunRecord:
    """One run of the study in `folder`, on the slots that it is given.

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
        engine.open(build, pair.workers, path.parent, oversubscribe, slots, another) as pool,
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
    return replace(record, cpu_s=record.cpu_s + spent, jobs=_with_places(record, pool))


def _with_places(record: RunRecord, pool: Pool) -> Columns:
    """The columns of the jobs with the slot of each, as far as that is known."""
    places: dict[tuple[int, float], Place] = getattr(pool, "places", {})
    if not places:
        return record.jobs
    unknown = Place("", math.nan, math.nan)
    keys = zip(record.jobs["trial"].tolist(), record.jobs["from_resource"].tolist(), strict=True)
    found = [places.get(key, unknown) for key in keys]
    return record.jobs | {
        "slot": np.array([place.slot for place in found], dtype=object),
        "lost": np.array([place.lost for place in found], dtype=object),
        "begun_unix_s": np.array([place.begun_unix_s for place in found]),
        "ended_unix_s": np.array([place.ended_unix_s for place in found]),
    }
