"""What the clients of this folder share: `serve` speaks the protocol of docs/protocol.md.

Standard library only, for any Python from 3.9: it runs in the environments of the libraries.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TextIO

Message = dict[str, Any]


class Optimizer(Protocol):
    """What a client makes of a library."""

    name: str
    """With the version: `dehb 0.1.2`."""

    def ask(self) -> Message | None:
        """The fields trial, config and resource of a job; None: wait."""

    def tell(self, message: Message) -> None:
        """The message `tell`. `trial` is null for a configuration that this did not choose."""


def serve(make: Callable[[Message], Optimizer]) -> None:
    """Make the optimizer of a `hello`, and answer for it until `bye` or the end of input.

    An exception becomes an `error` message, and exit status 1.
    """
    questions, answers = _take_over()
    try:
        for answer in _answers(make, questions):
            answers.write(json.dumps(answer, default=_plain, allow_nan=False) + "\n")
            answers.flush()
    except Exception as error:
        traceback.print_exc()
        answers.write(json.dumps({"message": "error", "text": _words(error)}) + "\n")
        answers.flush()
        sys.exit(1)


def _take_over() -> tuple[TextIO, TextIO]:
    """The real standard input and output, kept from all else: what others print goes to stderr.

    It is done to the file descriptors, for libraries in C print past `sys.stdout`.
    """
    questions = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return questions, answers


def _answers(make: Callable[[Message], Optimizer], questions: TextIO) -> Iterator[Message]:
    """One answer a question, with the CPU time that it took; all threads of this process count."""
    optimizer: Optimizer | None = None
    for line in questions:
        message = json.loads(line)
        kind, began = message["message"], time.process_time()
        if kind == "bye":
            return
        if kind == "hello":
            optimizer = make(message)
            yield {"message": "ready", "name": optimizer.name}
            continue
        if optimizer is None or kind not in ("ask", "tell"):
            raise ValueError(f"the message {kind!r} is not expected")
        answer = _ask(optimizer) if kind == "ask" else _tell(optimizer, message)
        yield {**answer, "cpu_s": time.process_time() - began}


def _ask(optimizer: Optimizer) -> Message:
    job = optimizer.ask()
    return {"message": "wait"} if job is None else {"message": "job", **job}


def _tell(optimizer: Optimizer, message: Message) -> Message:
    optimizer.tell(message)
    return {"message": "told"}


def _plain(value: Any) -> Any:
    """Numbers of NumPy as those of Python, which JSON knows."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} of type {type(value).__name__} cannot be written as JSON")


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
