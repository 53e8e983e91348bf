"""Time to target: how many times as fast as a reference method, with intervals."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hpobench.plots.canvas import paper
from hpobench.plots.canvas.panels import (
    Labels,
    Methods,
    in_order,
    label_of,
    mark_missing,
    name_rows,
    names_that_fit,
    need,
    of_tasks,
    rows_figure,
    title_panel,
)
from hpobench.plots.canvas.sheet import Drawn
from hpobench.plots.canvas.style import SINGLE_IN, looks
from hpobench.plots.canvas.ticks import value_axis
from hpobench.plots.canvas.words import NAME_POINTS, sentences
from hpobench.results.statistics.survival import SPEEDUP_SENTENCE
from hpobench.results.study.time_axis import AXES, WALL_CLOCK, axis_label
from hpobench.results.verdicts.time_to_target import ALL_TASKS

COLUMNS = ("task", "method", "target", "reached", "speedup", "low", "high")
LABEL = "speed-up"
ROOM = 1.25
BOUNDS = {"<=": " ≤", ">=": " ≥"}


def targets_figure(
    table: pd.DataFrame,
    methods: Methods,
    reference: str,
    *,
    tasks: Sequence[str] | None = None,
    labels: Labels | None = None,
    axis: str = WALL_CLOCK,
    unit: str = "",
    width_in: float | None = None,
    notes: Sequence[str] = (),
) -> Drawn:
    """Bars of the speed-up over the method `reference`, a panel for each task and target.

    `table` is what `time_to_target` returned. `tasks`: those to show; None: the mean over all of
    them, or every task if there is no mean. `labels`: of the tasks, for the titles. `axis`: what
    the study counts as time, a name of `results.time_axis.AXES`, in the unit of `axis_unit`. Seeds,
    rule and view are said in `notes`: see `caption.whole_runs`.
    """
    width_in = paper.width(width_in, SINGLE_IN[0])
    table = need(table, "time_to_target", *COLUMNS)
    shown = _of_tasks(table, tasks)
    order = in_order(shown, methods)
    over = sorted(set(shown["task"]) - {ALL_TASKS})
    means = len(set(table["task"]) - {ALL_TASKS})
    label = _label(axis)
    text = sentences(
        f"Speed-up over {label_of(reference, methods)}",
        f"in the {axis_label(axis, unit)} to a target.",
        SPEEDUP_SENTENCE,
        _tasks_sentence(shown, over, means),
        _target_sentence(shown),
        "Lines: 95 % bootstrap interval over seeds, none where too few runs reached the target. At "
        "the right: share of runs that did.",
        _bound_sentence(shown),
        f"Axis: {label}, log scale; above 1 is faster.",
        *notes,
    )
    panels = list(shown[["task", "target"]].drop_duplicates().itertuples(index=False, name=None))
    painters = [
        partial(
            draw_targets,
            table=_rows_of(shown, *panel),
            methods=methods,
            order=order,
            labels=labels,
            axis=axis,
        )
        for panel in panels
    ]
    return rows_figure(painters, names_that_fit(order, methods, width_in), text, width_in)


def draw_targets(
    axes: Axes,
    table: pd.DataFrame,
    methods: Methods,
    *,
    order: Sequence[str] | None = None,
    labels: Labels | None = None,
    axis: str = WALL_CLOCK,
) -> Axes:
    """One task and target: a bar from 1 a method, its interval, and the share that got there."""
    table = need(table, "time_to_target", *COLUMNS)
    order = order or in_order(table, methods)
    rows = table.drop_duplicates("method").set_index("method")
    ends = _limits(rows)
    all_looks = looks(methods)
    axes.set_xlim(*ends)
    value_axis(axes, _label(axis), log=True)
    axes.axvline(1, color="#333333", linewidth=0.8, zorder=2.5)
    for place, method in enumerate(order):
        if method not in rows.index:
            mark_missing(axes, place)
        else:
            _draw_bar(axes, place, rows.T[method], all_looks[method].color, ends)
    name_rows(axes, order, methods)
    title_panel(axes, _title(table, labels or {}))
    return axes


def _label(axis: str) -> str:
    return LABEL if axis == WALL_CLOCK else f"{LABEL} in {AXES[axis].short}"


def _draw_bar(
    axes: Axes, place: int, row: "pd.Series[Any]", color: str, ends: tuple[float, float]
) -> None:
    speedup, low, high = (float(row[name]) for name in ("speedup", "low", "high"))
    right: Any = axes.get_yaxis_transform()
    words = f"{100 * row['reached']:.0f} %{BOUNDS.get(row.get('bound', ''), '')}"
    axes.annotate(
        words, (1, place), (4, 0), xycoords=right, textcoords="offset points", va="center",
        fontsize=NAME_POINTS - 1, color="#333333", annotation_clip=False,
    )  # fmt: skip
    if not np.isfinite(speedup):
        mark_missing(axes, place)
        return
    axes.barh(place, speedup - 1, left=1, height=0.62, color=color, alpha=0.75, zorder=2)
    if np.isfinite([low, high]).any():
        line = np.clip([low, high], *ends)
        axes.plot(line, [place, place], color="black", linewidth=1.1, marker="|", markersize=5)


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Around 1 and all that is positive and finite."""
    values = rows[["speedup", "low", "high"]].to_numpy(float)
    values = values[np.isfinite(values) & (values > 0)]
    low, high = values.min(initial=1.0), values.max(initial=1.0)
    return min(low / ROOM, 0.8), max(high * ROOM, 1.25)


def _of_tasks(table: pd.DataFrame, tasks: Sequence[str] | None) -> pd.DataFrame:
    has = list(dict.fromkeys(table["task"]))
    tasks = list(tasks) if tasks else ([ALL_TASKS] if ALL_TASKS in has else has)
    return of_tasks(table, tasks)


def _rows_of(table: pd.DataFrame, task: str, target: float) -> pd.DataFrame:
    same = table["target"].isna() if np.isnan(target) else table["target"] == target
    return table[(table["task"] == task) & same]


def _title(table: pd.DataFrame, labels: Labels) -> str:
    task, target = str(table["task"].iloc[0]), float(table["target"].iloc[0])
    task = labels.get(task, task)
    return task if np.isnan(target) else f"{task}: regret {target:.3g}"


def _tasks_sentence(shown: pd.DataFrame, over: Sequence[str], means: int) -> str:
    if ALL_TASKS not in set(shown["task"]):
        return f"Tasks: {len(over)}."
    if means == 1:
        return ""
    return f"{ALL_TASKS.capitalize()}: runs of {means} pooled, in parts of each task's horizon."


def _target_sentence(table: pd.DataFrame) -> str:
    if table["target"].isna().all():
        return "Target of each task: the reference's mean final normalised regret."
    return "Targets: normalised regrets, as given above the panels."


def _bound_sentence(table: pd.DataFrame) -> str:
    given = set(table.get("bound", ()))
    most = "≤: no run of the method reached the target: at most so fast."
    least = "≥: no run of the other did: at least so fast."
    return sentences(most if "<=" in given else "", least if ">=" in given else "")
