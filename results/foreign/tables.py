"""Runs in a table: one row an evaluation, or a row a run of which only the end is known.

Columns are found by the names that people give them (`SYNONYMS`), or named. The charts that W&B
exports (`Step`, and for each run a column `RUN - METRIC`) are turned into such rows first.
"""

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpobench.results.foreign.model import LARGEST_SEED, Piece, Run, sign_of, value_label
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
    "time": "time elapsed wall_time walltime wall_clock wallclock timestamp datetime_complete end "
    "end_time endtime ended seconds",
    "start": "start started starttime start_time datetime_start created",
    "duration": "duration runtime took train_time training_time fit_time",
    "step": "step iteration evaluation evaluations n_evals _step",
    "resource": "resource fidelity budget epoch",
    "test": "test test_value test_loss test_error test_score",
    "train": "train train_value train_loss train_error train_score",
    "status": "status state",
}
"""By what a column holds, the names by which it is recognised, in any case."""
TIMES = ("time", "start", "duration")
"""Fields whose names may end with a unit, such as `elapsed_ms`; else they are in seconds."""
UNITS = {"s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
UNITS |= {"min": 60.0, "mins": 60.0, "minutes": 60.0, "h": 3600.0, "hours": 3600.0}
_METRIC = re.compile(
    r"(.*[^a-z0-9])?(loss|acc|accuracy|error|rmse|mae|mse|auc|auroc|f1|precision|recall|r2|logloss|"
    r"perplexity|bleu|score|objective)"
)
"""Names, in lower case, of what is measured, and set by nobody."""
_OF_WANDB = {"notes", "user", "tags", "sweep", "group", "job type", "hostname", "id", "updated"}
"""Columns, in lower case, of the runs table of W&B."""
NUMBERS = ("step", "resource", "test", "train")
"""Fields that hold numbers: another column of such a name is something else."""
PREFIXES = ("config.", "config/", "config_", "params_", "param_", "params.", "hp_")
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
    found: dict[str, str] = {}
    for field in SYNONYMS:
        names = list(_called(field, frame))
        names = [name for name in names if name not in {*given.values(), *found.values()}]
        if field in NUMBERS:
            names = [name for name in names if _word_in(frame[name]) is None]
        if field in given or names:
            found[field] = given.get(field) or names[0]
    _check_value(frame, given, found, where)
    return found


def _called(field: str, frame: pd.DataFrame) -> Iterator[str]:
    """Columns with a name of a field, times also with a unit behind it; likeliest first."""
    lower = {str(name).lower(): str(name) for name in frame}
    for word in SYNONYMS[field].split():
        if word in lower:
            yield lower[word]
        elif field in TIMES:
            yield from (lower[name] for name in lower if _unit(name) and name[: len(word)] == word)


def _unit(name: str) -> float | None:
    """Seconds in the unit that a name ends with, None if with none."""
    base, sign, unit = name.lower().rpartition("_")
    words = {word for field in TIMES for word in SYNONYMS[field].split()}
    return UNITS.get(unit) if sign and base in words else None


def _check_value(
    frame: pd.DataFrame, given: Mapping[str, str], found: Mapping[str, str], where: str
) -> None:
    """Raise ValueError unless it is plain which column is the value."""
    if "value" in given or found.get("value", "").lower() in ("value", "objective"):
        return
    others = [name for name in _measured(frame) if name not in found.values()]
    others += [name for name in _called("value", frame) if name not in [*others, *found.values()]]
    candidates = ([found["value"]] if "value" in found else []) + others
    if len(candidates) != 1 or "value" not in found:
        known = " or ".join(candidates) or f"it has {', '.join(map(str, frame))}"
        raise ValueError(f"{where}: which column is the value? Give --metric: {known}")


def _measured(frame: pd.DataFrame) -> list[str]:
    """Columns of numbers that are named like a metric: nobody sets these."""
    names = [str(name) for name in frame if _METRIC.fullmatch(str(name).lower())]
    return [name for name in names if _word_in(frame[name]) is None]


def _word_in(column: "pd.Series[Any]") -> str | None:
    """The first cell that is neither empty nor meant as a number."""
    words = (cell for cell in column if isinstance(cell, str))
    return next((cell for cell in words if not reading.is_like_number(cell)), None)


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
    none = {"metric", *_measured(frame)}
    if {"state", "created", "runtime"} <= {name.lower() for name in found.values()}:
        none |= {name for name in free if name.lower() in _OF_WANDB}
    return {name: name for name in free if name not in none}


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
    _check_configs(pieces, where)
    kind = found["resource"] if "resource" in found and resources.nunique() > 1 else "none"
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
    scale = min((_scale(each) for each in (start, end) if each is not None), default=1.0)
    if scale < 1:
        notes.append(f"{where}: times since 1970 are read in units of {scale:g} s")
        start, end = (None if each is None else each * _scale(each) for each in (start, end))
        if duration is not None and _unit(found["duration"]) is None:
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
    zero = begun.min() if start is not None or begun.min() > EPOCH else 0.0
    end = end - zero
    start = _after_each_other(end) if start is None else (start - zero).fillna(end)
    if (end < start).any():
        raise ValueError(f"{where}: an evaluation ends before it starts: correct it")
    return start, end, "seconds"


EPOCH = 1e9
"""Seconds that are counted from 1970, not from the beginning of a run."""


def _scale(moments: "pd.Series[float]") -> float:
    """Seconds in the unit of moments: of milli-, micro- and nanoseconds since 1970, less than 1."""
    for power in (3, 2, 1):
        least = 100 * EPOCH * 1e3 ** (power - 1)
        if moments.max() > least:
            if moments.min() > least:
                return float(1e-3**power)
            raise ValueError(
                f"times from {moments.min():g} to {moments.max():g} are no seconds, nor counted "
                "from 1970: name their unit (time_ms, time_us, time_ns)"
            )
    return 1.0


def _after_each_other(end: "pd.Series[float]") -> "pd.Series[float]":
    """Starts of evaluations that begin when the one before ends."""
    ordered = end.sort_values(kind="stable")
    return ordered.shift(fill_value=0.0).reindex(end.index)


def _moments(rows: pd.DataFrame, column: str | None, where: str) -> "pd.Series[float] | None":
    """A column of seconds, or of times of day as seconds since 1970; None: there is none."""
    if column is None:
        return None
    unit, place = _unit(column) or 1.0, f"{where}, column {column}"
    return rows[column].map(lambda cell: _moment(cell, unit, place)).astype(float)


def _moment(cell: Any, unit: float, where: str) -> float:
    if cell is None:
        return np.nan
    if isinstance(cell, int | float):
        return float(cell) * unit
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
