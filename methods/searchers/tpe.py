"""Tree-structured Parzen estimator (TPE), with constraints and a user's prior.

Bergstra, Bardenet, Bengio and Kegl (2011), Algorithms for Hyper-Parameter Optimization, NeurIPS,
Section 4; multivariate kernels, splits, weights and bandwidths as in Watanabe (2023),
Tree-Structured Parzen Estimator: Understanding Its Algorithm Components and Their Roles for Better
Empirical Performance, arXiv:2304.11127; constraints as in Watanabe and Hutter (2023), c-TPE:
Tree-Structured Parzen Estimator with Inequality Constraints for Expensive Hyperparameter
Optimization, IJCAI.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.parzen.bandwidths import ScottsRule
from hpobench.methods.parzen.kernels import Kernels
from hpobench.methods.parzen.parzen import untried_draws
from hpobench.methods.parzen.tpe_ratio import Ratio, constraint_split, objective_split
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.history import History, Observations, check_liar
from hpobench.methods.search.prior import Prior
from hpobench.methods.searchers.prior_search import PriorDraws
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration, Space

# How often values are chosen one by one until they make an untried configuration.
_ROUNDS = 4

WEIGHTS = ("improvement", "uniform")


class TPE:
    """Of `samples` draws from l(x), the one of largest l(x) / g(x).

    l is the density of the best `gamma` of all configurations, g that of the others; in each, the
    prior counts as `prior_weight` average configurations. The first `starts` configurations are
    drawn from the prior. Of the resources, the highest with so many values is modelled.

    `weights`: good configurations count by their improvement over the others, or are `uniform`.
    `min_bandwidth`, `narrowing`, `min_cells`, `category_bandwidth`, `category_weight`: see
    `ScottsRule`.
    `multivariate`: kernels are products over hyperparameters; otherwise densities are, and each
    hyperparameter is chosen by itself, as in Bergstra et al. (2011).
    `liar`: pending configurations count as having the `worst`, `mean` or `best` value so far.
    `prior`: values by name, or `default`, with `prior_spread`: see `Prior`. It is the prior of l;
    that of g is random search, as is that of l where there is none.
    `repeat`: configurations of a finite space may be tried again.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        starts: int = 5,
        gamma: float = 0.1,
        samples: int = 24,
        weights: str = "improvement",
        min_bandwidth: float = 0.05,
        min_cells: float = 0.5,
        category_bandwidth: float | None = 0.2,
        multivariate: bool = True,
        liar: str = "worst",
        prior: Mapping[str, Any] | str | None = None,
        prior_spread: float = 0.25,
        prior_weight: float = 1.0,
        repeat: bool = False,
        narrowing: float = 0.0,
        category_weight: float | None = None,
    ) -> None:
        _check(starts, gamma, samples, weights, liar, prior_weight)
        self._rng = rng
        self._candidates = Candidates(space, rng, repeat)
        unit = self._candidates.unit
        self._kernels = Kernels(unit)
        self._conditional = np.array([name in space.conditions for name in space.names])
        floors = min_bandwidth, min_cells, category_bandwidth
        self._rule = ScottsRule(unit, *floors, narrowing, category_weight)
        self._starts = starts
        self._gamma = gamma
        self._samples = samples
        self._improvement = weights == "improvement"
        self._multivariate = multivariate
        self._liar = liar
        self._prior = None if prior is None else Prior(unit, prior, prior_spread)
        self._prior_weight = prior_weight
        self._draws = PriorDraws(self._candidates, self._prior, rng)
        self._history = History(unit)

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:
        _, level = self._history.level(self._starts)
        if not level.finite or len(level) < self._starts:
            return self._draws.draw()
        rows = self._history.pending(pending, level)
        told = level.observations().with_pending(rows, self._liar)
        row = self._best(self._ratios(told, len(rows)))
        return self._candidates.draw() if row is None else self._candidates.choose(row)

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        self._history.add(job, evaluation)

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._candidates.exclude(config)

    def _ratios(self, told: Observations, pending: int) -> list[Ratio]:
        """Densities of the objective and of each constraint; c-TPE maximises the product of ratios.

        Those of which nothing is bad are left out: their ratio is the same everywhere. The last
        `pending` configurations told of are pending.
        """
        feasible = np.logical_not((told.slacks < 0).any(axis=1))
        splits = [objective_split(told.values, feasible, self._gamma, self._improvement)]
        splits += [constraint_split(slacks) for slacks in told.slacks.T]
        observed = self._kernels.points(told.rows)
        kept = [split for split in splits if len(split.bad)] or splits[:1]
        return [
            Ratio(
                self._kernels,
                observed,
                split,
                self._rule,
                self._prior_weight,
                self._prior if split is splits[0] else None,
                pending,
            )
            for split in kept
        ]

    def _best(self, ratios: Sequence[Ratio]) -> FloatArray | None:
        """The untried candidate of the largest product of ratios; None: none was found."""
        if not (self._multivariate or self._candidates.listed):
            for _ in range(_ROUNDS):
                rows = self._candidates.untried(self._by_column(ratios))
                if len(rows):
                    return self._highest(ratios, rows)
        drawn = [
            untried_draws(ratio.good, self._kernels, self._candidates, self._samples, self._rng)
            for ratio in ratios
        ]
        return self._highest(ratios, np.concatenate(drawn))

    def _by_column(self, ratios: Sequence[Ratio]) -> FloatArray:
        """The row (1, d) of the best of the values drawn for each hyperparameter."""
        drawn = [ratio.good.sample_marginals(self._samples, self._rng) for ratio in ratios]
        rows = np.concatenate(drawn)
        points = self._kernels.points(rows)
        scores = np.sum([ratio.log_scores(points) for ratio in ratios], axis=0)
        best = np.where(np.isnan(rows), -np.inf, scores).argmax(axis=0)
        return self._kernels.unit.snap(rows[best, np.arange(rows.shape[1])][None])

    def _highest(self, ratios: Sequence[Ratio], rows: FloatArray) -> FloatArray | None:
        """The row of the largest product of ratios.

        Of rows in which other hyperparameters are active, first the branch is chosen, by what is
        active in all of them: the more there is in a branch, the larger are the ratios there.
        """
        if len(rows) < 2:
            return rows[0] if len(rows) else None
        scores = self._scores(ratios, rows)
        if self._conditional.any():
            shared = np.where(self._conditional, np.nan, rows)
            chosen = rows[self._scores(ratios, shared).argmax()]
            of_branch = (np.isnan(rows) == np.isnan(chosen)).all(axis=1)
            scores = np.where(of_branch, scores, -np.inf)
        best: FloatArray = rows[scores.argmax()]
        return best

    def _scores(self, ratios: Sequence[Ratio], rows: FloatArray) -> FloatArray:
        """The log (m,) of the products of ratios."""
        points = self._kernels.points(rows)
        logs = np.zeros(len(rows))
        for ratio in ratios:
            if self._multivariate:
                logs += ratio.log_score(points)
            else:
                logs += ratio.log_scores(points).sum(axis=1)
        return logs


def _check(
    starts: int, gamma: float, samples: int, weights: str, liar: str, prior_weight: float
) -> None:
    for name, count in (("starts", starts), ("samples", samples)):
        if not count >= 1 or count % 1:
            raise ValueError(f"{name}={count}: a whole number of configurations, at least 1")
    if not 0 < gamma < 1:
        raise ValueError(f"gamma={gamma} must be in (0, 1): the part that counts as good")
    if weights not in WEIGHTS:
        raise ValueError(f"weights={weights!r}: use one of {', '.join(WEIGHTS)}")
    check_liar(liar)
    if not 0 < prior_weight < np.inf:
        raise ValueError(
            f"prior_weight={prior_weight} must be positive: the prior counts as so many "
            "configurations; 1 is usual"
        )
