"""Figures: tables in, figures out; no statistics.

>>> from hpobench.plots import draw_study, write_report
>>> draw_study(study, "figures")  # the standard figures of a study that was loaded
>>> write_report(Path("runs/mine"))  # its page

Names are imported when they are first asked for. `draw_study` is the function `draw.draw`.
"""

from typing import TYPE_CHECKING

from hpobench.system.exports import lazily

if TYPE_CHECKING:
    from hpobench.plots.canvas.sheet import Drawn
    from hpobench.plots.draw import (
        draw as draw_study,
    )
    from hpobench.plots.draw import (
        draw_costs,
        draw_run,
        draw_scaling,
        draw_speedups,
        draw_task,
        draw_workers,
    )
    from hpobench.plots.figures.aggregates import aggregates_figure, rank_intervals_figure
    from hpobench.plots.figures.anytime import anytime_figure
    from hpobench.plots.figures.critical_difference import critical_difference_figure
    from hpobench.plots.figures.ecdf import ecdf_figure
    from hpobench.plots.figures.improvement import improvement_figure
    from hpobench.plots.figures.rank import rank_figure
    from hpobench.plots.figures.scaling import scaling_figure
    from hpobench.plots.figures.targets import targets_figure
    from hpobench.plots.report.page import write as write_report

__all__ = [
    "Drawn",
    "aggregates_figure",
    "anytime_figure",
    "critical_difference_figure",
    "draw_costs",
    "draw_run",
    "draw_scaling",
    "draw_speedups",
    "draw_study",
    "draw_task",
    "draw_workers",
    "ecdf_figure",
    "improvement_figure",
    "rank_figure",
    "rank_intervals_figure",
    "scaling_figure",
    "targets_figure",
    "write_report",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "draw": "draw_study=draw draw_costs draw_run draw_scaling draw_speedups draw_task "
        "draw_workers",
        "canvas.sheet": "Drawn",
        "report.page": "write_report=write",
        "figures.anytime": "anytime_figure",
        "figures.rank": "rank_figure",
        "figures.ecdf": "ecdf_figure",
        "figures.aggregates": "aggregates_figure rank_intervals_figure",
        "figures.improvement": "improvement_figure",
        "figures.critical_difference": "critical_difference_figure",
        "figures.targets": "targets_figure",
        "figures.scaling": "scaling_figure",
    },
)
