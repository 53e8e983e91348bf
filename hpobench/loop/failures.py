"""What goes wrong in code that is not ours: contained where it happens, and put into words.

The code of a task or a method may end in any way that Python knows: `sys.exit`, an error that no
other process can read, a `KeyboardInterrupt` of its own. None of them is to cost more than its
trial or run; only a signal (Ctrl-C) stops the study.
"""

import os
import threading
import traceback
from itertools import dropwhile
from pathlib import Path

from hpobench.records import EvaluationError
from hpobench.system import interruption, package
from hpobench.system.atomic import StorageError

_OURS = tuple(f"{folder}{os.sep}" for folder in package.folders().values())
_LONGEST = 8_000
"""Characters kept of a text, half of them from its end: some errors hold whole tensors."""


class ElsewhereError(Exception):
    """What was raised in another process, from where not every exception can travel."""

    def __init__(self, words: str, last_words: str, trace: str) -> None:
        super().__init__(words, last_words, trace)
        self.words, self.last_words, self.trace = words, last_words, trace

    @classmethod
    def of(cls, error: BaseException) -> "ElsewhereError":
        """In the process where it was raised."""
        return cls(in_words(error), last_words(error), traced(error))


class GaveUpError(RuntimeError):
    """A run that gets nowhere because its jobs fail: what they raised is all there is to say."""


def contain(error: BaseException) -> None:
    """Raise `error` again if it is no failure of a trial or run: Ctrl-C, or a file of our own."""
    in_main = threading.current_thread() is threading.main_thread()
    unsure = isinstance(error, KeyboardInterrupt) and in_main and not interruption.heeded()
    if interruption.told() or unsure or isinstance(error, StorageError):
        raise error


def heed_signals() -> None:
    """Raise KeyboardInterrupt if the code of a task has swallowed one that a signal raised."""
    if interruption.told():
        raise KeyboardInterrupt


def in_words(error: BaseException) -> str:
    """Kind and message of an error as text that can be stored; an EvaluationError is its message.

    Some errors cannot say what they are, or only in characters that no file takes.
    """
    if isinstance(error, ElsewhereError):
        return error.words
    try:
        message = str(error)
    except BaseException as another:
        contain(another)
        message = f"(its text cannot be had: {type(another).__name__})"
    if not isinstance(error, EvaluationError):
        message = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return storable(message)


def last_words(error: BaseException) -> str:
    """The words of an error, and where it was raised."""
    if isinstance(error, ElsewhereError):
        return error.last_words
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{in_words(error)}{where}"


def storable(text: str) -> str:
    """The text less its middle if it is long, and with what UTF-8 does not know written out."""
    if len(text) > _LONGEST:
        half = _LONGEST // 2 - 25  # what was shortened once stays as it is
        text = f"{text[:half]} [... {len(text) - 2 * half} characters ...] {text[-half:]}"
    return text.encode("utf-8", "backslashreplace").decode()


def traced(error: BaseException) -> str:
    """The words of an error below its traceback, which begins in the user's own code."""
    if isinstance(error, ElsewhereError):
        return error.trace
    origin = error
    if isinstance(error, EvaluationError) and error.__cause__ is not None:
        origin = error.__cause__
    frames = traceback.extract_tb(origin.__traceback__)
    own = list(dropwhile(lambda frame: frame.filename.startswith(_OURS), frames))
    if not own and isinstance(origin, EvaluationError):
        return in_words(error)  # a task says in words what is wrong: where it says so is no help
    lines = traceback.StackSummary.from_list(own or list(frames)).format()
    return f"{storable(''.join(lines))}{in_words(error)}"
