"""The journal of a real run: one JSON line an event, so that an interrupted run can go on.

    {"journal": 2, "seed": ..., "workers": ..., "budget": {...}}                      first line
    {"event": "ask", "time_s": ..., "seconds": ..., "cpu_s": ..., "job": [trial, config, ...]}
    {"event": "start", "time_s": ..., "trial": ..., "worker": ..., "to_resource": ...}
    {"event": "outcome", "time_s": ..., "trial": ..., "worker": ..., "evaluation": {...}, ...}
    {"event": "tell", "time_s": ..., "seconds": ..., "cpu_s": ..., "trial": ...}

A journal first replays what it holds: a fresh method with the same seed gets the same answers to
the same questions, which is checked, and then the run goes on where the journal ends. A line that
was cut short by the interruption is dropped.

Each line ends with `"chain"`, a hash of it and of the line before, so that what was changed since
it was written is found. Journals of older versions have none, and go on without.
"""

import fcntl
import hashlib
import json
import os
import re
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from hpobench.records import Evaluation
from hpobench.system import atomic

VERSION = 2
Entry = dict[str, Any]

# What a replayed run must do again; times are the recorded ones.
_REPEATED = ("event", "job", "trial", "worker")


_NEEDED = {
    "ask": {"time_s", "seconds", "job"},
    "tell": {"time_s", "seconds", "trial"},
    "start": {"time_s", "trial", "worker", "to_resource"},
    "outcome": {"time_s", "trial", "worker", "cut", "lost", "holds", "checkpoint_bytes"},
}
_CHAIN = b', "chain": "'
_CHAINED = re.compile(_CHAIN + rb'[0-9a-f]{16}"}$')


class JournalError(atomic.StorageError, ValueError):
    """A journal that is damaged, or of another run, or that the run does not repeat."""


class Journal:
    """Append-only; `path=None` keeps nothing. `header` says of which run this is the journal."""

    def __init__(self, path: Path | None, header: Mapping[str, Any]) -> None:
        self._path = path
        self._recorded: deque[Entry] = deque()
        self._chain: str | None = ""
        self._length = 0
        self.last_s = 0.0
        if path is None:
            self._descriptor = -1
            return
        with atomic.ours(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            self._lock()
            with atomic.ours(path):
                self._read(path, {"journal": VERSION, **header})
        except BaseException:
            os.close(self._descriptor)
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(f"{self._path} is in use: another process runs this") from None

    def _read(self, path: Path, header: Entry) -> None:
        text = path.read_bytes()
        self._length = text.rfind(b"\n") + 1
        self._check_version(text.partition(b"\n")[0])
        try:
            lines, self._chain = parse(text)
        except ValueError as error:
            raise JournalError(f"{path}, {error}") from error
        os.ftruncate(self._descriptor, self._length)
        if not lines:
            self._append(header)
            return
        self._check(lines[0], _plain(header))
        self._recorded.extend(lines[1:])

    def _check_version(self, first: bytes) -> None:
        """Of another version nothing but the version is known."""
        try:
            found = json.loads(first or b"{}").get("journal", VERSION)
        except (ValueError, AttributeError):
            return  # damaged, as is said of any line
        if found != VERSION:
            raise JournalError(
                f"{self._path} has version {found}, and this program writes version {VERSION}: "
                "finish the run with the program that began it, or remove the journal to run it "
                "anew"
            )

    def _check(self, found: Entry, header: Entry) -> None:
        other = [name for name in header if found.get(name) != header[name]]
        if other:
            was = ", ".join(f"{name}={found.get(name)}, not {header[name]}" for name in other)
            raise JournalError(f"{self._path} is of another run: it has {was}")

    def peek(self) -> Entry | None:
        """The next event to replay; None: the run goes on live."""
        return self._recorded[0] if self._recorded else None

    def record(self, entry: Entry) -> Entry:
        """Append an event; while replaying, check it and return it as it was recorded."""
        if not self._recorded:
            self._append(entry)
            self.last_s = max(self.last_s, entry["time_s"])
            return entry
        recorded, entry = self._recorded[0], _plain(entry)
        for name in _REPEATED:
            if recorded.get(name) != entry.get(name):
                raise JournalError(
                    f"{self._path} cannot be replayed: at {recorded['time_s']:.1f} s the run had "
                    f"{recorded['event']} with {name}={recorded.get(name)}, and now has "
                    f"{entry['event']} with {name}={entry.get(name)}. Method or task have changed; "
                    "remove the journal to run anew"
                )
        return self.take()

    def take(self) -> Entry:
        """The next event to replay, which is then over."""
        entry = self._recorded.popleft()
        self.last_s = max(self.last_s, entry["time_s"])
        return entry

    def _append(self, entry: Entry) -> None:
        if self._descriptor < 0:
            return
        text = json.dumps(entry, default=_scalar).encode()
        chain = None
        if self._chain is not None:
            chain = _link(self._chain, text[:-1])
            text = b"".join((text[:-1], _CHAIN, chain.encode(), b'"}'))
        try:
            with atomic.ours(self._path or Path()):
                atomic.append(self._descriptor, text + b"\n")
                os.fsync(self._descriptor)
        except atomic.StorageError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._length)  # half a line
            raise
        self._length += len(text) + 1
        self._chain = chain

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


def parse(content: bytes) -> tuple[list[Entry], str | None]:
    """The entries of a journal and the chain at its end; None: an older version, which has none.

    What follows the last line break is left out. Raises ValueError, which says from which line on a
    journal is damaged, and what to do.
    """
    lines = content[: content.rfind(b"\n") + 1].split(b"\n")[:-1]
    chain = "" if not lines or any(map(_CHAINED.search, lines)) else None
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            if chain is not None:
                chain = _checked(chain, line)
            entries.append(_entry(line, is_first=number == 1))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"line {number}, is damaged ({error}). Keep the first {number - 1} lines, which "
                "are whole, to go on from there, or remove the file to run anew"
            ) from error
    return entries, chain


def _link(chain: str, text: bytes) -> str:
    return hashlib.blake2b(chain.encode() + text, digest_size=8).hexdigest()


def _checked(chain: str, line: bytes) -> str:
    """The next link of the chain; ValueError: the line is not as it was written."""
    text, _, tail = line.rpartition(_CHAIN)
    chain = _link(chain, text)
    if tail != chain.encode() + b'"}':
        raise ValueError("it is not as it was written")
    return chain


def _entry(line: bytes, is_first: bool) -> Entry:
    entry: Entry = json.loads(line)
    if not is_first:
        lacking = _NEEDED[entry["event"]] - set(entry)
        if lacking:
            raise ValueError(f"it lacks {', '.join(sorted(lacking))}")
        if entry["event"] == "outcome":
            decode(entry["evaluation"])
    elif not isinstance(entry, dict):
        raise ValueError("it does not say of which run the journal is")
    return entry


def _scalar(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} cannot be written to a journal")


def _plain(entry: Entry) -> Entry:
    """As it would be read back."""
    plain: Entry = json.loads(json.dumps(entry, default=_scalar))
    return plain


def encode(evaluation: Evaluation) -> Entry:
    """An evaluation less its checkpoint as plain lists; floats survive to the bit."""
    fields = evaluation._asdict() | {"checkpoint": None}
    fields["constraints"] = {name: slack.tolist() for name, slack in fields["constraints"].items()}
    return {
        name: field.tolist() if isinstance(field, np.ndarray) else field
        for name, field in fields.items()
        if field is not None
    }


def decode(entry: Entry) -> Evaluation:
    """The evaluation that `encode` wrote."""
    arrays = {
        name: np.array(field, dtype=float)
        for name, field in entry.items()
        if isinstance(field, list)
    }
    slacks = {name: np.array(slack, float) for name, slack in entry["constraints"].items()}
    return Evaluation(**{**entry, **arrays, "constraints": slacks})
