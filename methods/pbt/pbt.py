"""Population-based training: members train in parallel, and the worst copy the best.

Jaderberg et al. (2017), Population Based Training of Neural Networks, arXiv:1711.09846, Algorithm
1, with truncation selection as exploit, and perturb and resample as explore (Section 4.1).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hpobench.methods.first_points import first_points
from hpobench.methods.pbt.explore import Explorer
from hpobench.methods.schedulers.median_stopping import step_levels
from hpobench.methods.search.draws import Draws
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Configuration, Space

_FEWEST_MEMBERS = 10  # the smallest population of the paper's experiments


class PBT:
    """Members train in steps of `interval`; between two steps each may exploit and explore.

    Exploit: a member whose last value is among the worst `quantile` of its population goes on from
    the checkpoint of one of the best `quantile`, drawn evenly, if that one is better; a failed
    member always does, or begins anew. Copies are new trials (`Job.source`) with an explored
    configuration: see `Explorer` for `factors`, `resample`, `mutable` and `frozen`.

    `interval`: null, a tenth of the largest resource. `population`: null, as many as there are
    workers, and at least 10. With fewer workers than members, those with the least resource go
    first. When workers would be idle, another population begins.

    A task that cannot checkpoint charges a copy from zero. Tables know no inherited weights: there
    the values of a copy are those of its own configuration at the same resource, an approximation
    in its favour, for it never paid for the training up to there.
    """

    multi_fidelity = True

    def __init__(
        self,
        space: Space,
        fidelity: Fidelity,
        rng: np.random.Generator,
        workers: int,
        population: int | None = None,
        interval: float | None = None,
        quantile: float = 0.2,
        factors: Sequence[float] = (0.8, 1.2),
        resample: float = 0.25,
        mutable: Sequence[str] | None = None,
        frozen: Sequence[str] = (),
        points_to_evaluate: Sequence[Mapping[str, Any] | str] = (),
    ) -> None:
        size = max(workers, _FEWEST_MEMBERS) if population is None else population
        if not size >= 2 or size % 1:
            raise ValueError(f"population={size}: a whole number of members, at least 2")
        if not 0 < quantile <= 0.5:
            raise ValueError(f"quantile={quantile}: in (0, 0.5]; 0.2 in the paper")
        self._space, self._rng, self._size, self._quantile = space, rng, size, quantile
        self._levels = step_levels(fidelity, fidelity.r_max / 10 if interval is None else interval)
        self._explore = Explorer(space, rng, factors, resample, mutable, frozen)
        self._draws = Draws(space, rng)
        self._first = first_points(space, points_to_evaluate, self._draws.exclude)
        self._populations: list[list[_Member]] = []
        self._running: dict[int, _Member] = {}
        self._trials = 0
        self._open = True

    def ask(self) -> Job | None:
        if not self._open:
            self._end_what_cannot_go_on()
        self._populations = [one for one in self._populations if not all(m.ended for m in one)]
        for population in self._populations:
            waiting = [member for member in population if not (member.running or member.ended)]
            if waiting:
                return self._next(population, min(waiting, key=lambda member: member.steps))
        if not self._open:
            return None
        population = [_Member() for _ in range(self._size)]
        self._populations.append(population)
        return self._next(population, population[0])

    def _end_what_cannot_go_on(self) -> None:
        for population in self._populations:
            for member in population:
                if not member.running and (member.state is None or member.failed):
                    member.ended = True

    def _next(self, population: "list[_Member]", member: "_Member") -> Job:
        """The next step of a member, which may become a copy of another one before."""
        state = member.before = member.state
        donor = self._donor(population, member) if self._open else None
        if donor is not None:
            state = _State(self._take(), self._explore(donor.config), donor.steps)
        elif state is None or member.failed:
            state = _State(self._take(), self._fresh())
        member.state, member.running = state, True
        self._running[state.trial] = member
        reached = self._levels[state.steps - 1] if state.steps else 0
        source = None if donor is None else donor.trial
        return Job(state.trial, state.config, reached, self._levels[state.steps], source)

    def _take(self) -> int:
        self._trials += 1
        return self._trials - 1

    def _fresh(self) -> Configuration:
        """The configuration of a new member; of a finite space again once all were drawn."""
        if self._first:
            return self._first.popleft()
        drawn = self._draws.draw()
        return self._space.sample(self._rng, 1)[0] if drawn is None else drawn

    def _donor(self, population: "list[_Member]", member: "_Member") -> "_State | None":
        """Truncation selection: whom the member copies, if it is among the worst.

        Ranked by their last values are the members whose training has not ended. The place of one
        that was replaced keeps its value until the copy has one: it is not replaced twice, nor is
        the next worst in its place.
        """
        ranked = [one for one in population if one.value is not None and not one.ended]
        ranked.sort(key=lambda one: one.rank)
        count = max(1, math.floor(self._quantile * len(ranked)))
        best = [one.state for one in ranked[:count] if one.rank < member.rank]
        donors = [state for state in best if state is not None and state.told]
        worst = member.failed or any(one is member for one in ranked[-count:])
        if not (worst and donors):
            return None
        return donors[int(self._rng.integers(len(donors)))]

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        member = self._running.pop(job.trial)
        assert member.state is not None
        member.state = member.state._replace(steps=member.state.steps + 1, told=True)
        member.value, member.running = evaluation.value, False
        member.ended = job.to_resource == self._levels[-1] and not member.failed

    def refuse(self, job: Job) -> None:
        """No trial can be started any more: members go on as they are."""
        member = self._running.pop(job.trial)
        member.state, member.running = member.before, False
        self._open = False
        self._trials -= 1


class _State(NamedTuple):
    """A trial after `steps` steps; `told`: it has a value, and a checkpoint, of its own."""

    trial: int
    config: Configuration
    steps: int = 0
    told: bool = False


@dataclass(eq=False, slots=True)
class _Member:
    """A place in a population: the trial that holds it, None before the first, and its value."""

    state: _State | None = None
    before: _State | None = None
    value: float | None = None
    running: bool = False
    ended: bool = False

    @property
    def steps(self) -> int:
        """How far it is."""
        return self.state.steps if self.state else 0

    @property
    def rank(self) -> float:
        """The last value, infinite if there is none."""
        return math.inf if self.value is None else self.value

    @property
    def failed(self) -> bool:
        """Whether training went wrong, so that it cannot go on."""
        return self.value == math.inf
