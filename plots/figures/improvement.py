"""Probability of improvement: how likely a run of one method beats a run of another, as a matrix.

After Agarwal et al. 2021, Deep Reinforcement Learning at the Edge of the Statistical Precipice,
section 4.3.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hpobench.arrays import FloatArray
from hpobench.plots.canvas import paper
from hpobench.plots.canvas.panels import (
    Methods,
    add_key,
    in_order,
    label_of,
    need,
    settle,
    width_of,
)
from hpobench.plots.canvas.sheet import Drawn, add_caption
from hpobench.plots.canvas.style import SINGLE_IN, new_figure, styled
from hpobench.plots.canvas.words import CHARACTER_EM, NAME_POINTS, counted, sentences

COLUMNS = ("method", "other", "probability", "low", "high", "tasks")
COLORS = "PuOr"  # diverging, told apart by all common kinds of colour vision (ColorBrewer)
MIDDLE = 0.179  # of luminance: black and white have the same contrast to it
DIRECT_SHARE = 0.26
CELL_MOST_IN = 0.52
BAR_IN = 0.55
NUMBERS_IN = 0.25


def improvement_figure(
    table: pd.DataFrame,
    methods: Methods,
    *,
    width_in: float | None = None,
    notes: Sequence[str] = (),
) -> Drawn:
    """The matrix of the table of `probability_of_improvement`, in the order of `methods`.

    Names that leave too little room are replaced by numbers, with a key above.
    """
    width_in = paper.width(width_in, SINGLE_IN[0])
    table = need(table, "probability_of_improvement", *COLUMNS)
    order = of_both(table, methods)
    text = sentences(
        "Probability that a run of the method in the row is better than one of the method in the "
        f"column, in %, mean over {counted(table['tasks'], 'tasks')}, of the seeds that both have; "
        "ties count one half.",
        "Bold: the 95 % interval (Newcombe, seeds within each task) excludes 50 %.",
        *notes,
    )
    with styled():
        names_in = _names_in(order, methods)
        direct = _direct(order, methods, width_in)
        side = min(
            (width_in - (names_in if direct else NUMBERS_IN) - 0.1) / len(order), CELL_MOST_IN
        )
        extra = names_in if direct else NUMBERS_IN
        figure = new_figure(width_in, side * len(order) + extra + BAR_IN)
        axes = figure.add_subplot()
        draw_improvement(axes, table, methods)
        _add_scale(figure, axes)
        if not direct:
            add_key(figure, order, methods, line=False, number=True)
        add_caption(figure, text)
        settle(figure)
    return Drawn(figure, text)


def draw_improvement(axes: Axes, table: pd.DataFrame, methods: Methods) -> Axes:
    """Square cells with the probability in %, and names or numbers at the top and the left."""
    table = need(table, "probability_of_improvement", *COLUMNS[:-1])
    order = of_both(table, methods)
    wide = table.set_index(["method", "other"])
    values, low, high = (_matrix(wide[name], order) for name in ("probability", "low", "high"))
    edges = np.arange(len(order) + 1) - 0.5
    axes.pcolormesh(
        edges, edges, np.ma.masked_invalid(values), cmap=COLORS, vmin=0, vmax=1,
        edgecolors="white", linewidth=0.6,
    )  # fmt: skip
    _annotate(axes, values, (low > 0.5) | (high < 0.5))
    _name(axes, order, methods)
    axes.set_aspect("equal")
    axes.set_xlim(-0.5, len(order) - 0.5)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.grid(False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def of_both(table: pd.DataFrame, methods: Methods) -> list[str]:
    """The methods that are compared, in the order of `methods`."""
    return in_order(pd.concat([table["method"], table["other"]]).to_frame("method"), methods)


def _matrix(values: "pd.Series[float]", order: Sequence[str]) -> FloatArray:
    """(n, n); NaN on the diagonal and where the table has no row."""
    pairs = pd.MultiIndex.from_product([order, order])
    matrix: FloatArray = np.array(values.reindex(pairs), dtype=float).reshape(len(order), -1)
    np.fill_diagonal(matrix, np.nan)
    return matrix


def _annotate(axes: Axes, values: FloatArray, sure: Any) -> None:
    count = len(values)
    points = _points(axes, count)
    dark = _luminance(colormaps[COLORS](values)[..., :3]) < MIDDLE
    for row, column in zip(*np.nonzero(np.isfinite(values)), strict=True):
        axes.text(
            column, row, f"{100 * values[row, column]:.0f}", ha="center", va="center",
            fontsize=points, color="white" if dark[row, column] else "black",
            fontweight="bold" if sure[row, column] else "normal", in_layout=False,
        )  # fmt: skip


def _luminance(colors: FloatArray) -> FloatArray:
    """Relative luminance (n, n) of sRGB colours (n, n, 3), as WCAG 2 defines it."""
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    luminance: FloatArray = linear @ np.array([0.2126, 0.7152, 0.0722])
    return luminance


def _points(axes: Axes, count: int) -> float:
    """The size of type with which three digits fit a cell."""
    return min(NAME_POINTS, 0.5 * _cell_points(axes, count))


def _cell_points(axes: Axes, count: int) -> float:
    """About the size of a cell, from the size of the axes as they are now."""
    figure: Any = axes.get_figure(root=True)
    box = axes.get_position()
    width = box.width * figure.get_figwidth()
    height = box.height * figure.get_figheight()
    return float(72 * min(width, height) / count)


def _name(axes: Axes, order: Sequence[str], methods: Methods) -> None:
    places = range(len(order))
    axes.xaxis.tick_top()
    if not _direct(order, methods, width_of(axes)):
        numbers = [str(place + 1) for place in places]
        axes.set_xticks(places, numbers, fontsize=1.1 * _points(axes, len(order)))
        axes.set_yticks(places, numbers, fontsize=1.1 * _points(axes, len(order)))
        return
    names = [label_of(method, methods) for method in order]
    axes.set_xticks(places, names, rotation=90)
    axes.set_yticks(places, names)


def _names_in(order: Sequence[str], methods: Methods) -> float:
    longest = max(len(label_of(method, methods)) for method in order)
    return longest * NAME_POINTS * CHARACTER_EM / 72 + 0.1


def _direct(order: Sequence[str], methods: Methods, width_in: float) -> bool:
    """Whether the names fit beside the matrix."""
    return _names_in(order, methods) <= DIRECT_SHARE * width_in


def _add_scale(figure: Figure, axes: Axes) -> None:
    bar = figure.colorbar(
        axes.collections[0], ax=axes, location="bottom", aspect=40, fraction=0.05, pad=0.02,
        label="probability that the row is better",
    )  # fmt: skip
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0 %", "25 %", "50 %", "75 %", "100 %"])
    if bar.solids is not None:
        bar.solids.set(rasterized=False, edgecolor="face")  # as vectors, without seams
    bar.outline.set_visible(False)
