"""Configurations as vectors of equal length, for distances and models.

A numeric or ordinal hyperparameter is its position in [0, 1] on its own scale, and 0.5 where it is
not active; a categorical one has a column a category, 1 at its own, and none where not active.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.space.hyperparameters import Categorical, Hyperparameter
from hpobench.space.space import Configuration, Space


class Encoding:
    """The columns of one space; `width` is their number D."""

    def __init__(self, space: Space) -> None:
        self._columns: dict[str, tuple[int, Hyperparameter, dict[Any, int] | None]] = {}
        blank: list[float] = []
        for name, item in space.items():
            ranks = None
            if isinstance(item, Categorical):
                ranks = {level: rank for rank, level in enumerate(item.levels)}
            self._columns[name] = len(blank), item, ranks
            blank += [0.5] if ranks is None else [0.0] * len(ranks)
        self._blank = blank
        self.width = len(blank)

    def row(self, config: Configuration) -> FloatArray:
        """The vector (D,) of one configuration."""
        return np.array(self._values(config))

    def rows(self, configs: Sequence[Configuration]) -> FloatArray:
        """The vectors (n, D) of many."""
        values = [self._values(config) for config in configs]
        return np.array(values).reshape(len(values), self.width)

    def _values(self, config: Configuration) -> list[float]:
        values = self._blank.copy()
        for name, value in config.items():
            column, item, ranks = self._columns[name]
            if ranks is None:
                values[column] = item.position(value)
            else:
                values[column + ranks[value]] = 1.0
        return values
