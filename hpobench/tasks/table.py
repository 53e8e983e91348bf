"""A task over recorded results: every configuration of a finite space, several repetitions of each.

Notation: n configurations, R repetitions (the most that any configuration has), k resource levels.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hpobench.arrays import FloatArray
from hpobench.loop.randomness import mix
from hpobench.records import Constraint, Evaluation, Fidelity, Job, Metric
from hpobench.space.space import Space
from hpobench.tasks import table_arrays as arrays

# Integer resources give few pairs (from, to); those of a continuous resource are not all kept.
_MOST_SPANS = 10_000


class _Span(NamedTuple):
    """Recorded levels that a job gives values at, from `first` on; `part` is None if all do."""

    first: int
    part: slice | None
    resources: FloatArray
    reached: float


class TableTask:
    """Look evaluations up in arrays.

    `values` (n, R, k): minimised validation values. `seconds` (n, R, k): time from the beginning
    of training to each resource level; None: unknown, and the clock counts evaluations, a part of
    the highest resource being as much of one. `test_values` and `train_values` (n, R, k), if there
    are any. `metrics`: what may be constrained, by name, each (n, R, k), (n, R) or (n,).
    `repetitions` (n,): how many repetitions each configuration has, the others being padding; None:
    all R. `resources` (k,): the levels. Row i belongs to `space.config_at(i)`.

    `repetition` says which repetition an evaluation sees: "sampled", one drawn by a fixed hash of
    seed and configuration; "paired", one drawn by the seed, the same for all configurations, as
    folds of one split are; "mean", the mean over repetitions, values and times alike, hence free
    of noise; an integer, always that one. The true value is the mean over repetitions in any case.

    A value that is not finite has failed. `short_curves`: of curves that end with NaN, "failed"
    from there on, or "carried": they go on with their last value, at no further cost.

    `data_hash`: the SHA-256 of the source, for the manifest.

    `constraints`: bounds by metric, `{"model_size": {"upper": 1e5}}`, or a number meaning upper.
    The optimum is then the smallest true value among the configurations that satisfy them all in
    at least one repetition, so that no regret is negative. The median ignores constraints.
    """

    reproducible = True

    def __init__(
        self,
        space: Space,
        metric: Metric,
        values: ArrayLike,
        seconds: ArrayLike | None,
        *,
        resources: Sequence[float] = (1,),
        fidelity: Fidelity | None = None,
        test_values: ArrayLike | None = None,
        train_values: ArrayLike | None = None,
        metrics: Mapping[str, ArrayLike] | None = None,
        constraints: Mapping[str, Any] | None = None,
        repetitions: ArrayLike | None = None,
        repetition: str | int = "sampled",
        short_curves: str = "failed",
        can_checkpoint: bool = True,
        data_hash: str = "",
    ) -> None:
        self.space = space
        self.metric = metric
        self.can_checkpoint = can_checkpoint
        self.data_hash = data_hash
        self._levels = [float(level) for level in resources]
        self.fidelity = _fidelity(fidelity, self._levels)
        self.constraints = stated_constraints(constraints or {}, metrics or {})

        shape = arrays.shape(space, values, len(self._levels))
        counts = arrays.counts(repetitions, shape)
        choice = arrays.Choice(counts, shape, repetition, space)
        self._repetitions = choice.repetitions
        self._counts: list[int] | None = choice.drawn_from
        self._paired = choice.paired
        self._resources = np.array(self._levels)
        self._resources.setflags(write=False)
        known = arrays.measured("values", values, shape, short_curves)
        self._true = arrays.mean(known, counts)[:, 0]
        self._values = choice.rows("values", known)
        self.clock = "evaluations" if seconds is None else "seconds"
        if seconds is None:
            seconds = np.broadcast_to(self._resources / self._levels[-1], shape)
        failed = ~np.isfinite(arrays.cube("values", values, shape))
        self._seconds = choice.rows("seconds", arrays.cost(seconds, failed, counts, space))
        beside = {"test_values": test_values, "train_values": train_values}
        self._test, self._train = (
            None
            if given is None
            else choice.rows(name, arrays.measured(name, given, shape, short_curves))
            for name, given in beside.items()
        )
        self._slacks = {
            bound.metric: bound.slack(choice.rows(bound.metric, (metrics or {})[bound.metric]))
            for bound in self.constraints
        }
        self._spans: dict[tuple[float, float], _Span] = {}
        self.optimum: float | None = self._smallest_feasible()
        self.median = arrays.median(self._true[:, -1])
        self.remarks = arrays.remarks(self._true[:, -1])

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:
        """Look up `job`. A checkpoint is the resource that was reached."""
        _, config, start, end, _ = job
        try:
            row = self.space.index_of(config)
        except (KeyError, ValueError, TypeError):
            self.space.validate(config)
            raise
        first, part, resources, reached = self._spans.get((start, end)) or self._span(start, end)
        curve = row * self._repetitions
        if self._counts is not None:
            curve += mix(seed, 0 if self._paired else row) % self._counts[row]
        # A whole row is a cheaper index than a row and a slice.
        at: Any = curve if part is None else (curve, part)
        seconds = self._seconds[at]
        if first and checkpoint is not None:
            seconds = seconds - self._seconds[curve, first - 1]
        return Evaluation(
            resources,
            seconds,
            self._values[at],
            seconds.item(-1),
            self._true[row if part is None else (row, part)],
            None if self._test is None else self._test[at],
            {name: slack[at] for name, slack in self._slacks.items()} if self._slacks else {},
            reached,
            train_values=None if self._train is None else self._train[at],
        )

    def _span(self, start: float, end: float) -> "_Span":
        """The levels in (start, end], worked out once for each pair that schedulers ask for."""
        first = bisect_right(self._levels, start)
        last = bisect_right(self._levels, end)
        if first >= last:
            raise ValueError(
                f"a job from {start} to {end} reaches none of the recorded resource levels "
                f"{self._levels}"
            )
        # A training on less data is no beginning of one on more, and gives no value on the way.
        part = slice(first if self.fidelity.comparable else last - 1, last)
        whole = part == slice(0, len(self._levels))
        span = _Span(first, None if whole else part, self._resources[part], self._levels[last - 1])
        if len(self._spans) < _MOST_SPANS:
            self._spans[start, end] = span
        return span

    def _smallest_feasible(self) -> float:
        at_r_max = self._true[:, -1]
        feasible = ~np.isnan(at_r_max)
        for slack in self._slacks.values():
            feasible &= (slack[:, -1].reshape(len(feasible), -1) >= 0).any(axis=1)
        if not feasible.any():
            bounds = f" that satisfies {self.constraints}" if self.constraints else ""
            raise ValueError(
                f"the table has no configuration with a finite value{bounds}: all that is not "
                "finite has failed"
            )
        return float(at_r_max[feasible].min())


def _fidelity(fidelity: Fidelity | None, levels: list[float]) -> Fidelity:
    if not levels or sorted(set(levels)) != levels:
        raise ValueError(f"resources={levels} must rise")
    if fidelity is None:
        if len(levels) == 1:
            return Fidelity("none")
        fidelity = Fidelity("epochs", levels[0], levels[-1])
    if fidelity.r_max != levels[-1] or fidelity.r_min < levels[0]:
        raise ValueError(f"{fidelity} does not fit the recorded resource levels {levels}")
    return fidelity.only_at(levels)


def stated_constraints(
    bounds: Mapping[str, Any], metrics: Collection[str]
) -> tuple[Constraint, ...]:
    """Bounds as in `TableTask`; raises ValueError if one is on none of the metrics."""
    for name in bounds:
        if name not in metrics:
            raise ValueError(
                f"there is no metric {name!r} to constrain: has {', '.join(metrics) or 'none'}"
            )
    return tuple(
        Constraint(name, **bound) if isinstance(bound, Mapping) else Constraint(name, upper=bound)
        for name, bound in bounds.items()
    )
