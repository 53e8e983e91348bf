"""Standard output and error as a command uses them: whatever they are, they cost no run.

They may be closed, full, a pipe that nobody reads, or of an encoding that lacks a letter; and names
and errors that are stored or given may hold sequences that steer a terminal. What is to be known
of a study's files is said in one line, as a `Notice`.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from hpobench.shown import harmless

_GLYPH = "Glyph "  # 27166 (\\N{CJK UNIFIED IDEOGRAPH-6A21}) missing from font(s) ...


class Notice(UserWarning):
    """Something that whoever reads or runs a study must know: said once, whatever is ignored."""


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
    if not (category is Notice or str(message).startswith(_GLYPH)):
        return _as_python_does(message, category, filename, lineno, line)
    text = f"hpobench: {' '.join(str(message).split())}\n"
    if text in _said:  # Python forgets what it has said once filters change, as they often do
        return ""
    _said.add(text)
    return text


_said: set[str] = set()
_as_python_does = warnings.formatwarning


class Stream:
    """A text stream that swallows what cannot be written: `failure` is the first such error."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream or open(os.devnull, "w")  # noqa: SIM115
        self.failure: OSError | None = None
        reconfigure = getattr(self._stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        """Write; a carriage return may stand first, where progress bars have it."""
        start = "\r" if text.startswith("\r") else ""
        try:
            self._stream.write(start + harmless(text.removeprefix("\r")))
        except OSError as error:
            self._give_up(error)
        return len(text)

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


def console() -> Any:
    """A console of rich on standard output where that is a terminal that shows colours; else None.

    It writes past the stream above: what it is given goes through `harmless` first.
    """
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    stream = sys.stdout
    try:
        if plain or not stream.isatty():
            return None
    except ValueError:  # it is closed
        return None
    from rich.console import Console

    stream.flush()
    return Console(file=getattr(stream, "_stream", stream), highlight=False, markup=False)
