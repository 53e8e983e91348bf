"""Our side: the task that a run has, and the process beside it."""

import atexit
import json
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import reduction
from multiprocessing.connection import Connection, wait
from typing import Any, Self, cast

from hpobench.contracts import ChargesFailures, Task, hook
from hpobench.loop import failures
from hpobench.real.worker import BuildTask
from hpobench.records import Evaluation, EvaluationError, Job
from hpobench.study.isolation.wire import STATUS, Kept, channel_of
from hpobench.study.overrides import ConfigError
from hpobench.system import interruption, output, processes
from hpobench.system.children import capped
from hpobench.system.terminal import Notice

# What every fork will need is loaded before.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "import hpobench.tasks.functions; import hpobench.study.simulated; "
    "from hpobench.study.isolation.host import serve; serve(*map(int, sys.argv[2:]))"
)
_PATIENCE_S = 5.0


class _DeathError(Exception):
    """The process ended before it replied; how, in words."""


class _Process:
    """A process that waits to be forked, its fork, and the sockets to both.

    Forking it takes a hundredth of the time that starting another Python takes. It has loaded what
    every task needs, and runs nothing of the user's.
    """

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._made_by, self._path = os.getpid(), list(sys.path)
        words = [json.dumps(self._path), str(theirs.fileno()), str(os.getpid())]
        with theirs, capped(1):
            self._template = subprocess.Popen(
                [sys.executable, "-c", _START, *words], pass_fds=[theirs.fileno()]
            )
        processes.spare(self._template.pid)
        self._connection: Connection | None = None

    def begin(self, *about: Any) -> None:
        """Begin a run, in a new fork if there is none."""
        if self._connection is None:
            ours, theirs = socket.socketpair()
            with theirs:
                reduction.sendfds(self._control, [theirs.fileno()])
            self._connection = Connection(ours.detach())
        self.ask("begin", *about, descriptors=output.descriptors())

    def ask(self, verb: str, *about: Any, descriptors: Sequence[int] = ()) -> Any:
        """The answer, and CPU seconds; _DeathError: the fork ended. What was raised is raised."""
        question, connection = pickle.dumps((verb, about)), self._connection
        assert connection is not None
        try:
            connection.send_bytes(question)
            if descriptors:
                with channel_of(connection) as channel:
                    reduction.sendfds(channel, list(descriptors))
            # What a dead one has started may hold its socket open.
            if connection not in wait([connection, self._control]) and not connection.poll():
                raise EOFError
            reply = connection.recv_bytes()
        except (EOFError, OSError):
            raise _DeathError(self._last_words()) from None
        except BaseException:  # the reply would be taken for that to the next question
            self.end()
            raise
        raised, answer = pickle.loads(reply)
        if raised:
            raise answer
        return answer

    def _last_words(self) -> str:
        """How the fork has ended."""
        self._control.settimeout(_PATIENCE_S)
        status = b""
        with suppress(OSError):
            status = self._control.recv(STATUS.size)
            self._control.settimeout(None)
        self._close()
        if status:
            (number,) = STATUS.unpack(status)
            if number < 0:
                interruption.wait_for_signal()
            return processes.how_it_ended(number)
        self.end()
        return "the process was ended, or closed the connection to this one"

    def renew(self) -> None:
        """End the fork, with all that it has loaded; the next run has another."""
        if self._connection is not None:
            self._close()
            self._control.settimeout(_PATIENCE_S)
            try:
                self._control.recv(STATUS.size)
                self._control.settimeout(None)
            except OSError:
                self.end()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def end(self) -> None:
        """End both."""
        self._close()
        self._control.close()
        processes.end(self._template.pid)
        self._template.wait()

    def is_ours(self) -> bool:
        """Whether it is alive, was started by this process, and finds the same modules."""
        return self.belongs_here() and self._template.poll() is None and self._path == sys.path

    def belongs_here(self) -> bool:
        """Whether this process has started it: it may itself be a fork of who has."""
        return self._made_by == os.getpid()


_ours = threading.local()


def _current() -> _Process:
    found: _Process | None = getattr(_ours, "process", None)
    if found is None or not found.is_ours():
        _drop()
        _ours.process = found = _Process()
    return found


def _drop() -> None:
    found: _Process | None = getattr(_ours, "process", None)
    _ours.process = None
    if found is not None and found.belongs_here():
        found.end()


# A program ends it as well, not only the command.
atexit.register(_drop)


def renew() -> None:
    """The next run has a process in which nothing of the user's has been run."""
    found: _Process | None = getattr(_ours, "process", None)
    if found is not None and found.is_ours():
        found.renew()


class Isolated:
    """A task of which all but `prepare` and `evaluate` is as here.

    `build` gives it there, and raises ConfigError if its code is not what was planned. `cpu_s`:
    seconds spent there. In the end a run closes it.
    """

    def __init__(self, task: Task, build: BuildTask, whose: str) -> None:
        self._task, self._build, self._whose = task, build, whose
        self._process: _Process | None = None
        self._traced, self._prepares = False, True
        self._dropped: list[tuple[int, int]] = []
        self.cpu_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def prepare(self) -> None:
        """Have the task prepared there; if that ends the process, the trials will say so."""
        with suppress(_DeathError):
            self._ready()

    def _ready(self) -> None:
        if self._process is None:
            self._process = _begun(self._build, self._whose)
            if self._prepares:
                self._prepares = False  # unless it ends well
                self._ask("prepare")
                self._prepares = True

    def _ask(self, verb: str, *about: Any) -> Any:
        assert self._process is not None
        try:
            answer, cpu_s = self._process.ask(verb, *about)
        except _DeathError:
            self._process = None
            failures.heed_signals()
            raise
        self.cpu_s += cpu_s
        return answer

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:
        """Evaluate there; raises EvaluationError if the process ends."""
        began = time.perf_counter()
        try:
            self._ready()
            dropped, self._dropped = self._dropped, []
            about = job, seed, checkpoint, not self._traced, dropped
            evaluation = self._ask("evaluate", *about)
        except _DeathError as end:
            raise EvaluationError(str(end), self._charged(job, began)) from None
        if isinstance(evaluation, Evaluation):
            self._traced = self._traced or bool(evaluation.trace)
            if isinstance(kept := evaluation.checkpoint, Kept):
                weakref.finalize(kept, self._drop, kept.process, kept.number).atexit = False
        return cast(Evaluation, evaluation)

    def _drop(self, process: int, number: int) -> None:
        """Nobody needs this state any more."""
        self._dropped.append((process, number))

    def _charged(self, job: Job, began: float) -> float:
        """The seconds that a job is charged that failed, as far as the task can tell."""
        owner = hook(self._task, ChargesFailures)
        return 0.0 if owner is None else owner.charged_s(job, time.perf_counter() - began)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_about: object) -> None:
        """The run is over: what it has left running there ends."""
        if self._process is None or kind is not None:
            return
        with suppress(_DeathError):
            for words in self._ask("finish"):
                warnings.warn(words, Notice, stacklevel=3)


def _begun(build: BuildTask, whose: str) -> _Process:
    """The process, ready for a run."""
    about = build, whose, dict(os.environ), os.getcwd()
    process = _current()
    try:
        process.begin(*about)
    except ConfigError:  # it may have loaded what has been changed since
        _drop()
        process = _current()
        process.begin(*about)
    return process
