"""Files and folders that are whole or absent: drafted beside their place, synced, renamed.

A draft is called `.draft PID HOST NUMBER NAME`, so that what is being written can be told from what
dead processes of this machine left behind, which `remove_drafts` removes.
"""

import errno
import itertools
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DRAFT = re.compile(r"\.draft (\d+) (\S+) ")
_NAME_LENGTH = 40  # enough to recognise it by, and within what file systems allow
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
    aside = path.with_name(
        f".draft {os.getpid()} {socket.gethostname()} {next(_numbers)} {path.name[:_NAME_LENGTH]}"
    )
    try:
        yield aside
        for inner in aside.rglob("*"):
            sync(inner)
        sync(aside)
        aside.replace(path)
        sync(path.parent)
    except BaseException as error:
        _discard(aside)
        if isinstance(error, OSError) and not isinstance(error, StorageError):
            raise unwritable(path, error) from error
        raise


def unwritable(path: Path, error: OSError) -> StorageError:
    """The error that says which file could not be written, why, and what to do."""
    return StorageError(
        f"{path} cannot be written ({error.strerror or error}): mend that, then give the same "
        "command again; what was stored before is whole"
    )


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; a pipe or a device is written to as it is."""
    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_bytes(content)
        return
    with draft(path) as aside:
        aside.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, whole or not at all; what has no encoding is written as an escape."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def append(descriptor: int, content: bytes) -> None:
    """Write all of `content` at the end of an open file, and sync it; OSError: not all of it."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)


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
