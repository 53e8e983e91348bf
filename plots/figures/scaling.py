"""Worker scaling: speed-up and efficiency over the number of workers."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from hpobench.arrays import FloatArray
from hpobench.plots.canvas import paper
from hpobench.plots.canvas.axes import band_alpha, plain
from hpobench.plots.canvas.panels import (
    Labels,
    Methods,
    in_order,
    lines_figure,
    need,
    of_tasks,
    title_by_task,
)
from hpobench.plots.canvas.sheet import Drawn
from hpobench.plots.canvas.style import SINGLE_IN, looks
from hpobench.plots.canvas.words import counted, sentences
from hpobench.results.statistics.survival import SPEEDUP_SENTENCE

COLUMNS = (
    *("task", "method", "workers", "speedup", "low", "high"),
    *("efficiency", "efficiency_low", "efficiency_high", "bound"),
)


def scaling_figure(
    table: pd.DataFrame,
    methods: Methods,
    *,
    task: str | None = None,
    labels: Labels | None = None,
    width_in: float | None = None,
    notes: Sequence[str] = (),
) -> Drawn:
    """Two panels a task of the table of `scaling`: speed-up and efficiency. `task`: only that."""
    width_in = paper.width(width_in, SINGLE_IN[0])
    table = need(table, "scaling", *COLUMNS)
    table = of_tasks(table, [task] if task else None)
    tasks = list(dict.fromkeys(table["task"]))
    named = [(labels or {}).get(name, name) for name in tasks]
    fewest = int(table["workers"].min())
    text = sentences(
        f"Speed-up and efficiency against {counted([fewest], 'workers')}, on {', '.join(named)}, "
        "to what the method reaches in the end with the fewest workers (the mean final normalised "
        "regret).",
        SPEEDUP_SENTENCE,
        "Efficiency is the speed-up per worker.",
        f"{counted(table['seeds'], 'seeds')}." if "seeds" in table else "",
        "Bands: 95 % bootstrap interval over seeds, none where too few runs reached the target. "
        "Dashed: ideal.",
        _unreached(table),
        "Axes: number of workers and speed-up on log scales, efficiency linear.",
        *notes,
    )
    painters = [
        partial(draw, table=table[table["task"] == name], methods=methods, labels=labels)
        for name in tasks
        for draw in (draw_speedup, draw_efficiency)
    ]
    return lines_figure(painters, in_order(table, methods), methods, text, width_in)


def draw_speedup(
    axes: Axes, table: pd.DataFrame, methods: Methods, labels: Labels | None = None
) -> Axes:
    """Speed-up of each method on one task, with its interval and the ideal."""
    table = need(table, "scaling", *COLUMNS)
    workers = np.sort(table["workers"].unique()).astype(float)
    axes.plot(workers, workers / workers[0], color="#777777", linestyle=(0, (5, 4)), linewidth=0.9)
    for method in in_order(table, methods):
        rows = _reached(table, method)
        shown = rows[["workers", "speedup", "low", "high"]].to_numpy(float).T
        _draw_method(axes, method, methods, shown)
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: plain(value)))
    axes.set_ylabel("speed-up")
    return _finish(axes, table, workers, labels)


def draw_efficiency(
    axes: Axes, table: pd.DataFrame, methods: Methods, labels: Labels | None = None
) -> Axes:
    """Efficiency of each method on one task, with its interval."""
    table = need(table, "scaling", *COLUMNS)
    workers = np.sort(table["workers"].unique()).astype(float)
    axes.axhline(1, color="#777777", linestyle=(0, (5, 4)), linewidth=0.9)
    for method in in_order(table, methods):
        rows = _reached(table, method)
        columns = ["workers", "efficiency", "efficiency_low", "efficiency_high"]
        shown = rows[columns].to_numpy(float).T
        _draw_method(axes, method, methods, shown)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("efficiency")
    return _finish(axes, table, workers, labels)


def _draw_method(axes: Axes, method: str, methods: Methods, shown: FloatArray) -> None:
    """`shown` (4, w): workers, centre, low, high."""
    workers, centre, low, high = shown
    look = looks(methods)[method]
    axes.plot(workers, centre, **look.options(), linewidth=1.3, zorder=3)
    axes.fill_between(
        workers, low, high, color=look.color, alpha=band_alpha(len(methods)), linewidth=0, zorder=2
    )


def _reached(table: pd.DataFrame, method: str) -> pd.DataFrame:
    """The rows of which more than a bound is known."""
    rows = table[(table["method"] == method) & (table["bound"] == "")]
    return rows.sort_values("workers")


def _finish(axes: Axes, table: pd.DataFrame, workers: FloatArray, labels: Labels | None) -> Axes:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(list(workers)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("workers")
    title_by_task(axes, table, labels)
    centre = table.loc[table["bound"] == "", "speedup"].dropna()
    if axes.get_ylabel() == "speed-up" and len(centre):
        axes.set_ylim(0.8 * min(centre.min(), 1), 1.3 * max(centre.max(), workers[-1] / workers[0]))
    return axes


def _unreached(table: pd.DataFrame) -> str:
    count = int((table["bound"] != "").sum())
    return f"Not drawn, as no run reached the target: {count} of {len(table)}." if count else ""
