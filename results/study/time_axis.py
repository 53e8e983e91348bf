"""The time axis, changed after the run: the same study over another measure of effort.

On a task whose cost is not known the wall clock counts evaluations (`TaskFacts.clock`), and so does
what is derived from it; decisions, which take seconds, cannot be added to it.

Each axis maps the moment at which a value became known to a number that never falls in the course
of a run. Incumbents, curves and comparisons then work as they do on the wall clock.

    wall_clock       seconds, as stored
    with_decisions   wall clock, plus all seconds that the method's decisions took until then
    evaluations      jobs in order of ending: at n the first n are known, with all of their values.
                     A job that was cut counts if it left a value
    resource         training of which the value is known, summed over all trials
    cost             seconds in which workers were busy, summed over all workers

`with_decisions` is exact with one worker: it is what the run would have been, had its decisions
been charged. With several it is an upper bound for the recorded order of events: decisions come one
at a time, so each is taken to delay all that follows, though other jobs went on in the meantime.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray, IntArray
from hpobench.results.study.study import WALL_CLOCK as WALL_CLOCK
from hpobench.results.study.study import Study
from hpobench.results.study.timeline import Timeline
from hpobench.storage.schema import TaskFacts

SECONDS = "seconds"


@dataclass(frozen=True)
class Axis:
    """The words of an axis: `short` is for "/ horizon", `note` a sentence for captions."""

    label: str
    short: str
    in_seconds: bool
    note: str


AXES: Mapping[str, Axis] = {
    WALL_CLOCK: Axis("wall-clock time", "time", True, ""),
    "with_decisions": Axis(
        "wall-clock time with decisions",
        "time with decisions",
        True,
        "The methods' own computing time is added after the run",
    ),
    "evaluations": Axis(
        "evaluations",
        "evaluations",
        False,
        "At n the first n jobs to end are known; a trial that is continued is a job each time.",
    ),
    "resource": Axis(
        "total resource",
        "resource",
        False,
        "Training counts when its value becomes known, summed over all trials; what was cut off "
        "or had to be repeated does not.",
    ),
    "cost": Axis(
        "busy worker time",
        "busy worker time",
        True,
        "Time in which workers trained, summed over all workers; waiting does not count.",
    ),
}
EXACT = "exact with one worker"
APPROXIMATE = (
    "with several workers an approximation from above: decisions are taken one at a time, and each "
    "is taken to delay all that follows"
)
CHARGED = "The methods' own computing time was charged in the run: this is the wall clock itself."


def on_axis(study: Study, axis: str) -> Study:
    """The same study with `observations.time_s` and `runs.end_time_s` on another axis.

    Jobs and decisions keep the wall clock. Raises ValueError for an unknown axis, for a study that
    is on another axis already, if the tables that the axis needs were not stored, and if decisions
    were to be added to a clock of evaluations.
    """
    known(axis)
    if study.axis == axis:
        return study
    if study.axis != WALL_CLOCK:
        raise ValueError(
            f"the study is on the axis {study.axis} already: begin with the stored study"
        )
    if axis == "with_decisions":
        _check_seconds(study.tasks)
    line = Timeline(study)
    charged = axis == "with_decisions" and decisions_charged(study.settings)
    time, end = (line.time_s, line.end_s) if charged else _MEASURES[axis](line)
    return study.changed(
        observations=_timed(study.observations, line.run, time),
        runs=study.runs.assign(end_time_s=end),
        axis=axis,
    )


def known(axis: str) -> Axis:
    """The axis of this name; raises ValueError if there is none."""
    if axis not in AXES:
        raise ValueError(f"axis={axis!r}: use one of {', '.join(AXES)}")
    return AXES[axis]


def _check_seconds(tasks: Mapping[str, TaskFacts]) -> None:
    uncounted = [facts.label for facts in tasks.values() if facts.clock != SECONDS]
    if uncounted:
        raise ValueError(
            f"decisions take seconds, and the clock of {', '.join(uncounted)} counts evaluations, "
            "as the cost is not known: they cannot be added"
        )


def axis_label(axis: str, unit: str = "") -> str:
    """The label of an axis; `unit`, that of `axis_unit`, is named if it stands for seconds."""
    label = known(axis).label
    if not unit or not AXES[axis].in_seconds:
        return label
    return f"{label.removeprefix('wall-clock ')} in {unit}"


def axis_unit(axis: str, *tasks: TaskFacts) -> str:
    """The unit of an axis on these tasks; "" for a plain number, and in seconds.

    Where tasks differ: all that the clocks count, and "" of resources.
    """
    if AXES[axis].in_seconds:
        return clock_unit(facts.clock for facts in tasks)
    units = {_unit(axis, facts) for facts in tasks}
    return units.pop() if len(units) == 1 else ""


def clock_unit(clocks: Iterable[str]) -> str:
    """The units of several clocks, such as: seconds or evaluations; "" if all count seconds."""
    names = sorted(set(clocks), key=lambda name: (name != SECONDS, name))
    return "" if names == [SECONDS] else " or ".join(names)


def _unit(axis: str, facts: TaskFacts) -> str:
    if AXES[axis].in_seconds and facts.clock != SECONDS:
        return facts.clock
    return facts.fidelity if axis == "resource" and facts.fidelity != "none" else ""


def uncounted(axis: str, tasks: Iterable[TaskFacts]) -> tuple[str, ...]:
    """A sentence on those of several tasks of which the axis is not in seconds as on the others."""
    some = list(tasks)
    labels = [facts.label for facts in some if _unit(axis, facts) == facts.clock != SECONDS]
    if not 0 < len(labels) < len(some):
        return ()
    return (f"Time counts evaluations, as the cost is not known, on {', '.join(labels)}.",)


def axis_note(study: Study, axis: str) -> str:
    """A sentence on the axis of this study for a caption, or nothing."""
    return note_for(axis, study.settings)


def note_for(axis: str, settings: Mapping[str, Any]) -> str:
    """`axis_note` from the settings of a study."""
    note = known(axis).note
    if axis != "with_decisions":
        return note
    if decisions_charged(settings):
        return CHARGED
    return f"{note}: {EXACT if settings.get('workers') == 1 else APPROXIMATE}."


def charging(settings: Mapping[str, Any]) -> str:
    """What decisions did to the clock: none, measured, replay or real; "": it is not known."""
    return "real" if settings.get("clock") == "real" else str(settings.get("overhead", ""))


def decisions_charged(settings: Mapping[str, Any]) -> bool:
    """Whether decisions moved the clock of the runs."""
    return charging(settings) not in ("", "none")


Measure = Callable[[Timeline], tuple[FloatArray, FloatArray]]
"""Places of the observations (n,) and ends of the runs (m,) on the axis."""


def _with_decisions(line: Timeline) -> tuple[FloatArray, FloatArray]:
    """All decisions up to the `tell` that follows the value are added."""
    time_s = line.time_s + line.decided_at_observations_s()
    return time_s, line.end_s + line.decided_at_ends_s()


def _evaluations(line: Timeline) -> tuple[FloatArray, FloatArray]:
    """Places in the order of ending among the jobs that ended or left a value."""
    counts = line.told.copy()
    counts[line.job] = True
    total = np.concatenate(([0], np.cumsum(counts)))
    before = total[line.job_bounds]
    return (total[line.job + 1] - before[line.run]).astype(float), np.diff(before).astype(float)


def _resource(line: Timeline) -> tuple[FloatArray, FloatArray]:
    """Sums of the training between a value and the one before it in the same job."""
    by_job = np.lexsort((line.resource, line.job))
    job, resource = line.job[by_job], line.resource[by_job]
    before = np.concatenate(([0.0], resource[:-1]))
    first = np.concatenate(([True], np.diff(job) != 0))[: len(job)]
    trained = np.empty(len(job))
    trained[by_job] = np.maximum(
        resource - np.where(first, line.from_resource[job], before[: len(job)]), 0.0
    )
    order = np.lexsort((line.time_s, line.run))
    total = np.concatenate(([0.0], np.cumsum(trained[order])))
    bounds = np.searchsorted(line.run[order], np.arange(len(line.end_s) + 1))
    place = np.empty(len(job))
    place[order] = total[1:] - total[bounds[line.run[order]]]
    return place, np.diff(total[bounds])


def _cost(line: Timeline) -> tuple[FloatArray, FloatArray]:
    """Busy seconds until t, to which each job adds what has passed of it."""
    runs = np.arange(len(line.end_s))
    return line.busy_s(line.run, line.time_s), line.busy_s(runs, line.end_s)


_MEASURES: Mapping[str, Measure] = {
    "with_decisions": _with_decisions,
    "evaluations": _evaluations,
    "resource": _resource,
    "cost": _cost,
}


def _timed(table: pd.DataFrame, run: IntArray, time: FloatArray) -> pd.DataFrame:
    """The observations at their new times, in order of time within each run."""
    timed = table.assign(time_s=time)
    falls = (np.diff(time) < 0) & (np.diff(run) == 0)
    if not falls.any() and not (np.diff(run) < 0).any():
        return timed
    return timed.iloc[np.lexsort((time, run))].reset_index(drop=True)
