"""What a job knows before it ends: a task may report each epoch as it passes.

    from hpobench import progress

    progress.report(epoch, error, test_value=test_error)

Under the real executor the report is written to a file, so that it outlives a worker that is
killed at the end of the budget, at a time-out, or by the system. Anywhere else it does nothing.
A task that never reports keeps only what it returns.
"""

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
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
class _Sink:
    path: Path
    descriptor: int
    began: float
    limit_s: float


_sink: ContextVar[_Sink | None] = ContextVar("progress", default=None)


def report(
    resource: float,
    value: float,
    *,
    true_value: float | None = None,
    test_value: float | None = None,
    constraints: Mapping[str, float] | None = None,
) -> None:
    """Make an observation known now; `value` is minimised, `constraints` are slacks by metric."""
    sink = _sink.get()
    if sink is None:
        return
    seconds = time.perf_counter() - sink.began
    slacks = {name: float(slack) for name, slack in (constraints or {}).items()}
    row = [float(resource), seconds, float(value), _float(true_value), _float(test_value), slacks]
    # Unbuffered: what was reported is there, whatever happens to the process.
    with atomic.ours(sink.path):
        atomic.append(sink.descriptor, f"{json.dumps(row)}\n".encode())
    if seconds > sink.limit_s:
        raise JobStoppedError(
            f"stopped after {seconds:.1f} s, beyond the limit of {sink.limit_s:.1f} s"
        )


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
    """Rows of (resource, seconds, value, true value, test value, slacks) as an evaluation."""
    resources, seconds, values, true, test, slacks = zip(*rows, strict=True) if rows else ((),) * 6
    names = sorted(set.intersection(*map(set, slacks))) if slacks else []
    return Evaluation(
        resources=np.array(resources, dtype=float),
        seconds=np.array(seconds, dtype=float),
        values=np.array(values, dtype=float),
        duration_s=float(seconds[-1]) if seconds else 0.0,
        true_values=None if None in true else np.array(true, dtype=float),
        test_values=None if None in test else np.array(test, dtype=float),
        constraints={name: np.array([row[name] for row in slacks]) for name in names},
    )
