"""`hpobench.run` and what it gives: names, and functions and classes that no module holds."""

import json
import os
import re
import subprocess
import sys
from functools import partial
from typing import Annotated

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import hpobench
from hpobench.api import given
from hpobench.space.hyperparameters import Float, Integer
from hpobench.space.space import Space
from hpobench.system import carried

X = {"x": {"type": "float", "low": 0.0, "high": 1.0}}
SETTINGS = {"seeds": 2, "n_jobs": 1, "progress": False, "budget": {"trials": 6}}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def searcher(step=0.0):
    """A class that no module holds."""

    class Mine:
        """Always the same point, moved by a step."""

        def __init__(self, space, rng, more=step):
            self.more = more

        def suggest(self, pending):
            return {"x": 0.5 + self.more}

        def observe(self, job, evaluation):
            pass

    return Mine


def function(offset, noise="none"):
    def error(x):
        return (x - offset) ** 2

    return hpobench.task(error, space=X, noise=noise)


def test_a_function_and_a_searcher_that_no_module_holds(here, capsys):
    """The searcher always tries 0.5: its values are (0.5 - 0.25)^2 = 0.0625 to the bit."""
    study = hpobench.run(methods=["random", searcher()], tasks=function(0.25), **SETTINGS)
    mine = study.observations.query("method == 'Mine'")
    assert mine["value"].tolist() == [0.0625] * 12
    assert mine["true_value"].tolist() == [0.0625] * 12
    best = study.best()
    assert best.value == study.observations["value"].min()
    assert best.value == pytest.approx((best.config["x"] - 0.25) ** 2, abs=1e-15)
    assert best.runs == 4
    assert study.best(method="Mine").config == {"x": 0.5}
    assert study.best(method="Mine").again_count == 1  # the other seed
    assert set(study.scores()["method"]) == {"random", "Mine"}
    assert "<td>" in study._repr_html_()
    assert "error" in study.verdict()
    first = study.runs["cpu_s"].tolist()
    capsys.readouterr()
    again = hpobench.run(methods=["random", searcher()], tasks=function(0.25), **SETTINGS)
    assert again.folder == study.folder
    assert again.runs["cpu_s"].tolist() == first
    assert "4 runs are stored already, 0 to run" in capsys.readouterr().err


def test_what_a_function_uses_is_part_of_the_settings(here):
    """Of a function with another value in its closure nothing is stored yet."""
    one = hpobench.run(methods="random", tasks=function(0.25), **SETTINGS)
    two = hpobench.run(methods="random", tasks=function(0.5), **SETTINGS)
    assert one.folder != two.folder
    more = hpobench.run(methods="random", tasks=function(0.25), **SETTINGS | {"seeds": 3})
    assert more.folder == one.folder
    assert len(more.runs) == 3


def test_a_function_that_ends_its_process_costs_its_trials_alone(here):
    def ends(x):
        os._exit(7)

    study = hpobench.run(methods="random", tasks=hpobench.task(ends, X), **SETTINGS)
    assert (study.runs["status"] == "failed").all()
    assert "with status 7" in study.runs["first_error"].iloc[0]


def test_a_task_object_on_the_wall_clock(here):
    """Its processes are sent what no module holds."""
    from hpobench.tasks.functions import FunctionTask

    own = FunctionTask(lambda x: x, X, cost_s=None, noise="unknown")
    settings = SETTINGS | {"seeds": 1, "budget": {"trials": 3}, "clock": "real", "workers": 1}
    study = hpobench.run(methods="random", tasks={"mine": own}, **settings)
    assert study.observations["status"].tolist() == ["ok"] * 3
    assert study.folder.name.startswith("unnamed-")


def test_names_settings_and_files_do_as_on_the_command_line(here):
    study = hpobench.run(
        "tasks.branin.noise=0.1", methods=["random", "sobol"], tasks=["bran*"], name="mine",
        **SETTINGS,
    )  # fmt: skip
    assert study.name == "mine"
    assert list(study.methods) == ["random", "sobol"]
    assert hpobench.load("mine").folder == study.folder
    figures = study.plot()
    assert all(path.exists() for path in figures)
    assert "data:image/png" in figures._repr_html_()
    page = study.report()
    assert page.path.read_text().startswith("<!")
    assert "srcdoc" in page._repr_html_()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"methods": "randm", "tasks": "branin"}, "Did you mean random"),
        ({"methods": "random", "tasks": lambda x: x}, "give it one, tasks="),
        ({"methods": "random", "tasks": {"mine": lambda x: x}}, "states no search space"),
        ({"methods": "random", "tasks": 3}, "give the name of a task, a function"),
        ({"methods": 3, "tasks": "branin"}, "give the class"),
        ({"methods": dict, "tasks": "branin"}, "neither `suggest` and `observe`"),
        ({"methods": [searcher(), searcher(1)], "tasks": "branin"}, "two objects called 'Mine'"),
        ({"methods": {"random": searcher()}, "tasks": "branin"}, "is the name of another"),
        ({"methods": [], "tasks": "branin"}, "names no method"),
        ({"methods": {"mine": {"eta": 3}}, "tasks": "branin"}, "need a _target_"),
        ({"methods": "random", "tasks": "branin", "worker": 2}, "unknown key of the settings"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_do(here, asked, words):
    with pytest.raises((ValueError, LookupError), match=words):
        hpobench.run(**{**asked, **SETTINGS})


KIND = {"type": "categorical", "values": ["a", "b"]}


def test_annotations_state_a_space():
    def error(x: Annotated[float, Float(0, 2)], y: Integer(1, 3), z: dict(KIND), w: int): ...

    names, nodes = given.nodes("task", error)
    assert names == ["error"]
    space = nodes["error"]["space"]
    assert {name: item["type"] for name, item in space.items()} == {
        "x": "float",
        "y": "integer",
        "z": "categorical",
    }
    assert space["x"]["high"] == 2


def of_function(space, **settings):
    node = {"_target_": "hpobench.tasks.functions.FunctionTask", "function": min, "space": space}
    return given.nodes("task", {"t": node | settings})[1]["t"]


U = pd.DataFrame({"u": [1, 2, 4], "o": ["a", "b", "a"]})
LEVELS = {"type": "ordinal", "values": [1, 2, 4]}


@pytest.mark.parametrize(
    ("spec", "plain"),
    [
        ({"type": "integer", "low": U.u.min(), "high": U.u.max()}, (1, 4)),
        ({"type": "float", "low": np.float32(0.5), "high": np.float64(2)}, (0.5, 2.0)),
        (LEVELS | {"values": np.array([1, 2, 4])}, [1, 2, 4]),
        (LEVELS | {"values": U.u}, [1, 2, 4]),
        (LEVELS | {"values": list(U.u)}, [1, 2, 4]),
        (LEVELS | {"values": range(1, 3)}, [1, 2]),
        (LEVELS | {"values": np.logspace(0, 1, 2)}, [1.0, 10.0]),
        (KIND | {"values": {"b", "a"}}, ["a", "b"]),
        (KIND | {"values": U.o.unique()}, ["a", "b"]),
        (KIND | {"values": [np.True_, np.False_]}, [True, False]),
        (Float(0.5, 2), (0.5, 2)),
        (scipy.stats.loguniform(0.5, 2), (0.5, 2.0)),
    ],
)
def test_settings_hold_numbers_and_columns_of_other_libraries(spec, plain):
    made = of_function({"x": spec}, cost_s=np.float32(1), noise=np.float32(0.5))
    found = json.loads(json.dumps(made))
    x = found["space"]["x"]
    assert x["values"] == plain if "values" in x else (x["low"], x["high"]) == plain
    assert (found["cost_s"], found["noise"]) == (1.0, 0.5)
    assert Space(found["space"])


def test_settings_of_a_stated_task_hold_numbers_of_numpy():
    stated = hpobench.task(lambda x: x, X, budget={"trials": np.int64(3)}, noise=np.float32(0.5))
    node = given.nodes("task", {"t": stated})[1]["t"]
    assert json.loads(json.dumps(node))["noise"] == 0.5
    assert node["budget"] == {"trials": 3}


@pytest.mark.parametrize(
    ("space", "settings", "words"),
    [
        ({"x": {"low": object()}}, {}, r"task 't': space\.x\.low is <object .*no setting: give"),
        (X, {"cost_s": 1j}, r"task 't': cost_s is 1j, of type complex, which is no setting"),
        (X, {"noise": pd.Timestamp("2026-01-31")}, "of type Timestamp, which is no setting"),
        (U, {}, "space is .*of type DataFrame, which is no setting"),
        ({"x": {"high": float("inf")}}, {}, r"task 't': space\.x\.high is inf: it must be finite"),
        (X, {"optimum": float("nan")}, "task 't': optimum is nan: it must be finite"),
    ],
)
def test_what_is_no_setting_is_named_by_its_key(space, settings, words):
    with pytest.raises(ValueError, match=words):
        of_function(space, **settings)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("data/v1", "data_v1"),
        ("a b", "a_b"),
        ("task.1", "task_1"),
        ("../x", "x"),
        ("", "mine"),
        ("nul", "mine"),
        (0.5, "0_5"),
        (None, "None"),
        ("x" * 61, "mine"),
    ],
)
def test_names_that_no_file_can_have_are_refused(name, other):
    words = re.escape(f"task {name!r}: a name has letters, digits, _ and - only")
    with pytest.raises(ValueError, match=f"{words}.*such as '{other}'"):
        given.nodes("task", {name: function(0.25)})


@pytest.mark.parametrize("name", [7, np.int64(7), "7", "tâche-1", "true"])
def test_names_that_are_taken_for_numbers_elsewhere(here, name):
    settings = SETTINGS | {"budget": {"trials": 1}, "seeds": 1}
    study = hpobench.run(methods="random", tasks={name: function(0.25)}, **settings)
    assert list(study.tasks) == [str(name)]


def test_settings_of_a_class_are_given_by_a_partial(here):
    chosen = {"near": partial(searcher(), more=0.25), "far": partial(searcher(), more=0.5)}
    study = hpobench.run(methods=chosen, tasks=function(0.0), **SETTINGS)
    values = study.observations.groupby("method", observed=True)["value"].first()
    assert dict(values) == {"near": 0.75**2, "far": 1.0}


DIGESTS = """
import numpy as np
from hpobench.system import carried
KNOWN = {"b": 1, "a": [np.arange(3.0), frozenset({"x", "y", "z"})]}
def helper(x):
    return x + len(KNOWN) if x in {"p", "q", "r"} else np.log(x)
class Mine:
    level = 3
    def suggest(self): return helper(self.level)
print(carried.carry(Mine, "Mine").name)
print(carried.carry(lambda x: helper(x) + 1, "l").name)
"""


def test_the_path_of_an_object_is_the_same_in_every_process():
    """Whatever the seed of hashes, and wherever its lines stand."""
    names = set()
    for hash_seed, moved in (("0", ""), ("1", "\n\n"), ("2", "")):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", moved + DIGESTS]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        names.add(done.stdout)
    assert len(names) == 1


@pytest.mark.parametrize(
    "change",
    [
        ("level = 3", "level = 4"),
        ("+ len(KNOWN)", "- len(KNOWN)"),
        ('"b": 1', '"b": 2'),
        ("3.0", "4.0"),
    ],
)
def test_the_path_changes_with_whatever_the_object_uses(change):
    def names(code):
        found = {"__name__": "__main__"}
        exec(code.partition("print")[0], found)
        return carried.carry(found["Mine"], "Mine").name

    assert names(DIGESTS) != names(DIGESTS.replace(*change))


def test_what_is_not_known_here_is_named():
    with pytest.raises(ValueError, match="'mine' was defined in a notebook"):
        carried.mine_0123456789ab  # noqa: B018
    with pytest.raises(AttributeError):
        carried.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("seeds", "same"), [(np.int64(2), [0, 1]), (np.arange(1, 3), [1, 2]), ([np.int32(4)], [4])]
)
def test_numbers_of_numpy_are_numbers(tmp_path, monkeypatch, seeds, same):
    monkeypatch.chdir(tmp_path)
    study = hpobench.run(
        methods="sobol", tasks="branin", seeds=seeds, budget={"trials": np.int64(1)}, n_jobs=1
    )
    assert study.runs["seed"].tolist() == same


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"seeds": 2.0}, r"seeds=2\.0: use a count"),
        ({"seeds": b"2"}, "seeds="),
        ({"budget": 5}, r"budget=5: give a dict of limits, such as \{'time_s': 3600\}"),
        ({"budget": b"x"}, "budget=b'x': give a dict"),
        ({"conf": "nowhere"}, "--conf nowhere: there is no such folder"),
    ],
)
def test_arguments_of_other_kinds_are_named(asked, words):
    with pytest.raises(ValueError, match=words):
        hpobench.run(**{"methods": "sobol", "tasks": "branin", "seeds": 1} | asked)


@pytest.mark.parametrize("given", [3, None, b"x", ""])
def test_what_is_no_name_of_a_study(given):
    with pytest.raises(ValueError, match="give the name of a stored study, or its folder"):
        hpobench.load(given)


def test_a_study_that_is_not_there_is_looked_for_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hpobench.run("name=mine", methods="sobol", tasks="branin", seeds=1, n_jobs=1)
    with pytest.raises(FileNotFoundError, match="no study 'mien'; studies in runs/: mine"):
        hpobench.load("mien")


def test_reports_and_figures_replace_nothing_of_the_users(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = hpobench.run("name=mine", methods="sobol", tasks="branin", seeds=1, n_jobs=1)
    (tmp_path / "thesis.html").write_text("years of work")
    for output, words in (
        ("thesis.html", "was not written by this command"),
        (".", "that is a folder"),
        ("no/such/x.html", "there is no folder no/such"),
    ):
        with pytest.raises(ValueError, match=words):
            study.report(output)
    with pytest.raises(ValueError, match=r"folder='thesis\.html' is a file"):
        study.plot(folder="thesis.html")
