"""The journal of a real run: one JSON line an event, so that an interrupted run can go on.

    {"journal": 2, "seed": ..., "workers": ..., "budget": {...}}                      first line
    {"event": "ask", "time_s": ..., "seconds": ..., "cpu_s": ..., "job": [trial, config, ...]}
    {"event": "start", "time_s": ..., "trial": ..., "worker": ..., "to_resource": ...}
    {"event": "outcome", "time_s": ..., "trial": ..., "worker": ..., "evaluation": {...}, ...}
    {"event": "tell", "time_s": ..., "seconds": ..., "cpu_s": ..., "trial": ...}

A journal first replays what it holds: a fresh method with the same seed gets the same answers to
the same questions, which is checked, and then the run goes on where the journal ends. A line that
was cut short by the interruption is dropped.
"""

import fcntl
import json
import os
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from hpobench.records import Evaluation

VERSION = 2
Entry = dict[str, Any]

# What a replayed run must do again; times are the recorded ones.
_REPEATED = ("event", "job", "trial", "worker")


class JournalError(ValueError):
    """The journal does not belong to this run, or the run does not repeat what it says."""


class Journal:
    """Append-only; `path=None` keeps nothing. `header` says of which run this is the journal."""

    def __init__(self, path: Path | None, header: Mapping[str, Any]) -> None:
        self._path = path
        self._recorded: deque[Entry] = deque()
        self.last_s = 0.0
        if path is None:
            self._descriptor = -1
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            self._lock()
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
        whole = text[: text.rfind(b"\n") + 1]
        os.ftruncate(self._descriptor, len(whole))
        lines = [self._parse(number, line) for number, line in enumerate(whole.splitlines(), 1)]
        if not lines:
            self._append(header)
            return
        self._check(lines[0], _plain(header))
        self._recorded.extend(lines[1:])

    def _parse(self, number: int, line: bytes) -> Entry:
        try:
            entry: Entry = json.loads(line)
        except ValueError as error:
            raise JournalError(f"{self._path}, line {number}, is damaged: {error}") from error
        return entry

    def _check(self, found: Entry, header: Entry) -> None:
        if found.get("journal") != VERSION:
            raise JournalError(
                f"{self._path} has version {found.get('journal')}, and this program writes "
                f"version {VERSION}: finish the run with the program that began it, or remove the "
                "journal to run it anew"
            )
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
        os.write(self._descriptor, f"{json.dumps(entry, default=_scalar)}\n".encode())
        os.fsync(self._descriptor)

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
