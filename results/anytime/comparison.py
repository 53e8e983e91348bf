"""Comparisons: the summaries of all methods over one time axis, ready to be drawn.

`anytime` compares the methods on one task over time, `average_regret` over all tasks by their
normalised regret, over time as a fraction of each task's horizon. What counts as time is the
study's axis (see `time_axis`): seconds, unless the study was put on another.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
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
    runs_by_method,
    start_rule,
    tasks_with_runs,
    time_grid,
)
from hpobench.results.anytime.incumbents import FEASIBLE_SENTENCE, RULE_SENTENCES, Incumbents
from hpobench.results.anytime.regret import (
    Reference,
    capped_regret,
    limits_of_means,
    limits_of_regrets,
    regret,
)
from hpobench.results.anytime.views import VIEW_SENTENCES
from hpobench.results.statistics.bootstrap import ANY, Limits
from hpobench.results.statistics.summary import SKEWED_SENTENCE, Summary, check, skewed, summarise
from hpobench.results.study.failed_runs import DEFAULT, Failed
from hpobench.results.study.time_axis import WALL_CLOCK, axis_unit, uncounted
from hpobench.storage.schema import TaskFacts
from hpobench.words import first_of

MOST_NAMED = 4
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
            *_beyond_notes(found, task),
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


def rule_notes(found: Incumbents, tasks: Iterable[str]) -> tuple[str, ...]:
    """Sentences on the rules and views of the tasks; which is whose if they differ."""
    names = list(tasks)
    rules = [RULE_SENTENCES[found.rules[name]] for name in names]
    views = [VIEW_SENTENCES[found.views[name]] for name in names]
    clocks = uncounted(found.axis, (found.tasks[name] for name in names))
    feasible = (FEASIBLE_SENTENCE,) if found.constrained & set(names) else ()
    said = (*feasible, *clocks, *controls(found, names), *_chosen(found))
    more = (*said, *contradicted(found, names), *unequal_seeds(found, names), *_crossed(found))
    return (*by_share(rules), *by_share(views), *_known(found), *more)


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


def _crossed(found: Incumbents) -> tuple[str, ...]:
    """A sentence on runs of one seed of a method that differ in the objective's."""
    if found.objective_seeds < 2:
        return ()
    count = found.objective_seeds
    return (
        f"Runs of one seed of a method with the same {count} seeds of the objective's noise are "
        f"averaged: intervals are over seeds of methods, and speak of these {count} alone.",
    )


def _chosen(found: Incumbents) -> tuple[str, ...]:
    if not found.chosen_of:
        return ()
    return (
        f"Shown, and compared with each other alone: {len(found.methods)} of the study's "
        f"{found.chosen_of} methods.",
    )


def controls(found: Incumbents, tasks: Iterable[str]) -> tuple[str, ...]:
    """A sentence on each of the tasks that is a negative control: averages over it mean little."""
    names = list(tasks)
    some = {name: found.tasks[name] for name in names if found.tasks[name].control}
    averaged = " The average counts it like any other task." if len(names) > 1 else ""
    return tuple(
        f"{facts.label} is a negative control: what must fail on it is {facts.control}.{averaged}"
        for facts in some.values()
    )


def horizon_notes(found: Incumbents, tasks: Iterable[str]) -> tuple[str, ...]:
    """Sentences on the method that sets the horizon of tasks, if any, and on runs that went on."""
    every = [found.horizons[task] for task in tasks if task in found.horizons]
    some = [each for each in every if each.method]
    if not some:
        return ()
    share = f" ({len(some)} of {len(every)} tasks)" if len(some) < len(every) else ""
    names = " or ".join(found.methods[name].label for name in {each.method: 0 for each in some})
    sentence = f"Horizon of a task: the end of the longest run of {names} on it{share}."
    later = {name: found.methods[name].label for each in some for name in each.beyond}
    if not later:
        return (sentence,)
    most = max(more for each in some for more in each.beyond.values())
    whose = first_of(list(later.values()), MOST_NAMED)
    return (
        f"{sentence} Runs of {whose} went on for up to {most:.3g} times as long; what they "
        "found after it does not count.",
    )


def _beyond_notes(found: Incumbents, task: str) -> tuple[str, ...]:
    """For a figure that shows what came after the horizon."""
    known = found.horizons.get(task)
    if known is None or not known.beyond or not known.method:
        return ()
    label = found.methods[known.method].label
    return (f"Scores, ranks and verdicts are those of the end of the longest run of {label}.",)


def unequal_seeds(found: Incumbents, tasks: Iterable[str]) -> tuple[str, ...]:
    """A sentence on the methods that lack seeds which others have, if any do."""
    seeds, fewer, apart = found.runs["seed"].to_numpy(), [], []
    for task in tasks:
        by_method = {name: seeds[runs] for name, runs in runs_by_method(found, task).items()}
        every = len(np.unique(np.concatenate([*by_method.values(), []])))
        fewer += [
            f"{found.methods[name].label} has {len(some)} of {every} on {found.tasks[task].label}"
            for name, some in by_method.items()
            if len(some) < every
        ]
        shared = reduce(np.intersect1d, by_method.values(), np.unique(seeds))
        lacking = [len(some) < every for some in by_method.values()]
        if lacking and all(lacking) and not len(shared):
            apart.append(found.tasks[task].label)
    if not fewer:
        return ()
    none = f" None is shared by all on {first_of(apart, MOST_NAMED)}: none is marked as the best."
    return (
        f"Unequal seeds: {first_of(fewer, MOST_NAMED)}. Means are over each method's own "
        "seeds; the best method, ranks and tests are found on the seeds that methods share."
        + (none if apart else ""),
    )


def contradicted(found: Incumbents, tasks: Iterable[str]) -> tuple[str, ...]:
    """Sentences on the tasks whose stated optimum cannot be one."""
    sentences = found.contradictions
    return tuple(sentences[task] for task in tasks if task in sentences)


def _known(found: Incumbents) -> list[str]:
    """A sentence on the share of incumbents that have a value in the re-evaluated view."""
    shares = [100 * having / steps for having, steps in found.known.values() if steps]
    if not shares:
        return []
    having, steps = (sum(column) for column in zip(*found.known.values(), strict=True))
    range_ = f" ({min(shares):.0f} to {max(shares):.0f} % by task)" if len(shares) > 1 else ""
    return [
        f"{100 * having / steps:.0f} % of the incumbents{range_} were evaluated again; a run "
        "passes over the others."
    ]


def by_share(sentences: Sequence[str]) -> list[str]:
    """The sentence that holds on every task, or each with the number of tasks on which it does."""
    distinct = list(dict.fromkeys(sentences))
    if len(distinct) == 1:
        return distinct
    return [f"{each} ({sentences.count(each)} of {len(sentences)} tasks.)" for each in distinct]


def drawn(lines: Mapping[str, Summary]) -> dict[str, Summary]:
    """The lines that have a value at some time."""
    return {method: line for method, line in lines.items() if np.isfinite(line.centre).any()}


def missing(found: Incumbents, lines: Mapping[str, Summary]) -> tuple[str, ...]:
    """A sentence naming the methods of which nothing can be drawn, if any."""
    have = drawn(lines)
    names = [found.methods[name].label for name in lines if name not in have]
    return (f"Not enough runs with a value for a curve: {', '.join(names)}.",) if names else ()
