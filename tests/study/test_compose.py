"""Settings travel as settings: whatever is written in a YAML or on the command line arrives so.

Expected values are the ones that were written.
"""

import json
import math
import string
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hpobench.cli import main
from hpobench.study import compose, yaml_text

TASK = {
    "_target_": "hpobench.tasks.functions.FunctionTask",
    "function": "math.fsum",
    "space": {"x": {"type": "float", "low": 0, "high": 1}},
    "budget": {"trials": 3},
}
FOLDERS = [
    *["my study (copy)", "a,b", "a=b", "it's", 'say "x"', "[1]", "{x}", "#1", "~", "crème", "50%"],
    *[
        "$HOME",
        "${oc.env:HOME}",
        "a;b",
        "a&b",
        "*",
        "back\\slash",
        "tab\tin",
        "файл",
        "@x",
        "+1",
        "a:b",
    ],
]
NAMES = ["31", "007", "1e3", "null", "true", "crème", "no", "0x1F", "-1", "_", "1_000", "NaN"]


def write(folder, group, name, content):
    path = folder / group / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else as_yaml(content)
    path.write_text(text, encoding="utf-8")


def as_yaml(content):
    """As letters where PyYAML agrees with YAML 1.2 on what they are, else as escapes."""
    text = yaml.safe_dump(content, allow_unicode=True)
    return text if "\u2028" not in text else yaml.safe_dump(content)


@pytest.mark.parametrize("name", FOLDERS)
def test_folders_of_any_name(tmp_path, name):
    folder = tmp_path / name
    write(folder, "task", "own", TASK)
    composed = compose.load(["task=own", "method=random"], [folder])
    assert composed.pairs == (("own", "random"),)


@pytest.mark.parametrize("name", ["my study (copy)", "it's", "crème", "a,b"])
def test_defaults_in_files_of_ones_own(tmp_path, name):
    write(tmp_path / "first", "task", "base", TASK | {"noise": 0.1, "cost_s": 2.0})
    write(tmp_path / name, "task", "own", {"defaults": ["base", "_self_"], "noise": 0.5})
    write(tmp_path / name, "task", "known", {"defaults": ["branin"], "cost_s": 7})
    write(tmp_path / name, "study", "twice", {"defaults": ["recorded", "_self_"], "seeds": 2})
    folders = [tmp_path / "first", tmp_path / name]
    tasks = compose.load(["task=[own,known]", "method=random"], folders).settings["tasks"]
    assert tasks["own"] == TASK | {"noise": 0.5, "cost_s": 2.0}
    assert tasks["known"]["_target_"] == "hpobench.tasks.functions.branin"
    assert tasks["known"]["cost_s"] == 7


@pytest.mark.parametrize("name", NAMES)
def test_tasks_of_any_name(tmp_path, name):
    write(tmp_path, "task", name, TASK)
    study = (
        f"name: {name}\nseeds: 1\nworkers: 1\n"
        f"comparisons:\n  - {{task: [{name}], method: random}}\n"
        f"tasks:\n  {name}: {{noise: 1e-3}}\n"
    )
    write(tmp_path, "study", "mine", study if name != "no" else study.replace("[no]", "['no']"))
    for overrides in ([f"task={name}", "method=random"], [f"task=[{name}]", "method=random"]):
        assert compose.load(overrides, [tmp_path]).pairs == ((name, "random"),)
    changed = ["study=mine", f"++tasks.{name}.cost_s=5"]
    composed = compose.load(changed, [tmp_path])
    assert composed.pairs == ((name, "random"),)
    assert composed.settings["tasks"][name]["noise"] == 0.001
    assert composed.settings["tasks"][name]["cost_s"] == 5
    assert composed.settings["name"] == name


def test_patterns_match_names_that_look_like_numbers(tmp_path):
    for name in NAMES:
        write(tmp_path, "task", name, TASK)
    every = compose.load(["task=*", "method=random"], [tmp_path])
    assert {(name, "random") for name in NAMES} < set(every.pairs)


def test_a_study_is_run_from_an_odd_folder_with_an_odd_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my study (copy), [1] ~crème"
    write(folder, "task", "007", TASK | {"function": "code.f"})
    (folder / "code.py").write_text("def f(x):\n    return x\n")
    settings = [
        "method=random",
        "seeds=2",
        "progress=false",
        "n_jobs=1",
        "name=1e3",
        "runs_dir=é, é",
    ]
    assert main(["run", "task=007", *settings, "--conf", str(folder)]) == 0
    assert (tmp_path / "é, é" / "1e3" / "study.json").exists()


LETTERS = string.printable + "äöüßéñ名字🎉\u00a0\u2028\\\"''{}[]"
TEXTS = st.text([letter for letter in LETTERS if letter not in "$\r\x0b\x0c"], max_size=12)
SPECIAL = ["007", "no", "null", "C:\\temp\\new", "a: b", "x # y", "12:30", "~", "="]
NUMBERS = st.integers(-(2**40), 2**40) | st.sampled_from([1e-3, -1e-300, 1e22, 0.1, math.inf])
SCALARS = st.none() | st.booleans() | NUMBERS | st.floats(-9, 9) | st.sampled_from(SPECIAL) | TEXTS
KEYS = st.sampled_from(["a", "b b", "31", "no", "é", "x=y", "p[0]"])
VALUES = st.recursive(
    SCALARS, lambda each: st.lists(each, max_size=2) | st.dictionaries(KEYS, each), max_leaves=4
)


@given(st.lists(VALUES, min_size=1, max_size=8), TEXTS, TEXTS, st.booleans())
def test_what_a_study_or_a_task_states_arrives_as_written(listed, label, summary, as_json):
    values = {f"key{number}": value for number, value in enumerate(listed)}
    about = {"label": label, "summary": summary}
    study = {
        "name": "x",
        "seeds": 1,
        "workers": 1,
        "about": about,
        "comparisons": [{"task": "own", "method": "random"}],
        "tasks": {"own": {"from_study": values}},
        "methods": {"random": {"about": about}},
    }
    # JSON is YAML: what another program writes, and what PyYAML does.
    written = json.dumps(study) if as_json else as_yaml(study)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, "study", "mine", written.replace("Infinity", ".inf"))
        write(folder, "task", "own", TASK | {"from_task": values})
        settings = compose.load(["study=mine"], [folder]).settings
    assert settings["about"] == about
    assert settings["tasks"]["own"]["from_study"] == values
    assert settings["tasks"]["own"]["from_task"] == values
    assert settings["methods"]["random"]["about"]["label"] == about["label"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("tasks.own.label=crème brûlée", "crème brûlée"),
        ("tasks.own.label='a, b'", "a, b"),
        ("tasks.own.label=C:\\temp\\new", "C:\\temp\\new"),
        ("tasks.own.label=\\\\server\\share", "\\\\server\\share"),
        ("tasks.own.label=C:\\\\new dir\\ ", "C:\\\\new dir\\ "),
        ("tasks.own.label= a", " a"),
        ("tasks.own.label=str(3)", "3"),
        ("tasks.own.label=a=b", "a=b"),
        ("tasks.own.label=(copy)", "(copy)"),
        ("tasks.own.label=3 (of 4)", "3 (of 4)"),
        ("tasks.own.label=1e-3", 0.001),
        ("tasks.own.label=[a,'é']", ["a", "é"]),
        ("tasks.own.label={x: 1}", {"x": 1}),
        ("tasks.own.label=null", None),
        ("tasks.own.label=true", True),
        ("tasks.own.label=", ""),
    ],
)
def test_what_the_command_line_says_arrives_as_written(tmp_path, text, value):
    write(tmp_path, "task", "own", TASK | {"label": "x"})
    settings = compose.load(["task=own", "method=random", text], [tmp_path]).settings
    assert settings["tasks"]["own"]["label"] == value


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *[("runs_dir=my runs, [é]=1", "my runs, [é]=1"), ("runs_dir='it''s'", None)],
        *[
            ("name=007", "007"),
            ("name=1e3", "1e3"),
            ("name=true", "true"),
            ("replay_from=null", None),
        ],
    ],
)
def test_names_and_paths_are_texts(setting, value):
    if setting == "runs_dir='it''s'":
        with pytest.raises(compose.ConfigError, match="cannot read"):
            compose.load(["method=random", setting])
        return
    settings = compose.load(["method=random", "task=branin", setting]).settings
    assert settings[setting.partition("=")[0]] == value


def test_removing_adding_and_repeating(tmp_path):
    write(tmp_path, "task", "own", TASK | {"noise": 1.0, "constraints": {}})
    chosen = ["task=own", "method=random"]
    settings = ["~tasks.own.noise", "+tasks.own.unit=s", "++tasks.own.cost_s=2"]
    bounds = ["tasks.own.constraints.size=3", "tasks.own.constraints.time.lower=1"]
    composed = compose.load([*chosen, *settings, *bounds, "seeds=3", "seeds=5"], [tmp_path])
    own = composed.settings["tasks"]["own"]
    assert "noise" not in own
    assert (own["unit"], own["cost_s"]) == ("s", 2)
    assert own["constraints"] == {"size": 3, "time": {"lower": 1}}
    assert composed.settings["seeds"] == 5
    assert composed.notes == ("seeds=5 counts, not seeds=3 before it",)
    point = ["+tasks.own.points=[{x: 1}]", "++tasks.own.points.0.x=2"]
    assert compose.load([*chosen, *point], [tmp_path]).settings["tasks"]["own"]["points"] == [
        {"x": 2}
    ]


def test_interpolations_in_files_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_LABEL", "from outside")
    write(tmp_path, "task", "own", TASK | {"label": "${oc.env:MY_LABEL}", "unit": "${.label}"})
    own = compose.load(["task=own", "method=random"], [tmp_path]).settings["tasks"]["own"]
    assert (own["label"], own["unit"]) == ("from outside", "from outside")
    write(tmp_path, "task", "own", TASK | {"label": "${oc.env:NOT_SET_ANYWHERE}"})
    with pytest.raises(compose.ConfigError, match="NOT_SET_ANYWHERE"):
        compose.load(["task=own", "method=random"], [tmp_path])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[('"a \\u2028 b"', "a \u2028 b"), ("a \u2028 b", "a \u2028 b"), ("'\u2029'", "\u2029")],
        *[("1e-3", 0.001), ("1E5", 1e5), ("-.5e-2", -0.005), (".5", 0.5), ("1.", 1.0), ("+3", 3)],
        *[("1_000", 1000), ("0x1F", 31), ("0b11", 3), (".inf", math.inf), ("0", 0), ("-0", 0)],
        *[("007", "007"), ("12:30", "12:30"), ("2020-01-01", "2020-01-01"), ("1.2.3", "1.2.3")],
        *[
            ("=", "="),
            ("<<", "<<"),
            ("y", "y"),
            ("no", False),
            ("~", None),
            ("", None),
            ("e3", "e3"),
        ],
    ],
)
def test_scalars(text, value):
    parsed = yaml_text.parse(f"a: {text}", "here")["a"]
    assert parsed == value
    assert type(parsed) is type(value)


def test_what_is_empty_names_no_folder(capsys):
    """As a variable of the shell that is not set."""
    asked = ["run", "task=branin", "method=random", "seeds=1", "budget.trials=1"]
    assert main([*asked, "runs_dir="]) == 2
    assert "runs_dir is empty: name the folder of studies" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*asked, "--conf", ""])
    assert "it is empty: name a folder" in capsys.readouterr().err


def test_a_study_that_names_a_task_is_told_where_tasks_belong(tmp_path):
    write(tmp_path, "study", "own", {"task": "branin", "method": "random", "seeds": 1})
    with pytest.raises(
        compose.ConfigError, match=r"states method: write .* as comparisons: \[\{task"
    ):
        compose.load(["study=own"], [tmp_path])


def test_what_a_study_does_not_state_can_be_given(tmp_path):
    write(tmp_path, "study", "own", {"comparisons": [{"task": ["branin"], "method": ["random"]}]})
    given = ["name=mine", "seeds=2", "workers=3"]
    settings = compose.load(["study=own", *given], [tmp_path]).settings
    assert (settings["name"], settings["seeds"], settings["workers"]) == ("mine", 2, 3)
    for number, missing in enumerate(("name", "seeds", "workers")):
        words = f"the study states no '{missing}': add it, or give {missing}=VALUE"
        with pytest.raises(compose.ConfigError, match=words):
            compose.load(["study=own", *given[:number], *given[number + 1 :]], [tmp_path])
