"""Axes: curves and bands as steps, sensible units of time, readable ticks."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import (
    FixedFormatter,
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.plots.canvas.style import BAND_ALPHA, Look
from hpobench.plots.canvas.times import log_ticks_s, time_unit
from hpobench.results.anytime.comparison import Comparison
from hpobench.results.statistics.summary import Summary
from hpobench.results.study.time_axis import AXES, axis_label
from hpobench.storage.schema import MethodFacts

DEEPEST_FLOOR = 1e-12
LABEL_CHARACTERS = 30
MARKERS = 8
MOST_BANDS = 8
DECADE = 10.0
MARGIN = 1.1
GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, less their whole parts, lie apart however many there are."""
CURVE_MARKER_POINTS = 4.0
FLOOR_SENTENCE = (
    "Centres and bands that reach zero, or below the log axis, are cut off at its lower edge."
)
EDGE_SENTENCE = (
    "Bands that reach farther than all curves together are cut off at the edges of the axis."
)


def axis_scale(panel: Comparison) -> tuple[float, str]:
    """By what the numbers of the time axis are divided, and the label of the axis with its unit."""
    axis = AXES[panel.axis]
    if panel.relative:
        return 1.0, f"{axis.short} / horizon of the task"
    size, unit = 1.0, panel.axis_unit
    if axis.in_seconds and unit:
        return size, axis_label(panel.axis, unit)
    if axis.in_seconds:
        size, unit = time_unit(float(panel.time[-1]))
    return size, f"{axis.label} ({unit})" if unit else axis.label


def log_floor(panel: Comparison) -> float | None:
    """The lowest value of a log axis; None: there can be none.

    Of regrets half the smallest positive centre; so it is of other values, whose centres must be
    positive, if a band is not; else somewhat less than the lowest. Centres that are zero but for
    rounding (12 decades below the largest) do not stretch the axis.
    """
    centres = _centres(panel)
    largest = centres.max(initial=0.0)
    if not largest > 0:
        return None
    if panel.positive:
        return float(centres[centres > DEEPEST_FLOOR * largest].min()) / 2
    least = float(centres.min())
    lowest = min(least, *map(_lowest, panel.lines.values()))
    if lowest > 0:
        return lowest / MARGIN
    return least / 2 if least > 0 else None


def prefers_log(panel: Comparison) -> bool:
    """Whether values are best seen on a log axis: positive ones over more than a decade."""
    floor = log_floor(panel)
    if floor is None:
        return False
    centres = _centres(panel)
    shown = centres[centres >= floor]
    return bool(shown.max() > DECADE * shown.min() or (centres < floor).any())


def _centres(panel: Comparison) -> FloatArray:
    """All centres that there are, of all lines."""
    values = [line.centre[np.isfinite(line.centre)] for line in panel.lines.values()]
    return np.concatenate([*values, np.empty(0)])


def floor_shown(panel: Comparison) -> float | None:
    """The lowest value of its axis, if it is a log axis."""
    return log_floor(panel) if prefers_log(panel) else None


def is_cut(panel: Comparison) -> bool:
    """Whether the floor of the log axis hides the true place of a centre or a band."""
    floor = floor_shown(panel)
    if floor is None:
        return False
    return any(min(np.nanmin(line.centre), _lowest(line)) < floor for line in panel.lines.values())


def _lowest(line: Summary) -> float:
    return float(np.min(line.low, initial=np.inf, where=np.isfinite(line.low)))


def _highest(line: Summary) -> float:
    return float(np.max(line.high, initial=-np.inf, where=np.isfinite(line.high)))


def centred(panel: Comparison) -> tuple[float, float] | None:
    """Limits of a linear axis of many lines, whose pale bands would leave little for the curves.

    Bands take at most as much as all centres, on either side. None: they take no more than that.
    """
    centres = _centres(panel)
    if len(panel.lines) <= MOST_BANDS or not len(centres) or not np.ptp(centres) > 0:
        return None
    low, high, room = float(centres.min()), float(centres.max()), float(np.ptp(centres))
    lowest = min(map(_lowest, panel.lines.values()))
    highest = max(map(_highest, panel.lines.values()))
    if lowest >= low - room and highest <= high + room:
        return None
    return max(lowest, low - room), min(highest, high + room)


def cuts(panels: Sequence[Comparison]) -> list[str]:
    """What a caption has to say of what `set_value_axis` leaves outside of the panels."""
    beyond = [floor_shown(panel) is None and centred(panel) is not None for panel in panels]
    said = {FLOOR_SENTENCE: any(map(is_cut, panels)), EDGE_SENTENCE: any(beyond)}
    return [sentence for sentence, holds in said.items() if holds]


def draw_lines(
    axes: Axes, panel: Comparison, looks: Mapping[str, Look], methods: Mapping[str, MethodFacts]
) -> None:
    """Every method's centre and band as right-continuous steps, with a few markers on them."""
    unit, _ = axis_scale(panel)
    floor = floor_shown(panel)
    alpha = band_alpha(len(panel.lines))
    for number, (method, line) in enumerate(panel.lines.items()):
        has = np.isfinite(line.centre)
        time = panel.time[has] / unit
        centre, low, high = (
            _above(part[has], floor) for part in (line.centre, line.low, line.high)
        )
        axes.plot(
            time,
            centre,
            **looks[method].options(size=CURVE_MARKER_POINTS),
            markevery=_marked(panel.time, has, number * GOLDEN % 1.0),
            label=methods[method].label,
            drawstyle="steps-post",
            zorder=3 + number / len(panel.lines),
        )
        color = looks[method].color
        axes.fill_between(
            time, low, high, step="post", color=color, alpha=alpha, linewidth=0, zorder=2
        )


def band_alpha(count: int) -> float:
    """Paler with more than eight lines, of whose bands ever more lie on top of each other."""
    return BAND_ALPHA * min(1.0, (MOST_BANDS / max(count, 1)) ** 2)


def _marked(grid: FloatArray, has: NDArray[np.bool_], turn: float) -> list[int]:
    """Which of the points that are drawn carry a marker: about `MARKERS` over the whole grid.

    The grid is even on the axis that is shown. `turn`, from 0 to 1, moves the markers of one line
    against those of the others.
    """
    every = max(len(grid) / MARKERS, 1.0)
    places = (np.arange(MARKERS) + turn) * every
    marked = np.zeros(len(grid), dtype=bool)
    marked[places[places < len(grid)].astype(int)] = True
    return [int(place) for place in np.flatnonzero(marked[has])]


def _above(values: FloatArray, floor: float | None) -> FloatArray:
    return values if floor is None else np.maximum(values, floor)


def set_time_axis(axes: Axes, panel: Comparison, time: str) -> None:
    """Limits, unit, label and ticks of the time axis; `time` is log or linear."""
    unit, label = axis_scale(panel)
    axes.set_xlabel(label)
    first = _first_drawn(panel) / unit
    last = float(panel.time[-1]) / unit
    if time == "log" and 0 < first < last:
        axes.set_xscale("log")
        axes.set_xlim(first, last)
        if named := time_ticks(panel):
            axes.set_xlabel(AXES[panel.axis].label)
            name_ticks(axes, [(place / unit, name) for place, name in named])
            return
        _log_ticks(axes, "x", np.log10(last / first))
        return
    axes.set_xlim(0, last)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def time_ticks(panel: Comparison) -> list[tuple[float, str]] | None:
    """Ticks of a log axis of seconds that needs several units, so that 4 s is not 0.001 h."""
    if panel.relative or panel.axis_unit or not AXES[panel.axis].in_seconds:
        return None
    return log_ticks_s(_first_drawn(panel), float(panel.time[-1]))


def name_ticks(axes: Axes, ticks: Sequence[tuple[float, str]]) -> None:
    """Ticks of the x axis at these places, called so."""
    axes.xaxis.set_major_locator(FixedLocator([place for place, _ in ticks]))
    axes.xaxis.set_major_formatter(FixedFormatter([name for _, name in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())


def _first_drawn(panel: Comparison) -> float:
    """The earliest time > 0 at which any line has a value."""
    starts = [panel.time[np.isfinite(line.centre)] for line in panel.lines.values()]
    return min((float(start[start > 0][0]) for start in starts if (start > 0).any()), default=0.0)


def set_value_axis(axes: Axes, panel: Comparison) -> None:
    """Label and scale of the value axis: as the values are, see `prefers_log`."""
    axes.set_ylabel(fill(panel.label, LABEL_CHARACTERS))
    floor = floor_shown(panel)
    if floor is None:
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        if limits := centred(panel):
            axes.set_ylim(*limits)
        return
    axes.set_yscale("log")
    top = max(float(np.nanmax(line.centre)) for line in panel.lines.values())
    tops = [line.high[np.isfinite(line.high)].max(initial=top) for line in panel.lines.values()]
    highest = float(max(tops)) * 1.15
    axes.set_ylim(floor, highest)
    _log_ticks(axes, "y", np.log10(highest / floor))


def _log_ticks(axes: Axes, which: str, decades: float) -> None:
    """Plain numbers at decades; within two decades at 1, 2, 5 too, so that no axis is bare."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    subs: Sequence[float] = (1.0, 2.0, 5.0) if decades < 1.8 else (1.0,)
    axis.set_major_locator(LogLocator(base=10, subs=subs, numticks=7))
    axis.set_major_formatter(FuncFormatter(lambda value, _position: plain(value)))
    axis.set_minor_formatter(NullFormatter())


def plain(value: float) -> str:
    """A tick label: 0.001 to 10000 as they are, others as powers of ten."""
    if 0.9e-3 <= value < 1e5:
        return f"{value:.6g}"
    exponent = int(np.floor(np.log10(value) + 1e-9)) if value > 0 else 0
    factor = round(value / 10.0**exponent)
    return rf"$10^{{{exponent}}}$" if factor == 1 else rf"${factor}{{\times}}10^{{{exponent}}}$"
