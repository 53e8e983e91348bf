"""`study.trials_dataframe().to_csv(...)` of Optuna as a study of trials, as far as it goes.

It holds no direction, which is to be given, and no values of steps.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from hpobench.results.foreign.model import sign_of
from hpobench.tables import reading

NEEDED = {"number", "state"}


class Named(NamedTuple):
    """A member of an enumeration of Optuna's, by its name."""

    name: str

    def is_finished(self) -> bool:
        """Whether a trial in this state has ended."""
        return self.name in ("COMPLETE", "PRUNED", "FAIL")


@dataclass(frozen=True)
class TableTrial:
    """One row, with the attributes of a frozen trial that an import reads."""

    number: int
    state: Named
    values: list[float] | None
    params: dict[str, Any]
    datetime_start: datetime | None
    datetime_complete: datetime | None
    intermediate_values: Mapping[int, float] = field(default_factory=dict)
    system_attrs: Mapping[str, Any] = field(default_factory=dict)
    user_attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TableStudy:
    """The rows of a file, with the attributes of a study that an import reads."""

    study_name: str
    directions: list[Named]
    trials: list[TableTrial]
    user_attrs: Mapping[str, Any] = field(default_factory=dict)
    metric_names: Sequence[str] | None = None
    untimed: bool = False

    def get_trials(self, deepcopy: bool = False) -> list[TableTrial]:  # noqa: ARG002
        """All trials."""
        return self.trials


def is_trials(path: Path) -> bool:
    """Whether a file is a CSV of trials, as far as its first line says."""
    if path.suffix not in (".csv", ".gz"):
        return False
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            names = {name.strip(' "\n') for name in re.split("[,;\t|]", file.readline())}
    except OSError:
        return False
    return names >= NEEDED and bool(names & {"value", "values_0"} or "values_" in str(names))


def read(path: Path, mode: str | None) -> TableStudy:
    """The trials of a CSV; raises ValueError if it lacks what is needed, or `mode`."""
    frame = reading.read([path])
    for name in NEEDED:
        reading.one_of(frame, name, str(path))
    names = [name for name in map(str, frame) if name == "value" or name.startswith("values_")]
    if not names:
        raise ValueError(f"{path} has no column value: it has {', '.join(map(str, frame))}")
    sign = sign_of(mode, "value")
    direction = Named("MAXIMIZE" if sign < 0 else "MINIMIZE")
    trials = [_trial(row, names, path) for row in frame.to_dict("records")]
    numbers = [trial.number for trial in trials]
    if twice := [number for number in numbers if numbers.count(number) > 1]:
        raise ValueError(
            f"{path} has two trials {twice[0]}: if these are two studies, give each a file"
        )
    untimed = all(trial.datetime_complete is None for trial in trials)
    if untimed:
        trials = [_by_number(trial) for trial in trials]
    metrics = None if len(names) == 1 else [name.removeprefix("values_") for name in names]
    directions = [direction] * len(names)
    return TableStudy(path.stem, directions, trials, metric_names=metrics, untimed=untimed)


def _by_number(trial: TableTrial) -> TableTrial:
    """One that has ended, on a clock of evaluations; its second is an evaluation."""
    if not trial.state.is_finished():
        return trial
    start = datetime.min + timedelta(seconds=trial.number)
    return replace(trial, datetime_start=start, datetime_complete=start + timedelta(seconds=1))


def _trial(row: Mapping[Any, Any], names: Sequence[str], path: Path) -> TableTrial:
    where = f"{path}, trial {row['number']}"
    values = [row[name] for name in names]
    known = all(isinstance(value, int | float) for value in values)
    state = Named(str(row["state"]).rpartition(".")[2].upper())
    if state.is_finished() and state.name == "COMPLETE" and not known:
        raise ValueError(f"{where} is complete, but its value is {values[0]!r}: correct it")
    return TableTrial(
        number=int(row["number"]),
        state=state,
        values=[float(value) for value in values] if known else None,
        params=_named(row, "params_"),
        user_attrs=_named(row, "user_attrs_"),
        datetime_start=_moment(row.get("datetime_start"), where),
        datetime_complete=_moment(row.get("datetime_complete"), where),
    )


def _named(row: Mapping[Any, Any], prefix: str) -> dict[str, Any]:
    """The cells of columns that begin so, less the prefix, that are not empty."""
    named = {str(name): value for name, value in row.items() if str(name).startswith(prefix)}
    return {name.removeprefix(prefix): value for name, value in named.items() if value is not None}


def _moment(cell: Any, where: str) -> datetime | None:
    if cell is None:
        return None
    try:
        return datetime.fromisoformat(str(cell))
    except ValueError:
        raise ValueError(f"{where}: {cell!r} is no time: correct it") from None
