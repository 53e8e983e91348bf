"""What users import from the package, from results and from plots."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import hpobench
from tests.studies import write_conf

PACKAGES = ["hpobench", "hpobench.results", "hpobench.plots"]


def for_type_checkers(package):
    """The names that the block for type checkers imports."""
    tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    return sorted(alias.asname or alias.name for node in block.body for alias in node.names)


@pytest.mark.parametrize("name", PACKAGES)
def test_each_name_is_there_and_type_checkers_and_completion_see_the_same(name):
    package = importlib.import_module(name)
    assert sorted(package.__all__) == for_type_checkers(package)
    assert set(package.__all__) <= set(dir(package))
    for each in package.__all__:
        assert not isinstance(getattr(package, each), type(sys)), each  # no folder of that name
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nothing'"):
        package.nothing  # noqa: B018


@pytest.mark.parametrize("name", PACKAGES)
def test_an_import_alone_loads_no_library(name):
    """Each takes a good part of a second; those who want one name do not pay for all."""
    libraries = ["numpy", "pandas", "pyarrow", "scipy", "sklearn", "matplotlib", "hydra", "joblib"]
    code = f"import sys, {name}; print([n for n in {libraries} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_names_of_folders_are_not_hidden_by_what_was_imported_before():
    """Rooms such as `loop` are attributes of the package once they are imported."""
    for room in ("loop.budget", "results.verdicts.verdict", "results.anytime.comparison"):
        importlib.import_module(f"hpobench.{room}")
    for package in map(importlib.import_module, PACKAGES):
        assert not any(isinstance(getattr(package, each), type(sys)) for each in package.__all__)


def test_a_study_is_run_from_python_as_by_the_command(tmp_path):
    """Three runs the first time, none the second; a study that differs is refused, as there."""
    settings = ["method=random", "task=bowl", "name=mine", f"runs_dir={tmp_path}/runs", "n_jobs=1"]
    conf = [write_conf(tmp_path / "conf")]
    study = hpobench.run_study(*settings, "seeds=3", conf=conf)
    assert study.runs["seed"].tolist() == [0, 1, 2]
    assert (study.runs["status"] == "ok").all()
    again = hpobench.run_study(*settings, "seeds=3", conf=conf)
    assert again.runs["cpu_s"].tolist() == study.runs["cpu_s"].tolist()
    with pytest.raises(ValueError, match="--extend"):
        hpobench.run_study(*settings, "seeds=4", conf=conf)
    assert len(hpobench.run_study(*settings, "seeds=4", conf=conf, extend=True).runs) == 4
    with pytest.raises(ValueError, match="Did you mean"):
        hpobench.run_study("method=randon")
