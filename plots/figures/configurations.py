"""Configurations of the incumbents as parallel coordinates, with the importance of each axis.

The axes lie one below the other: their names and ticks stay legible however many there are.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hpobench.arrays import FloatArray
from hpobench.plots.canvas import paper
from hpobench.plots.canvas.panels import (
    Methods,
    add_key,
    in_order,
    name_in,
    need,
    rows_in,
    width_of,
)
from hpobench.plots.canvas.sheet import Drawn, add_caption
from hpobench.plots.canvas.style import SINGLE_IN, looks, new_figure, styled
from hpobench.plots.canvas.words import NAME_POINTS, characters, counted, in_lines, sentences
from hpobench.plots.figures.parallel_axes import (
    TICK_POINTS,
    ParallelAxis,
    anchor,
    parallel_axis,
    ticks_that_fit,
)
from hpobench.results.conduct.configurations import FACTS
from hpobench.storage.schema import hyperparameter_of

FRAME_IN = 0.6
MOST = 15
COLORS = ("value", "method")
Space = Mapping[str, Mapping[str, Any]]
"""Hyperparameters as they are stated."""
INACTIVE = -0.13
ROW_IN = 0.4
IMPORTANCE_SHARE = 0.22
IMPORTANCE_SENTENCE = (
    "Importance: share of the variance that a hyperparameter explains alone (fANOVA), mean over "
    "trees; lines from the 2.5 % to the 97.5 % quantile over trees."
)


def parallel_figure(
    configs: pd.DataFrame,
    methods: Methods,
    importance: pd.DataFrame | None = None,
    *,
    color: str = "value",
    label: str = "value",
    most: int = MOST,
    space: Space | None = None,
    width_in: float | None = None,
    notes: Sequence[str] = (),
) -> Drawn:
    """A line a run of the table of `incumbent_configs`, with bars of `importance` if given.

    `color`: value or method. `label` names the value. `most`: how many hyperparameters to show, the
    most important first, or in the order of the table. `space`: the hyperparameters as they are
    stated (`TaskFacts.space`), for the scales of the axes; None: not known.
    """
    width_in = paper.width(width_in, SINGLE_IN[0])
    configs = need(configs, "incumbent_configs", *FACTS)
    order = rows_shown(configs, importance, most)
    text = parallel_text(configs, order, importance is not None, color, label, space, notes)
    with styled():
        names = names_beside(scales_of(configs, order, space), label, width_in)
        height = max(ROW_IN * len(names), rows_in(names)) + FRAME_IN
        figure = new_figure(width_in, height)
        axes = _panels(figure, importance is not None)
        draw_parallel(axes[0], configs, methods, color=color, label=label, order=order, space=space)
        if importance is not None:
            bars = [*map(hyperparameter_of, order), ""]
            draw_importance(axes[1], importance, order=bars)
            axes[1].tick_params(labelleft=False)
        if color == "method":
            add_key(figure, in_order(configs, methods), methods)
        add_caption(figure, text)
    return Drawn(figure, text)


def draw_parallel(
    axes: Axes,
    configs: pd.DataFrame,
    methods: Methods,
    *,
    color: str = "value",
    label: str = "value",
    order: Sequence[str] | None = None,
    space: Space | None = None,
) -> Axes:
    """An axis a hyperparameter, from top to bottom in `order`, the value last."""
    if color not in COLORS:
        raise ValueError(f"color={color!r}: use one of {', '.join(COLORS)}")
    configs = need(configs, "incumbent_configs", *FACTS).sort_values("value", ascending=False)
    order = list(_hyperparameters(configs) if order is None else order)
    scales = scales_of(configs, order, space)
    places = np.array([scale.places for scale in scales])
    _draw_scales(axes, scales, width_of(axes))
    if color == "value":
        _draw_by_value(axes, places)
    else:
        _draw_by_method(axes, places, configs["method"], methods)
    axes.set_yticks(range(len(scales)), names_beside(scales, label, width_of(axes)))
    axes.tick_params(axis="y", length=0, labelsize=NAME_POINTS)
    axes.set_xlim(INACTIVE - 0.03 if np.isnan(places).any() else -0.02, 1.02)
    axes.set_ylim(len(scales) - 0.4, -0.4)
    axes.set_xticks([])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    return axes


def _panels(figure: Figure, two: bool) -> list[Axes]:
    if not two:
        return [figure.add_subplot()]
    ratios = [1 - IMPORTANCE_SHARE, IMPORTANCE_SHARE]
    return list(figure.subplots(1, 2, width_ratios=ratios))


def _draw_scales(axes: Axes, scales: Sequence[ParallelAxis], width_in: float) -> None:
    """A line an axis, its ticks, and their labels below it."""
    inactive = any(np.isnan(scale.places).any() for scale in scales)
    length_in = (width_in - name_in(width_in)) * (1 - IMPORTANCE_SHARE) / (1.2 if inactive else 1)
    for row, scale in enumerate(scales):
        axes.plot([0, 1], [row, row], color="#999999", linewidth=0.8, zorder=1)
        ticks = list(ticks_that_fit(scale, length_in))
        shown = [place for place, _ in ticks]
        axes.plot(shown, [row] * len(ticks), "|", markersize=5, color="#555555", zorder=1)
        for place, text in ticks:
            align = {0.0: "left", 0.5: "center", 1.0: "right"}[anchor(place)]
            axes.annotate(
                text, (place, row), (0, -4), textcoords="offset points", va="top", ha=align,
                fontsize=TICK_POINTS, color="#333333", zorder=4,
                bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.3},
            )  # fmt: skip
    if inactive:
        axes.axvline(INACTIVE, color="#cccccc", linewidth=0.8, linestyle=":", zorder=1)
        axes.annotate(
            "inactive", (INACTIVE, 0), (0, 6), textcoords="offset points", ha="left",
            fontsize=TICK_POINTS, color="#333333",
        )  # fmt: skip


def _lines(places: FloatArray) -> list[FloatArray]:
    """A polyline (rows, 2) for each run; what is not active lies in the gap."""
    x = np.where(np.isnan(places), INACTIVE, places)
    rows = np.arange(len(places), dtype=float)
    return [np.column_stack([each, rows]) for each in x.T]


def strength(count: int) -> float:
    """How opaque each of so many lines is."""
    return float(np.clip(20 / count, 0.2, 0.9))


def _draw_by_value(axes: Axes, places: FloatArray) -> None:
    """Dark for low values, which are the best and on top."""
    shades = colormaps["viridis"](np.clip(places[-1], 0, 0.95))
    shades[:, 3] = strength(places.shape[1])
    axes.add_collection(LineCollection(_lines(places), colors=shades, linewidths=1.0, zorder=2))
    ends = np.linspace(0, 1, 101)
    row = len(places) - 1
    strip = [np.array([[a, row], [b, row]]) for a, b in pairwise(ends)]
    colors = colormaps["viridis"](np.clip(ends[:-1], 0, 0.95))
    axes.add_collection(LineCollection(strip, colors=colors, linewidths=3, zorder=3))


def _draw_by_method(
    axes: Axes, places: FloatArray, names: "pd.Series[str]", methods: Methods
) -> None:
    """In the colour and line of the method, with its marker on the last axis."""
    all_looks, lines = looks(methods), _lines(places)
    order = [str(name) for name in names]
    for line, name in zip(lines, order, strict=True):
        look = all_looks[name]
        axes.plot(
            line[:, 0], line[:, 1], look.line, color=look.color, linewidth=0.9,
            alpha=max(strength(len(lines)), 0.35), zorder=2,
        )  # fmt: skip
        axes.plot(*line[-1], **look.options(line=False, size=4), zorder=3)


def _hyperparameters(configs: pd.DataFrame) -> list[str]:
    return [str(name) for name in configs.columns if name not in FACTS]


def rows_shown(configs: pd.DataFrame, importance: pd.DataFrame | None, most: int) -> list[str]:
    """The hyperparameters to show, from top."""
    names = _hyperparameters(configs)
    if importance is not None:
        ranked = {str(name): place for place, name in enumerate(importance["hyperparameter"])}
        names = sorted(names, key=lambda name: ranked.get(hyperparameter_of(name), len(ranked)))
    return names[:most]


def scales_of(
    configs: pd.DataFrame, order: Sequence[str], space: Space | None
) -> list[ParallelAxis]:
    """An axis a hyperparameter, the value last."""
    known = {name: (space or {}).get(hyperparameter_of(name)) for name in order}
    return [parallel_axis(name, configs[name], known.get(name)) for name in [*order, "value"]]


def names_beside(scales: Sequence[ParallelAxis], label: str, width_in: float) -> list[str]:
    """What the axes are called, in lines that fit a figure of this width."""
    shown = [*(hyperparameter_of(scale.name) for scale in scales[:-1]), label]
    names = [
        name + (" (log)" if scale.log else "") for name, scale in zip(shown, scales, strict=True)
    ]
    return [wrapped_name(name, width_in) for name in names]


def parallel_text(
    configs: pd.DataFrame,
    order: Sequence[str],
    ranked: bool,
    color: str,
    label: str,
    space: Space | None,
    notes: Sequence[str],
) -> str:
    """The caption; `ranked`: importance is shown beside the axes."""
    total = len(_hyperparameters(configs))
    seeds = configs.groupby("method").size()
    lost = int(configs["value"].isna().sum())
    return sentences(
        f"Configurations of the final incumbents of {counted([len(configs)], 'runs')}: "
        f"{counted([len(seeds)], 'methods')}, {counted(seeds, 'seeds')} each. A line a run; no "
        "statistic, no band.",
        f"Colour: the {label}, dark is best." if color == "value" else "Colour: the method.",
        "Axes span the search space, on the scales that it states; the last is the "
        f"{label} and spans the values that occur."
        if space
        else f"Axes span the values that occur, log over more than two decades; the last is the "
        f"{label}.",
        "Lines that share a category lie side by side.",
        "Left of the axes: the hyperparameter was not active."
        if configs[list(order)].isna().any(axis=None)
        else "",
        f"Shown: {len(order)} of {total} hyperparameters." if len(order) < total else "",
        f"Runs without a value: {lost}." if lost else "",
        *notes,
        IMPORTANCE_SENTENCE if ranked else "",
    )


def draw_importance(axes: Axes, table: pd.DataFrame, *, order: Sequence[str] | None = None) -> Axes:
    """A bar and an interval a hyperparameter; `order` from top, None: as in the table."""
    table = need(table, "importance", "hyperparameter", "importance", "low", "high")
    rows = table.set_index("hyperparameter")
    order = [str(name) for name in rows.index] if order is None else order
    at = [place for place, name in enumerate(order) if name in rows.index]
    shown = rows.loc[[name for name in order if name in rows.index]]
    axes.barh(at, shown["importance"], height=0.5, color="#0072B2", alpha=0.75, zorder=2)
    axes.hlines(at, shown["low"], shown["high"], color="black", linewidth=1, zorder=3)
    axes.set_yticks(range(len(order)), [wrapped_name(name, width_of(axes)) for name in order])
    axes.tick_params(axis="y", length=0, labelsize=NAME_POINTS)
    axes.set_ylim(len(order) - 0.4, -0.4)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(2 if len(order) > len(at) else 5))
    axes.yaxis.grid(False)
    axes.set_xlabel("importance", loc="right")
    return axes


def wrapped_name(name: str, width_in: float) -> str:
    """A hyperparameter's name in lines that fit beside the panel."""
    return in_lines(name, characters(0.8 * name_in(width_in)))
