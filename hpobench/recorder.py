"""Watches the events of one run and turns them into columns, in memory."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpobench.hyperparameters import FloatArray
from hpobench.schema import SLACK
from hpobench.simulator import Decision, Event, Outcome
from hpobench.space import Configuration

Columns = dict[str, NDArray[Any]]


@dataclass(slots=True)
class Recorder:
    """What became known in one run so far."""

    outcomes: list[Outcome] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    def watch(self, events: Iterable[Event]) -> None:
        """Take in all events; what came before an exception stays recorded."""
        add_outcome, add_decision = self.outcomes.append, self.decisions.append
        for event in events:
            if type(event) is Decision:
                add_decision(event)
            else:
                add_outcome(event)  # type: ignore[arg-type]

    def check(self) -> None:
        """Raise ValueError if the observations of some job are not in order of time."""
        seconds = [outcome.evaluation.seconds for outcome in self.outcomes]
        if not seconds:
            return
        ends = np.cumsum([len(some) for some in seconds])
        rises = np.diff(np.concatenate(seconds)) >= 0
        rises[ends[(ends > 0) & (ends < ends[-1])] - 1] = True  # from one job to the next
        if not rises.all():
            job = self.outcomes[int(np.searchsorted(ends, np.argmin(rises), "right"))].job
            raise ValueError(f"the task returned times that do not rise, for {job}")

    @property
    def end_time_s(self) -> float:
        """When the last job ended, or was cut by the end of the budget."""
        return max((outcome.end_s for outcome in self.outcomes), default=0.0)

    def trials(self) -> list[tuple[int, Configuration]]:
        """The trials that were started, by number."""
        configs = {outcome.job.trial: outcome.job.config for outcome in self.outcomes}
        return sorted(configs.items(), key=lambda item: item[0])

    def observations(self) -> Columns:
        """Columns of `schema.OBSERVATIONS` less the key and status, in order of time."""
        evaluations = [outcome.evaluation for outcome in self.outcomes]
        counts = np.array([len(e.values) for e in evaluations], dtype=np.int64)

        def per_job(numbers: list[Any]) -> NDArray[Any]:
            return np.repeat(np.array(numbers), counts)

        columns: Columns = {
            "trial": per_job([outcome.job.trial for outcome in self.outcomes]),
            "resource": _joined([e.resources for e in evaluations], counts),
            "time_s": per_job([outcome.start_s for outcome in self.outcomes])
            + _joined([e.seconds for e in evaluations], counts),
            "value": _joined([e.values for e in evaluations], counts),
            "true_value": _joined([e.true_values for e in evaluations], counts),
            "test_value": _joined([e.test_values for e in evaluations], counts),
            "worker": per_job([outcome.worker for outcome in self.outcomes]),
        }
        for name in sorted({name for e in evaluations for name in e.constraints}):
            slack = _joined([e.constraints.get(name) for e in evaluations], counts)
            # What could not be measured is not feasible.
            columns[SLACK + name] = np.where(np.isnan(slack), -np.inf, slack)
        order = np.argsort(columns["time_s"], kind="stable")
        return {name: column[order] for name, column in columns.items()}

    def job_columns(self) -> Columns:
        """Columns of `schema.JOBS` less the key; `status` as a position in `JOB_STATUS`."""
        done = self.outcomes
        status = [2 if o.cut else int(o.evaluation.value == math.inf) for o in done]
        sources = [-1 if (source := o.job.source) is None else source for o in done]
        return {
            "trial": np.array([o.job.trial for o in done], dtype=np.int32),
            "worker": np.array([o.worker for o in done], dtype=np.int32),
            "from_resource": np.array([o.job.from_resource for o in done], dtype=float),
            "to_resource": np.array([o.job.to_resource for o in done], dtype=float),
            "source": np.array(sources, dtype=np.int32),
            "start_s": np.array([o.start_s for o in done], dtype=float),
            "end_s": np.array([o.end_s for o in done], dtype=float),
            "status": np.array(status, dtype=np.int32),
            "error": np.array([o.evaluation.error or "" for o in done], dtype=object),
        }

    def decision_columns(self) -> Columns:
        """Columns of `schema.DECISIONS` less the key; `kind` as 0 (ask) or 1 (tell)."""
        columns = zip(*self.decisions, strict=True) if self.decisions else ((),) * 4
        kinds, times, seconds, cpu_s = columns
        return {
            "kind": np.array([kind == "tell" for kind in kinds], dtype=np.int32),
            "time_s": np.array(times, dtype=float),
            "seconds": np.array(seconds, dtype=np.float32),
            "cpu_s": np.array(cpu_s, dtype=np.float32),
        }


def _joined(arrays: Sequence[FloatArray | None], counts: NDArray[np.int64]) -> FloatArray:
    """All arrays one after the other; as many NaN in the place of one that is missing."""
    present = [array for array in arrays if array is not None]
    if not present:
        return np.full(counts.sum(), np.nan)
    if len(present) < len(arrays):
        pairs = zip(arrays, counts, strict=True)
        present = [np.full(count, np.nan) if a is None else a for a, count in pairs]
    return np.concatenate(present)
