"""What is said of each group of tasks on which the same methods were run, and what cannot be."""

from collections.abc import Callable, Sequence

from hpobench.plots.report.blocks import Block, Paragraph, Section
from hpobench.plots.report.context import Context, Group


def by_group(
    context: Context, name: str, make: Callable[[Context, Group], Sequence[Block]]
) -> list[Block]:
    """The blocks of each group, under headings if there are several."""
    made = [(group, make(context, group)) for group in context.groups]
    made = [(group, blocks) for group, blocks in made if blocks]
    if len(context.groups) == 1:
        return [block for _, blocks in made for block in blocks]
    return [
        Section(f"{name}-{group.number}", context.group_label(group.tasks), blocks)
        for group, blocks in made
    ]


def attempt(make: Callable[[], Sequence[Block]]) -> Sequence[Block]:
    """What it makes, or the reason why it cannot."""
    try:
        return make()
    except ValueError as error:
        words = str(error)
        return [Paragraph(f"Not computed: {words}{'' if words.endswith('.') else '.'}")]
