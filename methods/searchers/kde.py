"""The searcher of BOHB: kernel density estimates at the highest resource with enough data.

Falkner, Klein and Hutter (2018), BOHB: Robust and Efficient Hyperparameter Optimization at Scale,
ICML, Algorithm 2. With Hyperband as the scheduler it is BOHB; the kernels of discrete values, and
what is not active, are as in `Kernels`, where theirs takes integers for real numbers and draws what
is not active at random.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.methods.parzen.bandwidths import NormalReference
from hpobench.methods.parzen.kernels import Kernels
from hpobench.methods.parzen.parzen import ParzenEstimator, untried_draws
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.history import History, Observations, check_liar
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration, Space

Indices = NDArray[np.int64]


class KernelDensities:
    """Of `samples` draws from l(x) with wider kernels, the one of largest l(x) / g(x).

    A part `random_fraction` of all configurations is random. `top` is the part that is good, but at
    least `min_points` (null: one more than there are hyperparameters); two more than those are
    needed at a resource for a model. Kernels of numbers are `bandwidth_factor` times as wide for
    drawing, and never narrower than `min_bandwidth`, in units of the range.
    `liar`: pending configurations count as having the `worst`, `mean` or `best` value so far.
    `repeat`: configurations of a finite space may be tried again.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        min_points: int | None = None,
        top: float = 0.15,
        random_fraction: float = 1 / 3,
        samples: int = 64,
        bandwidth_factor: float = 3.0,
        min_bandwidth: float = 1e-3,
        liar: str = "worst",
        repeat: bool = False,
    ) -> None:
        _check(min_points, top, random_fraction, samples, bandwidth_factor, liar)
        self._rng = rng
        self._candidates = Candidates(space, rng, repeat)
        unit = self._candidates.unit
        self._kernels = Kernels(unit)
        self._rule = NormalReference(unit, min_bandwidth)
        self._min_points = len(unit) + 1 if min_points is None else min_points
        self._top = top
        self._random_fraction = random_fraction
        self._samples = samples
        self._factor = np.where(unit.categories > 0, 1.0, bandwidth_factor)
        self._liar = liar
        self._history = History(unit)

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:
        if self._rng.random() < self._random_fraction:  # line 1
            return self._candidates.draw()
        _, level = self._history.level(self._min_points + 2)  # line 2
        if level.finite < self._min_points + 2:
            return self._candidates.draw()  # line 3
        rows = self._history.pending(pending, level)
        row = self._best(level.observations().with_pending(rows, self._liar))
        return self._candidates.draw() if row is None else self._candidates.choose(row)

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        self._history.add(job, evaluation)

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._candidates.exclude(config)

    def split(self, values: FloatArray) -> tuple[Indices, Indices]:
        """Indices of the good and the bad of n: the best and the worst ones, Equation 3.

        They overlap where there are few. Failed ones are never good.
        """
        order, count = np.argsort(values, kind="stable"), len(values)
        good = max(self._min_points, int(self._top * count))
        good = min(good, int(np.isfinite(values).sum()))
        bad = max(self._min_points, count - good)
        return order[:good], order[count - bad :]

    def _best(self, told: Observations) -> FloatArray | None:
        """The best untried one of the draws, lines 4 to 6; None: all had been tried."""
        good, bad = (told.rows[chosen] for chosen in self.split(told.values))
        width = self._rule(good)
        wider = np.minimum(self._factor * width, self._rule.most)
        rows = untried_draws(
            self._estimate(good, wider), self._kernels, self._candidates, self._samples, self._rng
        )
        if len(rows) < 2:
            return rows[0] if len(rows) else None
        points = self._kernels.points(rows)
        dense = self._estimate(good, width).log_density(points)
        sparse = self._estimate(bad, self._rule(bad)).log_density(points)
        best: FloatArray = rows[(dense - sparse).argmax()]
        return best

    def _estimate(self, rows: FloatArray, bandwidths: FloatArray) -> ParzenEstimator:
        """The mean of the kernels, without a prior."""
        weights = np.append(np.ones(len(rows)), 0.0)
        return ParzenEstimator(self._kernels, self._kernels.points(rows), bandwidths, weights)


def _check(
    min_points: int | None,
    top: float,
    random_fraction: float,
    samples: int,
    bandwidth_factor: float,
    liar: str,
) -> None:
    for name, count in (("min_points", min_points or 1), ("samples", samples)):
        if not count >= 1 or count % 1:
            raise ValueError(f"{name}={count}: a whole number of configurations, at least 1")
    if not 0 < top < 1:
        raise ValueError(f"top={top} must be in (0, 1): the part that counts as good")
    if not 0 <= random_fraction <= 1:
        raise ValueError(f"random_fraction={random_fraction} must be in [0, 1]")
    if not 0 < bandwidth_factor < math.inf:
        raise ValueError(f"bandwidth_factor={bandwidth_factor} must be positive; 3 is usual")
    check_liar(liar)
