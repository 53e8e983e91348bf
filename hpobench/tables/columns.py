"""What the columns of a table of evaluations hold, by the names that people give them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from hpobench.tables import reading
from hpobench.tables.moments import UNITS

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
TIMES = ("time", "start", "duration")
"""Fields whose names may end with a unit, such as `elapsed_ms`; else they are in seconds."""


def fields(
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
            yield from (lower[name] for name in lower if unit(name) and name[: len(word)] == word)


def unit(name: str) -> float | None:
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


def hyperparameters(
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
