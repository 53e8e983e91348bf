"""The user's own code on the simulated clock: evaluated in a process beside that of the run.

Whatever ends that process (`os._exit`, a segmentation fault, the kernel out of memory) costs the
evaluation that it was at; the next one has a new process. There is one for each thread that runs
studies, started when it is needed first and kept from run to run. Training states travel as bytes,
which outlive it; one that cannot be pickled stays there, and is lost with it.

The two speak over a socket: a verb with what it is about, and one reply. Before a run the process
is given the environment, the folder and the standard output and error of this one.
"""

import atexit
import json
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, NamedTuple, NoReturn, Self, cast

import numpy as np

from hpobench.contracts import ChargesFailures, Task, hook
from hpobench.loop import failures
from hpobench.loop.evaluating import attempt
from hpobench.real.worker import BuildTask, prepare
from hpobench.records import Evaluation, EvaluationError, Job
from hpobench.study.overrides import ConfigError
from hpobench.system import interruption, output, processes, surroundings
from hpobench.system.atomic import StorageError
from hpobench.system.children import begin, capped
from hpobench.system.terminal import Notice

# What every fork will need is loaded before.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "import hpobench.tasks.functions; import hpobench.study.simulated; "
    f"from {__name__} import serve; serve(*map(int, sys.argv[2:]))"
)
_LOOK_EVERY_S = 0.5
_PATIENCE_S = 5.0
_STATUS = struct.Struct("i")
_PASSED_ON = (ConfigError, StorageError)
"""What is no failure of a trial or run, and passes as it is."""


class _DeathError(Exception):
    """The process ended before it replied; how, in words."""


class _Packed(NamedTuple):
    """A training state as bytes."""

    content: bytes


@dataclass(eq=False)
class _Kept:
    """A training state that cannot leave its process, by that process and a number.

    It is kept there as long as there is such a token here.
    """

    process: int
    number: int


class _Process:
    """Our side: a process that waits to be forked, its fork, and the sockets to both.

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
                with _socket(connection) as channel:
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
            status = self._control.recv(_STATUS.size)
            self._control.settimeout(None)
        self._close()
        if status:
            (number,) = _STATUS.unpack(status)
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
                self._control.recv(_STATUS.size)
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
            if isinstance(kept := evaluation.checkpoint, _Kept):
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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


def _socket(connection: Connection) -> socket.socket:
    return socket.socket(fileno=os.dup(connection.fileno()))


def serve(descriptor: int, parent: int) -> None:
    """In the new process: fork when told to, as long as there is a parent, and say how forks end.

    There are no threads: a fork finds all in order.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGCHLD})
    processes.adopt()
    control, me = socket.socket(fileno=descriptor), os.getpid()
    with suppress(EOFError, OSError):
        while True:
            (given,) = reduction.recvfds(control, 1)
            child = os.fork()
            if not child:
                control.close()
                _answer(Connection(given), me)
            os.close(given)
            status = _status(child, parent)
            processes.end_all()
            control.send(_STATUS.pack(status))
    os._exit(0)


def _status(child: int, parent: int) -> int:
    """How a child ends; a parent that has ended ends all."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if os.getppid() != parent:
            processes.end_all()
            os._exit(1)
        signal.sigtimedwait([signal.SIGCHLD], _LOOK_EVERY_S)


def _answer(connection: Connection, parent: int) -> NoReturn:
    """In a fork: answer until nobody asks any more."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    # Else all forks would draw the same numbers, which new processes do not.
    np.random.seed()  # noqa: NPY002
    begin(parent)
    host, me = _Host(connection), os.getpid()
    with suppress(EOFError, OSError):
        while True:
            verb, about = pickle.loads(connection.recv_bytes())
            reply = host.reply(verb, about)
            if os.getpid() != me:  # a fork that has left the user's function
                os._exit(1)
            connection.send_bytes(reply)
    processes.leave(0, now=True)
    os._exit(0)


class _Host:
    """Their side: a task, and what is put back and ended when its run is over."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._run = ExitStack()
        self._task: Any = None
        self._kept: dict[int, Any] = {}
        self._count = 0

    def reply(self, verb: str, about: tuple[Any, ...]) -> bytes:
        """The answer with the CPU seconds that it took, or the exception to raise, as bytes."""
        began = time.process_time()
        try:
            answer = getattr(self, verb)(*about)
            return pickle.dumps((False, (answer, time.process_time() - began)))
        except _PASSED_ON as error:
            return pickle.dumps((True, error))
        except BaseException as error:
            return pickle.dumps((True, failures.ElsewhereError.of(error)))

    def begin(self, build: BuildTask, whose: str, environment: dict[str, str], folder: str) -> None:
        """A run begins."""
        with _socket(self._connection) as channel:
            places = reduction.recvfds(channel, 3)
        self.finish()
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        output.go_to(places)
        self._task = build()
        self._run.enter_context(processes.ending(whose))
        self._run.enter_context(surroundings.restored())
        self._run.enter_context(interruption.noticed())

    def prepare(self) -> None:
        """Have the task load what it needs."""
        prepare(self._task)

    def evaluate(
        self, job: Job, seed: int, packed: Any, traced: bool, dropped: Sequence[tuple[int, int]]
    ) -> Evaluation:
        """Evaluate a job; what it raises is a failed observation."""
        for process, number in dropped:
            if process == os.getpid():
                self._kept.pop(number, None)
        evaluation = attempt(self._task, job, seed, self._unpacked(packed), traced)
        if isinstance(evaluation, Evaluation) and evaluation.checkpoint is not None:
            evaluation = evaluation._replace(checkpoint=self._packed(evaluation.checkpoint))
        return evaluation

    def _packed(self, state: Any) -> _Packed | _Kept:
        try:
            return _Packed(pickle.dumps(state))
        except Exception:  # whatever a class of the user's makes of being pickled
            self._count += 1
            self._kept[self._count] = state
            return _Kept(os.getpid(), self._count)

    def _unpacked(self, packed: Any) -> Any:
        if isinstance(packed, _Packed):
            return pickle.loads(packed.content)
        if isinstance(packed, _Kept):
            return self._kept.get(packed.number) if packed.process == os.getpid() else None
        return None

    def finish(self) -> list[str]:
        """The run is over: end what it has left; what is to be said of that."""
        self._kept.clear()
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always", Notice)
            self._run.close()
        return [str(note.message) for note in noted if note.category is Notice]
