"""Which of two observations is better where there are constraints."""

import math
from collections.abc import Mapping

from hpobench.records import Evaluation

Merit = tuple[float, float]


def violation(slacks: Mapping[str, float]) -> float:
    """By how much constraints are broken, added up; infinite if a slack is not a number."""
    broken = [-slack for slack in slacks.values() if not slack >= 0]
    return sum(math.inf if math.isnan(gap) else gap for gap in broken)


def merit(evaluation: Evaluation) -> Merit:
    """(violation, value), to be compared as tuples: smaller is better.

    Deb (2000), An efficient constraint handling method for genetic algorithms, section 3: of two
    feasible ones the smaller value, a feasible one before any other, else the smaller violation.
    A failure is worse than all that is not one.
    """
    value = evaluation.value
    if not math.isfinite(value):
        return math.inf, math.inf
    slacks = {name: float(c[-1]) for name, c in evaluation.constraints.items() if len(c)}
    return violation(slacks), value
