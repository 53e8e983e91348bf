"""Families of tasks and methods in YAML, and sweeps of settings on the command line."""

import pytest
import yaml

from hpobench.study import compose
from hpobench.study.overrides import ConfigError
from hpobench.study.study import Study

FAMILY = {
    "about": {"label": "Curves"},
    "budget": {"time_s": 20},
    "_target_": "hpobench.tasks.functions.ackley",
    "dimension": 2,
    "family": {"dimension": [2, 3], "noise": [0.0, 0.5]},
}
NAMED = FAMILY | {
    "about": {"label": "Houses"},
    "family": {"size": {"small": {"dimension": 2}, "big one": {"dimension": 7}}},
}


@pytest.fixture
def conf(tmp_path):
    (tmp_path / "task").mkdir()
    for name, settings in (("curves", FAMILY), ("houses", NAMED)):
        (tmp_path / "task" / f"{name}.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return tmp_path


def load(conf, *overrides):
    return compose.load([*overrides, "name=x"], [conf])


def tasks(composed):
    return list(dict.fromkeys(task for task, _ in composed.pairs))


def test_one_yaml_many_tasks(conf):
    composed = load(conf, "task=curves", "method=random")
    assert tasks(composed) == [
        "curves_dimension_2_noise_0",
        "curves_dimension_2_noise_0.5",
        "curves_dimension_3_noise_0",
        "curves_dimension_3_noise_0.5",
    ]
    node = composed.settings["tasks"]["curves_dimension_3_noise_0.5"]
    assert (node["dimension"], node["noise"]) == (3, 0.5)
    assert node["about"]["label"] == "Curves, dimension 3, noise 0.5"
    assert "family" not in node
    assert node["budget"] == {"time_s": 20}


def test_members_with_names_of_their_own(conf):
    composed = load(conf, "task=houses", "method=random")
    assert tasks(composed) == ["houses_small", "houses_big_one"]
    assert composed.settings["tasks"]["houses_big_one"]["dimension"] == 7
    assert composed.settings["tasks"]["houses_big_one"]["about"]["label"] == "Houses, big one"


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        (["task=curves", "tasks.curves.noise=0"], ["curves_dimension_2_noise_0"]),
        (["task=curves", "tasks.curves.noise=[0,1]"], ["curves_dimension_2_noise_1"]),
        (["task=curves", "tasks.curves.dimension=4,5"], ["curves_dimension_5_noise_0"]),
        (["task=houses", "tasks.houses.size=small"], ["houses_small"]),
        (["task=houses_small"], ["houses_small"]),
        (["task=[curves_dimension_3_*,houses_s*]"], ["curves_dimension_3_noise_0", "houses_small"]),
    ],
)
def test_some_of_a_family(conf, overrides, names):
    found = tasks(load(conf, *overrides, "method=random"))
    assert set(names) <= set(found)
    assert len(found) < 5
    assert not {"curves_dimension_2_noise_0.5"} & set(found) or "noise" not in str(overrides)


def test_sweeps_of_a_method(conf):
    composed = load(conf, "task=branin", "method=[asha,random]", "methods.asha.scheduler.eta=2,3,4")
    methods = [method for _, method in composed.pairs]
    assert methods == ["asha_eta_2", "asha_eta_3", "asha_eta_4", "random"]
    nodes = composed.settings["methods"]
    assert [nodes[name]["scheduler"]["eta"] for name in methods[:3]] == [2, 3, 4]
    assert nodes["asha_eta_2"]["about"]["label"] == "ASHA, eta 2"


def test_a_member_is_the_task_that_it_would_be_by_itself(conf, tmp_path):
    words = ("method=random", "seeds=1", f"runs_dir={tmp_path}")
    member = Study.make(load(conf, "task=branin", "tasks.branin.noise=0.5,1", *words)).pairs[0]
    alone = Study.make(load(conf, "task=branin", "tasks.branin.noise=0.5", *words)).pairs[0]
    assert member.task_config == alone.task_config
    assert member.task == "branin_noise_0.5"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["workers=1,2"], "only settings of a task or method take several"),
        (["methods.random.sercher=1,2"], "sercher"),
        (["task=houses", "tasks.houses.size=tiny"], "Choices: small, big one"),
        (["tasks.branin.noise=0.5,0.5"], "have one name"),
    ],
)
def test_what_cannot_be_swept(conf, overrides, words):
    task = [] if "task=houses" in overrides else ["task=branin"]
    with pytest.raises(ConfigError, match=words):
        load(conf, *task, *overrides, "method=random")


def test_members_run_and_continue(conf, tmp_path):
    words = ["task=houses", "method=random", "seeds=2", f"runs_dir={tmp_path}", "n_jobs=1"]
    study = Study.make(load(conf, *words))
    list(study.run())
    assert set(study.status().values()) == {"ok"}
    again = Study.make(load(conf, *words, "tasks.houses.size=small"))
    assert again.change().kind == "continues"
    assert not again.pending()
