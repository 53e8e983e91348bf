"""ASHA, the stopping form: trials run on unless a rung stops them.

Li et al. (2020), A System for Massively Parallel Hyperparameter Tuning, MLSys, with the decision
taken when a trial arrives at a rung; so described as the stopping variant by Klein et al. (2020),
Model-based Asynchronous Hyperparameter and Neural Architecture Search, arXiv:2003.10865.
"""

from collections import deque
from itertools import pairwise

from hpobench.contracts import Step
from hpobench.methods.schedulers.rungs import BracketStarts, Rung, exact_eta, rung_levels
from hpobench.records import Fidelity


class ASHAStopping:
    """A trial goes on iff it is among the best max(1, floor(n / eta)) of its rung so far.

    It counts itself, and goes on at once, on the worker that it has; what is stopped never
    resumes. For `brackets` see ASHA.
    """

    multi_fidelity = True

    def __init__(self, fidelity: Fidelity, eta: float, brackets: int = 1) -> None:
        ratio = exact_eta(eta)
        levels = rung_levels(fidelity, eta)
        self._starts = BracketStarts(levels, ratio, brackets)
        self._above = dict(pairwise(levels))
        self._rungs = [
            {level: Rung(ratio, at_least=1) for level in levels[lowest:-1]}
            for lowest in range(self._starts.brackets)
        ]
        self._going_on: deque[Step] = deque()

    def next(self) -> Step | None:
        return self._going_on.popleft() if self._going_on else self._starts.next()

    def report(self, trial: int, resource: float, value: float) -> None:
        rung = self._rungs[self._starts.bracket_of[trial]].get(resource)
        if rung is not None and rung.add(trial, value):
            self._going_on.append(Step(trial, self._above[resource]))

    def exhausted(self) -> None:
        self._starts.close()
