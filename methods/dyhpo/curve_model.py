"""What a trial's next value will be: a Gaussian process over configuration, budget and curve.

Wistuba, Kadra and Grabocka (2022), Supervising the Multi-Fidelity Race of Hyperparameter
Configurations, NeurIPS, Section 4.1, with a simpler kernel: where the paper learns a deep one over
the whole curve, this is a Matern 5/2 with a lengthscale for each hyperparameter, for the budget,
and for the last value and the last gain of the curve so far (0 where there is none, as the paper
pads).

Notation: n observations, m candidates, f features; y_j is the value of a trial after step j.
"""

import math
from typing import NamedTuple

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.models.gp.gaussian_process import Posterior, fit
from hpobench.methods.models.gp.kernels import Matern52
from hpobench.methods.models.value_transform import ceiling
from hpobench.methods.search.unit_space import UnitSpace

# Iterations of a fit, and the fewest new observations that are worth one.
_STEPS = 10
_FEWEST_NEW = 5
# Deviations of all values that the last step of a curve may count for.
_MOST_GAIN = 5.0
# When more than `most` observations are known, so many of the best are kept, and of the latest.
_BEST, _LATEST = 0.4, 0.4


class Point(NamedTuple):
    """Where a value is, or may be, observed: after y_1, ..., y_j (`last`, `gain`), at y_(j+1).

    `row` (d,) of the configuration; `budget` in (0, 1]; `last` y_j and `gain` y_(j-1) - y_j, NaN
    where there are none.
    """

    row: FloatArray
    budget: float
    last: float = math.nan
    gain: float = math.nan


class CurveModel:
    """Predicts values at points; values that failed or diverged count as the worst (`pulled_in`).

    Parameters are fitted anew whenever the observations grew by the fraction `refit`, and by 5; in
    between, the factor grows. Of more than `most` observations the model goes on with the best, 40
    % of `most`, and the latest 40 %, to which new ones are added.
    """

    def __init__(self, unit: UnitSpace, most: int = 200, refit: float = 0.2) -> None:
        if not most >= 20:
            raise ValueError(f"most={most}: a model needs to see at least 20 observations")
        if not refit > 0:
            raise ValueError(f"refit={refit} must be above 0: a part of the observations")
        self._unit, self._most, self._refit = unit, most, refit
        groups = unit.feature_columns
        first = len(unit)
        self._kernel = Matern52([*groups, first, first + 1, first + 2])
        self._points: list[Point] = []
        self._values: list[float] = []
        self._kept: list[int] = []
        self._due = 0
        self._theta: FloatArray | None = None
        self._posterior: Posterior | None = None
        self._in_posterior = 0
        self._centre, self._spread, self._worst = 0.0, 1.0, 0.0

    def __len__(self) -> int:
        return len(self._values)

    def add(self, point: Point, value: float) -> None:
        """An observation; infinite: it failed."""
        self._kept.append(len(self._values))
        self._points.append(point)
        self._values.append(value)

    def posterior(self) -> Posterior:
        """The process given all that was added; there must be a finite value."""
        if self._posterior is None or len(self) >= self._due or len(self._kept) > self._most:
            self._rebuild()
        new = self._kept[self._in_posterior :]
        if new:
            assert self._posterior is not None
            self._posterior = self._posterior.extended(*self._encoded(new))
            self._in_posterior = len(self._kept)
        assert self._posterior is not None
        return self._posterior

    def _rebuild(self) -> None:
        """Choose what to keep, scale it anew, and fit if that is due."""
        if len(self._kept) > self._most:
            best = sorted(self._kept, key=lambda index: self._values[index])
            best = best[: int(_BEST * self._most)]
            latest = self._kept[-int(_LATEST * self._most) :]
            self._kept = sorted({*best, *latest})
        values = np.array([self._values[index] for index in self._kept])
        finite = values[np.isfinite(values)]
        # A diverged loss would flatten all differences among the good ones.
        self._worst = min(float(finite.max()), ceiling(finite))
        finite = np.minimum(finite, self._worst)
        self._centre, self._spread = float(finite.mean()), float(finite.std()) or 1.0
        x, y = self._encoded(self._kept)
        if len(self) >= self._due:
            self._theta = fit(self._kernel, x, y[:, 0], self._theta, _STEPS)
            self._due = len(self) + max(_FEWEST_NEW, math.ceil(self._refit * len(self)))
        assert self._theta is not None
        empty = Posterior.empty(self._kernel, self._theta, x.shape[1], 1)
        self._posterior = empty.extended(x, y)
        self._in_posterior = len(self._kept)

    def _encoded(self, indices: list[int]) -> tuple[FloatArray, FloatArray]:
        """Features (n, f) and targets (n, 1) of observations."""
        values = np.array([self._values[index] for index in indices])
        x = self.features([self._points[index] for index in indices])
        return x, self.scaled(values)[:, None]

    def features(self, points: list[Point]) -> FloatArray:
        """Features (m, f) of points, on the scale of the present posterior."""
        rows = np.array([point.row for point in points])
        budget = np.array([point.budget for point in points])
        last = self.scaled(np.array([point.last for point in points]))
        gain = np.array([point.gain for point in points]) / self._spread
        gain = np.clip(gain, -_MOST_GAIN, _MOST_GAIN)
        curve = np.nan_to_num(np.stack([budget, last, gain], axis=1), nan=0.0)
        return np.concatenate([self._unit.features(rows), curve], axis=1)

    def scaled(self, values: FloatArray) -> FloatArray:
        """Values on the scale of the targets; those that failed or diverged are the worst."""
        scaled: FloatArray = (np.minimum(values, self._worst) - self._centre) / self._spread
        return scaled
