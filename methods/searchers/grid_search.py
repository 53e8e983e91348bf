"""Grid search: every combination of a few levels of each hyperparameter."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hpobench.records import Evaluation, Job
from hpobench.space.hyperparameters import Categorical, Hyperparameter
from hpobench.space.space import Configuration, Space


class GridSearch:
    """The grid in lexicographic order (last hyperparameter fastest), or shuffled.

    `resolution`: levels of each numeric or ordinal hyperparameter, evenly spread on its scale from
    end to end (1: the middle); None: all of them. Categorical ones always have all. Points that are
    the same where a hyperparameter is not active come once.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        resolution: int | None = 3,
        shuffle: bool = True,
    ) -> None:
        if resolution is not None and (not resolution >= 1 or resolution % 1):
            raise ValueError(
                f"resolution={resolution}: a whole number of levels, at least 1, or null for all"
            )
        self._axes = {name: _axis(name, space[name], resolution) for name in space.names}
        self._size = math.prod(map(len, self._axes.values()))
        self._order = _Shuffled(self._size, rng) if shuffle else None
        self._next = 0
        self._space = space
        self._done: set[tuple[Any, ...]] = set()

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:  # noqa: ARG002
        while self._next < self._size:
            index = self._next if self._order is None else self._order.draw(self._next)
            self._next += 1
            config = self._space.nearest(self._space.active(self._config_at(index)))
            if self._is_new(config):
                return config
        return None

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        """A grid learns nothing."""

    def exclude(self, config: Configuration) -> None:
        """Skip `config`, should it lie on the grid."""
        self._done.add(self._space.key(config))

    def _is_new(self, config: Configuration) -> bool:
        """Points that differ in what is not active, or that are moved to one, come once."""
        before = len(self._done)
        self._done.add(self._space.key(config))
        return len(self._done) > before

    def _config_at(self, index: int) -> Configuration:
        values = []
        for axis in reversed(self._axes.values()):
            index, rank = divmod(index, len(axis))
            values.append(axis[rank])
        return dict(zip(self._axes, reversed(values), strict=True))


def _axis(name: str, hyperparameter: Hyperparameter, resolution: int | None) -> Sequence[Any]:
    """The levels of one hyperparameter on the grid."""
    levels = hyperparameter.levels
    if resolution is None and levels is None:
        raise ValueError(f"resolution=None, but {name} has no end of values: use resolution=3")
    few = resolution is None or (levels is not None and len(levels) <= resolution)
    if levels is not None and (few or isinstance(hyperparameter, Categorical)):
        return levels
    count = resolution or 0
    unit = np.linspace(0, 1, count) if count > 1 else np.array([0.5])
    return list(dict.fromkeys(hyperparameter.from_unit(unit)))


class _Shuffled:
    """A random permutation of range(size), made as far as it is used.

    Fisher and Yates's shuffle (Knuth, TAOCP 2, Algorithm 3.4.2P), storing only what has moved.
    """

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self._size = size
        self._rng = rng
        self._moved: dict[int, int] = {}

    def draw(self, position: int) -> int:
        """Entry `position`; to be asked for 0, 1, 2, ... in turn."""
        other = position + self._below(self._size - position)
        first = self._moved.pop(position, position)
        if other == position:
            return first
        drawn = self._moved.get(other, other)
        self._moved[other] = first
        return drawn

    def _below(self, bound: int) -> int:
        """Uniform in range(bound), of any size; 64 spare bits make the bias negligible."""
        return int.from_bytes(self._rng.bytes(bound.bit_length() // 8 + 9), "little") % bound
