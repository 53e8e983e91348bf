"""Importance of hyperparameters as bars."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hpobench.plots.canvas.panels import name_in, need, width_of
from hpobench.plots.canvas.words import NAME_POINTS, characters, in_lines

FRAME_IN = 0.6
MOST = 15


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


def importance_text() -> str:
    """What importance is, for a caption."""
    return (
        "Importance: share of the variance that a hyperparameter explains alone (fANOVA), mean "
        "over trees; lines from the 2.5 % to the 97.5 % quantile over trees."
    )
