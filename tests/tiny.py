"""Tiny tasks and methods with scripted answers, for timelines that can be worked out by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hpobench.loop.events import Decision, Event, Outcome
from hpobench.records import Evaluation, EvaluationError, Fidelity, Job, Metric
from hpobench.space.space import Space


class ScriptedTask:
    """Trial number = the value of `x`; epoch costs and values are looked up by it.

    `costs[x]`: seconds an epoch; `values[x]`: final value (the curve is flat) or a list by epoch.
    """

    def __init__(
        self,
        costs: Sequence[float],
        values: Sequence[Any] | None = None,
        fidelity: Fidelity | None = None,
        can_checkpoint: bool = True,
        fail: Mapping[int, float] | None = None,
    ) -> None:
        self.space = Space({"x": {"type": "ordinal", "values": list(range(len(costs)))}})
        self.fidelity = fidelity or Fidelity()
        self.metric = Metric("loss", "loss")
        self.constraints = ()
        self.optimum = self.median = None
        self.can_checkpoint = can_checkpoint
        self.costs = costs
        self.values = values or [float(x) for x in range(len(costs))]
        self.fail = fail or {}
        self.seen: list[tuple[Job, int, Any]] = []

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:
        self.seen.append((job, seed, checkpoint))
        x = job.config["x"]
        if x in self.fail:
            raise EvaluationError("diverged", seconds=self.fail[x])
        base = 0 if checkpoint is None else int(job.from_resource)
        epochs = np.arange(int(job.from_resource) + 1, int(job.to_resource) + 1)
        curve = self.values[x]
        values = [curve[e - 1] if isinstance(curve, list) else curve for e in epochs]
        seconds = (epochs - base) * float(self.costs[x])
        return Evaluation(
            resources=epochs.astype(float),
            seconds=seconds,
            values=np.array(values, dtype=float),
            duration_s=float(seconds[-1]),
            checkpoint=job.to_resource,
        )


class ScriptedMethod:
    """Gives a list of jobs (x, from, to), or None to wait once; remembers what it was told."""

    def __init__(self, jobs: Sequence[tuple[int, float, float] | None]) -> None:
        self.jobs = list(jobs)
        self.told: list[tuple[int, float]] = []

    def ask(self) -> Job | None:
        step = self.jobs.pop(0) if self.jobs else None
        return None if step is None else Job(step[0], {"x": step[0]}, step[1], step[2])

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        self.told.append((job.trial, evaluation.value))


def timeline(events: Sequence[Event]) -> list[tuple[float, float, int, int, float]]:
    """(start, end, worker, trial, known observations) of each job in order of ending."""
    return [
        (e.start_s, e.end_s, e.worker, e.job.trial, len(e.evaluation.values))
        for e in events
        if isinstance(e, Outcome)
    ]


def decisions(events: Sequence[Event]) -> list[tuple[str, float]]:
    """(kind, time) of each decision."""
    return [(e.kind, e.time_s) for e in events if isinstance(e, Decision)]
