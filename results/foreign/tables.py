"""Runs in a table: one row an evaluation, or a row a run of which only the end is known.

Columns are found by the names that people give them (`SYNONYMS`), or named. The charts that W&B
exports (`Step`, and for each run a column `RUN - METRIC`) are turned into such rows first.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpobench.results.foreign.model import Piece, Run, sign_of, value_label
from hpobench.results.foreign.naming import Naming, files_of
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study
from hpobench.tables import reading

SYNONYMS = {
    "task": "task dataset benchmark problem function",
    "method": "method optimizer optimiser algorithm sampler searcher tuner",
    "seed": "seed rep repetition replicate",
    "run": "run_name name run experiment study_name",
    "trial": "trial trial_id number",
    "value": "value loss score objective cost error",
    "time": "time time_s seconds elapsed elapsed_s wall_time wallclock timestamp datetime_complete",
    "start": "start start_s started starttime start_time datetime_start created",
    "duration": "duration duration_s runtime took",
    "step": "step iteration evaluation evaluations n_evals _step",
    "resource": "resource fidelity budget epoch",
    "test": "test test_value test_loss test_error test_score",
    "train": "train train_value train_loss train_error train_score",
    "status": "status state",
}
"""By what a column holds, the names by which it is recognised, in any case."""
NUMBERS = ("step", "resource", "test", "train")
"""Fields that hold numbers: another column of such a name is something else."""
PREFIXES = ("config.", "config/", "config_", "params_", "param_", "params.", "hp_")
FAILED = {"failed", "fail", "error", "crashed", "killed", "diverged", "trialstate.fail"}


def from_csv(
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
    columns: Sequence[str] = (),
    comparable: bool = False,
) -> Study:
    """Import runs from tables: CSV, Parquet, JSON lines.

    `columns`: what holds what, each as FIELD=COLUMN, or `config=A,B`, with the fields of
    `SYNONYMS`. Without `config` the hyperparameters are the columns that begin as other tools name
    them (`PREFIXES`), else all that are nothing else. `metric`, `test`, `train`: the columns of the
    value, and of the same on test data and on the data trained on. `mode`: min or max.

    Names of a run: those given; what `runs`, a pattern, finds in its name, or in that of its file;
    else the columns; else the name of the file, "csv" and 0.

    Times are seconds, or times of day; without any the clock counts evaluations, by their step if
    there is one. Without starts an evaluation begins when the one before it ends. Raises
    ValueError, naming the file, for what cannot be read.
    """
    made: list[Run] = []
    notes: list[str] = []
    naming = Naming(task, method, seed, runs)
    for file in files_of(paths, "*.csv", "*.csv.gz", "*.tsv", "*.parquet", "*.jsonl"):
        frame = _of_chart(reading.read([file]))
        named = {"value": metric, "test": test, "train": train}
        found = _columns(frame, named, columns, str(file))
        sign = sign_of(mode, found["value"])
        configs = _configs(frame, found, columns)
        read = [f"{name}: {column}" for name, column in found.items()]
        notes.append(
            f"{file.name}: read {', '.join(read)}; hyperparameters: {', '.join(configs) or 'none'}"
        )
        for names, rows in _runs(frame, found, naming, file):
            made.append(_run(names, rows, found, configs, sign, comparable, notes))
    return study_of(made, "a table", notes)


def _of_chart(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a chart of W&B: of each run those where its column has a value."""
    axis = str(next(iter(frame.columns)))
    series = [
        str(name)
        for name in frame
        if " - " in str(name)
        and not re.search(r"__(MIN|MAX)$|_(step|runtime|timestamp)$", str(name))
    ]
    if not series or (
        axis.lower() not in ("step", "wall time") and "relative time" not in axis.lower()
    ):
        return frame
    parts = []
    for name in series:
        run, _, metric = name.rpartition(" - ")
        known = frame[frame[name].notna()]
        kind = "step" if axis.lower() == "step" else "time"
        part = {"run": run, kind: known[axis], "value": known[name], "metric": metric}
        parts.append(pd.DataFrame(part, dtype=object))
    return pd.concat(parts, ignore_index=True)


def _columns(
    frame: pd.DataFrame, named: Mapping[str, str | None], columns: Sequence[str], where: str
) -> dict[str, str]:
    """By field the column that holds it; `named`: by field what an option says."""
    given: dict[str, str] = {}
    for text in columns:
        field, sign, name = text.partition("=")
        if not sign or field not in {*SYNONYMS, "config"}:
            known = ", ".join([*SYNONYMS, "config"])
            raise ValueError(f"--columns {text}: write FIELD=COLUMN, with a field of {known}")
        if field != "config":
            given[field] = reading.one_of(frame, name, f"--columns {text}")
    for field, column in named.items():
        if column is not None:
            option = "--metric" if field == "value" else f"--{field}"
            given[field] = reading.one_of(frame, column, option)
    for field in NUMBERS:
        if field in given and (word := _word_in(frame[given[field]])) is not None:
            raise ValueError(
                f"{where}: the column {given[field]} of the {field} holds {word!r}, no number: "
                "correct it, or name another"
            )
    lower = {str(name).lower(): str(name) for name in frame}
    found: dict[str, str] = {}
    for field, words in SYNONYMS.items():
        names = [lower[word] for word in words.split() if word in lower]
        names = [name for name in names if name not in {*given.values(), *found.values()}]
        if field in NUMBERS:
            names = [name for name in names if _word_in(frame[name]) is None]
        if field in given or names:
            found[field] = given.get(field) or names[0]
    if "value" not in found:
        known = ", ".join(map(str, frame))
        raise ValueError(f"{where}: which column is the value? Give --metric: it has {known}")
    return found


def _word_in(column: "pd.Series[Any]") -> str | None:
    """The first cell that is neither a number nor empty."""
    return next((cell for cell in column if isinstance(cell, str)), None)


def _configs(
    frame: pd.DataFrame, found: Mapping[str, str], columns: Sequence[str]
) -> dict[str, str]:
    """By hyperparameter its column."""
    stated = [text.partition("=")[2] for text in columns if text.startswith("config=")]
    if stated:
        names = [name for text in stated for name in text.split(",")]
        return {name: reading.one_of(frame, name, "--columns config=") for name in names}
    free = [str(name) for name in frame if str(name) not in found.values()]
    for prefix in PREFIXES:
        if named := [name for name in free if name.startswith(prefix)]:
            return {name.removeprefix(prefix): name for name in named}
    return {name: name for name in free if name != "metric"}


def _runs(
    frame: pd.DataFrame, found: Mapping[str, str], naming: Naming, file: Path
) -> list[tuple[tuple[str, str, int], pd.DataFrame]]:
    """The rows of each run, under its names."""
    keys = [found[name] for name in ("task", "method", "seed", "run") if name in found]
    if "run" in found and not naming.pattern and len(keys) > 1:
        keys.remove(found["run"])
    groups: list[tuple[Hashable, pd.DataFrame]] = [((), frame)]
    if keys:
        groups = list(frame.groupby(keys, sort=False, dropna=False))
    made = []
    for _, rows in groups:
        first = {name: rows[column].iloc[0] for name, column in found.items()}
        text = str(first.get("run", file.stem))
        alone = "run" in first and "method" not in first
        names = naming.of(
            text,
            task=str(first.get("task", file.stem)),
            method=str(first.get("method", text if alone else "csv")),
            seed=first.get("seed", 0),
            where=str(file),
        )
        made.append((names, rows))
    return made


def _run(
    names: tuple[str, str, int],
    rows: pd.DataFrame,
    found: Mapping[str, str],
    configs: Mapping[str, str],
    sign: float,
    comparable: bool,
    notes: list[str],
) -> Run:
    start, end, clock = _times(rows, found, f"{names[0]}, {names[1]}, seed {names[2]}")
    rows = rows.assign(_start=start, _end=end).sort_values("_end", kind="stable")
    values, words = reading.numbers(rows[found["value"]])
    for word, count in words.items():
        notes.append(
            f"{names[1]}, seed {names[2]}: {count} times {word!r}, no number, and so failed"
        )
    status = rows[found["status"]] if "status" in found else [""] * len(rows)
    failed = np.array([str(each).lower() in FAILED for each in status])
    values = (sign * values).where(~failed)
    resources = _numbers(rows, found.get("resource"), 1.0)
    tests, trains = (
        sign * _numbers(rows, found[field], np.nan) if field in found else None
        for field in ("test", "train")
    )
    trials = rows[found["trial"]].map(str) if "trial" in found else pd.Series(range(len(rows)))
    numbers = {name: number for number, name in enumerate(dict.fromkeys(trials))}
    pieces = [
        Piece(
            trial=numbers[trial],
            config={
                name: row[column] for name, column in configs.items() if row[column] is not None
            },
            start_s=float(row["_start"]),
            end_s=float(row["_end"]),
            resources=[float(resource)],
            times_s=[float(row["_end"])],
            values=[float(value)],
            error="" if np.isfinite(value) else "no finite value",
            tests=() if tests is None else [float(tests.iloc[place])],
            trains=() if trains is None else [float(trains.iloc[place])],
        )
        for place, (trial, resource, value, row) in enumerate(
            zip(trials, resources, values, rows.to_dict("records"), strict=True)
        )
    ]
    kind = found["resource"] if "resource" in found and resources.nunique() > 1 else "none"
    bad = int((~np.isfinite(values)).sum())
    states = {"ok": len(pieces) - bad, "failed": bad}
    return Run(
        *names,
        pieces=pieces,
        value_label=value_label(found["value"], sign < 0),
        fidelity=kind,
        comparable=comparable or kind == "none",
        clock=clock,
        sign=sign,
        states={name: count for name, count in states.items() if count},
    )


def _numbers(rows: pd.DataFrame, column: str | None, otherwise: float) -> "pd.Series[float]":
    if column is None:
        return pd.Series(otherwise, rows.index)
    return reading.numbers(rows[column])[0].fillna(otherwise)


def _times(
    rows: pd.DataFrame, found: Mapping[str, str], where: str
) -> tuple["pd.Series[float]", "pd.Series[float]", str]:
    """Start and end of each row since the run began, and what they are counted in."""
    start, end, duration = (
        _moments(rows, found.get(name), where) for name in ("start", "time", "duration")
    )
    if end is None and duration is not None:
        end = duration.cumsum() if start is None else start + duration
    if end is None:
        steps = _numbers(rows, found.get("step"), np.nan)
        end = pd.Series(np.arange(1.0, len(rows) + 1), rows.index)
        if "step" in found and steps.notna().all():
            end = steps + (1.0 if steps.min() == 0 else 0.0)
        return _after_each_other(end), end, "evaluations"
    if end.isna().any():
        row = int(end.isna().to_numpy().argmax())
        raise ValueError(f"{where}: row {row + 1} has no time: state it, or leave the times out")
    begun = end if start is None else start
    zero = begun.min() if start is not None or begun.min() > EPOCH else 0.0
    end = end - zero
    start = _after_each_other(end) if start is None else (start - zero).fillna(end)
    if (end < start).any():
        raise ValueError(f"{where}: an evaluation ends before it starts: correct it")
    return start, end, "seconds"


EPOCH = 1e9
"""Seconds that are counted from 1970, not from the beginning of a run."""


def _after_each_other(end: "pd.Series[float]") -> "pd.Series[float]":
    """Starts of evaluations that begin when the one before ends."""
    ordered = end.sort_values(kind="stable")
    return ordered.shift(fill_value=0.0).reindex(end.index)


def _moments(rows: pd.DataFrame, column: str | None, where: str) -> "pd.Series[float] | None":
    """A column of seconds, or of times of day as seconds since 1970; None: there is none."""
    if column is None:
        return None
    return rows[column].map(lambda cell: _moment(cell, f"{where}, column {column}")).astype(float)


def _moment(cell: Any, where: str) -> float:
    if cell is None:
        return np.nan
    if isinstance(cell, int | float):
        return float(cell)
    try:
        if re.match(r"\d+ days?", str(cell)):  # as pandas writes durations
            return float(pd.Timedelta(str(cell)).total_seconds())
        moment = datetime.fromisoformat(str(cell))
    except ValueError:
        raise ValueError(
            f"{where}: {cell!r} is neither seconds nor a time: write 2026-01-31 12:00:00, or "
            "seconds"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
