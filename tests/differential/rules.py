"""The rules by which other libraries let a trial out of a rung, in the place of ours.

A `Rung` here stands in for `hpobench.methods.schedulers.rungs.Rung`: with it, our scheduler differs
from itself by the rule alone. A rule sees the value, and all values of the rung in rising order,
the value among them.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from fractions import Fraction

Rule = Callable[[float, Sequence[float]], bool]


class Rung:
    """A rung that asks a rule; of equal values the first that came is promoted first."""

    settled = False

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._values: list[float] = []
        self._waiting: list[tuple[float, int, int]] = []
        self._arrivals = 0

    def add(self, trial: int, value: float) -> bool:
        insort(self._values, value)
        self._arrivals += 1
        insort(self._waiting, (value, self._arrivals, trial))
        return self._rule(value, self._values)

    def promote(self) -> int | None:
        if self._waiting and self._rule(self._waiting[0][0], self._values):
            return self._waiting.pop(0)[2]
        return None


def within_quantile(fraction: Fraction, alone: bool) -> Rule:
    """Syne Tune up to 0.13: no worse than `numpy.quantile(values, fraction)`, from two values on.

    That is interpolated between the values of rank floor((n - 1) fraction) and the next, so that
    floor((n - 1) fraction) + 1 distinct values pass; a value on its own passes if `alone`.
    """

    def rule(value: float, values: Sequence[float]) -> bool:
        if len(values) < 2:
            return alone
        return value <= values[math.floor((len(values) - 1) * fraction)]

    return rule


def ranked_within(fraction: Fraction) -> Rule:
    """Syne Tune since 0.14: the share of smaller values is no more than `fraction`.

    So floor(n fraction) + 1 distinct values pass.
    """
    return lambda value, values: Fraction(bisect_left(values, value), len(values)) <= fraction


def among_the_best(fraction: Fraction) -> Rule:
    """Optuna: no worse than the value of rank max(1, floor(n fraction)); ties with it pass."""
    return lambda value, values: value <= values[max(1, math.floor(len(values) * fraction)) - 1]
