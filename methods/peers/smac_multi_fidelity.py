"""SMAC3's multi-fidelity facade: Hyperband, with configurations from a random forest.

Lindauer et al. (2022), SMAC3: A Versatile Bayesian Optimization Package for Hyperparameter
Optimization, JMLR 23. SMAC decides on configuration and budget of each job.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpobench.methods.first_points import first_points
from hpobench.methods.peers.dimensions import Dimensions
from hpobench.methods.peers.library import GlobalRandomness, require
from hpobench.methods.peers.smac_facade import Session
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Configuration, Space


class SmacMultiFidelity:
    """A budget of SMAC is a resource; a configuration that it promotes is a trial that goes on.

    SMAC never waits: where no bracket of Hyperband can go on, it begins another one. A trial that
    failed is not run again: SMAC hears of the same failure at the next budget. Before it hears of
    any value, SMAC may draw a configuration a second time; that is then another trial.
    In a space with gaps the nearest configuration that was not tried is trained, and its value told
    as that of SMAC's own, which its brackets go on with. `points_to_evaluate` are trained to full
    resource beside its brackets, and told to it. `trials` is the number of trials that it plans
    for: at most a quarter of that number are random configurations at the beginning. Where SMAC is
    not asked, or has given up (see `Session`), configurations are random, at full resource, and
    told to it.

    Once a budget of trials is spent nothing is promoted any more: SMAC cannot be told that no new
    configuration may start, and would ask for them before it promotes others.
    """

    multi_fidelity = True

    def __init__(
        self,
        space: Space,
        fidelity: Fidelity,
        rng: np.random.Generator,
        workers: int,  # noqa: ARG002  (part of the contract of methods)
        library: str,
        trials: int = 100,
        most_pending: int = 100,
        points_to_evaluate: Sequence[Mapping[str, Any] | str] = (),
    ) -> None:
        self.version = require(library)
        self._dimensions = Dimensions(space)
        self._fidelity = fidelity
        self._planned, self._most_pending = trials, most_pending
        self._first = first_points(space, points_to_evaluate)
        self._seed = int(rng.integers(2**31))
        self._randomness = GlobalRandomness(self._seed)
        self._listed = isinstance(space, ListedSpace)
        self._tried: list[Configuration] = list(self._first) if self._listed else []
        self._session: Session | None = None
        self._ready: deque[Any] = deque()
        self._started = 0
        self._trials: dict[Any, _Trial] = {}
        self._asked: dict[int, Any] = {}

    def set_up(self) -> None:
        """Import SMAC, make the facade, and ask for the first trial.

        Configurations that are told before SMAC is first asked would be taken into its first
        bracket, which it then does not fill up.
        """
        if not len(self._dimensions):
            return
        with self._randomness.own():
            self._session = Session(
                self._dimensions,
                "MultiFidelityFacade",
                self._seed,
                self._most_pending,
                n_trials=self._planned,
                deterministic=True,
                min_budget=float(self._fidelity.r_min),
                max_budget=float(self._fidelity.r_max),
            )
            self._ready.append(self._session.ask())

    def ask(self) -> Job:
        if self._session is None:
            self.set_up()
        if self._session is None:
            config = self._first.popleft() if self._first else self._dimensions.decode({})
            return self._begin(config, self._fidelity.r_max)
        with self._randomness.own():
            if self._first:
                return self._extra(self._session, self._first.popleft())
            return self._next(self._session)

    def _begin(self, config: Configuration, resource: float) -> Job:
        self._started += 1
        return Job(self._started - 1, config, 0, resource)

    def _extra(self, session: Session, config: Configuration) -> Job:
        """A configuration that SMAC did not ask for."""
        job = self._begin(config, self._fidelity.r_max)
        values = self._dimensions.encode(config)
        self._asked[job.trial] = session.extra(values, float(self._fidelity.r_max))
        return job

    def _next(self, session: Session) -> Job:
        info = self._ready.popleft() if self._ready else session.ask()
        while info is not None and (trial := self._trials.get(info.config)) is not None:
            resource = self._resource(info.budget)
            if trial.failed:
                session.tell(info, math.inf)
                info = session.ask()
            elif trial.number in self._asked or trial.reached >= resource:
                break
            else:
                self._asked[trial.number] = info
                return Job(trial.number, trial.config, trial.reached, resource)
        config = session.draw() if info is None else info.config
        decoded = self._dimensions.decode(session.values(config), self._tried)
        if self._listed:
            self._tried.append(decoded)
        if info is None:
            return self._extra(session, decoded)
        job = self._begin(decoded, self._resource(info.budget))
        self._asked[job.trial] = info
        self._trials[config] = _Trial(job.trial, decoded)
        return job

    def _resource(self, budget: float) -> float:
        """A budget of SMAC as a resource: integers are rounded up, as SMAC's examples do."""
        low, high = self._fidelity.r_min, self._fidelity.r_max
        # It is a quotient of the full budget, and may miss an integer by a rounding error.
        level = math.ceil(budget * (1 - 1e-9)) if self._fidelity.integer else budget
        return min(max(level, low), high)

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        if self._session is None:
            return
        info = self._asked.pop(job.trial)
        trial = self._trials.get(info.config)
        if trial is not None and trial.number == job.trial:
            trial.reached = job.to_resource
            trial.failed = evaluation.value == math.inf
        with self._randomness.own():
            self._session.tell(info, evaluation.value)


@dataclass(slots=True)
class _Trial:
    """A configuration in SMAC's brackets, and how far it was trained."""

    number: int
    config: Configuration
    reached: float = 0
    failed: bool = False
