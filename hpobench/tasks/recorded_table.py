"""A recorded table (see `hpobench.study.recording`) as a task: look-up on its configurations.

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
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hpobench.arrays import FloatArray
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Configuration, Space
from hpobench.storage.schema import column_of
from hpobench.system.dotted import own_folders
from hpobench.tasks import table_arrays as arrays
from hpobench.tasks.recorded_facts import KEYS, METADATA, METRICS, SERIES, Facts
from hpobench.tasks.table import TableTask
from hpobench.words import unknown

SHIPPED = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class RecordedTable:
    """What was recorded, checked and sorted: arrays of float64.

    `values`, `test_values`, `train_values` (None: there are none), `seconds` (None: the cost is not
    known) and each of `metrics`: (n, R, k). `counts` (n,): how many repetitions are real. After a
    divergence values are NaN and seconds stand still. `levels` (k,). `paired`: all configurations
    have the same repetitions. `sha256`: of the file.
    """

    name: str
    facts: Facts
    space: ListedSpace
    levels: FloatArray
    counts: arrays.Counts
    values: FloatArray
    test_values: FloatArray | None
    train_values: FloatArray | None
    seconds: FloatArray | None
    metrics: Mapping[str, FloatArray]
    paired: bool
    sha256: str


def recorded(
    table: str,
    space: Mapping[str, Any] | None = None,
    repetition: str | int = "sampled",
    constraints: Mapping[str, Any] | None = None,
    can_checkpoint: bool = True,
    short_curves: str | None = None,
) -> TableTask:
    """The task of one table; `repetition`, `constraints`, `can_checkpoint` as in `TableTask`.

    `table`: the name of one that is shipped, or the path of a Parquet file. Its space has gaps
    (`ListedSpace`): methods try the configurations that were recorded and no others.
    `short_curves`: "carried" or "failed", as in `TableTask`, for curves that end early with a
    finite value; None: they are refused.
    """
    found = read(table, space, short_curves)
    if repetition == "paired" and not found.paired:
        raise ValueError(
            f"repetition=paired: the configurations of {table} have not all the same repetitions: "
            "use sampled or mean"
        )
    return TableTask(
        found.space,
        found.facts.metric,
        found.values,
        found.seconds,
        resources=found.levels.tolist(),
        fidelity=found.facts.fidelity_of(found.levels),
        test_values=found.test_values,
        train_values=found.train_values,
        metrics=found.metrics,
        constraints=constraints,
        repetitions=found.counts,
        repetition=repetition,
        can_checkpoint=can_checkpoint,
        data_hash=found.sha256,
    )


def locate(table: str) -> Path:
    """The file of a table given by name or path; raises LookupError if there is none."""
    path = Path(table)
    if path.suffix == ".parquet":
        # As it is written, or beside the YAML of the task.
        places = [path, *(folder / "task" / path for folder in own_folders())]
        if not (found := next(filter(Path.is_file, places), None)):
            raise LookupError(
                f"there is no recorded table {' nor '.join(map(str, places))}: record it (hpobench "
                "record), or make it of results that you have (hpobench import-table)"
            )
        return found
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
        return replace(stated or _unstated(path), space=plain_space(space))
    if stated is None:
        raise ValueError(f"{path} does not state its space: give the task the one it is of, space=")
    return stated


def _unstated(path: Path) -> Facts:
    """What a table is taken to state that states nothing."""
    names = pq.read_schema(path).names
    return Facts({}, metrics=tuple(name for name in METRICS if name in names))


def plain_space(space: Mapping[str, Any]) -> dict[str, Any]:
    """The space in the form in which it is stored."""
    return (space if isinstance(space, Space) else Space(space)).specification()


def read(
    table: str, space: Mapping[str, Any] | None = None, short_curves: str | None = None
) -> RecordedTable:
    """Read a table; raises ValueError, naming the culprit, if it is not what its space says."""
    path = locate(table)
    stated = facts(path, space)
    columns = pq.read_table(path)
    parameters = _check_columns(path, columns, stated)
    try:
        grid = _Grid(columns, parameters)
        cubes = {
            name: grid.cube(columns, name)
            for name in (*SERIES, *stated.metrics)
            if name in columns.column_names
        }
        absent = grid.check(cubes["validation_error"], short_curves)
        listed = ListedSpace(stated.space, grid.configs)
        for name in cubes.keys() & {"validation_error", "test_error", "training_error"}:
            cubes[name] = _measured(name, cubes[name], absent, short_curves)
        seconds = _seconds(cubes, absent, grid.counts, listed)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return RecordedTable(
        name=path.parent.name if path.stem == "table" else path.stem,
        facts=stated,
        space=listed,
        levels=grid.levels,
        counts=grid.counts,
        values=cubes["validation_error"],
        test_values=_any(cubes.get("test_error")),
        train_values=_any(cubes.get("training_error")),
        seconds=seconds,
        metrics={name: _filled(cubes[name]) for name in stated.metrics},
        paired=grid.paired,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def _any(values: FloatArray | None) -> FloatArray | None:
    """The values, if any was measured."""
    return None if values is None or np.isnan(values).all() else values


def _measured(
    name: str, values: FloatArray, absent: arrays.Mask, short_curves: str | None
) -> FloatArray:
    """The values, curves that end early carried on if that was chosen."""
    if short_curves == "carried":
        values = arrays.carried(values, absent)
    return arrays.measured(name, values, values.shape, "failed")


def _seconds(
    cubes: Mapping[str, FloatArray], absent: arrays.Mask, counts: arrays.Counts, space: ListedSpace
) -> FloatArray | None:
    """Training and evaluation, standing still where a curve has ended; None: not recorded."""
    if "training_s" not in cubes:
        return None
    spent = cubes["training_s"] + cubes.get("evaluation_s", 0.0)
    failed = ~np.isfinite(cubes["validation_error"])
    spent = arrays.carried(spent, absent | (failed & np.isnan(spent)))
    return arrays.cost(np.maximum.accumulate(spent, axis=2), failed, counts, space)


def _check_columns(path: Path, columns: pa.Table, stated: Facts) -> dict[str, str]:
    """By hyperparameter its column; the others are keys, series and metrics, and no more."""
    known = {*KEYS, *SERIES, *stated.metrics}
    parameters = {name: column_of(name, {*known, *METRICS}) for name in stated.space}
    optional = {*KEYS, *SERIES} - {"validation_error"}
    found = set(columns.column_names)
    lacking = {"validation_error", *stated.metrics, *parameters.values()} - found
    if "evaluation_s" in found and "training_s" not in found:
        lacking.add("training_s")
    if lacking:
        raise ValueError(
            f"{path} does not fit its space: it has no column {', '.join(sorted(lacking))}; "
            f"hyperparameters: {', '.join(stated.space)}"
        )
    if strange := sorted(found - known - optional - {*parameters.values()}):
        raise ValueError(
            f"{path} does not fit its space: its column {', '.join(strange)} is no hyperparameter "
            f"of it; hyperparameters: {', '.join(stated.space)}"
        )
    return parameters


def _numbers(columns: pa.Table, name: str) -> FloatArray:
    column = columns[name]
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise ValueError(f"the column {name} holds {column.type}, not numbers")
    numbers: FloatArray = column.to_numpy().astype(float)
    return numbers


def _configs(rows: pa.Table, parameters: Mapping[str, str]) -> list[Configuration]:
    """One configuration a row, without what is null."""
    columns = [rows[column].to_pylist() for column in parameters.values()]
    return [
        {name: value for name, value in zip(parameters, row, strict=True) if value is not None}
        for row in zip(*columns, strict=True)
    ]


def _filled(cube: FloatArray) -> FloatArray:
    """What is constant over a training, also where it has ended early."""
    return np.where(np.isnan(cube), cube[:, :, :1], cube)


class _Grid:
    """Where each row of a table lies in (n, R, k). Equal configurations are one, repeated.

    `counts` (n,): the repetitions of each. `paired`: all configurations have the same ones.
    """

    def __init__(self, columns: pa.Table, parameters: Mapping[str, str]) -> None:
        if not columns.num_rows:
            raise ValueError("it holds no row")
        rows = pd.DataFrame(
            {name: _numbers(columns, name) for name in KEYS if name in columns.column_names}
        )
        configs = columns.select([*parameters.values()])
        rows["same"] = configs.to_pandas().groupby([*parameters.values()], dropna=False).ngroup()
        rows["resource"] = rows.get("resource", pd.Series(1.0, rows.index))
        if not (np.isfinite(rows["resource"]) & (rows["resource"] > 0)).all():
            raise ValueError("it holds a resource that is not above 0")
        _check_numbering(rows)
        named = [name for name in ("config", "repetition") if name in rows]
        if named != ["config", "repetition"]:
            rows["turn"] = rows.groupby(["same", *named, "resource"]).cumcount()
            named.append("turn")
        first = rows.groupby("same")[named[0]].transform("min")
        order = pd.factorize(pd.MultiIndex.from_arrays([first, rows["same"]]), sort=True)[0]
        curve = rows.assign(order=order).groupby(["order", *named]).ngroup()
        repetition = curve - curve.groupby(order).transform("min")
        self.levels, at_level = np.unique(rows["resource"], return_inverse=True)
        self._at = order, repetition.to_numpy(), at_level
        _, firsts = np.unique(order, return_index=True)
        self.configs = _configs(configs.take(firsts), parameters)
        self.counts = repetition.groupby(order).max().to_numpy(np.int64) + 1
        labels = rows.get("repetition", repetition)
        sets = {frozenset(some) for _, some in labels.groupby(order)}
        self.paired = len(sets) == 1 and bool((self.counts == len(next(iter(sets)))).all())
        self._shape = len(self.configs), int(self.counts.max()), len(self.levels)

    def cube(self, columns: pa.Table, name: str) -> FloatArray:
        """The column as (n, R, k), NaN where there is no row."""
        found = np.full(self._shape, np.nan)
        found[self._at] = _numbers(columns, name)
        return found

    def check(self, values: FloatArray, short_curves: str | None) -> arrays.Mask:
        """Where (n, R, k) there is no row, because a curve has ended.

        Raises ValueError if a curve has a gap or a level twice, or, unless `short_curves` says what
        that means, ends early with a finite value.
        """
        rows = np.zeros(self._shape, dtype=np.int64)
        np.add.at(rows, self._at, 1)
        exists = np.arange(self._shape[1]) < self.counts[:, None]
        broken = (rows > 1).any(axis=2) | (rows[:, :, 0] == 0)
        broken = (broken | (np.diff(rows, axis=2) > 0).any(axis=2)) & exists
        if broken.any():
            number, repetition = np.argwhere(broken)[0].tolist()
            raise ValueError(
                f"configuration {self.configs[number]} has not one row for each of the "
                f"{self._shape[2]} resource levels: see repetition {repetition}"
            )
        last = np.clip(rows.sum(axis=2, keepdims=True) - 1, 0, self._shape[2] - 1)
        going = np.isfinite(np.take_along_axis(values, last, axis=2))[:, :, 0]
        short = (rows[:, :, -1] == 0) & going & exists
        if short.any() and short_curves is None:
            number, repetition = np.argwhere(short)[0].tolist()
            raise ValueError(
                f"configuration {self.configs[number]} ends at the resource "
                f"{self.levels[last[number, repetition, 0]]:g} of {self.levels[-1]:g} with a "
                f"finite value (repetition {repetition}), as do {short.sum() - 1} more curves: "
                "short_curves=carried lets them go on with their last value, short_curves=failed "
                "takes them for failed"
            )
        missing: arrays.Mask = (rows == 0) & exists[:, :, None]
        return missing


def _check_numbering(rows: pd.DataFrame) -> None:
    """Raise ValueError if one number stands for several configurations."""
    if "config" not in rows:
        return
    several = rows.groupby("config")["same"].nunique()
    if (several > 1).any():
        number = several.index[several > 1][0]
        raise ValueError(f"the config {number:g} has rows of several configurations: number them")
