"""Feasibility on constrained tasks: how often and how soon methods meet all constraints."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from hpobench.plots.canvas import paper
from hpobench.plots.canvas.panels import (
    Labels,
    Methods,
    in_order,
    mark_missing,
    name_rows,
    names_that_fit,
    need,
    of_tasks,
    rows_figure,
    title_by_task,
)
from hpobench.plots.canvas.sheet import Drawn, sheet
from hpobench.plots.canvas.style import SINGLE_IN, looks
from hpobench.plots.canvas.ticks import value_axis
from hpobench.plots.canvas.times import time_unit
from hpobench.plots.canvas.words import counted, sentences
from hpobench.plots.figures.ecdf import share_axis
from hpobench.results.anytime.comparison import Comparison
from hpobench.results.study.failed_runs import Failed, in_words
from hpobench.results.study.time_axis import WALL_CLOCK, axis_label, clock_unit

MEASURES = {
    "feasible_share": "feasible evaluations",
    "runs_with_feasible": "runs with a feasible one",
    "first_feasible_s": "time to the first",
}
COLUMNS = ("task", "method", *MEASURES, "seeds", "clock")


def feasibility_figure(
    table: pd.DataFrame,
    methods: Methods,
    *,
    tasks: Sequence[str] | None = None,
    labels: Labels | None = None,
    width_in: float | None = None,
    notes: Sequence[str] = (),
) -> Drawn:
    """Three panels a task of the table of `feasibility`. `tasks`: some; `labels`: theirs."""
    width_in = paper.width(width_in, SINGLE_IN[0])
    table = need(table, "feasibility", *COLUMNS)
    table = of_tasks(table, tasks)
    tasks = list(dict.fromkeys(table["task"]))
    order = in_order(table, methods)
    failed = {
        str(method): Failed(int(part["failed"].sum()), int(part["seeds"].sum()))
        for method, part in table.groupby("method", sort=False, observed=True)
    }
    text = sentences(
        "Feasible: all constraints are met. Share of a run's evaluations that are feasible (mean "
        "over runs), share of runs that found a feasible configuration, and median time until one "
        "was known (–: half of the runs or more never found one).",
        f"{counted([len(tasks)], 'tasks')} with constraints, {counted(table['seeds'], 'seeds')} "
        "a task and method; no band.",
        *in_words(failed, "last", methods),
        f"Axes: shares in % and {axis_label(WALL_CLOCK, clock_unit(table['clock']))}, linear "
        "scales.",
        *notes,
    )
    painters = [
        partial(draw_feasibility, table=table[table["task"] == task], methods=methods,
                measure=measure, order=order, labels=labels)
        for task in tasks
        for measure in MEASURES
    ]  # fmt: skip
    names = names_that_fit(order, methods, width_in)
    return rows_figure(painters, names, text, width_in, group=len(MEASURES))


def draw_feasibility(
    axes: Axes,
    table: pd.DataFrame,
    methods: Methods,
    *,
    measure: str = "feasible_share",
    order: Sequence[str] | None = None,
    labels: Labels | None = None,
) -> Axes:
    """One measure on one task: a marker a method, joined to the axis of its row by a thin line."""
    table = need(table, "feasibility", *COLUMNS)
    order = order or in_order(table, methods)
    rows = table.set_index("method")
    values, unit = rows[measure].astype(float), ""
    if measure == "runs_with_feasible":
        values = values / rows["seeds"].where(rows["seeds"] > 0)
    elif measure == "first_feasible_s":
        finite = values[np.isfinite(values)]
        size, name = time_unit(float(finite.max()) if len(finite) else 1.0, table["clock"].iloc[0])
        values, unit = values / size, f" ({name})"
    _draw_rows(axes, order, methods, values)
    name_rows(axes, order, methods)
    value_axis(axes, MEASURES[measure] + unit)
    axes.set_xlim(0, None if unit else 1.04)
    if not unit:
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    title_by_task(axes, table, labels)
    return axes


def feasibility_curves_figure(
    panels: Sequence[Comparison],
    methods: Methods,
    settings: Mapping[str, Any] | None = None,
    *,
    time: str = "log",
) -> Drawn:
    """One panel a comparison made by `feasibility_curves`, on an axis of shares."""
    return sheet(panels, methods, settings, time=time, finish=share_axis)


def _draw_rows(
    axes: Axes, order: Sequence[str], methods: Methods, values: "pd.Series[float]"
) -> None:
    all_looks = looks(methods)
    for place, method in enumerate(order):
        if method not in values.index or not np.isfinite(values[method]):
            mark_missing(axes, place)
        else:
            look = all_looks[method]
            axes.plot([0, values[method]], [place] * 2, color=look.color, linewidth=1, zorder=2)
            axes.plot(
                [values[method]], [place], **look.options(line=False), clip_on=False, zorder=3
            )
