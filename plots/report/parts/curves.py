"""Curves: the interactive figure, and the static ones that it takes the place of."""

from collections.abc import Iterator

from hpobench.plots.figures.anytime import anytime_figure
from hpobench.plots.figures.rank import rank_figure
from hpobench.plots.report.blocks import Block, Chart, Image, Paragraph
from hpobench.plots.report.context import Context
from hpobench.plots.report.images import image
from hpobench.results.anytime.comparison import average_regret
from hpobench.results.anytime.ranks import average_ranks, can_rank

HOW_TO_USE = (
    "Point at a curve for its values. Click a method in the legend to hide it, double-click it (or "
    "press its button “only”) to see it alone. Drag to zoom in, double-click to zoom out."
)


def curves(context: Context) -> list[Block]:
    """The place of the interactive figure, then averages over tasks (each task has its own)."""
    if not context.tasks:
        return []
    return [Paragraph(HOW_TO_USE, interactive=True), Chart(), *_averages(context)]


def _averages(context: Context) -> Iterator[Image]:
    methods, settings = context.study.methods, context.study.settings
    for group in context.groups:
        whose = context.group_label(group.tasks)
        if len(group.references) > 1:
            regrets = average_regret(group.found, group.references)
            alt = f"Normalised regret of every method over time, average over {whose}"
            yield image(anytime_figure([regrets], methods, settings), alt, replaced=True)
        if len(group.tasks) > 1 and can_rank(group.found):
            alt = f"Average rank of every method over time, over {whose}"
            ranked = rank_figure(average_ranks(group.found), methods, settings)
            yield image(ranked, alt, replaced=True)
