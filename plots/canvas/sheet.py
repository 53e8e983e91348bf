"""A sheet: panels in a grid, one legend above them, the caption below; nothing overlaps."""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from hpobench.plots.canvas import paper
from hpobench.plots.canvas.axes import (
    CURVE_MARKER_POINTS,
    cuts,
    draw_lines,
    floor_shown,
    set_time_axis,
    set_value_axis,
)
from hpobench.plots.canvas.caption import caption, wrapped
from hpobench.plots.canvas.style import (
    PANEL_IN,
    SINGLE_IN,
    Look,
    looks,
    new_figure,
    plain_texts,
    styled,
)
from hpobench.results.anytime.comparison import Comparison
from hpobench.storage.schema import MethodFacts

MOST_COLUMNS = 4
CAPTION_POINTS = 7.5
TITLE_CHARACTERS = 32
LONG_LEGEND = 6
LEGEND_ROOM_IN = 0.2
PANEL_LEAST_IN = 2.2
MOST_LEGEND_COLUMNS = 6


class Drawn(NamedTuple):
    """A figure and the text of its caption, which is also in the figure."""

    figure: Figure
    caption: str


def sheet(
    panels: Sequence[Comparison],
    methods: Mapping[str, MethodFacts],
    settings: Mapping[str, Any] | None = None,
    *,
    time: str = "log",
    finish: Callable[[Axes, Comparison], None] = set_value_axis,
) -> Drawn:
    """Draw the panels; `finish` sets up the value axis of each. Raises ValueError without any."""
    if not panels:
        raise ValueError("there is nothing to draw: no panels")
    extra = cuts(panels)
    text = caption(panels, methods, settings or {}, time=time, extra=extra)
    with styled():
        rows, columns = grid_of(len(panels))
        if paper.current().width_in is not None:
            columns = min(columns, max(int(paper.width(None, 0) / PANEL_LEAST_IN), 1))
            rows = math.ceil(len(panels) / columns)
        figure = new_figure(*_size(rows, columns))
        for number, panel in enumerate(panels):
            axes = figure.add_subplot(rows, columns, number + 1)
            _draw_panel(axes, panel, methods, time)
            finish(axes, panel)
            if number % columns and panel.label == panels[number - 1].label:
                axes.set_ylabel("")  # its left neighbour has it
        _add_legend(figure, panels, methods)
        add_caption(figure, text)
    return Drawn(figure, text)


def grid_of(count: int) -> tuple[int, int]:
    """Rows and columns for so many panels: one row up to three, then nearly square."""
    columns = count if count <= 3 else min(MOST_COLUMNS, math.ceil(math.sqrt(count)))
    return math.ceil(count / columns), columns


def _size(rows: int, columns: int) -> tuple[float, float]:
    width_in = paper.current().width_in
    if width_in is not None:
        return width_in, rows * min(paper.PANEL_PER_WIDTH * width_in / columns, SINGLE_IN[1])
    if rows * columns == 1:
        return SINGLE_IN
    return max(columns * PANEL_IN[0], SINGLE_IN[0]), rows * PANEL_IN[1]


def _draw_panel(
    axes: Axes, panel: Comparison, methods: Mapping[str, MethodFacts], time: str
) -> None:
    draw_lines(axes, panel, looks(methods), methods)
    set_time_axis(axes, panel, time)
    # Linear axes may have a power of ten at their top, which a title has to clear.
    axes.set_title(_title(panel.title), y=None if floor_shown(panel) is None else 1.0)
    if not panel.lines:
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", color="#777777")


def _title(text: str) -> str:
    lines = textwrap.wrap(text, TITLE_CHARACTERS)
    return "\n".join(lines if len(lines) <= 2 else [lines[0], lines[1][:-1] + "…"])


def _add_legend(
    figure: Figure, panels: Sequence[Comparison], methods: Mapping[str, MethodFacts]
) -> None:
    """One legend of all methods drawn: above the panels, or beside a single one if it is long.

    The figure grows by what the legend takes, so that panels keep their size.
    """
    shown = {method for panel in panels for method in panel.lines}
    all_looks = looks(methods)
    handles = [_handle(all_looks[name], methods[name]) for name in methods if name in shown]
    if not handles:
        return
    width, height = figure.get_size_inches()
    if len(panels) == 1 and len(handles) > LONG_LEGEND and width >= SINGLE_IN[0]:
        legend = figure.legend(handles=handles, loc="outside right upper", frameon=False)
        beside, long = _size_of(figure, legend)
        added = 0.0 if paper.current().width_in else beside
        figure.set_size_inches(width + added, max(height, long + LEGEND_ROOM_IN))
        return
    legend = legend_above(figure, handles)
    figure.set_size_inches(width, height + _size_of(figure, legend)[1])


def legend_above(figure: Figure, handles: list[Line2D]) -> Legend:
    """In as many columns as the figure is wide."""
    for columns in range(min(len(handles), MOST_LEGEND_COLUMNS), 1, -1):
        legend = figure.legend(
            handles=handles, loc="outside upper center", ncols=columns, frameon=False
        )
        if _size_of(figure, legend)[0] <= 0.96 * figure.get_figwidth():
            return legend
        legend.remove()
    return figure.legend(handles=handles, loc="outside upper center", frameon=False)


def _handle(look: Look, facts: MethodFacts) -> Line2D:
    return Line2D([], [], **look.options(size=CURVE_MARKER_POINTS), label=facts.label)


def _size_of(figure: Figure, artist: Artist) -> tuple[float, float]:
    """Width and height in inches."""
    plain_texts(artist)
    canvas: Any = figure.canvas
    extent = artist.get_window_extent(canvas.get_renderer())
    return extent.width / figure.dpi, extent.height / figure.dpi


def add_caption(figure: Figure, text: str) -> None:
    """Below the panels, unless captions are left out; the figure grows by its height."""
    if not paper.current().caption:
        return
    width, height = figure.get_size_inches()
    note = figure.supxlabel(
        wrapped(text, width, CAPTION_POINTS),
        x=0.08 / width,
        ha="left",
        fontsize=CAPTION_POINTS,
        color="#333333",
    )
    figure.set_size_inches(width, height + _size_of(figure, note)[1])
