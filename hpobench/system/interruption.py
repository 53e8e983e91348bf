"""Being told to stop: by Ctrl-C, SIGTERM, or the end of the terminal (SIGHUP).

A task may raise KeyboardInterrupt itself, and a program that catches it asks `told` which of both
it was: only a signal stops a study.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_S = 1.0
"""So long a program may take to stop by itself; then it is ended."""

_told = 0
_heeded = False
_settled = False


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread when the first of `SIGNALS` comes."""


def wait_for_signal() -> None:
    """Give a signal time to come here: whoever has ended a process below may have told us both."""
    time.sleep(0.1)


def told() -> int:
    """The signal that told this process to stop, 0 if none did."""
    return _told


def settle() -> None:
    """From now on a signal raises nothing: all is done, and only the end is left."""
    global _settled
    _settled = True


def heeded() -> bool:
    """Whether `told` would know of a signal."""
    return _heeded


@contextmanager
def _heeding() -> Iterator[None]:
    global _told, _heeded, _settled
    _told, _heeded, _settled = 0, True, False
    try:
        yield
    finally:
        _told, _heeded = 0, False


def _raise(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """Raise once: what comes next comes amid the cleaning up."""
    global _told
    if not (_told or _settled):
        _told = number
        raise Interrupted(number)


def _noting(handler: Callable[[int, FrameType | None], Any]) -> Callable[..., Any]:
    def note(number: int, frame: FrameType | None) -> Any:
        global _told
        _told = number
        return handler(number, frame)

    return note


@contextmanager
def noticed() -> Iterator[None]:
    """Within, `told` knows of signals that the handlers of a program turn into exceptions."""
    if _heeded or threading.current_thread() is not threading.main_thread():
        yield
        return
    with _heeding(), ExitStack() as stack:
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):
                stack.callback(signal.signal, number, handler)
                signal.signal(number, _noting(handler))
        yield


@contextmanager
def heard(last_resort: Callable[[int], NoReturn]) -> Iterator[None]:
    """Within, `SIGNALS` raise Interrupted in the main thread; what is ignored (nohup) stays so.

    If the main thread then does not leave within `GRACE_S`, because it computes outside of Python
    or catches what it should not, a thread calls `last_resort`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    watch = _Watch(last_resort)
    wakeup = signal.set_wakeup_fd(watch.bell, warn_on_full_buffer=False)
    try:
        with _heeding(), _quiet():
            for number, handler in before.items():
                if handler is not signal.SIG_IGN:
                    signal.signal(number, _raise)
            yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        watch.end()


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing is printed of what threads and finalisers raise once a program was told to stop."""
    before = sys.unraisablehook, threading.excepthook
    sys.unraisablehook = lambda about: None if _told else before[0](about)
    threading.excepthook = lambda about: None if _told else before[1](about)
    try:
        yield
    finally:
        sys.unraisablehook, threading.excepthook = before


def _in_child() -> None:
    """A fork of this process is told to stop as any process is, and rings no bell of its parent."""
    for number in SIGNALS:
        if signal.getsignal(number) is _raise:
            usual = number == signal.SIGINT
            signal.signal(number, signal.default_int_handler if usual else signal.SIG_DFL)
            signal.set_wakeup_fd(-1)


os.register_at_fork(after_in_child=_in_child)


class _Watch:
    """A thread that hears of signals at once, whatever the main thread is doing.

    Python writes the number of a signal to `bell` when it comes; handlers have to wait.
    """

    def __init__(self, last_resort: Callable[[int], NoReturn]) -> None:
        self._ear, self.bell = os.pipe()
        os.set_blocking(self.bell, False)
        self._over = threading.Event()
        self._thread = threading.Thread(
            target=self._listen, args=[last_resort], name="interruption", daemon=True
        )
        self._thread.start()

    def _listen(self, last_resort: Callable[[int], NoReturn]) -> None:
        number = 0
        while not (self._over.is_set() or number in SIGNALS):
            number = os.read(self._ear, 1)[0]
        if not self._over.wait(GRACE_S):
            last_resort(number)

    def end(self) -> None:
        """Listen no more."""
        self._over.set()
        os.write(self.bell, b"\0")
        self._thread.join()
        os.close(self.bell)
        os.close(self._ear)
