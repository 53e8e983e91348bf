"""The 1-epoch baseline: train all for a moment, then the best few to the end.

Egele, Guyon, Sun and Balaprakash (2023), Is One Epoch All You Need For Multi-Fidelity
Hyperparameter Optimization?, ESANN: on many benchmarks no method of early stopping is
clearly ahead of it, so that one that claims to be should show it.
"""

import math
from fractions import Fraction

from hpobench.contracts import Step
from hpobench.methods.schedulers.rungs import as_resources, exact
from hpobench.methods.schedulers.successive_halving import BracketsInTurn
from hpobench.records import Fidelity


class OneEpoch:
    """Rounds of new trials trained to `r_min`, of which the `best` ones go on to `r_max`.

    A round has so many `configurations` (the paper: one round of 200, of which 3). By default as
    many as cost in training what the best ones cost: best * r_max / r_min, half of all for either.
    `idle`: what a worker does while a round waits for its last trial (see `BracketsInTurn`).
    """

    multi_fidelity = True

    def __init__(
        self,
        fidelity: Fidelity,
        best: int = 3,
        configurations: int | None = None,
        idle: str = "next_bracket",
    ) -> None:
        r_min, r_max = exact(fidelity.r_min), exact(fidelity.r_max)
        if not best >= 1 or best % 1:
            raise ValueError(f"best={best}: a whole number of trials go on to the end, at least 1")
        if configurations is None:
            configurations = math.ceil(best * r_max / r_min)
        if not configurations >= best or configurations % 1:
            raise ValueError(
                f"configurations={configurations}: a round needs a whole number, at least the "
                f"best={best} that go on"
            )
        levels = as_resources([r_min, r_max], fidelity)
        eta = Fraction(int(configurations), int(best))
        self._rounds = BracketsInTurn([(configurations, levels)], eta, idle, int(best))

    def next(self) -> Step | None:
        return self._rounds.next()

    def report(self, trial: int, resource: float, value: float) -> None:
        self._rounds.report(trial, resource, value)

    def exhausted(self) -> None:
        self._rounds.exhausted()
