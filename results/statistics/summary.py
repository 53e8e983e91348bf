"""Statistics over seeds: a centre and a band at each time.

Groups are strata: the seeds of one task each. With several, the mean is the mean over tasks of the
mean over seeds, and its error comes from the seeds within each task (the tasks are fixed). Median
and interquartile mean are those of all runs pooled; bootstraps draw the seeds within each task.

The interquartile mean (IQM) is the mean of the middle half of the runs: of n, the int(n / 4)
smallest and as many of the largest are left out (Agarwal et al. 2021, Deep reinforcement learning
at the edge of the statistical precipice; `scipy.stats.trim_mean` at 25 %).

The band of a mean is by default the interval of `contrasts`: regrets are skewed, and of few seeds
with log-normal regrets a bootstrap's interval covers the mean 7 times in 10.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hpobench.arrays import BoolArray, FloatArray
from hpobench.results.statistics.bootstrap import (
    ANY,
    Band,
    Groups,
    Limits,
    bootstrap,
    mean_of,
    middle_of,
)
from hpobench.results.statistics.contrasts import mean_contrast
from hpobench.words import counted

_BOOTSTRAP = "95 % bootstrap interval (percentile, stretched for few seeds)"
BANDS = {
    "mean": {
        "interval": "95 % interval (Student's t, corrected for skewness)",
        "sem": "± standard error",
        "sd": "± standard deviation",
        "bootstrap": _BOOTSTRAP,
    },
    "median": {"quartiles": "quartiles", "bootstrap": _BOOTSTRAP},
    "iqm": {"bootstrap": _BOOTSTRAP},
}
NAMES = {"iqm": "interquartile mean"}
VERY_SKEWED = 0.36
SKEWED_SENTENCE = (
    "Single runs are far worse than most here: where the runs of a curve do not happen to show it, "
    "its band is too narrow, so that fewer than 95 in 100 such bands hold the mean (see "
    "docs/calibration.md); the median is safer."
)


@dataclass(frozen=True)
class Summary:
    """A statistic (t,) and its band; the band is NaN where it is undefined (a single seed).

    `count`: how many runs went in; `units` says what they are. `skewness`: of the mean of the runs
    of one task at the last time at which it has one, where the band corrects for it.
    """

    centre: FloatArray
    low: FloatArray
    high: FloatArray
    count: int
    statistic: str
    band: str
    units: str = "seeds"
    skewness: float = np.nan

    @property
    def description(self) -> str:
        """Such as: mean over 30 seeds, band: ± standard error."""
        return describe(self.statistic, self.band, [self.count], self.units)


def describe(statistic: str, band: str, counts: Sequence[int], units: str = "seeds") -> str:
    """The statistic in words; `counts` are those of all curves it stands for."""
    name = NAMES.get(statistic, statistic)
    rest = "no band" if max(counts, default=0) == 1 else f"band: {BANDS[statistic][band]}"
    return f"{name} over {counted(counts, units)}, {rest}"


def default_band(statistic: str) -> str:
    """The band that goes with a statistic if none is asked for."""
    if statistic not in BANDS:
        raise ValueError(f"statistic={statistic!r}: use one of {', '.join(BANDS)}")
    return next(iter(BANDS[statistic]))


def check(statistic: str, band: str | None) -> str:
    """The band to use; raises ValueError if it does not go with the statistic."""
    band = band or default_band(statistic)
    if band not in BANDS.get(statistic, {}):
        default_band(statistic)
        raise ValueError(
            f"band={band!r} does not go with statistic={statistic!r}: "
            f"use one of {', '.join(BANDS[statistic])}"
        )
    return band


def summarise(
    values: FloatArray | Groups,
    statistic: str = "mean",
    band: str | None = None,
    tasks: Sequence[str] = (),
    limits: Limits = ANY,
) -> Summary:
    """Statistic and band of `values` (n, t), or of several such groups (strata), at each time.

    NaN where any value is NaN. `tasks`: whose seeds the groups are, by whose names the bootstrap
    draws them. Bands keep to the `limits` that values can have. Raises ValueError for an
    unknown statistic or band, or without values.
    """
    band = check(statistic, band)
    groups = [values] if isinstance(values, np.ndarray) else list(values)
    if not groups or not all(len(group) for group in groups):
        raise ValueError("there is nothing to summarise: no runs")
    # Curves are steps: what has not changed since the time before is not computed again.
    new = _is_new(groups)
    some, least = [group[:, new] for group in groups], np.broadcast_to(limits[0], len(new))[new]
    centre = _centre(some, statistic)
    band_ends = _band_of(statistic, band, tasks, (least, limits[1]))(some, centre)
    low, high = (np.clip(end, least, limits[1]) for end in band_ends)
    centre, low, high = (each[new.cumsum() - 1] for each in (centre, low, high))
    count = sum(map(len, groups))
    units = "seeds" if len(groups) == 1 else "task-seed pairs"
    skewness = _skewness(groups[0]) if band == "interval" and len(groups) == 1 else np.nan
    return Summary(centre, low, high, count, statistic, band, units, skewness)


def _is_new(groups: Groups) -> BoolArray:
    """Whether the values (n, t) at a time are others than at the time before."""
    pooled = np.concatenate(groups)
    now, before = pooled[:, 1:], pooled[:, :-1]
    same = (now == before) | (np.isnan(now) & np.isnan(before))
    return np.concatenate([[True], ~same.all(axis=0)])[: pooled.shape[1]]


def skewed(some: Iterable[Summary]) -> bool:
    """Whether means of one task are so skewed that their bands hold them too rarely.

    As where runs are log-normal with sigma 1 or more, see docs/calibration.md. It is the curves
    whose runs happen to show nothing of it that have a band too narrow, so they are judged
    together: by the mean of their skewness, if it is also twice its error under normal values.
    """
    known = [each for each in some if np.isfinite(each.skewness)]
    if not known:
        return False
    n = min(each.count for each in known)
    error = np.sqrt(6 * (n - 1) / ((n - 2) * (n + 1) * (n + 3)) / len(known))
    return bool(np.mean([each.skewness for each in known]) > max(VERY_SKEWED, 2 * error))


def _skewness(values: FloatArray) -> float:
    """The skewness of the mean when all last have a value; NaN of two values or without spread."""
    last = np.flatnonzero(np.isfinite(values).all(axis=0))[-1:]
    if len(values) < 3 or not len(last) or np.ptp(values[:, last]) == 0:
        return np.nan
    return float(mean_contrast([values[:, last]]).skewness[0])


def _centre(groups: Groups, statistic: str) -> FloatArray:
    return mean_of(groups) if statistic == "mean" else middle_of(groups, statistic)


def _band_of(
    statistic: str, band: str, tasks: Sequence[str], limits: Limits
) -> Callable[[Groups, FloatArray], Band]:
    if band == "interval":
        return lambda groups, _centre: mean_contrast(groups).interval(limits=limits)
    if band == "bootstrap":
        return lambda groups, _centre: bootstrap(groups, statistic, tasks, limits)
    return {"sem": _sem, "sd": _sd, "quartiles": _quartiles}[band]


def _deviation(values: FloatArray) -> FloatArray:
    """Sample standard deviation (t,) with n - 1; NaN of a single run."""
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    deviation: FloatArray = values.std(axis=0, ddof=1)
    return deviation


def standard_error(groups: Groups) -> FloatArray:
    """Standard error (t,) of the mean of the groups' means: sqrt(sum of s² / n) / groups."""
    variances = [_deviation(group) ** 2 / len(group) for group in groups]
    error: FloatArray = np.sqrt(np.sum(variances, axis=0)) / len(groups)
    return error


def _sem(groups: Groups, centre: FloatArray) -> Band:
    error = standard_error(groups)
    return centre - error, centre + error


def _sd(groups: Groups, centre: FloatArray) -> Band:
    deviation = _deviation(np.concatenate(groups))
    return centre - deviation, centre + deviation


def _quartiles(groups: Groups, _centre: FloatArray) -> Band:
    pooled = np.concatenate(groups)
    if len(pooled) < 2:
        return _deviation(pooled), _deviation(pooled)
    low, high = np.quantile(pooled, [0.25, 0.75], axis=0)
    return low, high
