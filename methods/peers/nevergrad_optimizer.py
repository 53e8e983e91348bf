"""The optimizers of Nevergrad, asked and told trial by trial.

Rapin and Teytaud (2018), Nevergrad: A gradient-free optimization platform. Unordered choices are
deterministic (`Choice(..., deterministic=True)`): by default Nevergrad draws them anew each time
from weights that it learns, too slowly for some hundred trials. Short integers, and with them the
ranks of ordinals, are ordered choices (`TransitionChoice`), as Nevergrad advises for short ranges.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from hpobench.methods.peers.dimensions import Dimension, Dimensions, Values

SHORT = 20
"""Integers on a linear scale of at most so many values are ordered choices."""


def parameter(dimension: Dimension) -> Any:
    """A dimension in Nevergrad's words."""
    import nevergrad as ng

    if dimension.kind == "choice":
        return ng.p.Choice(dimension.size, deterministic=True)
    if dimension.kind == "integer" and not dimension.log and dimension.size <= SHORT:
        low = int(dimension.low)
        return ng.p.TransitionChoice(range(low, low + dimension.size))
    scale = ng.p.Log if dimension.log else ng.p.Scalar
    number = scale(lower=dimension.low, upper=dimension.high)
    return number.set_integer_casting() if dimension.kind == "integer" else number


class NevergradOptimizer:
    """`optimizer` is a name in Nevergrad's registry; `budget` the number of trials it plans for.

    Nevergrad is told how many workers there are, and some of its optimizers wait for ever if more
    trials are under way than that: such trials are drawn at random, and told as its own. So are
    extra configurations, which optimizers that cannot learn from them leave aside; where one was
    tried in place of their own, they learn its value as that of their own. Nevergrad knows
    of finite values only: a failed trial is told as the worst value so far; before there is one, as
    infinite, which Nevergrad cuts at 5e20. Constraints are told as Nevergrad's violations, which it
    turns into a penalty.
    """

    def __init__(
        self, dimensions: Dimensions, seed: int, workers: int, optimizer: str, budget: int
    ) -> None:
        import nevergrad as ng

        if optimizer not in ng.optimizers.registry:
            raise ValueError(f"optimizer={optimizer!r} is not in nevergrad.optimizers.registry")
        _mend_metamodels()
        # Some run SciPy in a thread of their own, whose warnings come whenever they come.
        warnings.filterwarnings("ignore", "COBYLA: Invalid RHOEND", UserWarning)
        self._dimensions, self._workers = dimensions, workers
        space = ng.p.Tuple(*(parameter(item) for item in dimensions))
        space.random_state = np.random.RandomState(seed)
        self._optimizer = ng.optimizers.registry[optimizer](space, budget, num_workers=workers)
        self._asked: dict[int, Any] = {}
        self._worst = float("-inf")

    def ask(self, trial: int) -> Values:
        if len(self._asked) < self._workers:
            with _quiet():
                candidate = self._asked[trial] = self._optimizer.ask()
        else:
            candidate = self._optimizer.parametrization.sample()
        return self._named(candidate)

    def _named(self, candidate: Any) -> Values:
        return dict(zip(self._dimensions.names, candidate.value, strict=True))

    def tell(
        self, trial: int | None, values: Values, value: float, slacks: Mapping[str, float]
    ) -> None:
        import nevergrad as ng

        asked = None if trial is None else self._asked.pop(trial, None)
        completed = self._dimensions.completed(values)
        point = tuple(completed[name] for name in self._dimensions.names)
        active = self._dimensions.active
        as_asked = asked is not None and active(self._named(asked)) == active(completed)
        candidate = (
            asked if as_asked else self._optimizer.parametrization.spawn_child(new_value=point)
        )
        violations = [-slack for slack in slacks.values()] if value != float("inf") else []
        with _quiet():
            try:
                self._optimizer.tell(candidate, self._finite(value), violations or None)
            except ng.errors.TellNotAskedNotSupportedError:
                if asked is not None:
                    self._optimizer.tell(asked, self._finite(value), violations or None)

    def close(self) -> None:
        """Let go of Nevergrad, which then ends its threads; a program that ends waits for them."""
        self._asked.clear()
        del self._optimizer

    def _finite(self, value: float) -> float:
        """The value, or for a failure the worst so far."""
        if value != float("inf"):
            self._worst = max(self._worst, value)
        elif self._worst > float("-inf"):
            return self._worst
        return value


def _mend_metamodels() -> None:
    """A shim: Nevergrad takes `float` of an array (1,), which NumPy 2.4 no longer allows.

    https://github.com/facebookresearch/nevergrad/issues/1612: with metamodels, as NGOpt has them on
    continuous spaces with several workers, no trial could be asked for. `float` is another one in
    that module alone, and what it makes of an array of one number is what it was before.
    """
    from nevergrad.optimization import metamodel

    metamodel.float = _number


def _number(value: Any) -> float:
    return float(np.asarray(value).item())


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice of Nevergrad and of what it runs, nor overflows on huge values."""
    with warnings.catch_warnings(action="ignore"):
        yield
