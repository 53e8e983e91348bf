"""Scores at a terminal hold what they hold elsewhere."""

import io

import numpy as np
import pandas as pd
from rich.console import Console

from hpobench.cli import main, scoring
from hpobench.results.verdicts import scores
from hpobench.system import terminal

ROW = {
    **{"task": "phoneme", "method": "asha", "final": 0.125, "final_sem": 0.0625},
    **{"anytime_log": 0.25, "anytime_linear": 0.5, "regret": 0.015625, "regret_sem": 0.1},
    **{"comparable": 0.125, "within_error": True, "all_seeds": 30, "seeds": 30, "failed": 0},
    **{"failures": np.nan, "skewed": False, "reference": "known"},
}
OTHER = ROW | {"method": "[red]", "comparable": 0.75, "final": 0.75, "within_error": False}


def test_a_terminal_shows_the_same_cells(monkeypatch, capsys):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, markup=False)
    table = pd.DataFrame([ROW, OTHER, ROW | {"task": "branin"}])
    monkeypatch.setattr(terminal, "console", lambda: console)
    scoring.print_table(table, ["a note"])
    assert capsys.readouterr().out == ""
    shown = screen.getvalue()
    listed = scores.listing(table, ["a note"])
    assert [task for task, _ in listed.tasks] == ["phoneme", "branin"]
    cells = [cell for _, lines in listed.tasks for line in lines for cell in line]
    for text in [listed.title, *scores.HEADER, *cells, "phoneme", "a note"]:
        assert text in shown
    assert "\x1b[32m" in shown  # the best is green


def test_names_do_not_steer_a_terminal(monkeypatch):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, markup=False)
    monkeypatch.setattr(terminal, "console", lambda: console)
    table = pd.DataFrame([ROW | {"method": "a\x1b]0;title\x07b"}])
    scoring.print_table(table, ["of \x1b[2Jc"])
    assert not any(words in screen.getvalue() for words in ("\x1b]0", "\x1b[2J"))
    assert "]0;title" in screen.getvalue()


def test_elsewhere_scores_are_plain(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "console", lambda: None)
    table = pd.DataFrame([ROW, OTHER])
    scoring.print_table(table, ["a note"])
    assert capsys.readouterr().out == scores.as_text(table, ["a note"]) + "\n"


CALL = [
    "run",
    "task=branin",
    "method=[random,sobol]",
    "seeds=2",
    "budget.trials=5",
    "n_jobs=1",
    "progress=false",
]


def test_scores_that_would_be_the_same_are_printed_again_without_reading(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    call = [*CALL, "name=mine"]
    assert main(call) == 0
    first = capsys.readouterr().out
    assert "branin" in first
    with monkeypatch.context() as patch:
        patch.setattr("hpobench.results.study.load.load", None)
        assert main(call) == 0
    assert capsys.readouterr().out == first
    assert main([*call, "seeds=3", "--extend"]) == 0  # other runs, other scores
    assert capsys.readouterr().out != first


def test_scores_of_runs_that_failed_are_made_anew_with_what_is_said_of_failures(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    call = [*CALL, "name=bad", "faults.crash=1"]
    main(call)
    first = capsys.readouterr()
    main(call)
    again = capsys.readouterr()
    assert "failed" in first.err
    assert again.out == first.out
    assert first.err.splitlines()[-1] == again.err.splitlines()[-1]
