"""Anytime performance: the incumbent over wall-clock time, one panel a task."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from hpobench.plots.canvas.axes import draw_lines, set_time_axis, set_value_axis
from hpobench.plots.canvas.sheet import Drawn, sheet
from hpobench.plots.canvas.style import looks
from hpobench.results.anytime.comparison import Comparison
from hpobench.storage.schema import MethodFacts


def anytime_figure(
    panels: Sequence[Comparison],
    methods: Mapping[str, MethodFacts],
    settings: Mapping[str, Any] | None = None,
    *,
    time: str = "log",
) -> Drawn:
    """One panel a comparison, with a shared legend and caption; regrets on a log axis.

    `settings` are those of the study; `time` (log or linear) is the axis that the comparisons
    were computed for.
    """
    return sheet(panels, methods, settings, time=time)


def draw_anytime(
    axes: Axes, curves: Comparison, methods: Mapping[str, MethodFacts], *, time: str = "log"
) -> Axes:
    """One panel in axes of one's own, which are returned; `axes.legend()` adds a key.

    Its caption is the project's: `plots.canvas.caption.caption([curves], methods, settings, ...)`.
    """
    draw_lines(axes, curves, looks(methods), methods)
    set_time_axis(axes, curves, time)
    set_value_axis(axes, curves)
    return axes
