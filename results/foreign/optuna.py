"""Optuna studies as runs: one Optuna study is one run of a (task, method, seed).

Wall-clock time comes from `datetime_start` and `datetime_complete`, in seconds since the first
trial of the study began; Optuna keeps local time without a zone, which is what is subtracted. Steps
of `trial.report` are resources (counted from 1 if they are from 0). When a step was reported Optuna
does not keep: see `step_times`.
"""

import fnmatch
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from hpobench.results.foreign.model import Piece, Run, check_beside, finite, value_label
from hpobench.results.foreign.naming import Names, Naming
from hpobench.results.foreign.optuna_storages import opened
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study
from hpobench.storage.layout import redacted

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from hpobench.results.foreign.optuna_storages import Named, Source

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
    runs: Mapping[str, Names] | str | None = None,
    study: str | Sequence[str] = (),
    objective: str | int | None = None,
    metric: str = "objective value",
    mode: str | None = None,
    test: str | None = None,
    train: str | None = None,
    step_times: str = "end",
    comparable: bool = False,
) -> Study:
    """Import Optuna studies: objects, storages (a URL, or a file), several of them, or a folder.

    A file may be SQLite, a journal, or a CSV of `trials_dataframe`, for which `mode` says whether
    its values are to be min or max. `study`: names or patterns of those to import; all by default.

    Names of a run: `runs[study name]`, a (task, method, seed), if `runs` is a mapping (studies that
    it lacks are left out); else `task`, `method`, `seed`; else what `runs`, a pattern such as
    "{task}-{method}-{seed}", finds in the study's name; else the study's user attributes of these
    names; else its own name, "optuna" and 0.

    `objective`: the number (from 0) or name of one, for studies that have several. `test`, `train`:
    the user attributes of trials that hold the final value on test data, and on the data trained
    on.

    `comparable`: values of steps count as values of the trial. By default the best trial is the
    one that Optuna calls so, of those that were completed; their values are then at the highest
    step of all. What the other rule would give is noted.

    Completed, pruned and failed trials count, pruned ones with the values of their steps; the final
    value of a trial takes the place of its last step's. Constraints become slacks. Running trials
    are left out. Raises ValueError for several objectives of which none is chosen, unknown names
    and unreadable files. Nothing is written to the source.
    """
    if step_times not in STEP_TIMES:
        raise ValueError(f"step_times={step_times!r}: use one of {', '.join(STEP_TIMES)}")
    notes: list[str] = []
    pattern, mapping = (runs, None) if isinstance(runs, str) else ("", runs)
    naming = Naming(task, method, seed, pattern)
    with opened(source, mode, notes) as studies:
        if not studies:
            given = source if isinstance(source, list | tuple) else [source]
            places = ", ".join(redacted(str(each)) for each in given)
            raise ValueError(f"there is no Optuna study to import in {places}")
        wanted = [study] if isinstance(study, str) else study
        made = []
        for name, each in _chosen(studies, wanted, mapping):
            names = mapping[name] if mapping else _names(name, each, naming)
            picked = _objective(name, each, objective)
            run = _run(name, each, names, picked, metric, step_times, comparable, notes)
            made.append(_with_attributes(run, each, test, train))
        return study_of(made, "Optuna", notes)


def _chosen(
    studies: "list[Named]", wanted: Sequence[str], runs: Mapping[str, Names] | None
) -> "list[Named]":
    """The studies of these names or patterns; raises ValueError for one that there is not."""
    known = [name for name, _ in studies]
    for name in runs if runs is not None else wanted:
        if not fnmatch.filter(known, name) and name not in known:
            raise ValueError(f"there is no Optuna study {name!r}: choose from {', '.join(known)}")
    if runs is not None:
        return [each for each in studies if each[0] in runs]
    return [
        each
        for each in studies
        if not wanted or any(fnmatch.fnmatchcase(each[0], some) for some in wanted)
    ]


def _names(name: str, study: Any, naming: Naming) -> Names:
    attributes = study.user_attrs
    return naming.of(
        name,
        task=str(attributes.get("task", name)),
        method=str(attributes.get("method", "optuna")),
        seed=attributes.get("seed", 0),
        where=f"Optuna study {name!r}",
    )


def _objective(name: str, study: Any, wanted: str | int | None) -> int:
    """The number of the objective; raises ValueError if it is to be chosen, or is not there."""
    count = len(study.directions)
    named = list(study.metric_names or map(str, range(count)))
    if count == 1:
        return 0
    if wanted is None:
        raise ValueError(
            f"Optuna study {name!r} has {count} objectives ({', '.join(named)}): choose one by "
            "--objective, or other studies by --study"
        )
    if str(wanted) in named:
        return named.index(str(wanted))
    if str(wanted).isdecimal() and int(wanted) < count:
        return int(wanted)
    raise ValueError(f"Optuna study {name!r} has no objective {wanted!r}: it has {named}")


def _run(
    name: str,
    study: Any,
    names: Names,
    objective: int,
    metric: str,
    step_times: str,
    comparable: bool,
    notes: list[str],
) -> Run:
    maximise = study.directions[objective].name == "MAXIMIZE"
    trials = [_of_objective(trial, objective) for trial in _ended(name, study, notes)]
    zero = min((_moment(trial, "start") for trial in trials), default=datetime.min)
    steps = [step for trial in trials for step in trial.intermediate_values]
    if steps:
        notes.append(STEP_TIMES[step_times])
    elif comparable or step_times != "end":
        notes.append(
            f"{name}: no trial has values at steps: --comparable and --step-times change nothing."
        )
    first = 1 if steps and min(steps) == 0 else 0
    highest = float(max(steps, default=1) + first)
    if not comparable and any(_reaches(trial, highest - first) for trial in trials):
        highest += 1
    sign = -1.0 if maximise else 1.0
    pieces = [_piece(trial, zero, sign, first, highest, step_times, comparable) for trial in trials]
    if steps:
        notes.append(_rule(name, trials, pieces, sign, comparable))
    states = Counter(trial.state.name.lower() for trial in trials)
    finals = [t.values[0] for t in trials if t.state.name == "COMPLETE" and t.values]
    finals = [value for value in finals if np.isfinite(value)]
    return Run(
        *names,
        pieces=pieces,
        value_label=value_label(_label(study, objective, metric), maximise),
        fidelity="steps" if steps else "none",
        comparable=comparable,
        clock="evaluations" if getattr(study, "untimed", False) else "seconds",
        sign=sign,
        states={name: states[name] for name in ("complete", "pruned", "fail") if states[name]},
        own_best=_own_best(study, finals, sign),
    )


def _with_attributes(run: Run, study: Any, test: str | None, train: str | None) -> Run:
    """The run with final values on test and on training data, from attributes of its trials."""
    if test is None and train is None:
        return run
    trials = {trial.number: trial.user_attrs for trial in study.get_trials(deepcopy=False)}
    known = (name for attributes in trials.values() for name in attributes)
    check_beside(test, train, known, f"Optuna study {study.study_name!r}")

    def final(piece: Piece, name: str | None) -> list[float]:
        value = trials[piece.trial].get(name)
        if name is None or not piece.values:
            return []
        if value is None or isinstance(value, int | float):
            found = np.nan if value is None else float(value)
        else:
            found = finite(value, f"user attribute {name}", f"trial {piece.trial}", "correct it")
        return [*[np.nan] * (len(piece.values) - 1), run.sign * found]

    return replace(
        run,
        pieces=[
            replace(piece, tests=final(piece, test), trains=final(piece, train))
            for piece in run.pieces
        ],
    )


def _own_best(study: Any, finals: Sequence[float], sign: float) -> float | None:
    """What Optuna calls the best value; of several objectives, or a CSV, of completed trials."""
    if len(study.directions) == 1 and hasattr(type(study), "best_value"):
        try:
            return float(study.best_value)
        except ValueError:  # no trial was completed, or none is feasible
            return None
    return sign * min(sign * value for value in finals) if finals else None


def _label(study: Any, objective: int, metric: str) -> str:
    """What the value is called."""
    named = study.metric_names
    several = len(study.directions) > 1
    if metric == "objective value" and (named or several):
        return str(named[objective]) if named else f"objective {objective}"
    return metric


class _Trial:
    """A trial with one of its objectives only."""

    def __init__(self, trial: Any, objective: int) -> None:
        self._trial, self._objective = trial, objective

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trial, name)

    @property
    def values(self) -> list[float] | None:
        """The value of the objective, if there is one."""
        known = self._trial.values
        return known and [known[self._objective]]


def _of_objective(trial: Any, objective: int) -> Any:
    return trial if objective == 0 else _Trial(trial, objective)


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


def _ended(name: str, study: Any, notes: list[str]) -> "list[FrozenTrial]":
    trials = study.get_trials(deepcopy=False)
    ended = [t for t in trials if t.state.is_finished() and t.datetime_complete is not None]
    waiting = sum(trial.state.name != "WAITING" for trial in trials) - len(ended)
    if waiting:
        notes.append(f"{name}: {waiting} trials were still running and are left out.")
    zones = {(t.datetime_start or t.datetime_complete).tzinfo is None for t in ended}
    if len(zones) > 1:
        raise ValueError(f"Optuna study {name!r} mixes times with and without a zone")
    made: list[FrozenTrial] = ended
    return made


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
