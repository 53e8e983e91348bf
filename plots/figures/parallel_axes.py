"""Axes of parallel coordinates: where the values of one hyperparameter lie, and its ticks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from hpobench.arrays import FloatArray
from hpobench.plots.canvas.words import CHARACTER_EM
from hpobench.results.conduct.configurations import texts

DECADES_FOR_LOG = 2.0
TICK_POINTS = 6.5
LEAST_CHARACTERS = 5
SPREAD = 0.3
GAP_IN = 0.08

Tick = tuple[float, str]


@dataclass(frozen=True)
class ParallelAxis:
    """One axis from 0 to 1: `places` (n,) of the values (NaN: not active), and ticks on it."""

    name: str
    places: FloatArray
    ticks: tuple[Tick, ...]
    log: bool = False
    categorical: bool = False


def parallel_axis(
    name: str, values: "pd.Series[Any]", stated: Mapping[str, Any] | None = None
) -> ParallelAxis:
    """The axis of a hyperparameter as its space states it (see `Space.specification`).

    Where that is not known: numbers over the range that occurs, log if it spans more than two
    decades. Categories and ranks are evenly spaced, and the lines that share a level lie side by
    side, so that they can be counted.
    """
    stated = stated or {}
    if not values.notna().any():
        return ParallelAxis(name, np.full(len(values), np.nan), ())
    numbers = None if _has_levels(stated) else _numbers(values)
    if numbers is None:
        return _categorical(name, values, stated.get("values", ()))
    low, high, log = _range(numbers, stated)
    if low == high:
        return ParallelAxis(name, np.where(np.isnan(numbers), np.nan, 0.5), ((0.5, _text(low)),))
    between = _decades(low, high) if log else _round_values(np.array([low, *numbers, high]))
    ends = np.log10([low, high]) if log else np.array([low, high])

    def place(value: FloatArray) -> FloatArray:
        there: FloatArray = ((np.log10(value) if log else value) - ends[0]) / (ends[1] - ends[0])
        return there

    marks = np.array([low, high, *between])
    ticks = [(float(where), _text(float(m))) for where, m in zip(place(marks), marks, strict=True)]
    return ParallelAxis(name, place(numbers), tuple(ticks), bool(log))


def _has_levels(stated: Mapping[str, Any]) -> bool:
    """Whether the values are categories, or an order without distances."""
    ranked = stated.get("type") == "ordinal" and stated["scale"] == "rank"
    return ranked or stated.get("type") == "categorical"


def _range(numbers: FloatArray, stated: Mapping[str, Any]) -> tuple[float, float, bool]:
    """Both ends of the axis, with all numbers between them, and whether it is log."""
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    if not stated:
        return low, high, low > 0 and np.log10(high / low) > DECADES_FOR_LOG
    values = stated.get("values") or [stated["low"], stated["high"]]
    log = stated.get("log", stated.get("scale") == "log")
    return min(low, float(values[0])), max(high, float(values[-1])), bool(log)


def ticks_that_fit(axis: ParallelAxis, length_in: float) -> list[Tick]:
    """Ticks with labels that do not touch on an axis of this length: both ends, then others.

    The names of categories are cut, in the middle, to the room that there is.
    """
    letter_in = TICK_POINTS * CHARACTER_EM / 72
    # Labels at the ends lie on one side of their ticks, the others on both.
    share = 2.0 if len(axis.ticks) == 2 else 1.5
    room_in = length_in / (max(len(axis.ticks) - 1, 1) * share) - GAP_IN
    most = max(int(room_in / letter_in), LEAST_CHARACTERS)
    taken: list[tuple[float, float]] = []
    fitting = []
    for place, text in axis.ticks:
        label = _cut(text, most) if axis.categorical else text
        width = len(label) * letter_in
        start = place * length_in - width * anchor(place)
        if all(start > end + GAP_IN or start + width < begin - GAP_IN for begin, end in taken):
            taken.append((start, start + width))
            fitting.append((place, label))
    return fitting


def _cut(text: str, most: int) -> str:
    """Names of categories often differ at their ends: what is cut is between them."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def anchor(place: float) -> float:
    """Which part of a label is left of its tick: none at the left end, all of it at the right."""
    return 0.0 if place < 0.02 else 1.0 if place > 0.98 else 0.5


def _numbers(values: "pd.Series[Any]") -> FloatArray | None:
    """The values (n,) as numbers, None if some are not; truth values are categories."""
    present = values.dropna()
    if any(isinstance(value, (bool, np.bool_, str)) for value in present):
        return None
    numbers = pd.to_numeric(present, errors="coerce")
    if not np.isfinite(numbers.to_numpy(float)).all():
        return None
    return numbers.reindex(values.index).to_numpy(float)


def _categorical(name: str, values: "pd.Series[Any]", stated: Sequence[Any] = ()) -> ParallelAxis:
    """In the stated order, or else that of the alphabet."""
    told = texts(pd.Series([*values.dropna(), *stated], dtype=object)).to_list()
    names = pd.Series(told[: len(told) - len(stated)], values.dropna().index, dtype=object)
    first = [*dict.fromkeys(told[len(names) :])]
    levels = [*first, *sorted(set(names) - set(first))]
    step = 1 / (len(levels) - 1) if len(levels) > 1 else 0.0
    at = {level: number * step if step else 0.5 for number, level in enumerate(levels)}
    places = names.map(at).astype(float)
    turn = names.groupby(names).cumcount()
    count = names.groupby(names).transform("size")
    width = SPREAD * min(step or 0.3, 0.3)
    places = (places + width * ((turn + 0.5) / count - 0.5)).clip(0, 1)
    ticks = sorted(((place, level) for level, place in at.items()), key=_ends_first)
    there: FloatArray = np.asarray(places.reindex(values.index), dtype=float)
    return ParallelAxis(name, there, tuple(ticks), categorical=True)


def _ends_first(tick: Tick) -> tuple[bool, float]:
    return tick[0] not in (0.0, 1.0), tick[0]


def _decades(low: float, high: float) -> list[float]:
    exponents = np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
    return [float(10.0**exponent) for exponent in exponents]


def _round_values(numbers: FloatArray) -> list[float]:
    """Whole ones if all numbers are."""
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    whole = bool((numbers[~np.isnan(numbers)] % 1 == 0).all())
    ticks = MaxNLocator(3, steps=[1, 2, 5, 10], integer=whole).tick_values(low, high)
    return [float(tick) for tick in ticks if low < tick < high]


def _text(value: float) -> str:
    """Three digits; whole numbers as they are."""
    if value == int(value) and abs(value) < 100_000:
        return f"{int(value)}"
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e")
