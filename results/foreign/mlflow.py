"""MLflow's runs as trials: of its folder of files (`mlruns`), or of its SQLite database.

The runs of one experiment are the trials of one run; nested runs are the trials of their parent.
Steps of the metric are resources; the last value is what a trial has reached.
"""

import math
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hpobench.results.foreign.files import text_of
from hpobench.results.foreign.model import Piece, Run, check_beside, sign_of, value_label
from hpobench.results.foreign.naming import Naming, files_of
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study
from hpobench.tables.reading import plain
from hpobench.words import counted

META = "meta.yaml"
STATES = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
UNDER_WAY = {"RUNNING", "SCHEDULED"}
PARENT = "mlflow.parentRunId"
STAGE, DELETED = "lifecycle_stage", "deleted"


@dataclass(frozen=True)
class _Trial:
    """One run of MLflow; `metrics`: by name (timestamp in ms, value, step).

    `deleted`: it was, or its experiment; MLflow keeps both until they are purged.
    """

    id: str
    experiment: str
    name: str
    status: str
    start_ms: float
    end_ms: float
    parent: str
    deleted: bool
    params: dict[str, Any]
    metrics: dict[str, list[tuple[float, float, float]]]


def from_mlflow(
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
    comparable: bool = True,
) -> Study:
    """Import folders of MLflow (`mlruns`), or its databases (`mlflow.db`).

    Names of a run: those given; what `runs`, a pattern, finds in the name of the parent run, or of
    the experiment; else that name, "mlflow" and numbers. `metric`: None, if there is one only;
    `mode`, min or max. `test`, `train`: the same on test data and on the data trained on, at the
    same steps. `comparable`: values at different steps compare. Runs under way, and those
    that were deleted, are left out. Raises ValueError, naming the place, for what cannot be read.
    """
    naming = Naming(task, method, seed, runs)
    made, notes = [], []
    for source, trials in _sources(paths):
        for name, those in _grouped(trials).items():
            kept = [trial for trial in those if not trial.deleted]
            ended = [trial for trial in kept if trial.status not in UNDER_WAY]
            if deleted := len(those) - len(kept):
                notes.append(f"{name}: {counted(deleted, 'deleted runs')} left out.")
            if left := len(kept) - len(ended):
                notes.append(f"{name}: {counted(left, 'runs')} under way left out.")
            if not ended:
                continue
            known = metric or _only_metric(f"{source}, {name}", ended)
            sign = sign_of(mode, known)
            check_beside(test, train, (m for trial in ended for m in trial.metrics), name)
            metrics = (known, test, train)
            zero = _zero(ended)
            pieces = [_piece(n, trial, metrics, sign, zero) for n, trial in enumerate(ended)]
            steps = any(len(piece.values) > 1 for piece in pieces)
            made.append(
                Run(
                    *naming.of(name, task=name, method="mlflow"),
                    pieces=pieces,
                    value_label=value_label(known, sign < 0),
                    fidelity="steps" if steps else "none",
                    comparable=comparable,
                    sign=sign,
                    states=_states(ended),
                )
            )
    return study_of(made, "MLflow", notes)


def _sources(paths: str | Path | Sequence[str | Path]) -> list[tuple[Path, list[_Trial]]]:
    """The trials of each database and folder."""
    made = []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        path = Path(str(path).removeprefix("sqlite:///").removeprefix("file:"))
        if path.is_file():
            made.append((path, _of_database(path)))
            continue
        files = [file for file in files_of(path, META) if (file.parent / "metrics").is_dir()]
        if not files:
            raise ValueError(f"{path} holds no run of MLflow")
        made.append((path, [_of_folder(file) for file in files]))
    return made


def _of_folder(file: Path) -> _Trial:
    folder = file.parent
    about = _yaml(file)
    above = folder.parent / META
    experiment = _yaml(above) if above.is_file() else {}
    params = {each.name: plain(text_of(each).strip()) for each in _inside(folder / "params")}
    tags = {each.name: text_of(each).strip() for each in _inside(folder / "tags")}
    return _Trial(
        id=str(about.get("run_id") or folder.name),
        experiment=str(experiment.get("name") or folder.parent.name),
        name=str(about.get("run_name") or tags.get("mlflow.runName") or folder.name),
        status=STATES.get(str(about.get("status")), str(about.get("status"))),
        start_ms=_moment(about.get("start_time")),
        end_ms=_moment(about.get("end_time")),
        parent=tags.get(PARENT, ""),
        deleted=DELETED in (about.get(STAGE), experiment.get(STAGE)),
        params={name: value for name, value in params.items() if value is not None},
        metrics={each.name: _history(each) for each in _inside(folder / "metrics")},
    )


def _yaml(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text_of(file))
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{file} is not YAML: {error}") from None
    return content if isinstance(content, dict) else {}


def _inside(folder: Path) -> list[Path]:
    return sorted(each for each in folder.glob("*") if each.is_file()) if folder.is_dir() else []


def _moment(given: Any) -> float:
    return math.nan if given is None else float(given)


def _history(file: Path) -> list[tuple[float, float, float]]:
    """Lines of timestamp, value and step."""
    made = []
    for number, line in enumerate(text_of(file).splitlines(), start=1):
        words = line.split()
        try:
            time_ms, value = float(words[0]), float(words[1])
            made.append((time_ms, value, float(words[2]) if len(words) > 2 else 0.0))
        except (ValueError, IndexError):
            raise ValueError(f"{file}, line {number} is no metric of MLflow: {line!r}") from None
    return made


def _of_database(path: Path) -> list[_Trial]:
    """The runs of a copy of an SQLite database."""
    with tempfile.TemporaryDirectory(prefix="hpobench-") as folder:
        copy = Path(folder) / "copy"
        shutil.copyfile(path, copy)
        try:
            with closing(sqlite3.connect(copy)) as connection:
                return _rows(connection)
        except sqlite3.Error as error:
            raise ValueError(f"{path} is no database of MLflow: {error}") from None


def _rows(connection: sqlite3.Connection) -> list[_Trial]:
    def by_run(query: str) -> dict[str, list[tuple[Any, ...]]]:
        found: dict[str, list[tuple[Any, ...]]] = {}
        for run, *rest in connection.execute(query):
            found.setdefault(run, []).append(tuple(rest))
        return found

    params = by_run("select run_uuid, key, value from params")
    tags = by_run("select run_uuid, key, value from tags")
    metrics = by_run(
        "select run_uuid, key, timestamp, value, step, is_nan from metrics order by timestamp, step"
    )
    made = []
    for uuid, name, status, start, end, experiment, *stages in connection.execute(
        "select r.run_uuid, r.name, r.status, r.start_time, r.end_time, e.name, "
        "r.lifecycle_stage, e.lifecycle_stage from runs r join experiments e "
        "on e.experiment_id = r.experiment_id order by r.start_time"
    ):
        history: dict[str, list[tuple[float, float, float]]] = {}
        for key, time_ms, value, step, is_nan in metrics.get(uuid, []):
            history.setdefault(key, []).append((time_ms, math.nan if is_nan else value, step))
        plain_params = {key: plain(str(value)) for key, value in params.get(uuid, [])}
        parent = dict(tags.get(uuid, [])).get(PARENT, "")
        known = {key: value for key, value in plain_params.items() if value is not None}
        made.append(
            _Trial(
                *(uuid, experiment, name or uuid, str(status), _moment(start), _moment(end)),
                *(parent, DELETED in stages, known, history),
            )
        )
    return made


def _grouped(trials: Sequence[_Trial]) -> dict[str, list[_Trial]]:
    """Trials by the name of their parent run, else of their experiment, in order of time."""
    names = {trial.id: trial.name for trial in trials}
    parents = {trial.parent for trial in trials}
    groups: dict[str, list[_Trial]] = {}
    for trial in sorted(trials, key=lambda each: each.start_ms):
        if trial.id in parents:
            continue
        name = names.get(trial.parent, trial.parent) if trial.parent else trial.experiment
        groups.setdefault(name, []).append(trial)
    return groups


def _only_metric(where: str, trials: Sequence[_Trial]) -> str:
    found = dict.fromkeys(name for trial in trials for name in trial.metrics)
    if len(found) != 1:
        raise ValueError(f"{where} has the metrics {', '.join(found)}: choose one by --metric")
    return next(iter(found))


def _zero(trials: Sequence[_Trial]) -> float:
    return min(trial.start_ms for trial in trials)


def _piece(
    number: int,
    trial: _Trial,
    metrics: tuple[str, str | None, str | None],
    sign: float,
    zero_ms: float,
) -> Piece:
    """A run as a trial; `metrics`: that of the value, and those on test and on training data."""
    metric, *beside = metrics
    history = sorted(trial.metrics.get(metric, []), key=lambda each: each[2])
    first = 1.0 if history and history[0][2] == 0 else 0.0
    end_ms = trial.end_ms
    if math.isnan(end_ms):
        end_ms = max((each[0] for each in history), default=trial.start_ms)
    times = np.maximum.accumulate([np.clip(t, trial.start_ms, end_ms) for t, _, _ in history])
    values = [sign * value for _, value, _ in history]
    tests, trains = (
        [sign * _at(trial.metrics.get(name, []), step) for _, _, step in history] if name else []
        for name in beside
    )
    failed = trial.status in ("FAILED", "KILLED") or not values
    resources = [step + first for _, _, step in history] or [1.0]
    times_s = [(each - zero_ms) / 1e3 for each in times]
    if failed:
        values, times_s = [*values, np.nan], [*times_s, (end_ms - zero_ms) / 1e3]
        resources += [resources[-1]] * (len(values) - len(resources))
        tests, trains = (some and [*some, np.nan] for some in (tests, trains))
    return Piece(
        trial=number,
        config=trial.params,
        start_s=(trial.start_ms - zero_ms) / 1e3,
        end_s=(end_ms - zero_ms) / 1e3,
        resources=resources,
        times_s=times_s,
        values=values,
        error=f"{trial.status.lower()} in MLflow" if failed else "",
        tests=tests,
        trains=trains,
    )


def _at(history: Sequence[tuple[float, float, float]], step: float) -> float:
    """The last value at a step; NaN: there is none."""
    return next((value for _, value, at in reversed(history) if at == step), math.nan)


def _states(trials: Sequence[_Trial]) -> dict[str, int]:
    states: dict[str, int] = {}
    for trial in trials:
        states[trial.status.lower()] = states.get(trial.status.lower(), 0) + 1
    return states
