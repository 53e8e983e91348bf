"""CQR: Thompson sampling from conformalised quantile regression.

Salinas, Golebiowski, Klein, Seeger and Archambeau (2023), Optimizing Hyperparameters with Conformal
Quantile Regression, ICML, Algorithm 1. Their quantiles are those of boosted trees, a model for
each; here one quantile regression forest (Meinshausen 2006) gives all of them, for less time.
Conformal correction: Romano, Patterson and Candès (2019), Conformalized Quantile Regression,
NeurIPS.
"""

import math
from collections.abc import Mapping

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.forest import quantile_forest
from hpobench.forest.forest import Forest
from hpobench.forest.growth import Growth
from hpobench.forest.kept import KeptForest
from hpobench.methods.models.value_transform import pulled_in
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.evidence import Evidence, Known
from hpobench.methods.search.history import believed, check_liar
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration, Space

_ROUNDING = 1e-9


class CQR:
    """Draws one of the quantiles of each candidate, and suggests the candidate where it is least.

    `quantiles`: how many (odd), at k / (quantiles + 1). From `conformal` values on, the part
    `validation` of them, drawn anew with each forest, is kept from it and corrects its quantiles.
    `candidates`: how many, at random.
    `latest`: where trials have several resources, model the last value of each trial, as the paper
    does, rather than the highest resource with enough values.
    `liar`: what is believed of pending configurations (mean, best or worst). `trees`, `leaf`,
    `split_columns`: see `Growth`; `refit`: see `KeptForest`. `repeat`: configurations of a
    finite space may be tried again.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        initial: int = 10,
        quantiles: int = 5,
        conformal: int = 32,
        validation: float = 0.1,
        candidates: int = 2000,
        latest: bool = True,
        liar: str = "mean",
        trees: int = 10,
        leaf: int = 2,
        split_columns: float = 1.0,
        repeat: bool = False,
        refit: float = 0.0,
    ) -> None:
        if not quantiles >= 1 or quantiles % 2 != 1:
            raise ValueError(f"quantiles={quantiles}: an odd number, the median and pairs about it")
        if not 0 < validation < 1:
            raise ValueError(f"validation={validation}: the part kept to correct, in (0, 1)")
        if not candidates >= 1 or candidates % 1:
            raise ValueError(f"candidates={candidates}: a whole number, at least 1")
        if not conformal >= 2:
            raise ValueError(f"conformal={conformal}: at least 2 values, to fit and to correct")
        check_liar(liar)
        self._rng, self._liar, self._count = rng, liar, candidates
        self._levels = np.arange(1, quantiles + 1) / (quantiles + 1)
        self._conformal, self._validation = conformal, validation
        self._candidates = Candidates(space, rng, repeat)
        self._evidence = Evidence(self._candidates, initial, latest)
        growth = Growth(trees, leaf, split_columns)
        self._forest = KeptForest(self._evidence.categories, growth, refit, rng)
        self._held = np.empty(0, dtype=np.int64)

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:
        known = self._evidence.known(pending)
        if known is None:
            return self._candidates.draw()
        # One diverged value would have all the error, and no other be worth a split.
        known = known._replace(values=pulled_in(known.values))
        values, forest, corrections = self._fitted(known)
        rows = self._candidates.drawn(self._count)
        leaves = forest.apply(self._evidence.points(rows))
        while len(rows):
            drawn = self._rng.integers(len(self._levels), size=len(rows))
            found = quantile_forest.lowest(forest, values, leaves, self._levels, drawn, corrections)
            # Only of what would be taken it matters whether it was tried.
            best = self._candidates.untried(rows[found])
            if len(best):
                return self._candidates.choose(self._rng.choice(best))
            rows, leaves = np.delete(rows, found, axis=0), np.delete(leaves, found, axis=0)
        return self._candidates.draw()

    def _fitted(self, known: Known) -> tuple[FloatArray, Forest, FloatArray]:
        """Values that a forest was fitted to, the forest, and the corrections of its quantiles."""
        points = self._evidence.points(np.concatenate([known.rows, known.pending]))
        lies = np.full(len(known.pending), believed(known.values, self._liar))
        values = np.concatenate([known.values, lies])
        every = np.arange(len(points))
        if self._forest.stale(points[np.setdiff1d(every, self._held)]):
            count = len(known.values)
            held = max(round(self._validation * count), 1) if count >= self._conformal else 0
            self._held = self._rng.permutation(count)[:held]
        fitted = np.setdiff1d(every, self._held)
        values = values[fitted]
        forest = self._forest.updated(points[fitted], values)
        if not len(self._held):
            return values, forest, np.zeros(len(self._levels))
        predicted = quantile_forest.quantiles(forest, values, points[self._held], self._levels)
        observed = known.values[self._held]
        return values, forest, conformal_corrections(predicted, observed, self._levels)

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        self._evidence.add(job, evaluation)

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._candidates.exclude(config)


def conformal_corrections(
    predicted: FloatArray, values: FloatArray, levels: FloatArray
) -> FloatArray:
    """What to add to each quantile (k,), given those predicted (v, k) of `values` not fitted to.

    Romano et al. (2019), equations 6 and 7: the interval between two quantiles is widened on both
    sides by the (1 - alpha)(1 + 1/v)-th empirical quantile of the errors max(lower - y, y - upper);
    where there are too few values for it, by the largest. The median stays.
    """
    corrections = np.zeros(len(levels))
    for lower in range(len(levels) // 2):
        upper = len(levels) - 1 - lower
        errors = np.maximum(predicted[:, lower] - values, values - predicted[:, upper])
        # The (n + 1)(1 - alpha)-th smallest, rounded up, but not for rounding errors.
        place = math.ceil((levels[upper] - levels[lower]) * (len(values) + 1) - _ROUNDING)
        widening = np.sort(errors)[min(place, len(values)) - 1]
        corrections[lower], corrections[upper] = -widening, widening
    return corrections
