"""PASHA: ASHA whose largest resource grows only while the ranking of trials is unsettled.

Bohdal, Balles, Wistuba, Ermis, Archambeau and Zappella (2023), PASHA: Efficient HPO and NAS with
Progressive Resource Allocation, ICLR, Algorithm 1, with the soft ranking of Section 4.1 and the
estimate of epsilon of Section 4.2; details the paper leaves open as in the authors' code (Syne
Tune).

Notation: m trials have reached the top rung; k resources were reported on the way there.
"""

import math

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.contracts import Step
from hpobench.methods.schedulers.rungs import Rung, exact_eta, rung_levels
from hpobench.records import Evaluation, Fidelity, Job


class PASHA:
    """Two rungs at first; one more whenever the top two rank the trials of the top differently.

    Values within epsilon of each other rank alike. Epsilon is the `percentile` of the differences
    between trials of the top rung whose curves cross at least twice: their order is noise. It is 0
    until there are such trials. Failed trials are not ranked.

    The paper's search ends after 256 configurations, and what it picked is then trained in full
    (Section 5). Here, after every `configurations` new trials, the best of the top rung goes on to
    `r_max`, and the search goes on as well; None: never.
    """

    multi_fidelity = True

    def __init__(
        self,
        fidelity: Fidelity,
        eta: float,
        percentile: float = 90.0,
        configurations: int | None = None,
    ) -> None:
        if not 0 <= percentile <= 100:
            raise ValueError(f"percentile={percentile}: a number in [0, 100]; 90 in the paper")
        if configurations is not None and (configurations < 1 or configurations % 1):
            raise ValueError(f"configurations={configurations}: a whole number, at least 1")
        ratio = exact_eta(eta)
        self._levels = rung_levels(fidelity, eta)
        self._percentile = percentile
        self._rungs = [Rung(ratio) for _ in self._levels[:-1]]
        self._index = {level: index for index, level in enumerate(self._levels)}
        self._top = min(1, len(self._levels) - 1)  # K_0 = 1: the rungs r_min and eta r_min
        self._curves: dict[int, dict[float, float]] = {}
        self._ranked = _Arrivals()
        self._at_top: dict[int, float] = {}
        self._picked: set[int] = set()
        self._picks_after = configurations or math.inf
        self._configurations = configurations or math.inf
        self._started = 0
        self._open = True
        self.epsilon = 0.0

    @property
    def top_resource(self) -> float:
        """The largest resource that trials are given at present."""
        return self._levels[self._top]

    def next(self) -> Step | None:
        if self._started >= self._picks_after and (pick := self._pick()) is not None:
            return Step(pick, self._levels[-1])
        for index in reversed(range(self._top)):  # k = K_t - 1, ..., 0
            rung = self._rungs[index]
            trial = None if rung.settled else rung.promote()
            while trial in self._picked:
                trial = rung.promote()
            if trial is not None:
                return Step(trial, self._levels[index + 1])
        if not self._open:
            return None
        self._started += 1
        return Step(self._started - 1, self._levels[0])

    def _pick(self) -> int | None:
        """The best trial of the top rung; None while nobody is there that was not picked."""
        if not self._at_top:
            return None
        self._picks_after += self._configurations
        pick = min(self._at_top, key=lambda trial: self._at_top[trial])
        self._picked.add(pick)
        del self._at_top[pick]
        return pick

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        """Keep the learning curve: epsilon is estimated from it."""
        known = zip(evaluation.resources.tolist(), evaluation.values.tolist(), strict=True)
        self._curves.setdefault(job.trial, {}).update(known)

    def report(self, trial: int, resource: float, value: float) -> None:
        index, last = self._index[resource], len(self._levels) - 1
        curve = self._curves.setdefault(trial, {})
        curve[resource] = value
        if index < last:
            self._rungs[index].add(trial, value)
        if index != self._top or self._top == last or not math.isfinite(value):
            return
        self._at_top[trial] = value
        crossing = self._ranked.add(curve, self._levels[index - 1])
        if len(crossing):
            self.epsilon = float(np.percentile(crossing, self._percentile))
        if not same_ranking(self._ranked.before, self._ranked.values, self.epsilon):
            self._top += 1
            self._ranked = _Arrivals()
            self._at_top.clear()

    def exhausted(self) -> None:
        self._open = False


def same_ranking(lower: FloatArray, upper: FloatArray, epsilon: float) -> bool:
    """Whether the ranking by `upper` (m,) agrees with the soft ranking by `lower` (m,).

    The soft ranking has at each position all trials whose `lower` is within epsilon of that of the
    trial that is ranked there. Section 4.1: at each position the trial ranked by `upper` must be
    among them. Equal values are ranked in order of arrival.
    """
    here = lower[np.argsort(upper, kind="stable")]
    return bool((np.abs(here - np.sort(lower)) <= epsilon).all())


def crosses_twice(new: FloatArray, curves: FloatArray) -> FloatArray:
    """Which of `curves` (m, k) cross `new` (k,) at least twice, as booleans (m,).

    Section 4.2: the order at the last resource was another one before, and the same before that.
    What is missing (NaN) is looked past.
    """
    above = np.where(np.isnan(curves) | np.isnan(new), np.nan, curves > new)
    last = above[:, -1:]
    other = above == 1 - last
    last_other = np.where(other, np.arange(len(new)), -1).max(axis=1)
    first_same = np.where(above == last, np.arange(len(new)), len(new)).min(axis=1)
    crossing: FloatArray = first_same < last_other
    return crossing


class _Arrivals:
    """Trials that reached the top rung: their curves, and how far noise sets them apart."""

    def __init__(self) -> None:
        self._grid: list[float] = []
        self._rows = np.empty((0, 0))
        self._below = np.empty(0)
        self._count = 0
        self._noise = np.empty(0)

    @property
    def values(self) -> FloatArray:
        """Values (m,) at the top rung, in order of arrival."""
        return self._rows[: self._count, -1]

    @property
    def before(self) -> FloatArray:
        """Values (m,) of the same trials at the rung below."""
        return self._below[: self._count]

    def add(self, curve: dict[float, float], rung_below: float) -> FloatArray:
        """Take in a trial; the distances at the top of all pairs that cross twice."""
        if not self._count:
            self._grid = sorted(curve)
            self._rows = np.empty((16, len(self._grid)))
            self._below = np.empty(16)
        elif self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._below = np.concatenate([self._below, np.empty_like(self._below)])
        row = np.array([curve.get(resource, np.nan) for resource in self._grid])
        earlier = self._rows[: self._count]
        distances = np.abs(earlier[:, -1] - row[-1])[crosses_twice(row, earlier)]
        self._noise = np.concatenate([self._noise, distances])
        self._rows[self._count] = row
        self._below[self._count] = curve[rung_below]
        self._count += 1
        return self._noise
