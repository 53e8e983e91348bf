"""Random configurations, with and without replacement."""

from collections.abc import Callable, Hashable

import numpy as np

from hpobench.space import Configuration, Space

# Configurations drawn at once: decoding a block costs little more than decoding one.
_BLOCK = 128

# After so many repeats in a row nearly all of a finite space is tried: list what is left.
_PATIENCE = 256


class Draws:
    """Draws each hyperparameter independently, on the scale that the space declares.

    Without replacement a finite space is never searched twice at the same point. Repeats are drawn
    again, so the others keep their odds (an integer on a log scale is not uniform over its
    values); the few that are left in the end are drawn evenly. Only of a conditional space that is
    too large to be listed some come again, when nearly all draws do.
    """

    def __init__(self, space: Space, rng: np.random.Generator, replace: bool = False) -> None:
        self._space = space
        self._rng = rng
        self._block: list[Configuration] = []
        self._replace, self._finite = replace, space.finite
        self._number: Callable[[Configuration], Hashable]
        self._number = space.key if space.size is None else space.index_of
        self._tried: set[Hashable] = set()
        self._rest: list[int] | None = None

    def draw(self) -> Configuration | None:
        """The next configuration; None if all of a finite space were drawn or excluded."""
        if self._replace or not self._finite:  # of infinitely many none is drawn twice
            return self._next()
        if len(self._tried) == self._space.size:
            return None
        if self._rest is None:
            for _ in range(_PATIENCE):
                config = self._next()
                if self.exclude(config):
                    return config
        return self._next() if self._space.size is None else self._take_from_rest()

    def exclude(self, config: Configuration) -> bool:
        """Never draw `config` again; whether it was new."""
        if self._replace:
            return True
        before = len(self._tried)
        self._tried.add(self._number(config))
        return len(self._tried) > before

    def take(self) -> Configuration | None:
        """As `draw`, and `exclude` knows it from now on, be the space finite or not."""
        config = self.draw()
        if config is not None:
            self.exclude(config)
        return config

    def _next(self) -> Configuration:
        if not self._block:
            self._block = self._space.sample(self._rng, _BLOCK)[::-1]
        return self._block.pop()

    def _take_from_rest(self) -> Configuration:
        """A configuration that was not tried, evenly among them; there is at least one."""
        if self._rest is None:
            untried = [i for i in range(self._space.size or 0) if i not in self._tried]
            self._rest = self._rng.permutation(untried).tolist()
        while (index := self._rest.pop()) in self._tried:
            pass
        self._tried.add(index)
        return self._space.config_at(index)
