"""Synchronous successive halving.

Jamieson and Talwalkar (2016), Non-stochastic Best Arm Identification and Hyperparameter
Optimization, Algorithm 1, in the form of the inner loop of Algorithm 1 of Li et al. (2018),
Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization, JMLR 18(185).
"""

import math
from collections import deque
from collections.abc import Sequence
from fractions import Fraction

from hpobench.contracts import Step
from hpobench.methods.schedulers.rungs import exact_eta, rung_levels
from hpobench.records import Fidelity

IDLE = ("wait", "next_bracket")


class SuccessiveHalving:
    """One bracket after another, each of `configurations` new trials.

    By default a bracket has eta^(rungs - 1) trials, so that one of them reaches `r_max`.
    """

    multi_fidelity = True

    def __init__(self, fidelity: Fidelity, eta: float, configurations: int | None = None) -> None:
        ratio = exact_eta(eta)
        levels = rung_levels(fidelity, eta)
        if configurations is None:
            configurations = math.ceil(ratio ** (len(levels) - 1))
        if not configurations >= 1 or configurations % 1:
            raise ValueError(
                f"configurations={configurations}: a bracket needs a whole number, at least 1"
            )
        self._brackets = BracketsInTurn([(configurations, levels)], ratio)

    def next(self) -> Step | None:
        return self._brackets.next()

    def report(self, trial: int, resource: float, value: float) -> None:
        self._brackets.report(trial, resource, value)

    def exhausted(self) -> None:
        self._brackets.exhausted()


class BracketsInTurn:
    """Brackets (size, levels) one after the other, and then from the first again.

    `idle`: what a worker does while nothing is left to start in the brackets that have begun. It
    waits for their barriers (`wait`), or begins the `next_bracket`; older brackets come first. With
    a single level of resource there is nothing to halve, and so nothing to wait for: the one
    bracket is then without end. A rung keeps `at_least` so many.
    """

    def __init__(
        self,
        plans: Sequence[tuple[float, Sequence[float]]],
        eta: Fraction,
        idle: str = "wait",
        at_least: int = 1,
    ) -> None:
        if idle not in IDLE:
            raise ValueError(f"idle={idle!r}: use one of {', '.join(IDLE)}")
        single = len(plans) == len(plans[0][1]) == 1
        self._plans = [(math.inf, plans[0][1])] if single else list(plans)
        self._eta = eta
        self._at_least = at_least
        self._waits = idle == "wait"
        self._open = True
        self._begun = self._trials = 0
        self._brackets: list[Bracket] = []

    def next(self) -> Step | None:
        self._brackets = [bracket for bracket in self._brackets if not bracket.finished]
        for bracket in self._brackets:
            step = bracket.next(self._trials)
            if step is not None:
                return self._noted(step)
        if not self._open or (self._brackets and self._waits):
            return None
        size, levels = self._plans[self._begun % len(self._plans)]
        self._begun += 1
        self._brackets.append(Bracket(size, levels, self._eta, self._at_least))
        step = self._brackets[-1].next(self._trials)
        return None if step is None else self._noted(step)

    def _noted(self, step: Step) -> Step:
        self._trials += step.trial == self._trials
        return step

    def report(self, trial: int, resource: float, value: float) -> None:  # noqa: ARG002
        next(bracket for bracket in self._brackets if trial in bracket).report(trial, value)

    def exhausted(self) -> None:
        self._open = False
        self._trials -= 1
        # Only the bracket that began last can have had trials to start.
        self._brackets[-1].exhausted(self._trials)


class Bracket:
    """A bracket of `size` trials, of which each rung keeps the best.

    A rung of n trials keeps floor(n / eta), but `at_least` one: a bracket that an exhausted space
    left too small still trains its winner. Ties: first come first. Failed trials are never kept.
    """

    def __init__(
        self, size: float, levels: Sequence[float], eta: Fraction, at_least: int = 1
    ) -> None:
        self._to_start = size
        self._levels = deque(levels)
        self._eta = eta
        self._at_least = at_least
        self._trials: set[int] = set()
        self._queue: deque[int] = deque()
        self._running = 0
        self._reported: list[tuple[float, int]] = []

    def __contains__(self, trial: int) -> bool:
        return trial in self._trials

    @property
    def finished(self) -> bool:
        """Whether no trial of it will ever run again."""
        return not (self._to_start or self._queue or self._running)

    def next(self, new: int) -> Step | None:
        """The next step, of trial `new` if it begins one; None: the rung is not complete yet."""
        if self._to_start:
            self._to_start -= 1
            self._trials.add(new)
            self._queue.append(new)
        if not self._queue:
            return None
        self._running += 1
        return Step(self._queue.popleft(), self._levels[0])

    def report(self, trial: int, value: float) -> None:
        """A trial finished the rung."""
        self._running -= 1
        self._reported.append((value, trial))
        self._pass_barrier()

    def exhausted(self, trial: int) -> None:
        """The trial just started has no configuration: go on with those before it."""
        self._trials.discard(trial)
        self._to_start = 0
        self._running -= 1
        self._pass_barrier()

    def _pass_barrier(self) -> None:
        """If the rung is complete, queue the trials that go on, best first."""
        if not self.finished:
            return
        self._levels.popleft()
        if self._levels:
            keep = max(self._at_least, math.floor(len(self._reported) / self._eta))
            ranked = sorted(self._reported, key=lambda report: report[0])
            self._queue.extend(trial for value, trial in ranked[:keep] if math.isfinite(value))
        self._reported.clear()
