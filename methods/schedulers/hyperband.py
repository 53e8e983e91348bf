"""Hyperband: successive halving with brackets from many short to few long trials.

Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar (2018), Hyperband: A Novel Bandit-Based Approach
to Hyperparameter Optimization, JMLR 18(185), Algorithm 1.
"""

from hpobench.contracts import Step
from hpobench.methods.schedulers.rungs import bracket_sizes, exact_eta, rung_levels
from hpobench.methods.schedulers.successive_halving import BracketsInTurn
from hpobench.records import Fidelity


class Hyperband:
    """Brackets s = s_max, ..., 0 in turn, again and again; s has s + 1 rungs, the last `r_max`.

    `idle`: a worker for which the brackets that have begun have nothing waits at their barriers
    (`wait`: one bracket at a time, as Algorithm 1 is written), or begins the `next_bracket`, as
    HpBandSter does, the code of the authors of BOHB. With one worker both are the same.
    """

    multi_fidelity = True

    def __init__(self, fidelity: Fidelity, eta: float, idle: str = "wait") -> None:
        ratio = exact_eta(eta)
        levels = rung_levels(fidelity, eta)
        sizes = bracket_sizes(len(levels), ratio)
        plans = [(size, levels[lowest:]) for lowest, size in enumerate(sizes)]
        self._brackets = BracketsInTurn(plans, ratio, idle)

    def next(self) -> Step | None:
        return self._brackets.next()

    def report(self, trial: int, resource: float, value: float) -> None:
        self._brackets.report(trial, resource, value)

    def exhausted(self) -> None:
        self._brackets.exhausted()
