"""Locks between processes that write to one study, on one machine or on several.

The kernel holds them (`flock`): those of a dead process are free at once, over NFS as soon as the
server knows. On a file system that has no such locks a file stands for one, made so that only one
process can make it; if its maker is dead, on this machine, it is taken over. A lock's file names
its holder, for whoever waits, and is removed with the lock.
"""

import contextlib
import errno
import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from hpobench.system import atomic

_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}
_SHORTEST_S, _LONGEST_S = 0.01, 0.5
_SAID_AFTER_S = 10.0


@dataclass(frozen=True)
class Holder:
    """A process: its number, its machine, and when it began, since numbers are used again."""

    pid: int
    host: str
    began: str = ""
    since: str = ""

    @classmethod
    def here(cls) -> "Holder":
        """The process that asks."""
        pid = os.getpid()
        return cls(pid, socket.gethostname(), _began(pid), time.strftime("%Y-%m-%dT%H:%M:%S%z"))

    def is_dead(self) -> bool:
        """Whether it is known to have ended: of other machines that cannot be known."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # somebody else's process
            return False
        return _began(self.pid) != self.began if self.began else False

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since or 'an unknown time'}"


def _began(pid: int) -> str:
    """When a process of this machine began, in the kernel's count; empty where that is not told."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


@contextlib.contextmanager
def locked(path: Path, patience_s: float = 300.0) -> Iterator[None]:
    """Hold the lock of the file at `path`; TimeoutError names who has it after `patience_s`."""
    begun, pause, said = time.monotonic(), _SHORTEST_S, False
    while (lock := acquire(path)) is None:
        waited = time.monotonic() - begun
        if waited > patience_s:
            raise TimeoutError(
                f"{path} is held by {holder(path) or 'somebody'}; waited {waited:.0f} s for it. "
                "If that process has ended, remove the file and call again"
            )
        if waited > _SAID_AFTER_S and not said:
            print(f"waiting for {path}: held by {holder(path) or 'somebody'}", file=sys.stderr)
            said = True
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_S)
    with lock:
        yield


def holder(path: Path) -> Holder | None:
    """Who holds the lock of a file, as it says; None: nobody, or it does not say yet."""
    for said in (path, _alone(path)):
        with contextlib.suppress(OSError, ValueError, TypeError):
            return Holder(**json.loads(said.read_text()))
    return None


def acquire(path: Path) -> contextlib.ExitStack | None:
    """The lock of the file at `path`, to be closed; None: another process has it."""
    with atomic.ours(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    with contextlib.ExitStack() as lock:
        lock.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return _made_alone(path)
        if not _is_at(descriptor, path):  # its last holder removed it meanwhile
            return None
        lock.callback(path.unlink, missing_ok=True)
        with atomic.ours(path):
            _sign(descriptor)
        return lock.pop_all()


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.write(descriptor, json.dumps(asdict(Holder.here())).encode())


def _alone(path: Path) -> Path:
    return path.with_name(f"{path.name}.alone")


def _made_alone(path: Path) -> contextlib.ExitStack | None:
    """A lock without the kernel's: a file beside `path` that one process at a time can make."""
    path.unlink(missing_ok=True)
    path, found = _alone(path), holder(path)
    if found is not None and found.is_dead():
        _remove(path, found)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return None
    _sign(descriptor)
    os.close(descriptor)
    lock = contextlib.ExitStack()
    lock.callback(path.unlink, missing_ok=True)
    return lock


def _remove(path: Path, dead: Holder) -> None:
    """Remove the file of a dead holder, and not that of one who took its place meanwhile."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        path.rename(aside)
        if holder(aside) != dead:
            aside.rename(path)
        aside.unlink(missing_ok=True)
