"""What a job knows before it ends: a training may report each epoch as it passes.

    from hpobench.progress import report

    report(epoch, error, test_value=test_error)

In the loop of a `TrainingLoop` (`hpobench.tasks.loops`) these reports are what the task returns,
in the direction of the user's metric, and `report` ends the loop when it has trained as far as it
was asked to. A `FunctionTask`, of which what the function returns counts, refuses reports with an
error. In any other task values are minimised; under the real executor the report is written
to a file, so that it outlives a worker that is killed at the end of the budget, at a time-out, or
by the system. Anywhere else, as in a script of one's own, it does nothing.
"""

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpobench.records import Evaluation
from hpobench.system import atomic


class JobStoppedError(Exception):
    """Raised by `report` in a job that has run past its limit: nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was reported, as it was given."""

    resource: float
    value: float
    true_value: float | None = None
    test_value: float | None = None
    train_value: float | None = None
    constraints: Mapping[str, float] | None = None
    cost_s: float | None = None
    save: Callable[[Path], Any] | None = None


@dataclass(frozen=True, slots=True)
class _Sink:
    path: Path
    descriptor: int
    began: float
    limit_s: float


_sink: ContextVar[_Sink | None] = ContextVar("progress", default=None)
_listener: ContextVar[Callable[[Report], None] | None] = ContextVar("listener", default=None)


def report(
    resource: float,
    value: float,
    *,
    true_value: float | None = None,
    test_value: float | None = None,
    train_value: float | None = None,
    constraints: Mapping[str, float] | None = None,
    cost_s: float | None = None,
    save: Callable[[Path], Any] | None = None,
) -> None:
    """Make an observation known now; `constraints` are slacks by metric, in a loop the metrics.

    In the loop of a `TrainingLoop` alone: `cost_s`, seconds that this step took on the simulated
    clock; `save`, a function that writes the state of the training into a folder, called if the
    training is paused here.
    """
    said = Report(resource, value, true_value, test_value, train_value, constraints, cost_s, save)
    listener = _listener.get()
    if listener is None:
        _write(said)
    else:
        listener(said)


def _write(said: Report) -> None:
    """Into the file of the real executor, if there is one. Values are minimised."""
    sink = _sink.get()
    if sink is None:
        return
    seconds = time.perf_counter() - sink.began
    slacks = {name: float(slack) for name, slack in (said.constraints or {}).items()}
    others = (said.true_value, said.test_value)
    row = [float(said.resource), seconds, float(said.value), *map(_float, others), slacks]
    row.append(_float(said.train_value))
    # Unbuffered: what was reported is there, whatever happens to the process.
    with atomic.ours(sink.path):
        atomic.append(sink.descriptor, f"{json.dumps(row)}\n".encode())
    if seconds > sink.limit_s:
        raise JobStoppedError(
            f"stopped after {seconds:.1f} s, beyond the limit of {sink.limit_s:.1f} s"
        )


@contextmanager
def heard_by(listener: Callable[[Report], None]) -> Iterator[None]:
    """Give the reports of the code within to `listener`, whose own are written."""

    def hear(said: Report) -> None:
        token = _listener.set(None)
        try:
            listener(said)
        finally:
            _listener.reset(token)

    token = _listener.set(hear)
    try:
        yield
    finally:
        _listener.reset(token)


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


@contextmanager
def reporting_to(path: Path, began: float, limit_s: float = math.inf) -> Iterator[None]:
    """Send the reports of the code within to `path`, timed from `began` (`time.perf_counter`).

    The file is removed at the end: it is read only where the end is never reached.
    """
    with atomic.ours(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    token = _sink.set(_Sink(path, descriptor, began, limit_s))
    try:
        yield
    finally:
        _sink.reset(token)
        os.close(descriptor)
        with atomic.ours(path):
            path.unlink(missing_ok=True)


def read(path: Path) -> Evaluation:
    """What a job had reported; the last line may have been cut short."""
    with atomic.ours(path):
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return as_evaluation([json.loads(line) for line in lines])


def as_evaluation(rows: list[list[Any]]) -> Evaluation:
    """Rows of (resource, seconds, value, true value, test value, slacks, train value)."""
    columns = zip(*rows, strict=True) if rows else ((),) * 7
    resources, seconds, values, true, test, slacks, train = columns
    names = sorted(set.intersection(*map(set, slacks))) if slacks else []
    return Evaluation(
        resources=np.array(resources, dtype=float),
        seconds=np.array(seconds, dtype=float),
        values=np.array(values, dtype=float),
        duration_s=float(seconds[-1]) if seconds else 0.0,
        true_values=None if None in true else np.array(true, dtype=float),
        test_values=None if None in test else np.array(test, dtype=float),
        train_values=None if None in train else np.array(train, dtype=float),
        constraints={name: np.array([row[name] for row in slacks]) for name in names},
    )
