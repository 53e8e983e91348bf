"""Maximise an acquisition: random candidates, then local search over one-exchange neighbours.

Hutter et al. (2011), Sequential Model-Based Optimization for General Algorithm Configuration,
section 4.3: neighbours differ in one hyperparameter, numbers by a normal step of deviation 0.2,
and searches start from the best configurations so far.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.search.candidates import Candidates

Acquisition = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class OneExchange:
    """How hard to look.

    At `random` candidates, and at `neighbours` of the best of them and of the `starts` best
    configurations so far, in at most `rounds`; `step` in units of the range.
    """

    random: int = 500
    starts: int = 5
    neighbours: int = 40
    rounds: int = 4
    step: float = 0.2

    def __post_init__(self) -> None:
        for name, low in (("random", 1), ("starts", 0), ("neighbours", 1), ("rounds", 0)):
            count = getattr(self, name)
            if not count >= low or count % 1:
                raise ValueError(f"{name}={count}: a whole number, at least {low}")

    def maximise(
        self,
        acquisition: Acquisition,
        candidates: Candidates,
        best: FloatArray,
        rng: np.random.Generator,
    ) -> FloatArray | None:
        """The best row (d,) found; None: none is left. `best` (k, d): the best so far, in order."""
        rows = candidates.random(self.random)
        if not len(rows):
            return None
        if candidates.listed:
            rows = rng.permutation(rows)  # forests have ties, which the first wins
        scores = acquisition(rows)
        winner = int(scores.argmax())
        row: FloatArray = rows[winner]
        score = float(scores[winner])
        if candidates.listed:
            return row
        # A configuration that was tried is no candidate, but any neighbour of it may be one.
        climbers = np.concatenate([best[: self.starts], row[None]])
        heights = np.append(np.full(len(climbers) - 1, -np.inf), score)
        for _ in range(self.rounds):
            climbers, heights = self._climbed(climbers, heights, acquisition, candidates)
            if not len(climbers):
                break
            if heights.max() > score:
                row, score = climbers[heights.argmax()], float(heights.max())
        return row

    def _climbed(
        self,
        climbers: FloatArray,
        heights: FloatArray,
        acquisition: Acquisition,
        candidates: Candidates,
    ) -> tuple[FloatArray, FloatArray]:
        """Those climbers (k, d) that found a better neighbour, at the best of theirs."""
        rows, owners = candidates.around_each(climbers, self.neighbours, self.step)
        if not len(rows):
            return climbers[:0], heights[:0]
        scores = acquisition(rows)
        # Only of what would be taken it matters whether it was tried.
        higher = np.flatnonzero(scores > heights[owners])
        higher = higher[candidates.is_untried(rows[higher])]
        rows, owners, scores = rows[higher], owners[higher], scores[higher]
        order = np.lexsort((-scores, owners))
        first = order[np.flatnonzero(np.diff(owners[order], prepend=-1))]
        return rows[first], scores[first]
