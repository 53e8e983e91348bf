"""Where the spread of regrets comes from: tasks, methods, their seeds, the objective's noise."""

import pandas as pd

from hpobench.plots.report.blocks import Block, Column, Paragraph, number, share, table
from hpobench.plots.report.context import Context, Group
from hpobench.plots.report.parts.groups import by_group
from hpobench.results.verdicts import sources as of_spread

HEADS = {
    "task": "between tasks",
    "method": "between methods",
    "task_method": "method x task",
    "noise": "noise",
    "method_noise": "method x noise",
    "own": "method's seed",
    "rest": "rest",
}
CAPTION = (
    "Shares of the variance of the final normalised regrets of single runs: components of variance "
    "by the method of moments, negative ones counted as 0"
)
TOGETHER = (
    "Each run has a seed of its own for the method and for the objective, so that the rest is both "
    "the method's own random choices and how they meet the noise: objective_seeds=5 tells them "
    "apart"
)


def sources(context: Context) -> list[Block]:
    """Group by group."""
    return by_group(context, "sources", _of_group)


def _of_group(context: Context, group: Group) -> list[Block]:
    if len(group.found.methods) < 2 or not group.references:
        return []
    try:
        made = of_spread.sources(group.found, group.references)
    except ValueError:  # one seed: there is no spread
        return []
    first = made[made["tasks"] == made["tasks"].iloc[0]]
    crossed = bool(made["crossed"].all())
    wide = made.pivot(index="tasks", columns="source", values="share")
    wide = wide.reindex(list(dict.fromkeys(made["tasks"])))
    totals = made.groupby("tasks", sort=False)["variance"].sum()
    names = [
        context.task_label(tasks) if tasks in context.study.tasks else "over all tasks"
        for tasks in map(str, wide.index)
    ]
    frame = wide.assign(tasks=names, sd=totals.reindex(wide.index) ** 0.5).reset_index(drop=True)
    columns = {
        "tasks": Column("task"),
        **{
            name: Column(label, share, of_spread.SOURCES[name])
            for name, label in HEADS.items()
            if name in frame
        },
        "sd": Column("sd", number(3), "standard deviation of the regret of single runs"),
    }
    caption = f"{CAPTION}. {'' if crossed else TOGETHER + '.'}".strip()
    shown = table(
        pd.DataFrame(frame),
        f"table-sources-{group.number}",
        "Where the spread comes from",
        columns,
        caption,
    )
    return [Paragraph(of_spread.in_words(first)), shown]
