"""Optuna studies as runs: one Optuna study is one run of a (task, method, seed).

Wall-clock time comes from `datetime_start` and `datetime_complete`, in seconds since the first
trial of the study began; Optuna keeps local time without a zone, which is what is subtracted. Steps
of `trial.report` are resources (counted from 1 if they are from 0). When a step was reported Optuna
does not keep: see `step_times`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpobench.results.foreign.logs import Piece, Run, value_label, whole_number
from hpobench.results.foreign.rows import study_of
from hpobench.results.study import Study

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    Source = str | Path | optuna.Study | Iterable[optuna.Study] | optuna.storages.BaseStorage

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
    comparable: bool = True,
) -> Study:
    """Import an Optuna study, several, or all of a storage (its URL, or the path of its file).

    Names of a run: `runs[study name]`, a (task, method, seed), if `runs` is given (studies that it
    lacks are left out); else `task`, `method`, `seed`; else the study's user attributes of these
    names; else its own name, "optuna" and 0. `comparable`: values at different steps compare.

    Completed, pruned and failed trials count, pruned ones with the values of their steps; the final
    value of a trial takes the place of its last step's. Constraints become slacks. Running trials
    are left out. Raises ValueError for several objectives, unknown names and unreadable files.
    """
    if step_times not in STEP_TIMES:
        raise ValueError(f"step_times={step_times!r}: use one of {', '.join(STEP_TIMES)}")
    studies = _studies(source)
    if not studies:
        raise ValueError(f"there is no Optuna study to import in {source}")
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


def _studies(source: "Source") -> "Sequence[optuna.Study]":
    import optuna

    if isinstance(source, optuna.Study):
        return [source]
    if isinstance(source, str | Path):
        return _stored(source)
    if isinstance(source, optuna.storages.BaseStorage):
        names = optuna.get_all_study_names(source)
        return [optuna.load_study(study_name=name, storage=source) for name in names]
    return list(source)


def _stored(source: str | Path) -> "Sequence[optuna.Study]":
    """The studies of a URL, of an SQLite file, or of a journal file."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path = Path(str(source).removeprefix("sqlite:///"))
    is_file = "://" not in str(source) or str(source).startswith("sqlite:///")
    if is_file and not path.is_file():
        raise ValueError(f"there is no file {path} to import Optuna studies from")
    try:
        if not is_file:
            return _studies(optuna.storages.get_storage(str(source)))
        with path.open("rb") as file:
            is_sqlite = file.read(15) == b"SQLite format 3"
        if is_sqlite:
            return _studies(optuna.storages.RDBStorage(f"sqlite:///{path}"))
        return _studies(JournalStorage(JournalFileBackend(str(path))))
    except Exception as error:  # whatever the storage's library makes of a strange file
        raise ValueError(f"{source} cannot be read as an Optuna storage: {error}") from error


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
    first = 1 if steps and min(steps) == 0 else 0
    highest = float(max(steps, default=1) + first)
    sign = -1.0 if maximise else 1.0
    pieces = [_piece(trial, zero, sign, first, highest, step_times) for trial in trials]
    return Run(
        *names,
        pieces=pieces,
        value_label=value_label(metric, maximise),
        fidelity="steps" if steps else "none",
        comparable=comparable,
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
    trial: "FrozenTrial", zero: datetime, sign: float, first: int, highest: float, step_times: str
) -> Piece:
    start_s = (_moment(trial, "start") - zero).total_seconds()
    end_s = (_moment(trial, "end") - zero).total_seconds()
    if end_s < start_s:
        raise ValueError(
            f"Optuna trial {trial.number} ends {start_s - end_s:g} s before it starts: its clock "
            "was changed meanwhile"
        )
    resources, values = _values(trial, sign, first, highest)
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
        error="" if values and np.isfinite(values[-1]) else f"{trial.state.name.lower()} in Optuna",
        slacks={name: -value for name, value in _constraints(trial).items()},
    )


def _values(
    trial: "FrozenTrial", sign: float, first: int, highest: float
) -> tuple[list[float], list[float]]:
    """Resources and values of the steps; at the last the final value, NaN if the trial failed."""
    steps = sorted(trial.intermediate_values)
    resources = [float(step + first) for step in steps]
    values = [sign * float(trial.intermediate_values[step]) for step in steps]
    state = trial.state.name
    if state == "PRUNED" and values:
        return resources, values
    final = sign * float(trial.values[0]) if state == "COMPLETE" and trial.values else np.nan
    if state == "COMPLETE" and values:
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
