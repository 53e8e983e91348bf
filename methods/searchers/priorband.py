"""The searcher of PriorBand: random search, a user's prior, and the neighbourhood of the incumbent.

Mallik, Bergman, Hvarfner, Stoll, Janowski, Lindauer, Nardi and Hutter (2023), PriorBand: Practical
Hyperparameter Optimization in the Age of Deep Learning, NeurIPS. With Hyperband as the
scheduler it is PriorBand.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.parzen.kernels import Kernels
from hpobench.methods.parzen.parzen import ParzenEstimator
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.history import History, Observed
from hpobench.methods.search.prior import DEFAULT, Prior
from hpobench.methods.searchers.prior_search import PriorDraws
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Configuration, Space

# How often the incumbent is changed until it is another configuration.
_PATIENCE = 50


class PriorBand:
    """Draws by turns at random, from the prior, and around the incumbent.

    At rung r of a scheduler that reduces by `eta`, random search has the odds 1 : eta^r against the
    other two. Those share by how likely the best 1 / eta, and at least `eta`, at the highest rung
    with `eta` observations are under each. The incumbent, the best of those, has no share before as
    much resource was spent as a bracket of successive halving takes, and something was trained to
    the end; without a `fidelity` the largest resource so far is taken for the end.

    Around the incumbent each hyperparameter is changed with probability `mutation_rate`: a number
    by a normal step of deviation `mutation_spread`, in units of the range, a category to another;
    again where that changed nothing. A trial is taken to start at the rung where the one before it
    started: all that a searcher can see. `repeat`: configurations of a finite space may be tried
    again.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        eta: float = 3,
        prior: Mapping[str, Any] | str = DEFAULT,
        prior_spread: float = 0.25,
        mutation_rate: float = 0.5,
        mutation_spread: float = 0.25,
        repeat: bool = False,
        fidelity: Fidelity | None = None,
    ) -> None:
        if not eta > 1:
            raise ValueError(f"eta={eta} must be above 1, and that of the scheduler; 3 is usual")
        if not 0 < mutation_rate <= 1:
            raise ValueError(
                f"mutation_rate={mutation_rate} must be in (0, 1]: the probability that a "
                "hyperparameter of the incumbent is changed"
            )
        if not 0 < mutation_spread <= 1:
            raise ValueError(f"mutation_spread={mutation_spread} must be in (0, 1]: of the range")
        self._rng = rng
        self._eta, self._fidelity = eta, fidelity
        self._candidates = Candidates(space, rng, repeat)
        self._unit = self._candidates.unit
        self._spread = prior_spread
        self._prior = Prior(self._unit, prior, prior_spread)
        self._draws = PriorDraws(self._candidates, self._prior, rng)
        self._rate = mutation_rate
        # The mass of a kernel on all other categories: a category that changes is another one.
        self._widths = np.where(self._unit.categories > 0, 1.0, mutation_spread)
        self._kernels = Kernels(self._unit)
        self._history = History(self._unit)
        self._spent = 0.0
        self._started = -1, 0.0

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:
        if pending:
            self._note_start(pending[max(pending)])
        best = self._best()
        random, prior, _ = self.odds(self._rung(self._started[1]), best)
        draw = self._rng.random()
        if draw < random:
            return self._candidates.draw()
        if draw < random + prior:
            return self._draws.draw()
        return self._around(best[0].config)

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        self._note_start(job)
        self._history.add(job, evaluation)
        self._spent += job.to_resource - job.from_resource

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._candidates.exclude(config)

    def odds(self, rung: int, best: list[Observed]) -> tuple[float, float, float]:
        """Probabilities (p_U, p_pi, p_inc) of random search, the prior and the incumbent.

        `best`: the best observations, the incumbent first; none before it takes part.
        """
        random = 1 / (1 + self._eta**rung)  # p_U; p_pi = eta^r p_U until there is an incumbent
        if not best:
            return random, 1 - random, 0.0
        rows = self._unit.rows([one.config for one in best])
        weights = np.arange(len(best), 0, -1)
        near = Prior(self._unit, best[0].config, self._spread)
        # S = sum_i (k + 1 - i) p(x_i), over the best k in order, under pi and around the incumbent.
        scores = [np.log(weights) + density.log_density(rows) for density in (self._prior, near)]
        of_prior, of_near = (np.logaddexp.reduce(score) for score in scores)
        share = float(1 / (1 + np.exp(min(of_near - of_prior, 700.0))))
        return random, (1 - random) * share, (1 - random) * (1 - share)

    def _best(self) -> list[Observed]:
        """The best 1 / eta at the highest resource with eta observations, if it is time.

        At least eta of them, as in the authors' code: the incumbent alone would always win.
        """
        if self._spent < self._bracket():
            return []
        for resource in sorted(self._history.levels, reverse=True):
            observed = self._history.levels[resource].observed
            finite = [one for one in observed if math.isfinite(one.value)]
            if len(finite) >= self._eta:
                ranked = sorted(finite, key=lambda one: (not one.feasible, one.value))
                return ranked[: int(max(len(finite) / self._eta, self._eta))]
        return []

    def _bracket(self) -> float:
        """The resource of the first bracket of successive halving; infinite before its end.

        eta^s trials at the smallest resource; each rung above it adds (1 - 1 / eta) of that.
        """
        seen = self._history.levels
        if not seen or (self._fidelity is not None and self._fidelity.r_max not in seen):
            return math.inf
        smallest = min(seen) if self._fidelity is None else self._fidelity.r_min
        rungs = round(math.log(max(seen) / smallest) / math.log(self._eta))
        whole: float = smallest * self._eta**rungs * (1 + rungs * (1 - 1 / self._eta))
        return whole

    def _rung(self, resource: float) -> int:
        """The rung, from 0, of a resource."""
        smallest = min(self._history.levels, default=resource)
        if not 0 < smallest < resource:
            return 0
        return round(math.log(resource / smallest) / math.log(self._eta))

    def _note_start(self, job: Job) -> None:
        if job.from_resource == 0 and job.trial > self._started[0]:
            self._started = job.trial, job.to_resource

    def _around(self, incumbent: Configuration) -> Configuration | None:
        """A change of the incumbent, or an untried configuration near to it."""
        row = self._unit.rows([incumbent])
        for _ in range(_PATIENCE):
            near = self._changed(row)
            if not np.array_equal(near, row, equal_nan=True):
                break
        rows = self._candidates.untried(near)
        chosen = rows[0] if len(rows) else self._candidates.nearest(near[0])
        return self._candidates.draw() if chosen is None else self._candidates.choose(chosen)

    def _changed(self, row: FloatArray) -> FloatArray:
        """A row (1, d) of which each hyperparameter is changed with the given probability."""
        kernel = ParzenEstimator(
            self._kernels, self._kernels.points(row), self._widths, np.array([1.0, 0.0])
        )
        changes = self._rng.random(row.shape) < self._rate
        changed = np.where(changes, kernel.sample(1, self._rng), row)
        # What is not active any more goes, what becomes active is drawn at random.
        missing = np.isnan(changed)
        changed[missing] = self._rng.random(int(missing.sum()))
        return self._unit.snap(changed)
