"""Incumbents resampled on a common time grid: right-continuous steps, never ahead of their time.

A value at time t is the incumbent at t. Nothing is interpolated. Two rules are stated on figures:
what a run counts as before it has an incumbent (`Start`), and what follows its end (`keep_ended`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from hpobench.arrays import FloatArray, IntArray
from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.regret import Reference, normalised_regret

POINTS = 200
# A target that is the mean of equal regrets may differ from them in the last digits.
_ROUNDING = 1e-12
SHORTEST_FRACTION = 1e-3

START_SENTENCES = {
    "impute": "A run without a value yet counts as the task's median configuration, or as the mean "
    "of its method's other runs if that is worse; a curve begins when half of its runs have a "
    "value.",
    "wait": "A curve begins when all of its runs have a value.",
}
END_SENTENCE = (
    "A run that ended early keeps its last incumbent; a curve ends with the method's last run."
)
KEPT_SENTENCE = "A run that ended early keeps its last incumbent."


@dataclass(frozen=True)
class Curves:
    """The curves of one method on one task: `values` (n, t) at `time_s` (t,), one row a seed.

    NaN: no incumbent yet, or the method's last run has ended. Failed runs count by the rule of
    `failed_runs`.
    """

    task: str
    method: str
    time_s: FloatArray
    values: FloatArray
    seeds: IntArray


def resample(time_s: FloatArray, value: FloatArray, grid: FloatArray) -> FloatArray:
    """The step function with steps (k,) at the times of `grid` (t,); NaN before the first."""
    step = np.searchsorted(time_s, grid, side="right") - 1
    return np.concatenate(([np.nan], value))[step + 1]


def mean_over_time(
    time_s: FloatArray, value: FloatArray, begin_s: float, end_s: float, *, before: float, log: bool
) -> float:
    """The mean of a step function over [begin_s, end_s], exactly; `log`: over the time's logarithm.

    It has steps (k,), and is `before` until the first. `log` needs 0 < begin_s. At a single moment
    it is the value then.
    """
    levels = np.concatenate(([before], value))
    if not begin_s < end_s:
        return float(levels[np.searchsorted(time_s, end_s, side="right")])
    edges = np.concatenate(([begin_s], np.clip(time_s, begin_s, end_s), [end_s]))
    widths = np.diff(np.log(edges) if log else edges)
    return float(levels @ widths / widths.sum())


def horizon_s(found: Incumbents, task: str) -> float:
    """The moment at which methods are compared on a task (see `horizon`); 0: it has no run."""
    return found.horizons[task].time_s if task in found.horizons else 0.0


def tasks_with_runs(found: Incumbents, references: Mapping[str, Reference]) -> list[str]:
    """The tasks that have a reference and a run; raises ValueError if there is none."""
    tasks = [task for task in references if len(found.runs) and horizon_s(found, task) > 0]
    if not tasks:
        raise ValueError("no task of the study can be normalised")
    return tasks


def latest_end_s(found: Incumbents, task: str) -> float:
    """The latest end of the task's runs that did not fail."""
    runs = found.runs[(found.runs["task"] == task) & ~found.failed]
    return float(runs["end_time_s"].max()) if len(runs) else 0.0


def fractions(time: str, points: int = POINTS, shortest: float = SHORTEST_FRACTION) -> FloatArray:
    """Parts (t,) of a horizon at which to look: evenly spaced on a log or linear axis, up to 1."""
    if time == "log":
        return np.geomspace(shortest, 1.0, points)
    if time == "linear":
        return np.linspace(0.0, 1.0, points)
    raise ValueError(f"time={time!r}: use log or linear")


def time_grid(found: Incumbents, task: str, time: str, points: int = POINTS) -> FloatArray:
    """Times (t,) up to the last end; a log grid starts where the first curve begins to be drawn."""
    end = latest_end_s(found, task) or 1.0
    begin = _first_start_s(found, task) / end
    shortest = begin if 0 < begin < 1 else SHORTEST_FRACTION
    return end * fractions(time, points, shortest)


def _first_start_s(found: Incumbents, task: str) -> float:
    """The first time > 0 at which half of some method's runs have a value; 0 if there is none."""
    begins = []
    for numbers in runs_by_method(found, task).values():
        starts = found.starts[numbers]
        has = starts < found.starts[numbers + 1]
        first = found.lost_s[numbers]
        first[has] = np.minimum(first[has], found.time_s[starts[has]])
        begins.append(float(np.sort(first)[(len(numbers) + 1) // 2 - 1]))
    return min((begin for begin in begins if 0 < begin < np.inf), default=0.0)


def runs_by_method(found: Incumbents, task: str) -> dict[str, IntArray]:
    """Numbers of the task's runs by method, in order of the seed; none if every run failed."""
    counted = found.counted
    return {name: counted[task, name] for name in found.methods if (task, name) in counted}


def curves(
    found: Incumbents, task: str, grid: FloatArray, *, keep_ended: bool = False
) -> dict[str, Curves]:
    """The curves of every method with a run on `task`, at the times of `grid` (t,).

    A run that ended keeps its last incumbent up to the end of the method's longest run; after
    that there is no value, unless `keep_ended`. Runs that failed do not end: they go on as
    `failed_runs` says.
    """
    if task not in found.tasks:
        raise ValueError(f"task {task!r} is not in the study: it has {', '.join(found.tasks)}")
    ends, seeds = found.runs["end_time_s"].to_numpy(), found.runs["seed"].to_numpy(np.int64)
    by_method = {}
    for method, numbers in runs_by_method(found, task).items():
        values = np.array([resample(*found.steps(number), grid) for number in numbers])
        values = _with_failures(found, task, numbers, values, grid)
        fine = numbers[~found.failed[numbers]]
        if not keep_ended and len(fine):
            values[:, grid > ends[fine].max()] = np.nan
        made = Curves(task, method, grid, values, seeds[numbers])
        by_method[method] = _of_own_seeds(made, found.objective_seeds)
    return by_method


def _of_own_seeds(made: Curves, noises: int) -> Curves:
    """One row a seed of the method: the mean over those of the objective that it was run with.

    Where one of these has no value, there is none.
    """
    if noises < 2:
        return made
    own, place = np.unique(made.seeds // noises, return_inverse=True)
    totals = np.zeros((len(own), made.values.shape[1]))
    np.add.at(totals, place, made.values)
    return replace(made, values=totals / np.bincount(place)[:, None], seeds=own)


def _with_failures(
    found: Incumbents, task: str, numbers: IntArray, values: FloatArray, grid: FloatArray
) -> FloatArray:
    """The values (n, t) of a method's runs, with what those count as that have failed by then."""
    lost = grid >= found.lost_s[numbers][:, None]
    if not lost.any():
        return values
    worst = stand_in(np.where(lost, np.nan, values), found.medians.get(task, np.nan))
    return np.where(lost, np.fmax(values, worst), values)


def first_times(
    found: Incumbents, runs: IntArray, reference: Reference, targets: FloatArray
) -> FloatArray:
    """The times (n, targets) at which runs were first at or below targets, normalised regrets.

    Infinite: never.
    """
    times = np.full((len(runs), len(targets)), np.inf)
    for row, run in enumerate(runs):
        time_s, value = found.steps(run)
        lowest = np.minimum.accumulate(normalised_regret(value, reference))
        step = np.searchsorted(-lowest, -(targets + _ROUNDING))
        times[row] = np.append(time_s, np.inf)[step]
    return times


def start_rule(median: float | None) -> str:
    """The rule for runs without a value yet: impute where the task's median is known."""
    return "wait" if median is None else "impute"


def begin(some: Curves, rule: str, median: float | None = None) -> Curves:
    """Apply a rule for runs without a value yet: afterwards, at each time, all have one or none.

    `impute`: they count as `median`, or as the mean of the runs that have a value if that is
    worse, from when at least half of the runs have one. (With the median alone, a method whose
    first values are bad would look better the longer it took to have any.)
    `wait`: no run has a value until all have one.
    """
    if rule not in START_SENTENCES:
        raise ValueError(f"rule={rule!r}: use one of {', '.join(START_SENTENCES)}")
    if rule == "impute" and median is None:
        raise ValueError(f"task {some.task!r} has no known median to impute: use rule='wait'")
    has = np.isfinite(some.values)
    share = has.mean(axis=0)
    values = some.values
    if rule == "impute" and median is not None:
        values = completed(values, median)
    enough = share >= (0.5 if rule == "impute" else 1.0)
    return replace(some, values=np.where(enough, values, np.nan))


def completed(values: FloatArray, median: float) -> FloatArray:
    """The values (n, t) with what runs without one count as: the one rule for them, see `begin`."""
    return np.where(np.isfinite(values), values, stand_in(values, median))


def stand_in(values: FloatArray, median: float) -> FloatArray:
    """The value (t,) that stands for runs without one, from those (n, t) that have one."""
    has = np.isfinite(values)
    total = np.where(has, values, 0.0).sum(axis=0)
    mean: FloatArray = total / np.maximum(has.sum(axis=0), 1)
    return np.where(has.any(axis=0), np.maximum(mean, median), median)


def begin_all(
    some: Mapping[str, Curves], rule: str, median: float | None = None
) -> dict[str, Curves]:
    """`begin` for every method."""
    return {method: begin(each, rule, median) for method, each in some.items()}
