"""`hpobench plan`: what a difference needs, from a study that is there."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hpobench.cli.parser import main
from hpobench.results import incumbents, references
from hpobench.results.text.decision_words import planned
from hpobench.results.verdicts.planning import COLUMNS, Needs, needs
from tests.results.synthetic import random_study
from tests.studies import execute, plan


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    settings = ("task=bowl", "method=[random,sobol]", "budget.trials=5", "name=pilot")
    execute(plan(folder, *settings, "seeds=4"))
    execute(plan(folder, *settings[:3], "name=one", "seeds=1"))
    return folder / "runs"


def test_a_table_of_pairs(runs, capsys):
    assert main(["plan", "pilot", "--runs-dir", str(runs), "--detect", "0.05"]) == 0
    said = capsys.readouterr().out
    assert "a difference of 0.05 in normalised regret with a power of 80 %" in said
    assert "bowl (4 seeds so far):" in said
    assert "Random - Sobol" in said


@pytest.mark.parametrize("wrong", ["0", "2", "nan", "few"])
def test_what_is_no_difference_is_refused(runs, capsys, wrong):
    with pytest.raises(SystemExit):
        main(["plan", "pilot", "--runs-dir", str(runs), "--detect", wrong])
    assert "use a number between 0 and 1" in capsys.readouterr().err


def test_one_seed_is_no_pilot(runs, capsys):
    assert main(["plan", "one", "--runs-dir", str(runs), "--detect", "0.05"]) == 2
    assert "no two methods have 2 runs of the same seeds" in capsys.readouterr().err


def test_of_many_pairs_those_with_the_best_are_shown():
    """Eleven methods have 55 pairs, ten of them with the best, and 4 s are no 0.00111 h."""
    names = [f"method_{number}" for number in range(11)]
    rows = [
        ("t", one, two, float(names.index(one) - names.index(two)), 0.1, 20, 30, 4 / 3600, 60, 2.5)
        for one, two in combinations(names, 2)
    ]
    facts = {name: SimpleNamespace(label=name.replace("_", " ")) for name in names}
    made = Needs(0.05, 0.8, 0.05, pd.DataFrame(rows, columns=list(COLUMNS)))
    lines = list(planned(made, facts))
    assert "  Of 55 pairs those with the best so far, method 0." in lines
    shown = [line for line in lines if line.startswith("  method")]
    assert len(shown) == 10
    assert " ".join(shown[0].split()) == "method 0 - method 1 -1 0.1 30 4 s 60 2.5 h"


def test_numbers_of_a_plan():
    study = random_study(tasks=2, methods=3, seeds=20)
    found = incumbents(study)
    made = needs(found, references(study, found.views), 0.02)
    assert len(made.pairs) == 3
    assert (made.pairs["seeds_of_all"] >= made.pairs["seeds"]).all()
    assert (made.pairs["pilot"] == 20).all()
    # Each run took 0.1 CPU seconds or what the table says: two methods on two tasks a seed.
    cpu = study.runs.groupby(["task", "method"], observed=True)["cpu_s"].mean()
    first = made.pairs.iloc[0]
    a_seed = sum(cpu[task, name] for task in study.tasks for name in first[["method", "other"]])
    assert first["cpu_hours"] == pytest.approx(first["seeds"] * a_seed / 3600)
    # Twice the difference needs about a quarter of the seeds.
    twice = needs(found, references(study, found.views), 0.04)
    ratio = made.pairs["seeds"] / twice.pairs["seeds"]
    assert np.allclose(ratio, 4, rtol=0.35)
    each = needs(found, references(study, found.views), 0.02, each=True)
    assert each.pairs["tasks"].tolist() == [name for name in study.tasks for _ in range(3)]
    assert isinstance(each.pairs, pd.DataFrame)
