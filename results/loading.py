"""Load a stored study into tidy frames. Nothing is run again, and no pickle is read."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from hpobench import atomic, layout, rows, schema, seal, store
from hpobench.plan import digest
from hpobench.results.budgets import note_task_budgets
from hpobench.results.study import Study


def load(folder: str | Path) -> Study:
    """The study stored in `folder`, e.g. `runs/default`; tables are read when first used.

    Only runs of the current plan are shown: runs under earlier settings stay on disk, out of sight.
    Raises FileNotFoundError if there is no study; warns of parts that are damaged, and left out.
    """
    folder = Path(folder)
    plan = _plan(folder)
    selection = _selection(folder, plan)
    store.warn(folder)
    study = Study(
        observations=lambda: _frame(selection, "observations", schema.OBSERVATIONS),
        trials=lambda: _trials(selection),
        jobs=lambda: _frame(selection, "jobs", schema.JOBS),
        decisions=lambda: _frame(selection, "decisions", schema.DECISIONS),
        runs=lambda: _frame(selection, "runs", schema.RUNS),
        tasks={name: schema.TaskFacts.from_json(facts) for name, facts in plan["tasks"].items()},
        methods={
            name: schema.MethodFacts.from_json(facts) for name, facts in plan["methods"].items()
        },
        settings=plan["settings"] | {"name": plan["name"]},
    )
    note_task_budgets(study, folder)
    return study


def fingerprint(folder: Path) -> str:
    """A hash of all that `load` gives of a study: two studies that share it are the same."""
    selection = _selection(folder, _plan(folder))
    parts = {part.name: [seeds, seal.content(part)] for part, seeds in selection.items()}
    files = [folder / "study.json", folder / "config.yaml"]
    stated = [atomic.digest(file) if file.is_file() else "" for file in files]
    return digest({"folder": folder.name, "stated": stated, "parts": parts})


def _plan(folder: Path) -> layout.Plan:
    if not (folder / "study.json").exists():
        raise FileNotFoundError(f"no study in {folder}: it has no study.json")
    plan = layout.read_plan(folder)
    if plan["schema"] != schema.VERSION:
        raise ValueError(
            f"{folder} has row schema {plan['schema']}, this version reads {schema.VERSION}"
        )
    return plan


def _selection(folder: Path, plan: layout.Plan) -> store.Selection:
    planned = {
        rows.RunKey(pair["task"], pair["method"], seed, pair["fingerprint"])
        for pair in plan["pairs"]
        for seed in pair["seeds"]
    }
    return store.select(folder, planned.__contains__)


def _frame(selection: store.Selection, name: str, fields: pa.Schema) -> pd.DataFrame:
    """All parts of a table; columns in the order of the schema, then slacks of constraints."""
    tables = [
        table.drop_columns([rows.FINGERPRINT]) if rows.FINGERPRINT in table.column_names else table
        for table in store.read(selection, name)
    ]
    tables.append(fields.empty_table())
    whole = pa.concat_tables(tables, promote_options="default").unify_dictionaries()
    extra = [column for column in whole.column_names if column not in fields.names]
    frame: pd.DataFrame = whole.select([*fields.names, *extra]).to_pandas(self_destruct=True)
    return _sorted(frame)


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """By run; the order within a run (of time) stays."""
    return frame.sort_values(list(schema.KEY), kind="stable", ignore_index=True)


def _trials(selection: store.Selection) -> pd.DataFrame:
    """The trials of each task share their columns; tasks side by side leave blanks."""
    by_task: dict[str, list[pd.DataFrame]] = {}
    for table in store.read(selection, "trials"):
        if table.num_rows:
            frame = decoded(table)
            by_task.setdefault(str(frame["task"].iloc[0]), []).append(frame)
    frames = [pd.concat(frames, ignore_index=True) for frames in by_task.values()]
    if not frames:
        empty: pd.DataFrame = schema.TRIALS.empty_table().to_pandas()
        return empty.assign(config=pd.Series(dtype=str))
    whole = pd.concat(frames, ignore_index=True)
    return _sorted(whole.astype({"task": "category", "method": "category"}))


def decoded(table: pa.Table) -> pd.DataFrame:
    """A part's trials as a frame, with `config` as JSON beside the hyperparameters."""
    metadata = table.schema.metadata or {}
    explicit = rows.EXPLICIT.encode() in metadata
    as_json = json.loads(metadata.get(rows.JSON_COLUMNS.encode(), b"[]"))
    names = [name for name in table.column_names if name not in schema.TRIALS.names]
    values: dict[str, list[object]] = {}
    shown: dict[str, object] = {}
    for name in names:
        column = table.column(name)
        given = [_ABSENT if value is None else value for value in column.to_pylist()]
        if name in as_json:
            given = [_from_json(value, explicit) for value in given]
        values[schema.hyperparameter_of(name) if explicit else name] = given
        odd = name in as_json or any(value != value for value in given)
        shown[name if explicit else schema.column_of(name)] = (
            list(map(_shown, given)) if odd else column.to_pandas()
        )
    frame: pd.DataFrame = table.select(schema.TRIALS.names).to_pandas()
    frame = frame.assign(config=list(_configs(values, table.num_rows)))
    beside = pd.DataFrame(shown, index=frame.index)
    return pd.concat([frame.astype({"task": str, "method": str}), beside], axis="columns")


_ABSENT = object()
"""Stands for a hyperparameter that is not active."""


def _from_json(text: object, explicit: bool) -> object:
    value = _ABSENT if text is _ABSENT else json.loads(str(text))
    return _ABSENT if value is None and not explicit else value


def _shown(value: object) -> object:
    """In a frame, where a blank is what is not active."""
    if value is _ABSENT:
        return None
    return str(value) if value is None or value != value else value


def _configs(columns: dict[str, list[object]], count: int) -> Iterator[str]:
    """One JSON object a row, without the hyperparameters that are not active in it."""
    encode: Callable[[object], str] = json.JSONEncoder(ensure_ascii=False).encode
    for values in zip(*columns.values(), strict=True) if columns else [()] * count:
        pairs = zip(columns, values, strict=True)
        yield encode({name: value for name, value in pairs if value is not _ABSENT})
