"""The answer in one picture: curves, and methods x budgets, best or tied with it."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from hpobench.plots.canvas import paper
from hpobench.plots.canvas.axes import (
    CURVE_MARKER_POINTS,
    cuts,
    draw_lines,
    set_time_axis,
    set_value_axis,
)
from hpobench.plots.canvas.caption import caption
from hpobench.plots.canvas.panels import NARROW_IN, names_that_fit, rows_in
from hpobench.plots.canvas.sheet import Drawn, add_caption
from hpobench.plots.canvas.style import Look, looks, new_figure, styled
from hpobench.plots.canvas.times import span
from hpobench.plots.canvas.words import NAME_POINTS, in_lines
from hpobench.results.anytime.comparison import Comparison
from hpobench.results.verdicts.strips import Budget, Strip
from hpobench.storage.schema import MethodFacts

WIDE_IN, LEAST_IN, FRAME_IN = 9.0, 3.9, 1.0
STRIP_SHARE = 0.46
HEADING_CHARACTERS = 11
MARK_POINTS = 8.0
MEANINGS = (
    "Marks: filled, the method came out best for that budget; hollow, the data cannot tell it from "
    "the best; none, it is worse (at 5 %, corrected for all pairs of methods)."
)
NONE_YET = "No mark at all for a budget: no method is better than the median configuration by then."
FEW = "So few seeds tell little: what is best may be so by chance."


def overview_figure(
    curves: Comparison,
    strip: Strip,
    methods: Mapping[str, MethodFacts],
    settings: Mapping[str, Any] | None = None,
    *,
    time: str = "log",
) -> Drawn:
    """The curves at the left, the strip with the names of the methods, which is their key too."""
    extra = [*cuts([curves]), *said(strip)]
    text = caption([curves], methods, settings or {}, time=time, extra=extra)
    order = [name for name in methods if name in strip.marks]
    with styled():
        width_in = paper.width(None, WIDE_IN)
        beside = width_in >= NARROW_IN
        names = names_that_fit(order, methods, width_in * (STRIP_SHARE if beside else 1.0))
        strip_in = rows_in(names) + FRAME_IN
        if beside:
            figure = new_figure(width_in, max(strip_in, LEAST_IN))
            left, right = figure.subplots(1, 2, width_ratios=[1 - STRIP_SHARE, STRIP_SHARE])
        else:
            curves_in = paper.PANEL_PER_WIDTH * width_in
            figure = new_figure(width_in, curves_in + strip_in)
            left, right = figure.subplots(2, 1, height_ratios=[curves_in, strip_in])
        draw_lines(left, curves, looks(methods), methods)
        set_time_axis(left, curves, time)
        set_value_axis(left, curves)
        left.set_title(curves.title)
        draw_strip(right, strip, methods)
        right.set_yticks(range(len(order)), names)
        add_caption(figure, text)
    return Drawn(figure, text)


def said(strip: Strip) -> tuple[str, ...]:
    """What the marks mean, and what a budget without any does."""
    empty = not all(any(marks) for marks in zip(*strip.marks.values(), strict=True))
    return (MEANINGS, *([NONE_YET] if empty else []), *([FEW] if strip.few else []))


def draw_strip(axes: Axes, strip: Strip, methods: Mapping[str, MethodFacts]) -> Axes:
    """One row a method, in the order of `methods`, one column a budget; returns the axes."""
    all_looks = looks(methods)
    order = [name for name in methods if name in strip.marks]
    for place, method in enumerate(order):
        look = all_looks[method]
        axes.plot(
            [-1.25, -1.0, -0.75], [place] * 3, markevery=[1],
            **look.options(size=CURVE_MARKER_POINTS), zorder=3,
        )  # fmt: skip
        for column, mark in enumerate(strip.marks[method]):
            _mark(axes, column, place, mark, look)
    axes.set_yticks(range(len(order)), [methods[name].label for name in order])
    axes.set_xticks(range(len(strip.budgets)), [heading(budget) for budget in strip.budgets])
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=NAME_POINTS)
    axes.set_xlim(-1.4, len(strip.budgets) - 0.5)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.xaxis.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def _mark(axes: Axes, column: int, row: int, mark: str, look: Look) -> None:
    if mark in ("best", "tied"):
        axes.plot(
            [column], [row], "o", markersize=MARK_POINTS, color=look.color, markeredgewidth=1.4,
            markerfacecolor=look.color if mark == "best" else "white", zorder=3,
        )  # fmt: skip


def heading(budget: Budget) -> str:
    """Such as, in two lines: 10 %, and 3.2 min to 2.4 h."""
    words = [in_lines(text, HEADING_CHARACTERS) for text in times(budget)]
    return "\n".join([f"{100 * budget.fraction:g} %", *words])


def times(budget: Budget) -> Sequence[str]:
    """How long the budget is on its tasks; none where they are on different clocks."""
    return [span(budget.times_s, budget.clock)] if budget.clock and budget.times_s else []
