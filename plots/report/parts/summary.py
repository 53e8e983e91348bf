"""In plain words: for a budget, which method to use."""

from collections.abc import Sequence

import pandas as pd

from hpobench.plots.canvas.times import duration, span
from hpobench.plots.report.blocks import Block, Choice, Choices, Column, Paragraph, table
from hpobench.plots.report.context import Context, listed
from hpobench.results.anytime.curves import KEPT_SENTENCE
from hpobench.results.anytime.notes import contradicted, horizon_notes
from hpobench.results.anytime.regret import OBSERVED
from hpobench.results.anytime.views import VIEW_WORDS
from hpobench.results.study.failed_runs import RULES, counts_in_words
from hpobench.results.text.verdict_words import ended_early, evidence, in_words
from hpobench.results.verdicts.verdict import FEW_SEEDS, FRACTIONS, Verdict
from hpobench.words import counted

HOW_TO_READ = (
    "A method is within error of the best one if its mean normalised regret is not significantly "
    "higher, at 5 %, by Student's t over the differences between runs of the same seed where there "
    "are such. All pairs of methods are tested, as the best is picked from the same data. Over the "
    "averages at all budgets together p-values are corrected after Holm: of methods that are all "
    "the same one or more is called worse in at most 5 of 100 reports. Over all single tasks and "
    "budgets they are corrected after Benjamini and Hochberg: of the methods called worse there at "
    "most 5 of 100, in the mean, are not. Where there is no average, single tasks are corrected "
    "after Holm. Where several methods are not told apart none is recommended; nor is one with "
    f"less than {FEW_SEEDS} seeds. The tasks are taken as given. Intervals of means are corrected "
    "for skewness; of disasters that no run met they know nothing. "
    "Normalised regret: 0 is the best value, 1 the median configuration; what is worse counts as 1."
)


def summary(context: Context) -> list[Block]:
    """Over each group of tasks, then task by task."""
    if not context.verdicts:
        return []
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
    horizon = horizon_notes(context.found, context.references)
    notes = [_judged_by(context), HOW_TO_READ, " ".join(horizon), *_early(context)]
    notes = [*filter(None, notes), *_all_failed(context)]
    return [*blocks, *map(Paragraph, notes), *_observed(context)]


def _judged_by(context: Context) -> str:
    """Which value of the incumbents is judged; how many tasks by which, if they differ."""
    views = [context.found.views[task] for task in context.references]
    counts = {view: views.count(view) for view in dict.fromkeys(views)}
    if len(counts) == 1:
        return f"Judged by {VIEW_WORDS[views[0]]}."
    each = [f"{VIEW_WORDS[view]} on {count}" for view, count in counts.items()]
    return f"Judged by {', by '.join(each)} of {len(views)} tasks."


def _early(context: Context) -> list[str]:
    """What runs count as after their end, where not time alone could end them."""
    if context.found.time_alone.issuperset(context.references):
        return []
    return [
        f"Runs could end before their time, as after so many trials. {KEPT_SENTENCE} What a method "
        "would have found in the rest of the time is not known."
    ]


def _all_failed(context: Context) -> list[str]:
    """Tasks without a run that did not fail."""
    stored = set(context.study.runs["task"].astype(str))
    tasks = [task for task in context.study.tasks if task in stored and task not in context.tasks]
    names = listed(map(context.task_label, tasks))
    return [f"Nothing is said of tasks on which all runs failed: {names}."] if tasks else []


def _observed(context: Context) -> list[Block]:
    """Which tasks are normalised by what the study found: such regrets change with the study."""
    tasks = [
        task
        for task, known in context.references.items()
        if known.source == OBSERVED and task not in context.found.contradictions
    ]
    words = [*contradicted(context.found, context.references)]
    if tasks:
        whose = context.group_label(tasks)
        words.append(f"Optimum and median are not known of {whose}: {OBSERVED} stand for them.")
    return [Paragraph(text) for text in words]


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
    methods = context.methods
    return Choices(
        [
            Choice(budget(verdict), in_words(verdict, methods), _evidence(context, verdict))
            for verdict in verdicts
        ]
    )


def _evidence(context: Context, verdict: Verdict) -> str:
    """The numbers, and whose runs had ended before: only where not time alone could end them."""
    words = evidence(verdict, context.methods)
    if context.found.time_alone.issuperset(verdict.tasks):
        return words
    return f"{words} {ended_early(verdict, context.methods)}".strip()


def budget(verdict: Verdict) -> str:
    """Such as: 4.5 min, or: the time of 12 evaluations (1 % of the horizon).

    Over several tasks: 1 % of each task's horizon (30 s to 2 h).
    """
    whose = "the horizon" if verdict.time_s is not None else "each task's horizon"
    part = f"{100 * verdict.fraction:g} % of {whose}" if verdict.fraction < 1 else f"all of {whose}"
    if verdict.time_s is None:
        times_s = list(verdict.times_s.values())
        return f"{part} ({span(times_s, verdict.clock)})" if verdict.clock and times_s else part
    words = duration(verdict.time_s, verdict.clock)
    return f"{words if verdict.clock == 'seconds' else f'the time of {words}'} ({part})"


def _by_task(context: Context, verdicts: Sequence[Verdict]) -> Block:
    """One row a task, one column a budget."""
    rows: dict[str, dict[str, object]] = {}
    for verdict in verdicts:
        row = rows.setdefault(verdict.tasks[0], {"task": context.task_label(verdict.tasks[0])})
        row["clock"] = verdict.clock
        row["horizon"] = (verdict.time_s or 0.0) / verdict.fraction
        row[f"{verdict.fraction:g}"] = _short(context, verdict)
        row["failed"] = counts_in_words(verdict.failed, context.methods)
    columns = {"task": Column("task"), "horizon": Column("horizon", duration, beside="clock")}
    for part in FRACTIONS:
        heading = f"for {100 * part:g} % of it" if part < 1 else "for all of it"
        columns[f"{part:g}"] = Column(heading)
    caption = "The best method, and after “or” those within error of it."
    if any(row["failed"] for row in rows.values()):
        columns["failed"] = Column("failed runs")
        caption += f" Failed runs: {RULES[verdicts[0].failed_as]}."
    return table(
        pd.DataFrame(list(rows.values())), "table-summary", "Task by task", columns, caption
    )


def _short(context: Context, verdict: Verdict) -> str:
    if not verdict.known:
        return "nothing is known yet"
    if not verdict.useful:
        return "none is better than the median configuration"
    best, rivals = context.method_label(verdict.best.method), verdict.rivals
    if verdict.best.failed:
        best += f" ({verdict.best.failed} of its {verdict.best.runs} runs failed)"
    if verdict.few and len(verdict.standings) > 1:
        return f"{best}; with {counted(verdict.seeds, 'seeds')} that may be chance"
    if not rivals:
        return best
    if len(rivals) > 1 and len(rivals) == len(verdict.standings) - 1:
        return f"{best}; or any other"
    return f"{best}; or {', '.join(context.method_label(each.method) for each in rivals)}"
