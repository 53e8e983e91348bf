"""Maximise an acquisition: random candidates, then local search over one-exchange neighbours.

Hutter et al. (2011), Sequential Model-Based Optimization for General Algorithm Configuration,
section 4.3: neighbours differ in one hyperparameter, numbers by a normal step of deviation 0.2,
and searches start from the best configurations so far.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hpobench.hyperparameters import FloatArray
from hpobench.methods.searchers.candidates import Candidates

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
        climbers = [(one, -np.inf) for one in best[: self.starts]] + [(row, score)]
        for _ in range(self.rounds):
            climbers = self._climbed(climbers, acquisition, candidates)
            if not climbers:
                break
            row, score = max([(row, score), *climbers], key=lambda climber: climber[1])
        return row

    def _climbed(
        self,
        climbers: list[tuple[FloatArray, float]],
        acquisition: Acquisition,
        candidates: Candidates,
    ) -> list[tuple[FloatArray, float]]:
        """Those climbers that found a better neighbour, at the best of theirs."""
        around = [candidates.around(row, self.neighbours, self.step) for row, _ in climbers]
        rows = np.concatenate(around)
        if not len(rows):
            return []
        scores = np.split(acquisition(rows), np.cumsum([len(part) for part in around])[:-1])
        moved = []
        for part, found, (_, score) in zip(around, scores, climbers, strict=True):
            if len(part) and found.max() > score:
                moved.append((part[found.argmax()], float(found.max())))
        return moved
