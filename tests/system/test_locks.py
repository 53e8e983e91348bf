"""Locks: one holder at a time, named to those who wait, free when it dies; also without flock."""

import errno
import fcntl
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from hpobench.system import locks

HOLDS = """
import sys, time
from pathlib import Path
from hpobench.system import locks
with locks.locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["flock", "none"])
def path(request, tmp_path, monkeypatch):
    """A lock's file, on a file system with the kernel's locks and on one without."""

    def refuse(descriptor, how):
        raise OSError(errno.ENOLCK, "no locks available")

    if request.param == "none":
        monkeypatch.setattr(fcntl, "flock", refuse)
    return tmp_path / ".lock"


def test_one_at_a_time_and_nothing_is_left(path):
    with locks.locked(path):
        assert locks.acquire(path) is None
        assert locks.holder(path).pid == os.getpid()
        with pytest.raises(TimeoutError, match=f"held by process {os.getpid()} on .*remove the"):
            locks.locked(path, patience_s=0.05).__enter__()
    with locks.locked(path):
        pass
    assert list(path.parent.iterdir()) == []


def test_an_error_frees_the_lock(path):
    with pytest.raises(ZeroDivisionError), locks.locked(path):
        1 / 0  # noqa: B018
    with locks.locked(path, patience_s=0):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    path = tmp_path / ".lock"
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE)
    with process:
        process.stdout.readline()
        assert locks.acquire(path) is None
        assert locks.holder(path).pid == process.pid
        process.kill()
    with locks.locked(path, patience_s=5):
        assert locks.holder(path).pid == os.getpid()


@pytest.mark.parametrize("path", ["none"], indirect=True)
def test_a_file_that_stands_for_a_lock_is_taken_over_from_the_dead_only(path):
    here = locks.Holder.here()
    alone = path.with_name(".lock.alone")
    # A number that is used again belongs to a process that began at another time.
    for dead in (replace(here, pid=2**22 + 1), replace(here, began="1")):
        alone.write_text(json.dumps(asdict(dead)))
        with locks.locked(path, patience_s=1):
            assert locks.holder(path) == locks.Holder(**json.loads(alone.read_text()))
    for alive in (here, replace(here, host="elsewhere", pid=2**22 + 1)):
        alone.write_text(json.dumps(asdict(alive)))
        assert locks.acquire(path) is None
