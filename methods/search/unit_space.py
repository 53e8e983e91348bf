"""The space as arrays: what models are fitted to, and what acquisitions are maximised over.

Notation: d hyperparameters, n configurations, f features. A *row* (d,) gives a configuration as
positions in the unit cube: the centre of its cell for a discrete value, NaN where a hyperparameter
is not active. Equal rows, equal configurations.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.space.hyperparameters import Categorical, Hyperparameter, Integer, Ordinal
from hpobench.space.space import Configuration, Space

# Integers with more values than this are real numbers to models: their cells are not listed.
_MOST_LEVELS = 100_000


class UnitSpace:
    """Rows and features of the configurations of a space.

    `categories` (d,): the number of categories of a categorical hyperparameter, else 0.
    `levels` (d,): the number of values of a discrete hyperparameter, else 0.
    `edges`: by hyperparameter, the inner edges of the cells of its values; None: continuous.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        items = list(space.values())
        centres = [_centres(item) for item in items]
        self.edges = [_edges(item) for item in items]
        self.categories = np.array(
            [len(item.levels) if isinstance(item, Categorical) else 0 for item in items]
        )
        self.levels = np.array([0 if c is None else len(c) for c in centres])
        self._widths = np.where(self.levels > 0, 1.0 / np.maximum(self.levels, 1), 0.0)
        self._wide = [
            (column, item)
            for column, item in enumerate(items)
            if item.levels is not None and centres[column] is None
        ]
        self._columns = np.arange(len(items))
        # Cells of equal width are found by a product; those of integers, all of them on one line:
        # the cells of number j lie between j and j + 1.
        self._counts = np.ones(len(items), dtype=np.int64)
        uneven = {}
        for column, edges in enumerate(self.edges):
            if edges is not None and isinstance(items[column], Integer):
                uneven[column] = edges
            elif edges is not None:
                self._counts[column] = len(edges) + 1
        self._uneven = np.array(list(uneven), dtype=np.int64)
        lines = [j + edges for j, edges in enumerate(uneven.values())]
        self._line = np.concatenate([np.empty(0), *lines])
        self._edges_before = np.cumsum([0, *map(len, uneven.values())])[:-1]
        self._discrete = np.flatnonzero(self.levels)
        self._centres = np.concatenate([np.empty(0), *(c for c in centres if c is not None)])
        self._first_centre = np.cumsum([0, *self.levels])[:-1][self._discrete]
        self._conditions = [
            (
                space.names.index(name),
                space.names.index(parent),
                np.array([space[parent].position(value) for value in values]),
            )
            for name, (parent, values) in space.conditions.items()
        ]
        self.feature_columns = np.repeat(self._columns, np.maximum(self.categories, 1)).tolist()
        self._feature_columns = np.array(self.feature_columns, dtype=np.int64)
        self._one_hot = np.flatnonzero(self.categories[self._feature_columns])
        self._category = np.concatenate(
            [np.empty(0, dtype=np.int64), *map(np.arange, self.categories.tolist())]
        )
        scales = {column: _scaled(item) for column, item in enumerate(items)}
        scaled = {column: scale for column, scale in scales.items() if scale is not None}
        self._on_scale = np.flatnonzero(np.isin(self._feature_columns, list(scaled)))
        self._scales = np.concatenate([np.empty(0), *scaled.values()])
        self._scale_sizes = np.array([len(scale) for scale in scaled.values()], dtype=np.int64)
        self._first_on_scale = self._scale_sizes.cumsum() - self._scale_sizes

    def __len__(self) -> int:
        return len(self._columns)

    def rows(self, configs: Sequence[Configuration]) -> FloatArray:
        """Rows (n, d) of configurations."""
        return self.space.to_unit(configs)

    def configs(self, rows: FloatArray) -> list[Configuration]:
        """Configurations of rows; inverse of `rows`."""
        return self.space.from_unit(np.where(np.isnan(rows), 0.5, rows))

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Rows of `count` random configurations, as random search draws them."""
        return self.snap(rng.random((count, len(self))))

    def stepped(
        self, positions: FloatArray, steps: FloatArray, columns: NDArray[np.int64] | None = None
    ) -> FloatArray:
        """Positions (..., d) after steps, reflected at both ends of the range.

        On a discrete hyperparameter a step is as long as its average cell is wide, at least, for
        shorter ones would mostly change nothing. `columns`: of which hyperparameter each entry is.
        """
        widths = self._widths if columns is None else self._widths[columns]
        moved = np.abs(positions + np.copysign(np.maximum(np.abs(steps), widths), steps))
        return np.where(moved > 1, np.maximum(2 - moved, 0), moved)

    def snap(self, unit: FloatArray) -> FloatArray:
        """The rows nearest to points (n, d) of the unit cube, in place.

        NaN where a hyperparameter is needed counts as its middle.
        """
        missing = np.isnan(unit)
        if missing.any():
            unit[missing] = 0.5
        np.minimum(np.maximum(unit, 0.0, out=unit), 1.0, out=unit)
        cells = self._cells(unit)[:, self._discrete]
        unit[:, self._discrete] = self._centres[self._first_centre + cells]
        for column, item in self._wide:
            unit[:, column] = [item.position(value) for value in item.from_unit(unit[:, column])]
        for column, parent, allowed in self._conditions:
            active = np.isclose(unit[:, parent, None], allowed).any(axis=1)
            unit[~active, column] = np.nan
        return unit

    def level_indices(self, rows: FloatArray) -> NDArray[np.int64]:
        """(n, d): which of its values a discrete hyperparameter has; -1 if it is not active.

        0 for a continuous one.
        """
        indices = self._cells(rows)
        inactive = np.isnan(rows)
        if inactive.any():
            indices[inactive] = -1
        return indices

    def _cells(self, rows: FloatArray) -> NDArray[np.int64]:
        """(n, d): the cell in which a position lies; 0 for a continuous hyperparameter."""
        cells: NDArray[np.int64] = (np.fmax(rows, 0.0) * self._counts).astype(np.int64)
        np.minimum(cells, self._counts - 1, out=cells)
        if len(self._uneven):
            places = rows[:, self._uneven] + np.arange(len(self._uneven))
            found = self._line.searchsorted(places, side="right")
            cells[:, self._uneven] = found - self._edges_before
        return cells

    def features(self, rows: FloatArray) -> FloatArray:
        """(n, f) for models: a number in [0, 1] on its own scale, one column a category.

        The distance between values of an ordinal is that of its scale. What is not active is 0.5,
        or no category.
        """
        inactive = np.isnan(rows)
        filled = np.where(inactive, 0.5, rows)
        found = filled.take(self._feature_columns, axis=1)
        if len(self._one_hot):
            columns = self._feature_columns[self._one_hot]
            index = (found[:, self._one_hot] * self.categories[columns]).astype(np.int64)
            index[inactive[:, columns]] = -1
            found[:, self._one_hot] = index == self._category
        if len(self._on_scale):
            columns = self._feature_columns[self._on_scale]
            place = (found[:, self._on_scale] * self._scale_sizes).astype(np.int64)
            number = self._scales.take(place + self._first_on_scale)
            found[:, self._on_scale] = np.where(inactive[:, columns], 0.5, number)
        return found


def _centres(item: Hyperparameter) -> FloatArray | None:
    """Positions of the values of a discrete hyperparameter."""
    if item.levels is None or len(item.levels) > _MOST_LEVELS:
        return None
    if isinstance(item, Integer | Ordinal | Categorical):
        return np.array([item.position(value) for value in item.levels])
    return np.full(1, 0.5)


def _edges(item: Hyperparameter) -> FloatArray | None:
    """Inner edges between the cells of a discrete hyperparameter, one fewer than there are."""
    if item.levels is None or len(item.levels) > _MOST_LEVELS:
        return None
    count = len(item.levels)
    if isinstance(item, Integer):
        return np.array([item.position(value + 0.5) for value in item.levels[:-1]])  # type: ignore[arg-type]
    return np.arange(1, count) / count


def _scaled(item: Hyperparameter) -> FloatArray | None:
    """Where the values of an ordinal of numbers lie on its scale, from 0 to 1."""
    if not isinstance(item, Ordinal) or item.scale == "rank" or len(item.levels) < 2:
        return None
    numbers = np.array(item.levels, dtype=float)
    scale = np.log(numbers) if item.scale == "log" else numbers
    scaled: FloatArray = (scale - scale[0]) / (scale[-1] - scale[0])
    return scaled
