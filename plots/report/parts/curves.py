"""Curves: the interactive figure, and the static ones that it takes the place of."""

from collections.abc import Iterator

from hpobench.plots.recipes import AVERAGE_REGRET, RANK
from hpobench.plots.report.blocks import Block, Chart, Image, Paragraph
from hpobench.plots.report.context import Context
from hpobench.plots.report.images import image

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
    for group in context.groups:
        whose = context.group_label(group.tasks)
        if not AVERAGE_REGRET.lacks(group.compared):
            alt = f"Normalised regret of every method over time, average over {whose}"
            yield image(AVERAGE_REGRET(group.compared), alt, replaced=True)
        if len(group.tasks) > 1 and not RANK.lacks(group.compared):
            alt = f"Average rank of every method over time, over {whose}"
            yield image(RANK(group.compared), alt, replaced=True)
