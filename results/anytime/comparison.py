"""Comparisons: the summaries of all methods over one time axis, ready to be drawn.

`anytime` compares the methods on one task over time, `average_regret` over all tasks by their
normalised regret, over time as a fraction of each task's horizon. What counts as time is the
study's axis (see `time_axis`): seconds, unless the study was put on another.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.results.anytime.curves import (
    END_SENTENCE,
    KEPT_SENTENCE,
    POINTS,
    START_SENTENCES,
    begin,
    begin_all,
    curves,
    fractions,
    horizon_s,
    start_rule,
    tasks_with_runs,
    time_grid,
)
from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.notes import beyond_notes, horizon_notes, rule_notes
from hpobench.results.anytime.regret import (
    Reference,
    capped_regret,
    limits_of_means,
    limits_of_regrets,
    regret,
)
from hpobench.results.statistics.bootstrap import ANY, Limits
from hpobench.results.statistics.summary import SKEWED_SENTENCE, Summary, check, skewed, summarise
from hpobench.results.study.failed_runs import DEFAULT, Failed
from hpobench.results.study.time_axis import WALL_CLOCK, axis_unit
from hpobench.storage.schema import TaskFacts

_RISE = 1e-9
"""Of a curve's range: less is rounding."""


@dataclass(frozen=True)
class Comparison:
    """The contents of one panel. `time` (t,) is in seconds, or with `relative` a fraction.

    `axis` names what `time` measures (see `time_axis.AXES`); where that is not seconds, `axis_unit`
    is its unit, if it has one.
    `lines`: by method, in the order of the study. `positive`: values are regrets, at least 0.
    `notes`: sentences for the caption. `failed`: how many runs did, by method, and `failed_as`, the
    name of the rule for them (see `failed_runs`).
    """

    title: str
    label: str
    quantity: str
    time: FloatArray
    lines: Mapping[str, Summary]
    relative: bool = False
    positive: bool = False
    notes: tuple[str, ...] = ()
    failed: Mapping[str, Failed] = field(default_factory=dict)
    failed_as: str = DEFAULT
    axis: str = WALL_CLOCK
    axis_unit: str = ""


@dataclass(frozen=True)
class Prepared:
    """The values that a comparison summarises.

    `frame` lacks its lines. `groups`: by method, a table (n, t) of each of the `tasks`. `found` is
    for the notes. `capped`: they are capped regrets.
    """

    frame: Comparison
    tasks: Sequence[str]
    groups: Mapping[str, Sequence[FloatArray]]
    found: Incumbents
    capped: bool = False

    def summary(self, statistic: str, band: str | None) -> Comparison:
        """The comparison with its lines."""
        lines = {
            method: summarise(some, statistic, band, self.tasks, self._limits(some))
            for method, some in self.groups.items()
        }
        notes = (*self.frame.notes, *missing(self.found, lines))
        notes += _rising(self.found, self.tasks, lines)
        notes += (SKEWED_SENTENCE,) if skewed(lines.values()) else ()
        return replace(self.frame, lines=drawn(lines), notes=notes)

    def _limits(self, some: Sequence[FloatArray]) -> Limits:
        """What can be, so that no band reaches further."""
        if self.capped:
            return limits_of_means(some)
        return limits_of_regrets(some) if self.frame.positive else ANY


def anytime(
    found: Incumbents,
    task: str,
    *,
    time: str = "log",
    statistic: str = "mean",
    band: str | None = None,
    points: int = POINTS,
) -> Comparison:
    """Regret on one task over its time axis, or the value itself where the optimum is unknown."""
    band = check(statistic, band)
    grid = time_grid(found, task, time, points)
    return on_task(found, task, grid).summary(statistic, band)


def on_task(found: Incumbents, task: str, grid: FloatArray) -> Prepared:
    """The values that `anytime` summarises, at the times of `grid` (t,)."""
    facts, view = found.tasks[task], found.views[task]
    # Optimum and median are of the validation value: they say nothing of test data.
    median = None if view == "test" else facts.median
    is_regret = facts.optimum is not None and view != "test"
    rule = start_rule(median)
    begun = begin_all(curves(found, task, grid), rule, median)
    frame = Comparison(
        title=facts.label,
        label=value_label(facts, view, is_regret),
        quantity="regret" if is_regret else "value",
        time=grid,
        lines={},
        positive=is_regret,
        notes=(
            *rule_notes(found, [task]),
            START_SENTENCES[rule],
            END_SENTENCE,
            *beyond_notes(found, task),
        ),
        **measured(found, [task]),
    )
    groups = {
        method: [regret(each.values, facts) if is_regret else each.values]
        for method, each in begun.items()
    }
    return Prepared(frame, [task], groups, found)


def average_regret(
    found: Incumbents,
    references: Mapping[str, Reference],
    *,
    time: str = "log",
    statistic: str = "mean",
    band: str | None = None,
    points: int = POINTS,
) -> Comparison:
    """Normalised regret over all tasks that have a reference, over the fraction of the horizon.

    Regrets above 1 count as 1: one early disaster of one seed would outweigh all the rest.
    Seeds are resampled, and their errors taken, within each task. A method needs runs on all of
    the tasks. Raises ValueError without any task.
    """
    prepared = over_tasks(found, references, fractions(time, points))
    return prepared.summary(statistic, band)


def over_tasks(
    found: Incumbents, references: Mapping[str, Reference], parts: FloatArray
) -> Prepared:
    """The values that `average_regret` summarises, at the fractions `parts` (t,) of horizons."""
    tasks = tasks_with_runs(found, references)
    groups: dict[str, list[FloatArray]] = {method: [] for method in found.methods}
    for task in tasks:
        reference = references[task]
        grid = parts * horizon_s(found, task)
        # As in scores, ranks and verdicts: else a method would end on one task and not on another.
        for method, each in curves(found, task, grid, keep_ended=True).items():
            values = begin(each, "impute", reference.median).values
            groups[method].append(capped_regret(values, reference))
    quantity = references[tasks[0]].quantity
    kinds = {references[task].source: references[task].in_words for task in tasks}
    first, *more = (kinds[source] for source in sorted(kinds))
    ends = first + "".join(f" or {words.rpartition(', by ')[2]}" for words in more)
    frame = Comparison(
        title=across(found, tasks),
        label=quantity,
        quantity=quantity,
        time=parts,
        lines={},
        relative=True,
        positive=True,
        notes=(
            f"{quantity[0].upper()}{quantity[1:]}: {ends}; what is worse counts as 1.",
            *rule_notes(found, tasks),
            *horizon_notes(found, tasks),
            START_SENTENCES["impute"],
            KEPT_SENTENCE,
        ),
        **measured(found, tasks),
    )
    complete = {name: some for name, some in groups.items() if len(some) == len(tasks)}
    return Prepared(frame, tasks, complete, found, capped=True)


def measured(found: Incumbents, tasks: Collection[str]) -> dict[str, Any]:
    """Fields of a comparison over tasks: its axis and unit, and the runs that failed."""
    return {
        "failed": found.failures(tasks),
        "failed_as": found.failed_as,
        "axis": found.axis,
        "axis_unit": axis_unit(found.axis, *(found.tasks[task] for task in tasks)),
    }


def value_label(facts: TaskFacts, view: str, is_regret: bool) -> str:
    """The label of the value axis, with its unit: regret: validation error (%)."""
    label = facts.value_label
    if view == "test":
        label = label.replace("validation", "test") if "validation" in label else f"test {label}"
    label = f"regret: {label}" if is_regret else label
    return f"{label} ({facts.unit})" if facts.unit else label


def across(found: Incumbents, tasks: list[str]) -> str:
    """A title for what is averaged over tasks."""
    return found.tasks[tasks[0]].label if len(tasks) == 1 else f"average over {len(tasks)} tasks"


def _rising(
    found: Incumbents, tasks: Sequence[str], lines: Mapping[str, Summary]
) -> tuple[str, ...]:
    """Where a curve rises, a sentence on why incumbents can become worse."""
    centres = [line.centre[np.isfinite(line.centre)] for line in lines.values()]
    if not any((np.diff(each) > _RISE * np.ptp(each)).any() for each in centres if len(each)):
        return ()
    views, rules = ({some[task] for task in tasks} for some in (found.views, found.rules))
    reasons = [
        "incumbents are chosen by the value that was observed, and another one is shown"
        if views != {"observed"}
        else "",
        "a value at a new highest resource replaces better ones at lower resources"
        if "highest" in rules
        else "",
        "failed runs count as worse from then on" if found.failed.any() else "",
    ]
    known = "; ".join(filter(None, reasons)) or "runs without a value begin to have one"
    return (f"Curves can rise: {known}.",)


def drawn(lines: Mapping[str, Summary]) -> dict[str, Summary]:
    """The lines that have a value at some time."""
    return {method: line for method, line in lines.items() if np.isfinite(line.centre).any()}


def missing(found: Incumbents, lines: Mapping[str, Summary]) -> tuple[str, ...]:
    """A sentence naming the methods of which nothing can be drawn, if any."""
    have = drawn(lines)
    names = [found.methods[name].label for name in lines if name not in have]
    return (f"Not enough runs with a value for a curve: {', '.join(names)}.",) if names else ()
