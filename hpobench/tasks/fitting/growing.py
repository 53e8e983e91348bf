"""Estimators that grow, and the seconds that this takes."""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from hpobench.loop.randomness import derive_seed


class WarmStart:
    """An estimator of one fold, of which a parameter grows."""

    def __init__(self, estimator: Any, by: str, inputs: Any, target: Any) -> None:
        self.estimator, self._by = estimator, by
        self._examples = inputs, target
        prefix = by.rpartition("__")[0]
        estimator.set_params(**{f"{prefix}__warm_start" if prefix else "warm_start": True})

    def go_to(self, level: float) -> None:
        """Fit what is new."""
        self.estimator.set_params(**{self._by: plain(level)}).fit(*self._examples)


class PartialFit:
    """An estimator of one fold, at some epoch; the steps before it in a pipeline are fitted once.

    Examples come in another order in each epoch.
    """

    def __init__(self, estimator: Any, seed: int, classes: Any, inputs: Any, target: Any) -> None:
        self.estimator, self._seed, self._epoch = estimator, seed, 0
        self._target = target
        self._last = estimator
        if hasattr(estimator, "steps"):
            self._last = estimator.steps[-1][1]
            if len(estimator.steps) > 1:
                inputs = estimator[:-1].fit_transform(inputs, target)
        self._inputs = inputs
        self._classes = {} if classes is None else {"classes": classes}

    def go_to(self, level: float) -> None:
        """Train epoch after epoch."""
        while self._epoch < level:
            self._epoch += 1
            rng = np.random.default_rng(derive_seed(self._seed, "order", self._epoch))
            order = rng.permutation(len(self._target))
            self._last.partial_fit(self._inputs[order], self._target[order], **self._classes)


class Stopwatch:
    """Seconds of the thread's CPU time, or of the wall clock, less those that it stood."""

    def __init__(self, cost: str) -> None:
        self._now = time.thread_time if cost == "cpu" else time.perf_counter
        self._began = self._now()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._now() - self._began

    @contextmanager
    def standing(self) -> Iterator[None]:
        """What happens within is not counted."""
        stopped = self._now()
        try:
            yield
        finally:
            self._began += self._now() - stopped


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that a fit has not converged, which with little training is the rule."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def plain(level: float) -> float:
    """Whole numbers as such."""
    return int(level) if float(level).is_integer() else level
