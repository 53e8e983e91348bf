"""Time to target: how long methods need for a value, and how many times as fast as another.

The runtime of a run is the first time at which its incumbent, in the view of the study, is at or
below the target. A run that never gets there is right-censored, and the distribution of runtimes is
estimated by Kaplan-Meier: S(t) is the share of runs that have not reached the target by t.

reached         share of runs that reached the target
median_time_s   the first time at which S is 1/2 or less; NaN if there is none
speedup         how many times as fast as the reference method, as `survival` defines it; NaN if no
                run of either method reached the target
low, high       95 % bootstrap interval of the speed-up (of its logarithm; NaN: too few runs that
                got there). Seeds are drawn within each task, together for all methods, and a
                target that is a mean of the reference method is found anew in each resample
share           the share of the runs of either method that the speed-up compares: the fastest
time_s          the geometric mean of the method's times within it; over tasks, none
bound           "<=" where no run of the method reached the target, which it may have done later:
                the speed-up is at most that; ">=" where no run of the reference method did

`early` says what a run counts as that ended before others without reaching the target:
    censored    it might have gone on, as after a budget of trials; the runs that were still under
                way then tell how
    never       it would not have improved, as when the space was exhausted, which is all that can
                end a run whose budget is a time alone. All are followed to the end of the last run

Without `early` it is for each task the second if nothing but time ends its runs, else the first.
A run that failed never reaches what it had not reached by then, whatever `early` says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray, IntArray
from hpobench.results.anytime.curves import (
    first_times,
    horizon_s,
    latest_end_s,
    runs_by_method,
)
from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.notes import by_share
from hpobench.results.anytime.regret import Reference
from hpobench.results.statistics.bootstrap import run_weights
from hpobench.results.statistics.survival import Observed, Runtimes, SpeedUp, pooled, speed_up
from hpobench.results.verdicts.final import final_regrets

ALL_TASKS = "all tasks"
MOST_METHODS = 12
"""132 ordered pairs: a table that can still be read."""
EARLY = {
    "censored": "A run that ended without reaching the target is censored at its end.",
    "never": "A run that ended before its time without reaching the target would never have done "
    "so.",
}
COLUMNS = (
    "task",
    "method",
    "target",
    "reached",
    "time_s",
    "median_time_s",
    "share",
    "speedup",
    "low",
    "high",
    "bound",
)
PAIR_COLUMNS = ["method", "other", "reached", "share", "speedup", "low", "high", "bound"]


@dataclass(frozen=True)
class _Task:
    """One task: by method its `runs` (n,) and their `weights` (1 + resamples, n).

    Times are parts of `horizon_s`; `last_s`: when the last run ended; `early`: see above.

    `targets` (k, 1 + resamples), or (k, 1) where they do not depend on the runs.
    """

    reference: Reference
    horizon_s: float
    last_s: float
    early: str
    runs: Mapping[str, IntArray]
    weights: Mapping[str, FloatArray]
    targets: FloatArray

    def observed(self, found: Incumbents, method: str, number: int) -> Observed:
        """The times at which the runs of a method reached target `number`."""
        runs = self.runs[method]
        first_s = first_times(found, runs, self.reference, self.targets[number]).T
        reached = np.isfinite(first_s)
        end_s = found.runs["end_time_s"].to_numpy()[runs]
        never = found.failed[runs] | (self.early == "never")
        until_s = np.where(never, self.last_s, end_s)
        return Observed(np.where(reached, first_s, until_s), reached, self.weights[method])


def early_rule(found: Incumbents, task: str) -> str:
    """The rule for runs that ended early: never if nothing but time limits them.

    Such a run ends before its time only if there is nothing left to try.
    """
    return "never" if task in found.time_alone else "censored"


def early_notes(found: Incumbents, tasks: Iterable[str]) -> tuple[str, ...]:
    """Sentences on what runs count as that ended early; on how many tasks which, if they differ."""
    return tuple(by_share([EARLY[early_rule(found, task)] for task in tasks]))


def time_to_target(
    found: Incumbents,
    references: Mapping[str, Reference],
    reference_method: str,
    *,
    level: float | Sequence[float] | None = None,
    early: str | None = None,
) -> pd.DataFrame:
    """One row per task, target and method; those of `ALL_TASKS` are over all of them.

    Columns: task, method, target, and those above. `level`: normalised regrets to reach. None: on
    each task the mean final regret of the reference method (each run's at most 1). Tasks without a
    run of the reference method are left out. `ALL_TASKS` has the mean of `reached`, the speed-up of
    all runs pooled, and the methods with runs on every task. Raises ValueError if no task is left,
    or for a bad argument.
    """
    tasks = _tasks(found, references, reference_method, level, early)
    rows: dict[tuple[int, int, int], _Row] = {}
    for number in range(len(tasks[0].targets)):
        see = partial(_observed, found, tasks, number)
        base = see(reference_method)
        bases = [_pooled({place: one}, tasks) for place, one in base.items()]
        over_all = _pooled(base, tasks)
        for at, method in enumerate(found.methods):
            some = see(method)
            for place, one in some.items():
                runtimes = _pooled({place: one}, tasks)
                rows[place, number, at] = _row(method, tasks[place], number, runtimes, bases[place])
            if len(some) == len(tasks):
                rows[len(tasks), number, at] = _Row(
                    task=ALL_TASKS,
                    method=method,
                    target=np.nan if level is None else float(tasks[0].targets[number, 0]),
                    reached=float(np.mean([each.happened[0].mean() for each in some.values()])),
                    made=speed_up(_pooled(some, tasks), over_all),
                )
    return pd.DataFrame([rows[key].cells() for key in sorted(rows)], columns=list(COLUMNS))


def over_tasks(
    found: Incumbents,
    references: Mapping[str, Reference],
    reference_method: str,
    methods: Sequence[str],
) -> dict[str, SpeedUp]:
    """Speed-ups by method: how many times as fast to what the reference method reaches in the end.

    Over all tasks with runs of that, as in `time_to_target`; the methods that lack one are left
    out.
    """
    tasks = _tasks(found, references, reference_method, None, None)
    see = partial(_observed, found, tasks, 0)
    base = _pooled(see(reference_method), tasks)
    seen = {method: see(method) for method in methods}
    return {
        method: speed_up(_pooled(some, tasks), base)
        for method, some in seen.items()
        if len(some) == len(tasks)
    }


def pair_speedups(
    found: Incumbents,
    references: Mapping[str, Reference],
    *,
    most: int = MOST_METHODS,
) -> pd.DataFrame:
    """Speed-ups over all tasks, with each method as the reference: one row an ordered pair.

    The target is what `other` reaches in the end, task by task. Columns: method, other, reached
    (share of the runs of `method` that got there), share, speedup, low, high, bound, as above. Of
    more than `most` methods the best by their mean final regret. No rows for a single method;
    raises ValueError if no task can be normalised, or no method has runs on all of them.
    """
    kept = best_methods(found, references, most)
    rows = []
    for other in kept:
        names = [method for method in found.methods if method in kept and method != other]
        some = over_tasks(found, references, other, names)
        for method, made in some.items():
            numbers = made.share, made.speed, made.low, made.high, made.bound
            rows.append((method, other, made.mean_reached, *numbers))
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)


def best_methods(found: Incumbents, references: Mapping[str, Reference], most: int) -> list[str]:
    """At most so many of the methods with runs on every task, best first by mean final regret."""
    by_task = [frame.mean() for frame in final_regrets(found, references).values()]
    means = pd.DataFrame(by_task).dropna(axis="columns").mean() if by_task else pd.Series()
    if not len(means):
        raise ValueError("no method has runs on all tasks: compare those that share their tasks")
    return [str(name) for name in means.sort_values(kind="stable").index[:most]]


@dataclass(frozen=True)
class _Row:
    """A row of the table; `scale_s`: seconds that the times of the speed-up are parts of."""

    task: str
    method: str
    target: float
    reached: float
    made: SpeedUp
    median_time_s: float = np.nan
    scale_s: float = np.nan

    def cells(self) -> tuple[object, ...]:
        made, time_s = self.made, float(np.exp(self.made.log_time)) * self.scale_s
        return (
            *(self.task, self.method, self.target, self.reached),
            *(time_s, self.median_time_s, made.share),
            *(made.speed, made.low, made.high, made.bound),
        )


def _row(method: str, task: _Task, number: int, some: Runtimes, base: Runtimes) -> _Row:
    reached, not_reached = some.counts
    return _Row(
        task=task.reference.task,
        method=method,
        target=float(task.targets[number, 0]),
        reached=reached / (reached + not_reached),
        made=speed_up(some, base),
        median_time_s=some.median * task.horizon_s,
        scale_s=task.horizon_s,
    )


def _observed(
    found: Incumbents, tasks: Sequence[_Task], number: int, method: str
) -> dict[int, Observed]:
    """The times at which runs of a method reached the target, by the place of the task."""
    return {
        place: each.observed(found, method, number)
        for place, each in enumerate(tasks)
        if method in each.runs
    }


def _pooled(some: Mapping[int, Observed], tasks: Sequence[_Task]) -> Runtimes:
    return pooled(list(some.values()), [tasks[place].horizon_s for place in some])


def _tasks(
    found: Incumbents,
    references: Mapping[str, Reference],
    reference_method: str,
    level: float | Sequence[float] | None,
    early: str | None,
) -> list[_Task]:
    """The tasks with runs of the reference method, with their targets."""
    if early not in (None, *EARLY):
        raise ValueError(f"early={early!r}: use one of {', '.join(EARLY)}")
    finals = {
        task: frame[reference_method].dropna().to_numpy(float)
        for task, frame in final_regrets(found, references).items()
        if reference_method in frame
    }
    if not finals:
        raise ValueError(
            f"reference_method={reference_method!r} has no runs on a task that can be normalised: "
            f"the methods are {', '.join(found.methods)}"
        )
    levels = None if level is None else np.atleast_1d(np.asarray(level, dtype=float))
    if levels is not None and not (len(levels) and np.isfinite(levels).all()):
        raise ValueError(f"level={level}: give one normalised regret or more, such as 0.1")
    made = []
    for task, final in finals.items():
        runs = runs_by_method(found, task)
        weights = _weights(found, runs, task)
        targets = _means(final, weights[reference_method]) if levels is None else levels[:, None]
        times_s = horizon_s(found, task), latest_end_s(found, task)
        rule = early or early_rule(found, task)
        made.append(_Task(references[task], *times_s, rule, runs, weights, targets))
    return made


def _weights(found: Incumbents, runs: Mapping[str, IntArray], task: str) -> dict[str, FloatArray]:
    """The weights (1 + resamples, n) of runs in the order of their seeds, by method."""
    seeds = found.runs["seed"].to_numpy()
    every = np.unique(np.concatenate([seeds[some] for some in runs.values()]))
    has = np.array([np.isin(every, seeds[some]) for some in runs.values()]).T
    weights = run_weights(has, task)
    return {name: weights[:, has[:, at], at] for at, name in enumerate(runs)}


def _means(values: FloatArray, weights: FloatArray) -> FloatArray:
    """The mean of the values (n,) in each resample, (1, 1 + resamples); the actual, if unknown."""
    means = weights @ values
    return np.where(np.isnan(means), means[0], means)[None]
