"""How wide the kernels of a Parzen estimator are.

Notation: n configurations, d hyperparameters; bandwidths (d,) are deviations in units of the range,
and for a category the mass on all the other categories.
"""

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.methods.search.unit_space import UnitSpace

_QUARTERS = np.array([[0.25], [0.75]])


class ScottsRule:
    """1.059 min(s, IQR / 1.34) n^(-1/5), within [minimum, 1/2], for each hyperparameter.

    Watanabe (2023), Appendix C, after Scott (1992), with the centre of the range
    counted among the n values, as it is among the kernels. The minimum is `min_bandwidth`, and
    `narrowing` / n^(1/2), so that few kernels are wide and many may be narrow, and `min_cells`
    average cells of a discrete hyperparameter.

    Categories: at most `category_bandwidth`, if stated, and at most, for w = `category_weight`, if
    stated, (K - 1) w / (n + K w), as if each of the n kernels had seen all K categories w / n times
    and its own once more, as in Optuna (Akiba et al. 2019).
    """

    def __init__(
        self,
        unit: UnitSpace,
        min_bandwidth: float,
        min_cells: float,
        category_bandwidth: float | None,
        narrowing: float = 0.0,
        category_weight: float | None = None,
    ) -> None:
        if not 0 < min_bandwidth <= 0.5:
            raise ValueError(f"min_bandwidth={min_bandwidth} must be in (0, 0.5]: of the range")
        for name, value in (("min_cells", min_cells), ("narrowing", narrowing)):
            if not value >= 0:
                raise ValueError(f"{name}={value} must not be negative")
        if category_bandwidth is not None and not 0 < category_bandwidth < 1:
            raise ValueError(
                f"category_bandwidth={category_bandwidth} must be in (0, 1): the mass of a kernel "
                "on all categories but its own; or null, for one that shrinks"
            )
        if category_bandwidth is None and category_weight is None:
            raise ValueError("category_bandwidth and category_weight are both null: state one")
        if category_weight is not None and not 0 < category_weight < np.inf:
            raise ValueError(f"category_weight={category_weight} must be positive; 1 is usual")
        self._cells = np.where(unit.levels > 0, min_cells / np.maximum(unit.levels, 1), 0.0)
        self._least, self._narrowing = min_bandwidth, narrowing
        self._categories = unit.categories
        self._mass, self._weight = category_bandwidth, category_weight

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Bandwidths (d,) of kernels at rows (n, d)."""
        values = np.concatenate([rows, np.full((1, rows.shape[1]), 0.5)])
        values.sort(axis=0)  # NaN comes last
        counts: int | NDArray[np.int64] = len(values)
        if np.isnan(values[-1]).any():
            counts = counts - np.isnan(values).sum(axis=0)
        lower, upper = _quantiles(values, counts, _QUARTERS)
        spread = np.minimum((upper - lower) / 1.34, _deviation(values, counts))
        least = max(self._least, self._narrowing * len(values) ** -0.5)
        widths = np.maximum(1.059 * spread * counts**-0.2, np.maximum(self._cells, least))
        masses = self._masses(len(values))
        return np.where(self._categories > 0, masses, np.minimum(widths, 0.5))

    def _masses(self, kernels: int) -> FloatArray:
        """The mass (d,) of a kernel on all categories but its own."""
        most = even_mass(self._categories)
        if self._mass is not None:
            most = np.minimum(self._mass, most)
        if self._weight is None:
            return most
        others = np.maximum(self._categories - 1, 0) * self._weight
        masses: FloatArray = others / (kernels + self._categories * self._weight)
        return np.minimum(most, masses)


class NormalReference:
    """1.06 s n^(-1/(4 + d)), at least `min_bandwidth`: the rule of statsmodels that BOHB takes.

    Of categories, s is the deviation of their numbers 0, 1, ..., as it is there, but the bandwidth
    is at most `most` (d,), where all categories are alike.
    """

    def __init__(self, unit: UnitSpace, min_bandwidth: float) -> None:
        if not 0 < min_bandwidth <= 0.5:
            raise ValueError(f"min_bandwidth={min_bandwidth} must be in (0, 0.5]: of the range")
        self._least = min_bandwidth
        self._scale = np.maximum(unit.categories, 1)
        self.most = np.where(unit.categories > 0, even_mass(unit.categories), np.inf)

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Bandwidths (d,) of kernels at rows (n, d)."""
        counts = np.maximum((~np.isnan(rows)).sum(axis=0), 1)
        biased = _deviation(rows, counts) * np.sqrt((counts - 1) / counts)
        widths = 1.06 * biased * self._scale * len(rows) ** (-1.0 / (4 + rows.shape[1]))
        clipped: FloatArray = np.minimum(np.maximum(widths, self._least), self.most)
        return clipped


def even_mass(categories: NDArray[np.int64]) -> FloatArray:
    """The mass on all the other categories of a kernel that favours none."""
    even: FloatArray = (categories - 1) / np.maximum(categories, 1)
    return np.maximum(even, 0.0)


def _quantiles(
    ordered: FloatArray, counts: int | NDArray[np.int64], shares: FloatArray
) -> FloatArray:
    """Linearly interpolated quantiles (s, d) of the first `counts` entries of sorted columns."""
    place = shares * (counts - 1)
    below = place.astype(np.int64)
    columns = np.arange(ordered.shape[1])
    low, high = ordered[below, columns], ordered[np.minimum(below + 1, counts - 1), columns]
    quantiles: FloatArray = low + (place - below) * (high - low)
    return quantiles


def _deviation(values: FloatArray, counts: int | NDArray[np.int64]) -> FloatArray:
    """Unbiased standard deviations (d,) of columns, without what is NaN; 0 of one value."""
    known = values - 0.5
    if not isinstance(counts, int):
        known[np.isnan(known)] = 0.0
    squares = np.einsum("nd,nd->d", known, known) - known.sum(axis=0) ** 2 / counts
    deviation: FloatArray = np.sqrt(np.maximum(squares, 0.0) / np.maximum(counts - 1, 1))
    return deviation
