"""The seal of a part of a study: whether its tables are as they were written, and its own.

`seal.json` lies beside the tables of a part, and holds a hash of each and the key of the runs:

    {"seal": 1, "schema": 1, "task": ..., "method": ..., "fingerprint": ..., "seeds": [...],
     "tables": {"runs.parquet": ..., ...}}

Parts of older versions have none: of them only what contradicts itself is found.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from hpobench.identity import RunKey
from hpobench.storage import schema
from hpobench.storage.arrow import FINGERPRINT
from hpobench.system import atomic

FILE = "seal.json"
VERSION = 1
TABLES = ("observations", "trials", "jobs", "decisions", "runs")
_FILES = tuple(f"{name}.parquet" for name in TABLES)


_NEEDED = ["task", "method", "seed", "status", FINGERPRINT]


class Fault(NamedTuple):
    """Why a folder among the parts is left out (damaged, foreign, newer, unreadable); a remedy.

    What is newer or unreadable stops what would write.
    """

    kind: str
    reason: str
    remedy: str


class Examined(NamedTuple):
    """The key, status and fingerprint of a part's runs; with a fault there are none."""

    runs: tuple[Mapping[str, Any], ...]
    fault: Fault | None = None
    keys: tuple[RunKey, ...] = ()
    merged: Mapping[str, str] = {}
    """The parts in whose place this one is: the hash of the seal of each, by its name."""


def close(part: Path, keys: Sequence[RunKey], merged: Mapping[str, str] | None = None) -> None:
    """Write the seal of a part whose tables are all there, and which it is in the place of."""
    first = keys[0]
    content = {
        "seal": VERSION,
        "schema": schema.VERSION,
        "task": first.task,
        "method": first.method,
        "fingerprint": first.fingerprint,
        "seeds": [key.seed for key in keys],
        "tables": {name: atomic.digest(part / name) for name in _FILES},
    }
    if merged:
        content["merged"] = dict(merged)
    (part / FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")


def digest(part: Path) -> str:
    """A hash of the seal of a part; "" without one."""
    return atomic.digest(part / FILE) if (part / FILE).exists() else ""


def content(part: Path) -> dict[str, str]:
    """A hash of each table of a part that has no fault: as its seal states, if it has one."""
    if (part / FILE).exists():
        return dict(json.loads((part / FILE).read_bytes())["tables"])
    return {name: atomic.digest(part / name) for name in _FILES}


def examine(part: Path) -> Examined:
    """Look a part through: once a process, as long as its files keep their sizes and times."""
    try:
        with os.scandir(part) as files:
            # A pipe would have us wait for what it never says.
            state = tuple(sorted((file.name, *_state(file)) for file in files if file.is_file()))
        return _examined(part, state)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not part.is_symlink():
            return Examined(())  # moved away meanwhile
        reason = f"it cannot be read ({error.strerror or error})"
        return Examined((), Fault("unreadable", reason, "mend that, or move it elsewhere"))


def _state(file: os.DirEntry[str]) -> tuple[int, int]:
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


@cache
def _examined(part: Path, state: tuple[tuple[str, int, int], ...]) -> Examined:
    present = {name for name, *_ in state}
    if not present & {*_FILES, FILE}:
        return Examined((), Fault("foreign", "it is no part of a study", "move it elsewhere"))
    try:
        lacking = [name for name in _FILES if name not in present]
        if lacking:
            raise ValueError(f"it lacks {', '.join(lacking)}")
        rows, merged = _sealed(part) if FILE in present else (_unsealed(part), {})
    except OSError:
        raise
    except _NewerError as error:
        return Examined((), Fault("newer", str(error), "update hpobench"))
    except Exception as error:  # whatever pyarrow makes of bytes that are none of its own
        remedy = "the study's `hpobench run` keeps it under parts/.damaged and makes its runs again"
        return Examined((), Fault("damaged", str(error), remedy))
    return Examined(tuple(rows), keys=tuple(map(_key, rows)), merged=merged)


class _NewerError(Exception):
    """A part that a newer version of this program has written: it may be as it should."""


def _sealed(part: Path) -> tuple[list[dict[str, Any]], dict[str, str]]:
    try:
        stated = json.loads((part / FILE).read_bytes())
        version = int(stated["seal"])
        for name, theirs, ours in (
            ("seal", version, VERSION),
            ("row schema", int(stated.get("schema", 1)), schema.VERSION),
        ):
            if theirs > ours:
                words = f"it was written by a newer hpobench ({name} {theirs}; this reads {ours})"
                raise _NewerError(words)
        hashes = dict(stated["tables"])
        keys = {
            RunKey(stated["task"], stated["method"], seed, stated["fingerprint"])
            for seed in stated["seeds"]
        }
        merged = dict(stated.get("merged") or {})
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{FILE} is damaged ({error!r})") from error
    if version < VERSION:
        raise ValueError(f"{FILE} has version {version}, which there never was")
    for name in _FILES:
        if atomic.digest(part / name) != hashes.get(name):
            raise ValueError(f"{name} is not as it was written")
    rows = _rows(part, _NEEDED)
    if {_key(row) for row in rows} != keys:
        raise ValueError(f"{FILE} is of other runs")
    return rows, merged


def _unsealed(part: Path) -> list[dict[str, Any]]:
    """Each table must be readable, and of the runs that the table of runs has."""
    rows = _rows(part)
    pairs = {(row["task"], row["method"], row["seed"]) for row in rows}
    for name in _FILES:
        table = _parse(part / name, ["task", "method", "seed"])
        if not set(_distinct(table)) <= pairs:
            raise ValueError(f"{name} is of other runs than runs.parquet")
        if name == "trials.parquet" and table.num_rows != sum(row["trials"] for row in rows):
            raise ValueError(f"{name} has {table.num_rows} rows, and not one for each trial")
    return rows


def _rows(part: Path, columns: list[str] | None = None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _parse(part / "runs.parquet", columns).to_pylist()
    if not rows:
        raise ValueError("runs.parquet is empty")
    return rows


def _key(row: Mapping[str, Any]) -> RunKey:
    return RunKey(row["task"], row["method"], row["seed"], row[FINGERPRINT])


def _distinct(table: pa.Table) -> Iterable[tuple[Any, ...]]:
    groups = table.group_by(table.column_names).aggregate([]) if table.num_rows else table
    columns = (groups.column(name) for name in ("task", "method", "seed"))
    return zip(*(column.to_pylist() for column in columns), strict=True)


def _parse(path: Path, columns: list[str] | None = None) -> pa.Table:
    content = path.read_bytes()  # what the operating system refuses is no damage
    try:
        table = pq.ParquetFile(pa.BufferReader(content)).read(columns)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path.name} is damaged ({error})") from error
    return table
