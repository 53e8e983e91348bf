"""Times that may be right-censored: Kaplan-Meier, its median and its restricted mean.

Kaplan & Meier 1958, Nonparametric estimation from incomplete observations. Weights make it the
estimate of many resamples at once: a run of weight 2 counts as two.
"""

from typing import NamedTuple

import numpy as np

from hpobench.hyperparameters import FloatArray
from hpobench.results.bootstrap import BoolArray

# A share that is 1/2 may be computed as a little more.
_ROUNDING = 1e-12


class Survival(NamedTuple):
    """`share` (..., n) of runs for which it has not happened by `time_s` (n,), which rises."""

    time_s: FloatArray
    share: FloatArray


def kaplan_meier(
    time_s: FloatArray, happened: BoolArray, weights: FloatArray | None = None
) -> Survival:
    """S(t) = product over events up to t of 1 - (weight of the event) / (weight at risk).

    `time_s` (n,): when it happened, or, where it has not, up to when that is known. Of equal times
    the events come first: who is censored then was still at risk. `weights` (..., n): 1 if None.
    """
    order = np.lexsort((~happened, time_s))
    weight = (np.ones(len(time_s)) if weights is None else weights)[..., order]
    at_risk = np.cumsum(weight[..., ::-1], axis=-1)[..., ::-1]
    # Events of the same time one after the other: (1 - a/n) (1 - b/(n - a)) = 1 - (a + b)/n.
    hazard = weight * happened[order] / np.where(at_risk > 0, at_risk, 1.0)
    share: FloatArray = np.multiply.accumulate(1.0 - hazard, axis=-1)
    return Survival(time_s[order], share)


def restricted_mean(survival: Survival, until_s: float) -> FloatArray:
    """The integral (...,) of S from 0 to `until_s`.

    S stays as it is after the last time: up to `followed_s` alone is that what was seen.
    """
    edges = np.append(survival.time_s, until_s).clip(max=until_s)
    mean: FloatArray = edges[0] + survival.share @ np.diff(edges)
    return mean


def followed_s(survival: Survival) -> float:
    """Up to when S (n,) is known: the last time, or infinite where it has come down to 0."""
    return np.inf if survival.share[-1] <= _ROUNDING else float(survival.time_s[-1])


def median_time_s(survival: Survival) -> float:
    """The first time at which S (n,) is 1/2 or less; NaN if there is none."""
    half = np.flatnonzero(survival.share <= 0.5 + _ROUNDING)
    return float(survival.time_s[half[0]]) if len(half) else np.nan
