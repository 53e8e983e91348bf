"""What the workers of a cluster have in common with us: versions, the study's folder, code.

All of it is asked, and none of it is a setting.
"""

import hashlib
import os
import platform
import socket
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from hpobench.system import atomic, package
from hpobench.system.version import __version__

PACKAGES = ("numpy", "pandas", "pyarrow", "scipy")
"""What results depend on, beside Python, this package, and the libraries of methods."""


class Folder(NamedTuple):
    """The folder of a study, and a file in it with a text that nobody else knows."""

    path: Path
    token: str = ""
    text: str = ""


class Worker(NamedTuple):
    """What a worker says of itself: its machine, its versions, whether it sees our folder."""

    host: str
    versions: Mapping[str, str]
    shares: bool


@cache
def own_digest() -> str:
    """A hash of the sources of this package, as they are here."""
    digest = hashlib.blake2b(digest_size=6)
    for name, folder in sorted(package.folders().items()):
        for path in sorted(folder.rglob("*.py")):
            place = path.relative_to(folder)
            if name or place.parts[0] not in package.FLOORS:
                digest.update(f"{name}/{place.as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def versions(libraries: Sequence[str] = ()) -> dict[str, str]:
    """The versions of what results depend on, as they are here."""
    found = {"python": platform.python_version(), "hpobench": f"{__version__}, {own_digest()}"}
    for name in (*PACKAGES, *libraries):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def greet(folder: Folder, libraries: Sequence[str]) -> Worker:
    """On a worker: what it says of itself."""
    return Worker(socket.gethostname(), versions(libraries), shares(folder))


def shares(folder: Folder) -> bool:
    """On a worker: whether the folder is the same one here, and can be written to."""
    if not folder.token:
        return False
    try:
        text = (folder.path / folder.token).read_text()
    except OSError:
        return False
    return text == folder.text and os.access(folder.path, os.W_OK)


@contextmanager
def shown(path: Path) -> Iterator[Folder]:
    """The folder with its token, for workers to look at as long as the context lasts."""
    folder = Folder(path, f".shared-{uuid.uuid4().hex}", uuid.uuid4().hex)
    with atomic.ours(path):
        path.mkdir(parents=True, exist_ok=True)
        (path / folder.token).write_text(folder.text)
    try:
        yield folder
    finally:
        with suppress(OSError):
            (path / folder.token).unlink()


def differences(here: Mapping[str, str], there: Mapping[str, Worker]) -> list[str]:
    """What is not the same on all workers as here, a line for each version that is found."""
    lines = []
    for name, mine in here.items():
        others: dict[str, list[str]] = {}
        for address, worker in there.items():
            if (theirs := worker.versions.get(name, "not installed")) != mine:
                others.setdefault(theirs, []).append(f"{worker.host} ({address})")
        for theirs, places in others.items():
            more = f" and {len(places) - 1} others" if len(places) > 1 else ""
            lines.append(f"{name} is {mine} here and {theirs} on {places[0]}{more}")
    return lines


class Code(NamedTuple):
    """The user's folders of `--conf`, as they travel: for each its path and its files."""

    folders: tuple[tuple[str, Mapping[str, bytes]], ...] = ()
    digest: str = ""


LARGEST_BYTES = 32 << 20
"""So much of the user's folders travels."""
_LEFT = {"__pycache__", "runs", "node_modules", "venv", "build"}


def packed(folders: Sequence[Path]) -> Code:
    """The files of folders, less what is hidden; raises ValueError if they are too large."""
    found, total = [], 0
    digest = hashlib.blake2b(digest_size=8)
    for folder in folders:
        files = {}
        for path in _files(folder):
            content = path.read_bytes()
            total += len(content)
            if total > LARGEST_BYTES:
                raise ValueError(
                    f"--conf {folder} holds more than {LARGEST_BYTES >> 20} MB, too much to send "
                    f"to each machine (at {path}): keep data elsewhere, at the same path on all of "
                    "them"
                )
            name = path.relative_to(folder).as_posix()
            files[name] = content
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        found.append((str(folder), files))
        digest.update(b"\1")
    return Code(tuple(found), digest.hexdigest())


def _files(folder: Path) -> Iterator[Path]:
    for place, below, names in os.walk(folder):
        below[:] = sorted(n for n in below if not n.startswith(".") and n not in _LEFT)
        yield from (Path(place) / n for n in sorted(names) if not n.startswith("."))


def unpacked(code: Code) -> list[Path]:
    """On a worker: folders that hold the user's code; those that are the same are used in place."""
    return [
        Path(path) if _is_same(Path(path), files) else _unpack(code.digest, number, files)
        for number, (path, files) in enumerate(code.folders)
    ]


def _is_same(folder: Path, files: Mapping[str, bytes]) -> bool:
    with suppress(OSError):
        return all((folder / name).read_bytes() == content for name, content in files.items())
    return False


def _unpack(digest: str, number: int, files: Mapping[str, bytes]) -> Path:
    """A folder of this machine, written whole by whoever is first."""
    place = Path(tempfile.gettempdir()) / f"hpobench-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    if place.stat().st_uid != os.getuid():
        raise PermissionError(f"{place} is somebody else's: remove it, or set TMPDIR")
    target = place / f"{digest}-{number}"
    if not target.exists():
        with suppress(OSError), atomic.draft(target) as aside:  # another was first
            for name, content in files.items():
                (aside / name).parent.mkdir(parents=True, exist_ok=True)
                (aside / name).write_bytes(content)
            aside.mkdir(exist_ok=True)
    if not _is_same(target, files):
        raise OSError(f"{target} is not what it should be: remove it")
    return target
