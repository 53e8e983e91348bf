"""Runs under way: the incumbent of each so far."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hpobench.plots.canvas.panels import Methods, label_of, title_panel
from hpobench.plots.canvas.sheet import Drawn, add_caption, grid_of
from hpobench.plots.canvas.style import PANEL_IN, looks, new_figure, styled
from hpobench.plots.canvas.times import time_unit
from hpobench.plots.canvas.words import in_lines, sentences
from hpobench.results.anytime.comparison import value_label
from hpobench.results.conduct.under_way import UnderWay
from hpobench.storage.schema import TaskFacts

MOST = 6
LABEL_CHARACTERS = 30


def under_way_figure(
    runs: Sequence[UnderWay], tasks: Mapping[str, TaskFacts], methods: Methods
) -> Drawn:
    """A panel a run, of the first `MOST`: the value of its incumbent over its clock, as steps."""
    shown = runs[:MOST]
    more = len(runs) - len(shown)
    text = sentences(
        "Runs under way: the validation value of each incumbent so far. Time axis: wall-clock time "
        "since the run began, linear scale. No statistic, no band: a line is one run.",
        f"Not shown: {more} more." if more else "",
    )
    with styled():
        rows, columns = grid_of(len(shown))
        figure = new_figure(max(columns, 1.5) * PANEL_IN[0], rows * PANEL_IN[1])
        for number, run in enumerate(shown, start=1):
            axes = figure.add_subplot(rows, columns, number)
            draw_under_way(axes, run, tasks[run.task], methods)
        add_caption(figure, text)
    return Drawn(figure, text)


def draw_under_way(axes: Axes, run: UnderWay, task: TaskFacts, methods: Methods) -> Axes:
    """One run; the line goes on to where its clock stands now."""
    size, unit = time_unit(run.elapsed_s)
    look = looks(methods)[run.method]
    if len(run.time_s):
        time = np.append(run.time_s, max(run.elapsed_s, run.time_s[-1])) / size
        value = np.append(run.value, run.best)
        axes.plot(time, value, color=look.color, linestyle=look.line, drawstyle="steps-post")
    else:
        axes.text(0.5, 0.5, "no value yet", transform=axes.transAxes, ha="center", color="#777777")
    axes.set_xlim(0, run.elapsed_s / size or 1)
    axes.set_xlabel(f"wall-clock time ({unit})")
    axes.set_ylabel(in_lines(value_label(task, "observed", False), LABEL_CHARACTERS))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    title_panel(axes, f"{task.label}, {label_of(run.method, methods)}, seed {run.seed}", y=None)
    return axes
