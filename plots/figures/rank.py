"""Average rank over time, with its band."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hpobench.plots.canvas.axes import draw_lines, set_time_axis
from hpobench.plots.canvas.sheet import Drawn, sheet
from hpobench.plots.canvas.style import looks
from hpobench.results.anytime.comparison import Comparison
from hpobench.storage.schema import MethodFacts


def rank_figure(
    ranking: Comparison,
    methods: Mapping[str, MethodFacts],
    settings: Mapping[str, Any] | None = None,
    *,
    time: str = "log",
) -> Drawn:
    """One panel; rank 1, the best, is at the bottom like the best value in the other figures.

    The axis reaches as far as the curves and their bands, and to the mean of all ranks.
    """
    return sheet([ranking], methods, settings, time=time, finish=_rank_axis)


def draw_rank(
    axes: Axes, ranking: Comparison, methods: Mapping[str, MethodFacts], *, time: str = "log"
) -> Axes:
    """The same in axes of one's own, which are returned; `axes.legend()` adds a key."""
    draw_lines(axes, ranking, looks(methods), methods)
    set_time_axis(axes, ranking, time)
    _rank_axis(axes, ranking)
    return axes


def _rank_axis(axes: Axes, ranking: Comparison) -> None:
    axes.set_ylabel(f"{ranking.label} (1 is best)")
    last = max(len(ranking.lines), 2)
    shown = [
        part[np.isfinite(part)]
        for line in ranking.lines.values()
        for part in (line.centre, line.low, line.high)
    ]
    values = np.concatenate([*shown, [(1 + last) / 2]])
    axes.set_ylim(float(values.min()) - 0.2, float(values.max()) + 0.2)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=min(last, 8), integer=True))
    axes.axhline((1 + last) / 2, color="#999999", linewidth=0.8, linestyle=":", zorder=1)
