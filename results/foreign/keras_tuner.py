"""Keras Tuner's `trial.json` files as a run: all trials below one folder, or in a file of lines.

They hold no times: the clock counts evaluations, and no seconds are made up. The metric is the one
of which the trial's score is a value, and its direction stands beside it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hpobench.results.foreign.files import parsed, text_of
from hpobench.results.foreign.model import (
    Piece,
    Run,
    check_beside,
    evaluations,
    sign_of,
    value_label,
)
from hpobench.results.foreign.naming import Naming, files_of
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study
from hpobench.words import counted

FILE = "trial.json"
DIRECTIONS = {"min": "min", "max": "max"}


def from_keras_tuner(
    paths: str | Path | Sequence[str | Path],
    *,
    task: str | None = None,
    method: str | None = None,
    seed: int | None = None,
    runs: str = "",
    metric: str | None = None,
    mode: str | None = None,
    test: str | None = None,
    train: str | None = None,
) -> Study:
    """Import projects of Keras Tuner: their folders, or files with one trial a line.

    Names of a run: those given; what `runs`, a pattern, finds in the name of the project's folder;
    else that name, "keras_tuner", and numbers. `metric`, `mode`: None, what the trials say of their
    score. `test`, `train`: the same on test data and on the data trained on. Raises ValueError,
    naming the file, for what cannot be read.
    """
    naming = Naming(task, method, seed, runs)
    made, notes = [], []
    for name, files in _projects(paths):
        trials = [trial for file in files for trial in _trials(file)]
        if not trials:
            raise ValueError(f"{files[0]} holds no trial of Keras Tuner: it is empty")
        trials.sort(key=lambda trial: _order(trial["trial_id"]))
        known = metric or _metric(name, trials)
        sign = sign_of(mode or _direction(trials, known), known)
        check_beside(test, train, (m for t in trials for m in t["metrics"]["metrics"]), name)
        ended = [trial for trial in trials if trial.get("status", "COMPLETED") not in UNDER_WAY]
        if left := len(trials) - len(ended):
            notes.append(f"{name}: {counted(left, 'trials')} under way left out.")
        if not ended:
            continue
        pieces = [
            _piece(number, trial, (known, test, train), sign, clock)
            for number, (trial, clock) in enumerate(
                zip(ended, evaluations(len(ended)), strict=True)
            )
        ]
        scores = [t["score"] for t in ended if _is_scored(t)]
        made.append(
            Run(
                *naming.of(name, task=name, method="keras_tuner"),
                pieces=pieces,
                value_label=value_label(known, sign < 0),
                clock="evaluations",
                sign=sign,
                states=_states(ended),
                own_best=sign * min(sign * s for s in scores) if scores and not metric else None,
            )
        )
    return study_of(made, "Keras Tuner", notes)


UNDER_WAY = {"RUNNING", "IDLE"}


def _projects(paths: str | Path | Sequence[str | Path]) -> list[tuple[str, list[Path]]]:
    """The name and files of each project: the folder above those of its trials."""
    found: dict[Path, list[Path]] = {}
    for file in files_of(paths, FILE, "*.jsonl"):
        whole = file.absolute()
        place = whole.parent.parent if file.name == FILE else whole.with_suffix("")
        found.setdefault(whole.parent if place.name == "trials" else place, []).append(file)
    return [(place.name or "keras_tuner", files) for place, files in found.items()]


def _trials(file: Path) -> list[dict[str, Any]]:
    text = text_of(file)
    texts = [text] if file.name == FILE else [line for line in text.splitlines() if line.strip()]
    made = []
    for number, each in enumerate(texts, start=1):
        try:
            trial = parsed(each)
            trial["hyperparameters"]["values"], trial["metrics"]["metrics"], trial["trial_id"]
        except (ValueError, KeyError, TypeError) as error:
            words = f"no {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"{file}, trial {number} is none of Keras Tuner: {words}") from None
        made.append(trial)
    return made


def _order(trial: Any) -> tuple[int, str]:
    text = str(trial)
    return (int(text) if text.isdecimal() else 0, text)


def _observed(trial: Mapping[str, Any], metric: str) -> list[tuple[float, float]]:
    """Steps and values of a metric; a step's value is the mean over its executions."""
    history = trial["metrics"]["metrics"].get(metric) or {}
    made = []
    for each in history.get("observations") or []:
        value = each["value"]
        value = np.mean(value) if isinstance(value, list) else value
        made.append((float(each.get("step") or 0), float(value)))
    return made


def _metric(name: str, trials: Sequence[Mapping[str, Any]]) -> str:
    """The only metric, or the one of which all scores are values."""
    metrics = dict.fromkeys(m for trial in trials for m in trial["metrics"]["metrics"])
    if len(metrics) == 1:
        return str(next(iter(metrics)))
    scored = [trial for trial in trials if _is_scored(trial)]
    fitting = [
        metric
        for metric in metrics
        if all(
            any(np.isclose(value, trial["score"]) for _, value in _observed(trial, metric))
            for trial in scored
        )
    ]
    if len(fitting) != 1 or not scored:
        known = ", ".join(metrics) or "none"
        raise ValueError(f"{name} has the metrics {known}: choose one by --metric")
    return str(fitting[0])


def _is_scored(trial: Mapping[str, Any]) -> bool:
    """Whether a trial has a finite score; that of one without any is null or NaN."""
    score = trial.get("score")
    return isinstance(score, int | float) and bool(np.isfinite(score))


def _direction(trials: Sequence[Mapping[str, Any]], metric: str) -> str | None:
    found = {(t["metrics"]["metrics"].get(metric) or {}).get("direction") for t in trials} - {None}
    return DIRECTIONS.get(str(found.pop())) if len(found) == 1 else None


def _piece(
    number: int,
    trial: Mapping[str, Any],
    metrics: tuple[str, str | None, str | None],
    sign: float,
    clock: tuple[float, float],
) -> Piece:
    """One trial: its score, else the best that was observed of the metric.

    `metrics`: that of the value, and those on test and on training data, of the step of the value.
    """
    metric, *beside = metrics
    config = {
        name: value
        for name, value in trial["hyperparameters"]["values"].items()
        if value is not None and not name.startswith("tuner/")
    }
    seen = [(sign * value, step) for step, value in _observed(trial, metric) if np.isfinite(value)]
    value, step = min(seen, default=(np.nan, np.nan))
    score = sign * trial["score"] if _is_scored(trial) else np.nan
    if scored := [each for each in seen if np.isclose(each[0], score)]:
        value, step = score, scored[0][1]
    tests, trains = (
        [sign * dict(_observed(trial, name)).get(step, np.nan)] if name else [] for name in beside
    )
    status = str(trial.get("status", "COMPLETED"))
    failed = status != "COMPLETED" or not np.isfinite(value)
    return Piece(
        trial=number,
        config=config,
        start_s=clock[0],
        end_s=clock[1],
        resources=[1.0],
        times_s=[clock[1]],
        values=[np.nan if failed else value],
        tests=tests,
        trains=trains,
        error=f"{status.lower()} in Keras Tuner" if failed else "",
    )


def _states(trials: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    states: dict[str, int] = {}
    for trial in trials:
        name = str(trial.get("status", "COMPLETED")).lower()
        states[name] = states.get(name, 0) + 1
    return states
