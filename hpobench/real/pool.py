"""Where jobs run: what a pool of workers is, and the one with a process for each worker."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple, Protocol, Self, TypeVar

from hpobench.real.worker import BuildTask, Reply, Request, ready, work
from hpobench.system import interruption, processes
from hpobench.system.children import begin, capped, with_environment

T = TypeVar("T")

_LOOK_EVERY_S = 0.5


class Place(NamedTuple):
    """Where a job was: slot, and when by the clock of the driver; slots that were lost under it."""

    slot: str
    begun_unix_s: float
    ended_unix_s: float
    lost: str = ""


class Pool(Protocol):
    """Workers, numbered from 0, each doing one job at a time."""

    workers: int
    own_processes: bool
    """Whether a worker that dies is known to be the one of the job that failed with it."""

    def start(self) -> None:
        """Make all workers ready, the task built, so that the clock of a run can begin."""

    def submit(self, request: Request) -> "Future[Reply]":
        """Give a free worker its job."""

    def drop(self, worker: int, future: "Future[Reply]") -> bool:
        """End a worker's job at once; False: it cannot be ended, and the worker is lost."""

    def recover(self) -> None:
        """Replace an engine that is broken as a whole."""

    def how_it_died(self, worker: int, broken: BrokenExecutor) -> str:
        """How a worker ended whose job `broken` came of, in words."""


class WorkerProcesses:
    """One process a worker, so that one that dies or is killed costs its own job alone.

    `build` gives the task, and is called in each process when it starts; `threads` caps the threads
    of BLAS and torch, `memory_bytes` the memory that a process may take during a job. More workers
    than cores would slow each other down, and make all times wrong: that is an error unless
    `oversubscribe` allows it. `environments`: variables that are set in each process, such as which
    GPU it sees; `names`: of the slots, if `places` is to be kept.
    """

    own_processes = True

    def __init__(
        self,
        build: BuildTask,
        workers: int,
        *,
        threads: int = 1,
        oversubscribe: bool = False,
        memory_bytes: float = math.inf,
        environments: Sequence[Mapping[str, str]] = (),
        names: Sequence[str] = (),
    ) -> None:
        check_cores(workers * threads, oversubscribe)
        self.workers = workers
        self._build, self._threads, self._memory_bytes = build, threads, memory_bytes
        self._environments, self._names = environments or [{}] * workers, names
        self.places: dict[tuple[int, float], Place] = {}
        self._engines: list[ProcessPoolExecutor | None] = [None] * workers
        self._ended: list[ProcessPoolExecutor] = []

    def start(self) -> None:
        """Start the processes that do not run; an exception in building the task is raised here."""
        workers = range(self.workers)
        mine = (ready, self._build, self._memory_bytes)
        for worker, begun in enumerate([self._submit(worker, *mine) for worker in workers]):
            try:
                begun.result()
            except BrokenExecutor:  # killed while it started: by chance, if it is so only once
                interruption.wait_for_signal()
                self._end(worker)
                self._submit(worker, *mine).result()

    def submit(self, request: Request) -> "Future[Reply]":
        mine = (work, self._build, request, self._memory_bytes)
        future = self._submit(request.worker, *mine)
        future.add_done_callback(partial(self._note, request, time.time()))
        future.add_done_callback(partial(self._replace_spent, request.worker))
        return future

    def _note(self, request: Request, begun: float, future: "Future[Reply]") -> None:  # noqa: ARG002
        if self._names:
            key = request.job.trial, float(request.job.from_resource)
            self.places[key] = Place(self._names[request.worker], begun, time.time())

    def _replace_spent(self, worker: int, future: "Future[Reply]") -> None:
        """End the process of a job that has left threads at work: nothing else ends those."""
        if not (future.cancelled() or future.exception()) and future.result().spent:
            self._end(worker)

    def _submit(self, worker: int, function: Callable[..., T], *arguments: Any) -> "Future[T]":
        try:
            return self._engine(worker).submit(function, *arguments)
        except BrokenExecutor:  # it died between two jobs
            self._end(worker)
            return self._engine(worker).submit(function, *arguments)

    def drop(self, worker: int, future: "Future[Reply]") -> bool:  # noqa: ARG002
        """Kill the process; `submit` starts another when there is need."""
        self._end(worker)
        return True

    def recover(self) -> None:
        """Nothing: `submit` replaces what died."""

    def how_it_died(self, worker: int, broken: BrokenExecutor) -> str:
        engine = self._engines[worker]
        for process in list((engine._processes if engine else {}).values()):
            process.join(_LOOK_EVERY_S)
            if process.exitcode is not None:
                return processes.how_it_ended(process.exitcode)
        return processes.how_they_ended(broken)

    def _engine(self, worker: int) -> ProcessPoolExecutor:
        engine = self._engines[worker]
        if engine is None:
            engine = ProcessPoolExecutor(1, mp_context=processes.context(), initializer=begin)
            with capped(self._threads), with_environment(self._environments[worker]):
                engine.submit(ready, self._build)  # a process starts with its first job
            self._engines[worker] = engine
        return engine

    def _end(self, worker: int) -> None:
        engine, self._engines[worker] = self._engines[worker], None
        if engine is None:
            return
        # Public from Python 3.14 on, as kill_workers.
        for process in list((engine._processes or {}).values()):
            if process.pid and process.is_alive():
                processes.end(process.pid)
        self._ended.append(engine)

    def close(self) -> None:
        """End all processes, and wait until they are gone."""
        for worker in range(self.workers):
            self._end(worker)
        while self._ended:
            self._ended.pop().shutdown(wait=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_about: object) -> None:
        self.close()


def check_cores(threads: int, oversubscribe: bool) -> None:
    """Raise ValueError if there are fewer cores than threads that are to work at a time."""
    import joblib

    cores = joblib.cpu_count()
    if threads < 1:
        raise ValueError(f"workers={threads}: a run needs at least one")
    if threads > cores and not oversubscribe:
        raise ValueError(
            f"workers={threads}, but this machine has {cores} cores for them: they would slow each "
            "other down. Take fewer, or set oversubscribe=true"
        )
