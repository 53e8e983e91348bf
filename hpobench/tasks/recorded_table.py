"""A recorded table (see `hpobench.recording`) as a task: look-up on its configurations.

    # conf/task/mine_table.yaml
    about: {label: mine, summary: what it is, source: where from}
    budget: {time_s: 60}
    _target_: hpobench.tasks.recorded_table.recorded
    table: runs/recordings/mine/table.parquet  # or the name of one in hpobench/tasks/recorded/

The file states its space, metric and fidelity (`hpobench.tasks.recorded_facts`); of one that does
not, `space` is to be given.

Notation: n configurations, R repetitions, k resource levels.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hpobench.catalogue import unknown
from hpobench.hyperparameters import FloatArray
from hpobench.listed_space import ListedSpace
from hpobench.space import Configuration, Space
from hpobench.tasks.recorded_facts import KEYS, METADATA, SERIES, Facts
from hpobench.tasks.table import TableTask

SHIPPED = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class RecordedTable:
    """What was recorded, checked and sorted: arrays of float64.

    `values`, `test_values`, `seconds` and each of `metrics`: (n, R, k). After a divergence values
    are NaN and seconds stand still. `levels` (k,). `sha256`: of the file.
    """

    name: str
    facts: Facts
    space: ListedSpace
    levels: FloatArray
    values: FloatArray
    test_values: FloatArray
    seconds: FloatArray
    metrics: Mapping[str, FloatArray]
    sha256: str


def recorded(
    table: str,
    space: Mapping[str, Any] | None = None,
    repetition: str | int = "sampled",
    constraints: Mapping[str, Any] | None = None,
    can_checkpoint: bool = True,
) -> TableTask:
    """The task of one table; `repetition`, `constraints`, `can_checkpoint` as in `TableTask`.

    `table`: the name of one that is shipped, or the path of a Parquet file. Its space has gaps
    (`ListedSpace`): methods try the configurations that were recorded and no others.
    """
    found = read(table, space)
    return TableTask(
        found.space,
        found.facts.metric,
        found.values,
        found.seconds,
        resources=found.levels.tolist(),
        fidelity=found.facts.fidelity_of(found.levels),
        test_values=found.test_values,
        metrics=found.metrics,
        constraints=constraints,
        repetition=repetition,
        can_checkpoint=can_checkpoint,
        data_hash=found.sha256,
    )


def locate(table: str) -> Path:
    """The file of a table given by name or path; raises LookupError if there is none."""
    path = Path(table)
    if path.suffix == ".parquet":
        if not path.is_file():
            raise LookupError(f"there is no recorded table {table}: record it (hpobench record)")
        return path
    names = sorted(found.stem for found in SHIPPED.glob("*.parquet"))
    if table not in names:
        raise LookupError(f"{unknown('recorded table', table, names)}, or the path of a .parquet")
    return SHIPPED / f"{table}.parquet"


def facts(path: Path, space: Mapping[str, Any] | None = None) -> Facts:
    """What the file states, with `space` in place of its own if given.

    Raises ValueError if there is no space in either.
    """
    try:
        text = (pq.read_schema(path).metadata or {}).get(METADATA)
        stated = None if text is None else Facts.from_json(text)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is no recorded table: {error!r}") from error
    if space is not None:
        return replace(stated or Facts({}), space=plain_space(space))
    if stated is None:
        raise ValueError(f"{path} does not state its space: give the task the one it is of, space=")
    return stated


def plain_space(space: Mapping[str, Any]) -> dict[str, Any]:
    """The space in the form in which it is stored."""
    return (space if isinstance(space, Space) else Space(space)).specification()


def read(table: str, space: Mapping[str, Any] | None = None) -> RecordedTable:
    """Read a table; raises ValueError, naming the culprit, if it is not what its space says."""
    path = locate(table)
    stated = facts(path, space)
    columns = pq.read_table(path)
    _check_columns(path, columns, stated)
    try:
        numbers = {name: _numbers(columns, name) for name in (*KEYS, *SERIES, *stated.metrics)}
        grid = _Grid(numbers["config"], numbers["repetition"], numbers["resource"])
        cubes = {name: grid.cube(numbers[name]) for name in (*SERIES, *stated.metrics)}
        grid.check(cubes["validation_error"])
        configs = _configs(columns.take(grid.first_rows), list(stated.space))
        kept = _first_of_equals(configs)
        listed = ListedSpace(stated.space, [configs[number] for number in kept])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    seconds = cubes["training_s"] + cubes["evaluation_s"]
    return RecordedTable(
        name=path.parent.name if path.stem == "table" else path.stem,
        facts=stated,
        space=listed,
        levels=grid.levels,
        values=cubes["validation_error"][kept],
        test_values=cubes["test_error"][kept],
        seconds=np.maximum.accumulate(np.nan_to_num(seconds), axis=2)[kept],
        metrics={name: _filled(cubes[name])[kept] for name in stated.metrics},
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def _check_columns(path: Path, columns: pa.Table, stated: Facts) -> None:
    """The columns are the keys, the series, the metrics and the space, no more and no less."""
    wanted = {*KEYS, *SERIES, *stated.metrics, *stated.space}
    found = set(columns.column_names)
    if lacking := sorted(wanted - found):
        raise ValueError(
            f"{path} does not fit its space: it has no column {', '.join(lacking)}; "
            f"hyperparameters: {', '.join(stated.space)}"
        )
    if strange := sorted(found - wanted):
        raise ValueError(
            f"{path} does not fit its space: its column {', '.join(strange)} is no hyperparameter "
            f"of it; hyperparameters: {', '.join(stated.space)}"
        )


def _numbers(columns: pa.Table, name: str) -> FloatArray:
    column = columns[name]
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise ValueError(f"the column {name} holds {column.type}, not numbers")
    numbers: FloatArray = column.to_numpy().astype(float)
    return numbers


def _configs(rows: pa.Table, names: Sequence[str]) -> list[Configuration]:
    """One configuration a row, without what is null."""
    columns = [rows[name].to_pylist() for name in names]
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*columns, strict=True)
    ]


def _first_of_equals(configs: Sequence[Configuration]) -> list[int]:
    """A design in a small space repeats itself: which configurations are no repeats."""
    first: dict[Any, int] = {}
    for number, config in enumerate(configs):
        first.setdefault(tuple(config.items()), number)
    return list(first.values())


def _filled(cube: FloatArray) -> FloatArray:
    """What is constant over a training, also where it has ended early."""
    return np.where(np.isnan(cube), cube[:, :, :1], cube)


class _Grid:
    """Where each row of a table lies in (n, R, k)."""

    def __init__(self, config: FloatArray, repetition: FloatArray, resource: FloatArray) -> None:
        self.numbers, first, at_config = np.unique(config, return_index=True, return_inverse=True)
        repetitions, at_repetition = np.unique(repetition, return_inverse=True)
        self.levels, at_level = np.unique(resource, return_inverse=True)
        self.first_rows = first
        self._at = at_config, at_repetition, at_level
        self._shape = len(self.numbers), len(repetitions), len(self.levels)
        if not len(config) or self.levels[0] <= 0:
            raise ValueError("it holds no row, or a resource that is not above 0")

    def cube(self, column: FloatArray) -> FloatArray:
        """The column as (n, R, k), NaN where there is no row."""
        found = np.full(self._shape, np.nan)
        found[self._at] = column
        return found

    def check(self, values: FloatArray) -> None:
        """Raise ValueError unless there is one row for each cell, but after a divergence."""
        rows = np.zeros(self._shape, dtype=np.int64)
        np.add.at(rows, self._at, 1)
        broken = (rows > 1).any(axis=2) | (rows[:, :, 0] == 0)
        broken |= (np.diff(rows, axis=2) > 0).any(axis=2)
        last = np.clip(rows.sum(axis=2, keepdims=True) - 1, 0, self._shape[2] - 1)
        ended = np.isnan(np.take_along_axis(values, last, axis=2))[:, :, 0]
        broken |= (rows[:, :, -1] == 0) & ~ended
        if broken.any():
            number, repetition = np.argwhere(broken)[0].tolist()
            raise ValueError(
                f"configuration {self.numbers[number]:g} has not one row for each of the "
                f"{self._shape[2]} resource levels in each of the {self._shape[1]} repetitions: "
                f"see repetition {repetition}"
            )
