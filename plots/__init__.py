"""Figures: tables in, figures out; no statistics.

>>> from hpobench.plots import draw_study, write_report
>>> draw_study(study, "figures")  # the standard figures of a study that was loaded
>>> write_report(Path("runs/mine"))  # its page
>>> draw_anytime(axes, compare(found, "phoneme"), study.methods).legend()  # in axes of your own

Names are imported when they are first asked for. `draw_study` is the function `draw.draw`.
"""

from typing import TYPE_CHECKING

from hpobench.system.exports import lazily

if TYPE_CHECKING:
    from hpobench.plots.canvas.paper import Paper, drawn_for
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
    from hpobench.plots.figures.aggregates import (
        aggregates_figure,
        draw_aggregate,
        draw_rank_intervals,
        rank_intervals_figure,
    )
    from hpobench.plots.figures.anytime import anytime_figure, draw_anytime
    from hpobench.plots.figures.critical_difference import (
        critical_difference_figure,
        draw_critical_difference,
    )
    from hpobench.plots.figures.ecdf import ecdf_figure
    from hpobench.plots.figures.improvement import draw_improvement, improvement_figure
    from hpobench.plots.figures.overview import draw_strip, overview_figure
    from hpobench.plots.figures.rank import draw_rank, rank_figure
    from hpobench.plots.figures.scaling import scaling_figure
    from hpobench.plots.figures.targets import draw_targets, targets_figure
    from hpobench.plots.report.page import write as write_report

__all__ = [
    "Drawn",
    "Paper",
    "aggregates_figure",
    "anytime_figure",
    "critical_difference_figure",
    "draw_aggregate",
    "draw_anytime",
    "draw_costs",
    "draw_critical_difference",
    "draw_improvement",
    "draw_rank",
    "draw_rank_intervals",
    "draw_run",
    "draw_scaling",
    "draw_speedups",
    "draw_strip",
    "draw_study",
    "draw_targets",
    "draw_task",
    "draw_workers",
    "drawn_for",
    "ecdf_figure",
    "improvement_figure",
    "overview_figure",
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
        "canvas.paper": "Paper drawn_for",
        "figures.overview": "draw_strip overview_figure",
        "figures.anytime": "anytime_figure draw_anytime",
        "figures.rank": "rank_figure draw_rank",
        "figures.ecdf": "ecdf_figure",
        "figures.aggregates": "aggregates_figure rank_intervals_figure draw_aggregate "
        "draw_rank_intervals",
        "figures.improvement": "improvement_figure draw_improvement",
        "figures.critical_difference": "critical_difference_figure draw_critical_difference",
        "figures.targets": "targets_figure draw_targets",
        "figures.scaling": "scaling_figure",
    },
)
