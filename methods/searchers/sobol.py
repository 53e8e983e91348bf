"""Quasi-random search: a scrambled Sobol sequence.

Sobol (1967) with the scrambling of Owen (1998) as in `scipy.stats.qmc.Sobol`; the mapping of the
unit cube to the space is that of random search.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hpobench.methods.search.draws import Draws
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration, Space

# Points drawn at once; the first block must be a power of 2, for which the sequence is balanced.
_BLOCK = 128

# After so many repeats in a row, take any configuration of a finite space that is left.
_PATIENCE = 256


class Sobol:
    """The Sobol sequence; on finite spaces repeats are left out, and the rest comes at random."""

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self._space, self._rng = space, rng
        self._sequence: Any = None
        self._block: list[Configuration] = []
        self._random = Draws(space, rng)

    def set_up(self) -> None:
        """Begin the sequence; to import what makes it takes as long as very many suggestions."""
        from scipy.stats import qmc

        self._sequence = qmc.Sobol(len(self._space.names), scramble=True, rng=self._rng)

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:  # noqa: ARG002
        for _ in range(_PATIENCE):
            config = self._draw()
            if self._random.exclude(config):
                return config
        return self._random.draw()

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        """The sequence learns nothing."""

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._random.exclude(config)

    def _draw(self) -> Configuration:
        if self._sequence is None:
            self.set_up()
        if not self._block:
            self._block = self._space.from_unit(self._sequence.random(_BLOCK))[::-1]
        return self._block.pop()
