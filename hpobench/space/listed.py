"""A search space of which only some configurations are to be had, such as those of a table.

The hyperparameters keep their ranges, but a point of the space is one of a list. It counts as
finite: `size`, `index_of` and `config_at` number the list, so that whatever enumerates a finite
space, or never tries a point of one twice, treats it rightly. What is made from hyperparameters
(a point of the unit cube, a mutation) is moved to the nearest of the list.

Distances are Euclidean between vectors of `hpobench.space.encoding`: positions in [0, 1] on each
hyperparameter's own scale; categories that differ are the square root of 2 apart.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.space.encoding import Encoding
from hpobench.space.space import Configuration, Space


class ListedSpace(Space):
    """The `configs` of a space, numbered in that order; raises ValueError if one is no point."""

    def __init__(
        self, hyperparameters: Mapping[str, Any], configs: Sequence[Configuration]
    ) -> None:
        super().__init__(hyperparameters)
        if not configs:
            raise ValueError("a list of configurations needs at least one")
        for number, config in enumerate(configs):
            try:
                super().validate(config)
            except ValueError as error:
                raise ValueError(f"configuration {number} of the list: {error}") from error
        self._number([self._ordered(config) for config in configs])
        self.finite = True
        if len(self._numbers) < len(self._configs):
            raise ValueError("the list holds some configuration more than once")
        self._encoding = Encoding(self)
        self._rows = self._encoding.rows(self._configs)

    def _ordered(self, config: Configuration) -> Configuration:
        return {name: config[name] for name in self.names if name in config}

    def __repr__(self) -> str:
        return f"ListedSpace({self.size} configurations of {super().__repr__()})"

    def sample(self, rng: np.random.Generator, count: int) -> list[Configuration]:
        """`count` independent random configurations, each of the list as likely."""
        return [self.config_at(number) for number in rng.integers(len(self._configs), size=count)]

    def from_unit(self, unit: FloatArray) -> list[Configuration]:
        """The listed configurations nearest to those at the rows of `unit` (n, d)."""
        return list(map(self.nearest, super().from_unit(unit)))

    def nearest(
        self, config: Configuration, without: Collection[Configuration] = ()
    ) -> Configuration:
        """The listed configuration nearest to `config`; none of `without`, unless these are all."""
        avoided = {self._numbers.get(self.key(one)) for one in without}
        number = self._numbers.get(self.key(config))
        if number is None or number in avoided:
            distances = self._distances(config, [one for one in avoided if one is not None])
            if np.isinf(distances).all():
                distances = self._distances(config, ())
            number = int(distances.argmin())
        return self.config_at(number)

    def _distances(self, config: Configuration, without: Collection[int]) -> FloatArray:
        """Squared distances (n,) to the list, infinite to the numbers `without`."""
        gaps = self._rows - self._encoding.row(config)
        distances: FloatArray = np.einsum("nd,nd->n", gaps, gaps)
        distances[list(without)] = np.inf
        return distances

    def default(self, given: Mapping[str, Any] | None = None) -> Configuration:
        """Of the listed configurations that agree with `given`, the nearest to the defaults.

        If none agrees, the defaults as in a space without gaps, which `validate` then refuses.
        """
        wanted, given = super().default(given), given or {}
        others = [
            number
            for number, config in enumerate(self._configs)
            if any(name not in config or config[name] != given[name] for name in given)
        ]
        if len(others) == len(self._configs):
            return wanted
        return self.config_at(int(self._distances(wanted, others).argmin()))

    def validate(self, config: Mapping[str, Any]) -> None:
        """Raise ValueError, naming the culprit, unless `config` is one of the list."""
        super().validate(config)
        if self.key(dict(config)) not in self._numbers:
            raise ValueError(
                f"{dict(config)} is none of the {self.size} configurations that are listed; the "
                f"nearest is {self.nearest(dict(config))}"
            )
