"""Verdicts: for a budget, which method to use, and which are within error of it.

The method with the lowest mean normalised regret (by `pairing.comparable_means`, where methods lack
seeds that others have) when a part of the horizon has passed, and of
every other method its difference to it: paired by seed, with an interval and a p-value by Student's
t (see `contrasts`). A method that is not significantly worse, at 5 %, is *within error*.

All pairs of methods are tested, since the best one is picked from the same data, and the p-values
are corrected in two families: those of the averages over tasks together after Holm, so that of
equal methods one or more is called worse there, at any budget, in at most 5 of 100 studies; those
of all single tasks and budgets after Benjamini and Hochberg, so that of the methods called worse in
the mean at most 5 of 100 are not (and of equal methods again one or more in 5 of 100 studies).
Where there is no average, the single tasks are the first family.

The best method came out best by luck too: its mean is too low. So halves of the seeds choose a
method, and its mean is that on the other half (`fresh`).

Failed runs count as `failed_runs` says; how many there are is said.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import combinations

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray
from hpobench.results.anytime.curves import horizon_s, runs_by_method
from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.regret import Reference, limits_of_means
from hpobench.results.statistics.blocks import comparable_means
from hpobench.results.statistics.bootstrap import generator
from hpobench.results.statistics.contrasts import Contrast, difference, mean_contrast
from hpobench.results.statistics.correction import LEVEL, benjamini_hochberg, holm
from hpobench.results.statistics.summary import skewed, summarise
from hpobench.results.study.failed_runs import DEFAULT, Failed, added
from hpobench.results.verdicts.final import final_regrets

FRACTIONS = (0.01, 0.1, 1.0)
SPLITS = 50
"""Ways to halve the seeds."""
FEW_SEEDS = 5
"""With fewer no method is recommended: what came out best may have done so by chance."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Standing:
    """One method at a budget; regrets are normalised: 0 is the best value, 1 the median one.

    `value`, `low`, `high`: mean regret and its interval over `runs` runs, of which `failed` did.
    `difference` to the best method, with its interval (all pairs of methods hold at once), from the
    `pairs` (task, seed) that both have; on a task where these are less than two, from all runs of
    both, unpaired. An interval is NaN where a task has a single seed. `p_value`: of the difference,
    corrected (see above).
    """

    method: str
    value: float
    low: float
    high: float
    runs: int
    failed: int
    difference: float
    difference_low: float
    difference_high: float
    pairs: int
    p_value: float

    @property
    def within_error(self) -> bool:
        """Whether the data cannot tell it from the best method."""
        return not (self.p_value <= LEVEL and self.difference > 0)


@dataclass(frozen=True)
class Verdict:
    """The method to use for `fraction` of the horizon; `standings`: best first, at least one.

    `time_s`: that budget on the clock of the task, where all is about one; `clock`: what times are
    counted in (see `TaskFacts`), "" where tasks differ in that. `seeds`: the fewest of a task, of
    the best method. `failed_as`: the rule for failed runs. `known`: whether any run has a value by
    then. `ended`: the methods all of whose runs had ended by then on every task. `fresh`: the mean
    regret, on seeds that did not choose it, of the method that comes out best on others (NaN: fewer
    than 4 seeds). `skewed`: whether the regrets of a single task are so skewed that intervals of
    means hold them too rarely. `p_values`: of all pairs of methods, not corrected. `times_s`: the
    budget on each task's clock.
    """

    tasks: tuple[str, ...]
    fraction: float
    time_s: float | None
    standings: tuple[Standing, ...]
    seeds: int
    failed_as: str = DEFAULT
    known: bool = True
    ended: tuple[str, ...] = ()
    fresh: float = np.nan
    skewed: bool = False
    clock: str = "seconds"
    p_values: Mapping[frozenset[str], float] = field(default_factory=dict, repr=False)
    times_s: Mapping[str, float] = field(default_factory=dict, repr=False)

    @property
    def best(self) -> Standing:
        """The method with the lowest mean regret."""
        return self.standings[0]

    @property
    def failed(self) -> dict[str, Failed]:
        """Numbers of failed runs of each method, of how many."""
        return {each.method: Failed(each.failed, each.runs) for each in self.standings}

    @property
    def rivals(self) -> tuple[Standing, ...]:
        """The methods within error of the best, itself not among them."""
        return tuple(each for each in self.standings[1:] if each.within_error)

    @property
    def beaten(self) -> tuple[Standing, ...]:
        """The methods that are worse than the best for sure, better ones first."""
        return tuple(each for each in self.standings[1:] if not each.within_error)

    @property
    def marks(self) -> dict[str, str]:
        """By method, best first: best, tied (within error of it) or worse.

        None where no value is known by then, or none is better than the median configuration.
        """
        if not (self.known and self.useful):
            return {}
        after = {each.method: "tied" if each.within_error else "worse" for each in self.standings}
        return after | {self.best.method: "best"}

    @property
    def useful(self) -> bool:
        """Whether the best method is better than the median configuration by then."""
        return self.best.value < 1

    @property
    def few(self) -> bool:
        """Whether there are too few seeds to recommend anything."""
        return self.seeds < FEW_SEEDS


def verdicts(
    found: Incumbents,
    references: Mapping[str, Reference],
    *,
    fractions: Sequence[float] = FRACTIONS,
) -> list[Verdict]:
    """Per budget: over each group of tasks on which the same methods were run, then per task.

    Tasks without a reference or without a run that did not fail are left out.
    """
    normalised = {task: references[task] for task in found.tasks if task in references}
    groups = [tuple(task for task in group if task in normalised) for group in found.groups()]
    wanted = [group for group in groups if len(group) > 1]
    wanted += [(task,) for group in groups for task in group]
    made: list[Verdict] = []
    if not any(horizon_s(found, task) > 0 for task in normalised):
        return made
    failed = {task: found.failures([task]) for task in normalised}
    for fraction in fractions:
        regrets = final_regrets(found, normalised, at=fraction)
        for tasks in wanted:
            of_tasks = {task: regrets[task] for task in tasks if task in regrets}
            verdict = judge(of_tasks, fraction=fraction, failed=failed)
            made += [] if verdict is None else [_in_time(verdict, found)]
    made.sort(key=lambda verdict: wanted.index(verdict.tasks))
    averages = [verdict for verdict in made if len(verdict.tasks) > 1]
    single = [verdict for verdict in made if len(verdict.tasks) == 1]
    if not averages:
        return corrected(single, holm)
    return [*corrected(averages, holm), *corrected(single, benjamini_hochberg)]


def corrected(
    made: Sequence[Verdict], correction: Callable[[FloatArray], FloatArray]
) -> list[Verdict]:
    """The verdicts with p-values corrected for all pairs of methods in all of them."""
    raw = [p_value for verdict in made for p_value in verdict.p_values.values()]
    together = iter(correction(np.array(raw)).tolist())
    return [_with(verdict, dict(zip(verdict.p_values, together, strict=False))) for verdict in made]


def _with(verdict: Verdict, p_values: Mapping[frozenset[str], float]) -> Verdict:
    """The verdict with these p-values of pairs."""
    best = verdict.best.method
    standings = tuple(
        replace(each, p_value=p_values.get(frozenset((each.method, best)), 1.0))
        for each in verdict.standings
    )
    return replace(verdict, standings=standings)


def _in_time(verdict: Verdict, found: Incumbents) -> Verdict:
    """The verdict with what the runs say of its time."""
    times_s = {task: verdict.fraction * horizon_s(found, task) for task in verdict.tasks}
    judged = [each.method for each in verdict.standings]
    clocks = {found.tasks[task].clock for task in verdict.tasks}
    return replace(
        verdict,
        time_s=times_s[verdict.tasks[0]] if len(times_s) == 1 else None,
        times_s=times_s,
        clock=clocks.pop() if len(clocks) == 1 else "",
        failed_as=found.failed_as,
        known=any(_has_value(found, task, time_s) for task, time_s in times_s.items()),
        ended=tuple(name for name in judged if _had_ended(found, name, times_s)),
    )


def _has_value(found: Incumbents, task: str, time_s: float) -> bool:
    """Whether any of the task's runs has an incumbent by then."""
    runs = np.concatenate(list(runs_by_method(found, task).values()))
    runs = runs[found.starts[runs] < found.starts[runs + 1]]
    return bool((found.time_s[found.starts[runs]] <= time_s).any())


def _had_ended(found: Incumbents, method: str, times_s: Mapping[str, float]) -> bool:
    """Whether all of its runs that did not fail had ended before those times, by task."""
    end_s = np.where(found.failed, np.nan, found.runs["end_time_s"].to_numpy(float))
    last_s = {task: np.fmax.reduce(end_s[found.counted[task, method]]) for task in times_s}
    return all(last_s[task] < (1 - _ROUNDING) * time_s for task, time_s in times_s.items())


def judge(
    regrets: Mapping[str, pd.DataFrame],
    *,
    fraction: float = 1.0,
    failed: Mapping[str, Mapping[str, Failed]] | None = None,
) -> Verdict | None:
    """The verdict on normalised regrets by task (index: seed, columns: method).

    Only methods with a run on every task are judged; None if there is no such method. `failed`: how
    many of the runs did, by task and method.
    """
    tasks = {task: table.dropna(axis="columns", how="all") for task, table in regrets.items()}
    common = [set(table.columns) for table in tasks.values()]
    methods = [name for name in _columns(tasks) if all(name in names for names in common)]
    if not methods:
        return None
    lost: dict[str, Failed] = reduce(added, ((failed or {}).get(task, {}) for task in tasks), {})
    values = {name: _groups(tasks, name) for name in methods}
    own = [table[methods].mean() for table in tasks.values()]
    shared = [comparable_means(table[methods]) for table in tasks.values()]
    means = pd.DataFrame(shared).fillna(pd.DataFrame(own)).mean()
    order = sorted(methods, key=lambda name: float(means[name]))
    pairs = {(best, name): difference(tasks, name, best) for best, name in combinations(order, 2)}
    standings = tuple(
        _standing(
            values[name],
            pairs.get((order[0], name)) or difference(tasks, name, name),
            method=name,
            failed=lost[name].failed if name in lost else 0,
            compared=len(order),
        )
        for name in order
    )
    verdict = Verdict(
        tuple(tasks),
        fraction,
        None,
        standings,
        seeds=min(map(len, values[order[0]])),
        skewed=len(tasks) == 1 and skewed(summarise(some[:, None]) for [some] in values.values()),
        fresh=fresh_mean({task: table[order].to_numpy(float) for task, table in tasks.items()}),
        p_values={frozenset(pair): each.p_value() for pair, each in pairs.items()},
    )
    return corrected([verdict], holm)[0]


def fresh_mean(tables: Mapping[str, FloatArray]) -> float:
    """The mean regret of the method that half of the seeds choose, on the other half.

    `tables` (seeds, methods) by task; NaN: no run. The mean over `SPLITS` ways to halve the
    seeds of each task, both halves choosing in turn. NaN if a task has fewer than 4 seeds.
    """
    if min(map(len, tables.values())) < 4:
        return np.nan
    means = np.mean([_halves(table, task) for task, table in tables.items()], axis=0)
    best = np.where(np.isnan(means), np.inf, means).argmin(axis=-1)
    judged = np.take_along_axis(means[::-1], best[..., None], axis=-1)
    finite = judged[np.isfinite(judged)]
    return float(finite.mean()) if len(finite) else np.nan


def _halves(table: FloatArray, task: str) -> FloatArray:
    """The means (2, splits, methods) of two halves of the seeds, at random; NaN without a run."""
    places = generator(f"halves of {task}").permuted(
        np.tile(np.arange(len(table)), (SPLITS, 1)), axis=1
    )
    first = places < (len(table) + 1) // 2
    halves = np.array([first, ~first], dtype=float)
    has = np.isfinite(table)
    counts = halves @ has.astype(float)
    totals = halves @ np.where(has, table, 0.0)
    return np.where(counts > 0, totals / np.maximum(counts, 1.0), np.nan)


def _columns(tasks: Mapping[str, pd.DataFrame]) -> list[str]:
    return list(dict.fromkeys(name for table in tasks.values() for name in table.columns))


def _standing(
    values: Sequence[FloatArray], apart: Contrast, *, method: str, failed: int, compared: int
) -> Standing:
    low, high = mean_contrast(values).interval(limits=limits_of_means(values))
    apart_low, apart_high = apart.interval(compared)
    return Standing(
        method=method,
        value=_mean(values),
        low=float(low),
        high=float(high),
        runs=sum(map(len, values)),
        failed=failed,
        difference=float(apart.value),
        difference_low=float(apart_low),
        difference_high=float(apart_high),
        pairs=apart.pairs,
        p_value=1.0,
    )


def _groups(tasks: Mapping[str, pd.DataFrame], method: str) -> list[FloatArray]:
    columns = [table[method].to_numpy(float) for table in tasks.values()]
    return [values[~np.isnan(values)] for values in columns]


def _mean(groups: Sequence[FloatArray]) -> float:
    return float(np.mean([group.mean() for group in groups]))


def table(made: Sequence[Verdict]) -> pd.DataFrame:
    """One row per verdict and method: the numbers of its standing, and within_error."""
    rows = [
        {
            "tasks": ", ".join(verdict.tasks),
            "fraction": verdict.fraction,
            "time_s": verdict.time_s,
            **{name: getattr(each, name) for name in Standing.__dataclass_fields__},
            "within_error": each.within_error,
        }
        for verdict in made
        for each in verdict.standings
    ]
    return pd.DataFrame(rows)
