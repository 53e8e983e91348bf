"""The answer: what to use, in a line, and the picture that shows it."""

from collections.abc import Iterator, Sequence

from hpobench.plots.recipes import AVERAGE_REGRET, OVERVIEW, RANK
from hpobench.plots.report.blocks import (
    Block,
    Chart,
    Choice,
    Choices,
    Image,
    OnPaper,
    Paragraph,
)
from hpobench.plots.report.context import Context
from hpobench.plots.report.images import image
from hpobench.plots.report.parts.summary import budget, nothing_yet
from hpobench.results.anytime.notes import controls
from hpobench.results.text import decision_words
from hpobench.results.text.verdict_words import in_words, to_tell
from hpobench.results.verdicts.verdict import Verdict
from hpobench.words import counted

HOW_TO_USE = (
    "Point at the figure, or move through it with the arrow keys, for the values at a time. Click "
    "a method in the table to hide it, double-click it (or press its button “only”) to see it "
    "alone. Drag to zoom in, double-click to zoom out."
)


def answer(context: Context) -> list[Block]:
    """A line for each set of tasks with the same methods, and the interactive figure."""
    if not context.tasks:
        return [Paragraph(nothing_yet(context), lead=True)]
    lines: list[Block] = [_in_the_end(context)] if context.verdicts else []
    if (decided := _decided(context)) is not None:
        lines = [decided]
    if not lines:
        lines = [Paragraph(nothing_yet(context), lead=True)]
    elsewhere = (
        "The curves of single tasks are drawn by scripts, which do not run here: `hpobench plot "
        f"{context.name}` draws all figures as files."
    )
    return [
        *(*lines, Chart()),
        *(Paragraph(HOW_TO_USE, interactive=True), Paragraph(elsewhere, interactive=False)),
        *_static(context),
    ]


def _in_the_end(context: Context) -> Choices:
    last = max(verdict.fraction for verdict in context.verdicts)
    made = [verdict for verdict in context.verdicts if verdict.fraction == last]
    averages = [verdict for verdict in made if len(verdict.tasks) > 1]
    together = {task for verdict in averages for task in verdict.tasks}
    alone = [verdict for verdict in made if not together.issuperset(verdict.tasks)]
    return Choices([_line(context, verdict) for verdict in [*averages, *alone]], lead=True)


def _decided(context: Context) -> Choices | None:
    """Of a study that found its number of seeds itself: what its decisions say."""
    try:
        made = context.decisions
    except ValueError:  # the part on decisions says why
        made = None
    if made is None:
        return None
    last = {v.tasks: v for v in sorted(context.verdicts, key=lambda v: v.fraction)}
    lines = []
    for tasks in dict.fromkeys(path.tasks for path in made.paths):
        mine = [path for path in made.paths if path.tasks == tasks]
        words = decision_words.answer(mine, made, context.methods)
        seeds = max(made.wanted[task, name] for task, name in made.wanted if task in tasks)
        notes = [
            f"Decided with {counted(seeds, 'seeds')} at most, and a probability of at most "
            f"{100 * made.rule.level:g} % that any decision of the study is false.",
            *controls(context.found, tasks),
        ]
        lines.append(Choice(_on(context, tasks, last.get(tasks)), _begun(words), " ".join(notes)))
    return Choices(lines, lead=True)


def _on(context: Context, tasks: Sequence[str], verdict: Verdict | None) -> str:
    whose = context.group_label(tasks)
    on = f"Average of {whose}" if len(tasks) > 1 else f"On {whose}"
    return f"{on}, for {budget(verdict)}" if verdict else on


def _begun(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}"


def _line(context: Context, verdict: Verdict) -> Choice:
    methods = context.methods
    notes = [to_tell(verdict, methods), *controls(context.found, verdict.tasks)]
    words = _begun(in_words(verdict, methods))
    return Choice(_on(context, verdict.tasks, verdict), words, " ".join(filter(None, notes)))


def _static(context: Context) -> Iterator[Image | OnPaper]:
    """Where no script runs, and on paper: averages over tasks (each task has its own below)."""
    for group in context.groups:
        whose = context.group_label(group.tasks)
        if not OVERVIEW.lacks(group.compared):
            alt = f"Regret of every method over time on {whose}, and which is best for which budget"
            yield image(OVERVIEW(group.compared), alt, replaced=True)
        elif not AVERAGE_REGRET.lacks(group.compared):
            alt = f"Normalised regret over time, average over {whose}"
            yield image(AVERAGE_REGRET(group.compared), alt, replaced=True)
        if len(group.tasks) > 1 and not RANK.lacks(group.compared):
            yield OnPaper(f"rank-{group.number}")
