"""Files of others, read without trust: ordinary files only, and no more of them than fits."""

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

LARGEST = 2**29
"""Bytes of a file that are read, or unpacked from it: some small ones unpack to all memory."""

PACKED = {".zip": b"PK", ".gz": b"\x1f\x8b"}
"""How packed files begin."""


def text_of(path: Path) -> str:
    """The text of a file, unpacked if it is a gzip or zip file.

    Raises ValueError, naming the file, for what is no ordinary file, or too large, or damaged.
    """
    if not path.is_file():
        raise ValueError(f"{path} is no ordinary file: it is not read")
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if path.suffix in PACKED and not start.startswith(PACKED[path.suffix]):
            raise ValueError(f"it is not the {path.suffix[1:]} file that it is called")
        with _opener(start)(path) as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(
                f"it holds more than {LARGEST // 2**20:,} MiB: take out what is needed"
            )
        return content.decode()
    except (OSError, EOFError, RuntimeError, ValueError, zlib.error, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


def _opener(start: bytes) -> Callable[[Path], IO[bytes]]:
    if start.startswith(PACKED[".zip"]):
        return _only_member
    return gzip.open if start.startswith(PACKED[".gz"]) else io.FileIO  # type: ignore[return-value]


def _only_member(path: Path) -> IO[bytes]:
    archive = zipfile.ZipFile(path)
    names = [member.filename for member in archive.infolist() if not member.is_dir()]
    if len(names) != 1:
        raise ValueError(f"it packs {len(names)} files, not one")
    return archive.open(names[0])


def parsed(text: str) -> Any:
    """JSON; raises ValueError for what is none, be it only nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
