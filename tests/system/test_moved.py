"""Modules that have moved: old paths in settings are understood, and stored studies stay done."""

import importlib
import sys
from types import ModuleType

import pytest
import yaml

import hpobench
from hpobench.cli import main
from hpobench.methods.models.gp import kernels
from hpobench.study import compose
from hpobench.system import moved
from hpobench.system.dotted import locate
from tests.studies import execute, plan, write_conf
from tests.tiny import ScriptedTask

OLD, NEW = "hpobench.somewhere", "hpobench.elsewhere"


@pytest.mark.parametrize("old", moved.MOVED)
def test_modules_of_the_table_are_at_their_new_places_only(old):
    importlib.import_module(moved.MOVED[old])
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(old)


def test_identities_of_different_names_differ():
    assert len(set(moved.MOVED.values())) == len(moved.MOVED)
    assert not set(moved.MOVED) & set(moved.MOVED.values())


def test_an_old_path_is_looked_up_at_its_new_place_with_a_note():
    old = "hpobench.methods.searchers.kernels.Matern52"
    with pytest.warns(UserWarning, match="is now called .*models.gp.kernels.Mat"):
        assert locate(old) is kernels.Matern52


def test_only_whole_names_of_modules_are_replaced():
    settings = {
        "a": ["hpobench.methods.searchers.kernelstone", "my.hpobench.hyperparameters", 3, None],
        "hpobench.hyperparameters": "hpobench.hyperparameters",
    }
    new, notes = moved.renamed(settings)
    assert new == settings | {"hpobench.hyperparameters": "hpobench.space.hyperparameters"}
    assert len(notes) == 1
    assert moved.identity(new) == moved.identity(settings) == settings


def module(monkeypatch, name):
    """A module of the package with a task in it."""
    made = ModuleType(name)
    made.Tiny = type("Tiny", (ScriptedTask,), {"__module__": name})
    monkeypatch.setitem(sys.modules, name, made)
    monkeypatch.setattr(hpobench, name.partition(".")[2], made, raising=False)


def test_a_study_that_is_stored_counts_as_done_after_a_move(tmp_path, monkeypatch, capsys):
    write_conf(tmp_path / "conf")
    file = tmp_path / "conf" / "task" / "tiny.yaml"
    settings = ("task=tiny", "method=random", "seeds=2", "budget.trials=2")

    def spell(name):
        task = {"_target_": f"{name}.Tiny", "costs": [1, 2], "budget": {"trials": 2}}
        file.write_text(yaml.safe_dump(task))

    with monkeypatch.context() as before:
        module(before, OLD)
        spell(OLD)
        assert execute(plan(tmp_path, *settings)) == 2
    module(monkeypatch, NEW)
    monkeypatch.setitem(moved.MOVED, OLD, NEW)
    for name in (OLD, NEW):
        spell(name)
        again = plan(tmp_path, *settings)
        assert again.pending() == []
        assert again.change().kind == "continues"
    spell(OLD)
    (note,) = compose.load(settings, [tmp_path / "conf"]).notes
    assert note == f"{OLD}.Tiny is now called {NEW}.Tiny; the old name is understood"
    runs = (f"runs_dir={tmp_path}/runs", "name=study", "progress=false")
    assert main(["run", *settings, *runs, "--conf", str(tmp_path / "conf")]) == 0
    assert capsys.readouterr().err.count("is now called") == 1
