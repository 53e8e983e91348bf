"""Chunks of a study on the workers of a cluster, each in a process beside its worker.

A worker that sees the study's folder stores its chunks there; what others make comes back as Arrow
tables, and is stored here. A chunk whose worker is lost runs again elsewhere, by Dask's own rule.
One that ends its process, or two workers, runs again run by run, and a run that does so then is
stored as failed.
"""

import time
import warnings
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from hpobench.cluster import beside, clusters, greeting
from hpobench.cluster.greeting import Code, Folder, Worker
from hpobench.cluster.settings import Settings
from hpobench.storage import arrow, layout, parts
from hpobench.study import simulated
from hpobench.study.overrides import ConfigError
from hpobench.study.pairs import Chunk
from hpobench.study.turns import Report, missing, turn
from hpobench.system import atomic, locks, output
from hpobench.system.dotted import own_folders
from hpobench.system.terminal import Notice

# So many chunks a thread are handed to Dask: enough that none is idle, few enough to lose.
_AHEAD = 3
_FEWEST, _MOST = 32, 2000
_LOOK_S = 2.0
_TAKEN_S, _TAKEN_TIMES = 1.0, 3


class _Made(NamedTuple):
    """The runs of a chunk as tables that travel, errors by seed, and what was printed."""

    tables: Mapping[str, bytes]
    errors: Mapping[int, str]
    log: bytes


class _Answer(NamedTuple):
    """What came of a chunk: a report of what is stored, or runs to be stored.

    `died`: it has ended its process. `strange`: the worker is not as it should be.
    """

    report: Report | None = None
    made: _Made | None = None
    died: str = ""
    strange: str = ""


class _Terms(NamedTuple):
    """What all chunks of a call have in common."""

    folder: Folder
    code: Code
    libraries: tuple[str, ...]
    versions: Mapping[str, str] | None


def run_all(
    pending: Sequence[Chunk], folder: Path, name: str, settings: Settings, workers: list[int]
) -> Iterator[Report]:
    """Run chunks on the cluster that settings describe; yields reports as they are stored.

    `workers` is kept at the number of those that are there. Raises ConfigError, before the first
    run, for a cluster that cannot be had and for workers with other versions than are here.
    """
    folder = folder.resolve()
    code = greeting.packed(own_folders())
    libraries = libraries_of(pending)
    with ExitStack() as stack:
        shown = stack.enter_context(greeting.shown(folder))
        try:
            cluster = stack.enter_context(clusters.opened(name, settings))
            cluster.wait_for_workers()
            versions = None if settings.get("allow_versions") else greeting.versions(libraries)
            met = meet(cluster, shown, libraries)
            terms = _Terms(shown, code, libraries, versions)
            _check_replay(pending, met)
            yield from _Spread(cluster, terms, folder, pending, met, workers).reports()
            cluster.everywhere(beside.end_all)
        except clusters.ClusterError as error:
            raise ConfigError(str(error)) from error


def meet(cluster: clusters.Cluster, folder: Folder, libraries: Sequence[str]) -> dict[str, Worker]:
    """What all workers say of themselves; raises ConfigError if they have other versions.

    With `engine.allow_versions` the differences are said, and stand in the manifest of the call.
    """
    met: dict[str, Worker] = cluster.everywhere(greeting.greet, folder, tuple(libraries))
    different = greeting.differences(greeting.versions(libraries), met)
    if different and not cluster.settings.get("allow_versions"):
        raise ConfigError(
            f"the workers of {cluster.place} have other versions, which may have other results: "
            f"{'; '.join(different)}. Make them equal, or set engine.allow_versions=true"
        )
    if different:
        warnings.warn(f"versions differ: {'; '.join(different)}", Notice, stacklevel=2)
        with locks.locked(folder.path / ".lock"):
            layout.note_versions(folder.path, different)
    return met


def unlike(
    cluster: clusters.Cluster, libraries: Sequence[str], addresses: Collection[str]
) -> set[str]:
    """Those of workers that came later and have other versions, which is said."""
    if cluster.settings.get("allow_versions"):
        return set()
    mine, found = greeting.versions(libraries), set()
    answers = cluster.everywhere(greeting.greet, Folder(Path()), tuple(libraries))
    for address in set(addresses) & set(answers):
        if different := greeting.differences(mine, {address: answers[address]}):
            _say_strange(address, "; ".join(different))
            found.add(address)
    return found


def _say_strange(address: str, why: str) -> None:
    warnings.warn(f"the worker at {address} gets no work: {why}", Notice, stacklevel=3)


def libraries_of(chunks: Sequence[Chunk]) -> tuple[str, ...]:
    """The libraries of methods that are to be the same everywhere."""
    return tuple(sorted({c.pair.library.split()[0] for c in chunks if c.pair.library}))


def _check_replay(pending: Sequence[Chunk], met: Mapping[str, Worker]) -> None:
    if all(worker.shares for worker in met.values()):
        return
    if any(chunk.pair.overhead == "replay" for chunk in pending):
        raise ConfigError(
            "overhead=replay reads the study that is replayed, which the workers of this cluster "
            "do not see: use engine=local, or a folder that all machines share"
        )


@dataclass
class _Work:
    """A chunk that was handed out; `deaths`: how often it has ended its process or worker."""

    chunk: Chunk
    deaths: int = 0
    turn: ExitStack = field(default_factory=ExitStack)


class _Spread:
    """The driver: hands chunks out, a window at a time, and takes in what comes back."""

    def __init__(
        self,
        cluster: clusters.Cluster,
        terms: _Terms,
        folder: Path,
        pending: Sequence[Chunk],
        met: Mapping[str, Worker],
        workers: list[int],
    ) -> None:
        self._cluster, self._terms, self._folder = cluster, terms, folder
        self._waiting = deque(_Work(chunk) for chunk in pending)
        self._shared = all(worker.shares for worker in met.values())
        self._workers, self._slots = workers, 1
        self._out: dict[Any, _Work] = {}
        self._done: SimpleQueue[Any] = SimpleQueue()
        self._looked = -1.0
        # Sent once to each worker, however many chunks there are; and made anew, as scattered data
        # is not, if all that had it are lost.
        self._sent = cluster.client.submit(_itself, terms, pure=False)

    def reports(self) -> Iterator[Report]:
        """Until all chunks are done."""
        try:
            while self._waiting or self._out:
                self._look()
                while self._waiting and len(self._out) < self._window():
                    yield from self._hand_out(self._waiting.popleft())
                if (future := self._next()) is not None and future in self._out:
                    yield from self._take_in(future, self._out.pop(future))
        finally:
            for work in self._out.values():
                work.turn.close()
            if self._out and self._cluster.is_there():
                self._cluster.client.cancel(list(self._out), force=True)

    def _window(self) -> int:
        return min(max(_FEWEST, _AHEAD * self._slots), _MOST)

    def _look(self) -> None:
        """Count the workers, now and then; raises ClusterError if there are none for long."""
        now = time.monotonic()
        if now < self._looked + _LOOK_S:
            return
        self._looked, threads = now, self._cluster.threads()
        if not self._cluster.is_there():
            raise self._cluster.gone()
        threads = threads or self._cluster.wait_for_workers()
        self._workers[0], self._slots = len(threads), sum(threads.values())

    def _hand_out(self, work: _Work) -> Iterator[Report]:
        """Submit a chunk; where workers cannot hold its turn, it is held here."""
        if not self._shared:
            mine = work.turn.enter_context(turn(self._folder, work.chunk))
            left = missing(self._folder, work.chunk) if mine else None
            if left is None:
                work.turn.close()
                yield Report(work.chunk, {}, taken=not mine, workers=self._workers[0])
                return
            work.chunk = left
        future = self._cluster.client.submit(_do, work.chunk, self._sent, self._shared, pure=False)
        self._out[future] = work
        future.add_done_callback(self._done.put)

    def _next(self) -> Any:
        """The next task that has ended, if one does soon."""
        try:
            return self._done.get(timeout=_LOOK_S)
        except Empty:
            return None

    def _take_in(self, future: Any, work: _Work) -> Iterator[Report]:
        with work.turn:
            if future.status == "cancelled":  # as all are whose scheduler is gone
                self._looked = -1.0
                self._waiting.appendleft(_Work(work.chunk, work.deaths))
                return
            answer = self._answer(future)
            if answer.strange:
                self._dismiss(answer.strange)
                self._waiting.append(_Work(work.chunk, work.deaths))
            elif answer.died:
                yield from self._died(work, answer.died)
            elif answer.made is not None:
                yield self._store(work.chunk, answer.made)
            elif answer.report is not None:
                yield answer.report._replace(workers=self._workers[0])

    def _answer(self, future: Any) -> _Answer:
        error = future.exception()
        if error is None:
            answer: _Answer = future.result()
            return answer
        if type(error).__name__ == "KilledWorker":
            return _Answer(died="two workers were lost with it")
        raise error

    def _died(self, work: _Work, how: str) -> Iterator[Report]:
        """A run that has died twice has failed; of several nobody knows which one it was."""
        chunk = work.chunk
        if simulated.are_stored(chunk, self._folder):
            yield Report(chunk, {}, workers=self._workers[0])
        elif len(chunk.seeds) > 1 or not work.deaths:
            alone = [_Work(replace(chunk, seeds=(seed,)), work.deaths + 1) for seed in chunk.seeds]
            self._waiting.extendleft(reversed(alone))
        else:
            error = f"the worker process died: {how}"
            yield simulated.store_failed(chunk, self._folder, error)

    def _store(self, chunk: Chunk, made: _Made) -> Report:
        """Store what has come back from a worker that does not see the folder."""
        with turn(self._folder, chunk) if self._shared else ExitStack() as mine:
            if self._shared and not mine:
                return Report(chunk, {}, taken=True, workers=self._workers[0])
            if self._shared and missing(self._folder, chunk) != chunk:
                return Report(chunk, {}, workers=self._workers[0])
            keys = [chunk.pair.key(seed) for seed in chunk.seeds]
            tables = {name: arrow.from_bytes(content) for name, content in made.tables.items()}
            parts.write_tables(self._folder, keys, tables)
            if made.log:
                log = output.log_path(self._folder, chunk.pair.key(0), chunk.seeds)
                with atomic.ours(log):
                    log.parent.mkdir(exist_ok=True)
                    with log.open("ab") as file:
                        file.write(made.log)
        return Report(chunk, dict(made.errors), workers=self._workers[0])

    def _dismiss(self, words: str) -> None:
        """Send a worker away that came later and is not like the others."""
        address, _, why = words.partition(" ")
        _say_strange(address, why)
        self._cluster.client.retire_workers([address])


def _itself(terms: _Terms) -> _Terms:
    return terms


def _do(chunk: Chunk, terms: _Terms, shared: bool) -> _Answer:
    """On a worker: run a chunk in a process beside it."""
    if terms.versions is not None:
        address = import_module("distributed").get_worker().address
        me = {address: greeting.greet(terms.folder, terms.libraries)}
        if different := greeting.differences(terms.versions, me):
            return _Answer(strange=f"{address} {'; '.join(different)}")
    folder = terms.folder.path if shared and greeting.shares(terms.folder) else None
    try:
        with beside.process((), terms.code) as process:
            return process.do(_run_here, chunk, folder)
    except beside.DiedError as death:
        return _Answer(died=str(death))


def _run_here(chunk: Chunk, folder: Path | None) -> _Answer:
    """In that process: run it, and store it if there is a folder."""
    if folder is None:
        return _Answer(made=_made(chunk))
    for _ in range(_TAKEN_TIMES):
        # The process of a worker that was just lost may have it for a moment.
        report = simulated.run_chunk(chunk, folder)
        if not report.taken:
            break
        time.sleep(_TAKEN_S)
    return _Answer(report)


def _made(chunk: Chunk) -> _Made:
    with TemporaryDirectory(prefix="hpobench-") as folder:
        records = list(simulated.made(chunk, Path(folder)))
        log = output.log_path(Path(folder), chunk.pair.key(0), chunk.seeds)
        printed = log.read_bytes() if log.exists() else b""
    tables = {name: arrow.as_bytes(table) for name, table in arrow.tables(records).items()}
    errors = {record.key.seed: record.failure for record in records if record.failure}
    return _Made(tables, errors, printed)
