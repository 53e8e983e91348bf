"""The bootstrap over seeds: 95 % percentile intervals (Efron & Tibshirani 1993, ch. 13).

Seeds are drawn with replacement, within each task if there are several. Drawing n of n runs is a
vector of multinomial counts: statistics are computed from the counts, no run is ever copied.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hpobench.hyperparameters import FloatArray

RESAMPLES = 1000
INTERVAL = (0.025, 0.975)

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
AnyIntArray = npt.NDArray[np.signedinteger[Any]]
Groups = Sequence[FloatArray]
Band = tuple[FloatArray, FloatArray]


def interval(resampled: FloatArray) -> Band:
    """The 95 % percentile interval (...,) of resampled statistics (..., resamples)."""
    low, high = np.quantile(resampled, INTERVAL, axis=-1)
    return low, high


def centre_and_interval(values: FloatArray) -> tuple[float, float, float]:
    """The first of the values (1 + resamples,), and the interval of the rest."""
    low, high = interval(values[1:])
    return float(values[0]), float(low), float(high)


def drawn(count: int, rng: np.random.Generator) -> IntArray:
    """How often each of `count` seeds is drawn, in every resample: (resamples, count)."""
    picks = rng.integers(count, size=(RESAMPLES, count)) + count * np.arange(RESAMPLES)[:, None]
    counts: IntArray = np.bincount(picks.ravel(), minlength=RESAMPLES * count)
    return counts.reshape(RESAMPLES, count)


def run_weights(has: BoolArray, rng: np.random.Generator) -> FloatArray:
    """Weights (1 + resamples, s, m) of the runs of one task; `has` (s, m) says which there are.

    First those of the actual runs, then the resampled; those of a method sum to 1. Seeds are drawn
    together for all methods, because they share the objective's noise: it does not tell methods
    apart. Where none of a method's seeds was drawn, all of its runs count. NaN in the resamples of
    a method with a single run.
    """
    counts = np.concatenate([has[None], drawn(len(has), rng)[:, :, None] * has])
    counts = np.where(counts.any(axis=1, keepdims=True), counts, has)
    weights: FloatArray = counts / counts.sum(axis=1, keepdims=True)
    weights[1:, :, has.sum(axis=0) == 1] = np.nan
    return weights


def cut_of(statistic: str, count: int) -> int:
    """How many of `count` values the median or IQM leaves out at either end."""
    return (count - 1) // 2 if statistic == "median" else int(0.25 * count)


def bootstrap(groups: Groups, statistic: str, rng: np.random.Generator) -> Band:
    """Band (t,) of the mean, median or IQM of groups (n, t), each resampled on its own.

    The mean is the mean over groups of their means, median and IQM are of all runs pooled. NaN if
    a group has a single run.
    """
    if any(len(group) < 2 for group in groups):
        undefined = np.full(groups[0].shape[1:], np.nan)
        return undefined, undefined
    counts = [drawn(len(group), rng).T for group in groups]
    if statistic == "mean":
        return interval(_resampled_means(groups, counts))
    return interval(_resampled_middles(groups, counts, statistic))


def _resampled_means(groups: Groups, counts: Sequence[IntArray]) -> FloatArray:
    """Means (t, resamples) for the counts (n, resamples) of each group: products with them."""
    sums = [group.T @ (some / len(group)) for group, some in zip(groups, counts, strict=True)]
    means: FloatArray = np.sum(sums, axis=0) / len(groups)
    return means


def _resampled_middles(groups: Groups, counts: Sequence[IntArray], statistic: str) -> FloatArray:
    """Medians or IQMs (t, resamples): means of the middle of each resample.

    In order of the values, the counts summed up to a value say where its copies stand in the
    resample, and so how many of them are in the middle. Within one group all orders of the counts
    are as likely, so that one set of counts along the order serves all times.
    """
    pooled = np.concatenate(groups)
    # Small integers are summed several times as fast; none exceeds the number of runs.
    stacked: AnyIntArray = np.concatenate(counts).astype(
        np.int16 if len(pooled) < 2**15 else np.int64
    )
    cut = cut_of(statistic, len(pooled))
    if len(groups) == 1:
        sums = np.sort(pooled, axis=0).T @ _in_the_middle(stacked, cut)
    else:
        sums = np.array(
            [
                values[order] @ _in_the_middle(stacked[order], cut)
                for values, order in zip(pooled.T, np.argsort(pooled, axis=0).T, strict=True)
            ]
        )
    middles: FloatArray = sums / (len(pooled) - 2 * cut)
    return middles


def _in_the_middle(counts: AnyIntArray, cut: int) -> AnyIntArray:
    """How many of the `counts` (n, resamples) of the values in order are in the middle."""
    placed = np.cumsum(counts, axis=0, dtype=counts.dtype).clip(cut, len(counts) - cut)
    placed[1:] -= placed[:-1]
    placed[0] -= cut
    return placed
