"""On a worker of a cluster: processes beside it, in which the work is done.

A worker of Dask has threads, which share a Python, a working directory and a standard output, and
it dies with what kills its process. So each piece of work goes to a process of its own, kept for
the next one: its death is a fact that the worker tells of, and only a machine that is lost takes
the worker with it.
"""

import multiprocessing
import multiprocessing.util
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from hpobench.cluster import greeting
from hpobench.cluster.greeting import Code
from hpobench.system import dotted, processes
from hpobench.system.children import begin, capped, with_environment

T = TypeVar("T")

_IDLE_S = 60.0
"""A process for which there is no work so long is ended: its study may have been killed."""
_SILENT_S = 300.0
"""So are those of a run on the wall clock of which nothing was heard so long: a job may be long."""

Key = tuple[Any, ...]


class DiedError(Exception):
    """A process ended before its work was done; how, in words."""


class Beside:
    """One process; `environment` is set in it before anything is imported that may read it."""

    def __init__(self, code: Code, environment: Mapping[str, str]) -> None:
        context = processes.context()
        self._engine = ProcessPoolExecutor(1, mp_context=context, initializer=begin)
        with _allowed_children(), capped(1), with_environment(environment):
            future = self._engine.submit(_find_code, tuple(greeting.unpacked(code)))
        future.result()
        (self._process,) = list(self._engine._processes.values())
        # A worker that ends would wait for it.
        self._at_exit = multiprocessing.util.Finalize(None, self.end, exitpriority=10)

    def submit(self, function: Callable[..., T], *arguments: Any) -> "Future[T]":
        """The answer of a function, to come."""
        return self._engine.submit(function, *arguments)

    def do(self, function: Callable[..., T], *arguments: Any) -> T:
        """The answer of a function; raises DiedError if that ends the process."""
        try:
            return self.submit(function, *arguments).result()
        except BrokenExecutor as broken:
            raise DiedError(self.how_it_died(broken)) from None

    def how_it_died(self, broken: BrokenExecutor) -> str:
        """In words."""
        self._process.join(1.0)
        code = self._process.exitcode
        words = processes.how_they_ended(broken) if code is None else processes.how_it_ended(code)
        self.end()
        return words

    def is_alive(self) -> bool:
        """Whether it can be given work."""
        return bool(self._process.is_alive())

    def end(self) -> None:
        """End it, and what it has started."""
        self._at_exit.cancel()
        if self._process.pid and self._process.is_alive():
            processes.end(self._process.pid)
        self._engine.shutdown(wait=False)


def _find_code(folders: Sequence[Path]) -> None:
    dotted.set_folders(folders)


@contextmanager
def _allowed_children() -> Iterator[None]:
    """Within, a worker may start processes that Dask's nanny has made a daemon, as it usually does.

    Its children end by themselves when it has ended.
    """
    config: dict[str, Any] = multiprocessing.process.current_process()._config  # type: ignore[attr-defined]
    before = config.get("daemon")
    config["daemon"] = False
    try:
        yield
    finally:
        config["daemon"] = before


_making = threading.Lock()


def _one(kind: Callable[[], T]) -> T:
    """What there is one of in a worker, whichever of its threads asks first."""
    with _making:
        found: T = _made(kind)
        return found


@cache
def _made(kind: Callable[[], T]) -> T:
    return kind()


class _Kept:
    """The processes of a worker that wait for work, by what they were made for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._idle: dict[Key, list[tuple[float, Beside]]] = {}
        threading.Thread(target=self._reap, daemon=True).start()

    def take(self, key: Key, code: Code, environment: Mapping[str, str]) -> Beside:
        with self._lock:
            if waiting := self._idle.get(key):
                return waiting.pop()[1]
        with self._starting:  # the environment is the whole process's
            return Beside(code, environment)

    def give_back(self, key: Key, process: Beside) -> None:
        with self._lock:
            self._idle.setdefault(key, []).append((time.monotonic(), process))

    def end_idle(self, since_s: float = 0.0) -> None:
        ended = []
        with self._lock:
            for key, waiting in self._idle.items():
                old = [item for item in waiting if time.monotonic() - item[0] >= since_s]
                ended += [process for _, process in old]
                self._idle[key] = [item for item in waiting if item not in old]
        for process in ended:
            process.end()

    def _reap(self) -> None:
        while True:
            time.sleep(_IDLE_S / 4)
            self.end_idle(_IDLE_S)


def _kept() -> _Kept:
    return _one(_Kept)


@contextmanager
def process(key: Key, code: Code, environment: Mapping[str, str] | None = None) -> Iterator[Beside]:
    """A process for one piece of work: one that was made for the same `key`, if there is one."""
    key, given = (*key, code.digest), dict(environment or {})
    found = _kept().take(key, code, given)
    try:
        yield found
    except BaseException:
        with suppress(Exception):
            found.end()
        raise
    _kept().give_back(key, found)


def end_all() -> None:
    """On a worker: end the processes that wait for work."""
    _kept().end_idle()


class _Slots:
    """The processes of a worker that serve the slots of runs on the wall clock, by run and slot.

    A run says now and then that it is alive; those of one that is not are ended.
    """

    def __init__(self) -> None:
        self._lock, self._starting = threading.Lock(), threading.Lock()
        self._processes: dict[tuple[str, int], Beside] = {}
        self._heard: dict[str, float] = {}
        threading.Thread(target=self._reap, daemon=True).start()

    def of(self, run: str, number: int, code: Code, environment: Mapping[str, str]) -> Beside:
        with self._starting:
            with self._lock:
                self._heard.setdefault(run, time.monotonic())
                found = self._processes.get((run, number))
            if found is not None and found.is_alive():
                return found
            made = Beside(code, environment)
            with self._lock:
                self._processes[run, number] = made
            return made

    def hear(self, run: str) -> None:
        with self._lock:
            self._heard[run] = time.monotonic()

    def end(self, run: str, number: int | None = None) -> None:
        with self._lock:
            keys = [key for key in self._processes if key[0] == run and number in (None, key[1])]
            ended = [self._processes.pop(key) for key in keys]
            if number is None:
                self._heard.pop(run, None)
        for process in ended:
            process.end()

    def _reap(self) -> None:
        while True:
            time.sleep(_IDLE_S / 4)
            with self._lock:
                since = time.monotonic() - _SILENT_S
                silent = [run for run, heard in self._heard.items() if heard < since]
            for run in silent:
                self.end(run)


def _slots() -> _Slots:
    return _one(_Slots)


def of_slot(run: str, number: int, code: Code, environment: Mapping[str, str]) -> Beside:
    """On a worker: the process of a slot of a run, the same one from job to job."""
    return _slots().of(run, number, code, environment)


def hear(run: str) -> None:
    """On a worker: the run is alive; called at least every `HEARD_EVERY_S` seconds."""
    _slots().hear(run)


HEARD_EVERY_S = 10.0


def end_slot(run: str, number: int | None = None) -> None:
    """On a worker: end the process of a slot of a run, or those of all its slots."""
    _slots().end(run, number)
