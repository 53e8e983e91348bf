"""The configuration of greatest acquisition: random candidates, then local search from the best.

Hutter et al. (2011), SMAC, section 4.3: multi-start local search in the one-exchange neighbourhood,
from the best random candidates and the best observed configurations. Here all starts take each step
together, as arrays, with steps that shrink; continuous hyperparameters also move all at once.

Notation: d hyperparameters, k starts, c neighbours of each.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.methods.search.candidates import Candidates

Score = Callable[[FloatArray], FloatArray]

_OF_LIST = 300  # random ones of a list, around which there is one round and not several


class AcquisitionSearch:
    """Maximises a score of rows (n, d) over the untried ones.

    `random` candidates to begin with, then `rounds` of `neighbours` around each of the `starts`
    best of them and of as many of the best observed, with steps that shrink by the factor
    `shrinking`. `on`: what the last search reached is among the candidates, for a model that knows
    one observation more is much the same: climbs go on, and take fewer rounds.
    """

    def __init__(
        self,
        candidates: Candidates,
        rng: np.random.Generator,
        random: int = 150,
        starts: int = 4,
        neighbours: int = 16,
        rounds: int = 4,
        shrinking: float = 0.5,
        on: bool = True,
    ) -> None:
        self._candidates = candidates
        self._rng = rng
        self._random = random
        self._starts = starts
        self._neighbours = neighbours
        self._rounds = rounds
        self._shrinking = shrinking
        self._on = on
        unit = candidates.unit
        self._continuous = unit.levels == 0
        self._reached = np.empty((0, len(unit)))

    def best(self, score: Score, observed: FloatArray) -> FloatArray | None:
        """The row with the best score found, or None: nothing is left. `observed`: best first."""
        rows = self._candidates.random(self._random)
        if self._candidates.listed:
            return self._best_listed(score, rows, observed)
        rows = np.concatenate([self._candidates.untried(self._reached), rows])
        scores = score(rows)
        order = np.argsort(-scores, kind="stable")[: self._starts]
        others = observed[: self._starts]
        rows = np.concatenate([rows[order], others])
        scores = np.concatenate([scores[order], np.full(len(others), -np.inf)])
        step, each = 0.25, np.arange(len(rows))
        for _ in range(self._rounds):
            found = self._around(rows, step)
            values = score(found)
            # Only of what would be taken it matters whether it was tried.
            higher = np.flatnonzero(values > np.repeat(scores, self._neighbours))
            values[higher[~self._candidates.is_untried(found[higher])]] = -np.inf
            values = values.reshape(len(rows), -1)
            at = values.argmax(axis=1)
            better = values[each, at] > scores
            scores = np.where(better, values[each, at], scores)
            rows = np.where(better[:, None], found.reshape(*values.shape, -1)[each, at], rows)
            step *= self._shrinking
        if self._on:
            self._reached = rows[scores > -np.inf]
        if not len(rows) or scores.max() == -np.inf:
            return None
        best: FloatArray = rows[scores.argmax()]
        return best

    def _around(self, rows: FloatArray, step: float) -> FloatArray:
        """Neighbours (k c, d) of rows (k, d): one hyperparameter is changed, or all continuous."""
        unit, rng = self._candidates.unit, self._rng
        count = len(rows) * self._neighbours
        found = np.repeat(rows, self._neighbours, axis=0)
        free = ~np.isnan(found) & (unit.levels != 1)
        chosen = np.where(free, rng.random(found.shape), -1.0).argmax(axis=1)[:, None]
        moves = (np.arange(len(unit)) == chosen) & free
        if self._continuous.sum() > 1:
            moves |= (rng.random(count) < 0.5)[:, None] & free & self._continuous
        moved = unit.stepped(found, rng.normal(0.0, step, found.shape))
        fresh = rng.random(found.shape)
        moved = np.where((unit.categories > 0) | np.isnan(found), fresh, moved)
        found = np.where(moves | np.isnan(found), moved, found)
        return unit.snap(found)

    def _best_listed(
        self, score: Score, rows: FloatArray, observed: FloatArray
    ) -> FloatArray | None:
        """From a short list: random ones, then those near the best of them and of the observed."""
        if len(rows) > 2 * _OF_LIST:
            first = rows[self._rng.choice(len(rows), _OF_LIST, replace=False)]
            order = np.argsort(-score(first), kind="stable")[: self._starts]
            centres = np.concatenate([first[order], observed[: self._starts]])
            rows = np.concatenate([first, rows[self._nearest(rows, centres)]])
        if not len(rows):
            return None
        best: FloatArray = rows[score(rows).argmax()]
        return best

    def _nearest(self, rows: FloatArray, centres: FloatArray) -> NDArray[np.int64]:
        """Indices of the rows that are among the 2 c nearest ones to any of the centres."""
        features = self._candidates.unit.features(rows)
        targets = self._candidates.unit.features(centres)
        distances = np.einsum("nf,nf->n", features, features) - 2 * targets @ features.T
        count = 2 * self._neighbours
        return np.unique(np.argpartition(distances, count - 1, axis=1)[:, :count])
