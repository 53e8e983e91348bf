"""Dotted paths: modules of one's own beside the YAML come first, and Python keeps its own."""

import code as standard
import inspect
import json
import os
import subprocess
import sys

import pytest

from hpobench.system import dotted
from hpobench.tasks.functions import FunctionTask


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of one's own that is looked into."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("HPOBENCH_CONF_FOLDERS", "[]")
    folder = tmp_path / "my study"
    folder.mkdir()
    dotted.set_folders([folder])
    return folder


@pytest.mark.parametrize("name", ["code", "test", "profile", "json"])
def test_modules_that_python_has_too(folder, name):
    (folder / f"{name}.py").write_text("def run(x):\n    return 10 * x\n")
    assert dotted.locate(f"{name}.run")(2) == 20
    assert dotted.locate(f"{name}.run") is dotted.locate(f"{name}.run")
    assert inspect.getsourcefile(dotted.locate(f"{name}.run")) == str(folder / f"{name}.py")
    task = FunctionTask(f"{name}.run", {"x": {"type": "float", "low": 0, "high": 1}})
    assert task.space.names == ("x",)
    assert sys.modules["code"] is standard
    assert sys.modules["json"] is json


def test_packages_that_python_has_too(folder):
    package = folder / "email"
    package.mkdir()
    (package / "__init__.py").write_text("from .inner import seven\n")
    (package / "inner.py").write_text("def seven():\n    return 7\n")
    (package / "other.py").write_text(
        "from . import inner\ndef eight():\n    return inner.seven() + 1\n"
    )
    assert dotted.locate("email.seven")() == 7
    assert dotted.locate("email.other.eight")() == 8


def test_other_modules_keep_their_name_and_import_each_other(folder):
    (folder / "beside_one.py").write_text("import beside_two\ndef f():\n    return beside_two.N\n")
    (folder / "beside_two.py").write_text("N = 5\n")
    assert dotted.locate("beside_one.f")() == 5
    assert dotted.locate("beside_one.f").__module__ == "beside_one"


def test_targets_of_ones_own(folder):
    (folder / "profile.py").write_text("class Task:\n    pass\n")
    config = {"_target_": "profile.Task", "inner": [{"_target_": "builtins.dict"}]}
    made = dotted.with_own_targets(config)
    assert made["_target_"] is dotted.locate("profile.Task")
    assert made["inner"] == config["inner"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("code.trian", ["code.py", "no 'trian'", "did you mean 'train'"]),
        ("nowhere.f", ["no module 'nowhere'", "nowhere.py"]),
        ("os.path.nothing", ["no 'nothing'"]),
        ("my-module.f", ["no dotted path"]),
        ("", ["no dotted path"]),
    ],
)
def test_what_is_missing_is_named(folder, path, words):
    (folder / "code.py").write_text("def train(x):\n    return x\n")
    with pytest.raises(ValueError, match=r"path|module|has no") as caught:
        dotted.locate(path)
    assert all(word in str(caught.value) for word in words)


def test_errors_of_the_module_itself_pass(folder):
    (folder / "code.py").write_text("import not_installed\n")
    with pytest.raises(ModuleNotFoundError, match="not_installed"):
        dotted.locate("code.f")


@pytest.mark.parametrize("ending", ["import os; os._exit(3)", "raise SystemExit(3)"])
def test_a_script_that_ends_when_it_is_imported_is_an_error(folder, ending):
    before = os._exit
    (folder / "script.py").write_text(f"def f(x):\n    return x\n\n{ending}\n")
    with pytest.raises(ImportError, match=r"script\.f: the module ends the program with status 3"):
        dotted.locate("script.f")
    assert os._exit is before


def test_workers_find_them(folder):
    for group in ("task", "study"):
        (folder / group).mkdir()
    (folder / "code.py").write_text("def f(x):\n    return x\n")
    (folder / "task" / "own.yaml").write_text(
        "_target_: hpobench.tasks.functions.FunctionTask\nfunction: code.f\n"
        "space: {x: {type: float, low: 1, high: 2}}\nbudget: {trials: 5}\n"
    )
    command = [sys.executable, "-m", "hpobench.cli", "run", "task=own", "--conf", str(folder)]
    settings = ["method=random", "n_jobs=2", "seeds=4", "part_runs=1", "progress=false"]
    for clock in (["clock=simulated"], ["clock=real", "workers=2", "oversubscribe=true"]):
        name = f"name={clock[0][6:]}"
        done = subprocess.run(
            [*command, *settings, *clock, name], capture_output=True, text=True, cwd=folder
        )
        assert done.returncode == 0, done.stderr
        assert "failed" not in done.stderr
