"""In plain words: for a budget, which method to use."""

from collections.abc import Sequence

import pandas as pd

from hpobench.plots.axes import time_unit
from hpobench.plots.report.blocks import Block, Choice, Choices, Column, Paragraph, table
from hpobench.plots.report.context import Context
from hpobench.results.normalise import OBSERVED
from hpobench.results.verdict import FRACTIONS, Verdict, evidence, in_words

HOW_TO_READ = (
    "A method is within error of the best one if the 95 % bootstrap interval of the difference "
    "between their mean normalised regrets includes 0. Differences are taken between runs of the "
    "same seed, and seeds are resampled within each task; the tasks are taken as given, and no "
    "correction is made for the number of methods. Normalised regret: 0 is the best value, 1 "
    "the median configuration; what is worse counts as 1."
)


def summary(context: Context) -> list[Block]:
    """Over each group of tasks, then task by task."""
    if not context.verdicts:
        return [Paragraph(nothing_yet(context), lead=True)]
    blocks: list[Block] = []
    averages = [verdict for verdict in context.verdicts if len(verdict.tasks) > 1]
    for tasks in dict.fromkeys(verdict.tasks for verdict in averages):
        mine = [verdict for verdict in averages if verdict.tasks == tasks]
        blocks.append(Paragraph(f"Average of {context.group_label(tasks)}:", lead=True))
        blocks.append(choices(context, mine))
    single = [verdict for verdict in context.verdicts if len(verdict.tasks) == 1]
    if len({verdict.tasks for verdict in single}) == 1:
        blocks.append(Paragraph(f"On {context.task_label(single[0].tasks[0])}:", lead=True))
        blocks.append(choices(context, single))
    else:
        blocks.append(_by_task(context, single))
    return [*blocks, Paragraph(HOW_TO_READ), *_observed(context)]


def _observed(context: Context) -> list[Block]:
    """Which tasks are normalised by what the study found: such regrets change with the study."""
    tasks = [task for task, known in context.references.items() if known.source == OBSERVED]
    if not tasks:
        return []
    whose = context.group_label(tasks)
    return [Paragraph(f"Optimum and median are not known of {whose}: {OBSERVED} stand for them.")]


def nothing_yet(context: Context) -> str:
    """Why there is no verdict."""
    stored = len(context.study.runs)
    if not stored:
        return "No run is stored yet: there is nothing to compare."
    if context.failed == stored:
        return "All stored runs failed: there is nothing to compare."
    return "No task can be normalised: its best and its median value coincide, or there are none."


def choices(context: Context, verdicts: Sequence[Verdict]) -> Choices:
    """One line a budget."""
    methods = context.study.methods
    return Choices(
        [
            Choice(budget(verdict), in_words(verdict, methods), evidence(verdict, methods))
            for verdict in verdicts
        ]
    )


def budget(verdict: Verdict) -> str:
    """Such as: 4.5 min (1 % of the horizon)."""
    whose = "the horizon" if verdict.time_s is not None else "each task's horizon"
    part = f"{100 * verdict.fraction:g} % of {whose}" if verdict.fraction < 1 else f"all of {whose}"
    return part if verdict.time_s is None else f"{duration(verdict.time_s)} ({part})"


def duration(time_s: float) -> str:
    """A time in the unit that suits it."""
    size, name = time_unit(time_s) if time_s >= 1 else (1.0, "s")
    return f"{time_s / size:.3g} {name}"


def _by_task(context: Context, verdicts: Sequence[Verdict]) -> Block:
    """One row a task, one column a budget."""
    rows: dict[str, dict[str, object]] = {}
    for verdict in verdicts:
        row = rows.setdefault(verdict.tasks[0], {"task": context.task_label(verdict.tasks[0])})
        row["horizon"] = (verdict.time_s or 0.0) / verdict.fraction
        row[f"{verdict.fraction:g}"] = _short(context, verdict)
    columns = {"task": Column("task"), "horizon": Column("horizon", duration)}
    for part in FRACTIONS:
        heading = f"for {100 * part:g} % of it" if part < 1 else "for all of it"
        columns[f"{part:g}"] = Column(heading)
    return table(
        pd.DataFrame(list(rows.values())),
        "table-summary",
        "Task by task",
        columns,
        "The best method, and after “or” those within error of it.",
    )


def _short(context: Context, verdict: Verdict) -> str:
    if not verdict.useful:
        return "none is better than the median configuration"
    best, rivals = context.method_label(verdict.best.method), verdict.rivals
    if not rivals:
        return best
    if len(rivals) > 1 and len(rivals) == len(verdict.standings) - 1:
        return f"{best}; or any other"
    return f"{best}; or {', '.join(context.method_label(each.method) for each in rivals)}"
