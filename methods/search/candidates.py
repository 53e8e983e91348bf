"""Configurations to choose from: never one that was chosen before."""

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.methods.search.draws import Draws
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Configuration, Space

# Spaces of at most so many configurations are searched whole.
SMALL = 3000

# After so many repeats in a row nearly all of a space that is not numbered is tried.
_PATIENCE = 64

# Neighbours among which `nearest` looks for an untried one.
_NEAR = 64


class Candidates:
    """Rows (n, d) of untried configurations, and the account of those that were tried.

    `repeat`: configurations may be tried again (a noisy task).
    In a space of at most `SMALL` configurations, and in any that is a list of them, `random` gives
    all that are left, and there is nothing more for `around` to find.
    """

    def __init__(self, space: Space, rng: np.random.Generator, repeat: bool = False) -> None:
        self.unit = UnitSpace(space)
        self._rng = rng
        self._repeat = repeat
        self._fallback = Draws(space, rng, replace=repeat)
        self._hashes = RowHashes(len(self.unit))
        self._tried: set[float] = set()
        self._all: FloatArray | None = None
        # What is made from hyperparameters is rarely on a list: one has to choose from it.
        listed = isinstance(space, ListedSpace)
        if space.size is not None and (listed or space.size <= SMALL):
            configs = [space.config_at(index) for index in range(space.size)]
            self._all = self.unit.rows(configs)
            self._index = {row.tobytes(): index for index, row in enumerate(self._all)}
            self._left = np.ones(space.size, dtype=bool)

    @property
    def listed(self) -> bool:
        """Whether `random` gives every configuration that is left."""
        return self._all is not None

    def random(self, count: int) -> FloatArray:
        """Rows of about `count` random untried configurations, or of all that are left."""
        rows = self.drawn(count)
        return rows if self._all is not None else self.untried(rows)

    def drawn(self, count: int) -> FloatArray:
        """The same with those that were tried, unless all that are left are given."""
        if self._all is not None:
            return self._all[self._left]
        return self.unit.sample(count, self._rng)

    def around(self, row: FloatArray, count: int, step: float) -> FloatArray:
        """About `count` untried rows that differ from `row` in one active hyperparameter.

        Numbers move by a normal step of deviation `step` (in units of the range), discrete ones by
        at least one value; categories are redrawn; what becomes active is drawn at random.
        """
        return self.untried(self.around_each(row[None], count, step)[0])

    def around_each(
        self, centres: FloatArray, count: int, step: float
    ) -> tuple[FloatArray, NDArray[np.int64]]:
        """`around` each of several rows (k, d): rows (n, d), and of which centre each is (n,).

        Those that were tried are among them.
        """
        rng = self._rng
        free = ~np.isnan(centres) & (self.unit.levels != 1)
        owners = np.repeat(np.flatnonzero(free.any(axis=1)), count)
        if self._all is not None or not len(owners):
            return np.empty((0, len(self.unit))), owners[:0]
        rows, size = centres[owners], len(owners)
        first = np.argsort(~free, axis=1, kind="stable")
        columns = first[owners, (rng.random(size) * free.sum(axis=1)[owners]).astype(np.int64)]
        at = np.arange(size), columns
        moved = self.unit.stepped(rows[at], rng.normal(0.0, step, size), columns)
        rows[at] = np.where(self.unit.categories[columns] > 0, rng.random(size), moved)
        missing = np.isnan(rows)
        rows[missing] = rng.random(int(missing.sum()))
        return self.unit.snap(rows), owners

    def untried(self, rows: FloatArray) -> FloatArray:
        """Those of the rows that may be tried."""
        return rows[self.is_untried(rows)]

    def is_untried(self, rows: FloatArray) -> NDArray[np.bool_]:
        """(n,): which of the rows may be tried: of a space with gaps, none that is not listed."""
        if self._all is not None:
            numbers = [self._index.get(row.tobytes(), -1) for row in rows]
            return np.array([n >= 0 and bool(self._left[n]) for n in numbers], dtype=bool)
        if self._repeat or not self._tried:
            return np.ones(len(rows), dtype=bool)
        tried = self._tried
        return np.array([code not in tried for code in self._hashes(rows).tolist()], dtype=bool)

    def nearest(self, point: FloatArray) -> FloatArray | None:
        """The untried row nearest to a point (d,) of the unit cube, by features.

        In a space too large to list, the nearest of some that differ in one hyperparameter, or of
        some random ones. None: none was found, but `draw` may find one.
        """
        snapped = self.unit.snap(np.array(point[None]))
        if self._all is not None:
            rows = self.random(0)
        else:
            rows = self.untried(snapped)
            if not len(rows):
                rows = self.around(snapped[0], _NEAR, 0.1)
            if not len(rows):
                rows = self.random(_NEAR)
        if len(rows) < 2:
            return rows[0] if len(rows) else None
        gaps = self.unit.features(rows) - self.unit.features(snapped)
        nearest: FloatArray = rows[np.einsum("nf,nf->n", gaps, gaps).argmin()]
        return nearest

    def choose(self, row: FloatArray) -> Configuration:
        """The configuration of a row, which is tried from now on."""
        if self._all is None:
            config = self.unit.configs(row[None])[0]
        else:
            config = self.unit.space.config_at(self._index[row.tobytes()])
        self.exclude(config)
        return config

    def draw(self) -> Configuration | None:
        """A random configuration, tried from now on; None if nothing is left.

        Of a space that is not numbered a new one, if that is soon found.
        """
        for _ in range(_PATIENCE):
            config = self._fallback.draw()
            if config is None or self.exclude(config):
                break
        return config

    def exclude(self, config: Configuration) -> bool:
        """`config` is tried; whether it was new, or may be repeated."""
        if self._repeat:
            return True
        # A row that is decoded and encoded again may differ in the last digits: this one counts.
        row = self.unit.rows([config])
        if self._all is not None:
            self._left[self._index[row.tobytes()]] = False
        self._fallback.exclude(config)
        before = len(self._tried)
        self._tried.add(float(self._hashes(row)[0]))
        return len(self._tried) > before


class RowHashes:
    """Hashes (n,) of rows (n, d): equal rows have equal ones, others hardly ever.

    Rows are equal that agree to 2^-40, for what is decoded and encoded again has other last digits.
    A hash is the sum of the entries, in units of that, with random weights: rows that differ in a
    category or by a step of 1e-6 have the same with probability 2^-30 at most.
    """

    def __init__(self, width: int) -> None:
        generator = np.random.Generator(np.random.PCG64(0))
        self._weights = generator.uniform(0.5, 1.0, width)

    def __call__(self, rows: FloatArray) -> FloatArray:
        cells = np.fmax(rows, -1.0, order="C")  # what is not active (NaN) is -1
        cells *= 2.0**40
        np.rint(cells, out=cells)
        cells *= self._weights
        hashes: FloatArray = cells.sum(axis=1)
        return hashes
