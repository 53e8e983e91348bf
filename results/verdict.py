"""Verdicts: for a budget, which method to use, and which are within error of it.

The method with the lowest mean normalised regret when a part of the horizon has passed, and of
every other method its difference to it: paired by seed, with a 95 % bootstrap interval that
resamples the seeds of each task on their own. A method whose interval includes 0 is *within error*.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hpobench.hyperparameters import FloatArray
from hpobench.results.across import final_regrets
from hpobench.results.curves import horizon_s
from hpobench.results.incumbents import Incumbents
from hpobench.results.normalise import Reference
from hpobench.schema import MethodFacts

FRACTIONS = (0.01, 0.1, 1.0)
RESAMPLES = 2000
FEW_SEEDS = 5


@dataclass(frozen=True)
class Standing:
    """One method at a budget; regrets are normalised: 0 is the best value, 1 the median one.

    `value`, `low`, `high`: mean regret and its interval over `runs` runs. `difference` to the best
    method, with its interval, from the `pairs` (task, seed) that both have. An interval is NaN
    where a task has a single seed.
    """

    method: str
    value: float
    low: float
    high: float
    runs: int
    difference: float
    difference_low: float
    difference_high: float
    pairs: int

    @property
    def within_error(self) -> bool:
        """Whether the data cannot tell it from the best method."""
        return not self.difference_low > 0


@dataclass(frozen=True)
class Verdict:
    """What to use for `fraction` of the horizon; `standings`: best first, at least one.

    `time_s`: that budget in seconds, where all is about one task. `seeds`: the fewest of a task.
    """

    tasks: tuple[str, ...]
    fraction: float
    time_s: float | None
    standings: tuple[Standing, ...]
    seeds: int

    @property
    def best(self) -> Standing:
        """The method with the lowest mean regret."""
        return self.standings[0]

    @property
    def rivals(self) -> tuple[Standing, ...]:
        """The methods within error of the best, itself not among them."""
        return tuple(each for each in self.standings[1:] if each.within_error)

    @property
    def useful(self) -> bool:
        """Whether the best method is better than the median configuration by then."""
        return self.best.value < 1


def verdicts(
    found: Incumbents,
    references: Mapping[str, Reference],
    rng: np.random.Generator,
    *,
    fractions: Sequence[float] = FRACTIONS,
) -> list[Verdict]:
    """Per budget: over each group of tasks on which the same methods were run, then per task.

    Tasks without a reference or without a run that did not fail are left out.
    """
    known = {task: references[task] for task in found.tasks if task in references}
    groups = [tuple(task for task in group if task in known) for group in found.groups()]
    wanted = [group for group in groups if len(group) > 1]
    wanted += [(task,) for group in groups for task in group]
    made: list[Verdict] = []
    if not any(horizon_s(found, task) > 0 for task in known):
        return made
    for fraction in fractions:
        regrets = final_regrets(found, known, at=fraction)
        for tasks in wanted:
            of_tasks = {task: regrets[task] for task in tasks if task in regrets}
            time_s = fraction * horizon_s(found, tasks[0]) if len(tasks) == 1 else None
            verdict = judge(of_tasks, rng, fraction=fraction, time_s=time_s)
            made += [] if verdict is None else [verdict]
    return sorted(made, key=lambda verdict: wanted.index(verdict.tasks))


def judge(
    regrets: Mapping[str, pd.DataFrame],
    rng: np.random.Generator,
    *,
    fraction: float = 1.0,
    time_s: float | None = None,
) -> Verdict | None:
    """The verdict on normalised regrets by task (index: seed, columns: method).

    Only methods with a run on every task are judged; None if there is no such method.
    """
    tasks = {task: table.dropna(axis="columns", how="all") for task, table in regrets.items()}
    common = [set(table.columns) for table in tasks.values()]
    methods = [name for name in _columns(tasks) if all(name in names for names in common)]
    if not methods:
        return None
    values = {name: _groups(tasks, name) for name in methods}
    means = {name: _mean(groups) for name, groups in values.items()}
    order = sorted(methods, key=lambda name: means[name])
    standings = tuple(_standing(tasks, name, order[0], values[name], rng) for name in order)
    seeds = min(len(group) for groups in values.values() for group in groups)
    return Verdict(tuple(tasks), fraction, time_s, standings, seeds)


def _columns(tasks: Mapping[str, pd.DataFrame]) -> list[str]:
    return list(dict.fromkeys(name for table in tasks.values() for name in table.columns))


def _standing(
    tasks: Mapping[str, pd.DataFrame],
    method: str,
    best: str,
    values: Sequence[FloatArray],
    rng: np.random.Generator,
) -> Standing:
    low, high = interval(values, rng)
    pairs = [(table[method] - table[best]).dropna().to_numpy(float) for table in tasks.values()]
    paired = all(map(len, pairs))
    difference_low, difference_high = interval(pairs, rng)
    return Standing(
        method=method,
        value=_mean(values),
        low=low,
        high=high,
        runs=sum(map(len, values)),
        difference=_mean(pairs) if paired else np.nan,
        difference_low=difference_low,
        difference_high=difference_high,
        pairs=sum(map(len, pairs)) if paired else 0,
    )


def _groups(tasks: Mapping[str, pd.DataFrame], method: str) -> list[FloatArray]:
    return [table[method].dropna().to_numpy(float) for table in tasks.values()]


def _mean(groups: Sequence[FloatArray]) -> float:
    return float(np.mean([group.mean() for group in groups]))


def interval(groups: Sequence[FloatArray], rng: np.random.Generator) -> tuple[float, float]:
    """95 % percentile bootstrap of the mean of the groups' means, each resampled on its own.

    NaN if one has less than two values.
    """
    if any(len(group) < 2 for group in groups):
        return np.nan, np.nan
    means = np.zeros(RESAMPLES)
    for group in groups:
        count = len(group)
        means += rng.multinomial(count, np.full(count, 1 / count), RESAMPLES) @ group / count
    low, high = np.quantile(means / len(groups), [0.025, 0.975])
    return float(low), float(high)


def in_words(verdict: Verdict, methods: Mapping[str, MethodFacts]) -> str:
    """Such as: use ASHA. Within error of it: Hyperband, BOHB."""
    best = methods[verdict.best.method].label
    others, rivals = verdict.standings[1:], verdict.rivals
    if not verdict.useful:
        return "no method has found anything better than the median configuration by then."
    if not others:
        return f"{best} is the only method there is to judge."
    if verdict.seeds < 2:
        return f"{best} came out best; with a single seed that may be chance."
    if not rivals:
        return f"use {best}. No other method is within error of it."
    if len(rivals) == len(others):
        return f"{best} came out best, but all other methods are within error of it."
    return f"use {best}. Within error of it: {', '.join(methods[e.method].label for e in rivals)}."


def evidence(verdict: Verdict, methods: Mapping[str, MethodFacts]) -> str:
    """The numbers behind it: the regret of the best, its interval, how many runs, the next best."""
    best = verdict.best
    runs = "1 run" if best.runs == 1 else f"{best.runs} runs"
    words = [f"mean normalised regret {best.value:.3g}{_bracket(best.low, best.high)}, {runs}"]
    beaten = [each for each in verdict.standings[1:] if not each.within_error]
    if beaten:
        first = beaten[0]
        by = f"{first.difference:.3g}{_bracket(first.difference_low, first.difference_high)}"
        words.append(f"the best one not within error, {methods[first.method].label}, is {by} worse")
    if 1 < verdict.seeds < FEW_SEEDS:
        words.append(f"{verdict.seeds} seeds are few: such intervals are too narrow")
    return "; ".join(words) + "."


def _bracket(low: float, high: float) -> str:
    return "" if np.isnan(low) else f" [{low:.3g}, {high:.3g}]"


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
