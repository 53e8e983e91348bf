"""The journal of a real run: what happened, event by event, so that an interrupted run can go on.

A journal first replays what it holds: a fresh method with the same seed gets the same answers to
the same questions, which is checked, and then the run goes on where the journal ends. Its file has
one JSON line an event; a line that was cut short by the interruption is dropped.

    {"journal": 2, "seed": ..., "workers": ..., "budget": {...}}                      first line
    {"event": "ask", "time_s": ..., "seconds": ..., "cpu_s": ..., "job": [trial, config, ...]}
    {"event": "start", "time_s": ..., "trial": ..., "worker": ..., "to_resource": ...}
    {"event": "outcome", "time_s": ..., "trial": ..., "worker": ..., "evaluation": {...}, ...}
    {"event": "tell", "time_s": ..., "seconds": ..., "cpu_s": ..., "trial": ...}

Each line ends with `"chain"`, a hash of it and of the line before, so that what was changed since
it was written is found. Journals of older versions have none, and go on without.
"""

import fcntl
import hashlib
import json
import math
import os
import re
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any, Self, TypeVar, cast

import numpy as np

from hpobench.identity import RunKey
from hpobench.loop.events import Decision, Outcome
from hpobench.real.checkpoints import File
from hpobench.real.events import Asked, Event, Finished, Started, Told
from hpobench.records import Evaluation, Job
from hpobench.system import atomic
from hpobench.system.names import as_file_name

VERSION = 2
_Entry = dict[str, Any]

# What a replayed run must do again; times are the recorded ones.
_REPEATED = ("event", "job", "trial", "worker")
_CHAIN = b', "chain": "'
_CHAINED = re.compile(_CHAIN + rb'[0-9a-f]{16}"}$')

E = TypeVar("E", bound=Event)


def path_of(folder: Path, run: RunKey) -> Path:
    """Where the journal of a run lies, in the folder of its study, until the run is stored."""
    names = f"{as_file_name(run.task)}.{as_file_name(run.method)}"
    return folder / "journal" / f"{names}.{run.seed}.{run.fingerprint}.jsonl"


def paths(folder: Path) -> list[Path]:
    """The journals in the folder of a study."""
    return sorted((folder / "journal").glob("*.jsonl"))


def checkpoints_beside(path: Path) -> Path:
    """The folder of the checkpoints of a run with that journal."""
    return path.with_name(f"{path.name}.checkpoints")


def remove(path: Path) -> None:
    """Remove a journal and its checkpoints: the run is stored."""
    rmtree(checkpoints_beside(path), ignore_errors=True)
    path.unlink(missing_ok=True)


def read(path: Path) -> list[Event]:
    """The events so far of a run that may be under way; its journal is left as it is.

    Raises JournalError if it cannot be read or is empty, and OSError if it is not there.
    """
    content = _Content.of(path, path.read_bytes())
    if content.header is None:
        raise JournalError(f"{path} is empty")
    return content.events


class JournalError(atomic.StorageError, ValueError):
    """A journal that is damaged, or of another run, or that the run does not repeat."""


class Journal:
    """Append-only; `path=None` keeps nothing. `header` says of which run this is the journal."""

    def __init__(self, path: Path | None, header: Mapping[str, Any]) -> None:
        self._path = path
        self._recorded: deque[Event] = deque()
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
                self._resume(path, {"journal": VERSION, **header})
        except BaseException:
            os.close(self._descriptor)
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(f"{self._path} is in use: another process runs this") from None

    def _resume(self, path: Path, header: _Entry) -> None:
        text = path.read_bytes()
        content = _Content.of(path, text)
        self._length, self._chain = text.rfind(b"\n") + 1, content.chain
        os.ftruncate(self._descriptor, self._length)
        if content.header is None:
            self._append(header)
            return
        self._check(content.header, _plain(header))
        self._recorded.extend(content.events)

    def _check(self, found: _Entry, header: _Entry) -> None:
        other = [name for name in header if found.get(name) != header[name]]
        if other:
            was = ", ".join(f"{name}={found.get(name)}, not {header[name]}" for name in other)
            raise JournalError(f"{self._path} is of another run: it has {was}")

    def peek(self) -> Event | None:
        """The next event to replay; None: the run goes on live."""
        return self._recorded[0] if self._recorded else None

    def record(self, event: E) -> E:
        """Append an event; while replaying, check it and return it as it was recorded."""
        if not self._recorded:
            if self._descriptor >= 0:
                self._append(_encode(event))
            self.last_s = max(self.last_s, event.time_s)
            return event
        recorded = self._recorded[0]
        was, now = _plain(_encode(recorded)), _plain(_encode(event))
        for name in _REPEATED:
            if was.get(name) != now.get(name):
                raise JournalError(
                    f"{self._path} cannot be replayed: at {recorded.time_s:.1f} s the run had "
                    f"{was['event']} with {name}={was.get(name)}, and now has "
                    f"{now['event']} with {name}={now.get(name)}. Method or task have changed; "
                    "remove the journal to run anew"
                )
        return cast(E, self.take())

    def take(self) -> Event:
        """The next event to replay, which is then over."""
        event = self._recorded.popleft()
        self.last_s = max(self.last_s, event.time_s)
        return event

    def _append(self, entry: _Entry) -> None:
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

    def __exit__(self, *_about: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


@dataclass(slots=True)
class _Content:
    """What a journal says; `chain`: the last link, None in those of older versions."""

    header: _Entry | None = None
    events: list[Event] = field(default_factory=list)
    chain: str | None = ""
    _jobs: dict[int, Job] = field(default_factory=dict)
    _running: dict[int, Started] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path, text: bytes) -> Self:
        """Read the lines; what follows the last line break is left out."""
        lines = text[: text.rfind(b"\n") + 1].split(b"\n")[:-1]
        _check_version(path, lines[0] if lines else text)
        content = cls(chain="" if not lines or any(map(_CHAINED.search, lines)) else None)
        for number, line in enumerate(lines, 1):
            try:
                content._take(line)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                why = f"it lacks {error.args[0]}" if isinstance(error, KeyError) else error
                raise JournalError(
                    f"{path}, line {number}, is damaged ({why}). Keep the first {number - 1} "
                    "lines, which are whole, to go on from there, or remove the file to run anew"
                ) from error
        return content

    def _take(self, line: bytes) -> None:
        if self.chain is not None:
            self.chain = _checked(self.chain, line)
        entry: _Entry = json.loads(line)
        if self.header is not None:
            self.events.append(self._event(entry))
        elif isinstance(entry, dict):
            self.header = entry
        else:
            raise ValueError("it does not say of which run the journal is")

    def _event(self, entry: _Entry) -> Event:
        kind = entry["event"]
        if kind == "ask":
            job = None if entry["job"] is None else Job(*entry["job"])
            if job is not None:
                self._jobs[job.trial] = job
            return Asked(_decision(entry, none=job is None), job)
        if kind == "tell":
            return Told(_decision(entry), entry["trial"])
        if kind == "start":
            return self._started(entry)
        if kind == "outcome":
            return self._finished(entry)
        raise ValueError(f"it has an event of an unknown kind, {kind!r}")

    def _started(self, entry: _Entry) -> Started:
        job = self._jobs.get(entry["trial"])
        if job is None:
            raise ValueError(f"it starts trial {entry['trial']}, for which nobody asked")
        started = Started(entry["time_s"], job, entry["worker"], entry["to_resource"])
        self._running[started.worker] = started
        return started

    def _finished(self, entry: _Entry) -> Finished:
        started = self._running.pop(entry["worker"], None)
        if started is None or started.job.trial != entry["trial"]:
            raise ValueError(f"it ends a job of trial {entry['trial']}, which no worker has")
        outcome = Outcome(
            started.job,
            started.worker,
            started.time_s,
            entry["time_s"],
            decode(entry["evaluation"]),
            entry["cut"],
        )
        size = entry["checkpoint_bytes"]
        file = File(size, entry.get("checkpoint_hash", "")) if size else None
        return Finished(outcome, entry["lost"], entry["holds"], file)


def _check_version(path: Path, first: bytes) -> None:
    """Of another version nothing but the version is known."""
    try:
        found = json.loads(first or b"{}").get("journal", VERSION)
    except (ValueError, AttributeError, RecursionError):
        return  # damaged, as is said of any line
    if found != VERSION:
        raise JournalError(
            f"{path} has version {found}, and this program writes version {VERSION}: finish the "
            "run with the program that began it, or remove the journal to run it anew"
        )


def _link(chain: str, text: bytes) -> str:
    return hashlib.blake2b(chain.encode() + text, digest_size=8).hexdigest()


def _checked(chain: str, line: bytes) -> str:
    """The next link of the chain; ValueError: the line is not as it was written."""
    text, _, tail = line.rpartition(_CHAIN)
    chain = _link(chain, text)
    if tail != chain.encode() + b'"}':
        raise ValueError("it is not as it was written")
    return chain


def _encode(event: Event) -> _Entry:
    """The line of an event, before it is text."""
    match event:
        case Asked(decision, job):
            return {"event": "ask", **_times(decision), "job": job}
        case Told(decision, trial):
            return {"event": "tell", **_times(decision), "trial": trial}
        case Started(time_s, job, worker, to_resource):
            about = {"trial": job.trial, "worker": worker, "to_resource": to_resource}
            return {"event": "start", "time_s": time_s, **about}
        case Finished(outcome, lost, holds, file):
            size, digest = file or (0, "")
            return {
                "event": "outcome",
                "time_s": outcome.end_s,
                "trial": outcome.job.trial,
                "worker": outcome.worker,
                "cut": outcome.cut,
                "lost": lost,
                "holds": holds,
                "checkpoint_bytes": size,
                "checkpoint_hash": digest,
                "evaluation": encode(outcome.evaluation),
            }


def _times(decision: Decision) -> _Entry:
    return {"time_s": decision.time_s, "seconds": decision.seconds, "cpu_s": decision.cpu_s}


def _decision(entry: _Entry, none: bool = False) -> Decision:
    cpu_s = entry.get("cpu_s", math.nan)  # journals of older versions have none
    return Decision(entry["event"], entry["time_s"], entry["seconds"], cpu_s, none)


def _scalar(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} cannot be written to a journal")


def _plain(entry: _Entry) -> _Entry:
    """As it would be read back."""
    plain: _Entry = json.loads(json.dumps(entry, default=_scalar))
    return plain


def encode(evaluation: Evaluation) -> _Entry:
    """An evaluation less its checkpoint as plain lists; floats survive to the bit."""
    fields = evaluation._asdict() | {"checkpoint": None}
    fields["constraints"] = {name: slack.tolist() for name, slack in fields["constraints"].items()}
    return {
        name: field.tolist() if isinstance(field, np.ndarray) else field
        for name, field in fields.items()
        if field is not None
    }


def decode(entry: _Entry) -> Evaluation:
    """The evaluation that `encode` wrote."""
    arrays = {
        name: np.array(field, dtype=float)
        for name, field in entry.items()
        if isinstance(field, list)
    }
    slacks = {name: np.array(slack, float) for name, slack in entry["constraints"].items()}
    return Evaluation(**{**entry, **arrays, "constraints": slacks})
