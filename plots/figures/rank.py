"""Average rank over time, with its band."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hpobench.plots.canvas.sheet import Drawn, sheet
from hpobench.results.anytime.comparison import Comparison
from hpobench.storage.schema import MethodFacts


def rank_figure(
    ranking: Comparison,
    methods: Mapping[str, MethodFacts],
    settings: Mapping[str, Any] | None = None,
    *,
    time: str = "log",
) -> Drawn:
    """One panel; rank 1, the best, is at the bottom like the best value in the other figures."""
    return sheet([ranking], methods, settings, time=time, finish=_rank_axis)


def _rank_axis(axes: Axes, ranking: Comparison) -> None:
    axes.set_ylabel(f"{ranking.label} (1 is best)")
    last = max(len(ranking.lines), 2)
    axes.set_ylim(0.8, last + 0.2)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=min(last, 8), integer=True))
    axes.axhline((1 + last) / 2, color="#999999", linewidth=0.8, linestyle=":", zorder=1)
