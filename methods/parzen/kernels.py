"""The kernels of Parzen estimators over a space, as bilinear functions of features.

Notation: d hyperparameters, n kernels at rows (n, d) with bandwidths (d,), m points, f features.
The log of a product of kernels is

    log k_i(x) = sum_j [x_j active] log k_ij(x_j) = coefficients_i . features(x),

by indicators of the values of a discrete hyperparameter, and (z^2, z, 1), z = x - 1/2, of a
continuous one. Of the former, coefficients_i = table^T features(x_i), where the table has the log
kernel at each value for each value. Integers of many values (`wide`) are left out of this, and
computed point by point. All densities are relative to that of random search.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from hpobench.arrays import FloatArray
from hpobench.methods.search.unit_space import UnitSpace

# Discrete hyperparameters of more values than this are not tabulated.
_MOST_TABULATED = 64

_TINY = 1e-300
_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)

Indices = NDArray[np.int64]


class Points(NamedTuple):
    """Configurations as estimators want them: rows (m, d), levels (m, d), features (m, f)."""

    rows: FloatArray
    levels: Indices
    features: FloatArray

    def at(self, index: Indices) -> "Points":
        """Those with these indices."""
        return Points(self.rows[index], self.levels[index], self.features[index])


class _Pairs(NamedTuple):
    """All pairs (q,) of a value where a kernel is and a value where it is evaluated.

    `at`, `of`: their features; `width`: of the latter's cell; `column`: the hyperparameter.
    """

    at: Indices
    of: Indices
    width: FloatArray
    column: Indices


class _Edges(NamedTuple):
    """For pairs (q,) of numbers, places of distances (e,) from a kernel to an edge of a cell.

    `low`, `high`: the edges of the cell; `first`, `last`: those of the range.
    """

    distance: FloatArray
    column: Indices
    low: Indices
    high: Indices
    first: Indices
    last: Indices


class Kernels:
    """What all estimators over a space share.

    `columns` (f,): the hyperparameter of each feature; `wide`: those that have none. `numeric`,
    `nominal`: those that are numbers, and those with at least two categories.
    """

    def __init__(self, unit: UnitSpace) -> None:
        self.unit = unit
        discrete = np.array([edges is not None for edges in unit.edges])
        small = discrete & (unit.levels <= _MOST_TABULATED)
        self._tabulated = np.flatnonzero(small)
        self._continuous = np.flatnonzero(~discrete)
        self.wide = np.flatnonzero(discrete & ~small)
        self.numeric = np.flatnonzero(unit.categories == 0)
        self.nominal = np.flatnonzero(unit.categories > 1)
        counts = unit.levels[self._tabulated]
        self._offsets = np.cumsum(counts) - counts
        self._size = int(counts.sum())
        starts = dict(zip(self._tabulated.tolist(), self._offsets.tolist(), strict=True))
        numbers = {j: start for j, start in starts.items() if not unit.categories[j]}
        categories = {j: start for j, start in starts.items() if unit.categories[j]}
        self._numbers, self._categories = _pairs(unit, numbers), _pairs(unit, categories)
        self._edges = _edges(unit, list(numbers))
        own = np.repeat(self._tabulated, counts)
        self.columns = np.concatenate([own, np.tile(self._continuous, 3)])

    def points(self, rows: FloatArray) -> Points:
        """Levels and features of rows (m, d)."""
        levels = self.unit.level_indices(rows)
        features = np.zeros((len(rows), len(self.columns)))
        own = levels[:, self._tabulated]
        at, which = np.nonzero(own >= 0)
        features[at, self._offsets[which] + own[at, which]] = 1.0
        if len(self._continuous):
            shifted = rows[:, self._continuous] - 0.5
            active = ~np.isnan(shifted)
            shifted[~active] = 0.0
            features[:, self._size :] = np.concatenate([shifted**2, shifted, active], axis=1)
        return Points(rows, levels, features)

    def coefficients(self, points: Points, bandwidths: FloatArray) -> FloatArray:
        """(n, f) of kernels; the bandwidth of a category is its mass on all the others."""
        tabulated: FloatArray = points.features[:, : self._size] @ self._table(bandwidths)
        if not len(self._continuous):
            return tabulated
        rows = points.rows[:, self._continuous]
        return np.concatenate([tabulated, *_quadratic(rows, bandwidths[self._continuous])], axis=1)

    def _table(self, bandwidths: FloatArray) -> FloatArray:
        """Log density of a kernel at each tabulated value, for each value of the same one."""
        table = np.zeros((self._size, self._size))
        if len(self._numbers.at):
            pairs, edges = self._numbers, self._edges
            below = ndtr(edges.distance / bandwidths[edges.column])
            mass = below[edges.high] - below[edges.low]
            mass /= (below[edges.last] - below[edges.first]) * pairs.width
            table[pairs.at, pairs.of] = np.log(np.maximum(mass, _TINY))
        if len(self._categories.at):
            pairs, counts = self._categories, self.unit.levels
            away = np.where(counts > 1, bandwidths, 0.0)
            other = (away / np.maximum(counts - 1, 1))[pairs.column]
            mass = np.where(pairs.at == pairs.of, 1.0 - away[pairs.column], other)
            table[pairs.at, pairs.of] = np.log(np.maximum(mass / pairs.width, _TINY))
        return table

    def log_wide(
        self, column: int, kernels: Points, bandwidth: float, points: Points
    ) -> FloatArray:
        """Log kernels (m, n) of an integer of many values."""
        centre, level = kernels.rows[:, column], points.levels[:, column]
        cells = _cells(self.unit, column)
        low, high = cells[level, None], cells[level + 1, None]
        whole = ndtr((1 - centre) / bandwidth) - ndtr(-centre / bandwidth)
        mass = (ndtr((high - centre) / bandwidth) - ndtr((low - centre) / bandwidth)) / whole
        logs: FloatArray = np.log(np.maximum(mass / (high - low), _TINY))
        logs[level < 0, :] = 0.0
        logs[:, np.isnan(centre)] = 0.0
        return logs


def _cells(unit: UnitSpace, column: int) -> FloatArray:
    """All edges between the cells of a discrete hyperparameter, from 0 to 1."""
    return np.concatenate([[0.0], unit.edges[column], [1.0]])


def _joined(parts: list[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype=kind), *parts])


def _pairs(unit: UnitSpace, starts: dict[int, int]) -> _Pairs:
    at, of, width, owner = [], [], [], []
    for column, start in starts.items():
        count = int(unit.levels[column])
        at.append(start + np.repeat(np.arange(count), count))
        of.append(start + np.tile(np.arange(count), count))
        width.append(np.tile(np.diff(_cells(unit, column)), count))
        owner.append(np.full(count * count, column))
    return _Pairs(
        _joined(at, np.int64),
        _joined(of, np.int64),
        _joined(width, float),
        _joined(owner, np.int64),
    )


def _edges(unit: UnitSpace, columns: list[int]) -> _Edges:
    distance, owner, low, first, last, start = [], [], [], [], [], 0
    for column in columns:
        cells = _cells(unit, column)
        count = len(cells) - 1
        centres = (cells[1:] + cells[:-1]) / 2
        distance.append((cells - centres[:, None]).ravel())
        owner.append(np.full(count * (count + 1), column))
        begin = start + np.repeat(np.arange(count) * (count + 1), count)
        low.append(begin + np.tile(np.arange(count), count))
        first.append(begin)
        last.append(begin + count)
        start += count * (count + 1)
    lower = _joined(low, np.int64)
    return _Edges(
        _joined(distance, float),
        _joined(owner, np.int64),
        lower,
        lower + 1,
        _joined(first, np.int64),
        _joined(last, np.int64),
    )


def _quadratic(centres: FloatArray, widths: FloatArray) -> list[FloatArray]:
    """The factors of z^2, z and 1 in the log of N(z; c, h^2) / Z, with Z for the truncation.

    -z^2 / 2 h^2 + z c / h^2 - (c^2 / 2 h^2 + log(h sqrt(2 pi) Z)).
    """
    whole = ndtr((1 - centres) / widths) - ndtr(-centres / widths)
    shifted, inverse = centres - 0.5, widths**-2.0
    constant = 0.5 * shifted**2 * inverse + np.log(widths * whole) + _LOG_SQRT_2PI
    square = np.broadcast_to(-0.5 * inverse, centres.shape)
    inactive = np.isnan(centres)
    return [np.where(inactive, 0.0, part) for part in (square, shifted * inverse, -constant)]
