"""What the successive-halving family shares: rung levels, brackets and their turns, a ranked rung.

All arithmetic is exact, so that 3^4 is 81 and not 80.99: numbers are read as the decimals that the
user wrote.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from heapq import heappop, heappush, heappushpop

import numpy as np

from hpobench.contracts import Step
from hpobench.records import Fidelity

# A level this close to r_max (relative) is r_max: 1/81 * 3^4 is 1, whatever was rounded in 1/81.
_TOLERANCE = Fraction(1, 10**9)


def exact(number: float) -> Fraction:
    """The decimal that the user wrote: 0.1 is 1/10."""
    return Fraction(str(number))


def exact_eta(eta: float) -> Fraction:
    """The reduction factor as an exact fraction; raises ValueError unless it can reduce."""
    if not 1 < eta < math.inf:
        raise ValueError(
            f"eta={eta} must be above 1: of eta trials one goes on to the next rung; 3 is usual"
        )
    return exact(eta)


def as_resources(levels: Sequence[Fraction], fidelity: Fidelity) -> list[float]:
    """Exact levels as resources: rounded down and without repeats for an integer fidelity.

    Where a task has values at some resources only, each level is the next of those.
    """
    integer = fidelity.integer
    resources = [math.floor(level) if integer else float(level) for level in levels]
    if known := fidelity.levels:
        lowest = (1 - float(_TOLERANCE)) * np.array(resources)
        places = np.searchsorted(known, lowest).clip(max=len(known) - 1)
        resources = [int(known[place]) if integer else known[place] for place in places]
    return list(dict.fromkeys(resources))


def rung_levels(fidelity: Fidelity, eta: float) -> list[float]:
    """The resources `r_min * eta^k` below `r_max`, and `r_max`, rising."""
    ratio, level, r_max = exact_eta(eta), exact(fidelity.r_min), exact(fidelity.r_max)
    levels = []
    while level < r_max * (1 - _TOLERANCE):
        levels.append(level)
        level *= ratio
    return as_resources([*levels, r_max], fidelity)


def bracket_sizes(rungs: int, eta: Fraction) -> list[int]:
    """Hyperband's n = ceil((s_max + 1) / (s + 1) * eta^s) for s = s_max, ..., 0.

    Entry k is the bracket whose lowest rung is rung k of `rungs`, so s = rungs - 1 - k.
    """
    return [math.ceil(Fraction(rungs, s + 1) * eta**s) for s in reversed(range(rungs))]


class Rung:
    """The trials that reached one level, ranked by value; equal values: first come first.

    The best `max(at_least, floor(n / eta))` of the n trials so far are its top. A failed trial
    counts in n and is never in the top. Everything takes O(log n).

    Notation: keys are (value, arrival); `_top` is a heap of negated keys, its worst first;
    `_rest` a heap of keys, its best first; `_waiting` a heap of (*key, trial), not yet promoted.
    """

    __slots__ = ("_at_least", "_count", "_eta", "_rest", "_top", "_waiting", "settled")

    def __init__(self, eta: Fraction, at_least: int = 0) -> None:
        self._eta = eta.numerator, eta.denominator
        self._at_least = at_least
        self.settled = True  # nobody is to be promoted, until somebody else arrives
        self._count = 0
        self._top: list[tuple[float, int]] = []
        self._rest: list[tuple[float, int]] = []
        self._waiting: list[tuple[float, int, int]] = []

    def add(self, trial: int, value: float) -> bool:
        """Record the value with which `trial` arrived; whether it is in the top now."""
        self.settled = False
        self._count = arrival = self._count + 1
        if math.isfinite(value):
            worst, its_arrival = heappushpop(self._top, (-value, -arrival))
            heappush(self._rest, (-worst, -its_arrival))
            heappush(self._waiting, (value, arrival, trial))
        numerator, denominator = self._eta
        size = max(self._at_least, arrival * denominator // numerator)
        while self._rest and len(self._top) < size:
            best, its_arrival = heappop(self._rest)
            heappush(self._top, (-best, -its_arrival))
        return math.isfinite(value) and self._in_top(value, arrival)

    def promote(self) -> int | None:
        """Take out the best trial of the top that was not taken out before, if there is one."""
        if self._waiting:
            value, arrival, trial = self._waiting[0]
            if self._in_top(value, arrival):
                heappop(self._waiting)
                return trial
        self.settled = True
        return None

    def _in_top(self, value: float, arrival: int) -> bool:
        return bool(self._top) and self._top[0] <= (-value, -arrival)


class Turns:
    """Deals turns to brackets in proportion to integer weights, as evenly as they go.

    Smooth weighted round robin: everyone earns its weight, the richest pays the sum.
    """

    def __init__(self, weights: Sequence[int]) -> None:
        self._weights = list(weights)
        self._total = sum(weights)
        self._credit = [0] * len(weights)

    def next(self) -> int:
        """Whose turn it is; equal credit: the first."""
        self._credit = [
            credit + weight for credit, weight in zip(self._credit, self._weights, strict=True)
        ]
        turn = self._credit.index(max(self._credit))
        self._credit[turn] -= self._total
        return turn


class BracketStarts:
    """New trials for the first `brackets` brackets, in Hyperband's proportions n_s.

    Bracket k begins at level k. There are at most as many brackets as levels, so that the same
    settings serve a task with fewer levels.
    """

    def __init__(self, levels: Sequence[float], eta: Fraction, brackets: int) -> None:
        if not brackets >= 1 or brackets % 1:
            raise ValueError(f"brackets={brackets}: a whole number, at least 1; 1 is plain ASHA")
        self._levels = levels
        self._turns = Turns(bracket_sizes(len(levels), eta)[:brackets])
        self._open = True
        self.brackets = min(brackets, len(levels))
        self.bracket_of: list[int] = []

    def next(self) -> Step | None:
        """Start a trial in the bracket whose turn it is; None once closed."""
        if not self._open:
            return None
        bracket = self._turns.next() if self.brackets > 1 else 0
        self.bracket_of.append(bracket)
        return Step(len(self.bracket_of) - 1, self._levels[bracket])

    def close(self) -> None:
        """There are no more configurations."""
        self._open = False
