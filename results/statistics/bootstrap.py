"""The bootstrap over seeds: 95 % percentile intervals (Efron & Tibshirani 1993, ch. 13), stretched.

Seeds are drawn with replacement, within each task if there are several. Drawing n of n runs is a
vector of multinomial counts: statistics are computed from the counts, no run is ever copied. What
is drawn depends on the name of the task and the number of its seeds alone (`drawn`), so that one
number has one interval: in figures, in reports and from Python, whoever asks, and in which order.

Of few seeds a percentile interval is too narrow: resamples vary by the variance with n instead of
n - 1, and their quantiles are about those of the normal distribution instead of Student's t
(Hesterberg 2015, What teachers should know about the bootstrap, The American Statistician 69: the
narrowness bias). Of a mean over 5 normal values it covers the truth 82 times in 100, of 2 only 50.
So both of its ends are moved away from the centre by

    t(0.975, f) / z(0.975) * sqrt(corrected / plain),
    f = corrected^2 / sum over groups of (corrected_g^2 / (n_g - 1))

where plain is the bootstrap's variance, the sum of those of the groups (the seeds of a task each),
and corrected_g = plain_g n_g / (n_g - 1); f are the degrees of freedom of Welch (1947) and
Satterthwaite (1946), n - 1 for one group. Hesterberg's expanded percentile interval reaches as far
by taking outer quantiles instead, but those of a few values end at the least and the largest.
"""

import math
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from hpobench.arrays import BoolArray, FloatArray, IntArray

RESAMPLES = 1000
INTERVAL = (0.025, 0.975)
SHARE = (0.0, 1.0)
"""The limits of a probability or a share."""
ANY = (-np.inf, np.inf)
_TINY = 1e-300

AnyIntArray = npt.NDArray[np.signedinteger[Any]]
Groups = Sequence[FloatArray]
Band = tuple[FloatArray, FloatArray]
Limits = tuple[FloatArray | float, float]


def stretch(
    variances: Sequence[FloatArray] | FloatArray, sizes: Sequence[int], compared: int = 2
) -> FloatArray:
    """The factor (...,) by which an interval is stretched about its centre (see above); 1 or more.

    `variances` (g, ...): what each group adds to the variance of the resampled statistic, up to a
    common factor; `sizes` (g,): its number of seeds. `compared`: how many methods are compared,
    each with each, by intervals that are to hold all at once (see `reach`). NaN where a group has a
    single seed.
    """
    plain = np.asarray(variances, dtype=float)
    n = np.asarray(sizes, dtype=float).reshape(-1, *[1] * (plain.ndim - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        corrected = plain * n / (n - 1)
        total = corrected.sum(axis=0)
        freedom = total**2 / (corrected**2 / (n - 1)).sum(axis=0)
        wider = np.sqrt(total / plain.sum(axis=0))
    # Groups without spread have an interval without width, whatever the factor.
    still = plain.sum(axis=0) <= _TINY
    freedom = np.where(still, n.min() - 1, freedom)
    wider = np.where(still, 1.0, wider) if n.min() > 1 else np.full_like(wider, np.nan)
    return np.asarray(wider * reach(freedom, compared) / ndtri(INTERVAL[1]), dtype=np.float64)


def reach(freedom: FloatArray, compared: int = 2) -> FloatArray:
    """The standard errors (...,) that a 95 % interval of a difference reaches to either side.

    Student's quantile for `freedom` (...,) at 0.05 over the number of pairs of `compared` methods
    (Dunn 1961): with a probability of 95 % or more all pairs of that many equal methods have
    intervals with 0 in them, so that of the worst and the best too, whichever these come out to be.
    For 12 methods and many seeds that is 3.37, 3 % above the studentised range (Tukey), which needs
    a common variance: with each pair's own (Games & Howell 1976), 12 equal methods of 5 seeds had a
    false alarm in 13 of 100 experiments. A bootstrap of the largest difference is no help: of two
    seeds it is sqrt(2) standard errors, however many methods are compared.
    """
    pairs = max(compared * (compared - 1) // 2, 1)
    return np.asarray(stdtrit(freedom, 1 - (1 - INTERVAL[1]) / pairs), dtype=np.float64)


def interval(
    resampled: FloatArray,
    centre: FloatArray | float,
    factor: FloatArray | float,
    limits: Limits = ANY,
) -> Band:
    """The 95 % interval (...,) of resampled statistics (..., resamples) about their centre.

    The percentile interval, its ends moved away from `centre` (...,) by `factor` (see `stretch`),
    within the `limits` that the statistic can have.
    """
    low, high = _quantiles(resampled)
    low = np.minimum(low, centre - factor * (centre - low))
    high = np.maximum(high, centre + factor * (high - centre))
    return np.clip(low, *limits), np.clip(high, *limits)


def _quantiles(resampled: FloatArray) -> Band:
    """Those (...,) of `INTERVAL`, as of `np.quantile`: sorted as a whole they take a quarter."""
    ordered = np.sort(resampled, axis=-1)
    ordered = np.where(np.isnan(ordered[..., -1:]), np.nan, ordered)
    places = [(ordered.shape[-1] - 1) * share for share in INTERVAL]
    around = [(ordered[..., int(at)], ordered[..., math.ceil(at)], at % 1) for at in places]
    low, high = (
        np.where(part < 0.5, one + part * (other - one), other - (1 - part) * (other - one))
        for one, other, part in around
    )
    return low, high


def generator(purpose: str) -> np.random.Generator:
    """The generator of all that is drawn for a purpose, the same at each call."""
    return np.random.default_rng(zlib.crc32(purpose.encode()))


@lru_cache(maxsize=256)
def drawn(count: int, task: str) -> IntArray:
    """Counts (resamples, count), to be read only: how often each of `count` seeds is drawn."""
    picks = generator(task).integers(count, size=(RESAMPLES, count))
    picks += count * np.arange(RESAMPLES)[:, None]
    counts: IntArray = np.bincount(picks.ravel(), minlength=RESAMPLES * count)
    counts.flags.writeable = False  # it is kept for whoever asks next
    return counts.reshape(RESAMPLES, count)


def run_weights(has: BoolArray, task: str) -> FloatArray:
    """Weights (1 + resamples, s, m) of the runs of a task; `has` (s, m) says which there are.

    First those of the actual runs, then the resampled; those of a method sum to 1. Seeds are drawn
    together for all methods, because they share the objective's noise: it does not tell methods
    apart. Where none of a method's seeds was drawn, all of its runs count. NaN in the resamples of
    a method with a single run.
    """
    counts = np.concatenate([has[None], drawn(len(has), task)[:, :, None] * has])
    counts = np.where(counts.any(axis=1, keepdims=True), counts, has)
    weights: FloatArray = counts / counts.sum(axis=1, keepdims=True)
    weights[1:, :, has.sum(axis=0) == 1] = np.nan
    return weights


def cut_of(statistic: str, count: int) -> int:
    """The number of values that the median or IQM of `count` values leaves out at either end."""
    return (count - 1) // 2 if statistic == "median" else int(0.25 * count)


def bootstrap(
    groups: Groups, statistic: str, tasks: Sequence[str] = (), limits: Limits = ANY
) -> Band:
    """Band (t,) of the mean, median or IQM of groups (n, t), each resampled on its own.

    The mean is the mean over groups of their means, median and IQM are of all runs pooled. NaN if
    a group has a single run. `tasks`: whose seeds the groups are, numbers without names. `limits`:
    what the statistic can be.
    """
    if any(len(group) < 2 for group in groups):
        undefined = np.full(groups[0].shape[1:], np.nan)
        return undefined, undefined
    names = tasks or list(map(str, range(len(groups))))
    counts = [drawn(len(group), name).T for group, name in zip(groups, names, strict=True)]
    sizes = [len(group) for group in groups]
    variances = [group.var(axis=0) for group in groups]
    if statistic == "mean":
        factor = stretch([some / n for some, n in zip(variances, sizes, strict=True)], sizes)
        return interval(_resampled_means(groups, counts), mean_of(groups), factor, limits)
    # Of pooled runs a group counts by its number of runs; that of their mean stands for the rest.
    factor = stretch([some * n for some, n in zip(variances, sizes, strict=True)], sizes)
    resampled = _resampled_middles(groups, counts, statistic)
    return interval(resampled, middle_of(groups, statistic), factor, limits)


def mean_of(groups: Groups) -> FloatArray:
    """The mean (t,) over groups (n, t) of their means."""
    mean: FloatArray = np.mean([group.mean(axis=0) for group in groups], axis=0)
    return mean


def middle_of(groups: Groups, statistic: str) -> FloatArray:
    """The median or IQM (t,) of all runs of the groups (n, t) pooled; NaN where any is NaN."""
    ordered = np.sort(np.concatenate(groups), axis=0)
    cut = cut_of(statistic, len(ordered))
    middle: FloatArray = ordered[cut : len(ordered) - cut].mean(axis=0)
    return np.where(np.isnan(ordered[-1]), np.nan, middle)


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
        np.int16 if len(pooled) < 2**15 else np.int64, order="C"
    )
    cut = cut_of(statistic, len(pooled))
    if len(groups) == 1:
        sums = np.sort(pooled, axis=0).T @ _in_the_middle(stacked, cut, len(pooled) - cut)
    else:
        sums = _pooled_sums(pooled, stacked, cut)
    middles: FloatArray = sums / (len(pooled) - 2 * cut)
    return middles


def _pooled_sums(pooled: FloatArray, counts: AnyIntArray, cut: int) -> FloatArray:
    """Sums (t, resamples) of what is in the middle, each time with the values in their order.

    The places at which the middle begins and ends have standard deviations of less than sqrt(n) / 2
    over resamples. Of many runs (n, t) only those within six of these are looked at one by one: the
    others are in the middle of all resamples, which is a product, or of none.
    """
    n, orders = len(pooled), np.argsort(pooled, axis=0).T
    margin = int(3 * np.sqrt(n)) + 1
    first, last = max(cut - margin, 0), min(n - cut + margin, n)
    inner = (cut + margin, n - cut - margin) if cut + margin < n - cut - margin else (last, last)
    if n < 8 * margin:
        return np.array(
            [
                values[order] @ _in_the_middle(counts[order], cut, n - cut)
                for values, order in zip(pooled.T, orders, strict=True)
            ]
        )
    ranks = np.argsort(orders, axis=1)
    weights = counts.astype(np.float32)  # whole numbers, and their sums: exact
    before, upto = (
        ((ranks < place).astype(np.float32) @ weights).astype(counts.dtype)
        for place in (first, inner[1])
    )
    within = (inner[0] <= ranks) & (ranks < inner[1])
    sums = np.where(within, pooled.T, 0.0) @ counts
    for at, (values, order) in enumerate(zip(pooled.T, orders, strict=True)):
        for begin, end, placed in ((first, inner[0], before[at]), (inner[1], last, upto[at])):
            rows = order[begin:end]
            sums[at] += values[rows] @ _in_the_middle(counts[rows], cut, n - cut, placed)
    known: BoolArray = np.isfinite(pooled.sum(axis=0))
    return np.where(known[:, None], sums, np.nan)


def _in_the_middle(
    counts: AnyIntArray, low: int, high: int, before: AnyIntArray | int = 0
) -> AnyIntArray:
    """Numbers of the `counts` (n, resamples) of values in order that are at places `low` to `high`.

    `before` (resamples,): how many are before all of them.
    """
    placed = counts.copy()
    placed[:1] += np.asarray(before, placed.dtype)
    for earlier, row in pairwise(placed):  # twice as fast as cumsum along the first axis
        row += earlier
    placed = placed.clip(low, high)
    placed[1:] -= placed[:-1]
    placed[:1] -= np.clip(np.asarray(before, placed.dtype), low, high)
    return placed
