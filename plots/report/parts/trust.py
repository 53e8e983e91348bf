"""How far values can be trusted: overtuning, and constraints that were met or not."""

from functools import partial

import pandas as pd

from hpobench.plots.feasibility import feasibility_figure
from hpobench.plots.overtuning import overtuning_figure
from hpobench.plots.report.blocks import Block, Column, count, share, table
from hpobench.plots.report.context import Context, Group
from hpobench.plots.report.images import WIDE_IN, image
from hpobench.plots.report.parts.groups import by_group
from hpobench.plots.report.parts.scores import named
from hpobench.plots.report.parts.summary import duration
from hpobench.results.feasibility import constrained_tasks, feasibility
from hpobench.results.overtuning import gaps, reported_views

FEASIBILITY = {
    "task": Column("task"),
    "method": Column("method"),
    "feasible_share": Column("feasible", share, "share of observations, mean over runs"),
    "runs_with_feasible": Column("runs with any", count),
    "first_feasible_s": Column("first after", duration, "median over runs"),
    "seeds": Column("runs", count),
    "failed": Column("failed", count),
}


def overtuning(context: Context) -> list[Block]:
    """The gap between what was observed and what is true, where that is known and not the same."""
    views = reported_views(context.study)
    if all(views[task] == "observed" for task in context.tasks):
        return []
    made = gaps(context.study)
    return by_group(context, "overtuning", partial(_gaps, made))


def _gaps(made: pd.DataFrame, context: Context, group: Group) -> list[Block]:
    of_group = made[made["task"].isin(group.tasks)]
    if not len(of_group):
        return []
    drawn = overtuning_figure(of_group, context.study.methods, width_in=WIDE_IN)
    alt = "What the incumbent of every run was observed to be, less what it is, by method and task"
    return [image(drawn, alt)]


def constraints(context: Context) -> list[Block]:
    """For tasks with constraints, how often and how soon they were met."""
    if not constrained_tasks(context.study):
        return []
    made = feasibility(context.study)
    drawn = feasibility_figure(made, context.study.methods)
    alt = "How often and how soon every method found what meets the constraints"
    shown = table(named(context, made), "table-feasibility", "Feasibility", FEASIBILITY)
    return [image(drawn, alt), shown]
