"""Their side: the process that waits to be forked, and its forks, which run the user's code."""

import os
import pickle
import signal
import socket
import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import numpy as np

from hpobench.loop import failures
from hpobench.loop.evaluating import attempt
from hpobench.real.worker import BuildTask, prepare
from hpobench.records import Evaluation, Job
from hpobench.study.isolation.wire import STATUS, Kept, Packed, channel_of
from hpobench.study.overrides import ConfigError
from hpobench.system import interruption, output, processes, surroundings
from hpobench.system.atomic import StorageError
from hpobench.system.children import begin
from hpobench.system.terminal import Notice

_LOOK_EVERY_S = 0.5
_PASSED_ON = (ConfigError, StorageError)
"""What is no failure of a trial or run, and passes as it is."""


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
            control.send(STATUS.pack(status))
    os._exit(0)


def _status(child: int, parent: int) -> int:
    """How a child ends; a parent that has ended ends all."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if os.getppid() != parent:
            processes.perish()
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
    """A task, and what is put back and ended when its run is over."""

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
        with channel_of(self._connection) as channel:
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

    def _packed(self, state: Any) -> Packed | Kept:
        try:
            return Packed(pickle.dumps(state))
        except Exception:  # whatever a class of the user's makes of being pickled
            self._count += 1
            self._kept[self._count] = state
            return Kept(os.getpid(), self._count)

    def _unpacked(self, packed: Any) -> Any:
        if isinstance(packed, Packed):
            return pickle.loads(packed.content)
        if isinstance(packed, Kept):
            return self._kept.get(packed.number) if packed.process == os.getpid() else None
        return None

    def finish(self) -> list[str]:
        """The run is over: end what it has left; what is to be said of that."""
        self._kept.clear()
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always", Notice)
            self._run.close()
        return [str(note.message) for note in noted if note.category is Notice]
