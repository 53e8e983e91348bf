"""What standard output and error are costs no command, and nothing printed steers a terminal."""

import io
import os
import subprocess
import sys
import time

import pytest

from hpobench import shown
from hpobench.shown import harmless
from hpobench.system import terminal
from hpobench.system.terminal import Stream
from tests.rooms import ROOT
from tests.studies import write_conf

COMMAND = f"{sys.executable} -m hpobench.cli"


def shell(line, folder=None, **environment):
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        capture_output=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, tab\tand\nline", "plain, tab\tand\nline"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("loss\rwin", r"loss\rwin"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\x9b2J", r"\x9b2J"),
        ("Größe ± 1 模型", "Größe ± 1 模型"),
    ],
)
def test_what_would_steer_a_terminal_is_written_out(text, shown):
    assert harmless(text) == shown


def test_text_of_others_stays_text_in_any_medium():
    # Written by hand: what each medium would otherwise take for markup has its own escape.
    odd = "a_b\n\\input{x}\u202e\x07"
    assert shown.one_line(odd) == "a_b \\input{x}"
    assert shown.in_markdown(odd) == r"a\_b \\input\{x\}"
    assert shown.in_latex(odd) == r"a\_b \textbackslash{}input\{x\}"


def test_a_stream_that_is_full_swallows_what_comes_and_says_so_once():
    with open("/dev/full", "w") as full:
        stream = Stream(full)
        stream.write("something")
        stream.flush()
        stream.write("more")
        stream.flush()
    assert "No space left" in str(stream.failure)


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_what_is_made_is_said_in_a_line_that_goes_away(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(terminal, "_REDRAWN_S", 0.01)
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", Stream(screen))
    with terminal.working("figures of mine"):
        terminal.step("anytime")
        until = time.monotonic() + 5
        while "figures of mine: anytime 0 s" not in screen.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
        terminal.step("rank")
        sys.stderr.write("a note\n")
    shown = screen.getvalue()
    assert "\rfigures of mine: anytime 0 s" in shown
    before, note, after = shown.partition("a note\n")
    assert note
    assert before.endswith(" \r")  # nothing is left of the line where the note stands
    assert after in ("", "\r\r") or after.endswith(" \r")


def test_nothing_is_said_where_nobody_looks(monkeypatch):
    monkeypatch.setattr(terminal, "_REDRAWN_S", 0.01)
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", Stream(pipe))
    with terminal.working("figures of mine"):
        time.sleep(0.05)
    assert pipe.getvalue() == ""


def test_no_output_costs_an_exit_status():
    assert shell(f"{COMMAND} list method | head -1").returncode == 0
    done = shell(f"{COMMAND} list method > /dev/full")
    assert done.returncode == 1  # the list is all that was wanted
    assert done.stderr == (
        b"hpobench: standard output could not be written: No space left on device\n"
    )
    assert shell(f"{COMMAND} list nothing 2> /dev/full").returncode == 2


@pytest.mark.parametrize("how", ["> /dev/full 2>&1", ">&- 2>&-", "2>&1 | true"])
def test_no_output_costs_a_run(tmp_path, how):
    write_conf(tmp_path / "conf")
    line = f"{COMMAND} run task=bowl method=random seeds=2 n_jobs=1 name=mine --conf conf {how}"
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert shell(line, tmp_path, **ascii_only).returncode == 0
    assert len(list((tmp_path / "runs" / "mine" / "parts").iterdir())) == 1


def test_what_is_known_of_a_study_is_said_in_one_line_whatever_is_ignored(tmp_path):
    write_conf(tmp_path / "conf")
    call = f"{COMMAND} run task=bowl method=random seeds=2 n_jobs=1 progress=false --conf conf"
    assert shell(call, tmp_path).returncode == 0
    (tmp_path / "runs" / "default" / "manifest.json").write_text("{")
    (tmp_path / "runs" / "default" / "parts" / "notes").mkdir()
    said = shell(f"{COMMAND} report default", tmp_path, PYTHONWARNINGS="ignore").stderr.decode()
    foreign, damaged = sorted(said.splitlines())
    assert foreign.startswith("hpobench: left out: ")
    assert foreign.endswith("parts/notes: it is no part of a study (move it elsewhere)")
    assert damaged.startswith("hpobench: ")
    assert damaged.endswith("what it said is lost")
