"""Real runs that are under way: where they stand, and their incumbents so far."""

import pandas as pd

from hpobench.plots.canvas.times import duration
from hpobench.plots.figures.under_way import under_way_figure
from hpobench.plots.report.blocks import Block, Column, count, number, table
from hpobench.plots.report.context import Context
from hpobench.plots.report.images import image
from hpobench.plots.report.parts.scores import named

COLUMNS = {
    "task": Column("task"),
    "method": Column("method"),
    "seed": Column("seed", str),
    "elapsed_s": Column("since it began", duration),
    "trials": Column("trials", count, "started"),
    "running": Column("jobs running", count),
    "best": Column("best value", number(), "observed value of the incumbent"),
    "silent_s": Column("last event", lambda seconds: f"{duration(seconds)} ago"),
}
CAPTION = "From the journals, as they were when this page was made; not part of any other section."


def under_way(context: Context) -> list[Block]:
    """None if no real run is under way."""
    runs = context.under_way
    if not runs:
        return []
    rows = [
        {name: getattr(run, name) for name in COLUMNS} | {"running": len(run.running)}
        for run in runs
    ]
    shown = table(named(context, pd.DataFrame(rows)), "table-under-way", "Runs", COLUMNS, CAPTION)
    drawn = under_way_figure(runs, context.study.tasks, context.methods)
    return [shown, image(drawn, "The incumbent of each run that is under way, over its clock")]
