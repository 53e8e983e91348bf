"""What the workers did, and what the methods themselves took to decide."""

from hpobench.plots.canvas.times import duration
from hpobench.plots.figures.overhead import overhead_figure
from hpobench.plots.report.blocks import (
    Block,
    Column,
    Paragraph,
    Section,
    count,
    number,
    share,
    table,
)
from hpobench.plots.report.context import Context
from hpobench.plots.report.images import WIDE_IN, image
from hpobench.plots.report.parts.groups import attempt
from hpobench.plots.report.parts.scores import named
from hpobench.results.conduct.overhead import overhead
from hpobench.results.conduct.repeats import repeated_suggestions
from hpobench.results.study.jobs import occupancy

OCCUPANCY = {
    "task": Column("task"),
    "method": Column("method"),
    "idle": Column("idle", share, "share of the workers' time without a job"),
    "idle_sem": Column("± SEM", share, "its standard error over seeds"),
    "jobs": Column("jobs", count, "a run, mean over seeds"),
    "trials": Column("trials", count, "a run, mean over seeds"),
    "seeds": Column("runs", count),
    "failed": Column("failed", count),
}
OVERHEAD = {
    "task": Column("task"),
    "method": Column("method"),
    "decisions": Column("decisions", count, "a run, mean over seeds"),
    "ask_ms": Column("ms an ask", number(3)),
    "tell_ms": Column("ms a tell", number(3)),
    "total_s": Column("in a run", duration, "all decisions of a run, mean over seeds"),
    "cpu_s": Column("CPU", duration, "CPU time of all decisions of a run, mean over seeds"),
    "setup_s": Column("set-up", duration, "before the first decision: imports; mean over seeds"),
    "share_of_run": Column("share of the run", share, "if they are charged to it"),
    "seeds": Column("runs", count),
}
REPEATED = {
    "task": Column("task"),
    "method": Column("method"),
    "share": Column("repeated", share, "mean over runs"),
    "low": Column("low", share, "95 % bootstrap interval"),
    "high": Column("high", share, "95 % bootstrap interval"),
    "seeds": Column("runs", count),
}
REPEATED_CAPTION = (
    "Share of a run's trials whose configuration an earlier trial of the same run had; they cost "
    "budget like any other."
)
IDLE = (
    "A worker is idle while it waits at a rung barrier, for a decision that is charged, or at the "
    "end for the others to finish."
)


def workers(context: Context) -> list[Block]:
    """Occupancy by task and method."""
    if not context.tasks:
        return []
    made = occupancy(context.study)
    return [table(named(context, made), "table-workers", "Occupancy", OCCUPANCY, IDLE)]


def decisions(context: Context) -> list[Block]:
    """Milliseconds of every method, as a figure and as a table, and repeated suggestions."""
    if not context.tasks:
        return []
    return [*attempt(lambda: _overhead(context)), *_repeats(context)]


def _overhead(context: Context) -> list[Block]:
    made = overhead(context.study)
    alt = "Computing time of every method an ask, a tell, and as a share of its runs"
    shown = table(named(context, made), "table-overhead", "Decisions", OVERHEAD)
    folded = Section("table-overhead-fold", "As a table", [shown], folded=True)
    return [image(overhead_figure(made, context.methods, width_in=WIDE_IN), alt), folded]


def _repeats(context: Context) -> list[Block]:
    """If trials were stored."""
    if "config" not in context.study.trials:
        return []
    made = repeated_suggestions(context.study)
    if not made["share"].any():
        return [Paragraph("No run tried a configuration again.")]
    name, title = "table-repeats", "Repeated suggestions"
    shown = table(named(context, made), name, title, REPEATED, REPEATED_CAPTION)
    return [Section(f"{name}-fold", title, [shown], folded=True)]
