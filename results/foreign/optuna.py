"""Optuna studies as runs: one Optuna study is one run of a (task, method, seed).

Wall-clock time comes from `datetime_start` and `datetime_complete`, in seconds since the first
trial of the study began; Optuna keeps local time without a zone, which is what is subtracted. Steps
of `trial.report` are resources (counted from 1 if they are from 0). When a step was reported Optuna
does not keep: see `step_times`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from hpobench.results.foreign.model import Piece, Run, value_label, whole_number
from hpobench.results.foreign.optuna_storages import opened
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study
from hpobench.storage.layout import redacted

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from hpobench.results.foreign.optuna_storages import Source

Names = tuple[str, str, int]

STEP_TIMES = {
    "end": "Optuna does not keep when a step was reported: values of steps count from the end of "
    "their trial on, never before they were known.",
    "even": "Optuna does not keep when a step was reported: steps are spread evenly over the time "
    "of their trial.",
}


def from_optuna(
    source: "Source",
    *,
    task: str | None = None,
    method: str | None = None,
    seed: int | None = None,
    runs: Mapping[str, Names] | None = None,
    metric: str = "objective value",
    step_times: str = "end",
    comparable: bool = False,
) -> Study:
    """Import an Optuna study, several, or all of a storage (its URL, or the path of its file).

    Names of a run: `runs[study name]`, a (task, method, seed), if `runs` is given (studies that it
    lacks are left out); else `task`, `method`, `seed`; else the study's user attributes of these
    names; else its own name, "optuna" and 0.

    `comparable`: values of steps count as values of the trial. By default the best trial is the
    one that Optuna calls so, of those that were completed; their values are then at the highest
    step of all. What the other rule would give is noted.

    Completed, pruned and failed trials count, pruned ones with the values of their steps; the final
    value of a trial takes the place of its last step's. Constraints become slacks. Running trials
    are left out. Raises ValueError for several objectives, unknown names and unreadable files.
    Nothing is written to the source.
    """
    if step_times not in STEP_TIMES:
        raise ValueError(f"step_times={step_times!r}: use one of {', '.join(STEP_TIMES)}")
    with opened(source) as studies:
        if not studies:
            raise ValueError(f"there is no Optuna study to import in {redacted(str(source))}")
        return _imported(studies, task, method, seed, runs, metric, step_times, comparable)


def _imported(
    studies: "Sequence[optuna.Study]",
    task: str | None,
    method: str | None,
    seed: int | None,
    runs: Mapping[str, Names] | None,
    metric: str,
    step_times: str,
    comparable: bool,
) -> Study:
    if runs is not None:
        missing = [name for name in runs if name not in {each.study_name for each in studies}]
        if missing:
            known = ", ".join(each.study_name for each in studies)
            raise ValueError(f"there is no Optuna study {missing[0]!r}: choose from {known}")
        studies = [each for each in studies if each.study_name in runs]
    notes: list[str] = []
    made = []
    for each in studies:
        names = runs[each.study_name] if runs else _names(each, task, method, seed)
        made.append(_run(each, names, metric, step_times, comparable, notes))
    return study_of(made, "Optuna", notes)


def _names(study: "optuna.Study", task: str | None, method: str | None, seed: int | None) -> Names:
    attributes = study.user_attrs
    number = attributes.get("seed", 0) if seed is None else seed
    return (
        task or str(attributes.get("task", study.study_name)),
        method or str(attributes.get("method", "optuna")),
        whole_number(number, f"Optuna study {study.study_name!r}"),
    )


def _run(
    study: "optuna.Study",
    names: Names,
    metric: str,
    step_times: str,
    comparable: bool,
    notes: list[str],
) -> Run:
    from optuna.study import StudyDirection

    if len(study.directions) > 1:
        raise ValueError(
            f"Optuna study {study.study_name!r} has {len(study.directions)} objectives: "
            "only studies of one can be imported"
        )
    maximise = study.direction == StudyDirection.MAXIMIZE
    trials = _ended(study, notes)
    zero = min((_moment(trial, "start") for trial in trials), default=datetime.min)
    steps = [step for trial in trials for step in trial.intermediate_values]
    if steps:
        notes.append(STEP_TIMES[step_times])
    elif comparable or step_times != "end":
        notes.append(
            f"{study.study_name}: no trial has values at steps: --comparable and --step-times "
            "change nothing."
        )
    first = 1 if steps and min(steps) == 0 else 0
    highest = float(max(steps, default=1) + first)
    if not comparable and any(_reaches(trial, highest - first) for trial in trials):
        highest += 1
    sign = -1.0 if maximise else 1.0
    pieces = [_piece(trial, zero, sign, first, highest, step_times, comparable) for trial in trials]
    if steps:
        notes.append(_rule(study.study_name, trials, pieces, sign, comparable))
    return Run(
        *names,
        pieces=pieces,
        value_label=value_label(metric, maximise),
        fidelity="steps" if steps else "none",
        comparable=comparable,
    )


def _reaches(trial: "FrozenTrial", step: float) -> bool:
    """Whether a trial that was not completed has a value at the highest step."""
    return trial.state.name != "COMPLETE" and step in trial.intermediate_values


def _rule(
    name: str,
    trials: "Sequence[FrozenTrial]",
    pieces: Sequence[Piece],
    sign: float,
    comparable: bool,
) -> str:
    """What counts as the best value, and what it would be by the other rule."""
    allowed = [
        (trial, piece)
        for trial, piece in zip(trials, pieces, strict=True)
        if all(slack >= 0 for slack in piece.slacks.values())
    ]
    own = [
        (piece.values[-1], piece.end_s)
        for trial, piece in allowed
        if trial.state.name == "COMPLETE" and np.isfinite(piece.values[-1])
    ]
    stepwise = [
        (value, time_s, trial)
        for trial, piece in allowed
        for value, time_s in zip(piece.values, piece.times_s, strict=True)
        if np.isfinite(value)
    ]
    if not stepwise:
        return f"{name}: no trial has a value."
    value, time_s, trial = min(stepwise, key=lambda each: each[:2])
    by_steps = (
        f"{sign * value:g} at {time_s:g} s (trial {trial.number}, {trial.state.name.lower()})"
    )
    by_trials = f"{sign * min(own)[0]:g} at {min(own)[1]:g} s" if own else "none"
    if comparable:
        return (
            f"{name}: values of steps count, and the best is {by_steps}. Optuna's own best value, "
            f"of completed trials, is {by_trials}."
        )
    return (
        f"{name}: only final values of completed trials compare, as in Optuna, whose best value is "
        f"{by_trials}. With those of steps (--comparable) the best would be {by_steps}."
    )


def _ended(study: "optuna.Study", notes: list[str]) -> "list[FrozenTrial]":
    trials = study.get_trials(deepcopy=False)
    ended = [t for t in trials if t.state.is_finished() and t.datetime_complete is not None]
    waiting = sum(trial.state.name != "WAITING" for trial in trials) - len(ended)
    if waiting:
        notes.append(f"{study.study_name}: {waiting} trials were still running and are left out.")
    zones = {(t.datetime_start or t.datetime_complete).tzinfo is None for t in ended}  # type: ignore[union-attr]
    if len(zones) > 1:
        raise ValueError(f"Optuna study {study.study_name!r} mixes times with and without a zone")
    return ended


def _moment(trial: "FrozenTrial", which: str) -> datetime:
    """When a trial began (when it ended, if that is unknown) or ended; in UTC if it has a zone."""
    moment = trial.datetime_start if which == "start" else None
    moment = moment or trial.datetime_complete
    assert moment is not None  # trials without an end are left out
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _piece(
    trial: "FrozenTrial",
    zero: datetime,
    sign: float,
    first: int,
    highest: float,
    step_times: str,
    comparable: bool,
) -> Piece:
    start_s = (_moment(trial, "start") - zero).total_seconds()
    end_s = (_moment(trial, "end") - zero).total_seconds()
    if end_s < start_s:
        raise ValueError(
            f"Optuna trial {trial.number} ends {start_s - end_s:g} s before it starts: its clock "
            "was changed meanwhile"
        )
    resources, values = _values(trial, sign, first, highest, comparable)
    count = len(values)
    times_s = [end_s] * count
    if step_times == "even":
        times_s = list(np.linspace(start_s, end_s, count + 1)[1:])
    return Piece(
        trial=trial.number,
        config=dict(trial.params),
        start_s=start_s,
        end_s=end_s,
        resources=resources,
        times_s=times_s,
        values=values,
        error="" if values and np.isfinite(values[-1]) else _why(trial),
        slacks={name: -value for name, value in _constraints(trial).items()},
    )


def _why(trial: "FrozenTrial") -> str:
    """Why a trial counts as failed."""
    state = trial.state.name
    if state == "COMPLETE" and trial.values:
        return "value is not a number" if np.isnan(trial.values[0]) else "value is infinite"
    return f"{state.lower()} in Optuna"


def _values(
    trial: "FrozenTrial", sign: float, first: int, highest: float, comparable: bool
) -> tuple[list[float], list[float]]:
    """Resources and values of the steps; at the last the final value, NaN if the trial failed.

    Final values that do not compare with those of steps are at the highest resource.
    """
    steps = sorted(trial.intermediate_values)
    resources = [float(step + first) for step in steps]
    values = [sign * float(trial.intermediate_values[step]) for step in steps]
    state = trial.state.name
    if state == "PRUNED" and values:
        return resources, values
    final = sign * float(trial.values[0]) if state == "COMPLETE" and trial.values else np.nan
    if state == "COMPLETE" and values and comparable:
        return resources, [*values[:-1], final]
    if resources and resources[-1] >= highest:
        return resources, [*values[:-1], final]
    return [*resources, highest], [*values, final]


def _constraints(trial: "FrozenTrial") -> dict[str, float]:
    """Constraint values by name, feasible if <= 0; a list of them before Optuna 5."""
    known: Any = getattr(trial, "constraints", None)
    if known is None:
        known = trial.system_attrs.get("constraints") or ()
    named = known.items() if isinstance(known, Mapping) else enumerate(known)
    return {str(name): float(value) for name, value in named}
