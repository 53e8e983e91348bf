"""The figures that compare methods over a group of tasks, and those about one study's costs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from hpobench.plots.canvas.caption import whole_runs
from hpobench.plots.canvas.sheet import Drawn
from hpobench.plots.figures.aggregates import aggregates_figure, rank_intervals_figure
from hpobench.plots.figures.anytime import anytime_figure
from hpobench.plots.figures.configurations import parallel_figure
from hpobench.plots.figures.critical_difference import critical_difference_figure
from hpobench.plots.figures.ecdf import ecdf_figure
from hpobench.plots.figures.feasibility import feasibility_figure
from hpobench.plots.figures.improvement import improvement_figure
from hpobench.plots.figures.overhead import overhead_figure, overhead_growth_figure
from hpobench.plots.figures.overtuning import overtuning_figure
from hpobench.plots.figures.targets import targets_figure
from hpobench.results.anytime.comparison import anytime
from hpobench.results.anytime.incumbents import Incumbents, incumbents
from hpobench.results.anytime.regret import Reference
from hpobench.results.conduct.configurations import importance, incumbent_configs
from hpobench.results.conduct.feasibility import feasibility
from hpobench.results.conduct.overhead import overhead, overhead_growth
from hpobench.results.conduct.overtuning import gaps
from hpobench.results.statistics.rank_tests import friedman
from hpobench.results.study.budgets import early_rule
from hpobench.results.study.horizon import reference_of
from hpobench.results.study.study import Study
from hpobench.results.study.time_axis import AXES, WALL_CLOCK, axis_of, axis_unit, on_axis
from hpobench.results.verdicts.ecdf import time_ecdf
from hpobench.results.verdicts.final import (
    aggregate_scores,
    final_regrets,
    probability_of_improvement,
    rank_intervals,
)
from hpobench.results.verdicts.time_to_target import EARLY, time_to_target

T = TypeVar("T")
Named = tuple[str, Drawn]
LeftOut = Callable[[str, str], None]
"""Told of each figure that is left out, and why."""
OVER_TASKS = ("scores", "ranks", "improvement", "critical-difference", "time-to-target", "ecdf")


def untold(_name: str, _reason: str) -> None:
    """For callers that do not ask what was left out."""


def over_tasks(
    study: Study,
    found: Incumbents,
    known: Mapping[str, Reference],
    left_out: LeftOut = untold,
) -> Iterator[Named]:
    """Scores, ranks, improvement, critical difference, time to target and ECDF of one group.

    Those that cannot be computed (too few methods, tasks or runs) are left out.
    """
    if not known or len(found.methods) < 2:
        why = "there is one method only" if known else "no task can be normalised"
        left_out(", ".join(OVER_TASKS), why)
        return
    names = study.methods
    notes = whole_runs(found, known, study.settings)
    regrets = partial(final_regrets, found, known)
    makers: tuple[Callable[[], Drawn], ...] = (
        lambda: aggregates_figure(aggregate_scores(found, known), names, notes=notes),
        lambda: rank_intervals_figure(rank_intervals(found, known), names, notes=notes),
        lambda: improvement_figure(probability_of_improvement(found, known), names, notes=notes),
        lambda: critical_difference_figure(friedman(regrets()), names, notes=notes),
        lambda: speedups(study, found, known),
        lambda: ecdf_figure([time_ecdf(found, known)], names, study.settings),
    )
    yield from possible(dict(zip(OVER_TASKS, makers, strict=True)), left_out)


def speedups(
    study: Study,
    found: Incumbents,
    known: Mapping[str, Reference],
    *,
    reference: str | None = None,
    levels: Sequence[float] | None = None,
) -> Drawn:
    """Speed-ups over one method; None: that of `reference_of`.

    `levels`: normalised regrets to reach; None: what the reference method reaches in the end.
    """
    reference = reference or reference_of(found.methods)
    axis = axis_of(found.runs)
    # A limit of time ends runs at other places of another axis: there they might have gone on.
    early = early_rule(study.settings, known) if axis == WALL_CLOCK else "censored"
    table = time_to_target(found, known, reference, level=levels, early=early)
    notes = [EARLY[early], *whole_runs(found, known, study.settings)]
    unit = axis_unit(axis, *(found.tasks[task] for task in known))
    return targets_figure(table, study.methods, reference, axis=axis, unit=unit, notes=notes)


def costs(study: Study, left_out: LeftOut = untold) -> Iterator[Named]:
    """What deciding costs, how far values flatter, and how often constraints are met."""
    names = study.methods
    labels = {name: facts.label for name, facts in study.tasks.items()}
    yield from possible(
        {
            "overhead": lambda: overhead_figure(overhead(study), names),
            "overhead-growth": lambda: overhead_growth_figure(
                overhead_growth(study), names, labels=labels
            ),
            "overtuning": lambda: overtuning_figure(gaps(study), names, labels=labels),
            "feasibility": lambda: feasibility_figure(feasibility(study), names, labels=labels),
        },
        left_out,
    )


def configurations(study: Study, task: str) -> Drawn:
    """The incumbents of a task in parallel coordinates, hyperparameters by their importance.

    Without importance, and saying why, if the study has too few configurations. Raises ValueError
    if it has no such task, or no configuration of it.
    """
    if task not in study.tasks:
        raise ValueError(f"task {task!r} is not in the study: it has {', '.join(study.tasks)}")
    label = study.tasks[task].value_label
    found = incumbent_configs(study, task)
    try:
        matters, notes = importance(study, task), []
    except ValueError as error:
        matters, notes = None, [f"Importance is not shown: {error}."]
    return parallel_figure(found, study.methods, matters, label=label, notes=notes)


def on_axes(
    study: Study,
    task: str,
    axes: Sequence[str] | None = None,
    *,
    time: str = "log",
    left_out: LeftOut = untold,
) -> Drawn:
    """The same runs of one task on several time axes, side by side; None: on all that there are."""
    if task not in study.tasks:
        raise ValueError(f"task {task!r} is not in the study: it has {', '.join(study.tasks)}")
    wanted = {axis: partial(on_axis, study, axis) for axis in AXES if axes is None}
    studies = [each for _, each in possible(wanted, left_out)]
    studies += [on_axis(study, axis) for axis in axes or ()]
    panels = [anytime(incumbents(each), task, time=time) for each in studies]
    return anytime_figure(panels, study.methods, study.settings, time=time)


def possible(figures: Mapping[str, Callable[[], T]], left_out: LeftOut) -> Iterator[tuple[str, T]]:
    """Those that can be drawn; a refusal is a ValueError."""
    for name, make in figures.items():
        try:
            yield name, make()
        except ValueError as error:
            left_out(name, str(error))
