"""What all code of a process shares, and what a task may change of it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def restored() -> Iterator[None]:
    """Put back afterwards the working directory, the rights of new files, and the stack's depth.

    Whatever a task did to them, the files of its study are written where and as they should be.
    """
    folder = _folder()
    mask = os.umask(0o077)
    os.umask(mask)
    depth = sys.getrecursionlimit()
    try:
        yield
    finally:
        os.umask(mask)
        if sys.getrecursionlimit() < depth:
            sys.setrecursionlimit(depth)
        if folder is not None and _folder() != folder:
            with suppress(OSError):
                os.chdir(folder)


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return None
