"""What figures of one run share: the clock, the colours of resources, titles and captions."""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from hpobench.arrays import FloatArray
from hpobench.plots.canvas.axes import LABEL_CHARACTERS, plain
from hpobench.plots.canvas.caption import OVERHEADS
from hpobench.plots.canvas.sheet import add_caption, legend_above
from hpobench.plots.canvas.style import PALETTE
from hpobench.plots.canvas.times import time_unit
from hpobench.results.anytime.comparison import value_label
from hpobench.results.conduct.one_run import Run
from hpobench.results.study.time_axis import SECONDS, WALL_CLOCK, axis_label

RUN_IN = (7.2, 4.4)
TITLE_CHARACTERS = 80
MOST_LEVELS = 8
LOG_RATIO = 50.0
MOST_VECTORS = 10_000


class Scale(NamedTuple):
    """Colours of resources: the same for all runs of a task."""

    norm: LogNorm
    colors: Colormap

    def __call__(self, resource: Any) -> FloatArray:
        """RGBA (n, 4)."""
        shades: FloatArray = self.colors(self.norm(np.asarray(resource, dtype=float)))
        return shades


def is_rasterized(pieces: int) -> bool:
    """Whether a vector file would be slow to write and to show with so many pieces."""
    return pieces > MOST_VECTORS


def set_clock(axes: Axes, end_s: float, clock: str) -> None:
    """A linear axis of time from 0 to the end, in a unit that suits it and the task's clock."""
    unit, name = time_unit(end_s, clock)
    axes.set_xlabel(f"wall-clock time ({name})" if clock == SECONDS else clock_name(clock))
    axes.set_xlim(0, end_s / unit if end_s > 0 else 1)
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))


def clock_name(clock: str) -> str:
    """What a task's clock shows: wall-clock time, or time in evaluations."""
    return axis_label(WALL_CLOCK, "" if clock == SECONDS else clock)


def scale_of(run: Run) -> Scale:
    """Dark for little resource to bright for much, without the palest tones."""
    lowest, highest = run.task.r_min, run.task.r_max
    if highest <= lowest:
        return Scale(LogNorm(lowest, 10 * lowest), ListedColormap([PALETTE[0]]))
    shades = colormaps["viridis"](np.linspace(0.0, 0.93, 256))
    return Scale(LogNorm(lowest, highest), ListedColormap(shades))


def add_scale(figure: Figure, axes: Sequence[Axes], run: Run) -> None:
    """The colour bar of resources, unless the task knows one resource only."""
    if run.task.r_max <= run.task.r_min:
        return
    mappable = ScalarMappable(*scale_of(run))
    bar = figure.colorbar(mappable, ax=list(axes), label=resource_name(run), pad=0.015, aspect=30)
    resource_ticks(bar.ax.yaxis, np.unique(run.jobs["to_resource"]))


def resource_ticks(axis: Axis, levels: FloatArray) -> None:
    """At the levels if they are few."""
    few = len(levels) <= MOST_LEVELS
    axis.set_major_locator(FixedLocator(list(levels)) if few else LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _position: plain(value)))
    axis.set_minor_locator(NullLocator())


def resource_name(run: Run) -> str:
    """What the task's resource is called."""
    return "resource" if run.task.fidelity == "none" else run.task.fidelity


def finish(figure: Figure, axes: Axes, run: Run, text: str) -> None:
    """Title and caption of a figure of one run."""
    axes.set_title(title(f"{run.method.label} on {run.task.label}, seed {run.seed}"))
    if not len(run.jobs):
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", color="#777777")
    add_caption(figure, text)


def title(text: str) -> str:
    """In lines that fit the width of a figure of a run."""
    return textwrap.fill(text, TITLE_CHARACTERS)


def count(number: int, what: str) -> str:
    """Such as: 1 job, 2 jobs."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def charged(run: Run) -> list[str]:
    """What moves the clock, for a caption."""
    if run.overhead not in OVERHEADS:
        return []
    words = OVERHEADS[run.overhead]
    return [f"{words[0].upper()}{words[1:]}."]


def set_values(axes: Axes, run: Run, values: "pd.Series[float]") -> None:
    """Label and scale of the value axis: log if the values are positive and far apart."""
    axes.set_ylabel(textwrap.fill(value_label(run.task, "observed", False), LABEL_CHARACTERS))
    if len(values) and values.min() > 0 and values.max() > LOG_RATIO * values.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: plain(value)))
        return
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))


def about(what: str, run: Run) -> list[str]:
    """The first sentence of a caption: what is shown, and of which run."""
    trials = run.jobs["trial"].nunique()
    size = f"{count(trials, 'trial')} in {count(len(run.jobs), 'job')}"
    return [
        f"{what} of one run: {run.method.label} on {run.task.label}, seed {run.seed}; {size} on "
        f"{count(run.workers, 'worker')}."
    ]


def mark(label: str, marker: str, face: str, edge: str) -> Line2D:
    """A dot for the legend."""
    return Line2D(
        [], [], linestyle="", marker=marker, markersize=4, mfc=face, mec=edge, label=label
    )


def legend(axes: Axes, handles: list[Line2D]) -> None:
    """Above the panel, if there is anything to explain."""
    figure = axes.get_figure()
    if handles and isinstance(figure, Figure):
        legend_above(figure, handles)
