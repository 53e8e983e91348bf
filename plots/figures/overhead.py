"""Decision overhead: what asking and telling cost each method, and how that grows."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hpobench.plots.canvas import paper
from hpobench.plots.canvas.axes import band_alpha
from hpobench.plots.canvas.panels import (
    Labels,
    Methods,
    in_order,
    lines_figure,
    mark_missing,
    name_rows,
    names_that_fit,
    need,
    of_tasks,
    rows_figure,
    title_by_task,
)
from hpobench.plots.canvas.sheet import Drawn
from hpobench.plots.canvas.style import SINGLE_IN, looks
from hpobench.plots.canvas.ticks import log_ticks, value_axis
from hpobench.plots.canvas.words import counted, sentences

MEASURES = {"ask_ms": "ms an ask", "tell_ms": "ms a tell", "share_of_run": "share of the run"}
GROWTH = ("task", "method", "number", "ms", "low", "high")


def overhead_figure(
    table: pd.DataFrame,
    methods: Methods,
    *,
    width_in: float | None = None,
    notes: Sequence[str] = (),
) -> Drawn:
    """Three panels of the table of `overhead`: a marker a task in the row of each method."""
    width_in = paper.width(width_in, SINGLE_IN[0])
    table = need(table, "overhead", "task", "method", *MEASURES, "seeds")
    order = in_order(table, methods)
    text = sentences(
        "Computing time of the methods themselves: mean milliseconds of an ask and of a tell, and "
        "the mean share of a run that all decisions take if they are charged to it.",
        f"A marker a task, {counted([table['task'].nunique()], 'tasks')}, each a mean over "
        f"{counted(table['seeds'], 'seeds')}; no band.",
        "No share where runs take no time, or their clock counts evaluations."
        if table["share_of_run"].isna().any()
        else "",
        "Axes: milliseconds and share, log scales.",
        *notes,
    )
    painters = [
        partial(draw_overhead, table=table, methods=methods, measure=measure, order=order)
        for measure in MEASURES
    ]
    names = names_that_fit(order, methods, width_in)
    return rows_figure(painters, names, text, width_in, group=len(MEASURES))


def draw_overhead(
    axes: Axes,
    table: pd.DataFrame,
    methods: Methods,
    *,
    measure: str = "ask_ms",
    order: Sequence[str] | None = None,
) -> Axes:
    """One measure (ask_ms, tell_ms or share_of_run): a marker a task in each method's row."""
    table = need(table, "overhead", "task", "method", "ask_ms", measure)
    order = order or in_order(table, methods)
    all_looks = looks(methods)
    for place, method in enumerate(order):
        values = table.loc[table["method"] == method, measure].to_numpy(float)
        values = values[np.isfinite(values) & (values > 0)]
        if not len(values):
            mark_missing(axes, place)
        options = all_looks[method].options(line=False, size=4.5)
        axes.plot(values, np.full(len(values), place), **options, alpha=0.8, zorder=3)
    name_rows(axes, order, methods)
    _span(axes, table[measure])
    value_axis(axes, MEASURES[measure], log=True)
    return axes


def overhead_growth_figure(
    table: pd.DataFrame,
    methods: Methods,
    *,
    tasks: Sequence[str] | None = None,
    labels: Labels | None = None,
    width_in: float | None = None,
    notes: Sequence[str] = (),
) -> Drawn:
    """A panel a task of the table of `overhead_growth`: milliseconds over evaluations."""
    width_in = paper.width(width_in, SINGLE_IN[0])
    table = need(table, "overhead_growth", *GROWTH)
    table = of_tasks(table, tasks)
    tasks = list(dict.fromkeys(table["task"]))
    text = sentences(
        "Computing time of a method's decisions for one evaluation, over how many it has seen: "
        "median over runs and the evaluations of a bin, band: quartiles.",
        f"{counted([len(tasks)], 'tasks')}.",
        "Axes: evaluations and milliseconds, log scales.",
        *notes,
    )
    painters = [
        partial(
            draw_overhead_growth, table=table[table["task"] == task], methods=methods, labels=labels
        )
        for task in tasks
    ]
    return lines_figure(painters, in_order(table, methods), methods, text, width_in)


def draw_overhead_growth(
    axes: Axes, table: pd.DataFrame, methods: Methods, labels: Labels | None = None
) -> Axes:
    """One task: a line and a band a method, on log axes."""
    table = need(table, "overhead_growth", *GROWTH)
    all_looks = looks(methods)
    for method in in_order(table, methods):
        rows = table[(table["method"] == method) & (table["ms"] > 0)].sort_values("number")
        look = all_looks[method]
        number = rows["number"].to_numpy(float)
        every = max(len(rows) // 6, 1)
        axes.plot(number, rows["ms"], **look.options(size=4), markevery=every, linewidth=1.2)
        axes.fill_between(
            number, rows["low"].clip(lower=1e-6), rows["high"], color=look.color,
            alpha=band_alpha(len(methods)), linewidth=0,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    _span(axes, table["number"])
    _span(axes, table["ms"], "y")
    log_ticks(axes, "x", 5)
    log_ticks(axes, "y", 6)
    axes.set_xlabel("evaluations")
    axes.set_ylabel("ms an evaluation")
    title_by_task(axes, table, labels)
    return axes


def _span(axes: Axes, values: "pd.Series[float]", which: str = "x") -> None:
    """Limits of a log axis around what is positive; without anything, one decade."""
    positive = values[np.isfinite(values) & (values > 0)]
    low, high = (positive.min(), positive.max()) if len(positive) else (0.1, 1.0)
    set_limits = axes.set_xlim if which == "x" else axes.set_ylim
    set_limits(low / 1.6, high * 1.6)
