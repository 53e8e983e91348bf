"""Anytime performance: the incumbent over wall-clock time, one panel a task."""

from collections.abc import Mapping, Sequence
from typing import Any

from hpobench.plots.canvas.sheet import Drawn, sheet
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
