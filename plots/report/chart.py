"""The interactive figure: every curve of every task, axis, statistic and band, ready to be drawn.

Curves are looked up at the times of a log and of a linear grid together, so that both axes have
enough of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.colors import to_hex

from hpobench.plots.canvas.axes import (
    FLOOR_SENTENCE,
    axis_scale,
    is_cut,
    log_floor,
    prefers_log,
    time_ticks,
)
from hpobench.plots.canvas.caption import caption
from hpobench.plots.canvas.colours import on_dark
from hpobench.plots.canvas.style import looks
from hpobench.plots.figures.overview import said, times
from hpobench.plots.recipes import AVERAGE_REGRET
from hpobench.plots.report.context import Context, listed
from hpobench.plots.report.packing import Pool
from hpobench.results.anytime.comparison import Comparison
from hpobench.results.anytime.incumbents import Incumbents, in_view, incumbents
from hpobench.results.anytime.ranks import can_rank
from hpobench.results.anytime.summaries import average_summaries, rank_summaries, task_summaries
from hpobench.results.statistics.summary import BANDS, NAMES
from hpobench.results.study.study import Study
from hpobench.results.study.time_axis import AXES, axis_label, axis_unit, on_axis

POINTS = {"log": 90, "linear": 45}
SYMBOLS = {
    **{"o": "circle", "s": "square", "^": "triangle-up", "v": "triangle-down", "D": "diamond"},
    **{"P": "cross", "X": "x", "<": "triangle-left", ">": "triangle-right", "p": "pentagon"},
    **{"h": "hexagon", "H": "hexagon2", "8": "octagon", "d": "diamond-tall", "*": "star"},
    **{"1": "triangle-se", "x": "star-diamond"},
}
OTHER_SYMBOL = "star-square"
DASHES = {"-": "solid", "--": "dash", "-.": "dashdot", ":": "dot"}
MOST_CURVES = 800
"""With more than so many the page would be too large: single tasks are on the first axis only."""
SCALE = "{scale}"
"""Stands in captions where the page says log or linear."""


Series = dict[tuple[str, str], Comparison]
"""By statistic and band."""


@dataclass(frozen=True)
class Panel:
    """What can be looked at: its name in the page, its title, and how to compute it."""

    name: str
    title: str
    make: Callable[[], Series]
    tasks: tuple[str, ...] = ()
    """Those whose verdicts stand beside it."""
    unit: str = ""
    """Of its values."""


@dataclass(frozen=True)
class ChartData:
    """`document` is for JSON; it tells where in `numbers` (see `packing.Pool`) its arrays begin."""

    document: dict[str, Any]
    numbers: bytes


def chart_data(context: Context, axes: Sequence[str] = tuple(AXES)) -> ChartData | None:
    """All that the interactive figure shows; None if there is not a single curve."""
    pool = Pool()
    views: dict[str, dict[str, Any]] = {}
    titles: dict[str, str] = {}
    panels_seen: dict[str, Panel] = {}
    studies = dict(_on_axes(context.study, axes))
    pairs = context.study.runs.groupby(["task", "method"], observed=True).ngroups
    crowded = pairs * len(studies) > MOST_CURVES
    for axis, study in studies.items():
        found = context.found if study is context.study else incumbents(study)
        panels = list(_averages(context, found))
        if axis == axes[0] or not crowded:
            panels += _tasks(context, study, found)
        for panel in panels:
            view = _view(context, panel, study, pool)
            if view is not None:
                views[f"{panel.name}|{axis}"] = view
                titles.setdefault(panel.name, panel.title)
                panels_seen.setdefault(panel.name, panel)
    if not views:
        return None
    document = {
        "panels": [{"name": name, "title": title} for name, title in titles.items()],
        "axes": [{"name": axis, "title": _axis(context, axis)} for axis in studies],
        "statistics": {name: NAMES.get(name, name) for name in BANDS},
        "bands": {statistic: dict(bands) for statistic, bands in BANDS.items()},
        "methods": _methods(context),
        "views": views,
        "strips": _strips(context, panels_seen),
        "note": _note(context, axes[0]) if crowded else "",
    }
    return ChartData(document, pool.content())


def _note(context: Context, axis: str) -> str:
    """Why single tasks are on one axis only, and where they are on the others."""
    return (
        f"This study has so many curves that single tasks are shown over {_axis(context, axis)} "
        f"only. `hpobench plot {context.name} --task TASK` draws one on all time axes; averages "
        "over tasks are on all of them here."
    )


def _axis(context: Context, axis: str) -> str:
    return axis_label(axis, axis_unit(axis, *context.study.tasks.values()))


def _on_axes(study: Study, axes: Sequence[str]) -> Iterator[tuple[str, Study]]:
    """The study on each of the time axes that it can be put on."""
    for axis in axes:
        try:
            yield axis, on_axis(study, axis)
        except ValueError:  # without the tables or the seconds that the axis needs
            continue


def _methods(context: Context) -> dict[str, dict[str, str]]:
    made = looks(context.methods)
    return {
        name: {
            "label": facts.label,
            "color": to_hex(made[name].color),
            "dark": on_dark(made[name].color),
            "symbol": SYMBOLS.get(str(made[name].marker), OTHER_SYMBOL),
            "open": "" if made[name].line == "-" else "-open",
            "dash": DASHES.get(str(made[name].line), "dash"),
        }
        for name, facts in context.methods.items()
    }


def _averages(context: Context, found: Incumbents) -> Iterator[Panel]:
    """Regret and rank over each group of tasks on which the same methods were run."""
    for group in context.groups:
        some, known = found.only(group.tasks), group.references
        if not AVERAGE_REGRET.lacks(group.compared):
            title = f"Average of {_some(context, list(known))}: normalised regret"
            make = partial(average_summaries, some, known, POINTS)
            yield Panel(f"average-{group.number}", title, make, tuple(known))
        if len(group.tasks) > 1 and can_rank(some):
            title = f"Average of {_some(context, group.tasks)}: rank"
            make = partial(rank_summaries, some, POINTS)
            yield Panel(f"rank-{group.number}", title, make, tuple(known))


def _tasks(context: Context, study: Study, found: Incumbents) -> Iterator[Panel]:
    """Each task, then on test data those that have it."""
    for task in context.tasks:
        make = partial(task_summaries, found.only([task]), task, POINTS)
        unit = context.study.tasks[task].unit
        yield Panel(f"task-{task}", context.task_label(task), make, (task,), unit)
    on_test = in_view(found, study, dict.fromkeys(context.tested, "test"))
    for task in context.tested:
        make = partial(task_summaries, on_test.only([task]), task, POINTS)
        title, unit = f"{context.task_label(task)}, on test data", context.study.tasks[task].unit
        yield Panel(f"test-{task}", title, make, unit=unit)


def _some(context: Context, tasks: list[str]) -> str:
    """So many tasks, and which they are if they are few."""
    names = [*map(context.task_label, tasks[:3]), *(["…"] if len(tasks) > 3 else [])]
    return f"{len(tasks)} tasks ({listed(names)})"


def _view(context: Context, panel: Panel, study: Study, pool: Pool) -> dict[str, Any] | None:
    """One panel on one axis, in all statistics and bands; None if nothing can be drawn."""
    made = panel.make()
    first = next(iter(made.values()))
    if not first.lines:
        return None
    return {
        "label": first.label,
        "positive": first.positive,
        "log": prefers_log(first),
        "unit": panel.unit,
        "rank": first.quantity == "rank",
        **_time(first, pool),
        "series": {
            "/".join(choice): _series(comparison, context, study, pool)
            for choice, comparison in made.items()
        },
    }


def _time(first: Comparison, pool: Pool) -> dict[str, Any]:
    """The times in a unit that suits them, and what the axis is called."""
    size, label = axis_scale(first)
    ticks = [[place / size, name] for place, name in time_ticks(first) or ()]
    return {
        "time": pool.add(first.time / size),
        "points": len(first.time),
        "axis": label,
        "ticks": ticks,
        "seconds": size if AXES[first.axis].in_seconds and not first.axis_unit else 0,
        "relative": first.relative,
    }


def _strips(context: Context, panels: Mapping[str, Panel]) -> dict[str, Any]:
    """By panel with verdicts on its tasks, what the table beside it shows of them."""
    known = {frozenset(strip.tasks): strip for strip in context.strips}
    strips = {name: known.get(frozenset(panel.tasks)) for name, panel in panels.items()}
    return {
        name: {
            "budgets": [
                [f"{100 * each.fraction:g} %", " ".join(times(each))] for each in strip.budgets
            ],
            "marks": dict(strip.marks),
            "said": " ".join(said(strip)),
        }
        for name, strip in strips.items()
        if strip is not None
    }


def _series(comparison: Comparison, context: Context, study: Study, pool: Pool) -> dict[str, Any]:
    extra = [FLOOR_SENTENCE] if is_cut(comparison) else []
    return {
        "floor": log_floor(comparison),
        "caption": caption([comparison], context.methods, study.settings, time=SCALE, extra=extra),
        "lines": {
            method: [pool.add(part) for part in (line.centre, line.low, line.high)]
            for method, line in comparison.lines.items()
        },
    }
