"""Parts on disk: each holds the tables of some runs of one pair, complete or absent.

A part is a folder `parts/TASK.METHOD.SEEDS.FINGERPRINT/` with one Parquet file a table. It is
written under another name, synced, and renamed, so that a killed process leaves whole parts only.
A part that is not as it was written (see `seal`) counts as absent.
"""

import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hpobench.identity import RunKey
from hpobench.storage import seal
from hpobench.storage.arrow import FINGERPRINT, RunRecord, tables
from hpobench.system import atomic
from hpobench.system.names import as_file_name
from hpobench.system.terminal import LeftOut, Notice

_NAMED = 5


def write_part(folder: Path, records: Sequence[RunRecord]) -> Path:
    """Write the runs of one pair below `folder`/parts; returns the part's folder.

    If another process has just written the same runs, its part stays and no other is added.
    """
    return write_tables(folder, [record.key for record in records], tables(records))


def write_tables(folder: Path, keys: Sequence[RunKey], made: Mapping[str, pa.Table]) -> Path:
    """The same with the tables of the runs `keys`, which may have been made elsewhere."""
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    target = _free(place(folder, keys[0], keys[-1].seed))
    try:
        _write_tables(target, keys, made)
    except atomic.StorageError:
        if not target.exists():
            raise
        stored = inventory(folder)
        if any(stored.get(key, ("", target))[0] != "ok" for key in keys):
            return write_tables(folder, keys, made)
        warnings.warn(
            f"{target} was written by another process meanwhile: kept", Notice, stacklevel=2
        )
    return target


def write_merged(
    folder: Path, keys: Sequence[RunKey], made: Mapping[str, pa.Table], replaced: Mapping[str, str]
) -> None:
    """Write a part in the place of others; see `merging`."""
    _write_tables(_free(place(folder, keys[0], keys[-1].seed)), keys, made, replaced)


def _write_tables(
    target: Path,
    keys: Sequence[RunKey],
    made: Mapping[str, pa.Table],
    merged: Mapping[str, str] | None = None,
) -> None:
    with atomic.draft(target) as aside:
        aside.mkdir()
        for name, table in made.items():
            _write_table(table, aside / f"{name}.parquet")
        seal.close(aside, keys, merged)


def place(folder: Path, first: RunKey, last_seed: int) -> Path:
    """Where a part is stored that has the runs of a pair from `first` to `last_seed`."""
    names = f"{as_file_name(first.task)}.{as_file_name(first.method)}"
    return folder / "parts" / f"{names}.{first.seed}-{last_seed}.{first.fingerprint}"


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
        write_page_checksum=True,
        store_schema=True,
    )


def clear_up(folder: Path) -> None:
    """Remove what killed processes of this machine left unfinished; set aside what is damaged."""
    for place in (folder, folder / "parts"):
        atomic.remove_drafts(place)
    for part in replaced({part: seal.examine(part) for part in _folders(folder)}):
        remove(part)
    _set_aside(folder)


def remove(part: Path) -> None:
    """Take a part away, as a whole."""
    with atomic.ours(part):
        aside = atomic.aside(part)
        part.rename(aside)
        shutil.rmtree(aside)


def _set_aside(folder: Path) -> None:
    """Move damaged parts to parts/.damaged, where nothing looks for them, so that they are run."""
    for part, fault in faults(folder).items():
        if fault.kind in ("newer", "unreadable"):
            raise atomic.StorageError(f"{part}: {fault.reason}: {fault.remedy}")
        if fault.kind == "damaged":
            place = folder / "parts" / ".damaged"
            with atomic.ours(part):
                place.mkdir(exist_ok=True)
                part.rename(_free(place / part.name))
            warnings.warn(
                f"{part}: {fault.reason}: kept in {place}, and run again", Notice, stacklevel=3
            )


def faults(folder: Path) -> dict[Path, seal.Fault]:
    """The folders among the parts that are left out, and why."""
    return _faults(_examined(folder))


def warn(folder: Path) -> None:
    """Warn of what is left out, in one warning. Raises ValueError if a newer program wrote some."""
    found = _examined(folder)
    for part, fault in _faults(found).items():
        if fault.kind == "newer":
            raise ValueError(f"{part}: {fault.reason}: {fault.remedy}")
    words = [f"{part}: {fault.reason} ({fault.remedy})" for part, fault in _faults(found).items()]
    kind = LeftOut if words else Notice
    words += [
        f"{part}: runs that {first} holds as well (each counts once; remove one of the two)"
        for part, first in _repeated(found).items()
    ]
    if words:
        rest = [f"and {len(words) - _NAMED} others"] if len(words) > _NAMED else []
        warnings.warn("left out: " + "; ".join(words[:_NAMED] + rest), kind, stacklevel=3)


def _examined(folder: Path) -> dict[Path, seal.Examined]:
    """What is among the parts, less those that another stands in the place of."""
    found = {part: seal.examine(part) for part in _folders(folder)}
    for part in replaced(found):
        del found[part]
    return found


def replaced(found: Mapping[Path, seal.Examined]) -> list[Path]:
    """The parts in whose place another is, and which nobody has removed yet."""
    there = {
        (part.with_name(name), digest)
        for part, each in found.items()
        for name, digest in each.merged.items()
    }
    return sorted({part for part, digest in there if part in found and seal.digest(part) == digest})


def _faults(found: Mapping[Path, seal.Examined]) -> dict[Path, seal.Fault]:
    return {part: each.fault for part, each in found.items() if each.fault is not None}


def _repeated(found: Mapping[Path, seal.Examined]) -> dict[Path, Path]:
    """Parts with whole runs of which the same are in a part before, and that part."""
    first: dict[RunKey, Path] = {}
    repeated: dict[Path, Path] = {}
    for part, each in found.items():
        for row in each.runs:
            if row["status"] == "ok" and (before := first.setdefault(_key(row), part)) != part:
                repeated[part] = before
    return repeated


def _key(row: Mapping[str, Any]) -> RunKey:
    return RunKey(row["task"], row["method"], row["seed"], row[FINGERPRINT])


def _folders(folder: Path) -> list[Path]:
    """The folders that should be parts, and links to nothing, sorted."""
    parts = folder / "parts"
    if not parts.exists():
        return []
    with atomic.ours(parts), os.scandir(parts) as entries:
        names = [
            entry.name
            for entry in entries
            if not entry.name.startswith(".")
            and (entry.is_dir() or (entry.is_symlink() and not Path(entry.path).exists()))
        ]
    return [parts / name for name in sorted(names)]


Selection = dict[Path, list[int]]
"""Parts, with the seeds that are taken from each."""


def inventory(folder: Path) -> dict[RunKey, tuple[str, Path]]:
    """The stored runs: status and part of each; of several attempts a successful one counts."""
    found: dict[RunKey, tuple[str, Path]] = {}
    for part, each in _whole(folder).items():
        for key, row in zip(each.keys, each.runs, strict=True):
            if found.get(key, ("failed",))[0] != "ok":
                found[key] = (row["status"], part)
    return found


def _whole(folder: Path) -> dict[Path, seal.Examined]:
    """The same as `_examined`, looked at anew if another call merges parts meanwhile."""
    while True:
        found = _examined(folder)
        if all(each.runs or each.fault or part.exists() for part, each in found.items()):
            return found


def stored(folder: Path, key: RunKey, seeds: Sequence[int]) -> dict[RunKey, str]:
    """The status of those runs of a pair that are stored, without a look at other pairs.

    `key`: of any of its runs.
    """
    names = re.escape(f"{as_file_name(key.task)}.{as_file_name(key.method)}")
    form = re.compile(rf"{names}\.(\d+)-(\d+)\.{re.escape(key.fingerprint)}(\.\d+)?")
    place = folder / "parts"
    if not place.exists():
        return {}
    found: dict[RunKey, str] = {}
    with atomic.ours(place):
        listed = [(name, form.fullmatch(name)) for name in os.listdir(place)]
    for name, match in sorted(listed, key=lambda item: item[0]):
        if match is None or not any(int(match[1]) <= n <= int(match[2]) for n in seeds):
            continue
        for row in seal.examine(place / name).runs:
            mine = _key(row)
            if found.get(mine, "failed") != "ok":
                found[mine] = row["status"]
    return {mine: status for mine, status in found.items() if mine.seed in set(seeds)}


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
        path = part / f"{table}.parquet"
        try:
            rows = pq.ParquetFile(path).read()
        except (pa.ArrowException, OSError) as error:
            raise atomic.StorageError(
                f"{path} cannot be read ({error}): mend that, or move {part} elsewhere and run the "
                "study again, which makes its runs anew"
            ) from error
        if len(seeds) < len(seal.examine(part).runs):
            rows = rows.filter(pc.is_in(rows.column("seed"), pa.array(seeds, pa.int32())))
        yield rows
