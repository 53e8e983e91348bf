"""A forest that is kept while few points are new: they enter the leaves of its trees.

Oza and Russell (2001), Online Bagging and Boosting, AISTATS, section 2: each tree of a bootstrapped
ensemble has a new point Poisson(1) times, the limit of how often it is in a sample of all.

Notation: n points, d columns, t trees.
"""

from dataclasses import dataclass, field

import numpy as np

from hpobench.arrays import FloatArray, IntArray
from hpobench.forest.forest import Forest
from hpobench.forest.growth import Growth, grow


@dataclass
class KeptForest:
    """Grown anew when the number of points has grown by the part `refit`; at 0 each time.

    `categories`: see `grow`.
    """

    categories: IntArray
    growth: Growth
    refit: float
    rng: np.random.Generator
    _forest: Forest | None = field(default=None, init=False)
    _points: FloatArray = field(default_factory=lambda: np.empty((0, 0)), init=False)
    _grown: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if not self.refit >= 0:
            raise ValueError(
                f"refit={self.refit} must not be negative: trees are grown anew when the number of "
                "points has grown by this part; 0: for each suggestion"
            )

    def stale(self, points: FloatArray) -> bool:
        """Whether trees will be grown anew for points (n, d): many are new, or one is gone."""
        return self._places(points) is None

    def updated(self, points: FloatArray, values: FloatArray) -> Forest:
        """The forest of finite `values` (n,), which may all be new, at points (n, d)."""
        places = self._places(points)
        if places is None or self._forest is None:
            self._grown = len(points)
            forest = grow(points, values, self.categories, self.growth, self.rng)
        else:
            forest = self._forest._replace(points=places[self._forest.points])
            fresh = np.delete(np.arange(len(points)), places)
            if len(fresh):
                forest = forest.entered(fresh, points[fresh], self._times(len(fresh), len(points)))
            forest = forest.of_values(values)
        self._forest, self._points = forest, points
        return forest

    def _places(self, points: FloatArray) -> IntArray | None:
        """Where among points (n, d) those of the forest are; None: trees are to be grown anew."""
        if self._forest is None or len(points) - self._grown >= self.refit * len(points):
            return None
        known = len(self._points)
        if np.array_equal(self._points, points[:known]):
            return np.arange(known)
        where: dict[bytes, list[int]] = {}
        for place in range(len(points) - 1, -1, -1):
            where.setdefault(points[place].tobytes(), []).append(place)
        rows = [row.tobytes() for row in self._points]
        found = [where[row].pop() if where.get(row) else -1 for row in rows]
        return None if -1 in found else np.array(found)

    def _times(self, fresh: int, count: int) -> FloatArray:
        """How often each tree has each of the new among `count` points, (fresh, t)."""
        shape = fresh, self.growth.trees
        if not self.growth.bootstrap:
            return np.ones(shape)
        return self.rng.poisson(min(self.growth.points / count, 1.0), shape).astype(float)
