"""A method of any library that is asked for a configuration and told its value."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from hpobench.methods.batches import Batches
from hpobench.methods.first_points import first_points
from hpobench.methods.peers.dimensions import Dimensions, Values
from hpobench.methods.peers.library import GlobalRandomness, require
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Configuration, Space


class Optimizer(Protocol):
    """What one file a library provides.

    A constructor takes `(dimensions, seed, workers, **settings)`, is where the library is imported,
    and is only called for a space of at least one dimension. An optimizer may also have `close()`,
    which is called when the run is over.
    """

    def ask(self, trial: int) -> Values:
        """The values to try next, as trial number `trial`."""

    def tell(
        self, trial: int | None, values: Values, value: float, slacks: Mapping[str, float]
    ) -> None:
        """A trial ended with `value`, infinite if it failed; feasible: all slacks >= 0.

        Slacks are finite; of a trial that failed they may be missing. `values` are those that were
        tried: in a space with gaps others than the library asked for. `trial` None: a configuration
        that the library was not asked for.
        """


class BlackBox:
    """Trains what an optimizer suggests to full resource, one job a trial.

    `library` names the package, which is imported when the run begins. `optimizer` makes the
    optimizer of this run. `points_to_evaluate` (see `Composite`) are tried before it is asked,
    and told to it. In a space with gaps what it suggests is moved to the nearest point that was not
    tried, and the library is told which that was. `batch` and `wait`: see `Batches`.

    `warm_up`: before the first run of a process an optimizer on a toy space is asked and told
    so many times, so that what a library imports or compiles when it first needs it is part of the
    set-up, and not of a decision.
    """

    def __init__(
        self,
        space: Space,
        fidelity: Fidelity,
        rng: np.random.Generator,
        workers: int,
        library: str,
        optimizer: Callable[..., Optimizer],
        warm_up: int = 0,
        points_to_evaluate: Sequence[Mapping[str, Any] | str] = (),
        batch: int = 1,
        wait: bool = False,
    ) -> None:
        self._batches = Batches(batch, wait, self._hear)
        self.version = require(library)
        self._dimensions = Dimensions(space)
        self._r_max = fidelity.r_max
        self._make, self._workers, self._warm_up = optimizer, workers, warm_up
        self._first = first_points(space, points_to_evaluate)
        self._seed = int(rng.integers(2**31))
        self._randomness = GlobalRandomness(self._seed)
        self._optimizer: Optimizer | None = None
        self._asked: dict[int, Values] = {}
        self._listed = isinstance(space, ListedSpace)
        self._tried: list[Configuration] = list(self._first) if self._listed else []
        self._slacks = _Slacks()
        self._trials = 0

    def set_up(self) -> None:
        """Import the library, and make the optimizer."""
        if len(self._dimensions):
            _warm_up(self._make, self._warm_up)
            with self._randomness.own():
                self._optimizer = self._make(self._dimensions, self._seed, self._workers)

    def ask(self) -> Job | None:
        return self._batches.ask(self._choose)

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        self._batches.tell(job, evaluation)

    def _choose(self) -> Job:
        trial = self._trials
        self._trials += 1
        if self._first:
            config = self._first.popleft()
        elif not len(self._dimensions):
            config = self._dimensions.decode({})
        else:
            with self._randomness.own():
                values = self._library().ask(trial)
            config = self._dimensions.decode(values, self._tried)
            if self._listed:
                self._tried.append(config)
                values = self._dimensions.encode(config)
            self._asked[trial] = values
        return Job(trial, config, 0, self._r_max)

    def _hear(self, job: Job, evaluation: Evaluation) -> None:
        if not len(self._dimensions):
            return
        values = self._asked.pop(job.trial, None)
        slacks = {
            name: self._slacks.finite(name, float(slack[-1]))
            for name, slack in evaluation.constraints.items()
            if len(slack)
        }
        number = None if values is None else job.trial
        known = self._dimensions.encode(job.config) if values is None else values
        with self._randomness.own():
            self._library().tell(number, known, _bounded(evaluation.value), slacks)

    def close(self) -> None:
        """Let the optimizer end what it has begun."""
        optimizer, self._optimizer = self._optimizer, None
        _close(optimizer)

    def _library(self) -> Optimizer:
        if self._optimizer is None:
            self.set_up()
        assert self._optimizer is not None
        return self._optimizer


def _close(optimizer: Optimizer | None) -> None:
    end: Callable[[], None] | None = getattr(optimizer, "close", None)
    if end is not None:
        end()


class _Slacks:
    """Slacks that a library can calculate with.

    One that is not finite is as large as the largest of its constraint so far, for models are
    fitted to them; before there is one, 1. What is not a number breaks the constraint.
    """

    def __init__(self) -> None:
        self._largest: dict[str, float] = {}

    def finite(self, name: str, slack: float) -> float:
        """The slack of the constraint `name`, if it is finite."""
        if math.isfinite(slack):
            slack = _bounded(slack)
            self._largest[name] = max(self._largest.get(name, 0), abs(slack))
            return slack
        return math.copysign(self._largest.get(name, 0) or 1, 1 if slack > 0 else -1)


def _bounded(value: float) -> float:
    """Finite values whose square is finite too; infinity stays."""
    return value if value == math.inf else min(max(value, -_LARGEST), _LARGEST)


_LARGEST = 1e100
_TOY = Space(
    {
        "rate": {"type": "float", "low": 0, "high": 1},
        "units": {"type": "integer", "low": 1, "high": 9},
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
    }
)
_WARM: set[str] = set()


def _warm_up(make: Callable[..., Optimizer], times: int) -> None:
    """Use a library once a process, on a space that has every kind of dimension."""
    if not times or repr(make) in _WARM:
        return
    _WARM.add(repr(make))
    # Of its own: the first run of a process draws the same numbers as a later one.
    with GlobalRandomness(0).own():
        optimizer = make(Dimensions(_TOY), 0, 1)
        for trial in range(times):
            values = optimizer.ask(trial)
            optimizer.tell(trial, values, float(values["rate"]), {})
        _close(optimizer)
