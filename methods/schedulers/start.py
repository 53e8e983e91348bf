"""How the asynchronous schedulers start new trials: by turns in one or more brackets."""

from collections.abc import Sequence
from fractions import Fraction

from hpobench.contracts import Step
from hpobench.methods.schedulers.rungs import Turns, bracket_sizes


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
