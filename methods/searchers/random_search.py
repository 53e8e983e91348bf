"""Random search, with and without replacement.

Bergstra and Bengio (2012), Random Search for Hyper-Parameter Optimization, JMLR 13.
"""

from collections.abc import Mapping

import numpy as np

from hpobench.methods.search.draws import Draws
from hpobench.records import Evaluation, Job
from hpobench.space import Configuration, Space


class RandomSearch:
    """Draws each hyperparameter independently, on the scale that the space declares.

    `replace`: whether a configuration may come again (see `Draws`).
    """

    def __init__(self, space: Space, rng: np.random.Generator, replace: bool = False) -> None:
        self._draws = Draws(space, rng, replace)

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:  # noqa: ARG002
        return self._draws.draw()

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        """Random search learns nothing."""

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`, unless configurations may come again."""
        self._draws.exclude(config)
