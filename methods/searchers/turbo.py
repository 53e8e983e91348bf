"""TuRBO: Bayesian optimisation within a trust region, for spaces of 20 and more hyperparameters.

Eriksson, Pearce, Gardner, Turner and Poloczek (2019), Scalable Global Optimization via Local
Bayesian Optimization, NeurIPS, with one region (TuRBO-1): a Gaussian process is fitted to what was
seen since the region began, and a draw from it, minimised over candidates in a box around the best
configuration, says which is next (Thompson sampling, so that several workers get several answers).
Success widens the box, failure narrows it; once it is narrower than `shortest`, all begins anew.

The paper is about real numbers. Here a hyperparameter that is discrete keeps its neighbours within
reach, a category is drawn anew where it changes, as do hyperparameters that become active.

Notation: d hyperparameters, m candidates; lengths in units of the range.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.models.gp.gaussian_process import Posterior
from hpobench.methods.models.gp.kernels import Matern52
from hpobench.methods.models.value_transform import TRANSFORMS
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.evidence import Evidence, Known
from hpobench.methods.search.surrogate import Surrogate
from hpobench.methods.search.training_data import Encoder
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration, Space

# A success improves the best value by so much of its size, at least (the authors' code).
_LEAST_GAIN = 1e-3
# So many coordinates of a candidate differ from the best configuration (the authors' code).
_MOVED = 20


@dataclass(frozen=True, slots=True)
class Region:
    """A trust region of side `length`, and its successes and failures in a row."""

    length: float
    longest: float
    to_widen: int
    to_narrow: int
    successes: int = 0
    failures: int = 0

    def after(self, success: bool) -> "Region":
        """The region after another evaluation (section 2, paragraph on trust regions)."""
        wins = self.successes + 1 if success else 0
        losses = 0 if success else self.failures + 1
        length = self.length
        if wins == self.to_widen:
            length, wins = min(2 * length, self.longest), 0
        if losses == self.to_narrow:
            length, losses = length / 2, 0
        return replace(self, length=length, successes=wins, failures=losses)


class TuRBO:
    """Suggests the minimum of a draw from a local model, within the trust region.

    A region begins with `initial` random configurations (null: 2 d, the paper's number, of which
    at most 20), and with side `length` (at most `longest`); `successes` in a row double it,
    `failures` (null: d, at least 4) halve it. `candidates` are drawn in it. `transform`: of values,
    before they are modelled. Parameters are fitted anew when data grew by the fraction `refit`.
    `repeat`: configurations of a finite space may be tried again.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        initial: int | None = None,
        length: float = 0.8,
        longest: float = 1.6,
        shortest: float = 0.5**7,
        successes: int = 3,
        failures: int | None = None,
        candidates: int = 500,
        transform: str = "winsorised",
        refit: float = 0.1,
        repeat: bool = False,
    ) -> None:
        self._rng = rng
        self._candidates = Candidates(space, rng, repeat)
        self._encoder = Encoder(self._candidates.unit)
        d = len(self._candidates.unit)
        initial = max(2, min(2 * d, 20)) if initial is None else initial
        failures = max(4, d) if failures is None else failures
        _check(length, longest, shortest, successes, failures, candidates, transform)
        self._initial = initial
        self._first = Region(length, longest, int(successes), int(failures))
        self._shortest, self._count, self._refit = shortest, int(candidates), refit
        self._transform = TRANSFORMS[transform]
        self._before: set[int] = set()
        self._begin()

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._candidates.exclude(config)

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        if job.trial not in self._before:
            self._evidence.add(job, evaluation)

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:
        known = self._evidence.known(pending)
        if known is None:
            return self._candidates.draw()
        self._judge(known)
        if self._region.length < self._shortest:
            self._before |= pending.keys()
            self._begin()
            return self._candidates.draw()
        rows = self._inside(known)
        if not len(rows):
            return self._candidates.draw()
        return self._candidates.choose(rows[self._drawn(rows, known).argmin()])

    def _begin(self) -> None:
        """A new region, which knows nothing of those before."""
        self._evidence = Evidence(self._candidates, self._initial)
        self._surrogate = Surrogate(Matern52(self._encoder.groups), self._refit)
        self._region = self._first
        self._judged, self._best = 0, math.inf

    def _judge(self, known: Known) -> None:
        """Widen or narrow the region by what came since the last time.

        Values of another resource than then do not compare: counting begins anew.
        """
        values = known.values
        if not self._initial <= self._judged <= len(values):
            self._judged, self._best = len(values), float(values.min())
        for value in values[self._judged :].tolist():
            self._region = self._region.after(value < self._best - _LEAST_GAIN * abs(self._best))
            self._best = min(self._best, value)
        self._judged = len(values)

    def _drawn(self, rows: FloatArray, known: Known) -> FloatArray:
        """A draw (m,) of the local model at rows (m, d)."""
        posterior = self._posterior(known)
        return posterior.sample(self._encoder(rows), self._rng)[:, 0]

    def _posterior(self, known: Known) -> Posterior:
        return self._surrogate.update(self._encoder(known.rows), self._transform(known.values))

    def _inside(self, known: Known) -> FloatArray:
        """Untried rows (m, d) within the region around the best configuration."""
        theta = self._posterior(known).theta
        unit, d = self._candidates.unit, len(self._candidates.unit)
        logs = theta[:d]
        # The side of a hyperparameter goes with its lengthscale; their volume stays (equation 1).
        half = self._region.length / 2 * np.exp(logs - logs.mean())
        half = np.maximum(half, np.where(unit.levels > 0, 1.0 / np.maximum(unit.levels, 1), 0.0))
        centre = known.rows[known.values.argmin()]
        if self._candidates.listed:
            return self._listed(centre, half)
        rows = self._moved(centre, half)
        return self._candidates.untried(rows)

    def _moved(self, centre: FloatArray, half: FloatArray) -> FloatArray:
        """Rows (m, d) of which some coordinates are drawn anew in the box around the centre."""
        unit, rng = self._candidates.unit, self._rng
        shape = self._count, len(centre)
        low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
        fresh = rng.random(shape)
        moved = np.where(unit.categories > 0, fresh, low + fresh * (high - low))
        free = ~np.isnan(centre) & (unit.levels != 1)
        moves = (rng.random(shape) < min(_MOVED / max(free.sum(), 1), 1.0)) & free
        # One at least, and of several the same number in the mean as all are free to move.
        chosen = np.where(free, rng.random(shape), -1.0).argmax(axis=1)
        moves[np.arange(self._count), chosen] = free[chosen]
        rows = np.where(moves, moved, centre)
        rows = np.where(np.isnan(rows), fresh, rows)
        return unit.snap(rows)

    def _listed(self, centre: FloatArray, half: FloatArray) -> FloatArray:
        """Of a list those that are left in the box, at least the nearest, at most `candidates`."""
        rows = self._candidates.random(self._count)
        gaps = np.nan_to_num(np.abs(rows - centre) / half, nan=1.0)
        of_category = (self._candidates.unit.categories > 0) & (gaps > 0)
        farthest = np.where(of_category, 1.0, gaps).max(axis=1, initial=0.0)
        farthest += 1e-6 * self._rng.random(len(rows))
        within = int((farthest <= 1.0 + 1e-6).sum())
        chosen = np.argsort(farthest)[: max(within, self._count // 10)]
        if len(chosen) > self._count:
            chosen = self._rng.choice(chosen, self._count, replace=False)
        nearest: FloatArray = rows[chosen]
        return nearest


def _check(
    length: float,
    longest: float,
    shortest: float,
    successes: int,
    failures: int,
    candidates: int,
    transform: str,
) -> None:
    """Raise ValueError for settings that make no sense."""
    if not 0 < shortest < length <= longest < math.inf:
        raise ValueError(
            f"shortest={shortest}, length={length}, longest={longest}: sides of the region, "
            "in units of the range, must rise in this order"
        )
    counts = {"successes": successes, "failures": failures, "candidates": candidates}
    for name, count in counts.items():
        if not count >= 1 or count % 1:
            raise ValueError(f"{name}={count}: a whole number, at least 1")
    if transform not in TRANSFORMS:
        raise ValueError(f"transform={transform!r}: use one of {', '.join(TRANSFORMS)}")
