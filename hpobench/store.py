"""Parts on disk: each holds the tables of some runs of one pair, complete or absent.

A part is a folder `parts/TASK.METHOD.SEEDS.FINGERPRINT/` with one Parquet file a table. It is
written under another name, synced, and renamed, so that a killed process leaves whole parts only.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hpobench import atomic
from hpobench.names import as_file_name
from hpobench.rows import FINGERPRINT, RunKey, RunRecord, tables


def write_part(folder: Path, records: Sequence[RunRecord]) -> Path:
    """Write the runs of one pair below `folder`/parts; returns the part's folder."""
    parts = folder / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    key = records[0].key
    seeds = f"{records[0].key.seed}-{records[-1].key.seed}"
    names = f"{as_file_name(key.task)}.{as_file_name(key.method)}"
    target = _free(parts / f"{names}.{seeds}.{key.fingerprint}")
    with atomic.draft(target) as aside:
        aside.mkdir()
        for name, table in tables(records).items():
            _write_table(table, aside / f"{name}.parquet")
    return target


def _free(path: Path) -> Path:
    """`path`, or with a number behind it if an earlier attempt is there: nothing is overwritten."""
    attempt = 1
    free = path
    while free.exists():
        attempt += 1
        free = path.with_name(f"{path.name}.{attempt}")
    return free


def _write_table(table: pa.Table, path: Path) -> None:
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    others = [field.name for field in table.schema if field.name not in floats]
    # Measured times hardly repeat, so that a dictionary only costs; values and configurations do.
    split = [name for name in floats if name in ("time_s", "seconds", "cpu_s", "start_s", "end_s")]
    pq.write_table(
        table,
        path,
        compression="zstd",
        use_dictionary=[*others, *(name for name in floats if name not in split)],
        column_encoding=dict.fromkeys(split, "BYTE_STREAM_SPLIT"),
        write_statistics=False,
        store_schema=True,
    )


def remove_drafts(folder: Path) -> None:
    """Remove what killed processes of this machine left unfinished."""
    for place in (folder, folder / "parts"):
        atomic.remove_drafts(place)


Selection = dict[Path, list[int]]
"""Parts, with the seeds that are taken from each."""


def inventory(folder: Path) -> dict[RunKey, tuple[str, Path]]:
    """The stored runs: status and part of each; of several attempts a successful one counts."""
    found: dict[RunKey, tuple[str, Path]] = {}
    for part in sorted(path for path in (folder / "parts").glob("[!.]*") if path.is_dir()):
        for row in pq.ParquetFile(part / "runs.parquet").read().to_pylist():
            key = RunKey(row["task"], row["method"], row["seed"], row[FINGERPRINT])
            if found.get(key, ("failed",))[0] != "ok":
                found[key] = (row["status"], part)
    return found


def select(folder: Path, wanted: Callable[[RunKey], bool]) -> Selection:
    """The parts that hold wanted runs, in the order of their names."""
    seeds: Selection = {}
    for key, (_, part) in inventory(folder).items():
        if wanted(key):
            seeds.setdefault(part, []).append(key.seed)
    return dict(sorted(seeds.items()))


def read(selection: Selection, table: str) -> Iterator[pa.Table]:
    """The rows of the selected runs of one table, part by part."""
    for part, seeds in selection.items():
        rows = pq.ParquetFile(part / f"{table}.parquet").read()
        present = pq.ParquetFile(part / "runs.parquet").metadata.num_rows
        if len(seeds) < present:
            rows = rows.filter(pc.is_in(rows.column("seed"), pa.array(seeds, pa.int32())))
        yield rows
