"""Load a stored study into tidy frames. Nothing is run again, and no pickle is read."""

import json
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hpobench.results.study.stored import plan_of, selection_of
from hpobench.results.study.study import Study
from hpobench.storage import arrow, layout, schema
from hpobench.storage import parts as store

Kept = dict[tuple[Path, str], tuple[Any, pa.Table]]
"""Tables of parts that were read before, by part and name, each with the state of its file then."""


def load(folder: str | Path, kept: Kept | None = None) -> Study:
    """The study stored in `folder`, e.g. `runs/default`; tables are read when first used.

    Only runs of the current plan are shown: runs under earlier settings stay on disk, out of sight.
    `kept`: for a study that grows and is loaded time and again: what is in there is not read again,
    and what is read is added.
    Raises FileNotFoundError if there is no study; warns of parts that are damaged, and left out.
    """
    folder = Path(folder)
    plan = plan_of(folder)
    selection = selection_of(folder, plan)
    store.warn(folder)
    return Study(
        observations=lambda: _frame(selection, "observations", schema.OBSERVATIONS, kept),
        trials=lambda: _trials(selection),
        jobs=lambda: _frame(selection, "jobs", schema.JOBS),
        decisions=lambda: _frame(selection, "decisions", schema.DECISIONS),
        runs=lambda: _frame(selection, "runs", schema.RUNS, kept),
        tasks={name: schema.TaskFacts.from_json(facts) for name, facts in plan["tasks"].items()},
        methods={
            name: schema.MethodFacts.from_json(facts) for name, facts in plan["methods"].items()
        },
        settings=plan["settings"] | {"name": plan["name"]},
        budgets=_budgets(folder),
    )


def _budgets(folder: Path) -> dict[str, dict[str, Any]]:
    """The tasks' own budgets, as far as config.yaml has them.

    Earlier versions left there the tasks of the last call alone: of others nothing is known then.
    """
    tasks = layout.read_config(folder).get("tasks", {})
    return {name: dict(task.get("budget") or {}) for name, task in tasks.items()}


def _read(selection: store.Selection, name: str, kept: Kept | None) -> Iterator[pa.Table]:
    """The rows of the selected runs of one table, part by part."""
    if kept is None:
        yield from store.read(selection, name)
        return
    for part, seeds in selection.items():
        file = (part / f"{name}.parquet").stat()
        state = (tuple(seeds), file.st_size, file.st_mtime_ns)
        known, table = kept.get((part, name), (None, None))
        if known != state:
            (table,) = store.read({part: seeds}, name)
            kept[part, name] = (state, table)
        yield table
    for key in [key for key in kept if key[1] == name and key[0] not in selection]:
        del kept[key]


def _frame(
    selection: store.Selection, name: str, fields: pa.Schema, kept: Kept | None = None
) -> pd.DataFrame:
    """All parts of a table; columns in the order of the schema, then slacks of constraints."""
    tables = [
        table.drop_columns([arrow.FINGERPRINT])
        if arrow.FINGERPRINT in table.column_names
        else table
        for table in _read(selection, name, kept)
    ]
    tables.append(fields.empty_table())
    whole = pa.concat_tables(tables, promote_options="default").unify_dictionaries()
    extra = [column for column in whole.column_names if column not in fields.names]
    frame: pd.DataFrame = whole.select([*fields.names, *extra]).to_pandas(self_destruct=True)
    return _sorted(frame)


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows by run; their order within a run (of time) stays."""
    return frame.sort_values(list(schema.KEY), kind="stable", ignore_index=True)


def _trials(selection: store.Selection) -> pd.DataFrame:
    """The trials of each task share their columns; tasks side by side leave blanks."""
    by_task: dict[str, list[pd.DataFrame]] = {}
    for table in _alike(store.read(selection, "trials")):
        frame = decoded(table)
        by_task.setdefault(str(frame["task"].iloc[0]), []).append(frame)
    frames = [pd.concat(frames, ignore_index=True) for frames in by_task.values()]
    if not frames:
        empty: pd.DataFrame = schema.TRIALS.empty_table().to_pandas()
        return empty.assign(config=pd.Series(dtype=str))
    whole = pd.concat(frames, ignore_index=True)
    return _sorted(whole.astype({"task": "category", "method": "category"}))


def _alike(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The tables of many parts as few: those of a task that have the same columns, as one."""
    groups: dict[str, list[pa.Table]] = {}
    for table in tables:
        if table.num_rows:
            task = table.column("task")[0].as_py()
            groups.setdefault(f"{task} {table.schema.to_string()}", []).append(table)
    return map(pa.concat_tables, groups.values())


def decoded(table: pa.Table) -> pd.DataFrame:
    """Trials as a frame, with `config` as JSON beside the hyperparameters.

    What is to be done for each value is done once for all trials that share it.
    """
    metadata = table.schema.metadata or {}
    explicit = arrow.EXPLICIT.encode() in metadata
    as_json = json.loads(metadata.get(arrow.JSON_COLUMNS.encode(), b"[]"))
    texts: list[pa.Array] = []
    shown: dict[str, object] = {}
    for name in table.column_names:
        if name in schema.TRIALS.names:
            continue
        levels, places = _levels(table.column(name))
        if name in as_json:
            levels = [_from_json(level, explicit) for level in levels]
        texts.append(_texts(schema.hyperparameter_of(name) if explicit else name, levels, places))
        odd = name in as_json or any(level != level for level in levels)
        shown[name if explicit else schema.column_of(name)] = (
            _looked_up([_shown(level) for level in levels], places)
            if odd
            else table.column(name).to_pandas()
        )
    frame: pd.DataFrame = table.select(schema.TRIALS.names).to_pandas()
    frame = frame.assign(config=_configs(texts, table.num_rows).to_pandas())
    beside = pd.DataFrame(shown, index=frame.index)
    return pd.concat([frame.astype({"task": str, "method": str}), beside], axis="columns")


_JSON = json.JSONEncoder(ensure_ascii=False)
_COMMA = ", "
_ABSENT = object()
"""Stands for a hyperparameter that is not active."""


def _levels(column: pa.ChunkedArray) -> tuple[list[object], pa.Array]:
    """The different values of a column, and for each row the place of its own; blank: none."""
    coded = column.combine_chunks().dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices


def _looked_up(levels: Sequence[object], places: pa.Array) -> list[object]:
    return [None if place is None else levels[place] for place in places.to_pylist()]


def _from_json(text: object, explicit: bool) -> object:
    value = json.loads(str(text))
    return _ABSENT if value is None and not explicit else value


def _shown(value: object) -> object:
    """The value as a frame has it, where a blank is what is not active."""
    if value is _ABSENT:
        return None
    return str(value) if value is None or value != value else value


def _texts(name: str, levels: Sequence[object], places: pa.Array) -> pa.Array:
    """The hyperparameter as JSON has it in each row, after a comma; blank: it is not active."""
    before = f"{_COMMA}{_encoded(name)}: "
    members = [None if level is _ABSENT else before + _encoded(level) for level in levels]
    return pa.array(members, pa.string()).take(places)


def _encoded(value: object) -> str:
    if isinstance(value, float) and isfinite(value):
        return repr(value)  # as JSON has it, ten times as fast
    return _JSON.encode(value)


def _configs(members: Sequence[pa.Array], count: int) -> pa.Array:
    """One JSON object a row, without the hyperparameters that are not active in it."""
    if not members:
        return pa.array(["{}"] * count, pa.string())
    inner = pc.binary_join_element_wise(*members, "", null_handling="replace", null_replacement="")
    return pc.binary_join_element_wise("{", pc.utf8_slice_codeunits(inner, len(_COMMA)), "}", "")
