"""What figures of tables share: names that fit, one row a method, panels, keys and captions."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hpobench.plots.canvas.sheet import Drawn, add_caption, legend_above
from hpobench.plots.canvas.style import (
    looks,
    new_figure,
    plain_texts,
    plain_where_needed,
    styled,
)
from hpobench.plots.canvas.words import NAME_POINTS, characters, in_lines
from hpobench.storage.schema import MethodFacts

Methods = Mapping[str, MethodFacts]
Painter = Callable[[Axes], object]
Labels = Mapping[str, str]
"""How tasks are called, by name."""

NAME_SHARE, NAME_SHARE_NARROW, NARROW_IN = 0.38, 0.45, 5.0
PANEL_LEAST_IN = 0.9
NO_DATA = "–"
TITLE_LEAST = 12
LINES_IN = (2.9, 2.1)
FRAME_IN, LINE_IN = 0.25, 0.16


def need(table: pd.DataFrame, source: str, *columns: str) -> pd.DataFrame:
    """The table, checked; raises ValueError if it is empty, or is not what `source` returns."""
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(
            f"the table lacks the columns {', '.join(missing)}: draw what {source} returned"
        )
    if not len(table):
        raise ValueError(f"there is nothing to draw: the table of {source} has no rows")
    texts = [name for name in ("task", "method", "other") if name in table]
    return table.astype(dict.fromkeys(texts, object))


def of_tasks(table: pd.DataFrame, tasks: Sequence[str] | None) -> pd.DataFrame:
    """The rows of these tasks (None: of all); ValueError, naming the choices, if one has none."""
    has = list(dict.fromkeys(table["task"]))
    strange = [str(task) for task in tasks or () if task not in has]
    if strange:
        raise ValueError(
            f"tasks {', '.join(strange)} are not in the table: it has {', '.join(map(str, has))}"
        )
    return table[table["task"].isin(list(tasks or has))]


def label_of(method: str, methods: Methods) -> str:
    """A method's label; raises ValueError if its facts are missing."""
    if method not in methods:
        raise ValueError(f"no facts of method {method!r}: pass those of the study (study.methods)")
    return methods[method].label


def in_order(table: pd.DataFrame, methods: Methods) -> list[str]:
    """The methods that the table holds, in the order of the study."""
    present = set(table["method"])
    for method in present:
        label_of(method, methods)
    return [method for method in methods if method in present]


def width_of(axes: Axes) -> float:
    """Width of the whole figure, in inches."""
    figure: Any = axes.get_figure(root=True)
    return float(figure.get_figwidth())


def name_in(width_in: float) -> float:
    """The most that the names at the left take of a figure, in inches."""
    return width_in * (NAME_SHARE if width_in >= NARROW_IN else NAME_SHARE_NARROW)


def names_that_fit(methods: Sequence[str], facts: Methods, width_in: float) -> list[str]:
    """Labels in lines that leave most of a figure of this width to the data."""
    return [in_lines(label_of(m, facts), characters(name_in(width_in))) for m in methods]


def rows_in(names: Sequence[str]) -> float:
    """Height in inches of one row a name, tall enough for the one with the most lines."""
    lines = max((name.count("\n") + 1 for name in names), default=1)
    return len(names) * (lines * NAME_POINTS * 1.25 + 6) / 72


def name_rows(axes: Axes, order: Sequence[str], methods: Methods) -> None:
    """The first method on top; grid lines along the values only."""
    axes.set_yticks(range(len(order)), names_that_fit(order, methods, width_of(axes)))
    axes.tick_params(axis="y", length=0, pad=5, labelsize=NAME_POINTS)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.yaxis.grid(False)


def draw_intervals(
    axes: Axes, order: Sequence[str], methods: Methods, rows: pd.DataFrame, value: str
) -> None:
    """A marker at `value` and a bar from `low` to `high` in the row of each method.

    `rows` is indexed by method. What is not finite is left out.
    """
    all_looks = looks(methods)
    for place, method in enumerate(order):
        if method not in rows.index:
            continue
        look = all_looks[method]
        low, centre, high = rows.loc[method, ["low", value, "high"]].to_numpy(float)
        axes.plot([low, high], [place, place], color=look.color, linewidth=4.5, alpha=0.35,
                  solid_capstyle="butt", zorder=2)  # fmt: skip
        axes.plot([centre], [place], **look.options(line=False), zorder=3)


def mark_missing(axes: Axes, place: int) -> None:
    """A dash at the left of a row that has nothing to show."""
    left: Any = axes.get_yaxis_transform()
    axes.text(0.02, place, NO_DATA, transform=left, va="center", color="#777777")


def title_by_task(axes: Axes, table: pd.DataFrame, labels: Labels | None) -> None:
    """The label of the table's first task; without labels its name."""
    task = str(table["task"].iloc[0])
    title_panel(axes, (labels or {}).get(task, task))


def title_panel(axes: Axes, text: str, *, y: float | None = 1.0) -> None:
    """In lines that fit the panel. `y`: None where ticks may have a power of ten above them."""
    most = max(characters(0.72 * panel_in(axes), 9), TITLE_LEAST)
    axes.set_title(in_lines(text, most), fontsize=9, y=y)


def rows_figure(
    painters: Sequence[Painter],
    names: Sequence[str],
    text: str,
    width_in: float,
    *,
    group: int = 1,
) -> Drawn:
    """Panels side by side, as many as are wide enough; the names stand at the left of each line.

    Each painter draws a panel of len(`names`) rows, and names them. `group`: so many panels belong
    together in one line, or each has its own.
    """
    with styled():
        columns = _columns(len(painters), width_in, group)
        lines = math.ceil(len(painters) / columns)
        figure = new_figure(width_in, lines * rows_in(names))
        for number, paint in enumerate(painters):
            axes = figure.add_subplot(lines, columns, number + 1)
            paint(axes)
            if number % columns:
                axes.tick_params(labelleft=False)
        figure.set_figheight(lines * (rows_in(names) + _frame_in(figure)))
        add_caption(figure, text)
    return Drawn(figure, text)


def _frame_in(figure: Figure) -> float:
    """What ticks, titles and labels of a panel take of its height, by their most lines."""
    titles = max(axes.get_title().count("\n") + bool(axes.get_title()) for axes in figure.axes)
    labels = max(axes.get_xlabel().count("\n") + 1 for axes in figure.axes)
    return FRAME_IN + LINE_IN * (titles + labels)


def _columns(panels: int, width_in: float, group: int) -> int:
    most = max(int((width_in - name_in(width_in)) / PANEL_LEAST_IN), 1)
    if group > 1:
        return group if most >= group else 1
    return math.ceil(panels / math.ceil(panels / most))


def panel_in(axes: Axes) -> float:
    """About how wide the panel will be, in inches: names on the left take their share."""
    grid = axes.get_subplotspec()
    columns = grid.get_gridspec().ncols if grid is not None else 1
    width_in = width_of(axes)
    return (width_in - name_in(width_in)) / columns


def lines_figure(
    painters: Sequence[Painter], order: Sequence[str], methods: Methods, text: str, width_in: float
) -> Drawn:
    """Panels of lines, two side by side where there is room for it, and a key of the methods."""
    with styled():
        columns = min(len(painters), 2 if width_in >= NARROW_IN else 1)
        lines = math.ceil(len(painters) / columns)
        figure = new_figure(
            width_in, lines * LINES_IN[0 if columns == 1 and width_in >= NARROW_IN else 1]
        )
        for number, paint in enumerate(painters):
            paint(figure.add_subplot(lines, columns, number + 1))
        add_key(figure, order, methods)
        add_caption(figure, text)
    return Drawn(figure, text)


def add_key(
    figure: Figure,
    order: Sequence[str],
    methods: Methods,
    *,
    line: bool = True,
    number: bool = False,
) -> None:
    """One key of the methods above the panels; the figure grows by what it takes.

    `number`: with their numbers, from 1. Names too long for the figure go over several lines.
    """
    all_looks = looks(methods)
    width, height = figure.get_size_inches()
    most = characters(width - 0.7)
    handles = []
    for place, method in enumerate(order, start=1):
        label = label_of(method, methods)
        label = in_lines(f"{place}  {label}" if number else label, most)
        handles.append(Line2D([], [], label=label, **all_looks[method].options(line=line)))
    spacing: Any = {"handlelength": 2.6 if line else 1.2, "columnspacing": 1.0}
    options: Any = {f"legend.{name}": value for name, value in spacing.items()}
    with mpl.rc_context({"legend.fontsize": NAME_POINTS, **options}):
        legend = legend_above(figure, handles)
    figure.set_size_inches(width, height + height_of(figure, legend))


def settle(figure: Figure) -> None:
    """Lay the figure out once more: with axes of a fixed aspect the first time is not enough."""
    plain_where_needed(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)


def height_of(figure: Figure, artist: Any) -> float:
    """In inches."""
    plain_texts(artist)
    canvas: Any = figure.canvas
    return float(artist.get_window_extent(canvas.get_renderer()).height) / figure.dpi
