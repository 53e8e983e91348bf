"""A task that is tried out: jobs that it is given, and what it makes of them."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from hpobench.checking import evaluations
from hpobench.contracts import SaysWhetherReproducible, Task, hook
from hpobench.loop import failures
from hpobench.records import Evaluation, Fidelity, Job

_SEED = 11


class Report(NamedTuple):
    """What was found: `faults` break the contract, `notes` are to be known.

    `answers`: values of a few jobs, which must be the same in any other process.
    """

    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()
    answers: tuple[tuple[float, ...], ...] = ()


class BrokenError(Exception):
    """A fault after which nothing more can be tried."""


class FailedError(BrokenError):
    """An evaluation that has failed: it costs its trial, and nothing more."""


@dataclass
class Trying:
    """A task that is tried out: jobs at resources `low` < `high` (equal: there is one alone)."""

    task: Task
    low: float
    high: float
    config: dict[str, Any]
    seconds: list[float] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @cached_property
    def straight(self) -> Evaluation:
        """The default configuration, trained to `high` without a stop."""
        return self.run(self.job())

    @property
    def repeats(self) -> bool:
        """Whether its values are to be the same each time."""
        noise = getattr(self.task, "noise", None)
        if isinstance(noise, str):
            return noise != "unknown"
        knows = hook(self.task, SaysWhetherReproducible)
        return True if knows is None else bool(knows.reproducible)

    @property
    def repeats_costs(self) -> bool:
        """Whether its seconds are."""
        knows = hook(self.task, SaysWhetherReproducible)
        return knows is not None and bool(knows.reproducible)

    def job(self, start: float = 0, end: float | None = None, **other: Any) -> Job:
        """A job with the configuration that is tried, or with another."""
        return Job(0, dict(other or self.config), start, self.high if end is None else end)

    def run(self, job: Job, seed: int = _SEED, checkpoint: Any = None) -> Evaluation:
        """What the task makes of a job; raises BrokenError if that is no evaluation of it."""
        began = time.perf_counter()
        try:
            found = self.task.evaluate(job, seed, checkpoint)
        except BaseException as error:
            failures.contain(error)
            raise FailedError(
                f"evaluate() raised at {job.config}, which lies in the space: "
                f"{failures.in_words(error)}: mend it, or narrow the space (trials that fail cost "
                "their time and nothing else, but not the default configuration)"
            ) from error
        self.seconds.append(time.perf_counter() - began)
        for fault in evaluations.faults(found, job, self.task.constraints):
            raise BrokenError(fault)
        if words := evaluations.failure(found, job):
            raise FailedError(words)
        return found


def begun(task: Task, nearest: bool = False) -> Trying:
    """A task to be tried in its default configuration, at two levels; `nearest`: the lowest."""
    known = levels(task.fidelity)
    high = known[1] if nearest and len(known) > 1 else known[-1]
    return Trying(task, known[0], high, task.space.default())


def levels(fidelity: Fidelity) -> Sequence[float]:
    """Resources at which a task is tried, rising: its own, or the ends and some between."""
    if fidelity.single:
        return (fidelity.r_max,)
    if fidelity.levels:
        return fidelity.levels
    middle = (fidelity.r_min * fidelity.r_max) ** 0.5
    between = [fidelity.r_min + 1, math.floor(middle)] if fidelity.integer else [middle]
    ends = (fidelity.r_min, fidelity.r_max)
    return tuple(sorted({min(level, fidelity.r_max) for level in (*ends, *between)}))
