"""Local search: change one hyperparameter of the best configuration so far.

A (1 + lambda) hill climber for any number of workers, after the one-exchange neighbourhood of
Hutter et al. (2009), ParamILS, JAIR 36. It is also the example of a searcher: two methods.
"""

import math
from collections.abc import Mapping

import numpy as np

from hpobench.methods.search.draws import Draws
from hpobench.methods.searchers.mutation import check_step, mutate
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration, Space

# After so many repeats in a row, all neighbours of the incumbent are taken to be tried, and the
# search is random until there is another incumbent.
_PATIENCE = 32


class LocalSearcher:
    """`starts` random configurations, then mutations of the incumbent.

    The incumbent has the best value at the highest resource seen so far. No configuration is tried
    twice; where no neighbour is left, the next one is random.
    """

    def __init__(
        self, space: Space, rng: np.random.Generator, starts: int = 5, step: float = 0.2
    ) -> None:
        if not starts >= 1:
            raise ValueError(f"starts={starts}: it takes at least 1 random configuration to start")
        check_step(step)
        self._space = space
        self._rng = rng
        self._starts_left = starts
        self._step = step
        self._random = Draws(space, rng)
        self._incumbent: Configuration | None = None
        self._rank = 0.0, math.inf
        self._stuck = False

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:  # noqa: ARG002
        self._starts_left -= 1
        if self._starts_left >= 0 or self._incumbent is None or self._stuck:
            return self._random.take()
        for _ in range(_PATIENCE):
            config = mutate(self._space, self._incumbent, self._rng, self._step)
            if self._random.exclude(config):
                return config
        self._stuck = True
        return self._random.take()

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        rank = -job.to_resource, evaluation.value
        if math.isfinite(evaluation.value) and rank < self._rank:
            self._incumbent, self._rank, self._stuck = job.config, rank, False

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._random.exclude(config)
