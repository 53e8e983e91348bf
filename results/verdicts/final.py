"""Across tasks: scores, probability of improvement and ranks at one moment, with intervals.

The moment is `at`, a fraction of each task's horizon. Tasks are those with a reference, and weigh
the same; seeds are drawn within each (95 % intervals, NaN where a task has a single seed: of means
as in `contrasts`, of medians and interquartile means a stratified bootstrap). A run that ended
early keeps its last incumbent, and one that failed counts as `failed_runs` says. Tables hold the
methods with runs on every task: for a study in which tasks differ in their methods, call with
`found.only(group)` for each of `found.groups()`.

Source of the metrics: Agarwal et al. 2021, Deep reinforcement learning at the edge of the
statistical precipice (NeurIPS), sections 4.2 and 4.3.
"""

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray
from hpobench.results.anytime.curves import Curves, completed, curves, horizon_s, tasks_with_runs
from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.regret import Reference, capped_regret, limits_of_means
from hpobench.results.statistics.blocks import ranks
from hpobench.results.statistics.bootstrap import reach
from hpobench.results.statistics.summary import summarise

Frames = dict[str, pd.DataFrame]

METRICS = {
    "mean": "mean",
    "median": "median",
    "iqm": "interquartile mean",
    "optimality_gap": "optimality gap",
}
"""By name, in words."""
GOOD_ENOUGH = 0.01


def final_regrets(
    found: Incumbents, references: Mapping[str, Reference], *, at: float = 1.0
) -> Frames:
    """Normalised regrets of runs, at most 1: a table (index seed, columns method) a task.

    NaN: there is no such run. A run without a value counts as the median
    configuration, or as the mean of its method's other runs if that is worse. Methods without any
    run on a task have no column there. Raises ValueError without any task, or if `at` is not in
    (0, 1].
    """
    return {
        task: _frame(made, {name: _regrets(each, references[task]) for name, each in made.items()})
        for task, made in _at(found, references, at).items()
    }


def final_values(
    found: Incumbents, references: Mapping[str, Reference], *, at: float = 1.0
) -> Frames:
    """Values of runs, in tables as of `final_regrets`; infinite where a run has none yet."""
    return {
        task: _frame(made, {name: _values(each) for name, each in made.items()})
        for task, made in _at(found, references, at).items()
    }


def aggregate_scores(
    found: Incumbents,
    references: Mapping[str, Reference],
    *,
    at: float = 1.0,
    target: float = GOOD_ENOUGH,
) -> pd.DataFrame:
    """One row per method and metric of the final regrets; lower is better.

    mean             mean over tasks of the mean over seeds
    median, iqm      median and interquartile mean of all runs pooled
    optimality_gap   mean over tasks and seeds of max(regret - `target`, 0): by how much runs fail
                     to be good enough (with the score 1 - regret, the paper's gap to the score
                     1 - `target`; better than that counts no more)

    Columns: method, metric, value, low, high, tasks, runs.
    """
    regrets = final_regrets(found, references, at=at)
    rows = []
    for method in _on_all(found, regrets):
        groups = [frame[[method]].dropna().to_numpy() for frame in regrets.values()]
        gaps = [np.maximum(group - target, 0.0) for group in groups]
        for metric in METRICS:
            statistic, some = ("mean", gaps) if metric == "optimality_gap" else (metric, groups)
            band = "interval" if statistic == "mean" else "bootstrap"
            made = summarise(some, statistic, band, list(regrets), limits_of_means(some))
            numbers = made.centre[0], made.low[0], made.high[0]
            rows.append((method, metric, *numbers, len(groups), made.count))
    columns = ["method", "metric", "value", "low", "high", "tasks", "runs"]
    return pd.DataFrame(rows, columns=columns)


def probability_of_improvement(
    found: Incumbents,
    references: Mapping[str, Reference],
    *,
    at: float = 1.0,
) -> pd.DataFrame:
    """The probability that a run of `method` ends better than one of `other`, for each pair.

    On a task, the share of all pairs of runs of the two in which that of `method` is better, ties
    counted 1/2 (the Mann-Whitney statistic U / nm); then the mean over tasks. Only the seeds that
    both have count, so that neither gains by easier ones (NaN: they share none). Incumbents are
    compared by their values; runs without any tie in last place. Columns: method, other,
    probability, low, high, tasks (on which they share seeds); no rows if there is one method.

    The interval is that of Newcombe 2006 (Statistics in Medicine 25, method 5), of which the error
    is that at the end of the interval itself, not at the estimate: where all runs of one method
    beat all of the other it has a width. Runs of the same seed count as independent, so that it is
    rather too wide.
    """
    values = final_values(found, references, at=at)
    methods = _on_all(found, values)
    rows: list[tuple[str, str, float, float, float, int]] = []
    arrays = [frame[methods].to_numpy() for frame in values.values()]
    for one, method in enumerate(methods):
        for two, other in enumerate(methods[:one]):
            shared = [_complete(array[:, [one, two]]) for array in arrays]
            samples = [some.T for some in shared if len(some)]
            centre = low = high = np.nan
            if samples:
                centre = float(np.mean([_improvement(*some) for some in samples]))
                low, high = _newcombe(
                    centre, [(len(first), len(second)) for first, second in samples]
                )
            rows.append((method, other, centre, low, high, len(samples)))
            rows.append((other, method, 1 - centre, 1 - high, 1 - low, len(samples)))
    columns = ["method", "other", "probability", "low", "high", "tasks"]
    place = {method: number for number, method in enumerate(methods)}
    rows.sort(key=lambda row: (place[row[0]], place[row[1]]))
    return pd.DataFrame(rows, columns=columns)


def rank_intervals(
    found: Incumbents,
    references: Mapping[str, Reference],
    *,
    at: float = 1.0,
) -> pd.DataFrame:
    """The average rank of each method over seeds, then over tasks; 1 is the best method.

    Ranks are as in `ranks.average_ranks`: within each (task, seed) that has a run of every method.
    Tasks without any such seed are left out; ValueError if none is left. Columns: method, rank,
    low, high, tasks. The interval is Student's t with a variance that is never 0 (see
    `_rank_interval`).
    """
    values = final_values(found, references, at=at)
    methods = _on_all(found, values)
    complete = [frame[methods].dropna().to_numpy() for frame in values.values()]
    by_task = [ranks(array.T) for array in complete if len(array)]
    if not by_task:
        raise ValueError("no (task, seed) has a run of every method: there are no ranks")
    rows = [
        (method, *_rank_interval([some[number] for some in by_task], len(methods)), len(by_task))
        for number, method in enumerate(methods)
    ]
    return pd.DataFrame(rows, columns=["method", "rank", "low", "high", "tasks"])


def _at(
    found: Incumbents, references: Mapping[str, Reference], at: float
) -> dict[str, dict[str, Curves]]:
    """The curves at one time, by task and method."""
    if not 0 < at <= 1:
        raise ValueError(f"at={at}: use a fraction of the horizon, above 0 and at most 1")
    return {
        task: curves(found, task, np.array([at * horizon_s(found, task)]), keep_ended=True)
        for task in tasks_with_runs(found, references)
    }


def _regrets(each: Curves, reference: Reference) -> FloatArray:
    return capped_regret(completed(each.values, reference.median), reference)[:, 0]


def _values(each: Curves) -> FloatArray:
    return np.where(np.isnan(each.values), np.inf, each.values)[:, 0]


def _frame(made: Mapping[str, Curves], values: Mapping[str, FloatArray]) -> pd.DataFrame:
    columns = {name: pd.Series(some, index=made[name].seeds) for name, some in values.items()}
    frame = pd.DataFrame(columns).sort_index()
    return frame.rename_axis(index="seed", columns="method")


def _on_all(found: Incumbents, frames: Frames) -> list[str]:
    """The methods that have runs on every task; raises ValueError if there are none."""
    common = reduce(lambda some, more: some & more, (set(frame) for frame in frames.values()))
    if not common:
        raise ValueError(
            f"no method has runs on all of the tasks {', '.join(frames)}: compare those on which "
            "the same methods were run, found.only(group) for group in found.groups()"
        )
    return [method for method in found.methods if method in common]


def _complete(values: FloatArray) -> FloatArray:
    """The rows without NaN."""
    return values[~np.isnan(values).any(axis=1)]


def _rank_interval(groups: Sequence[FloatArray], methods: int) -> tuple[float, float, float]:
    """The mean over tasks of the mean ranks (n,), with its interval.

    Few ranks are often all the same, and then tell nothing of their variance: one more observation
    with that of equal methods, (methods^2 - 1) / 12, is added to each task's.
    """
    centre = float(np.mean([group.mean() for group in groups]))
    if min(map(len, groups)) < 2:
        return centre, np.nan, np.nan
    equal = (methods**2 - 1) / 12
    squares = [
        ((group - group.mean()) ** 2).sum() / len(group) + equal / len(group) for group in groups
    ]
    variance = sum(some / len(group) for some, group in zip(squares, groups, strict=True))
    freedom = np.array(float(sum(len(group) - 1 for group in groups)))
    half = float(reach(freedom)) * np.sqrt(variance) / len(groups)
    return centre, max(centre - half, 1.0), min(centre + half, float(methods))


def _improvement(one: FloatArray, two: FloatArray) -> float:
    """U / nm of the values (n,) and (m,) of two methods; lower is better."""
    better = (one[:, None] < two) + 0.5 * (one[:, None] == two)
    return float(better.mean())


def _newcombe(mean: float, sizes: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """The interval of a mean over tasks of U / nm, by the numbers of runs (n, m) of each task.

    All probabilities that are within Student's quantile of standard errors, as they would be if
    that probability were true on each task.
    """
    if min(map(min, sizes)) < 2:
        return np.nan, np.nan
    true = np.linspace(0.0, 1.0, 4001)
    shape = (1 - true) / (2 - true) + true / (1 + true)
    variance = (
        sum(true * (1 - true) * (1 + ((n + m) / 2 - 1) * shape) / (n * m) for n, m in sizes)
        / len(sizes) ** 2
    )
    freedom = np.array(float(sum(n + m - 2 for n, m in sizes)))
    held = true[np.abs(true - mean) <= reach(freedom) * np.sqrt(variance) + 1e-12]
    return min(float(held[0]), mean), max(float(held[-1]), mean)
