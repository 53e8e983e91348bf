"""What tasks print is kept in logs of bounded size, and never on the terminal."""

import os
import subprocess
import sys

import pytest

from hpobench.system import output
from hpobench.system.output import HEAD_BYTES, TAIL_BYTES, aloud, kept_in

MOST = HEAD_BYTES + TAIL_BYTES + 200


def test_all_that_a_process_prints_is_kept(tmp_path, capfd):
    log = tmp_path / "logs" / "run.log"
    with kept_in(log, "== seed 0\n"):
        print("from Python \udcff")
        os.write(1, b"from C\n")
        subprocess.run(["echo", "from a program"], check=True)
        print("an error", file=sys.stderr)
        aloud("to the user")
    print("afterwards")
    assert log.read_text() == ("== seed 0\nfrom Python \\udcff\nfrom C\nfrom a program\nan error\n")
    assert capfd.readouterr() == ("afterwards\n", "to the user\n")


def test_nothing_printed_nothing_kept(tmp_path):
    log = tmp_path / "run.log"
    with kept_in(log, "== seed 0\n"):
        pass
    assert not log.exists()
    log.write_text("before\n")
    with kept_in(log, "== seed 1\n"):
        pass
    assert log.read_text() == "before\n"


def test_head_and_tail_are_kept(tmp_path):
    log = tmp_path / "run.log"
    for _ in range(2):
        with kept_in(log):
            for number in range(40):
                print(number, "x" * 100_000)
    text = log.read_text()
    assert text.startswith("0 xxx")
    assert text.endswith("xxx\n")
    assert len(text) == pytest.approx(2 * MOST, abs=400)  # each addition by itself


def test_a_whole_file_is_bounded_over_many_additions(tmp_path):
    log = tmp_path / "run.log"
    for number in range(20):
        with kept_in(log, f"== trial {number}\n", whole=True):
            print(number * 30_000)
            print("x" * 30_000)
    assert log.stat().st_size < MOST
    assert log.read_text().startswith("== trial 0\n")
    assert "== trial 19\n" in log.read_text()
    with kept_in(log, "== trial 20\n", whole=True):
        pass
    assert "== trial 20\n" not in log.read_text()


def test_a_log_is_short_while_it_is_written_to(tmp_path):
    log = tmp_path / "run.log"
    with kept_in(log):
        largest = 0
        for _ in range(300):
            os.write(1, b"x" * (1 << 20))
            largest = max(largest, log.stat().st_size)
    # 300 MB in all; how much lies there for a moment depends on the machine.
    assert largest < 250 << 20


def test_closed_output_is_given_back(tmp_path, capfd):
    with kept_in(tmp_path / "run.log"):
        sys.stdout.close()
        os.close(1)
        os.close(2)
        print("still there?")
    print("back")
    print("as well", file=sys.stderr)
    assert capfd.readouterr() == ("back\n", "as well\n")


def test_a_log_that_cannot_be_written_costs_its_content_alone(tmp_path, capfd):
    (tmp_path / "logs").write_text("a file")
    with kept_in(tmp_path / "logs" / "run.log"):
        print("lost")
    assert capfd.readouterr() == ("", "")


def test_who_debugs_has_the_terminal(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(sys, "breakpointhook", lambda: print("(Pdb)"))
    with kept_in(tmp_path / "run.log"):
        breakpoint()
    assert capfd.readouterr().out == "(Pdb)\n"
    assert output._held.acquire(blocking=False)
    output._held.release()
