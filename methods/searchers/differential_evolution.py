"""Differential evolution, asynchronous.

Storn and Price (1997), Differential Evolution, J. Global Optimization 11, rand/1/bin, on the unit
cube: for hyperparameters Awad, Mallik and Hutter (2020), Differential Evolution for Neural
Architecture Search, and (2021), DEHB, IJCAI (numbers are rounded, categories looked up, only to be
evaluated; a member is replaced as soon as its child is better).
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.constraints import Merit, merit
from hpobench.methods.search.differential import PARENTS, crossed, mutant, repaired
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration, Space

# A mutant is made of others than its target.
_FEWEST = PARENTS + 1


@dataclass(slots=True)
class _Member:
    """A point (d,) of the unit cube, its merit by resource, and the slot that it competes for."""

    point: FloatArray
    slot: int | None = None
    values: dict[float, Merit] = field(default_factory=dict)

    def beats(self, other: "_Member") -> bool:
        """Whether it is as good where it was trained most; what was not trained as far loses."""
        resource = max(self.values)
        if resource in other.values:
            return self.values[resource] <= other.values[resource]
        return resource > max(other.values)


class DifferentialEvolution:
    """`population` random members; then each in turn, a child of three others challenges it.

    There are no generations: a child is made of the members of the moment, whether or not others
    are pending, and replaces its target (or what replaced that) when it is observed to be as
    good. A configuration of a finite space that was tried before gives way to the nearest that was
    not.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        population: int = 10,
        scale: float = 0.5,
        crossover: float = 0.5,
        repeat: bool = False,
    ) -> None:
        if not population >= _FEWEST or population % 1:
            raise ValueError(f"population={population}: a whole number, at least {_FEWEST}")
        if not 0 < scale <= 2:
            raise ValueError(f"scale={scale}: the factor F of differences must be in (0, 2]")
        if not 0 <= crossover <= 1:
            raise ValueError(f"crossover={crossover}: the probability CR must be in [0, 1]")
        self._space, self._rng = space, rng
        self._size, self._scale, self._crossover = population, scale, crossover
        self._candidates = Candidates(space, rng, repeat)
        self._members: list[_Member] = []
        self._random_left, self._turn = population, 0
        self._asked: defaultdict[tuple[Any, ...], deque[_Member]] = defaultdict(deque)
        self._trials: dict[int, _Member] = {}

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:  # noqa: ARG002
        self._random_left -= 1
        if self._random_left >= 0 or len(self._members) < _FEWEST:
            return self._candidates.draw()
        slot = self._turn % len(self._members)
        self._turn += 1
        child = self._child(slot)
        row = self._candidates.nearest(child)
        if row is None:
            return self._candidates.draw()
        config = self._candidates.choose(row)
        moved = ~np.isclose(row, self._candidates.unit.snap(child[None].copy())[0], equal_nan=True)
        point = np.where(moved & ~np.isnan(row), row, child)
        self._asked[self._space.key(config)].append(_Member(point, slot))
        return config

    def _child(self, slot: int) -> FloatArray:
        """A point (d,) that challenges a member."""
        points = np.array([member.point for member in self._members])
        others = np.delete(points, slot, axis=0)
        donor = repaired(mutant(others, self._rng, self._scale), self._rng)
        return crossed(points[slot], donor, self._rng, self._crossover, always=True)

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        member = self._trials.get(job.trial) or self._new(job)
        self._trials[job.trial] = member
        member.values[job.to_resource] = merit(evaluation)
        if member.slot is None:
            if len(self._members) < self._size:
                member.slot = len(self._members)
                self._members.append(member)
                return
            member.slot = max(range(self._size), key=lambda slot: _rank(self._members[slot]))
        rival = self._members[member.slot]
        if member is not rival and member.beats(rival):
            self._members[member.slot] = member

    def _new(self, job: Job) -> _Member:
        """What was suggested as this trial; a random configuration, or a given one, has no slot."""
        asked = self._asked.get(self._space.key(job.config))
        if asked:
            return asked.popleft()
        point = self._candidates.unit.rows([job.config])[0]
        missing = np.isnan(point)
        point[missing] = self._rng.random(int(missing.sum()))
        return _Member(point)

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._candidates.exclude(config)


def _rank(member: _Member) -> tuple[float, Merit]:
    """Larger is worse: the merit at the highest resource, trained least first."""
    resource = max(member.values)
    return -resource, member.values[resource]
