"""Over all tasks: scores with intervals, ranks, and how probable it is that one beats another."""

from hpobench.plots.recipes import IMPROVEMENT, RANKS, SCORES
from hpobench.plots.report.blocks import Block, Column, Section, count, number, table
from hpobench.plots.report.context import Context, Group
from hpobench.plots.report.images import WIDE_IN, image
from hpobench.plots.report.parts.groups import attempt, by_group
from hpobench.plots.report.parts.scores import named
from hpobench.results.verdicts.final import METRICS

SCORE_COLUMNS = {
    "method": Column("method"),
    "metric": Column("metric", lambda name: str(METRICS.get(name, name))),
    "value": Column("value", number()),
    "low": Column("low", number(), "95 % interval"),
    "high": Column("high", number(), "95 % interval"),
    "tasks": Column("tasks", count),
    "runs": Column("runs", count),
}
PAIRS = {
    "method": Column("method"),
    "other": Column("is better than"),
    "probability": Column("probability", number(3)),
    "low": Column("low", number(3), "95 % interval"),
    "high": Column("high", number(3), "95 % interval"),
}


def across(context: Context) -> list[Block]:
    """At the end of the horizon, for each group of tasks on which the same methods were run."""
    return by_group(context, "across", _of_group)


def _of_group(context: Context, group: Group) -> list[Block]:
    whose = context.group_label(group.tasks)
    return [
        *attempt(lambda: _scores(context, group, whose)),
        *attempt(lambda: _ranks(group, whose)),
        *attempt(lambda: _improvement(context, group, whose)),
    ]


def _scores(context: Context, group: Group, whose: str) -> list[Block]:
    made = SCORES.table(group.compared)
    drawn = SCORES.figure(group.compared, made, width_in=WIDE_IN)
    alt = f"Mean, median, interquartile mean and optimality gap of every method over {whose}"
    name = f"table-across-{group.number}"
    title = "Normalised regret at the horizon, over tasks"
    shown = table(named(context, made), name, title, SCORE_COLUMNS)
    return [image(drawn, alt), Section(f"{name}-fold", "As a table", [shown], folded=True)]


def _ranks(group: Group, whose: str) -> list[Block]:
    if len(group.found.methods) < 2:
        return []
    alt = f"Average rank of every method over {whose}, with intervals"
    return [image(RANKS(group.compared), alt)]


def _improvement(context: Context, group: Group, whose: str) -> list[Block]:
    made = IMPROVEMENT.table(group.compared)
    if not len(made):
        return []
    alt = f"How probably a run of one method ends better than one of another, over {whose}"
    name = f"table-improvement-{group.number}"
    shown = table(named(context, made), name, "Probability of improvement", PAIRS)
    drawn = IMPROVEMENT.figure(group.compared, made)
    return [image(drawn, alt), Section(f"{name}-fold", "As a table", [shown], folded=True)]
