"""Random search from a user's prior.

The baseline "prior" of Mallik et al. (2023), PriorBand: Practical Hyperparameter Optimization in
the Age of Deep Learning, NeurIPS: configurations are drawn from the prior, nothing is learnt.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.prior import DEFAULT, Prior
from hpobench.records import Evaluation, Job
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Configuration, Space

# Configurations drawn at once.
_BLOCK = 64

# After so many blocks of nothing new, take one of those that are left by their density.
_PATIENCE = 4


class PriorSearch:
    """Draws from `prior`; where nothing is stated, as random search does.

    A part `random_share` is drawn by random search, so that a wrong prior costs no more than a
    factor 1 / `random_share` of the time; 0 in the paper.
    Without `replace` a finite space is never searched twice at the same point: repeats are drawn
    again, so that the others keep their odds, until hardly anything likely is left.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        prior: Mapping[str, Any] | str = DEFAULT,
        prior_spread: float = 0.25,
        random_share: float = 0.1,
        replace: bool = False,
    ) -> None:
        if not 0 <= random_share < 1:
            raise ValueError(f"random_share={random_share}: a probability in [0, 1)")
        self._rng, self._random_share = rng, random_share
        self._candidates = Candidates(space, rng, repeat=replace)
        stated = Prior(self._candidates.unit, prior, prior_spread)
        self._flat = stated.flat
        self._draws = PriorDraws(self._candidates, stated, rng)

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:  # noqa: ARG002
        if not self._flat and self._rng.random() < self._random_share:
            return self._candidates.draw()
        return self._draws.draw()

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        """Nothing is learnt."""

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._candidates.exclude(config)


class PriorDraws:
    """Untried configurations drawn from a prior, or without one by random search."""

    def __init__(
        self, candidates: Candidates, prior: Prior | None, rng: np.random.Generator
    ) -> None:
        self._candidates = candidates
        self._prior = None if prior is None or prior.flat else prior
        self._rng = rng
        # Of what a prior draws, little is on a list.
        self._list = isinstance(candidates.unit.space, ListedSpace)
        self._block = np.empty((0, len(candidates.unit)))

    def draw(self) -> Configuration | None:
        """The next configuration, tried from now on; None if nothing is left."""
        if self._prior is None:
            return self._candidates.draw()
        row = None if self._list else self._fresh(self._prior)
        if row is None:
            row = self._left(self._prior)
        return self._candidates.draw() if row is None else self._candidates.choose(row)

    def _fresh(self, prior: Prior) -> FloatArray | None:
        """An untried row, unless all that were drawn in some blocks had been tried."""
        for _ in range(_PATIENCE):
            while len(self._block):
                row, self._block = self._block[:1], self._block[1:]
                if self._candidates.is_untried(row)[0]:
                    first: FloatArray = row[0]
                    return first
            self._block = prior.sample(_BLOCK, self._rng)
        return None

    def _left(self, prior: Prior) -> FloatArray | None:
        """One of the untried rows that are on offer, in proportion to their density."""
        rows = self._candidates.random(_BLOCK)
        if not len(rows):
            return None
        # The largest sum of log density and Gumbel noise: a draw in proportion to the density.
        noisy = prior.log_density(rows) + self._rng.gumbel(size=len(rows))
        chosen: FloatArray = rows[noisy.argmax()]
        return chosen
