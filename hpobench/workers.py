"""Where jobs run: one process a worker, or any engine with the `concurrent.futures` interface."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from hpobench.layout import THREAD_VARIABLES
from hpobench.work import BuildTask, Reply, Request, work

T = TypeVar("T")


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


class WorkerProcesses:
    """One process a worker, so that one that dies or is killed costs its own job alone.

    `build` gives the task, and is called in each process when it starts; `threads` caps the threads
    of BLAS and torch. More workers than cores would slow each other down, and make all times wrong:
    that is an error unless `oversubscribe` allows it.
    """

    own_processes = True

    def __init__(
        self, build: BuildTask, workers: int, *, threads: int = 1, oversubscribe: bool = False
    ) -> None:
        check_cores(workers * threads, oversubscribe)
        self.workers = workers
        self._build, self._threads = build, threads
        self._engines: list[ProcessPoolExecutor | None] = [None] * workers
        self._ended: list[ProcessPoolExecutor] = []

    def start(self) -> None:
        """Start the processes that do not run; an exception in building the task is raised here."""
        workers = range(self.workers)
        for ready in [self._submit(worker, _ready, self._build) for worker in workers]:
            ready.result()

    def submit(self, request: Request) -> "Future[Reply]":
        return self._submit(request.worker, work, self._build, request)

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

    def _engine(self, worker: int) -> ProcessPoolExecutor:
        engine = self._engines[worker]
        if engine is None:
            # Not forked: a copy of a process with threads (BLAS, torch) may hang.
            context = multiprocessing.get_context("spawn")
            engine = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)
            with _capped(self._threads):
                engine.submit(_ready, self._build)  # a process starts with its first job
            self._engines[worker] = engine
        return engine

    def _end(self, worker: int) -> None:
        engine, self._engines[worker] = self._engines[worker], None
        if engine is None:
            return
        # Public from Python 3.14 on, as kill_workers.
        for process in list((engine._processes or {}).values()):
            process.kill()
        self._ended.append(engine)

    def close(self) -> None:
        """End all processes, and wait until they are gone."""
        for worker in range(self.workers):
            self._end(worker)
        while self._ended:
            self._ended.pop().shutdown(wait=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class SharedExecutor:
    """Any engine: `make` gives an `Executor` that serves `workers` jobs at a time.

    A thread pool, loky's reusable executor, `client.get_executor` of Dask. Who dies in such a pool
    cannot be told: the jobs under way are begun again, and one that saw several pools die is given
    up. A running job cannot be ended either: after a time-out its worker is lost to the run. The
    engine must see the files of this machine, and whoever made it ends it.
    """

    own_processes = False

    def __init__(self, make: Callable[[], Executor], build: BuildTask, workers: int) -> None:
        self.workers = workers
        self._make, self._build = make, build
        self._engine = make()

    def start(self) -> None:
        """Have the task built, by as many jobs as there are workers."""
        for ready in [self._engine.submit(_ready, self._build) for _ in range(self.workers)]:
            ready.result()

    def submit(self, request: Request) -> "Future[Reply]":
        return self._engine.submit(work, self._build, request)

    def drop(self, worker: int, future: "Future[Reply]") -> bool:  # noqa: ARG002
        """Only a job that waits can be taken back."""
        return future.cancel()

    def recover(self) -> None:
        self._engine = self._make()


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


@contextmanager
def _capped(threads: int) -> Iterator[None]:
    """The environment for processes to come: BLAS and torch read it once, when imported."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin() -> None:
    """In a new process: leave Ctrl-C to the parent, and end when the parent has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _ready(build: BuildTask) -> None:
    """Build the task; one with a method `prepare` loads there what it needs once a process."""
    getattr(build(), "prepare", lambda: None)()
