"""First in, first out: every trial straight to the full resource, no early stopping."""

from hpobench.contracts import Step
from hpobench.records import Fidelity


class FIFO:
    """Starts a new trial whenever a worker is free and trains it to `r_max`."""

    def __init__(self, fidelity: Fidelity) -> None:
        self._r_max = fidelity.r_max
        self._started = 0
        self._open = True

    def next(self) -> Step | None:
        if not self._open:
            return None
        self._started += 1
        return Step(self._started - 1, self._r_max)

    def report(self, trial: int, resource: float, value: float) -> None:
        """Nothing depends on it."""

    def exhausted(self) -> None:
        self._open = False
