"""What those expect of the command line who know Hydra, and what they are refused."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from hpobench.cli import main
from hpobench.cli.habits import completed
from hpobench.results import load
from hpobench.system import package
from tests.studies import write_conf

FAST = ["progress=false", "n_jobs=1", "budget.trials=4"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    write_conf(tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def composed(capsys, *words):
    """The settings that a call prints under --cfg."""
    assert main(["run", *words, "--cfg", "job", "--config-dir", "conf"]) == 0
    return yaml.safe_load(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("random,asha", {"random", "asha"}),
        ("[random,asha]", {"random", "asha"}),
        ("['random', \"asha\"]", {"random", "asha"}),
        ("choice(random,asha)", {"random", "asha"}),
        ("glob(random_p*)", {"random_prior"}),
        ("glob([asha*,sobol],exclude=asha_*)", {"asha", "sobol"}),
        ("asha_t*,sobol", {"asha_tpe", "sobol"}),
    ],
)
def test_several_methods(here, capsys, method, names):
    assert set(composed(capsys, f"method={method}", "task=bowl", "-m")["methods"]) == names
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("seeds", "numbers"),
    [
        ("range(0,3)", [0, 1, 2]),
        ("0,2", [0, 2]),
        ("choice(4,5)", [4, 5]),
        ("range(0,6,2)", [0, 2, 4]),
    ],
)
def test_several_seeds(here, capsys, seeds, numbers):
    assert composed(capsys, "method=random", "task=bowl", f"seeds={seeds}")["seeds"] == numbers


@pytest.mark.parametrize(
    "words",
    ["hydra.verbose=true", "method@foo=random", "+method=random", "hydra/launcher=joblib",
     "n_jobs=1,2", "n_jobs=range(1,3)", "method=glob(nothing*)", "method=glob(asha,exclude=a*)"],
)  # fmt: skip
def test_what_is_not_understood_is_refused(here, capsys, words):
    assert main(["run", "task=bowl", "--conf", "conf", words]) == 2
    assert "hpobench: error: " in capsys.readouterr().err


def test_info_names_the_files_in_order(here, capsys):
    assert main(["run", "task=bowl", "method=random", "--conf", "conf", "--info", "defaults"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    places = [line.rpartition("/")[2] for line in lines[1:5]]
    assert places == ["config.yaml", "default.yaml", "bowl.yaml", "random.yaml"]
    assert lines[5:] == ["command line: task=bowl", "command line: method=random"]


def test_a_study_is_a_name_a_file_or_the_folder_of_a_stored_one(here, capsys):
    """The folder gives the same study: nothing of it is left to run."""
    stated = {"name": "mine", "seeds": 2, "workers": 2}
    stated |= {"comparisons": {"task": "bowl", "method": "random"}}
    (here / "my study, v2.yaml").write_text(yaml.safe_dump(stated))
    call = ["run", *FAST, "--conf", "conf"]
    assert main([*call, "study=my study, v2.yaml"]) == 0
    before = load("runs/mine").runs["cpu_s"].tolist()
    capsys.readouterr()
    # The task was of a folder of the user's: the stored study has its settings.
    sys.modules.pop("own_tasks", None)
    assert main(["run", "progress=false", "study=runs/mine"]) == 0
    assert "2 runs are stored already, 0 to run" in capsys.readouterr().err
    assert load("runs/mine").runs["cpu_s"].tolist() == before
    more = ["run", "progress=false", "n_jobs=1", "study=runs/mine", "method=sobol", "--extend"]
    assert main(more) == 0
    assert list(load("runs/mine").methods) == ["random", "sobol"]
    for wrong in ("nowhere.yaml", "conf"):
        assert main([*call, f"study={wrong}"]) == 2
    assert "no folder of a stored one" in capsys.readouterr().err


def test_version_json_and_quiet(here, capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("hpobench ")
    call = ["run", *FAST, "--conf", "conf", "task=bowl", "method=random", "seeds=2", "name=mine"]
    assert main([*call, "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["runs"] == 2
    assert outcome["failed"] == 0
    assert outcome["scores"][0]["method"] == "random"
    assert main([*call[:1], *call[2:], "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert main([*call, "--quiet"]) == 2
    assert main([*call, "--plot", "--report"]) == 0
    printed = capsys.readouterr().out
    assert "figures/anytime.png" in printed
    assert "report.html" in printed
    assert (here / "runs" / "mine" / "report.html").exists()


def test_lists_say_kind_and_what_is_not_installed(here, capsys):
    assert main(["list", "tasks", "--conf", "conf"]) == 0
    printed = capsys.readouterr().out
    assert printed.index("yours") < printed.index("recorded tables of others")
    assert main(["list", "method", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["asha"]["kind"].startswith("multi-fidelity")
    assert rows["random"]["kind"].startswith("search")
    assert not rows["syne_tune_asha"]["installed"]
    assert rows["syne_tune_asha"]["install"] == "hpobench peers install syne_tune"


def test_a_task_and_a_method_in_full(here, capsys):
    """Branin's space and optimum are those of the textbook: 0.397887."""
    assert main(["show", "task=branin"]) == 0
    printed = capsys.readouterr().out
    assert "x1: float, -5 to 10" in printed
    assert "optimum: 0.39788" in printed
    assert "values of 200 random configurations: " in printed
    assert main(["show", "task=bowl", "--conf", "conf", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hyperparameters"]["kind"].startswith("categorical")
    assert main(["show", "method=asha"]) == 0
    assert "eta: 3" in capsys.readouterr().out
    assert main(["show", "phoneme"]) == 2


@pytest.mark.parametrize(
    ("prefix", "some"),
    [
        ("method=", "method=asha"),
        ("method=[random,as", "method=[random,asha"),
        ("task=", "task=phoneme"),
        ("b", "budget.time_s="),
        ("tasks.phoneme.", "tasks.phoneme.repetition="),
        ("methods.asha.scheduler.", "methods.asha.scheduler.eta="),
    ],
)
def test_what_could_come_next(prefix, some):
    from argparse import Namespace

    assert some in completed(prefix, Namespace(conf=[]))


def test_a_shell_is_answered(tmp_path):
    """As bash asks, by argcomplete's protocol: the answer comes through descriptor 8."""
    env = {**os.environ, "_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": "bash", "COMP_POINT": "25"}
    env |= {"COMP_LINE": "hpobench run method=dehb_a", "COMP_TYPE": "9", "_ARGCOMPLETE_IFS": "|"}
    env |= {"_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "out"), "COMP_POINT": "26"}
    command = [sys.executable, "-c", "from hpobench.cli import main; main()"]
    subprocess.run(command, env=env, check=True)
    assert "dehb_automl" in (tmp_path / "out").read_text()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_code_for_shells(shell, capsys):
    assert main(["completion", shell]) == 0
    assert "hpobench" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("task", "library"), [("cnn_digits", "torch"), ("cnn_digits_surrogate", "sklearn")]
)
def test_a_task_that_trains_names_the_extra_it_lacks(task, library, tmp_path, monkeypatch, capsys):
    find = package.find_spec
    monkeypatch.setattr(package, "find_spec", lambda name: None if name == library else find(name))
    settings = [f"task={task}", "method=random", f"runs_dir={tmp_path}/runs"]
    assert main(["run", *settings, "progress=false"]) == 2
    said = capsys.readouterr().err
    assert f"it needs {library}, which is not installed: pip install 'hpobench[train]'" in said
    assert not (tmp_path / "runs").exists()
