"""Time to target: how long methods need for a value, and how many times as fast as another.

The runtime of a run is the first time at which its incumbent, in the view of the study, is at or
below the target. A run that never gets there is right-censored, and the distribution of runtimes is
estimated by Kaplan-Meier: S(t) is the share of runs that have not reached the target by t.

reached         share of runs that reached the target
mean_time_s     restricted mean: the integral of S from 0 to `until_s`. If all runs last until then,
                it is the mean of min(runtime, until_s)
median_time_s   the first time at which S is 1/2 or less; NaN if there is none
until_s         up to when runs both of the method and of the reference method were followed, at
                most the task's horizon: beyond that S is not known of one of them. A method all of
                whose runs reached the target is known for good
speedup         restricted mean of the reference method over that of the method, both up to
                `until_s`. No runtime counts for more than that, so that a method that seldom gets
                there looks faster than it is: speed-ups are rather too close to 1. NaN if no run of
                either method reached the target; in means over tasks that counts as 1
low, high       95 % bootstrap interval of the speed-up (of its logarithm, as in `bootstrap`; NaN: a
                single seed). Seeds are drawn within each task, and together for all methods
bound           "<=" where no run of the method reached the target, which it may have done later:
                the speed-up is at most that; ">=" where no run of the reference method did. In
                means over tasks, that of its tasks if they agree

`early` says what a run counts as that ended before the horizon without reaching the target:
    censored    it might have gone on, as after a budget of trials; the runs that were still under
                way then tell how. A mean time ends where one of its two methods was last followed
    never       it would not have improved, as when the space was exhausted, which is all that can
                end a run whose budget is a time alone. All are followed to the horizon
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from hpobench.hyperparameters import FloatArray
from hpobench.results.across import final_regrets
from hpobench.results.bootstrap import mean_and_interval, run_weights
from hpobench.results.curves import horizon_s, runs_by_method
from hpobench.results.incumbents import Incumbents
from hpobench.results.keys import IntArray
from hpobench.results.normalise import Reference, normalised_regret
from hpobench.results.survival import (
    Survival,
    followed_s,
    kaplan_meier,
    median_time_s,
    restricted_mean,
)

ALL_TASKS = "all tasks"
EARLY = {
    "censored": "A run that ended before the horizon without reaching the target is censored at "
    "its end; mean times are up to when runs of both methods were still followed.",
    "never": "A run that ended before the horizon without reaching the target would never have "
    "done so.",
}
# A target that is the mean of equal regrets may differ from them in the last digits.
_ROUNDING = 1e-12
# Of the horizon: no mean time counts as less, so that ratios are finite.
_SHORTEST = 1e-12


class _Row(NamedTuple):
    """A row of the table.

    `log_speedups`: by task, (1 + resamples,), first that of the actual runs; `seeds`: by task.
    """

    task: str
    method: str
    target: float
    reached: float
    mean_time_s: float
    median_time_s: float
    until_s: float
    bound: str
    log_speedups: tuple[FloatArray, ...]
    seeds: tuple[int, ...]

    def cells(self) -> tuple[object, ...]:
        centre, low, high = np.exp(mean_and_interval(self.log_speedups, self.seeds))
        return (*self[:7], centre, low, high, self.bound)


class _Runtime(NamedTuple):
    """Of one method, task and target: S of the resamples (1 + resamples, n), first the actual."""

    reached: float
    estimate: Survival

    @property
    def actual(self) -> Survival:
        return Survival(self.estimate.time_s, self.estimate.share[0])

    @property
    def seeds(self) -> int:
        return len(self.estimate.time_s)


_Rows = dict[tuple[int, str], _Row]
"""Rows of one task by the number of the target and the method."""


def time_to_target(
    found: Incumbents,
    references: Mapping[str, Reference],
    reference_method: str,
    rng: np.random.Generator,
    *,
    level: float | Sequence[float] | None = None,
    early: str = "censored",
) -> pd.DataFrame:
    """One row per task, target and method; those of `ALL_TASKS` hold the means over tasks.

    Columns: task, method, target, and those above. `level`: normalised regrets to reach. None: on
    each task the mean final regret of the reference method (each run's at most 1). Tasks without a
    run of the reference method are left out. `ALL_TASKS` has the mean of `reached`, the geometric
    mean of the speed-ups, and the methods with runs on every task. Raises ValueError if no task is
    left, or for a bad argument.
    """
    if early not in EARLY:
        raise ValueError(f"early={early!r}: use one of {', '.join(EARLY)}")
    targets = _targets(found, references, reference_method, level)
    by_task = []
    for task, some in targets.items():
        runtimes = _runtimes(found, references[task], some, early, rng)
        horizon = horizon_s(found, task)
        by_task.append(_rows(task, some, runtimes, reference_method, horizon))
    over_tasks = _over_tasks(by_task, known=level is not None)
    cells = [row.cells() for rows in [*by_task, over_tasks] for row in rows.values()]
    return pd.DataFrame(cells, columns=[*_Row._fields[:7], "speedup", "low", "high", "bound"])


def first_times(
    found: Incumbents, runs: IntArray, reference: Reference, targets: FloatArray
) -> FloatArray:
    """When each run was first at or below each target, a normalised regret: (n, targets).

    Infinite: never.
    """
    times = np.full((len(runs), len(targets)), np.inf)
    for row, run in enumerate(runs):
        time_s, value = found.steps(run)
        lowest = np.minimum.accumulate(normalised_regret(value, reference))
        step = np.searchsorted(-lowest, -(targets + _ROUNDING))
        times[row] = np.append(time_s, np.inf)[step]
    return times


def _targets(
    found: Incumbents,
    references: Mapping[str, Reference],
    reference_method: str,
    level: float | Sequence[float] | None,
) -> dict[str, FloatArray]:
    """The targets (k,) by task."""
    finals = {
        task: frame[reference_method].mean()
        for task, frame in final_regrets(found, references).items()
        if reference_method in frame
    }
    if not finals:
        raise ValueError(
            f"reference_method={reference_method!r} has no runs on a task that can be normalised: "
            f"the methods are {', '.join(found.methods)}"
        )
    if level is None:
        return {task: np.array([final]) for task, final in finals.items()}
    levels = np.atleast_1d(np.asarray(level, dtype=float))
    if not len(levels) or not np.isfinite(levels).all():
        raise ValueError(f"level={level}: give one normalised regret or more, such as 0.1")
    return dict.fromkeys(finals, levels)


def _runtimes(
    found: Incumbents,
    reference: Reference,
    targets: FloatArray,
    early: str,
    rng: np.random.Generator,
) -> dict[str, list[_Runtime]]:
    """The runtimes on one task, by method, in the order of the targets."""
    horizon = horizon_s(found, reference.task)
    runs, seeds = runs_by_method(found, reference.task), found.runs["seed"].to_numpy()
    every = np.unique(np.concatenate([seeds[some] for some in runs.values()]))
    has = np.array([np.isin(every, seeds[some]) for some in runs.values()]).T
    weights = run_weights(has, rng)
    made: dict[str, list[_Runtime]] = {}
    for number, (method, some) in enumerate(runs.items()):
        end_s = found.runs["end_time_s"].to_numpy()[some]
        until_s = end_s if early == "censored" else np.full(len(some), horizon)
        first_s = first_times(found, some, reference, targets)
        of_method = weights[:, has[:, number], number]
        made[method] = [_runtime(each, until_s, of_method) for each in first_s.T]
    return made


def _runtime(first_s: FloatArray, until_s: FloatArray, weights: FloatArray) -> _Runtime:
    reached = np.isfinite(first_s)
    estimate = kaplan_meier(np.where(reached, first_s, until_s), reached, weights)
    return _Runtime(float(reached.mean()), estimate)


def _rows(
    task: str,
    targets: FloatArray,
    runtimes: Mapping[str, list[_Runtime]],
    reference_method: str,
    horizon: float,
) -> _Rows:
    rows = {}
    for number, target in enumerate(targets):
        base = runtimes[reference_method][number]
        for method, some in runtimes.items():
            rows[number, method] = _row(task, method, target, some[number], base, horizon)
    return rows


def _row(
    task: str, method: str, target: float, some: _Runtime, base: _Runtime, horizon: float
) -> _Row:
    until_s = min(horizon, followed_s(some.actual), followed_s(base.actual))
    means_s, base_s = (
        np.maximum(restricted_mean(each.estimate, until_s), _SHORTEST * horizon)
        for each in (some, base)
    )
    logs = np.log(base_s / means_s)
    if some.reached == base.reached == 0:
        logs = np.full_like(logs, np.nan)
    return _Row(
        task=task,
        method=method,
        target=target,
        reached=some.reached,
        mean_time_s=float(means_s[0]),
        median_time_s=median_time_s(some.actual),
        until_s=until_s,
        bound=_bound(some.reached, base.reached),
        log_speedups=(logs,),
        seeds=(min(some.seeds, base.seeds),),
    )


def _bound(reached: float, base_reached: float) -> str:
    """Which way the speed-up is bounded, of a method and the reference that reached so often."""
    if (reached == 0) == (base_reached == 0):
        return ""
    return "<=" if reached == 0 else ">="


def _over_tasks(by_task: Sequence[_Rows], *, known: bool) -> _Rows:
    """The means over tasks; `known`: the targets are the same on all of them."""
    rows = {}
    for key in by_task[0]:
        some = [of_task[key] for of_task in by_task if key in of_task]
        if len(some) == len(by_task):
            rows[key] = _mean_row(some, some[0].target if known else np.nan)
    return rows


def _mean_row(some: Sequence[_Row], target: float) -> _Row:
    bounds = {row.bound for row in some} - {""}
    return _Row(
        task=ALL_TASKS,
        method=some[0].method,
        target=target,
        reached=float(np.mean([row.reached for row in some])),
        mean_time_s=np.nan,
        median_time_s=np.nan,
        until_s=np.nan,
        bound=bounds.pop() if len(bounds) == 1 else "",
        log_speedups=_filled([row.log_speedups[0] for row in some]),
        seeds=tuple(row.seeds[0] for row in some),
    )


def _filled(logs: Sequence[FloatArray]) -> tuple[FloatArray, ...]:
    """Unknown ones count as 0, unless there are no others."""
    unknown = [bool(np.isnan(some[0])) for some in logs]
    if all(unknown):
        return tuple(logs)
    return tuple(np.zeros_like(x) if no else x for x, no in zip(logs, unknown, strict=True))
