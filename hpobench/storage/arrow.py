"""From the columns of runs to the Arrow tables of a part (see `schema`)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from hpobench.arrays import Columns
from hpobench.identity import RunKey
from hpobench.space.space import Configuration
from hpobench.storage import schema

FINGERPRINT = "fingerprint"
JSON_COLUMNS = "json"
"""Metadata of a trials table: which columns of mixed types hold each value as JSON."""
EXPLICIT = "explicit"
"""Metadata of a trials table in which JSON's null is a value, and columns are `schema.column_of`.

Without it JSON's null is not active, and columns are called like their hyperparameters.
"""
_LARGEST_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class RunRecord:
    """All that is stored of one run."""

    key: RunKey
    observations: Columns
    trials: list[tuple[int, Configuration]]
    jobs: Columns
    decisions: Columns
    end_time_s: float
    cpu_s: float
    setup_s: float = 0.0
    error: str = ""
    first_error: str = ""
    workers: int | None = None
    asked_nothing: bool = False

    @property
    def status(self) -> str:
        """Whether the run came to its end and has a value to show: ok or failed."""
        return "failed" if self.failure else "ok"

    @property
    def failure(self) -> str:
        """Why the run failed in words, "" if it did not: it ended by an error, or has no value."""
        if self.error or np.isfinite(self.observations["value"].astype(float)).any():
            return self.error
        if self.failed_evaluations:
            last = self.first_error.strip().rpartition("\n")[2] or "a value that is not finite"
            return f"all {self.evaluations} evaluations failed; the first: {last}"
        if self.asked_nothing:
            return "the method asked for no evaluation: its first answer was None"
        if not self.evaluations:
            return "the budget ended before any evaluation did"
        return "no value became known"

    @property
    def evaluations(self) -> int:
        """The jobs that came to an end of their own, good or bad."""
        return int((self.jobs["status"] != schema.JOB_STATUS.index("cut")).sum())

    @property
    def failed_evaluations(self) -> int:
        """Those of them that failed."""
        return int((self.jobs["status"] == schema.JOB_STATUS.index("failed")).sum())


def tables(records: Sequence[RunRecord]) -> dict[str, pa.Table]:
    """All tables of some runs of one pair."""
    return {
        "observations": _observations(records),
        "trials": _trials(records),
        "jobs": _jobs(records),
        "decisions": _decisions(records),
        "runs": _runs(records),
    }


def as_bytes(table: pa.Table) -> bytes:
    """A table as it travels from one machine to another."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def from_bytes(content: bytes) -> pa.Table:
    """The table that `as_bytes` gave."""
    return pa.ipc.open_stream(content).read_all()


def _key_columns(records: Sequence[RunRecord], counts: Sequence[int]) -> dict[str, pa.Array]:
    key, total = records[0].key, sum(counts)
    seeds = np.repeat([record.key.seed for record in records], counts)
    return {
        "task": _constant(key.task, total),
        "method": _constant(key.method, total),
        "seed": pa.array(seeds, pa.int32()),
    }


def _constant(name: str, count: int) -> pa.Array:
    return _coded(np.zeros(count, dtype=np.int32), [name])


def _coded(codes: Any, names: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names, pa.string()))


def _stack(tables: Iterable[Columns], name: str) -> Any:
    return np.concatenate([table[name] for table in tables])


def _observations(records: Sequence[RunRecord]) -> pa.Table:
    tables = [record.observations for record in records]
    columns = _key_columns(records, [len(table["value"]) for table in tables])
    value = _stack(tables, "value")
    for field in schema.OBSERVATIONS:
        if field.name == "status":
            codes = (~np.isfinite(value)).astype(np.int32)
            columns["status"] = _coded(codes, ["ok", "failed"])
        elif field.name not in columns:
            columns[field.name] = pa.array(_stack(tables, field.name), field.type)
    for name in sorted({name for table in tables for name in table}):
        if name.startswith(schema.SLACK):
            empty = [np.full(len(table["value"]), np.nan) for table in tables]
            pieces = [table.get(name, nan) for table, nan in zip(tables, empty, strict=True)]
            columns[name] = pa.array(np.concatenate(pieces))
    return pa.table(columns)


def _trials(records: Sequence[RunRecord]) -> pa.Table:
    columns = _key_columns(records, [len(record.trials) for record in records])
    columns["trial"] = pa.array([n for record in records for n, _ in record.trials], pa.int32())
    configs = [config for record in records for _, config in record.trials]
    as_json = []
    explicit = False
    for name in dict.fromkeys(name for config in configs for name in config):
        column = schema.column_of(name)
        given = [config[name] for config in configs if name in config]
        if _is_plain(given):
            columns[column] = pa.array([config.get(name) for config in configs])
        else:
            as_json.append(column)
            texts = [_json(config[name]) if name in config else None for config in configs]
            columns[column] = pa.array(texts, pa.string())
        explicit |= column != name or any(value is None for value in given)
    metadata = {JSON_COLUMNS: json.dumps(as_json)} | ({EXPLICIT: "true"} if explicit else {})
    return pa.table(columns).replace_schema_metadata(metadata)


def _is_plain(values: Sequence[Any]) -> bool:
    """Whether an Arrow array holds these values as they are: texts, truth values, or numbers."""
    types = {type(value) for value in values}
    if types <= {int, float}:
        exact = float in types and int in types
        most = _LARGEST_EXACT if exact else 2**63 - 1
        return all(abs(value) <= most for value in values if type(value) is int)
    return types == {bool} or (types == {str} and all(map(_is_text, values)))


def _is_text(value: str) -> bool:
    """Whether it can be encoded: half a surrogate pair cannot."""
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def _json(value: Any) -> str:
    if isinstance(value, str):
        value = value.encode("utf-8", "backslashreplace").decode()
    return json.dumps(value, default=as_plain)


def as_plain(value: Any) -> Any:
    """NumPy's scalars and arrays as Python's; whatever else by its text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _jobs(records: Sequence[RunRecord]) -> pa.Table:
    tables = [record.jobs for record in records]
    columns = _key_columns(records, [len(table["trial"]) for table in tables])
    for field in schema.JOBS:
        if field.name == "status":
            columns["status"] = _coded(_stack(tables, "status"), schema.JOB_STATUS)
        elif field.name not in columns:
            columns[field.name] = pa.array(_stack(tables, field.name), field.type)
    for field in schema.PLACES:
        if all(field.name in table for table in tables):
            columns[field.name] = pa.array(_stack(tables, field.name), field.type)
    return pa.table(columns)


def _decisions(records: Sequence[RunRecord]) -> pa.Table:
    tables = [record.decisions for record in records]
    columns = _key_columns(records, [len(table["seconds"]) for table in tables])
    columns["kind"] = _coded(_stack(tables, "kind"), ["ask", "tell"])
    for name in ("time_s", "seconds", "cpu_s"):
        columns[name] = pa.array(_stack(tables, name), schema.DECISIONS.field(name).type)
    return pa.table(columns)


def _runs(records: Sequence[RunRecord]) -> pa.Table:
    columns = _key_columns(records, [1] * len(records))
    columns["status"] = _coded([int(record.status != "ok") for record in records], ["ok", "failed"])
    columns["error"] = pa.array([record.failure for record in records], pa.string())
    columns["trials"] = pa.array([len(record.trials) for record in records], pa.int32())
    for name in ("evaluations", "failed_evaluations"):
        columns[name] = pa.array([getattr(record, name) for record in records], pa.int32())
    columns["first_error"] = pa.array([record.first_error for record in records], pa.string())
    columns["end_time_s"] = pa.array([record.end_time_s for record in records], pa.float64())
    columns["cpu_s"] = pa.array([record.cpu_s for record in records], pa.float64())
    columns["setup_s"] = pa.array([record.setup_s for record in records], pa.float64())
    columns["workers"] = pa.array([record.workers for record in records], pa.int32())
    columns[FINGERPRINT] = pa.array([record.key.fingerprint for record in records])
    return pa.table(columns)
