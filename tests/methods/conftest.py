"""Tiny tasks and helpers for the tests of methods."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from hpobench.loop.budget import Budget
from hpobench.loop.events import Outcome
from hpobench.loop.simulator import simulate
from hpobench.methods.composite import Composite
from hpobench.records import Evaluation, Fidelity, Job, Metric
from hpobench.space.space import Space

MIXED = Space(
    {
        "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
        "units": {"type": "integer", "low": 1, "high": 64, "log": True},
        "width": {"type": "ordinal", "values": [1, 2, 8, 16], "scale": "log"},
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
    }
)
FINITE = Space(
    {
        "layers": {"type": "integer", "low": 1, "high": 3},
        "depth": {"type": "ordinal", "values": [10, 20]},
        "kind": {"type": "categorical", "values": ["a", "b"]},
    }
)
POINT = Space({"only": {"type": "ordinal", "values": [1]}})
EPOCHS = Fidelity("epochs", 1, 9)


class FakeTask:
    """Value and cost a unit of resource are given functions of the configuration."""

    constraints = ()
    optimum = median = None
    metric = Metric("loss", "loss")

    def __init__(
        self,
        space: Space = MIXED,
        fidelity: Fidelity = EPOCHS,
        value_of: Callable[[Mapping[str, Any], float], float] | None = None,
        cost_of: Callable[[Mapping[str, Any]], float] | None = None,
        can_checkpoint: bool = True,
    ) -> None:
        self.space = space
        self.fidelity = fidelity
        self.can_checkpoint = can_checkpoint
        self._value_of = value_of or (lambda *_: 0.0)
        self._cost_of = cost_of or (lambda _: 1.0)

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:
        trained = 0 if checkpoint is None else job.from_resource
        duration_s = self._cost_of(job.config) * (job.to_resource - trained)
        return Evaluation(
            resources=np.array([job.to_resource], dtype=float),
            seconds=np.array([duration_s], dtype=float),
            values=np.array([self._value_of(job.config, job.to_resource)], dtype=float),
            duration_s=duration_s,
            checkpoint=job.to_resource,
        )


@dataclass
class Scripted:
    """A searcher that reads its configurations {"x": 0}, {"x": 1}, ... off a list."""

    configs: Iterator[int]

    def suggest(self, pending: Mapping[int, Job]) -> dict[str, Any] | None:
        number = next(self.configs, None)
        return None if number is None else {"x": number}

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        """A script does not listen."""


@pytest.fixture
def make_task():
    return FakeTask


@pytest.fixture
def spaces():
    return {"mixed": MIXED, "finite": FINITE, "point": POINT}


@pytest.fixture
def run():
    """Simulate to the end: the outcomes in order."""

    def run(task: FakeTask, method: Any, workers: int = 1, **budget: float) -> list[Outcome]:
        limits = Budget(**(budget or {"time_s": 1e9}))
        events = simulate(task, method, budget=limits, seed=1, workers=workers)
        return [event for event in events if isinstance(event, Outcome)]

    return run


@pytest.fixture
def timeline(run):
    """(start, end, worker, trial, from, to) of all jobs, for values and unit costs by trial."""

    def timeline(
        scheduler: Callable[..., Any],
        fidelity: Fidelity,
        values: Sequence[float],
        workers: int,
        costs: Sequence[float] | None = None,
        can_checkpoint: bool = True,
        **settings: Any,
    ) -> list[tuple[float, ...]]:
        space = Space({"x": {"type": "integer", "low": 0, "high": 99}})
        task = FakeTask(
            space,
            fidelity,
            value_of=lambda config, _: values[config["x"]],
            cost_of=lambda config: costs[config["x"]] if costs else 1.0,
            can_checkpoint=can_checkpoint,
        )
        method = Composite(
            space,
            fidelity,
            np.random.default_rng(0),
            workers,
            lambda **_: Scripted(iter(range(len(values)))),
            scheduler,
            **settings,
        )
        return [
            (o.start_s, o.end_s, o.worker, o.job.trial, o.job.from_resource, o.job.to_resource)
            for o in run(task, method, workers)
        ]

    return timeline
