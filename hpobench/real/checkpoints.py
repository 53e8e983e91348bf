"""Checkpoints as files: how they are written, and which of them are kept.

A task may say how its training state is stored (`contracts.SavesCheckpoints`). Else the state must
be plain: numbers, text, None, NumPy arrays, and lists and dicts of these. No pickle is written or
loaded here.
"""

import json
import math
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hpobench.contracts import LoadsCheckpoints, SavesCheckpoints, Task, hook
from hpobench.system import atomic

_ARRAY = "__array__"
_STATE = "state"


class File(NamedTuple):
    """Size and hash of a checkpoint file; without a hash it is taken as it is."""

    size: int
    digest: str = ""

    def is_at(self, path: Path) -> bool:
        """Whether that file is there, as it was written."""
        return path.exists() and self.digest in ("", atomic.digest(path))


def save(task: Task, path: Path, state: Any) -> File:
    """Write the state, complete or not at all."""
    with atomic.draft(path) as aside:
        own = hook(task, SavesCheckpoints)
        (save_plain if own is None else own.save_checkpoint)(aside, state)
        return File(aside.stat().st_size, atomic.digest(aside))


def load(task: Task, path: Path) -> Any:
    """The state in a file that `save` wrote; raises StorageError if it cannot be read."""
    with atomic.ours(path):
        own = hook(task, LoadsCheckpoints)
        return (load_plain if own is None else own.load_checkpoint)(path)


def save_plain(path: Path, state: Any) -> None:
    """One npz file: the arrays, and the rest as JSON."""
    arrays: dict[str, Any] = {}
    text = json.dumps(_without_arrays(state, arrays))
    with path.open("wb") as file:
        np.savez(file, **arrays, **{_STATE: np.array(text)})  # type: ignore[arg-type]


def load_plain(path: Path) -> Any:
    """The state in a file that `save_plain` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return _with_arrays(json.loads(str(arrays[_STATE])), arrays)


def _without_arrays(node: Any, arrays: dict[str, Any]) -> Any:
    if isinstance(node, np.generic):
        return node.item()
    if isinstance(node, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = node
        return {_ARRAY: name}
    if isinstance(node, dict) and all(isinstance(key, str) for key in node):
        return {key: _without_arrays(item, arrays) for key, item in node.items()}
    if isinstance(node, list | tuple):
        return [_without_arrays(item, arrays) for item in node]
    if node is None or isinstance(node, bool | int | float | str):
        return node
    raise TypeError(
        f"a checkpoint holds a {type(node).__name__}, which is not plain: give the task "
        "save_checkpoint(path, state) and load_checkpoint(path)"
    )


def _with_arrays(node: Any, arrays: Any) -> Any:
    if isinstance(node, dict):
        if set(node) == {_ARRAY}:
            return arrays[node[_ARRAY]]
        return {key: _with_arrays(item, arrays) for key, item in node.items()}
    if isinstance(node, list):
        return [_with_arrays(item, arrays) for item in node]
    return node


@dataclass(frozen=True, slots=True)
class _Paused:
    resource: float
    file: File
    value: float


@dataclass(slots=True)
class Shelf:
    """The checkpoint files of one run: the last one of each paused trial.

    A file is removed when its trial goes on, fails, or reaches full resource. Together they take at
    most `limit_bytes`: beyond it the trials with the worst values lose theirs, and are trained from
    zero should the method come back to them.
    """

    folder: Path
    limit_bytes: float = math.inf
    _paused: dict[int, _Paused] = field(default_factory=dict)

    def path(self, trial: int, resource: float) -> Path:
        """Where the state of a trial at a resource is, or would be."""
        return self.folder / f"{trial}@{resource:g}"

    def find(self, trial: int, resource: float) -> Path | None:
        """The checkpoint from which a trial can go on, if it is kept."""
        paused = self._paused.get(trial)
        kept = paused is not None and paused.resource == resource
        return self.path(trial, resource) if kept else None

    def put(
        self, trial: int, resource: float, file: File, value: float, busy: Collection[int]
    ) -> None:
        """Keep a new file in the place of the trial's last one; `busy` trials need theirs."""
        self.remove(trial)
        self._paused[trial] = _Paused(resource, file, value)
        while sum(paused.file.size for paused in self._paused.values()) > self.limit_bytes:
            idle = [number for number in self._paused if number not in busy]
            if not idle:
                return
            self.remove(max(idle, key=lambda number: self._paused[number].value))

    def copy(self, source: int, trial: int, resource: float) -> None:
        """Give a new trial the checkpoint of another one, if it is kept."""
        if self.find(source, resource) is None:
            return
        self._paused[trial] = self._paused[source]
        file, copied = self.path(source, resource), self.path(trial, resource)
        # While a journal is replayed, files are as the interruption left them.
        with atomic.ours(copied):
            if file.exists() and not copied.exists():
                copied.hardlink_to(file)

    def remove(self, trial: int) -> None:
        """The trial needs no checkpoint any more."""
        paused = self._paused.pop(trial, None)
        if paused is not None:
            path = self.path(trial, paused.resource)
            with atomic.ours(path):
                path.unlink(missing_ok=True)

    def check(self) -> list[int]:
        """After an interruption: forget what is missing or damaged, and say so; remove strays."""
        paths = {trial: self.path(trial, paused.resource) for trial, paused in self._paused.items()}
        with atomic.ours(self.folder):
            missing = sorted(
                trial for trial, path in paths.items() if not self._paused[trial].file.is_at(path)
            )
            for trial in missing:
                del self._paused[trial]
            for path in set(self.folder.iterdir()) - set(paths.values()):
                # A worker that outlives its killed run for a moment may rename its draft meanwhile.
                path.unlink(missing_ok=True)
        return missing
