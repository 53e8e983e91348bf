"""Regularised (ageing) evolution.

Real, Aggarwal, Huang and Le (2019), Regularized Evolution for Image Classifier Architecture
Search, AAAI, Algorithm 1, asynchronously: a child joins the population when it is observed.
"""

from collections import deque
from collections.abc import Mapping

import numpy as np

from hpobench.methods.search.draws import Draws
from hpobench.methods.searchers.mutation import check_step, mutate
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration, Space

# After so many mutations in a row that were all tried, the next configuration is random.
_PATIENCE = 32


class RegularizedEvolution:
    """The parent is the best of `sample` members drawn with replacement; the oldest member dies.

    The first `population` configurations are random. A trial joins at its first observation, and
    its fitness is the value at its highest resource.

    A child that was tried before is mutated on, and after some rounds of that gives way to a
    random configuration; with `repeat` it is tried again, as in the paper.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        population: int = 20,
        sample: int = 5,
        step: float = 0.2,
        repeat: bool = False,
    ) -> None:
        if not population >= 1 or population % 1:
            raise ValueError(f"population={population}: a whole number of members, at least 1")
        if not 1 <= sample <= population or sample % 1:
            raise ValueError(f"sample={sample}: a whole number in [1, population={population}]")
        check_step(step)
        self._space = space
        self._rng = rng
        self._size = population
        self._sample = sample
        self._step = step
        self._random = Draws(space, rng, replace=repeat)
        self._random_left = population
        self._ages: deque[int] = deque()
        self._members: dict[int, tuple[float, Configuration]] = {}

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:  # noqa: ARG002
        if self._random_left > 0 or not self._ages:
            self._random_left -= 1
            return self._random.take()
        config = self._parent()
        for _ in range(_PATIENCE):
            config = mutate(self._space, config, self._rng, self._step)
            if self._random.exclude(config):
                return config
        return self._random.take()

    def _parent(self) -> Configuration:
        drawn = self._rng.integers(len(self._ages), size=self._sample).tolist()
        candidates = (self._members[self._ages[age]] for age in drawn)
        return min(candidates, key=lambda member: member[0])[1]

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        if job.from_resource == 0:
            self._ages.append(job.trial)
        elif job.trial not in self._members:
            return
        self._members[job.trial] = evaluation.value, job.config
        if len(self._ages) > self._size:
            del self._members[self._ages.popleft()]

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._random.exclude(config)
