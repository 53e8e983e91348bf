"""Load a stored study into tidy frames. Nothing is run again, and no pickle is read."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from hpobench import layout, rows, schema, store
from hpobench.results.study import Study


def load(folder: str | Path) -> Study:
    """The study stored in `folder`, e.g. `runs/default`; tables are read when first used.

    Only runs of the current plan are shown: runs under earlier settings stay on disk, out of sight.
    Raises FileNotFoundError if there is no study; warns of parts that are damaged, and left out.
    """
    folder = Path(folder)
    if not (folder / "study.json").exists():
        raise FileNotFoundError(f"no study in {folder}: it has no study.json")
    plan = layout.read_plan(folder)
    if plan["schema"] != schema.VERSION:
        raise ValueError(
            f"{folder} has row schema {plan['schema']}, this version reads {schema.VERSION}"
        )
    planned = {
        rows.RunKey(pair["task"], pair["method"], seed, pair["fingerprint"])
        for pair in plan["pairs"]
        for seed in pair["seeds"]
    }
    selection = store.select(folder, planned.__contains__)
    store.warn(folder)
    return Study(
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
    as_json = json.loads((table.schema.metadata or {}).get(rows.JSON_COLUMNS.encode(), b"[]"))
    names = [name for name in table.column_names if name not in schema.TRIALS.names]
    columns = {name: table.column(name).to_pylist() for name in names}
    for name in as_json:
        columns[name] = [json.loads(value) for value in columns[name]]
    frame: pd.DataFrame = table.to_pandas()
    for name in as_json:
        frame[name] = columns[name]
    frame.insert(len(schema.TRIALS.names), "config", list(_configs(columns)))
    return frame.astype({"task": str, "method": str})


def _configs(columns: dict[str, list[object]]) -> Iterator[str]:
    """One JSON object a row, without the hyperparameters that are not active in it."""
    encode: Callable[[object], str] = json.JSONEncoder(ensure_ascii=False).encode
    for values in zip(*columns.values(), strict=True):
        pairs = zip(columns, values, strict=True)
        yield encode({name: value for name, value in pairs if value is not None})
