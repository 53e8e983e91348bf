"""Axes of numbers in narrow panels: labels in lines, and no more ticks than there is room for."""

import math

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from hpobench.plots.canvas.axes import plain
from hpobench.plots.canvas.panels import panel_in
from hpobench.plots.canvas.words import characters, in_lines

TICK_IN = 0.6


def value_axis(axes: Axes, label: str, *, log: bool = False, which: str = "x") -> None:
    """Label and few enough ticks for a narrow panel; on a log axis plain numbers."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    room = panel_in(axes) if which == "x" else 2.5
    axis.set_label_text(in_lines(label, characters(room, 9)))
    count = max(int(room / TICK_IN), 1)
    if not log:
        axis.set_major_locator(MaxNLocator(min(count, 6), steps=[1, 2, 2.5, 5, 10]))
        return
    axes.set_xscale("log") if which == "x" else axes.set_yscale("log")
    log_ticks(axes, which, max(count, 2))


def log_ticks(axes: Axes, which: str, most: int) -> None:
    """Plain numbers at 1, 2, 5, or 1, 3, or some of the decades: as many as `most` allows."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    axis.set_major_locator(FixedLocator(_log_places(float(low), float(high), most)))
    axis.set_major_formatter(FuncFormatter(lambda value, _position: plain(value)))
    axis.set_minor_locator(NullLocator())


def _log_places(low: float, high: float, most: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    sets = [[s * 10.0**d for d in decades for s in some] for some in ((1, 2, 5), (1, 3), (1,))]
    every = [(step, first) for step in (2, 3, 4, 6) for first in range(step)]
    sets += [[10.0**d for d in decades if d % step == first] for step, first in every]
    inside = [[place for place in some if low <= place <= high] for some in sets]
    fitting = [some for some in inside if 2 <= len(some) <= most]
    return fitting[0] if fitting else inside[0][:: max(len(inside[0]) // most, 1)]
