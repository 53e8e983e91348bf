"""Aggregates over tasks with their intervals, one panel a metric; average ranks likewise.

After Agarwal et al. 2021, Deep Reinforcement Learning at the Edge of the Statistical Precipice,
figure 9.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hpobench.plots.canvas import paper
from hpobench.plots.canvas.axes import DECADE
from hpobench.plots.canvas.panels import (
    Methods,
    draw_intervals,
    in_order,
    name_rows,
    names_that_fit,
    need,
    rows_figure,
    title_panel,
)
from hpobench.plots.canvas.sheet import Drawn
from hpobench.plots.canvas.style import SINGLE_IN
from hpobench.plots.canvas.ticks import value_axis
from hpobench.plots.canvas.words import counted, sentences
from hpobench.results.verdicts.final import GOOD_ENOUGH

METRICS = {
    "mean": "mean",
    "median": "median",
    "iqm": "IQM",
    "optimality_gap": "optimality gap",
}
COLUMNS = ("method", "metric", "value", "low", "high", "tasks", "runs")


def aggregates_figure(
    table: pd.DataFrame,
    methods: Methods,
    *,
    metrics: Sequence[str] | None = None,
    quantity: str = "normalised regret",
    width_in: float | None = None,
    notes: Sequence[str] = (),
) -> Drawn:
    """A panel a metric of the table of `aggregate_scores`; methods in the order of `methods`.

    `metrics`: some of mean, median, iqm, optimality_gap; None: all that the table has.
    """
    width_in = paper.width(width_in, SINGLE_IN[0])
    table = need(table, "aggregate_scores", *COLUMNS)
    metrics = _metrics(table, metrics)
    order = in_order(table, methods)
    text = sentences(
        f"Aggregates of the {quantity} over {counted(table['tasks'], 'tasks')} and "
        f"{counted(table['runs'], 'runs')} of each method: {_listed(metrics)}.",
        "IQM: interquartile mean." if "iqm" in metrics else "",
        f"Optimality gap: by how much runs fail to be within {GOOD_ENOUGH:g} of the best value, on "
        "the average."
        if "optimality_gap" in metrics
        else "",
        "Bars: 95 % interval over the seeds within each task.",
        f"Axis: {quantity}, {_scale(table, metrics)}; lower is better.",
        *notes,
    )
    painters = [
        partial(
            draw_aggregate, table=table, methods=methods, metric=m, order=order, quantity=quantity
        )
        for m in metrics
    ]
    return rows_figure(painters, names_that_fit(order, methods, width_in), text, width_in)


def draw_aggregate(
    axes: Axes,
    table: pd.DataFrame,
    methods: Methods,
    *,
    metric: str = "iqm",
    order: Sequence[str] | None = None,
    quantity: str = "normalised regret",
) -> Axes:
    """One metric: a marker and an interval a method. `order`: from top; None: that of `methods`."""
    table = need(table, "aggregate_scores", *COLUMNS)
    rows = table[table["metric"] == metric].set_index("method")
    order = order or in_order(table, methods)
    log = _prefers_log(table, metric)
    if log:
        values, ends = (rows[name].to_numpy(float) for name in ("value", "high"))
        axes.set_xlim(float(np.nanmin(values)) / 2, 1.3 * float(np.nanmax([*values, *ends])))
    draw_intervals(axes, order, methods, rows, "value")
    name_rows(axes, order, methods)
    value_axis(axes, quantity, log=log)
    title_panel(axes, METRICS[metric])
    return axes


def _prefers_log(table: pd.DataFrame, metric: str) -> bool:
    """Whether all values are positive and span more than a decade."""
    values = table.loc[table["metric"] == metric, "value"].dropna()
    return bool(len(values) and 0 < DECADE * values.min() < values.max())


def _scale(table: pd.DataFrame, metrics: Sequence[str]) -> str:
    on_log = [metric for metric in metrics if _prefers_log(table, metric)]
    if not on_log:
        return "linear scale"
    whose = "" if len(on_log) == len(metrics) else f" ({_listed(on_log)}; else linear)"
    lowest = {metric: table.loc[table["metric"] == metric, "value"].min() / 2 for metric in on_log}
    floor = table["metric"].map(lowest)
    cut = ", at whose left edge bars are cut off" if (table["low"] < floor).any() else ""
    return f"log scale{whose}{cut}"


def rank_intervals_figure(
    table: pd.DataFrame,
    methods: Methods,
    *,
    width_in: float | None = None,
    notes: Sequence[str] = (),
) -> Drawn:
    """Average ranks of the table of `rank_intervals`, methods in the order of `methods`."""
    width_in = paper.width(width_in, SINGLE_IN[0])
    table = need(table, "rank_intervals", "method", "rank", "low", "high", "tasks")
    text = sentences(
        f"Average rank of {counted([len(table)], 'methods')} over "
        f"{counted(table['tasks'], 'tasks')}; 1 is the best.",
        "Ranks are of single runs, within each task and seed; ties share their average rank, runs "
        "without a value are tied in last place.",
        "Bars: 95 % interval over the seeds within each task.",
        "Axis: average rank, linear scale.",
        *notes,
    )
    order = in_order(table, methods)
    painter = partial(draw_rank_intervals, table=table, methods=methods)
    return rows_figure([painter], names_that_fit(order, methods, width_in), text, width_in)


def draw_rank_intervals(axes: Axes, table: pd.DataFrame, methods: Methods) -> Axes:
    """A marker and an interval a method, on an axis as long as the intervals."""
    table = need(table, "rank_intervals", "method", "rank", "low", "high")
    order = in_order(table, methods)
    draw_intervals(axes, order, methods, table.set_index("method"), "rank")
    name_rows(axes, order, methods)
    value_axis(axes, f"average rank of {len(order)} (1 is best)")
    return axes


def _metrics(table: pd.DataFrame, asked: Sequence[str] | None) -> list[str]:
    has = [metric for metric in METRICS if metric in set(table["metric"])]
    if not has or not set(asked or has) <= set(has):
        raise ValueError(
            f"metrics={asked}: the table has {', '.join(has) or 'none'} of {', '.join(METRICS)}"
        )
    return list(asked or has)


def _listed(metrics: Sequence[str]) -> str:
    return ", ".join(METRICS[metric] for metric in metrics)
