"""Bundles: written, checked, and run again; no code of others runs untrusted."""

import contextlib
import json
import shutil
import sys
import zipfile

import pytest
import yaml

import hpobench
from hpobench.api import bundle, reproduce
from hpobench.cli import main
from hpobench.results import load
from hpobench.results.verdicts.agreement import agreements
from hpobench.system import dotted
from hpobench.system.terminal import Notice

OWN = "def error(x, seed=None):\n    open('ran', 'a').write('x')\n    return {what} * x\n"
TASK = {
    "about": {"label": "own"},
    "budget": {"trials": 4},
    "_target_": "hpobench.tasks.functions.FunctionTask",
    "function": "bundled_own.error",
    "noise": "none",
    "space": {"x": {"type": "float", "low": 0.0, "high": 1.0}},
}


@pytest.fixture(scope="module")
def bundled(tmp_path_factory):
    """A study of a function of the user's, bundled; its folder of code is gone."""
    folder = tmp_path_factory.mktemp("bundled")
    (folder / "conf" / "task").mkdir(parents=True)
    (folder / "conf" / "bundled_own.py").write_text(OWN.format(what=2))
    (folder / "conf" / "task" / "own.yaml").write_text(yaml.safe_dump(TASK))
    settings = ["task=own", "method=random", "seeds=4", "name=mine", "n_jobs=1", "progress=false"]
    with contextlib.chdir(folder):
        assert main(["run", "--conf", "conf", *settings]) == 0
        assert main(["bundle", "mine", "--conf", "conf"]) == 0
    shutil.move(folder / "conf", folder / "gone")
    (folder / "ran").unlink()
    return folder


@pytest.fixture
def here(bundled, tmp_path, monkeypatch):
    """A copy of it."""
    monkeypatch.chdir(shutil.copytree(bundled, tmp_path / "here"))
    return tmp_path / "here"


def test_a_bundle_is_complete_and_runs_again_to_the_bit(here, capsys):
    names = zipfile.ZipFile("mine-bundle.zip").namelist()
    wanted = ["CHECKLIST.md", "report.html", "tables.tex", "study/study.json", "scores.csv"]
    wanted += ["figures/anytime.png", "code/bundled_own.py", "requirements.lock"]
    assert {*wanted} <= {*names}
    text = zipfile.ZipFile("mine-bundle.zip").read("CHECKLIST.md").decode()
    assert "- [ ] Are there at least 10 seeds of each method on each task? 4 seeds." in text
    assert "- [x] Is random search among the methods?" in text
    capsys.readouterr()
    assert main(["reproduce", "mine-bundle.zip"]) == 1
    said = capsys.readouterr()
    assert "it would run code that is not of this package: bundled_own.error" in said.out
    assert not (here / "ran").exists()
    call = ["reproduce", "mine-bundle.zip", "--trust", "n_jobs=1", "progress=false"]
    assert main(call) == 0
    assert capsys.readouterr().out == "own random: 4 runs agree to the bit\n"
    assert (here / "ran").exists()
    assert list(load("runs/mine-again").methods) == ["random"]
    assert main([*call, "seeds=3"]) == 2
    assert "only how may be chosen" in capsys.readouterr().err


def test_a_bundle_replaces_a_bundle_and_says_so_and_nothing_else(here, capsys):
    output = here / "other.zip"
    shutil.copy("mine-bundle.zip", output)
    assert main(["bundle", "mine", "--conf", "gone", "--output", "other.zip"]) == 0
    assert "other.zip: the bundle that was there is replaced" in capsys.readouterr().err
    output.write_bytes(b"PK of somebody")
    for path, words in (("other.zip", "was not written by this command"), ("-", "name a file")):
        assert main(["bundle", "mine", "--conf", "gone", "--output", path]) == 2
        assert words in capsys.readouterr().err


def test_a_folder_is_run_again_and_what_differs_is_said(here, capsys):
    """The code returns 200 x instead of 2 x: all final values are a hundred times as large."""
    shutil.move(here / "gone", here / "conf")
    (here / "conf" / "bundled_own.py").write_text(OWN.format(place=here, what=200))
    import sys

    for name in [name for name in sys.modules if name.endswith("bundled_own")]:
        del sys.modules[name]
    from hpobench.study import build

    build._task.cache_clear()
    call = ["reproduce", "runs/mine", "--conf", "conf", "n_jobs=1", "progress=false"]
    main([*call, "--seeds", "3"])
    said = capsys.readouterr().out
    assert "own random: 3 runs differ, too few to compare in law" in said
    assert "the user's code of own random is another" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"code/bundled_own.py": b"import os"}, "is not as it was written"),
        ({"study/more": b"x"}, "is not what its index lists"),
        ({"bundle.json": b"{}"}, "of another format"),
    ],
)
def test_a_bundle_that_was_changed_is_refused(here, capsys, change, words):
    with zipfile.ZipFile("mine-bundle.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()} | change
    with zipfile.ZipFile("other.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    assert main(["reproduce", "other.zip", "--trust"]) == 2
    assert words in capsys.readouterr().err
    assert not (here / "ran").exists()


def test_code_and_tables_that_are_not_found_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HPOBENCH_CONF_FOLDERS", "[]")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    own = {"_target_": TASK["_target_"], "function": "no_such_module.error"}
    with pytest.raises(ValueError, match=r"lack no_such_module.error, .* --conf DIR"):
        bundle.code_of({"tasks": {"own": own}})
    task = {"_target_": "hpobench.tasks.recorded_table.recorded", "table": "mine.parquet"}
    with pytest.raises(ValueError, match=r"would lack mine.parquet: give --conf DIR"):
        bundle.code_of({"tasks": {"own": task}})
    (tmp_path / "conf" / "task").mkdir(parents=True)
    (tmp_path / "conf" / "task" / "mine.parquet").write_bytes(b"x")
    dotted.set_folders([tmp_path / "conf"])
    found = {"task/mine.parquet": tmp_path / "conf" / "task" / "mine.parquet"}
    assert bundle.code_of({"tasks": {"own": task}}) == found
    absolute = task | {"table": str(tmp_path / "conf" / "task" / "mine.parquet")}
    with pytest.warns(Notice, match="found here only"):
        assert bundle.code_of({"tasks": {"own": absolute}}) == {}
    category = {"space": {"x": {"type": "categorical", "values": ["a.csv", "no.such.module"]}}}
    assert bundle.code_of({"tasks": {"own": category}}) == {}


def test_no_file_is_unpacked_outside(tmp_path):
    import hashlib

    for number, name in enumerate(["../evil", "/tmp/evil", "a/../../evil", "..\\evil"]):
        path = tmp_path / f"{number}.zip"
        index = {"format": 1, "files": {name: hashlib.sha256(b"x").hexdigest()}}
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("bundle.json", json.dumps(index))
            archive.writestr(name, b"x")
        with pytest.raises(bundle.BundleError, match=r"outside of the folder|not what its index"):
            bundle.unpack(path, tmp_path / "into")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"tasks": {"t": {"_target_": "os.system"}}},
        {"tasks": {"t": {"_target_": "hpobench.system.processes.os.system"}}},
        {"methods": {"m": {"peer": {"command": ["sh", "-c", "evil"]}}}},
        {"engine": "own.engine"},
        {"engine_settings": {"_target_": "subprocess.run"}},
    ],
)
def test_code_that_no_shipped_setting_names_is_strange(settings):
    assert bundle.strange(settings)


def test_settings_that_are_shipped_are_not_strange():
    from hpobench.study import compose

    composed = compose.load(["study=default"])
    assert bundle.strange(composed.settings) == []


def test_code_of_a_notebook_cannot_be_bundled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = hpobench.task(lambda x: x, {"x": {"type": "float", "low": 0, "high": 1}})
    study = hpobench.run(
        methods="random", tasks={"mine": task}, seeds=1, n_jobs=1, progress=False,
        budget={"trials": 2},
    )  # fmt: skip
    with pytest.raises(ValueError, match="put them into a module"):
        bundle.write(study.folder, tmp_path / "b.zip")


def test_agreement_in_law(synthetic):
    """Final values of 0..9 against the same in another order, and against 100..109."""
    import numpy as np

    def study(values):
        rows = [
            {"seed": seed, "value": float(value), "time_s": 1.0}
            for seed, value in enumerate(values)
        ]
        return synthetic.hand_made(rows)

    one, other, far = study(range(10)), study(np.arange(10)[::-1]), study(range(100, 110))
    assert [each.how for each in agreements(one, one)] == ["bit"]
    assert [each.how for each in agreements(one, other)] == ["law"]
    assert [each.how for each in agreements(one, far)] == ["differs"]


def test_the_command_that_an_environment_runs_is_this_one(tmp_path, monkeypatch):
    """However it was spelled: an abbreviated --env went through and would have come back."""
    monkeypatch.chdir(tmp_path)
    settings = ["task=branin", "method=random", "seeds=2", "name=mine", "budget.trials=3"]
    assert main(["run", *settings, "n_jobs=1", "progress=false"]) == 0
    assert main(["bundle", "mine"]) == 0
    called = []

    def in_environment(words, lock, folder, say):
        called.append((words, lock.name, folder.name))
        return 0

    monkeypatch.setattr(reproduce, "in_environment", in_environment)
    assert main(["reproduce", "mine-bundle.zip", "--env", "--seeds", "1", "n_jobs=1"]) == 0
    words = ["reproduce", "mine-bundle.zip", "n_jobs=1", "--runs-dir", "runs", "--seeds", "1"]
    assert called == [(words, "requirements.lock", "environment")]
