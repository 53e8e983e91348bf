"""Critical-difference diagram: average ranks on an axis, bars over what cannot be told apart.

After Demsar 2006, Statistical Comparisons of Classifiers over Multiple Data Sets (JMLR 7),
figure 1: the best rank is at the right. Heights are in points, downwards.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from hpobench.plots.canvas import paper
from hpobench.plots.canvas.panels import NARROW_IN, Methods, label_of, width_of
from hpobench.plots.canvas.sheet import Drawn, add_caption
from hpobench.plots.canvas.style import SINGLE_IN, looks, new_figure, styled
from hpobench.plots.canvas.words import (
    CHARACTER_EM,
    NAME_POINTS,
    characters,
    counted,
    in_lines,
    sentences,
)
from hpobench.results.statistics.blocks import TASKS
from hpobench.results.statistics.rank_tests import Friedman, in_words

AXIS_AT = 40.0
FIRST_CLIQUE = 7.0
CLIQUE_STEP = 6.0
LINE_POINTS = 1.25 * NAME_POINTS
AXIS_LEAST_IN = 2.0
ONE_SIDE_SHARE = 0.5
TICK_IN = 0.22

Cliques = Sequence[Sequence[str]]


def critical_difference_figure(
    test: Friedman,
    methods: Methods,
    *,
    width_in: float | None = None,
    notes: Sequence[str] = (),
) -> Drawn:
    """The diagram of what `friedman` found. Names stand on both sides, or at the right if long."""
    width_in = paper.width(width_in, SINGLE_IN[0])
    text = sentences(
        f"Average rank of {len(test.ranks)} methods over {counted([test.blocks], test.unit)}; 1, "
        "the best, is at the right. Bars join methods that cannot be told apart.",
        in_words(test),
        *notes,
    )
    with styled():
        figure = new_figure(width_in, (_height(test, methods, width_in) + 6) / 72)
        draw_critical_difference(figure.add_subplot(), test, methods)
        add_caption(figure, text)
    return Drawn(figure, text)


def draw_critical_difference(axes: Axes, test: Friedman, methods: Methods) -> Axes:
    """Axis of ranks, critical difference above it, bars of the cliques and the methods below."""
    width_in = width_of(axes)
    count = len(test.ranks)
    average = "rank of task means" if width_in < NARROW_IN else "average rank of task means"
    _draw_axis(axes, count, average if test.unit == TASKS else "average rank")
    _draw_difference(axes, test.critical_difference, count)
    levels = clique_levels(test)
    for clique, level in zip(_drawn(test.cliques), levels, strict=True):
        ends = [float(test.ranks[method]) for method in clique]
        height = AXIS_AT + FIRST_CLIQUE + CLIQUE_STEP * level
        axes.plot(
            [max(ends), min(ends)], [height] * 2, color="#333333", linewidth=3, zorder=4,
            solid_capstyle="round", gid="clique",
        )  # fmt: skip
    _draw_methods(axes, test, methods, width_in)
    axes.set_ylim(_height(test, methods, width_in), 0)
    return axes


def clique_levels(test: Friedman) -> list[int]:
    """A level for each clique of two or more, from 0, so that bars of one level do not touch."""
    gap = 0.02 * max(len(test.ranks) - 1, 1)
    ends: list[float] = []
    levels = []
    for clique in _drawn(test.cliques):
        places = [float(test.ranks[method]) for method in clique]
        level = next((n for n, end in enumerate(ends) if end + gap < min(places)), len(ends))
        ends[level : level + 1] = [max(places)]
        levels.append(level)
    return levels


def _drawn(cliques: Cliques) -> list[Sequence[str]]:
    return [clique for clique in cliques if len(clique) > 1]


def _two_sided(methods: Methods, order: Sequence[str], width_in: float) -> bool:
    longest = max(len(_name(method, 1.0, methods)) for method in order)
    return 2 * longest * NAME_POINTS * CHARACTER_EM / 72 + AXIS_LEAST_IN <= width_in


def _name(method: str, rank: float, methods: Methods) -> str:
    return f"{label_of(method, methods)} ({rank:.2f})"


def _names(test: Friedman, methods: Methods, width_in: float) -> list[str]:
    """Best first, with their ranks, in lines that fit."""
    order = [str(method) for method in test.ranks.index]
    most = 10_000 if _two_sided(methods, order, width_in) else characters(ONE_SIDE_SHARE * width_in)
    return [in_lines(_name(method, float(test.ranks[method]), methods), most) for method in order]


def _rows(test: Friedman, methods: Methods, width_in: float) -> tuple[int, float]:
    """How many of the methods stand at the right, and the height of a row."""
    names = _names(test, methods, width_in)
    two = _two_sided(methods, [str(method) for method in test.ranks.index], width_in)
    lines = max(name.count("\n") + 1 for name in names)
    return (math.ceil(len(names) / 2) if two else len(names)), lines * LINE_POINTS + 4


def _first_row(test: Friedman) -> float:
    return AXIS_AT + FIRST_CLIQUE + CLIQUE_STEP * (max(clique_levels(test), default=-1) + 1) + 8


def _height(test: Friedman, methods: Methods, width_in: float) -> float:
    right, row = _rows(test, methods, width_in)
    return _first_row(test) + row * (right - 0.5)


def _draw_axis(axes: Axes, count: int, label: str) -> None:
    axes.set_xlim(max(count, 2), 1)
    axes.set_yticks([])
    axes.grid(False)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "top")
    axes.spines["top"].set_position(("data", AXIS_AT))
    axes.xaxis.set_ticks_position("top")
    width = width_of(axes)
    most = max(int(AXIS_LEAST_IN / TICK_IN) if width >= NARROW_IN else int(1.4 / TICK_IN), 2)
    step = math.ceil(count / most)
    axes.set_xticks(np.arange(1, max(count, 2) + 1, step))
    axes.text(1, 0, label, ha="right", va="top", fontsize=NAME_POINTS)


def _draw_difference(axes: Axes, difference: float, count: int) -> None:
    """From the worst rank as far as it goes; only in words if it is longer than the axis."""
    worst = max(count, 2)
    axes.text(
        worst, 0, f"CD = {difference:.2f}", ha="left", va="top", fontsize=NAME_POINTS
    )  # fmt: skip
    if difference > worst - 1:
        return
    axes.plot(
        [worst, worst - difference], [14, 14], color="black", linewidth=1.2, marker="|",
        markersize=6, clip_on=False, gid="critical difference",
    )  # fmt: skip


def _draw_methods(axes: Axes, test: Friedman, methods: Methods, width_in: float) -> None:
    """From each rank down and out to its name; the outermost name is at the top of its side."""
    all_looks = looks(methods)
    names = _names(test, methods, width_in)
    right, row = _rows(test, methods, width_in)
    for number, (method, name) in enumerate(zip(test.ranks.index, names, strict=True)):
        at_right = number < right
        place = number if at_right else len(names) - 1 - number
        height, edge = _first_row(test) + row * place, 1 if at_right else max(len(names), 2)
        rank = float(test.ranks[method])
        look = all_looks[str(method)]
        axes.plot(
            [rank, rank, edge], [AXIS_AT, height, height], color=look.color, linewidth=1, zorder=2
        )
        axes.plot([edge], [height], **look.options(line=False), clip_on=False, zorder=3)
        axes.annotate(
            name, (edge, height), (7 if at_right else -7, 0), textcoords="offset points",
            ha="left" if at_right else "right", va="center", fontsize=NAME_POINTS,
            annotation_clip=False,
        )  # fmt: skip
