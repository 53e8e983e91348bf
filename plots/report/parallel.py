"""Configurations of the incumbents as the page draws them: what `parallel_figure` draws, as SVG."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.ticker import MaxNLocator

from hpobench.arrays import FloatArray
from hpobench.plots.canvas.style import SINGLE_IN
from hpobench.plots.canvas.words import CHARACTER_EM, NAME_POINTS
from hpobench.plots.figures.configurations import (
    IMPORTANCE_SHARE,
    INACTIVE,
    MOST,
    ROW_IN,
    Space,
    names_beside,
    parallel_text,
    rows_shown,
    scales_of,
    strength,
)
from hpobench.plots.figures.parallel_axes import ParallelAxis, anchor, ticks_that_fit
from hpobench.plots.report.blocks import Drawing, Stroke, Word
from hpobench.plots.report.images import SHOWN_DPI
from hpobench.storage.schema import hyperparameter_of

UNITS = 144
"""An inch."""
WIDTH = round(SINGLE_IN[0] * UNITS)
TOP, BELOW, GAP, NAME = 26, 48, 14, round(NAME_POINTS * UNITS / 72)
BAR = 24
SHADES = 24
ANCHORS = {0.0: "start", 0.5: "middle", 1.0: "end"}


def parallel_drawing(
    configs: pd.DataFrame,
    importance: pd.DataFrame | None,
    alt: str,
    *,
    label: str,
    space: Space | None,
    notes: Sequence[str],
) -> Drawing:
    """A line a run of the table of `incumbent_configs`, with bars of `importance` if given."""
    order = rows_shown(configs, importance, MOST)
    text = parallel_text(configs, order, importance is not None, "value", label, space, notes)
    scales = scales_of(configs.sort_values("value", ascending=False), order, space)
    names: list[list[str]] = [
        name.split("\n") for name in names_beside(scales, label, SINGLE_IN[0])
    ]
    step = max(round(ROW_IN * UNITS), *(NAME * len(lines) + 12 for lines in names))
    left = round(max(len(line) for lines in names for line in lines) * NAME * CHARACTER_EM) + GAP
    right = WIDTH - GAP if importance is None else round(WIDTH - IMPORTANCE_SHARE * (WIDTH - left))
    places = np.array([scale.places for scale in scales])
    if np.isnan(places).any():
        left += round(-INACTIVE * (right - left) / (1 - INACTIVE))
    x = left + places * (right - left)
    gap = round(left + INACTIVE * (right - left))
    rows = TOP + step * np.arange(len(scales))
    runs = _runs(np.where(np.isnan(x), gap, x), places[-1], rows)
    strokes = [*_axes(scales, rows, left, right), *runs]
    words = [*_names(names, rows, gap if np.isnan(places).any() else left)]
    words += _ticks(scales, rows, left, right)
    strokes += _strip(rows[-1], left, right)
    if np.isnan(places).any():
        strokes.append(Stroke(f"M{gap} {TOP}V{rows[-1]}", "dots"))
        words.append(Word(gap, TOP - 8, "inactive", kind="tick"))
    if importance is not None:
        ranked = [*map(hyperparameter_of, order)]
        bars, ticks = _importance(importance, ranked, rows, right + 3 * GAP)
        strokes, words = [*bars, *strokes], [*words, *ticks]
    size = WIDTH, int(rows[-1]) + BELOW, round(SINGLE_IN[0] * SHOWN_DPI)
    return Drawing(alt, text, *size, strokes, words)


def _axes(scales: Sequence[ParallelAxis], rows: Any, left: int, right: int) -> Iterator[Stroke]:
    """A line an axis, and its ticks."""
    yield Stroke("".join(f"M{left} {y}H{right}" for y in rows), "axis")
    ticks = [
        f"M{left + place * (right - left):.0f} {y - 5}v10"
        for scale, y in zip(scales, rows, strict=True)
        for place, _ in ticks_that_fit(scale, (right - left) / UNITS)
    ]
    yield Stroke("".join(ticks), "axis")


def _runs(x: FloatArray, values: FloatArray, rows: Any) -> Iterator[Stroke]:
    """A line a run through its places (rows, n), dark for low values, which are last and on top."""
    shade = np.minimum(np.clip(values, 0, 0.95) * SHADES, SHADES - 1)
    opaque = f"{round(255 * strength(len(values))):02x}"
    for line, number in zip(x.T, shade, strict=True):
        if np.isfinite(number):
            path = "L".join(f"{at:.0f} {y}" for at, y in zip(line, rows, strict=True))
            yield Stroke(f"M{path}", "run", _color((int(number) + 0.5) / SHADES) + opaque)


def _strip(y: int, left: int, right: int) -> Iterator[Stroke]:
    """The colours of the values, along their axis."""
    ends = np.rint(left + np.linspace(0, 1, SHADES + 1) * (right - left)).astype(int)
    for number, (begin, end) in enumerate(pairwise(ends)):
        yield Stroke(f"M{begin} {y}H{end}", "strip", _color((number + 0.5) / SHADES))


def _color(part: float) -> str:
    return to_hex(colormaps["viridis"](min(part, 0.95)))


def _names(names: Sequence[list[str]], rows: Any, left: int) -> Iterator[Word]:
    for lines, y in zip(names, rows, strict=True):
        first = y + 0.36 * NAME - 0.5 * NAME * (len(lines) - 1)
        for number, line in enumerate(lines):
            yield Word(left - GAP, round(first + NAME * number), line, "end")


def _ticks(scales: Sequence[ParallelAxis], rows: Any, left: int, right: int) -> Iterator[Word]:
    for scale, y in zip(scales, rows, strict=True):
        for place, text in ticks_that_fit(scale, (right - left) / UNITS):
            at = round(left + place * (right - left))
            yield Word(at, int(y) + 21, text, ANCHORS[anchor(place)], "tick")


def _importance(
    table: pd.DataFrame, order: Sequence[str], rows: Any, left: int
) -> tuple[list[Stroke], list[Word]]:
    """A bar and an interval a hyperparameter, in their order."""
    known = table.set_index("hyperparameter").reindex(list(order))[["importance", "low", "high"]]
    most = float(np.nanmax(known.to_numpy(float), initial=1e-9)) * 1.05
    at = np.rint(left + known.fillna(0.0).to_numpy(float) / most * (WIDTH - GAP - left)).astype(int)
    shown = [(*map(int, each), int(y)) for each, y in zip(at, rows[:-1], strict=True)]
    bottom = int(rows[-1]) - 10
    ticks = [tick for tick in MaxNLocator(2).tick_values(0, most) if 0 <= tick <= most]
    spots = [(round(left + tick / most * (WIDTH - GAP - left)), f"{tick:g}") for tick in ticks]
    strokes = [
        Stroke("".join(f"M{x} {TOP - BAR}V{bottom}" for x, _ in spots), "rule"),
        Stroke(
            "".join(f"M{left} {y - BAR // 2}H{value}v{BAR}H{left}z" for value, _, _, y in shown),
            "bar",
        ),
        Stroke("".join(f"M{low} {y}H{high}" for _, low, high, y in shown), "whisker"),
        Stroke(
            f"M{left} {TOP - BAR}V{bottom}H{WIDTH - GAP}"
            + "".join(f"M{x} {bottom}v8" for x, _ in spots),
            "edge",
        ),
    ]
    words = [Word(x, bottom + 26, text, "middle", "tick") for x, text in spots]
    return strokes, [*words, Word(WIDTH - GAP, bottom + 50, "importance", "end")]
