"""What captions say of the runs behind a figure: rules, views, horizons, seeds that differ."""

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np

from hpobench.results.anytime.curves import runs_by_method
from hpobench.results.anytime.incumbents import FEASIBLE_SENTENCE, RULE_SENTENCES, Incumbents
from hpobench.results.anytime.views import VIEW_SENTENCES
from hpobench.results.study.time_axis import uncounted
from hpobench.words import first_of

MOST_NAMED = 4


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


def beyond_notes(found: Incumbents, task: str) -> tuple[str, ...]:
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
