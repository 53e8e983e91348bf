"""The user's own code in fingerprints: which files count, and what happens when they change."""

import importlib
import sys
from dataclasses import replace
from types import ModuleType

import pytest
import yaml

from hpobench.cli import main
from hpobench.results import load
from hpobench.study import build, catalogue, simulated, sources
from hpobench.study.overrides import ConfigError
from hpobench.system import dotted
from tests.studies import plan

FUNCTION = {"_target_": "hpobench.tasks.functions.FunctionTask", "function": "own_a.error"}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder of modules: a imports b within a function, and a package whose pieces import."""
    files = {
        "own_a.py": "def error(x):\n    from own_b import value\n    return value(x)\n",
        "own_b.py": "import numpy, own_p.deep.leaf\nvalue = abs\n",
        "own_p/__init__.py": "",
        "own_p/deep/__init__.py": "from ..side import thing\n",
        "own_p/deep/leaf.py": "",
        "own_p/side.py": "import importlib\nthing = importlib.import_module('own_c')\n",
        "own_c.py": "__import__('own_d'); __import__('.own'); __import__(thing)\n",
        "own_d.py": "",
        "own_p/unused.py": "",
        "unused.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(("own_", "code"))]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("own_a.py", True),
        ("own_b.py", True),
        ("own_p/__init__.py", True),
        ("own_p/deep/__init__.py", True),
        ("own_p/deep/leaf.py", True),
        ("own_p/side.py", True),
        ("own_c.py", True),
        ("own_d.py", True),
        ("own_p/unused.py", False),
        ("unused.py", False),
    ],
)
def test_the_files_that_a_function_imports_count(own, file, counts):
    before = sources.digest(FUNCTION)
    assert before == sources.digest({"deep": [{"er": "own_a.error"}]})
    with (own / file).open("a") as source:
        source.write("# changed\n")
    assert (sources.digest(FUNCTION) != before) == counts
    assert not {"own_a", "own_b", "own_p"} & set(sys.modules)  # looked at, not run


def test_line_ends_and_the_place_of_a_folder_count_for_nothing(own, tmp_path_factory, monkeypatch):
    before = sources.digest(FUNCTION)
    side = own / "own_p" / "side.py"
    side.write_bytes(side.read_bytes().replace(b"\n", b"\r\n"))
    assert sources.digest(FUNCTION) == before
    moved = own.rename(tmp_path_factory.mktemp("moved") / "here")
    monkeypatch.syspath_prepend(str(moved))
    assert sources.digest(FUNCTION) == before


def test_nothing_of_conf_has_code_of_the_users():
    for group in ("task", "method"):
        for name in catalogue.names(group):
            assert sources.digest(catalogue.read(group, name)) == "", name


@pytest.mark.parametrize("path", ["math.sqrt", "builtins.abs", "scipy.stats.uniform", "no.module"])
def test_what_is_installed_has_no_code_of_the_users(path):
    assert sources.digest({"function": path}) == ""
    assert sources.unread({"function": path}) == []


def test_what_has_no_file_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "typed_in", ModuleType("typed_in"))
    assert sources.digest({"function": "typed_in.f"}) == ""
    assert sources.unread({"function": "typed_in.f"}) == ["typed_in"]


def test_the_script_of_a_peer_counts(tmp_path):
    script = tmp_path / "mine.R"
    script.write_text("1")
    config = {"peer": {"command": ["Rscript", str(script), "--fast"]}}
    before = sources.digest(config)
    script.write_text("2")
    assert before != sources.digest(config) != ""


def test_of_a_loaded_module_counts_what_was_loaded(own):
    module = importlib.import_module("own_a")
    before = sources.digest(FUNCTION)
    (own / "own_a.py").write_text("def error(x):\n    return x\n")
    assert sources.digest(FUNCTION) == before
    changed = sources.digest(FUNCTION, on_disk=True)
    assert changed != before
    importlib.reload(module)
    assert sources.digest(FUNCTION) == changed


def test_code_that_differs_from_the_plan_is_not_run(tmp_path):
    study = plan(tmp_path, "task=bowl", "method=[random,broken]", "seeds=1")
    random, broken = study.pending()
    assert random.pair.task_code  # tests.studies is nobody's but ours
    assert not random.pair.method_code
    assert broken.pair.method_code
    for pair in (replace(random.pair, task_code="0"), replace(broken.pair, method_code="0")):
        with pytest.raises(ConfigError, match="was changed while the study ran"):
            simulated.run_chunk(replace(random, pair=pair), study.folder)
    assert not list((study.folder / "parts").iterdir())


def test_a_changed_function_is_run_anew_or_refused(own, monkeypatch, capsys):
    monkeypatch.chdir(own)
    monkeypatch.setenv(dotted._VARIABLE, "[]")
    space = {"x": {"type": "float", "low": 0, "high": 1}}
    task = {**FUNCTION, "function": "code.error", "space": space, "budget": {"trials": 5}}
    (own / "conf" / "task").mkdir(parents=True)
    (own / "conf" / "task" / "mine.yaml").write_text(yaml.safe_dump(task))

    def call(*settings):
        build._task.cache_clear()
        for name in [name for name in sys.modules if name.endswith("_code")]:
            monkeypatch.delitem(sys.modules, name)
        fast = ["task=mine", "method=random", "n_jobs=1", "progress=false", "name=mine"]
        return main(["run", *fast, "--conf", "conf", *settings])

    file = own / "conf" / "code.py"
    file.write_text("def error(x):\n    return x\n")
    assert call("seeds=2") == 0
    file.write_text("def error(x):\n    return 100 + x\n")
    capsys.readouterr()
    assert call("seeds=3", "--extend") == 2
    assert "hides random on mine, seeds 0 to 1 (the code of task mine has changed)" in (
        capsys.readouterr().err
    )
    assert call("seeds=3", "--replace") == 0
    assert "stored already" not in capsys.readouterr().err
    from hpobench.results import load

    assert (load("runs/mine").observations["value"] > 99).all()


@pytest.mark.parametrize("number", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_studies_of_one_program_each_find_the_code_of_their_own_folder(tmp_path, number):
    # Processes that ran the first study look for modules in the folder of the first.
    for value in (1, 2):
        folder = tmp_path / str(value)
        (folder / "method").mkdir(parents=True)
        (folder / "task").mkdir()
        (folder / "twice.py").write_text(
            "from hpobench.methods.searchers.random_search import RandomSearch\n"
            f"class Mine(RandomSearch):\n    pass\n\ndef error(x):\n    return {value}\n"
        )
        settings = catalogue.read("method", "random")
        settings["searcher"]["_target_"] = "twice.Mine"
        (folder / "method" / "twice.yaml").write_text(yaml.safe_dump(settings))
        task = FUNCTION | {"function": "twice.error", "cost_s": 1.0}
        task["space"] = {"x": {"type": "float", "low": 0, "high": 1}}
        (folder / "task" / "constant.yaml").write_text(yaml.safe_dump(task))
        call = ["run", "--conf", str(folder), f"runs_dir={tmp_path}/runs", f"name=of_{value}"]
        call += ["task=constant", "method=twice", "seeds=2", "budget.trials=2"]
        assert main([*call, f"n_jobs={number}", "progress=false"]) == 0
        study = load(tmp_path / "runs" / f"of_{value}")
        assert set(study.observations["value"]) == {value}
