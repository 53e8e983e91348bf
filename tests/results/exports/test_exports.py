"""A study in the formats of other tools, read back by the imports of the same."""

import csv

import numpy as np
import pandas as pd
import pytest

from hpobench.cli import main
from hpobench.results import load
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.foreign import from_coco, from_csv, from_optuna


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    words = ["method=[random,asha]", "task=[curves_stable,branin]", "seeds=2", "workers=2"]
    words += ["budget.trials=12", f"runs_dir={folder}", "n_jobs=1", "progress=false", "name=mine"]
    assert main(["run", *words]) == 0
    return folder


def exported(runs_dir, path, kind):
    assert main(["export", str(runs_dir / "mine"), "--format", kind, "--output", str(path)]) == 0
    return path


def finals(study):
    """Of each run the least value that was observed, whatever the resource."""
    rows = study.observations
    return rows.groupby(["task", "method", "seed"], observed=True)["value"].min().to_dict()


def test_csv(runs_dir, tmp_path, capsys):
    file = exported(runs_dir, tmp_path / "all.csv", "csv")
    mine = load(runs_dir / "mine")
    table = pd.read_csv(file)
    assert len(table) == len(mine.observations)
    again = from_csv(file, mode="min", comparable=True)
    assert finals(again) == finals(mine)
    found, theirs = incumbents(mine, view="observed"), incumbents(again)
    np.testing.assert_allclose(theirs.time_s, found.time_s)
    assert main(["export", str(runs_dir / "mine"), "--format", "csv", "--output", "-"]) == 0
    header = next(csv.reader(capsys.readouterr().out.splitlines()[1:]))
    assert header[:4] == ["task", "method", "seed", "trial"]


@pytest.mark.parametrize("name", ["all.db", "all.journal"])
def test_optuna(runs_dir, tmp_path, name):
    optuna = pytest.importorskip("optuna")
    file = exported(runs_dir, tmp_path / name, "optuna")
    mine = load(runs_dir / "mine")
    again = from_optuna(file, comparable=True)
    assert finals(again) == pytest.approx(finals(mine))
    assert again.runs["trials"].tolist() == mine.runs["trials"].tolist()
    if name == "all.db":
        study = optuna.load_study(study_name="branin-random-0", storage=f"sqlite:///{file}")
        assert study.best_value == pytest.approx(finals(mine)["branin", "random", 0])
        for method, state in (("asha", "PRUNED"), ("random", "COMPLETE")):
            name = f"curves_stable-{method}-0"
            study = optuna.load_study(study_name=name, storage=f"sqlite:///{file}")
            assert state in {trial.state.name for trial in study.trials}


def test_ioh(runs_dir, tmp_path):
    folder = exported(runs_dir, tmp_path / "ioh", "ioh")
    mine = load(runs_dir / "mine")
    again = from_coco(folder, runs="{method}")
    assert set(again.methods) == {"random", "asha"}
    values = sorted(finals(again).values())
    np.testing.assert_allclose(values, sorted(finals(mine).values()), rtol=1e-8)


def test_what_is_asked_wrongly(runs_dir, tmp_path, capsys):
    study = str(runs_dir / "mine")
    (tmp_path / "there.db").write_text("")
    for words, told in (
        (["--format", "optuna"], "add --output PATH"),
        (["--format", "optuna", "--output", str(tmp_path / "there.db")], "is there already"),
        (["--format", "csv", "--view", "test"], "holds all values"),
        (["--format", "ioh", "--output", str(tmp_path)], "is there already"),
    ):
        assert main(["export", study, *words]) == 2
        assert told in capsys.readouterr().err
