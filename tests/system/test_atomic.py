"""Files that are whole or absent: what is left after a failure, and by dead processes."""

import errno
import os
import socket
import subprocess
import sys

import pytest

from hpobench.system import atomic


def test_a_file_takes_the_place_of_another_as_a_whole(tmp_path):
    path = tmp_path / "plan.json"
    atomic.write_text(path, "old")
    atomic.write_text(path, "naïve \udce9")  # half a character, as odd file names have it
    assert path.read_bytes() == "naïve \\udce9".encode()
    assert os.listdir(tmp_path) == ["plan.json"]


def test_a_folder_appears_when_all_of_it_is_written(tmp_path):
    with atomic.draft(tmp_path / "part") as aside:
        aside.mkdir()
        (aside / "table").write_text("rows")
        assert not (tmp_path / "part").exists()
    assert (tmp_path / "part" / "table").read_text() == "rows"
    assert os.listdir(tmp_path) == ["part"]


def fail(path, error):
    """Half a folder is drafted, then something goes wrong."""
    with atomic.draft(path) as aside:
        aside.mkdir()
        (aside / "half").touch()
        raise error


def test_no_room_names_the_file_and_leaves_what_was_there(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text("old")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(
        atomic.StorageError, match=r"plan.json cannot be read or written \(No space left"
    ):
        fail(path, full)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["plan.json"]


def test_other_exceptions_pass_and_leave_no_draft(tmp_path):
    with pytest.raises(TypeError, match="not plain"):
        fail(tmp_path / "state", TypeError("not plain"))
    assert not os.listdir(tmp_path)


def test_strays_of_dead_processes_go_and_all_else_stays(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    host = socket.gethostname()
    strays = [f".draft {dead} {host} 0 a", f".draft {2**70} {host} 1 b"]
    others = [f".draft {os.getpid()} {host} 0 c", f".draft {dead} elsewhere.{host} 0 d", ".draft x"]
    for name in strays + others:
        (tmp_path / name).mkdir()
    atomic.remove_drafts(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(others)


def test_a_device_is_written_to_and_not_replaced():
    atomic.write_text(atomic.Path("/dev/null"), "words")
    assert atomic.Path("/dev/null").is_char_device()


def test_append_goes_on_after_a_short_write(tmp_path, monkeypatch):
    """The operating system may take a part of what it is given, and says how much."""
    real = os.write
    monkeypatch.setattr(atomic.os, "write", lambda where, content: real(where, content[:3]))
    with (tmp_path / "journal").open("wb") as file:
        atomic.append(file.fileno(), b"0123456789")
    assert (tmp_path / "journal").read_bytes() == b"0123456789"
