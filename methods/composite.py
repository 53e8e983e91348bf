"""A method made of any searcher and any scheduler."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from hpobench.contracts import Excludes, HearsJobs, Scheduler, Searcher, SetsUp, hook
from hpobench.methods.batches import Batches
from hpobench.methods.first_points import first_points
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Configuration, Space


class Composite:
    """The searcher says which configuration, the scheduler how far and when.

    `points_to_evaluate` are tried before the searcher is asked: a list of configurations, in each
    of which missing hyperparameters take their defaults, or the word `default` for an entry.

    A searcher whose constructor names `fidelity` is given it, for it is part of the task. A
    scheduler whose constructor names `space` or `rng` is given them, the latter a generator of its
    own, so that the searcher draws the same numbers under any scheduler.

    `batch` jobs are chosen from the same knowledge, and `wait` says whether all of them end before
    the next batch begins (see `Batches`).
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
        batch: int = 1,
        wait: bool = False,
    ) -> None:
        self._batches = Batches(batch, wait, self._hear)
        extras: dict[str, Any] = {}
        if "fidelity" in _arguments(getattr(searcher, "func", searcher)):
            extras["fidelity"] = fidelity
        self._searcher = searcher(space=space, rng=rng, **extras)
        extras = {}
        arguments = _arguments(getattr(scheduler, "func", scheduler))
        if "space" in arguments:
            extras["space"] = space
        if "rng" in arguments:
            extras["rng"] = rng.spawn(1)[0]
        self._scheduler = scheduler(fidelity=fidelity, **extras)
        self._hears = hook(self._scheduler, HearsJobs)
        excludes = hook(self._searcher, Excludes)
        self._first = first_points(
            space, points_to_evaluate, excludes.exclude if excludes else None
        )
        self._configs: list[Configuration] = []
        self._reached: list[float] = []
        self._pending: dict[int, Job] = {}

    def set_up(self) -> None:
        """Let the searcher set itself up, if it has to."""
        if (owner := hook(self._searcher, SetsUp)) is not None:
            owner.set_up()

    def ask(self) -> Job | None:
        return self._batches.ask(self._choose)

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        self._batches.tell(job, evaluation)

    def refuse(self, job: Job) -> None:
        """No trial can be started any more: forget the one that was."""
        del self._pending[job.trial], self._configs[job.trial], self._reached[job.trial]
        self._scheduler.exhausted()
        self._batches.refuse()

    def _choose(self) -> Job | None:
        """The next job of scheduler and searcher."""
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

    def _hear(self, job: Job, evaluation: Evaluation) -> None:
        """Both learn from a job that ended."""
        del self._pending[job.trial]
        self._reached[job.trial] = job.to_resource
        self._searcher.observe(job, evaluation)
        if self._hears is not None:
            self._hears.observe(job, evaluation)
        self._scheduler.report(job.trial, job.to_resource, evaluation.value)


@cache
def _arguments(function: Callable[..., Any]) -> frozenset[str]:
    """The names of its arguments."""
    return frozenset(inspect.signature(function).parameters)
