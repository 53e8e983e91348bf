"""Files and folders that are whole or absent: drafted beside their place, synced, renamed.

A draft is called `.draft PID HOST NUMBER.NAME`, so that what is being written can be told from what
dead processes of this machine left behind, which `remove_drafts` removes.
"""

import errno
import hashlib
import itertools
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

_DRAFT = re.compile(r"\.draft (\d+) (\S+) ")
_NAME_LENGTH = 40  # enough to recognise it by, and within what file systems allow
_LITTLE_BYTES = 64 << 10
_numbers = itertools.count()


class StorageError(OSError):
    """A file of hpobench's own cannot be written or read; never the result of a run or a trial.

    It passes through all that makes exceptions of tasks and methods into results.
    """


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """A place beside `path` to write a file or a folder to; after the block it becomes `path`.

    A file takes the place of another, a folder only that of an empty one. If the block raises, the
    draft is removed. Raises StorageError if the operating system refuses: no room, no permission.
    """
    place = aside(path)
    with ours(path):
        try:
            yield place
            for inner in place.rglob("*"):
                sync(inner)
            sync(place)
            place.replace(path)
            sync(path.parent)
        except BaseException as error:
            full = isinstance(error, Exception) and _is_full(path.parent)
            _discard(place)
            if full and not isinstance(error, OSError):  # torch.save raises RuntimeError
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise


def aside(path: Path) -> Path:
    """A place beside `path` that nobody looks at, and that is removed if this process dies."""
    name = path.name[:_NAME_LENGTH]
    return path.with_name(f".draft {os.getpid()} {socket.gethostname()} {next(_numbers)}.{name}")


@contextmanager
def ours(path: Path) -> Iterator[None]:
    """What the operating system refuses within is a StorageError about `path`."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read or written ({error.strerror or error}): mend that, then give "
            "the same command again; what was stored before is whole"
        ) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; a pipe or a device is written to as it is."""
    if path.exists() and not path.is_file() and not path.is_dir():
        with ours(path):
            path.write_bytes(content)
        return
    with draft(path) as aside:
        aside.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, whole or not at all; what has no encoding is written as an escape."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def check_runs_dir(path: Path) -> None:
    """Raise ValueError if the folder of studies is not there and cannot be made as one folder."""
    if not path.is_dir() and not path.absolute().parent.is_dir():
        raise ValueError(f"runs_dir={path}: there is no folder {path.parent}: make it first")


def check_output(path: Path, mark: str) -> None:
    """Raise ValueError if `path`, which somebody has named, is no place for a new file of ours.

    Its folder must be there, and a file in its place is replaced only if it is one of ours, which
    have `mark` near their beginning.
    """
    if path == Path("-"):
        raise ValueError("output -: this is not printed: name a file")
    if not path.parent.is_dir():
        raise ValueError(f"output {path}: there is no folder {path.parent}: make it first")
    if path.is_dir():
        raise ValueError(f"output {path}: that is a folder: name a file in it")
    if path.is_file():
        with ours(path), path.open("rb") as file:
            theirs = file.read(_LITTLE_BYTES)
        if theirs and mark.encode() not in theirs:
            raise ValueError(
                f"output {path}: that file was not written by this command, and is left as it "
                "is: choose another name, or move it away"
            )


def append(descriptor: int, content: bytes) -> None:
    """Write all of `content` at the end of an open file; OSError: not all of it."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def digest(path: Path) -> str:
    """A hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.blake2b, digest_size=16)).hexdigest()


def sync(path: Path) -> None:
    """Have a file or folder on the disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync folders.
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):
            raise
    finally:
        os.close(descriptor)


def remove_drafts(folder: Path) -> None:
    """Remove what dead processes of this machine left unfinished in `folder`."""
    for path in folder.glob(".draft *"):
        named = _DRAFT.match(path.name)
        if named and named[2] == socket.gethostname() and not _is_alive(int(named[1])):
            _discard(path)


def _is_full(folder: Path) -> bool:
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize < _LITTLE_BYTES


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's process
        return True
    return True
