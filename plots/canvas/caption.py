"""Captions: every figure says what statistic, band, seeds, time axis and rules it shows."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from hpobench.results.anytime.comparison import Comparison
from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.notes import horizon_notes, rule_notes
from hpobench.results.statistics.summary import describe
from hpobench.results.study.failed_runs import Failed, added, in_words
from hpobench.results.study.time_axis import (
    WALL_CLOCK,
    axis_label,
    axis_unit,
    charging,
    note_for,
)
from hpobench.storage.schema import MethodFacts
from hpobench.words import counted, first_of

OVERHEADS = {
    "none": "the methods' own computing time is not charged",
    "measured": "the methods' own computing time is charged as measured",
    "replay": "the methods' own computing time is charged as recorded earlier",
    "real": "the methods' own computing time is part of it",
}
NAMED_PANELS = 3


def caption(
    panels: Sequence[Comparison],
    methods: Mapping[str, MethodFacts],
    settings: Mapping[str, Any],
    *,
    time: str,
    extra: Sequence[str] = (),
) -> str:
    """The text under a figure of these panels."""
    sentences = [
        _statistic(panels),
        _time_axis(panels, settings, time),
        *_shared(panels),
        *extra,
        *_failed(panels, methods),
    ]
    return " ".join(sentences)


def wrapped(text: str, width_in: float, points: float) -> str:
    """`text` in lines that fit a figure of this width, at a font size in points."""
    characters = int(width_in * 72 / (points * 0.565))
    return textwrap.fill(text, max(characters, 40))


def _statistic(panels: Sequence[Comparison]) -> str:
    lines = [line for panel in panels for line in panel.lines.values()]
    quantities = " or ".join(dict.fromkeys(panel.quantity for panel in panels))
    if not lines:
        return f"No curve of the {quantities} can be drawn."
    first = lines[0]
    words = describe(first.statistic, first.band, [line.count for line in lines], first.units)
    start, rest = words.split(" over ", 1)
    return f"{start.capitalize()} {quantities} over {rest}."


def _time_axis(panels: Sequence[Comparison], settings: Mapping[str, Any], time: str) -> str:
    names = list(dict.fromkeys(panel.axis for panel in panels))
    of_horizon = " as a fraction of the task's horizon" if panels[0].relative else ""
    shown = dict.fromkeys(axis_label(panel.axis, panel.axis_unit) for panel in panels)
    labels = " or ".join(shown)
    return _clock(f"Time axis: {labels}{of_horizon}, {time} scale", names, settings)


def _clock(start: str, names: Sequence[str], settings: Mapping[str, Any]) -> str:
    """`start`, then what the settings and the axes of these names say of the time."""
    words = [start]
    if "workers" in settings:
        words.append(counted(np.atleast_1d(settings["workers"]), "workers"))
    if list(names) == [WALL_CLOCK] and charging(settings) in OVERHEADS:
        words.append(OVERHEADS[charging(settings)])
    notes = [note_for(name, settings) for name in names]
    return " ".join([", ".join(words) + ".", *filter(None, notes)])


def whole_runs(
    found: Incumbents, tasks: Iterable[str], settings: Mapping[str, Any]
) -> tuple[str, ...]:
    """What a figure that shows no time has to say of it: seeds, time axis, rule, view, failures."""
    names = list(tasks)
    label = axis_label(found.axis, axis_unit(found.axis, *(found.tasks[name] for name in names)))
    numbers = [len(runs) for (task, _), runs in found.counted.items() if task in names]
    return (
        f"{counted(numbers, 'seeds')} a task and method.",
        _clock(f"Time axis: {label}, to the horizon of each task", [found.axis], settings),
        *rule_notes(found, names),
        *horizon_notes(found, names),
        *in_words(found.failures(names), found.failed_as, found.methods),
    )


def _shared(panels: Sequence[Comparison]) -> list[str]:
    """The notes of the panels; those that not all share say whose they are.

    That is a task, or, where panels are of one task, a time axis.
    """
    notes = dict.fromkeys(note for panel in panels for note in panel.notes)
    one_task = len({panel.title for panel in panels}) < len(panels)
    names = [axis_label(p.axis, p.axis_unit) if one_task else p.title for p in panels]
    sentences = []
    for note in notes:
        owners = [name for name, panel in zip(names, panels, strict=True) if note in panel.notes]
        whose = "" if len(owners) == len(panels) else f" ({first_of(owners, NAMED_PANELS)}.)"
        sentences.append(note + whose)
    return sentences


def _failed(panels: Sequence[Comparison], methods: Mapping[str, MethodFacts]) -> tuple[str, ...]:
    none: dict[str, Failed] = {}
    rule = panels[0].failed_as
    return in_words(reduce(added, (panel.failed for panel in panels), none), rule, methods)
