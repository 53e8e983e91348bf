"""ECDF of runtimes: the share of targets reached over time.

After Hansen et al. 2021, COCO: a platform for comparing continuous optimizers in a black-box
setting, section 3.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator, PercentFormatter

from hpobench.plots.canvas.panels import Methods
from hpobench.plots.canvas.sheet import Drawn, sheet
from hpobench.results.anytime.comparison import Comparison


def ecdf_figure(
    panels: Sequence[Comparison],
    methods: Methods,
    settings: Mapping[str, Any] | None = None,
    *,
    time: str = "log",
) -> Drawn:
    """One panel a comparison made by `time_ecdf`; `time` is the axis it was computed for."""
    return sheet(panels, methods, settings, time=time, finish=share_axis)


def share_axis(axes: Axes, panel: Comparison) -> None:
    """From 0 to 100 %."""
    axes.set_ylabel(panel.label)
    axes.set_ylim(0, 1.0)
    axes.yaxis.set_major_locator(MultipleLocator(0.2))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
