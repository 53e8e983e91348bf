"""Times that may be right-censored, and how many times sooner one thing comes than another.

Kaplan & Meier 1958, Nonparametric estimation from incomplete observations: S(t) is the share of
runs that have not got there by t. Weights make it the estimate of many resamples at once: a run of
weight 2 counts as two.

The speed-up of one method over another, as it is meant everywhere, with Q(p) the time by which the
share p of a method's runs has got there and p* the share that both methods reach:

    log speed-up = mean over p in (0, p*) of log Q_other(p) - log Q(p)

so the fastest p* of the runs of the one, against the fastest p* of those of the other, by the
geometric means of their times: the mean distance between their two curves of runs that got there,
along a log axis of time. Runs of which the end was not seen are not in it, so that they pull it
nowhere: if a method is k times as fast, it is k, wherever its runs were cut. Over tasks the runs
are pooled, in parts of each task's horizon, and the tasks weigh the same.

Its interval is stretched as in `bootstrap`, but by the number m of the runs that are compared, of
the method with fewer, on T tasks: m - T degrees of freedom and a variance m / (m - T) times as
large, as of a variance that all tasks have in common. What only one of two methods reaches gives a
bound.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtr

from hpobench.arrays import BoolArray, FloatArray, IntArray
from hpobench.results.statistics.bootstrap import INTERVAL, interval, reach

SHORTEST = 1e-6
"""Of the horizon: sooner counts as that, since what is there at once has no logarithm."""
LEAST_FREEDOM = 2
"""With 1 an interval reaches from a millionth to millions: it says nothing."""
SPEEDUP_SENTENCE = (
    "Speed-up: how many times less time the method's runs need to get to the target; geometric "
    "means over the fastest runs, as large a share of either's runs as both have there."
)
# A share that is 1/2 may be computed as a little more.
_ROUNDING = 1e-12


class Survival(NamedTuple):
    """`share` (..., n) of runs for which it has not happened by `time_s` (..., n), which rises."""

    time_s: FloatArray
    share: FloatArray


class Observed(NamedTuple):
    """The times at which the runs of a method got there on one task.

    `time_s` (..., n): when a run did, or, where not (`happened`), up to when it was followed.
    `weights` (1 + resamples, n): of the runs, with a sum of 1; first those of the actual runs.
    """

    time_s: FloatArray
    happened: BoolArray
    weights: FloatArray


class Runtimes(NamedTuple):
    """The times at which runs of a method got there, on one task or more, in parts of horizons.

    Arrays (1 + resamples, n), first the actual runs: `time`, which rises; `gained`, the share of
    the runs that got there at that time. `task` (n,): of the actual runs, in that order.
    `followed`: up to when the last of the actual runs was.
    """

    time: FloatArray
    gained: FloatArray
    task: IntArray
    followed: float

    @property
    def reached(self) -> FloatArray:
        """The share (1 + resamples,) of the runs that got there."""
        return np.asarray(self.gained.sum(axis=-1))

    @property
    def median(self) -> float:
        """The time by which half of the actual runs had got there; NaN if they have not."""
        half = np.flatnonzero(np.cumsum(self.gained[0]) >= 0.5 - _ROUNDING)
        return float(self.time[0, half[0]]) if len(half) else np.nan

    @property
    def counts(self) -> tuple[int, int]:
        """The numbers of actual runs that got there, and that did not."""
        got = int((self.gained[0] > _ROUNDING).sum())
        return got, len(self.task) - got


class SpeedUp(NamedTuple):
    """A speed-up: how many times as fast, with a 95 % interval (NaN: not known).

    `share`: that of the runs which was compared. `log_time`: the mean of the method's logarithms of
    time within it. `bound`: "<=" where the method was never seen to get there, and `speed` is the
    most it can be; ">=" where the other was not. `log_error` and `freedom`: the standard error of
    its logarithm, and the degrees of freedom of that. `reached`: how many of the runs of the two
    got there, and how many did not.
    """

    speed: float
    low: float
    high: float
    share: float
    bound: str
    log_time: float
    log_error: float
    freedom: float
    reached: tuple[tuple[int, int], tuple[int, int]]

    @property
    def mean_reached(self) -> float:
        """The share of the method's runs that got there."""
        got, missed = self.reached[0]
        return got / (got + missed)

    def p_value(self, speed: float) -> float:
        """The two-sided p-value of the speed-up being as given, by Student's t of its logarithm.

        Where there is a bound alone: Fisher's exact test of how many got there, if the bound is on
        the far side.
        """
        if self.bound:
            from scipy.stats import fisher_exact

            beyond = self.speed < speed if self.bound == "<=" else self.speed > speed
            return float(fisher_exact(np.array(self.reached)).pvalue) if beyond else 1.0
        distance = abs(np.log(self.speed / speed))
        if np.isnan(self.log_error):
            return 1.0
        if self.log_error <= _ROUNDING:
            return float(distance <= _ROUNDING)
        return float(2 * stdtr(self.freedom, -distance / self.log_error))


def kaplan_meier(
    time_s: FloatArray, happened: BoolArray, weights: FloatArray | None = None
) -> Survival:
    """S(t) = product over events up to t of 1 - (weight of the event) / (weight at risk).

    `time_s` (..., n): when it happened, or, where it has not, up to when that is known. Of equal
    times the events come first: who is censored then was still at risk. `weights` (..., n): 1 if
    None.
    """
    order = np.lexsort((~happened, time_s), axis=-1)
    weights = np.ones(time_s.shape) if weights is None else weights
    shape = np.broadcast_shapes(time_s.shape, weights.shape)
    order = np.broadcast_to(order, shape)
    ordered: FloatArray = np.take_along_axis(np.broadcast_to(time_s, shape), order, axis=-1)
    event: BoolArray = np.take_along_axis(np.broadcast_to(happened, shape), order, axis=-1)
    weight: FloatArray = np.take_along_axis(np.broadcast_to(weights, shape), order, axis=-1)
    at_risk = np.cumsum(weight[..., ::-1], axis=-1)[..., ::-1]
    # Events of the same time one after the other: (1 - a/n) (1 - b/(n - a)) = 1 - (a + b)/n.
    hazard = weight * event / np.where(at_risk > 0, at_risk, 1.0)
    share: FloatArray = np.multiply.accumulate(1.0 - hazard, axis=-1)
    return Survival(ordered, share)


def pooled(by_task: Sequence[Observed], horizons_s: Sequence[float]) -> Runtimes:
    """The runtimes of one method on several tasks, which weigh the same."""
    parts = [_gained(each) for each in by_task]
    time = np.concatenate(
        [one / end for (one, _), end in zip(parts, horizons_s, strict=True)], axis=-1
    )
    gained = np.concatenate([some for _, some in parts], axis=-1) / len(by_task)
    task = np.repeat(np.arange(len(by_task)), [some.shape[-1] for _, some in parts])
    order = np.argsort(time, axis=-1, kind="stable")
    time, gained = np.take_along_axis(time, order, -1), np.take_along_axis(gained, order, -1)
    return Runtimes(time, gained, task[order[0]], float(time[0, -1]))


def _gained(some: Observed) -> tuple[FloatArray, FloatArray]:
    """Times, and the share of the runs that got there then, (1 + resamples, n) each."""
    last = np.where(some.happened, some.time_s, -np.inf).max(axis=-1)
    if (last <= np.where(some.happened, np.inf, some.time_s).min(axis=-1)).all():
        # Nobody is lost before the last got there: S falls by the weights themselves.
        return np.broadcast_to(some.time_s, some.weights.shape), some.weights * some.happened
    time_s, share = kaplan_meier(*some)
    return time_s, -np.diff(share, axis=-1, prepend=1.0)


def speed_up(method: Runtimes, other: Runtimes) -> SpeedUp:
    """The speed-up: how many times sooner runs of `method` get there than those of `other`."""
    shares = np.minimum(method.reached, other.reached)
    # Where only one got there its share is that of the bound.
    shares = np.where(shares > _ROUNDING, shares, np.maximum(method.reached, other.reached))
    own, others = _mean_log(method, shares), _mean_log(other, shares)
    logs = others - own
    compared = min((_compared(each, shares[0]) for each in (method, other)), key=len)
    runs, freedom = len(compared), len(compared) - len(set(compared.tolist()))
    bound = _bound(float(method.reached[0]), float(other.reached[0]))
    low = high = error = np.nan
    # Resamples in which nobody got there say nothing.
    drawn = logs[1:][np.isfinite(logs[1:])]
    if freedom >= LEAST_FREEDOM and not bound and len(drawn) > len(logs) / 2:
        wider = np.sqrt(runs / freedom)
        error = float(drawn.std() * wider)
        factor = reach(np.array(float(freedom))) / ndtri(INTERVAL[1]) * wider
        low, high = map(float, interval(drawn, logs[0], factor))
    return SpeedUp(
        speed=float(np.exp(logs[0])),
        low=float(np.exp(low)),
        high=float(np.exp(high)),
        share=0.0 if bound else float(shares[0]),
        bound=bound,
        log_time=float(own[0]),
        log_error=error,
        freedom=float(freedom),
        reached=(method.counts, other.counts),
    )


def _mean_log(some: Runtimes, shares: FloatArray) -> FloatArray:
    """The mean logarithm of time (r,) over the fastest `shares` (r,) of the runs.

    Where none got there, when they were last followed; NaN where the share is 0.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        log_time = np.log(np.maximum(some.time, SHORTEST))
        mean = (_within(some, shares) * log_time).sum(axis=-1) / shares
    never = np.where(shares > 0, np.log(max(some.followed, SHORTEST)), np.nan)
    return np.where(some.reached > _ROUNDING, mean, never)


def _within(some: Runtimes, shares: FloatArray) -> FloatArray:
    """The part (r, n) that each run adds to the fastest `shares` (r,)."""
    total = np.cumsum(some.gained, axis=-1)
    return np.maximum(np.minimum(total, shares[:, None]) - (total - some.gained), 0.0)


def _compared(some: Runtimes, share: float) -> IntArray:
    """The tasks of those actual runs that are among the fastest `share`."""
    first = some._replace(gained=some.gained[:1])
    among = _within(first, np.array([share]))[0] > _ROUNDING
    return np.asarray(some.task[among], dtype=np.int64)


def _bound(reached: float, other_reached: float) -> str:
    if (reached > _ROUNDING) == (other_reached > _ROUNDING):
        return ""
    return ">=" if reached > _ROUNDING else "<="
