"""Bayesian optimisation with a random forest, as SMAC does it.

Hutter, Hoos and Leyton-Brown (2011), Sequential Model-Based Optimization for General Algorithm
Configuration, LION 5; Lindauer et al. (2022), SMAC3, JMLR 23, and its facade for hyperparameter
optimisation, where costs are scaled and their logarithms modelled.
"""

import math
from collections.abc import Mapping

import numpy as np
from scipy.special import ndtr

from hpobench.arrays import FloatArray
from hpobench.forest.growth import Growth
from hpobench.forest.kept import KeptForest
from hpobench.methods.models.value_transform import pulled_in
from hpobench.methods.search.acquisition import expected_improvement
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.evidence import Evidence
from hpobench.methods.search.history import believed, check_liar
from hpobench.methods.search.one_exchange import OneExchange
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration, Space

# What lies between the best value and this percentile is added below the best, so that its
# logarithm is finite (SMAC3, RunHistoryLogScaledEncoder).
_PERCENTILE = 5

# Values farther above the median, in units of what the best is below it, count as so far: what is
# worse by more than the precision of a float leaves nothing of the others.
_MOST_SPREADS = 1e6

# Hutter et al. (2014), section 4.1.2: variances are bounded from below.
_SMALLEST_VARIANCE = 1e-10


class RandomForestSearch:
    """Expected improvement under a random forest; every so often a random configuration.

    `initial` random configurations come first, later ones are random with probability
    `random_share`. `log`: the forest models log costs, and EI is that of the cost itself. `liar`:
    what is believed of pending configurations (mean, best or worst). `trees`, `leaf`,
    `split_columns`: see `Growth`; `refit`: see `KeptForest`; `candidates`, `starts`, `neighbours`,
    `rounds`, `step`: see `OneExchange`. `repeat`: configurations of a finite space
    may be tried again.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        initial: int = 10,
        random_share: float = 0.1,
        log: bool = True,
        liar: str = "mean",
        trees: int = 10,
        leaf: int = 1,
        split_columns: float = 1.0,
        candidates: int = 500,
        starts: int = 5,
        neighbours: int = 40,
        rounds: int = 4,
        step: float = 0.2,
        repeat: bool = False,
        refit: float = 0.0,
    ) -> None:
        if not 0 <= random_share < 1:
            raise ValueError(f"random_share={random_share}: a probability in [0, 1)")
        check_liar(liar)
        self._rng, self._random_share, self._log, self._liar = rng, random_share, log, liar
        self._search = OneExchange(candidates, starts, neighbours, rounds, step)
        self._candidates = Candidates(space, rng, repeat)
        self._evidence = Evidence(self._candidates, initial)
        growth = Growth(trees, leaf, split_columns)
        self._forest = KeptForest(self._evidence.categories, growth, refit, rng)

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:
        known = self._evidence.known(pending)
        if known is None or self._rng.random() < self._random_share:
            return self._candidates.draw()
        costs = log_scaled(known.values) if self._log else pulled_in(known.values)
        points = self._evidence.points(np.concatenate([known.rows, known.pending]))
        lies = np.full(len(known.pending), believed(costs, self._liar))
        values = np.concatenate([costs, lies])
        forest = self._forest.updated(points, values)
        # SMAC3 improves on the best prediction of what was tried, not on the best value seen.
        incumbent = float(forest.mean(points[: len(costs)]).min())
        improvement = log_cost_improvement if self._log else expected_improvement

        def acquisition(rows: FloatArray) -> FloatArray:
            mean, variance = forest.predict(self._evidence.points(rows))
            deviation = np.sqrt(np.maximum(variance, _SMALLEST_VARIANCE))
            return improvement(mean, deviation, incumbent)

        best = known.rows[np.argsort(costs, kind="stable")]
        row = self._search.maximise(acquisition, self._candidates, best, self._rng)
        return self._candidates.draw() if row is None else self._candidates.choose(row)

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        self._evidence.add(job, evaluation)

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._candidates.exclude(config)


def log_scaled(values: FloatArray) -> FloatArray:
    """Logarithms (n,) of values on a scale from a little above 0 to 1; zeros if all are equal."""
    values = pulled_in(values, _MOST_SPREADS)
    best, worst = values.min(), values.max()
    below = best - (np.percentile(values, _PERCENTILE) - best)
    if not worst > best:
        return np.zeros(len(values))
    smallest = np.finfo(float).eps
    scaled: FloatArray = np.log(np.maximum((values - below) / (worst - below), smallest))
    return scaled


def log_cost_improvement(mean: FloatArray, deviation: FloatArray, best: float) -> FloatArray:
    """Expected improvement (m,) of a cost whose logarithm is normal; `best` is a logarithm.

    Hutter et al. (2009), An experimental investigation of model-based parameter optimisation: SPO
    and beyond, GECCO, equation 3: e^b Phi(v) - e^(s^2 / 2 + mu) Phi(v - s), v = (b - mu) / s.
    """
    v = (best - mean) / deviation
    improvement: FloatArray = math.exp(best) * ndtr(v) - np.exp(0.5 * deviation**2 + mean) * ndtr(
        v - deviation
    )
    return improvement
