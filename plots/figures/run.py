"""One run: the learning curves of its trials, and what became of them at the rungs."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from hpobench.arrays import FloatArray
from hpobench.plots.canvas.sheet import Drawn
from hpobench.plots.canvas.style import new_figure, styled
from hpobench.plots.canvas.times import time_unit
from hpobench.plots.figures.run_parts import (
    MOST_LEVELS,
    RUN_IN,
    about,
    add_scale,
    charged,
    clock_name,
    count,
    finish,
    is_rasterized,
    legend,
    mark,
    resource_name,
    resource_ticks,
    scale_of,
    set_clock,
    set_values,
    title,
)
from hpobench.results.anytime.incumbents import RULE_SENTENCES
from hpobench.results.conduct.one_run import Run, learning_curves, rung_ends

__all__ = [
    "RUN_IN",
    "add_scale",
    "charged",
    "count",
    "curves_figure",
    "finish",
    "gap_figure",
    "is_rasterized",
    "resource_name",
    "rungs_figure",
    "scale_of",
    "set_clock",
    "title",
]

INCUMBENT = "#D55E00"
MANY_DOTS = 1000
SPREAD = 0.72
FATES = {
    "stopped": ("stopped", "o", "#9a9a9a"),
    "promoted": ("promoted", "o", "#0072B2"),
    "complete": ("highest resource", "D", "#009E73"),
}


def curves_figure(run: Run) -> Drawn:
    """Learning curves: a line a trial over time, broken while it is paused."""
    curves = learning_curves(run)
    text = " ".join([*about("Learning curves", run), *_curve_notes(run, curves)])
    with styled():
        figure = new_figure(*RUN_IN)
        axes = figure.add_subplot()
        _draw_curves(axes, run, curves)
        set_clock(axes, run.end_time_s, run.task.clock)
        set_values(axes, run, pd.concat([curves["value"], curves["train_value"].dropna()]))
        add_scale(figure, [axes], run)
        finish(figure, axes, run, text)
    return Drawn(figure, text)


def gap_figure(run: Run) -> Drawn:
    """Gap: what the validation value of each trial is above its training value, over resource.

    Raises ValueError if the run has no training values.
    """
    curves = learning_curves(run).dropna(subset="train_value")
    if not len(curves):
        raise ValueError(f"{run.task.label} has no training values")
    curves["gap"] = curves["value"] - curves["train_value"]
    text = " ".join([*about("Gap of training and validation", run), *_gap_notes(run)])
    with styled():
        figure = new_figure(*RUN_IN)
        axes = figure.add_subplot()
        _draw_gaps(axes, run, curves)
        finish(figure, axes, run, text)
    return Drawn(figure, text)


def rungs_figure(run: Run) -> Drawn:
    """Rungs: the value of every trial at the end of each of its jobs, over its resource."""
    ends = rung_ends(run)
    text = " ".join([*about("Rungs", run), *_rung_notes(run, ends)])
    with styled():
        figure = new_figure(*RUN_IN)
        axes = figure.add_subplot()
        _draw_rungs(axes, run, ends)
        _set_resources(axes, run, ends["resource"])
        set_values(axes, run, ends["value"])
        finish(figure, axes, run, text)
    return Drawn(figure, text)


def _draw_curves(axes: Axes, run: Run, curves: pd.DataFrame) -> None:
    """Trials that got far lie on top; dots end stretches of training, rings resume it."""
    unit = time_unit(run.end_time_s, run.task.clock)[0]
    curves = curves.assign(time=curves["time_s"] / unit)
    curves = curves.sort_values(["reached", "trial", "time"], kind="stable")
    stretches = curves.groupby(["trial", "stretch"], sort=False)
    first, last = stretches.first().reset_index(), stretches.last().reset_index()
    scale = scale_of(run)
    paths = _paths(curves)
    trained = curves["train_value"].notna().any()
    if trained:
        faint: dict[str, Any] = {"linewidths": 0.5, "linestyles": ":", "alpha": 0.8, "zorder": 1.9}
        below = _paths(curves.assign(value=curves["train_value"]))
        axes.add_collection(LineCollection(below, colors=scale(first["reached"]), **faint))
    looks: dict[str, Any] = {"linewidths": 0.7, "rasterized": is_rasterized(len(paths))}
    axes.add_collection(LineCollection(paths, colors=scale(first["reached"]), zorder=2, **looks))
    goes_on = last["stretch"] < last.groupby("trial")["stretch"].transform("max")
    paused, over = last[goes_on], last[~goes_on]
    back = first[first["stretch"] > 0]
    ends: dict[str, Any] = {"zorder": 2.1, "rasterized": is_rasterized(len(over))}
    axes.scatter(over["time"], over["value"], 3, scale(over["reached"]), **ends)
    handles = []
    if len(back):
        _dots(axes, paused, scale(paused["reached"]), "black", 0.5)
        _dots(axes, back, "white", scale(back["reached"]), 0.9)
        handles = [mark("paused", "o", "#999999", "black"), mark("resumed", "o", "white", "gray")]
    if len(run.incumbent.time_s):
        handles += _draw_incumbent(axes, run, curves, unit)
    if trained:
        looks = {"color": "gray", "linestyle": ":", "linewidth": 0.9}
        handles.append(Line2D([], [], label="training value", **looks))
    legend(axes, handles)


def _draw_gaps(axes: Axes, run: Run, curves: pd.DataFrame) -> None:
    """A line a trial over its resource, a dot where there is one resource only."""
    scale = scale_of(run)
    curves = curves.sort_values(["reached", "trial", "resource"], kind="stable")
    several = run.task.r_max > run.task.r_min
    across = "resource" if several else "train_value"
    for _, trial in curves.groupby("trial", sort=False):
        color = scale(trial["reached"].iloc[:1])[0]
        axes.plot(trial[across], trial["gap"], color=color, linewidth=0.7, zorder=2)
        axes.plot(trial[across].iloc[-1:], trial["gap"].iloc[-1:], "o", color=color, markersize=2)
    axes.axhline(0.0, color="black", linewidth=0.6, zorder=1)
    handles = []
    if len(run.incumbent.trial):
        won = curves[curves["trial"] == run.incumbent.trial[-1]]
        label = f"last incumbent: trial {run.incumbent.trial[-1]}"
        looks: dict[str, Any] = {"color": INCUMBENT, "marker": "o", "markersize": 2, "zorder": 4}
        handles = axes.plot(won[across], won["gap"], label=label, **looks) if len(won) else []
    axes.set_ylabel("validation - training value")
    if several:
        _set_resources(axes, run, curves["resource"])
        axes.set_xlabel(f"{resource_name(run)} (log scale)")
    else:
        axes.set_xlabel("training value")
    legend(axes, handles)


def _gap_notes(run: Run) -> list[str]:
    return [
        "One line a trial: its validation value less its training value, both minimised; above 0 "
        "the data trained on are fitted better than others.",
        f"The colour says how far the trial got ({resource_name(run)})."
        if run.task.r_max > run.task.r_min
        else "One dot a trial, over its training value.",
    ]


def _paths(curves: pd.DataFrame) -> list[FloatArray]:
    """The points of each stretch: its rows follow each other, and cutting beats grouping."""
    keys = curves[["trial", "stretch"]].to_numpy()
    cuts = 1 + np.flatnonzero((np.diff(keys, axis=0) != 0).any(axis=1))
    points = curves[["time", "value"]].to_numpy(float)
    return np.split(points, cuts) if len(points) else []


def _dots(axes: Axes, places: pd.DataFrame, faces: Any, edges: Any, width: float) -> None:
    axes.scatter(
        places["time"], places["value"], 13, faces, edgecolors=edges, linewidths=width, zorder=2.2
    )


def _draw_incumbent(axes: Axes, run: Run, curves: pd.DataFrame, unit: float) -> list[Line2D]:
    """The best value so far as steps, and the curve of the trial that won."""
    best = run.incumbent
    time = np.append(best.time_s, run.end_time_s) / unit
    steps = axes.plot(
        time,
        np.append(best.value, best.value[-1]),
        color="black",
        linewidth=1.1,
        drawstyle="steps-post",
        label="incumbent's value",
        zorder=3,
    )
    won = curves[curves["trial"] == best.trial[-1]]
    for _, part in won.groupby("stretch"):
        axes.plot(part["time"], part["value"], color=INCUMBENT, marker="o", markersize=2, zorder=4)
    axes.plot(won["time"], won["value"], color=INCUMBENT, linewidth=0.9, linestyle=":", zorder=3.9)
    label = f"last incumbent: trial {best.trial[-1]}"
    return [*steps, Line2D([], [], color=INCUMBENT, marker="o", markersize=2, label=label)]


def _draw_rungs(axes: Axes, run: Run, ends: pd.DataFrame) -> None:
    """Dots of a rung lie side by side in order of time; the rarest fate is on top."""
    places = ends["resource"] * 10 ** ((ends["place"] - 0.5) * _room(ends["resource"]))
    handles = []
    size = 11 if len(ends) <= MANY_DOTS else 5
    for fate, (label, marker, color) in FATES.items():
        some = (ends["fate"] == fate).to_numpy()
        if some.any():
            looks: dict[str, Any] = {"marker": marker, "linewidths": 0, "alpha": 0.75}
            looks["rasterized"] = is_rasterized(int(some.sum()))
            order = 3 - np.count_nonzero(some) / len(some)
            values = ends.loc[some, "value"]
            axes.scatter(places[some], values, size, color, zorder=order, **looks)
            handles.append(mark(f"{label} ({some.sum()})", marker, color, color))
    trials = run.incumbent.trial
    if len(trials):
        won = (ends["trial"] == trials[-1]).to_numpy()
        handles += axes.plot(
            places[won],
            ends.loc[won, "value"],
            color=INCUMBENT,
            linewidth=0.9,
            marker="o",
            markersize=4.5,
            markerfacecolor="none",
            label=f"incumbent: trial {trials[-1]}",
            zorder=4,
        )
    legend(axes, handles)


def _room(resources: "pd.Series[float]") -> FloatArray:
    """How wide each rung's dots spread, in decades: none of it if there are many rungs."""
    levels = np.log10(np.unique(resources))
    if len(levels) > MOST_LEVELS:
        return np.zeros(len(resources))
    gap = float(np.diff(levels).min(initial=1.0))
    return np.full(len(resources), SPREAD * gap)


def _set_resources(axes: Axes, run: Run, resources: "pd.Series[float]") -> None:
    axes.set_xscale("log")
    axes.set_xlabel(f"{resource_name(run)} (log scale)")
    levels = np.unique(resources)
    if len(levels):
        margin = max(0.65 * float(_room(resources)[0]), 0.03)
        axes.set_xlim(levels[0] * 10**-margin, levels[-1] * 10**margin)
        resource_ticks(axes.xaxis, levels)
    axes.xaxis.grid(len(levels) > MOST_LEVELS)


def _curve_notes(run: Run, curves: pd.DataFrame) -> list[str]:
    lost = len(run.observations) - len(curves)
    several = run.task.r_max > run.task.r_min
    resumed = bool((curves["stretch"] > 0).any())
    colors = f"the colour says how far the trial got ({resource_name(run)})"
    notes = [
        f"One line a trial, drawn at the time when each value became known; {colors}, and a dot "
        "is where its training ended."
        if several
        else "One dot a trial, drawn at the time when its value became known.",
        "Lines break while a trial is paused: a dot with a black edge is the last value before "
        "the pause, a ring the first value after it."
        if resumed
        else "",
        RULE_SENTENCES[run.incumbent.rule],
        "Shown: the validation value that the method saw.",
        "Dotted: the training value of the same trials."
        if curves["train_value"].notna().any()
        else "",
        f"{count(lost, 'failed value')} not drawn." if lost else "",
        f"Time axis: {clock_name(run.task.clock)}, linear scale.",
        *charged(run),
    ]
    return [note for note in notes if note]


def _rung_notes(run: Run, ends: pd.DataFrame) -> list[str]:
    dropped = len(run.jobs) - len(ends)
    notes = [
        "One dot at the end of each job: the validation value that the method saw, over the "
        f"{resource_name(run)} that the trial had got.",
        "Dots of one rung are spread from left to right in order of time."
        if _room(ends["resource"]).any()
        else "",
        "Promoted: the trial was continued later." if (ends["fate"] == "promoted").any() else "",
        "Stopped: it was not, be it dropped or still waiting when the run ended."
        if (ends["fate"] == "stopped").any()
        else "",
        f"{RULE_SENTENCES[run.incumbent.rule]} Joined: the trial that was it at the end."
        if len(run.incumbent.trial)
        else "",
        f"{count(dropped, 'job')} that failed or were cut by the end of the budget are not drawn."
        if dropped
        else "",
    ]
    return [note for note in notes if note]
