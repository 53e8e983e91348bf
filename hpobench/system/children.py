"""Processes of our own: how they are started, and what they do first."""

import multiprocessing
import multiprocessing.util
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from hpobench.system import processes, terminal
from hpobench.system.threads import THREAD_VARIABLES

_LOOK_EVERY_S = 0.5
_OUT_OF_MEMORY_SCORE = Path("/proc/self/oom_score_adj")


@contextmanager
def capped(threads: int) -> Iterator[None]:
    """The environment for processes to come: BLAS and torch read it once, when imported.

    They inherit that Ctrl-C waits, until `begin` leaves it to this process.
    """
    processes.start_helpers()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with with_environment(dict.fromkeys(THREAD_VARIABLES, str(threads))):
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def with_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Within, these variables are set, for processes that are started."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def begin(parent: int | None = None) -> None:
    """In a new process: leave Ctrl-C to the parent, and end when the parent has ended.

    `parent`: by default as multiprocessing knows it. Where the system itself runs out of memory, it
    is to end this process, not the run.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # see `capped`
    processes.adopt()
    terminal.say_notices()
    # Else multiprocessing would wait for what a task has left running.
    multiprocessing.util.Finalize(None, processes.leave, [0], exitpriority=0)
    with suppress(OSError):  # only Linux has it
        _OUT_OF_MEMORY_SCORE.write_text("1000")  # the first to be killed, whatever its size
    known = multiprocessing.parent_process()
    parent = known.pid if parent is None and known is not None else parent
    if parent is not None:
        threading.Thread(target=_follow, args=[parent], daemon=True).start()


def _follow(parent: int) -> None:
    """Not by its sentinel, for which one need not look again and again: loky has none."""
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    processes.perish()
