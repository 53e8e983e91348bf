"""Parzen estimators over a search space: mixtures of one kernel a configuration, and a prior.

Watanabe (2023), Tree-Structured Parzen Estimator: Understanding Its Algorithm Components and Their
Roles for Better Empirical Performance, arXiv:2304.11127, Section 3.3: normal kernels truncated to
the range, and integrated over the cell of a discrete value; for categories the kernel of Aitchison
and Aitken (1976), Multivariate Binary Discrimination by the Kernel Method, Biometrika 63.

Densities are relative to that of random search, whose own is 1: so those of discrete and continuous
hyperparameters multiply. A kernel is flat in what is not active in its own configuration, and a
point has no factor for what is not active in it: a kernel is a distribution over the whole tree.

Notation: d hyperparameters, n kernels at rows (n, d) with `bandwidths` (d,), m points.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from hpobench.arrays import FloatArray
from hpobench.methods.parzen.kernels import Kernels, Points
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.prior import Prior

# How often rows are drawn until one is untried.
_ROUNDS = 4

_TINY = 1e-300


class ParzenEstimator:
    """sum_i w_i k_i(x) + w_n p(x): weights (n + 1,), the last one of the prior p.

    Without a `prior`, p is random search.
    """

    def __init__(
        self,
        kernels: Kernels,
        centres: Points,
        bandwidths: FloatArray,
        weights: FloatArray,
        prior: Prior | None = None,
    ) -> None:
        self._kernels = kernels
        self._centres = centres
        self._rows = centres.rows
        self._bandwidths = bandwidths
        self._prior = prior
        self._weights = weights / weights.sum()
        self._coefficients = kernels.coefficients(centres, bandwidths)

    def log_density(self, points: Points) -> FloatArray:
        """Log density (m,) over that of random search."""
        logs = np.zeros((len(points.rows), len(self._weights)))
        np.matmul(points.features, self._coefficients.T, out=logs[:, :-1])
        for column in self._kernels.wide.tolist():
            logs[:, :-1] += self._log_wide(column, points)
        if self._prior is not None:
            logs[:, -1] = self._prior.log_density(points.rows)
        return _log_sum(logs, self._weights)

    def log_marginals(self, points: Points) -> FloatArray:
        """The same (m, d) of each hyperparameter by itself.

        Kernels in whose own configuration it is not active do not count (Bergstra et al. 2011).
        """
        kernels = self._kernels
        marginals = np.empty(points.rows.shape)
        priors = None if self._prior is None else self._prior.log_marginals(points.rows)
        for column in range(len(kernels.unit)):
            features = np.flatnonzero(kernels.columns == column)
            logs = np.zeros((len(points.rows), len(self._weights)))
            if column in kernels.wide:
                logs[:, :-1] = self._log_wide(column, points)
            logs[:, :-1] += points.features[:, features] @ self._coefficients[:, features].T
            if priors is not None:
                logs[:, -1] = priors[:, column]
            marginals[:, column] = _log_sum(logs, self._marginal_weights(column))
        return marginals

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Rows (count, d) of random configurations."""
        chosen = _draws(self._weights, rng.random(count))
        return self._around(self._padded()[chosen], (chosen == len(self._rows))[:, None], rng)

    def sample_marginals(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Rows (count, d) in which each hyperparameter is drawn by itself."""
        columns = np.arange(self._rows.shape[1])
        uniform = rng.random((len(columns), count))
        weights = map(self._marginal_weights, columns.tolist())
        each = [_draws(w, draws) for w, draws in zip(weights, uniform, strict=True)]
        chosen = np.stack(each, axis=1)
        return self._around(self._padded()[chosen, columns], chosen == len(self._rows), rng)

    def _padded(self) -> FloatArray:
        """The rows (n + 1, d); that of the prior, of which all is drawn otherwise, comes last."""
        return np.concatenate([self._rows, np.full((1, self._rows.shape[1]), np.nan)])

    def _around(
        self, centres: FloatArray, from_prior: NDArray[np.bool_], rng: np.random.Generator
    ) -> FloatArray:
        """Rows (m, d) drawn from kernels at the centres (m, d), or from the prior."""
        kernels, widths = self._kernels, self._bandwidths
        drawn = rng.random(centres.shape)
        for columns, draw in ((kernels.numeric, _normal), (kernels.nominal, _category)):
            if len(columns):
                counts = kernels.unit.categories[columns]
                own = centres[:, columns], widths[columns], counts, drawn[:, columns]
                drawn[:, columns] = draw(*own)
        if self._prior is not None and from_prior.any():
            drawn = np.where(from_prior, self._prior.positions(len(drawn), rng), drawn)
        return kernels.unit.snap(drawn)

    def _marginal_weights(self, column: int) -> FloatArray:
        active = np.append(~np.isnan(self._rows[:, column]), True)
        weights = self._weights * active
        normalised: FloatArray = weights / weights.sum()
        return normalised

    def _log_wide(self, column: int, points: Points) -> FloatArray:
        width = float(self._bandwidths[column])
        return self._kernels.log_wide(column, self._centres, width, points)


def untried_draws(
    density: ParzenEstimator,
    kernels: Kernels,
    candidates: Candidates,
    count: int,
    rng: np.random.Generator,
) -> FloatArray:
    """At most `count` untried rows drawn from the density; none, if none was found."""
    if candidates.listed:
        rows = candidates.random(count)
        if len(rows) <= count:
            return rows
        # The largest sums of log density and Gumbel noise: draws without replacement.
        noisy = density.log_density(kernels.points(rows)) + rng.gumbel(size=len(rows))
        return rows[np.argpartition(noisy, -count)[-count:]]
    for _ in range(_ROUNDS):
        rows = candidates.untried(density.sample(count, rng))
        if len(rows):
            break
    return rows


def _draws(weights: FloatArray, uniform: FloatArray) -> NDArray[np.int64]:
    """Indices drawn with these weights (n,), which sum to one."""
    indices = np.cumsum(weights[:-1]).searchsorted(uniform, side="right")
    return indices.astype(np.int64)


def _normal(
    centres: FloatArray, widths: FloatArray, _: NDArray[np.int64], uniform: FloatArray
) -> FloatArray:
    """Draws of truncated normal kernels by inversion; `uniform` where there is no kernel."""
    low, high = ndtr(-centres / widths), ndtr((1 - centres) / widths)
    drawn = centres + widths * ndtri(low + uniform * (high - low))
    return np.where(np.isnan(centres), uniform, drawn)


def _category(
    centres: FloatArray, widths: FloatArray, counts: NDArray[np.int64], uniform: FloatArray
) -> FloatArray:
    """Draws of the kernel of Aitchison and Aitken: another category with probability `widths`."""
    steps = 1 + np.floor(uniform / widths * (counts - 1))
    drawn = np.where(uniform < widths, (centres + steps / counts) % 1.0, centres)
    return np.where(np.isnan(centres), uniform, drawn)


def _log_sum(logs: FloatArray, weights: FloatArray) -> FloatArray:
    """The log (m,) of sum_i w_i exp(logs_i), of logs (m, n)."""
    most = logs.max(axis=1, keepdims=True)
    sums = np.exp(logs - most) @ weights
    total: FloatArray = np.log(np.maximum(sums, _TINY)) + most[:, 0]
    return total
