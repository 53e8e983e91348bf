"""Overtuning: how far what a run reports lies from what it saw, and from the best it had."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hpobench.arrays import FloatArray
from hpobench.plots.canvas import paper
from hpobench.plots.canvas.axes import set_value_axis
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
from hpobench.plots.canvas.style import SINGLE_IN, Look, looks
from hpobench.plots.canvas.ticks import value_axis
from hpobench.plots.canvas.words import counted, sentences
from hpobench.results.anytime.comparison import Comparison
from hpobench.results.conduct.overtuning import mean_of_runs

QUANTITIES = {
    "gap": "Gap: the true (or test) value of the final incumbent less the value observed.",
    "overtuning": "Overtuning: the true (or test) value of the final incumbent less the lowest of "
    "all incumbents of the run.",
    "relative_overtuning": "Relative overtuning: what was lost since the best incumbent of the "
    "run, over what had been gained since the first.",
}
SPREAD = 0.3


def overtuning_figure(
    table: pd.DataFrame,
    methods: Methods,
    *,
    quantity: str = "gap",
    tasks: Sequence[str] | None = None,
    labels: Labels | None = None,
    width_in: float | None = None,
    notes: Sequence[str] = (),
) -> Drawn:
    """A panel a task of the table of `gaps`: a dot a run, and the mean over seeds.

    `quantity`: gap, overtuning or relative_overtuning. `tasks`: some of them; None: all. `labels`:
    of the tasks, for the titles.
    """
    width_in = paper.width(width_in, SINGLE_IN[0])
    if quantity not in QUANTITIES:
        raise ValueError(f"quantity={quantity!r}: use one of {', '.join(QUANTITIES)}")
    table = need(table, "gaps", "task", "method", "seed", quantity)
    table = of_tasks(table, tasks)
    tasks = list(dict.fromkeys(table["task"]))
    order = in_order(table, methods)
    finite = table[np.isfinite(table[quantity].astype(float))]
    seeds = finite.groupby(["task", "method"]).size()
    lost = len(table) - len(finite)
    text = sentences(
        QUANTITIES[quantity],
        f"A dot a run; marker and bar: mean over {counted(seeds, 'seeds')} ± standard error.",
        f"{counted([len(tasks)], 'tasks')}, each in its own units."
        if quantity != "relative_overtuning"
        else f"{counted([len(tasks)], 'tasks')}.",
        f"Runs without a finite value, not drawn: {lost}." if lost else "",
        f"Axis: {quantity.replace('_', ' ')}, linear scale.",
        *notes,
    )
    painters = [
        partial(draw_overtuning, table=table[table["task"] == task], methods=methods,
                quantity=quantity, order=order, labels=labels)
        for task in tasks
    ]  # fmt: skip
    return rows_figure(painters, names_that_fit(order, methods, width_in), text, width_in)


def draw_overtuning(
    axes: Axes,
    table: pd.DataFrame,
    methods: Methods,
    *,
    quantity: str = "gap",
    order: Sequence[str] | None = None,
    labels: Labels | None = None,
) -> Axes:
    """One task: the runs of each method as dots in its row, with mean and standard error."""
    table = need(table, "gaps", "task", "method", "seed", quantity)
    order = order or in_order(table, methods)
    all_looks = looks(methods)
    means = mean_of_runs(table, quantity)
    axes.axvline(0, color="#333333", linewidth=0.8, zorder=1.5)
    for place, method in enumerate(order):
        rows = table[table["method"] == method].sort_values("seed")
        values = rows[quantity].to_numpy(float)
        if method not in means.index:
            mark_missing(axes, place)
            continue
        mean = means.loc[method, ["low", "centre", "high"]].to_numpy(float)
        _draw_row(axes, place, values[np.isfinite(values)], mean, all_looks[method])
    name_rows(axes, order, methods)
    value_axis(axes, quantity.replace("_", " "))
    title_by_task(axes, table, labels)
    return axes


def overtuning_curves_figure(
    panels: Sequence[Comparison],
    methods: Methods,
    settings: Mapping[str, Any] | None = None,
    *,
    time: str = "log",
) -> Drawn:
    """One panel a comparison made by `overtuning_curves`."""
    return sheet(panels, methods, settings, time=time, finish=set_value_axis)


def _draw_row(axes: Axes, place: int, values: FloatArray, mean: FloatArray, look: Look) -> None:
    """A dot for each of the values (n,), and their mean with its error: low, centre, high."""
    # In the order of the seeds, from top to bottom: nothing is random, and equal values show.
    places = place + np.linspace(-SPREAD, SPREAD, len(values)) * (len(values) > 1)
    axes.scatter(values, places, 5, look.color, alpha=0.35, linewidths=0, zorder=2)
    low, centre, high = mean
    axes.plot([low, high], [place, place], color="black", linewidth=1.4, zorder=3)
    options = look.options(line=False) | {"markeredgecolor": "black"}
    axes.plot([centre], [place], **options, zorder=4)
