"""What tasks and methods print: kept in bounded logs, away from the terminal.

A log keeps the beginning and the end of what was printed, by Python, by libraries in C, and by
processes that were started. It is `logs/TASK.METHOD.SEEDS.FINGERPRINT.log` in the study's folder.
"""

import ctypes
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from hpobench.identity import RunKey
from hpobench.shown import harmless
from hpobench.system.names import as_file_name

FOLDER = "logs"
HEAD_BYTES = TAIL_BYTES = 64 << 10
_SLACK_BYTES = 1 << 20
"""A log may become so much longer before its middle is taken out."""
_LOOK_EVERY_S = 0.05
_MIDDLE = b"\n[... what was printed here is left out ...]\n"
_STREAMS = ("stdout", "stderr")

_held = threading.Lock()
_terminal: int | None = None
"""While output goes to a log: a descriptor of what was standard error before."""


@contextmanager
def kept_in(path: Path | None, heading: str = "", *, whole: bool = False) -> Iterator[None]:
    """Within, what this process prints goes to the end of `path`, below a heading.

    What is bounded is this addition, or the `whole` file. Nothing printed, nothing written.
    `path=None`, or a log is being kept already in this process: output goes where it would. A log
    that cannot be written costs its content, and nothing else.
    """
    if path is None or not _held.acquire(blocking=False):
        yield
        return
    with ExitStack() as stack:
        stack.callback(_held.release)
        log = stack.enter_context(_Log(path, heading, whole))
        stack.enter_context(_redirected(log.descriptor))
        yield


def log_path(folder: Path, key: RunKey, seeds: Sequence[int]) -> Path:
    """Where the output of the pair that `key` is of is kept, if there is any."""
    names = f"{as_file_name(key.task)}.{as_file_name(key.method)}"
    return folder / FOLDER / f"{names}.{seeds[0]}-{seeds[-1]}.{key.fingerprint}.log"


def aloud(text: str) -> None:
    """Say something on the terminal, wherever output goes; if nobody can hear it, no matter."""
    text = harmless(text)
    with suppress(OSError, ValueError, AttributeError):
        if _terminal is None:
            print(text, file=sys.stderr, flush=True)
        else:
            os.write(_terminal, f"{text}\n".encode("utf-8", "backslashreplace"))


def descriptors() -> tuple[int, int, int]:
    """Standard output and error as they are now, and the terminal; see `go_to`."""
    return 1, 2, 2 if _terminal is None else _terminal


def go_to(places: Sequence[int]) -> None:
    """In a process beside another: print to where that does, as it is described in `descriptors`.

    Who is debugging gets the terminal.
    """
    *outputs, terminal = places
    for number, (name, place) in enumerate(zip(_STREAMS, outputs, strict=True), 1):
        _flush([getattr(sys, name)])
        os.dup2(place, number)
        setattr(sys, name, _Stream(number))

    def debug(*arguments: Any, **named: Any) -> Any:
        for number in (1, 2):
            os.dup2(terminal, number)
        return sys.__breakpointhook__(*arguments, **named)

    sys.breakpointhook = debug
    _close(list(outputs))


class _Log:
    """The end of a file, kept short by a thread while it is written to."""

    def __init__(self, path: Path, heading: str, whole: bool) -> None:
        self._path, self._heading = path, heading.encode("utf-8", "backslashreplace")
        self._whole, self._shortened = whole, False
        self._over = threading.Event()

    def __enter__(self) -> "_Log":
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self.descriptor = os.open(self._path, flags, 0o644)
            self._begin = os.fstat(self.descriptor).st_size
            os.write(self.descriptor, self._heading)
        except OSError:
            self.descriptor, self._begin = os.open(os.devnull, flags), 0
        self._empty = os.fstat(self.descriptor).st_size
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S):
            self._shorten(_SLACK_BYTES)

    def _shorten(self, slack: int = 0) -> None:
        """Take out the middle, if there is one."""
        with suppress(OSError):
            size = os.fstat(self.descriptor).st_size
            head = HEAD_BYTES if self._whole else self._begin + HEAD_BYTES
            if size > head + len(_MIDDLE) + TAIL_BYTES + slack:
                tail = os.pread(self.descriptor, TAIL_BYTES, size - TAIL_BYTES)
                os.ftruncate(self.descriptor, head)
                os.write(self.descriptor, _MIDDLE + tail)
                self._shortened = True

    def __exit__(self, *about: object) -> None:
        self._over.set()
        self._thread.join()
        with suppress(OSError):
            if self._shortened or os.fstat(self.descriptor).st_size != self._empty:
                self._shorten()
            else:
                os.ftruncate(self.descriptor, self._begin)
                if not self._begin:
                    self._path.unlink()
        os.close(self.descriptor)


class _Raw(io.RawIOBase):
    """A descriptor that takes everything: a full disk is no fault of who prints."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        with suppress(OSError):
            os.write(self._descriptor, content)
        return len(content)


class _Stream(io.TextIOWrapper):
    """Text for a log: in characters that any file takes, and never closed by who prints."""

    def __init__(self, descriptor: int) -> None:
        raw: Any = _Raw(descriptor)
        super().__init__(raw, "utf-8", "backslashreplace", write_through=True)

    def close(self) -> None:
        """Nothing: the trials to come print as well."""


@contextmanager
def _redirected(descriptor: int) -> Iterator[None]:
    """Standard output and error, as Python, C and processes to come know them, go elsewhere."""
    global _terminal
    streams = [getattr(sys, name) for name in _STREAMS]
    _flush(streams)
    saved = [_copy(number) for number in (1, 2)]
    hook = sys.breakpointhook
    try:
        for number, name in enumerate(_STREAMS, 1):
            os.dup2(descriptor, number)
            setattr(sys, name, _Stream(number))
        _terminal = saved[1]
        with ExitStack() as back:
            back.callback(_put_back, streams, saved)
            sys.breakpointhook = _debugging(back, hook)
            yield
    finally:
        sys.breakpointhook = hook
        _close(saved)


def _put_back(streams: list[Any], saved: list[int | None]) -> None:
    global _terminal
    _flush([*streams, sys.stdout, sys.stderr])
    _terminal = None
    for number, (name, stream, copy) in enumerate(zip(_STREAMS, streams, saved, strict=True), 1):
        setattr(sys, name, stream)
        if copy is None:  # it was closed, and is again
            with suppress(OSError):
                os.close(number)
        else:
            os.dup2(copy, number)


def _debugging(back: ExitStack, hook: Callable[..., Any]) -> Callable[..., Any]:
    """The hook of `breakpoint()`, which gives the terminal back to who is debugging."""

    def debug(*arguments: Any, **named: Any) -> Any:
        back.close()
        return hook(*arguments, **named)

    return debug


def _copy(descriptor: int) -> int | None:
    try:
        return os.dup(descriptor)
    except OSError:
        return None


def _close(descriptors: list[int | None]) -> None:
    for descriptor in descriptors:
        if descriptor is not None:
            os.close(descriptor)


def _flush(streams: list[Any]) -> None:
    """Have everything written that waits in a buffer, of Python's or of C."""
    for stream in streams:
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).fflush(None)
