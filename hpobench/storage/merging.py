"""Parts of a pair, merged: a study of many runs has few files.

A merged part is a part as any other, with more seeds. Its seal names those that it replaces, with
their hashes, so that a process that is killed before it has removed them leaves nothing twice.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hpobench.identity import RunKey
from hpobench.storage import parts, seal
from hpobench.storage.arrow import FINGERPRINT

LARGEST_BYTES = 128 << 20
"""Parts are merged up to this size."""


def compact(folder: Path, at_least: int = 2) -> int:
    """Merge the parts of each pair that has `at_least` so many; returns how many were merged.

    Whoever calls holds the lock of the study. Parts with runs that another attempt has replaced,
    and those whose tables have other columns, stay as they are.
    """
    if not _many(folder, at_least):
        return 0
    counted: dict[Path, int] = {}
    for _, part in parts.inventory(folder).values():
        counted[part] = counted.get(part, 0) + 1
    groups: dict[tuple[str, ...], list[Path]] = {}
    for part, count in counted.items():
        runs = seal.examine(part).runs
        if count == len(runs) and seal.digest(part):
            row = runs[0]
            key = (row["task"], row["method"], row[FINGERPRINT])
            groups.setdefault(key, []).append(part)
    merged = 0
    for found in groups.values():
        if len(found) >= at_least:
            merged += sum(_merge(folder, batch) for batch in _batches(found))
    return merged


def _many(folder: Path, at_least: int) -> bool:
    """Whether any pair has so many parts, by their names."""
    counts: dict[str, int] = {}
    place = folder / "parts"
    for name in os.listdir(place) if place.exists() else ():
        pair = re.sub(r"\.\d+-\d+\.", " ", name)
        counts[pair] = counts.get(pair, 0) + 1
    return max(counts.values(), default=0) >= at_least


def _batches(found: Sequence[Path]) -> list[list[Path]]:
    """Parts that go together: of the same columns, in the order of their seeds, not too large."""
    alike: dict[str, list[Path]] = {}
    for part in sorted(found, key=lambda part: _seeds(part)[0]):
        alike.setdefault(_columns(part), []).append(part)
    batches: list[list[Path]] = []
    for group in alike.values():
        size = 0
        batches.append([])
        for part in group:
            mine = sum(file.stat().st_size for file in part.iterdir())
            if batches[-1] and size + mine > LARGEST_BYTES:
                batches.append([])
                size = 0
            batches[-1].append(part)
            size += mine
    return [batch for batch in batches if len(batch) > 1]


def _columns(part: Path) -> str:
    """What the tables of a part look like."""
    schemas = [pq.read_schema(part / f"{name}.parquet") for name in seal.TABLES]
    return "\n".join(f"{schema.remove_metadata()} {schema.metadata}" for schema in schemas)


def _seeds(part: Path) -> list[int]:
    return [row["seed"] for row in seal.examine(part).runs]


def _merge(folder: Path, batch: Sequence[Path]) -> int:
    """One part in the place of several; returns how many."""
    rows = sorted((row for part in batch for row in seal.examine(part).runs), key=_seed)
    keys = [RunKey(r["task"], r["method"], r["seed"], r[FINGERPRINT]) for r in rows]
    tables = {name: _joined([part / f"{name}.parquet" for part in batch]) for name in seal.TABLES}
    replaced = {part.name: seal.digest(part) for part in batch}
    parts.write_merged(folder, keys, tables, replaced)
    for part in batch:
        parts.remove(part)
    return len(batch)


def _seed(row: Mapping[str, Any]) -> int:
    return int(row["seed"])


def _joined(paths: Sequence[Path]) -> pa.Table:
    """The rows of some tables, by seed; within a seed in their order."""
    tables = [pq.read_table(path, memory_map=False) for path in paths]
    whole = pa.concat_tables(tables, promote_options="default").unify_dictionaries()
    whole = whole.replace_schema_metadata(tables[0].schema.metadata)
    seeds = whole.column("seed").to_numpy()
    if (seeds[1:] >= seeds[:-1]).all():
        return whole.combine_chunks()
    return whole.take(pc.sort_indices(whole, sort_keys=[("seed", "ascending")])).combine_chunks()
