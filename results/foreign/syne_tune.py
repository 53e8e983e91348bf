"""Syne Tune experiments as runs: `metadata.json` with `results.csv.zip` beside it is one run.

One row of the results is one report of a trial; of its columns are read

    trial_id, config_*      the trial and its configuration
    the metric              as `metric_names` and `metric_mode` of the metadata say
    st_tuner_time           seconds since tuning began at which the tuner saw the report
    st_worker_time          seconds since the trial was begun, or resumed, in its worker
    st_decision             CONTINUE, PAUSE or STOP: after a pause a new job begins

Trials that never reported anything are not in the results.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpobench.results.foreign.files import parsed, text_of
from hpobench.results.foreign.model import (
    SIGNS,
    Piece,
    Run,
    check_beside,
    finite,
    value_label,
    whole_number,
)
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study

METADATA = "metadata.json"
RESULTS = ("results.csv.zip", "results.csv")
TIME, WORKER_TIME, TRIAL = "st_tuner_time", "st_worker_time", "trial_id"
CONFIG = "config_"
CREATED = "st_tuner_creation_timestamp"

RESOURCE_NOTE = "Resources of Syne Tune's trials are counted by their reports, from 1."
START_NOTE = "Syne Tune's results lack st_worker_time: jobs are shown from their first report on."


def from_syne_tune(
    folder: str | Path,
    *,
    task: str | None = None,
    method: str | None = None,
    seed: int | None = None,
    metric: str | None = None,
    mode: str | None = None,
    test: str | None = None,
    train: str | None = None,
    resource: str | None = None,
    comparable: bool = True,
) -> Study:
    """Import the experiments in `folder` and below; it may be one, or its results.csv.zip.

    Names: those given; else `benchmark`, `algorithm` and `seed` of the metadata; else its entry
    point, its scheduler, and the number of the experiment in order of creation. `metric`: None is
    the first of the metadata. `mode`: min or max; None: what the metadata says of the metric, if it
    was tuned on, and else to be given. `test`, `train`: columns of the same on test data and on
    the data trained on. `resource`: the column of the resource; None:
    `resource_attr` of the metadata, else `epoch`, else the number of the report. `comparable`:
    values at different resources compare. Raises ValueError, naming the file, for what cannot be
    read.
    """
    found = [_Experiment(path) for path in _folders(Path(folder))]
    found.sort(key=lambda each: each.created)
    notes: list[str] = []
    runs: list[Run] = []
    for each in found:
        names = each.names(task, method)
        earlier = sum((run.task, run.method) == names for run in runs)
        number = each.metadata.get("seed", earlier) if seed is None else seed
        name, sign = each.metric(metric, mode)
        pieces, kind = each.pieces((name, test, train), sign, resource, notes)
        label = value_label(name, sign < 0)
        number = whole_number(number, str(each.path))
        runs.append(Run(*names, number, pieces, label, kind, comparable, sign=sign))
    return study_of(runs, "Syne Tune", notes)


def _folders(path: Path) -> list[Path]:
    if path.is_file():
        return [path.parent]
    if not path.is_dir():
        raise ValueError(f"there is no folder {path} to import Syne Tune experiments from")
    folders = sorted(each.parent for each in path.rglob(METADATA))
    if not folders:
        raise ValueError(f"{path} holds no Syne Tune experiment: there is no {METADATA}")
    return folders


class _Experiment:
    """One experiment: its metadata, and its results in order of time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metadata = _read_metadata(folder / METADATA)
        files = [folder / name for name in RESULTS if (folder / name).exists()]
        if not files:
            raise ValueError(f"{folder} has no results: there is no {RESULTS[0]}")
        self.path = files[0]
        self.results = _read_results(self.path)

    @property
    def created(self) -> float:
        """The moment at which the experiment was made; 0 if that is not known."""
        moment = self.metadata.get(CREATED)
        if moment is None:
            return 0.0
        return finite(moment, CREATED, str(self.folder / METADATA), "correct it, or take it out")

    def names(self, task: str | None, method: str | None) -> tuple[str, str]:
        """Task and method."""
        known = self.metadata
        return (
            task or str(known.get("benchmark") or known.get("entrypoint") or self.folder.name),
            method or str(known.get("algorithm") or known.get("scheduler_name") or "syne_tune"),
        )

    def metric(self, wanted: str | None, mode: str | None) -> tuple[str, float]:
        """The metric, and the sign that makes it one to be minimised."""
        names = _listed(self.metadata.get("metric_names"))
        if wanted is None and not names:
            raise ValueError(f"{self.folder / METADATA} names no metric: give --metric")
        name = str(wanted or names[0])
        if name not in self.results:
            columns = ", ".join(self.results.columns)
            raise ValueError(f"{self.path} has no column {name!r} for the metric: it has {columns}")
        return name, SIGNS[self._mode(name) if mode is None else _known(mode)]

    def _mode(self, name: str) -> str:
        """The mode of a metric in the metadata; raises ValueError if there is none."""
        names = _listed(self.metadata.get("metric_names"))
        if name not in names:
            raise ValueError(
                f"{self.folder / METADATA} does not say whether {name!r} is minimised, as it was "
                f"tuned on {', '.join(map(str, names)) or 'nothing'}: give --mode min or --mode max"
            )
        modes = _listed(self.metadata.get("metric_mode", "min"))
        mode = modes[min(names.index(name), len(modes) - 1)] if modes else None
        if mode not in SIGNS:
            raise ValueError(
                f"{self.folder / METADATA}: the metric_mode {mode!r} of {name!r} is not one of "
                f"{', '.join(SIGNS)}: correct it"
            )
        return str(mode)

    def pieces(
        self,
        metrics: tuple[str, str | None, str | None],
        sign: float,
        resource: str | None,
        notes: list[str],
    ) -> tuple[list[Piece], str]:
        """The jobs, and what the resource is called.

        `metrics`: that of the value, and those on test and on training data.
        """
        rows = self.results.copy()
        check_beside(*metrics[1:], map(str, rows), str(self.path))
        # A metric without a value is a failed evaluation; a text is a mistake.
        columns = {
            column: sign * _numbers(self.path, rows, name, missing=True)
            for column, name in zip(("value", "tests", "trains"), metrics, strict=True)
            if name is not None
        }
        kind = self._resource(resource)
        reports = rows.groupby(TRIAL).cumcount() + 1
        remedy = "choose another column by --resource, or correct it"
        resources = _numbers(self.path, rows, kind, remedy=remedy) if kind else reports
        rows = rows.assign(**columns, resource=resources.astype(float))
        single = reports.max() == 1 and not kind
        if not kind and not single:
            notes.append(RESOURCE_NOTE)
        if WORKER_TIME not in rows:
            notes.append(START_NOTE)
        rows["job"] = _job_numbers(rows)
        # A trial is one worker's at a time: a job starts no earlier than the one before ended.
        ended: dict[int, float] = {}
        made = []
        for _, job in rows.groupby([TRIAL, "job"], sort=True):
            piece = _piece(job, ended.get(int(job[TRIAL].iloc[0]), 0.0))
            ended[piece.trial] = piece.end_s
            made.append(piece)
        return made, "none" if single else kind or "reports"

    def _resource(self, wanted: str | None) -> str | None:
        if wanted is not None and wanted not in self.results:
            raise ValueError(f"{self.path} has no column {wanted!r} for the resource")
        choices = [wanted, self.metadata.get("resource_attr"), "epoch"]
        return next((name for name in choices if name in list(self.results.columns)), None)


def _read_metadata(path: Path) -> dict[str, Any]:
    try:
        if not path.exists():
            raise ValueError(f"there is no {METADATA} beside the results in {path.parent}")
        content = parsed(text_of(path))
    except ValueError as error:
        said = str(error).startswith((str(path), "there is no "))
        words = "" if said else f"{path} is not JSON: "
        raise ValueError(f"{words}{error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} does not hold the metadata of an experiment")
    return content


def _read_results(path: Path) -> pd.DataFrame:
    try:
        rows = pd.read_csv(io.StringIO(text_of(path)))
    except (ValueError, pd.errors.ParserError) as error:
        words = "" if str(error).startswith(str(path)) else f"{path} cannot be read as a table: "
        raise ValueError(f"{words}{error}") from None
    for name in (TRIAL, TIME):
        if name not in rows:
            raise ValueError(f"{path} has no column {name!r}: it has {', '.join(rows.columns)}")
    trials = _numbers(path, rows, TRIAL)
    if (trials % 1 != 0).any():
        strange = trials[trials % 1 != 0].iloc[0]
        raise ValueError(f"{path}: the {TRIAL} {strange} is not a whole number: correct it")
    rows[TRIAL] = trials.astype(np.int64)
    rows[TIME] = _numbers(path, rows, TIME)
    if WORKER_TIME in rows:
        rows[WORKER_TIME] = _numbers(path, rows, WORKER_TIME, missing=True)
    return rows.sort_values(TIME, kind="stable", ignore_index=True)


def _known(mode: str) -> str:
    if mode not in SIGNS:
        raise ValueError(f"mode={mode!r}: use one of {', '.join(SIGNS)}")
    return mode


def _listed(given: Any) -> list[Any]:
    """A list of what may be one thing, several, or none."""
    if given is None:
        return []
    return list(given) if isinstance(given, list) else [given]


def _numbers(
    path: Path, rows: pd.DataFrame, name: str, *, missing: bool = False, remedy: str = "correct it"
) -> "pd.Series[float]":
    """A column as finite numbers; `missing`: empty cells may be, and those that are infinite.

    Raises ValueError that names the file, the trial and the value.
    """
    given = rows[name]
    numbers = pd.to_numeric(given, errors="coerce").astype(float)
    wrong = numbers.isna() & given.notna() if missing else ~np.isfinite(numbers)
    if wrong.any():
        value, trial = given[wrong].iloc[0], rows[TRIAL][wrong].iloc[0]
        shown = repr(value) if isinstance(value, str) else value
        raise ValueError(
            f"{path}: the {name} {shown} of trial {trial} is not a finite number: {remedy}"
        )
    return numbers


def _job_numbers(rows: pd.DataFrame) -> "pd.Series[int]":
    """The number of each row's job in its trial: a new one begins after a pause."""
    trials = rows[TRIAL]
    new = pd.Series(False, index=rows.index)
    if "st_decision" in rows:
        new |= rows.groupby(TRIAL)["st_decision"].shift() == "PAUSE"
    if WORKER_TIME in rows:
        new |= rows.groupby(TRIAL)[WORKER_TIME].diff() < 0
    return new.astype(int).groupby(trials).cumsum()


def _piece(job: pd.DataFrame, earliest_s: float) -> Piece:
    times_s = job[TIME].to_numpy(dtype=float)
    start_s = times_s[0]
    if WORKER_TIME in job and np.isfinite(job[WORKER_TIME].iloc[0]):
        start_s -= float(job[WORKER_TIME].iloc[0])
    values = job["value"].to_list()
    return Piece(
        trial=int(job[TRIAL].iloc[0]),
        config=_config(job.iloc[0].to_dict()),
        start_s=float(np.clip(start_s, min(earliest_s, times_s[0]), times_s[0])),
        end_s=float(times_s[-1]),
        resources=job["resource"].to_list(),
        times_s=times_s.tolist(),
        values=values,
        error="" if np.isfinite(values[-1]) else "no value of the metric",
        tests=job["tests"].to_list() if "tests" in job else [],
        trains=job["trains"].to_list() if "trains" in job else [],
    )


def _config(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The hyperparameters; those of which nothing is known are not active."""
    named = {str(name): value for name, value in row.items() if str(name).startswith(CONFIG)}
    return {
        name.removeprefix(CONFIG): value.item() if isinstance(value, np.generic) else value
        for name, value in named.items()
        if not (isinstance(value, float) and np.isnan(value)) and value is not None
    }
