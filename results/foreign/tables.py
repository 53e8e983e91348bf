"""Runs in a table: one row an evaluation, or a row a run of which only the end is known.

Columns are found by the names that people give them (`hpobench.tables.columns`), or named. The
charts that W&B exports (`Step`, and for each run a column `RUN - METRIC`) are turned into such rows
first.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpobench.results.foreign.model import LARGEST_SEED, Piece, Run, sign_of, value_label
from hpobench.results.foreign.naming import Naming, files_of
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study
from hpobench.tables import columns as recognised
from hpobench.tables import moments, reading

_FATES = {
    "failed": "failed fail failure error errored crashed crash killed diverged timeout timed_out "
    "oom out_of_memory memout memoryout aborted abort cancelled canceled preempted preempting",
    "running": "running waiting pending queued created scheduled started paused in_progress",
    "ok": "ok complete completed success succeeded successful finished done terminated pruned "
    "stopped early_stopped",
}
_FATE = {word: fate for fate, words in _FATES.items() for word in words.split()}
"""What has become of an evaluation, by its status: see `_fate`."""


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
    `hpobench.tables.columns.SYNONYMS`. Without `config` the hyperparameters are the columns that
    begin as other tools name them (`PREFIXES` there), else all that are nothing else. `metric`,
    `test`, `train`: the columns of the value, and of the same on test data and on the data trained
    on. `mode`: min or max.

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
        found = recognised.fields(frame, named, columns, str(file))
        sign = sign_of(mode, found["value"])
        configs = recognised.hyperparameters(frame, found, columns)
        read = [f"{name}: {column}" for name, column in found.items()]
        used = {*found.values(), *configs.values()}
        rest = [str(name) for name in frame if str(name) not in used]
        notes.append(
            f"{file.name}: read {', '.join(read)}; hyperparameters: {', '.join(configs) or 'none'}"
            + (f"; not read: {', '.join(rest)} (--columns config=A,B)" if rest else "")
        )
        for names, rows in _runs(frame, found, configs, naming, file):
            if run := _run(names, rows, found, configs, sign, comparable, notes):
                made.append(run)
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


def _runs(
    frame: pd.DataFrame,
    found: Mapping[str, str],
    configs: Mapping[str, str],
    naming: Naming,
    file: Path,
) -> list[tuple[tuple[str, str, int], pd.DataFrame]]:
    """The rows of each run, under its names."""
    keys = [found[name] for name in ("task", "method", "seed", "run") if name in found]
    if "run" in found and not naming.pattern and len(keys) > 1:
        keys.remove(found["run"])
    for name in keys:
        if frame[name].isna().any():
            row = int(frame[name].isna().to_numpy().argmax())
            raise ValueError(f"{file}: row {row + 1} of the data has no {name}: state it")
    alone = "run" in found and "method" not in found and found["run"] in keys
    if alone and configs and not naming.pattern and frame[found["run"]].is_unique:
        keys.remove(found["run"])  # a run is a trial
        alone = False
    groups: list[tuple[Hashable, pd.DataFrame]] = [((), frame)]
    if keys:
        groups = list(frame.groupby(keys, sort=False, dropna=False))
    made = []
    for _, rows in groups:
        first = {name: rows[column].iloc[0] for name, column in found.items()}
        text = str(first.get("run", file.stem))
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
) -> Run | None:
    """The run of some rows; None: all of it is still under way."""
    where = f"{names[0]}, {names[1]}, seed {names[2]}"
    fates = _fates(rows, found, where, notes)
    waiting = int((fates == "running").sum())
    rows, fates = rows[fates != "running"], fates[fates != "running"]
    if not len(rows):
        notes.append(f"{where}: all {waiting} trials are still under way: left out")
        return None
    start, end, clock = _times(rows, found, where, notes)
    rows = rows.assign(_start=start, _end=end, _fate=fates).sort_values("_end", kind="stable")
    values, words = reading.numbers(rows[found["value"]])
    for word, count in words.items():
        notes.append(f"{where}: {count} times {word!r}, no number, and so failed")
    values = (sign * values).where(rows["_fate"] != "failed")
    pieces = _pieces(rows, values, found, configs, sign)
    _check_configs(pieces, where)
    levels = {resource for piece in pieces for resource in piece.resources}
    kind = found["resource"] if "resource" in found and len(levels) > 1 else "none"
    if kind != "none" and not comparable:
        notes.append(
            f"{where}: values of different {kind} are not compared; with --comparable they are"
        )
    bad = int((~np.isfinite(values)).sum())
    states = {"ok": len(pieces) - bad, "failed": bad, "under way": waiting}
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


def _pieces(
    rows: pd.DataFrame,
    values: "pd.Series[float]",
    found: Mapping[str, str],
    configs: Mapping[str, str],
    sign: float,
) -> list[Piece]:
    """An evaluation a row."""
    resources = _numbers(rows, found.get("resource"), 1.0)
    tests, trains = (
        sign * _numbers(rows, found[field], np.nan) if field in found else None
        for field in ("test", "train")
    )
    trials = (
        [str(each) for each in rows[found["trial"]]]
        if "trial" in found
        else list(map(str, range(len(rows))))
    )
    numbers = _numbered(list(dict.fromkeys(trials)))
    return [
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


def _fates(
    rows: pd.DataFrame, found: Mapping[str, str], where: str, notes: list[str]
) -> "pd.Series[str]":
    """What has become of each row: ok, failed or running; a note of words that say nothing."""
    if "status" not in found:
        return pd.Series("ok", rows.index)
    words = rows[found["status"]].map(lambda cell: "ok" if cell is None else str(cell))
    fates = words.map(_fate)
    for word, count in words[fates.isna()].value_counts().items():
        notes.append(
            f"{where}: the {found['status']} {word!r} of {count} rows is none that is known: taken "
            "for a success"
        )
    return fates.fillna("ok")


def _fate(status: str) -> str | None:
    """By the whole of it, less the enumeration that it is of, or by its first word; None: unknown.

    So is `Failed: out of memory` and `TrialState.FAIL`.
    """
    words = re.findall(r"[a-z]+", re.sub(r"^\w+\.(?=\w)", "", status).lower())
    return _FATE.get("_".join(words), _FATE.get(words[0])) if words else None


def _numbered(trials: list[str]) -> dict[str, int]:
    """Trials by name: their own numbers, or those of their order."""
    if all(name.isdecimal() and int(name) < LARGEST_SEED for name in trials):
        own = {name: int(name) for name in trials}
        if len({*own.values()}) == len(own):
            return own
    return {name: number for number, name in enumerate(trials)}


def _check_configs(pieces: Sequence[Piece], where: str) -> None:
    """Raise ValueError for a trial of two configurations."""
    known: dict[int, Mapping[str, Any]] = {}
    for piece in pieces:
        first = known.setdefault(piece.trial, piece.config)
        for name in {*first, *piece.config}:
            one, two = first.get(name), piece.config.get(name)
            if one != two:
                raise ValueError(
                    f"{where}: trial {piece.trial} has {name} {one!r} and {two!r}, and a trial has "
                    "one configuration: name what tells runs apart (--columns seed=COLUMN, "
                    "run=COLUMN), or the hyperparameters (--columns config=A,B)"
                )


def _numbers(rows: pd.DataFrame, column: str | None, otherwise: float) -> "pd.Series[float]":
    if column is None:
        return pd.Series(otherwise, rows.index)
    return reading.numbers(rows[column])[0].fillna(otherwise)


def _times(
    rows: pd.DataFrame, found: Mapping[str, str], where: str, notes: list[str]
) -> tuple["pd.Series[float]", "pd.Series[float]", str]:
    """Start and end of each row since the run began, and what they are counted in."""
    start, end, duration = (
        _moments(rows, found.get(name), where) for name in ("start", "time", "duration")
    )
    scale = min((moments.scale(each) for each in (start, end) if each is not None), default=1.0)
    if scale < 1:
        notes.append(f"{where}: times since 1970 are read in units of {scale:g} s")
        start, end = (None if each is None else each * moments.scale(each) for each in (start, end))
        if duration is not None and recognised.unit(found["duration"]) is None:
            duration = duration * scale
    if end is None and duration is not None:
        end = duration.cumsum() if start is None else start + duration
    if end is None:
        steps = _numbers(rows, found.get("step"), np.nan)
        end = pd.Series(np.arange(1.0, len(rows) + 1), rows.index)
        if "step" in found and steps.notna().all():
            end = steps + (1.0 if steps.min() == 0 else 0.0)
        return _after_each_other(end), end, "evaluations"
    if end.isna().any():
        row = int(end.index[int(end.isna().to_numpy().argmax())]) + 1
        raise ValueError(
            f"{where}: row {row} of the data has no time: state it, or leave the times out"
        )
    begun = end if start is None else start
    zero = begun.min() if start is not None or begun.min() > moments.EPOCH else 0.0
    end = end - zero
    start = _after_each_other(end) if start is None else (start - zero).fillna(end)
    if (end < start).any():
        raise ValueError(f"{where}: an evaluation ends before it starts: correct it")
    return start, end, "seconds"


def _after_each_other(end: "pd.Series[float]") -> "pd.Series[float]":
    """Starts of evaluations that begin when the one before ends."""
    ordered = end.sort_values(kind="stable")
    return ordered.shift(fill_value=0.0).reindex(end.index)


def _moments(rows: pd.DataFrame, column: str | None, where: str) -> "pd.Series[float] | None":
    """The times of a column, by the unit that its name ends with; None: there is none."""
    if column is None:
        return None
    unit = recognised.unit(column) or 1.0
    return moments.moments(rows[column], unit, f"{where}, column {column}")
