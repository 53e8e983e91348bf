"""A method made of any searcher and any scheduler."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hpobench.contracts import Scheduler, Searcher
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space import Configuration, Space


class Composite:
    """The searcher says which configuration, the scheduler how far and when.

    `points_to_evaluate` are tried before the searcher is asked: a list of configurations, in each
    of which missing hyperparameters take their defaults, or the word `default` for an entry.
    """

    def __init__(
        self,
        space: Space,
        fidelity: Fidelity,
        rng: np.random.Generator,
        workers: int,  # noqa: ARG002  (part of the contract of methods)
        searcher: Callable[..., Searcher],
        scheduler: Callable[..., Scheduler],
        points_to_evaluate: Sequence[Mapping[str, Any] | str] = (),
    ) -> None:
        self._searcher = searcher(space=space, rng=rng)
        self._scheduler = scheduler(fidelity=fidelity)
        self._first = deque(_complete(space, point) for point in points_to_evaluate)
        exclude: Callable[[Configuration], None] | None = getattr(self._searcher, "exclude", None)
        if exclude is not None:
            for config in self._first:
                exclude(config)
        self._configs: list[Configuration] = []
        self._reached: list[float] = []
        self._pending: dict[int, Job] = {}

    def ask(self) -> Job | None:
        step = self._scheduler.next()
        if step is None:
            return None
        trial, to_resource = step
        if trial == len(self._configs):
            config = self._first.popleft() if self._first else self._searcher.suggest(self._pending)
            if config is None:
                self._scheduler.exhausted()
                step = self._scheduler.next()
                if step is None:
                    return None
                trial, to_resource = step
            else:
                self._configs.append(config)
                self._reached.append(0)
        job = Job(trial, self._configs[trial], self._reached[trial], to_resource)
        self._pending[trial] = job
        return job

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        del self._pending[job.trial]
        self._reached[job.trial] = job.to_resource
        self._searcher.observe(job, evaluation)
        self._scheduler.report(job.trial, job.to_resource, evaluation.value)

    def refuse(self, job: Job) -> None:
        """No trial can be started any more: forget the one that was."""
        del self._pending[job.trial], self._configs[job.trial], self._reached[job.trial]
        self._scheduler.exhausted()


def _complete(space: Space, point: Mapping[str, Any] | str) -> Configuration:
    if isinstance(point, str) and point != "default":
        raise ValueError(f"points_to_evaluate: {point!r} is neither 'default' nor a configuration")
    config = space.default({} if isinstance(point, str) else point)
    space.validate(config)
    return config
