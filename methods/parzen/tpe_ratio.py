"""Splits of observations into good and bad ones, and the ratio of their densities.

Notation: n observations, m points, d hyperparameters.
"""

import math
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.methods.models.value_transform import LARGEST
from hpobench.methods.parzen.kernels import Kernels, Points
from hpobench.methods.parzen.parzen import ParzenEstimator
from hpobench.methods.search.prior import Prior

Indices = NDArray[np.int64]

# At most so many are good: Bergstra et al.'s Hyperopt, and all implementations since.
MOST_GOOD = 25

# Of the bad ones that were observed the latest so many are kept, so that the cost is bounded.
MOST_BAD = 1000


class Split(NamedTuple):
    """Indices of good and bad observations, the good ones' weights, and their `share` of all."""

    good: Indices
    bad: Indices
    weights: FloatArray
    share: float


def objective_split(
    values: FloatArray, feasible: NDArray[np.bool_], gamma: float, improvement: bool
) -> Split:
    """The best ceil(gamma n) of n, at most 25, are good (Watanabe 2023, Section 3.1, linear).

    With constraints, as many as it takes to have so many feasible ones among them, or all, as in
    c-TPE (Watanabe and Hutter 2023). Failed observations are never good. Weights: the improvement
    over the best of the bad ones, EI in Watanabe (2023), Section 3.2; otherwise uniform.
    """
    order = np.argsort(values, kind="stable")
    wanted = min(math.ceil(gamma * len(values)), MOST_GOOD)
    if not feasible.all():
        wanted = int(np.searchsorted(np.cumsum(feasible[order]), wanted)) + 1
    count = min(wanted, int(np.isfinite(values).sum()))
    good, bad = order[:count], order[count:]
    weights = np.ones(count)
    if improvement and len(bad) and math.isfinite(values[bad[0]]):
        known = np.clip(values, -LARGEST, LARGEST)
        weights = np.maximum(known[bad[0]] - known[good], 1e-12)
    return Split(good, bad, weights / weights.mean(), count / len(values))


def constraint_split(slacks: FloatArray) -> Split:
    """The feasible ones, or the one that is nearest to it, are good, as in c-TPE.

    `slacks` (n,): feasible means at least 0; NaN: not known, left out.
    """
    known = np.flatnonzero(~np.isnan(slacks))
    order = known[np.argsort(-slacks[known], kind="stable")]
    count = max(1, int((slacks[order] >= 0).sum()))
    return Split(order[:count], order[count:], np.ones(count), count / len(order))


class BandwidthRule(Protocol):
    """The bandwidths of kernels."""

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Bandwidths (d,) of kernels at rows (n, d)."""


class Ratio:
    """l(x) / g(x), the densities of good and bad configurations, as what EI grows with.

    The last `pending` of the configurations are pending.
    """

    def __init__(
        self,
        kernels: Kernels,
        observed: Points,
        split: Split,
        rule: BandwidthRule,
        prior_weight: float,
        prior: Prior | None = None,
        pending: int = 0,
    ) -> None:
        latest = np.sort(split.bad)[-(MOST_BAD + pending) :]
        good, bad = observed.at(split.good), observed.at(latest)
        self.share = split.share
        self.good = ParzenEstimator(
            kernels, good, rule(good.rows), np.append(split.weights, prior_weight), prior
        )
        weights = np.append(np.ones(len(bad.rows)), prior_weight)
        self.bad = ParzenEstimator(kernels, bad, rule(bad.rows), weights)

    def log_score(self, points: Points) -> FloatArray:
        """(m,) log of (gamma + (1 - gamma) g(x) / l(x))^-1: Bergstra et al. (2011), Section 4.1."""
        return self._score(self.bad.log_density(points) - self.good.log_density(points))

    def log_scores(self, points: Points) -> FloatArray:
        """(m, d): the same of each hyperparameter by itself."""
        return self._score(self.bad.log_marginals(points) - self.good.log_marginals(points))

    def _score(self, log_bad_over_good: FloatArray) -> FloatArray:
        log_share, log_rest = math.log(self.share), math.log1p(-min(self.share, 1 - 1e-12))
        score: FloatArray = -np.logaddexp(log_share, log_rest + log_bad_over_good)
        return score
