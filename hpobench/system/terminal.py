"""Standard output and error as a command uses them: whatever they are, they cost no run.

They may be closed, full, a pipe that nobody reads, or of an encoding that lacks a letter; and names
and errors that are stored or given may hold sequences that steer a terminal. What is to be known
of a study's files is said in one line, as a `Notice`.
"""

import os
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from hpobench.shown import harmless

_GLYPH = "Glyph "  # 27166 (\\N{CJK UNIFIED IDEOGRAPH-6A21}) missing from font(s) ...


class Notice(UserWarning):
    """Something that whoever reads or runs a study must know: said once, whatever is ignored."""


class LeftOut(Notice):
    """That a part of what is stored is missing from what is shown: the exit status says so, too."""


def say_notices() -> None:
    """From now on notices are said, each in one line and once.

    So is what matplotlib says, time and again, of letters that its font lacks; what loky says of a
    worker that dies is not: the study tells what has become of its runs.
    """
    _said.clear()
    warnings.filterwarnings("always", category=Notice)
    warnings.filterwarnings("always", _GLYPH, UserWarning)
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    warnings.formatwarning = _in_a_line


def _in_a_line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,
) -> str:
    if not (issubclass(category, Notice) or str(message).startswith(_GLYPH)):
        return _as_python_does(message, category, filename, lineno, line)
    text = f"hpobench: {' '.join(str(message).split())}\n"
    if text in _said:  # Python forgets what it has said once filters change, as they often do
        return ""
    _said[text] = category
    return text


def left_out() -> bool:
    """Whether it was said of a part of what is stored that it is left out."""
    return LeftOut in _said.values()


_said: dict[str, type[Warning]] = {}
_as_python_does = warnings.formatwarning


class Stream:
    """A text stream that swallows what cannot be written: `failure` is the first such error."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream or open(os.devnull, "w")  # noqa: SIM115
        self.failure: OSError | None = None
        self._shown = 0
        reconfigure = getattr(self._stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        """Write; a carriage return may stand first, where progress bars have it."""
        self.show("")
        start = "\r" if text.startswith("\r") else ""
        self._write(start + harmless(text.removeprefix("\r")))
        return len(text)

    def show(self, line: str) -> None:
        """Write a line that goes away with what is written next; "": it goes away."""
        if line or self._shown:
            self._write(f"\r{harmless(line):<{self._shown}}" + ("" if line else "\r"))
        self._shown = len(line)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except OSError as error:
            self._give_up(error)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """From now on everything goes nowhere, also what is still to be flushed."""
        self.failure = self.failure or error
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def forgiving() -> Iterator[None]:
    """Within, standard output and error are of the kind above, and notices are said."""
    _open_standard_descriptors()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Stream(sys.stdout), Stream(sys.stderr)
    try:
        with warnings.catch_warnings():
            say_notices()
            yield
    finally:
        warnings.formatwarning = _as_python_does
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def lost() -> str:
    """Why some of standard output is lost, empty if none is or nobody wants to read it."""
    sys.stdout.flush()
    failure = getattr(sys.stdout, "failure", None)
    return "" if failure is None or isinstance(failure, BrokenPipeError) else failure.strerror


def _open_standard_descriptors() -> None:
    """Else the next file that is opened would be the one that errors are written to."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


_REDRAWN_S = 0.5
_making = [""]


def step(words: str) -> None:
    """Say what is being made now, in the line of `working`; without one nothing is said."""
    _making[0] = words


@contextmanager
def working(what: str) -> Iterator[None]:
    """Within, a line on standard error says what is made and for how long; it is gone afterwards.

    It is only where standard error is a terminal.
    """
    stream = sys.stderr
    if not (isinstance(stream, Stream) and is_terminal(stream)):
        yield
        return
    ended, began = threading.Event(), time.monotonic()

    def say() -> None:
        width = shutil.get_terminal_size().columns - 1
        while not ended.wait(_REDRAWN_S):
            passed = f" {time.monotonic() - began:.0f} s"
            words = " ".join(filter(None, (f"{what}:", _making[0])))[: width - len(passed)]
            stream.show(words + passed)
            stream.flush()

    step("")
    line = threading.Thread(target=say, daemon=True)
    line.start()
    try:
        yield
    finally:
        ended.set()
        line.join(_REDRAWN_S)
        stream.show("")
        stream.flush()


def is_terminal(stream: Any) -> bool:
    """Whether somebody looks at it who can see a line change."""
    try:
        return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"
    except ValueError:  # it is closed
        return False


def console() -> Any:
    """A console of rich on standard output where that is a terminal that shows colours; else None.

    It writes past the stream above: what it is given goes through `harmless` first.
    """
    stream = sys.stdout
    if "NO_COLOR" in os.environ or not is_terminal(stream):
        return None
    from rich.console import Console

    stream.flush()
    return Console(file=getattr(stream, "_stream", stream), highlight=False, markup=False)
