"""Arrays converted once, then shared by all processes: `.npy` files in memory-mapped folders.

A folder holds the arrays and `index.json`, which names the source and the SHA-256 of each file.
Whatever does not match is no cache: the caller converts again. Nothing here reads a pickle.
"""

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from hpobench.arrays import FloatArray

logger = logging.getLogger(__name__)

INDEX = "index.json"
Arrays = dict[str, FloatArray]


def cache_folder() -> Path:
    """`$HPOBENCH_CACHE`, or `hpobench` in `$XDG_CACHE_HOME` or else in `~/.cache`."""
    if chosen := os.environ.get("HPOBENCH_CACHE"):
        return Path(chosen)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "hpobench"


def load(
    folder: Path, source: str, names: Sequence[str] | None, convert: Callable[[], Arrays]
) -> Arrays:
    """The arrays `names` of `folder`, made from `source` by `convert` if they are not there.

    None: all of them.
    """
    try:
        return _open(folder, source, names)
    except FileNotFoundError:
        pass
    except (ValueError, OSError, TypeError, KeyError) as error:
        logger.warning("the cache %s is damaged (%s): converting again", folder, error)
    _write(folder, source, convert())
    return _open(folder, source, names)


def _open(folder: Path, source: str, names: Sequence[str] | None) -> Arrays:
    index = json.loads((folder / INDEX).read_text())
    if index["source"] != source:
        raise ValueError(f"it was made from {index['source']}, not from {source}")
    hashes = index["arrays"]
    wanted = hashes if names is None else names
    return {name: _map(folder / f"{name}.npy", hashes[name]) for name in wanted}


def _map(path: Path, sha256: str) -> FloatArray:
    """A read-only view of the file, whose bytes were checked."""
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise ValueError(f"the SHA-256 of {path.name} is not the recorded one")
    array: FloatArray = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _write(folder: Path, source: str, arrays: Mapping[str, FloatArray]) -> None:
    """Write aside, then rename file by file, the index last.

    Conversion is deterministic: processes that convert at the same time write the same bytes, so
    their renames may interleave. What a power cut leaves behind fails its hash.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as aside:
            hashes = {name: _save(Path(aside, f"{name}.npy"), arrays[name]) for name in arrays}
            index = json.dumps({"source": source, "arrays": hashes}, indent=1)
            Path(aside, INDEX).write_text(index)
            for file in (*(f"{name}.npy" for name in arrays), INDEX):
                os.replace(Path(aside, file), folder / file)
    except PermissionError as error:
        raise PermissionError(
            f"cannot write the cache {folder}: set HPOBENCH_CACHE to a folder that can be written"
        ) from error


def _save(path: Path, array: FloatArray) -> str:
    np.save(path, np.ascontiguousarray(array, dtype=np.float64), allow_pickle=False)
    return hashlib.sha256(path.read_bytes()).hexdigest()
