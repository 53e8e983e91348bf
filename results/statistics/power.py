"""How many seeds a difference of two methods needs: the power of the test that reports make.

The test is that of `contrasts.difference`: Student's t of paired differences, averaged over tasks
(strata) with the same number n of seeds each. With the variances s_g^2 of the tasks' differences
and weights w, the error is the root of V / n, V = sum of (w_g s_g)^2, with (n - 1) r degrees of
freedom, r = (sum of v_g)^2 / sum of v_g^2 and v_g = (w_g s_g)^2. Its power for a true difference d
is that of the noncentral t distribution with noncentrality d / (V / n)^(1/2) (Cohen 1988,
Statistical Power Analysis, chapter 2).

V is known from a pilot only, so that n for V as it came out has the stated power in half of all
pilots, and less on average. So the power is averaged over what V may be, V f / chi^2(f), where

    f = 2 V^2 / sum of v_g^2 (2 / (n_0 - 1) + k / n_0)

and k is the excess kurtosis of the differences, over all tasks, at least 0: of heavy tails a pilot
knows less than (n_0 - 1) r degrees of freedom (Browne 1995, Statistics in Medicine 14: 1933-1940;
O'Hagan et al. 2005, Pharmaceutical Statistics 4: 187-201: assurance).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import chdtri, nctdtr, stdtrit

from hpobench.arrays import FloatArray

MOST = 100_000
"""No more seeds than these are planned."""
_QUANTILES = (np.arange(40) + 0.5) / 40


class Pilot(NamedTuple):
    """What a pilot says: `variance` V of a mean over tasks of one seed each, `ratio` r.

    `freedom` f: how well the variance is known.
    """

    variance: float
    ratio: float
    freedom: float

    @classmethod
    def of(cls, groups: Sequence[FloatArray]) -> "Pilot":
        """From the differences (n,) between runs of the same seed, by task; n of 2 or more."""
        counts = np.array([len(group) for group in groups], dtype=float)
        spreads = np.array([group.var(ddof=1) for group in groups])
        parts = spreads / len(groups) ** 2
        total = float(parts.sum())
        if total <= 0:
            return cls(0.0, float(len(groups)), float(counts.sum()) - len(groups))
        known = spreads > 0
        scaled = [
            (group - group.mean()) / np.sqrt(spread)
            for group, spread in zip(groups, spreads, strict=True)
            if spread > 0
        ]
        kurtosis = _without_bias(float((np.concatenate(scaled) ** 4).mean()) - 3.0, counts.mean())
        error = (parts**2 * (2 / (counts - 1) + kurtosis / counts))[known].sum()
        ratio = total**2 / float((parts**2).sum())
        return cls(total, ratio, 2 * total**2 / float(error))


def _without_bias(kurtosis: float, n: float) -> float:
    """The excess kurtosis, at least 0, of which that of n values falls short (Fisher's G_2)."""
    if n < 4:
        return max(kurtosis, 0.0)
    return max((n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * kurtosis + 6), 0.0)


def power(pilot: Pilot, detect: float, seeds: int, level: float = 0.05) -> float:
    """The probability to find a difference of `detect` with so many seeds, two-sided at `level`.

    Averaged over what the variance may be, given the pilot.
    """
    if pilot.variance <= 0:
        return 1.0
    variances = pilot.variance * pilot.freedom / chdtri(pilot.freedom, 1 - _QUANTILES)
    own = (seeds - 1) * pilot.ratio
    critical = stdtrit(own, 1 - level / 2)
    shift = abs(detect) / np.sqrt(variances / seeds)
    # Far beyond, the noncentral t has no value: it is found for sure there.
    missed = np.where(shift > critical + 30, 0.0, nctdtr(own, np.minimum(shift, 60.0), critical))
    return float(1 - np.nan_to_num(missed).mean())


def seeds_needed(pilot: Pilot, detect: float, aim: float = 0.8, level: float = 0.05) -> int | None:
    """The fewest seeds, at least 2, with which a difference of `detect` is found with power `aim`.

    None: more than `MOST`. Raises ValueError for a difference, an aim or a level that cannot be.
    """
    if not 0 < detect < np.inf:
        raise ValueError(f"detect={detect}: give a normalised regret above 0, such as 0.02")
    if not 0 < aim < 1 or not 0 < level < 1:
        raise ValueError(f"power {aim} at level {level}: give both between 0 and 1")
    low, high = 1, 2
    while power(pilot, detect, high, level) < aim:
        low, high = high, 2 * high
        if high > 2 * MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(pilot, detect, middle, level) >= aim else (middle, high)
    return high
