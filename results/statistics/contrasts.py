"""Means over seeds and differences of such means: 95 % intervals and p-values, without resampling.

Groups are strata: the seeds of one task each. With c = sum of w_g mean(x_g), s the standard error
of that and k its skewness,

    s^2 = sum of w_g^2 s_g^2 / n_g,    k = sum of w_g^3 m_g / n_g^2 / s^3

where s_g^2 is the variance with n - 1 and m_g the third central moment without bias, T = (c - true)
/ s is not Student's t where values are skewed, as regrets are: of 10 log-normal ones (sigma 1.5)
its interval holds the mean 69 times in 100. Hall 1992 (On the removal of skewness by
transformation, JRSS B 54) makes it so by a cubic, which has an inverse:

    g(T) = T + k T^2 / 3 + k^2 T^3 / 27 + k / 6

That gives 88 in 100 there, about what the bootstrap of T gives, and 92 or more over six tasks.
Nothing that is computed from values alone knows of a disaster that none of them shows. Differences
of methods are taken as they are (k = 0): those of equal methods are not skewed, and the skewness of
a sample then makes false alarms (12 of 100 where Student's t makes 4).

Degrees of freedom: Welch (1947) and Satterthwaite (1946), n - 1 for one group.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import stdtr

from hpobench.arrays import FloatArray
from hpobench.results.statistics.blocks import Regrets
from hpobench.results.statistics.bootstrap import ANY, Band, Groups, Limits, reach

_TINY = 1e-150


@dataclass(frozen=True)
class Contrast:
    """The sum of `weights` times the means of `groups` (n, ...), which are drawn on their own.

    `pairs`: how many of the values are differences within a (task, seed). `skewed`: whether the
    interval is corrected for skewness.
    """

    groups: Sequence[FloatArray]
    weights: Sequence[float]
    pairs: int = 0
    skewed: bool = False

    @cached_property
    def value(self) -> FloatArray:
        """The contrast (...,) itself."""
        pairs = zip(self.groups, self.weights, strict=True)
        return np.asarray(sum(weight * group.mean(axis=0) for group, weight in pairs), dtype=float)

    @property
    def known(self) -> bool:
        """Whether there is an error: each group has two values or more."""
        return all(len(group) > 1 for group in self.groups)

    @cached_property
    def _variances(self) -> FloatArray:
        """The part (g, ...) that each group adds to the variance."""
        pairs = zip(self.groups, self.weights, strict=True)
        return np.array([w**2 * group.var(axis=0, ddof=1) / len(group) for group, w in pairs])

    @cached_property
    def error(self) -> FloatArray:
        """The standard error (...,)."""
        return np.asarray(np.sqrt(self._variances.sum(axis=0)))

    @cached_property
    def freedom(self) -> FloatArray:
        """The degrees of freedom (...,)."""
        n = np.array([len(group) for group in self.groups], dtype=float)
        n = n.reshape(-1, *[1] * (self._variances.ndim - 1))
        total = self._variances.sum(axis=0)
        squares = (self._variances**2 / (n - 1)).sum(axis=0)
        least = float(n.min()) - 1
        return np.where(squares > 0, total**2 / np.where(squares > 0, squares, 1.0), least)

    @cached_property
    def skewness(self) -> FloatArray:
        """The skewness (...,) of the contrast, or 0 where it is not corrected for."""
        if not self.skewed:
            return np.zeros_like(self.error)
        pairs = zip(self.groups, self.weights, strict=True)
        third = sum(w**3 * _third(group) / len(group) ** 2 for group, w in pairs)
        cubed = self.error**3
        return np.where(cubed > _TINY, third / np.where(cubed > _TINY, cubed, 1.0), 0.0)

    def interval(self, compared: int = 2, limits: Limits = ANY) -> Band:
        """The 95 % interval (...,), NaN where there is no error.

        `compared`: of how many methods all pairs are to hold at once, see `bootstrap.reach`.
        """
        if not self.known:
            return np.full_like(self.value, np.nan), np.full_like(self.value, np.nan)
        reached = reach(self.freedom, compared)
        low, high = (
            self.value - self.error * _inverse(end, self.skewness) for end in (reached, -reached)
        )
        return np.clip(low, *limits), np.clip(high, *limits)

    def p_value(self, true: float = 0.0) -> float:
        """The two-sided p-value of the contrast being `true`; 1 without an error to judge by."""
        if not self.known:
            return 1.0
        distance = float(self.value) - true
        if self.error <= _TINY:
            return float(abs(distance) <= _TINY)
        return float(2 * stdtr(self.freedom, -abs(_cubic(distance / self.error, self.skewness))))


def difference(regrets: Regrets, method: str, other: str) -> Contrast:
    """The mean over tasks of the regret of `method` less that of `other`, by task a table.

    The difference of two methods wherever one stands: in verdicts, tests and claims. Runs of the
    same seed are compared; on a task where less than two seeds are shared, all runs of both are.
    """
    groups: list[FloatArray] = []
    weights: list[float] = []
    pairs = 0
    for table in regrets.values():
        both = [table[name].to_numpy(float) for name in (method, other)]
        shared, *alone = (some[~np.isnan(some)] for some in (both[0] - both[1], *both))
        if len(shared) > 1 or (len(shared) and min(map(len, alone)) < 2):
            groups.append(shared)
            weights.append(1 / len(regrets))
            pairs += len(shared)
        else:
            groups += alone
            weights += [1 / len(regrets), -1 / len(regrets)]
    return Contrast(groups, weights, pairs)


def mean_contrast(groups: Groups) -> Contrast:
    """The mean over groups (n, ...) of their means, corrected for skewness."""
    return Contrast(groups, [1 / len(groups)] * len(groups), skewed=True)


def _third(group: FloatArray) -> FloatArray:
    """The third central moment (...,) without bias; 0 of two values."""
    n = len(group)
    if n < 3:
        return np.zeros(group.shape[1:])
    moment: FloatArray = ((group - group.mean(axis=0)) ** 3).mean(axis=0)
    return moment * n**2 / ((n - 1) * (n - 2))


def _cubic(t: FloatArray, skewness: FloatArray) -> FloatArray:
    return np.asarray(t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6)


def _inverse(value: FloatArray, skewness: FloatArray) -> FloatArray:
    flat = np.abs(skewness) < 1e-6
    k = np.where(flat, 1.0, skewness)
    return np.where(flat, value, 3 / k * (np.cbrt(1 + k * (value - k / 6)) - 1))
