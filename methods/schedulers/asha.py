"""ASHA, the promotion form: asynchronous successive halving.

Li et al. (2020), A System for Massively Parallel Hyperparameter Tuning, MLSys, Algorithm 2;
with more than one bracket, asynchronous Hyperband.
"""

from itertools import pairwise

from hpobench.contracts import Step
from hpobench.methods.schedulers.rungs import BracketStarts, Rung, exact_eta, rung_levels
from hpobench.records import Fidelity


class ASHA:
    """Promotes a trial as soon as it is among the best floor(n / eta) of its rung.

    Promotions go before new trials, the highest rung first. With `brackets` (no more than there
    are rungs) new trials go to the brackets by turns; bracket k begins at rung k.
    """

    multi_fidelity = True

    def __init__(self, fidelity: Fidelity, eta: float, brackets: int = 1) -> None:
        ratio = exact_eta(eta)
        levels = rung_levels(fidelity, eta)
        self._starts = BracketStarts(levels, ratio, brackets)
        self._rungs = [
            {level: Rung(ratio) for level in levels[lowest:-1]}
            for lowest in range(self._starts.brackets)
        ]
        self._by_height = [
            (rungs[level], above)
            for level, above in reversed(list(pairwise(levels)))
            for rungs in self._rungs
            if level in rungs
        ]

    def next(self) -> Step | None:
        for rung, above in self._by_height:
            trial = None if rung.settled else rung.promote()
            if trial is not None:
                return Step(trial, above)
        return self._starts.next()

    def report(self, trial: int, resource: float, value: float) -> None:
        rung = self._rungs[self._starts.bracket_of[trial]].get(resource)
        if rung is not None:
            rung.add(trial, value)

    def exhausted(self) -> None:
        self._starts.close()
