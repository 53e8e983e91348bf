"""How far values can be trusted: views of the incumbents, and constraints met or not."""

from functools import partial

import pandas as pd

from hpobench.plots.canvas.times import duration
from hpobench.plots.figures.feasibility import feasibility_figure
from hpobench.plots.figures.overtuning import overtuning_figure
from hpobench.plots.report.blocks import Block, Column, Section, count, number, share, table
from hpobench.plots.report.context import Context, Group
from hpobench.plots.report.images import WIDE_IN, image
from hpobench.plots.report.parts.groups import by_group
from hpobench.plots.report.parts.scores import named
from hpobench.results.conduct.feasibility import constrained_tasks, feasibility
from hpobench.results.conduct.overtuning import gaps, mean_views, reported_views

VIEWS = {
    "task": Column("task"),
    "method": Column("method"),
    "observed": Column("observed", number(), "the validation value that the method saw"),
    "reevaluated": Column("re-evaluated", number(), "over the runs that have such a value"),
    "share": Column("have one", share, "share of the runs with a re-evaluated value"),
    "true": Column("true", number(), "free of noise"),
    "test": Column("test", number(), "on test data"),
    "gap": Column("gap", number(3), "true (or test) value less the value observed"),
    "reevaluated_gap": Column("re-evaluated gap", number(3), "re-evaluated less observed value"),
    "overtuning": Column("overtuning", number(3), "what was lost since the run's best incumbent"),
    "seeds": Column("runs", count, "with an incumbent"),
}
VIEWS_CAPTION = (
    "Means over runs. Re-evaluated: the mean of the other, independent evaluations of the same "
    "configuration at the same resource, under other seeds of the study or later in the run; "
    "nothing was run again for it."
)
FEASIBILITY = {
    "task": Column("task"),
    "method": Column("method"),
    "feasible_share": Column("feasible", share, "share of observations, mean over runs"),
    "runs_with_feasible": Column("runs with any", count),
    "first_feasible_s": Column("first after", duration, "median over runs", beside="clock"),
    "seeds": Column("runs", count),
    "failed": Column("failed", count),
}


def overtuning(context: Context) -> list[Block]:
    """The gap between what was observed and what it is worth, where that is known."""
    views = reported_views(context.study)
    if all(views[task] == "observed" for task in context.tasks):
        return []
    made = gaps(context.study)
    return by_group(context, "overtuning", partial(_gaps, made))


def _gaps(made: pd.DataFrame, context: Context, group: Group) -> list[Block]:
    of_group = made[made["task"].isin(group.tasks)]
    if not len(of_group):
        return []
    labels = context.task_labels
    drawn = overtuning_figure(of_group, context.methods, labels=labels, width_in=WIDE_IN)
    alt = "What the incumbent of every run was observed to be, less what it is, by method and task"
    name, title = f"table-views-{group.number}", "Final incumbents, in all views"
    means = mean_views(of_group).dropna(axis="columns", how="all")
    shown = table(named(context, means), name, title, VIEWS, VIEWS_CAPTION)
    return [image(drawn, alt), Section(f"{name}-fold", title, [shown], folded=True)]


def constraints(context: Context) -> list[Block]:
    """For tasks with constraints, how often and how soon they were met."""
    if not constrained_tasks(context.study):
        return []
    made = feasibility(context.study)
    drawn = feasibility_figure(made, context.methods, labels=context.task_labels)
    alt = "How often and how soon every method found what meets the constraints"
    shown = table(named(context, made), "table-feasibility", "Feasibility", FEASIBILITY)
    return [image(drawn, alt), shown]
