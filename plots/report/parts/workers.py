"""What the workers did, and what the methods themselves took to decide."""

from hpobench.plots.overhead import overhead_figure
from hpobench.plots.report.blocks import Block, Column, Section, count, number, share, table
from hpobench.plots.report.context import Context
from hpobench.plots.report.images import WIDE_IN, image
from hpobench.plots.report.parts.scores import named
from hpobench.plots.report.parts.summary import duration
from hpobench.results.decisions import overhead
from hpobench.results.occupancy import occupancy

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
    "share_of_run": Column("share of the run", share, "if they are charged to it"),
    "seeds": Column("runs", count),
}
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
    """Milliseconds of every method, as a figure and as a table."""
    if not context.tasks:
        return []
    made = overhead(context.study)
    alt = "Computing time of every method an ask, a tell, and as a share of its runs"
    shown = table(named(context, made), "table-overhead", "Decisions", OVERHEAD)
    folded = Section("table-overhead-fold", "As a table", [shown], folded=True)
    return [image(overhead_figure(made, context.study.methods, width_in=WIDE_IN), alt), folded]
