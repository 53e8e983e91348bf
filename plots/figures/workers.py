"""Occupancy of the workers: one row a worker, one bar a job; where they wait it is blank."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.ticker import MaxNLocator

from hpobench.arrays import FloatArray
from hpobench.plots.canvas.sheet import Drawn, add_caption
from hpobench.plots.canvas.style import new_figure, styled
from hpobench.plots.canvas.times import time_unit
from hpobench.plots.figures.run import (
    RUN_IN,
    add_scale,
    charged,
    count,
    finish,
    is_rasterized,
    resource_name,
    scale_of,
    set_clock,
    title,
)
from hpobench.results.conduct.one_run import Run

ROW_IN = 0.13
ROOM_IN = 1.3
LEAST_IN, MOST_IN = 2.2, 9.0
BAR = 0.84
EDGE_SHARE = 0.004
JOBS_PER_WORKER = 40
FAILED = "#D55E00"


def workers_figure(run: Run) -> Drawn:
    """What each worker did over the whole run."""
    text = " ".join(
        [
            f"Workers of one run: {run.method.label} on {run.task.label}, seed {run.seed}; "
            f"{count(len(run.jobs), 'job')} on {count(run.workers, 'worker')}.",
            *_notes([run]),
            "Idle: share of the workers' time until the end of the run without a job.",
            *charged(run),
        ]
    )
    with styled():
        figure = new_figure(RUN_IN[0], _height_in(run.workers))
        axes = figure.add_subplot()
        _draw(axes, run, run.end_time_s)
        add_scale(figure, [axes], run)
        finish(figure, axes, run, text)
        axes.set_title(f"{axes.get_title()}\n{_idle(run, run.end_time_s)} idle")
    return Drawn(figure, text)


def workers_comparison_figure(runs: Sequence[Run], until_s: float | None = None) -> Drawn:
    """The first part of several runs of one task, one above the other on the same clock.

    `until_s`: the end of what is shown; None: when the first of them starts more jobs than can be
    told apart. Raises ValueError without runs, or for runs of different tasks.
    """
    if not runs or len({run.task.name for run in runs}) > 1:
        raise ValueError("a comparison of workers needs runs of one task")
    end_s = min(until_s or readable_s(runs), max(run.end_time_s for run in runs))
    unit, name = time_unit(end_s, runs[0].task.clock)
    seeds = ", ".join(str(seed) for seed in sorted({run.seed for run in runs}))
    text = " ".join(
        [
            f"Workers on {runs[0].task.label}, seed {seeds}: the first {end_s / unit:.3g} {name} "
            "of the runs, on the same clock.",
            *_notes(runs),
            "Idle: share of the workers' time without a job, in the part shown and in the whole "
            "run.",
            *charged(runs[0]),
        ]
    )
    with styled():
        height = sum(_height_in(run.workers) for run in runs)
        figure = new_figure(RUN_IN[0], height)
        panels = list(figure.subplots(len(runs), 1, squeeze=False, sharex=True)[:, 0])
        for axes, run in zip(panels, runs, strict=True):
            _draw(axes, run, end_s)
            axes.set_title(
                title(
                    f"{run.method.label}: {_idle(run, end_s)} idle "
                    f"({_idle(run, run.end_time_s)} in the whole run)"
                )
            )
            axes.label_outer()
        add_scale(figure, panels, runs[0])
        add_caption(figure, text)
    return Drawn(figure, text)


def readable_s(runs: Sequence[Run]) -> float:
    """The time until which no run starts more than so many jobs a worker."""
    ends = []
    for run in runs:
        most = JOBS_PER_WORKER * run.workers
        starts = run.jobs["start_s"].to_numpy()
        ends.append(float(starts[most]) if len(starts) > most else run.end_time_s)
    return min(ends)


def _draw(axes: Axes, run: Run, end_s: float) -> None:
    """Bars of the jobs begun before the end; a white edge where there is room."""
    jobs = run.jobs[run.jobs["start_s"] < end_s]
    unit = time_unit(end_s, run.task.clock)[0]
    corners = _corners(jobs, end_s) / unit
    wide = jobs["end_s"] - jobs["start_s"] > EDGE_SHARE * end_s
    boxes: Any = _boxes(corners, jobs["worker"].to_numpy(float))
    colors = scale_of(run)(jobs["to_resource"])
    looks: dict[str, Any] = {"linewidths": 0, "rasterized": is_rasterized(len(boxes))}
    axes.add_collection(PolyCollection(boxes, facecolors=colors, zorder=2, **looks))
    edges = list(boxes[wide.to_numpy()][:, [0, 3]])
    axes.add_collection(LineCollection(edges, colors="white", linewidths=0.4, zorder=2.1))
    failed = jobs[jobs["status"] == "failed"]
    axes.scatter(
        failed["end_s"].clip(upper=end_s) / unit,
        failed["worker"],
        14,
        FAILED,
        marker="x",
        linewidths=1.0,
        zorder=3,
    )
    set_clock(axes, end_s, run.task.clock)
    axes.set_ylim(run.workers - 0.5, -0.5)
    axes.set_ylabel("worker")
    axes.yaxis.set_major_locator(MaxNLocator(min(run.workers, 17), integer=True, min_n_ticks=1))
    axes.grid(False)


def _corners(jobs: pd.DataFrame, end_s: float) -> FloatArray:
    """Start and end (n, 2) of each bar."""
    return np.column_stack([jobs["start_s"], jobs["end_s"].clip(upper=end_s)])


def _boxes(times: FloatArray, workers: FloatArray) -> FloatArray:
    """Corners (n, 4, 2) of the bars."""
    start, end = times[:, 0], times[:, 1]
    low, high = workers - BAR / 2, workers + BAR / 2
    x = np.stack([start, end, end, start], axis=1)
    y = np.stack([low, low, high, high], axis=1)
    return np.stack([x, y], axis=2)


def _idle(run: Run, until_s: float) -> str:
    idle = run.idle(min(until_s, run.end_time_s))
    return "-" if np.isnan(idle) else f"{100 * abs(idle):.1f} %"


def _notes(runs: Sequence[Run]) -> list[str]:
    several = runs[0].task.r_max > runs[0].task.r_min
    failed = sum(int((run.jobs["status"] == "failed").sum()) for run in runs)
    notes = [
        "One row a worker, one bar a job"
        + (
            f"; colour: up to which resource it trained ({resource_name(runs[0])})."
            if several
            else "."
        )
        + " Blank: the worker had nothing to do.",
        f"Crosses: {count(failed, 'failed job')}." if failed else "",
    ]
    return [note for note in notes if note]


def _height_in(workers: int) -> float:
    return min(max(ROOM_IN + ROW_IN * workers, LEAST_IN), MOST_IN)
