"""What settings say of engines: expected values are those of `conf/engine` and of the call."""

import pytest
import yaml

from hpobench.cluster import settings as engines
from hpobench.study import catalogue, checks, compose
from hpobench.study.overrides import ConfigError

ANY = ["task=curves_stable", "method=random"]


def composed(*overrides, folders=()):
    return compose.load([*ANY, *overrides], folders)


def checked(*overrides, folders=()):
    made = composed(*overrides, folders=folders).settings
    checks.check(made)
    return made["engine_settings"]


def test_every_engine_composes_and_states_its_class_and_summary():
    for name in catalogue.names("engine"):
        assert catalogue.read("engine", name)["about"]["summary"]
        own = composed(f"engine={name}").settings["engine_settings"]
        assert engines.is_cluster(own) == (name != "local")
        assert "about" not in engines.arguments(own)


def test_keys_of_ours_are_not_handed_to_the_class():
    given = ["engine=slurm", "engine.queue=gpu", "engine.jobs=20", "engine.memory=16GB"]
    own = checked(*given, "engine.cores=4", "+engine.python=/opt/python")
    assert own["jobs"] == 20
    assert engines.arguments(own) == {
        "queue": "gpu",
        "cores": 4,
        "processes": 1,
        "memory": "16GB",
        "walltime": "01:00:00",
        "death_timeout": 60,
        "python": "/opt/python",
    }


def test_a_site_adds_an_engine_in_one_file(tmp_path):
    (tmp_path / "engine").mkdir()
    stated = {"about": {"summary": "ours"}, "_target_": "distributed.LocalCluster", "jobs": 3}
    (tmp_path / "engine" / "here.yaml").write_text(yaml.safe_dump(stated))
    own = checked("engine=here", "engine.jobs=4", folders=[tmp_path])
    assert own == {"_target_": "distributed.LocalCluster", "jobs": 4}


def test_the_yaml_of_a_study_states_settings_of_its_engine(tmp_path):
    (tmp_path / "study").mkdir()
    study = {"name": "s", "seeds": 1, "workers": 1, "engine": "slurm"}
    study |= {"engine_settings": {"queue": "long"}}
    (tmp_path / "study" / "s.yaml").write_text(yaml.safe_dump(study))
    made = compose.load(["study=s", *ANY, "engine.jobs=2"], [tmp_path]).settings
    assert made["engine"] == "slurm"
    assert (made["engine_settings"]["queue"], made["engine_settings"]["jobs"]) == ("long", 2)


def test_older_settings_are_translated_with_a_word():
    made = composed("backend=dask")
    assert (made.settings["engine"], made.settings["backend"]) == ("dask", "loky")
    assert made.notes == ("backend=dask is now engine=dask, which see in `hpobench list engine`",)
    made = composed("clock=real", "engine=dask", "engine_address=tcp://head:8786")
    assert made.settings["engine_settings"]["address"] == "tcp://head:8786"
    assert made.notes == ("engine_address=tcp://head:8786 is now engine.address=tcp://head:8786",)
    assert composed("engine=processes").settings["engine"] == "processes"
    assert composed("engine=local").settings["engine"] == "processes"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["engine=dsk"], "unknown engine 'dsk'. Did you mean dask"),
        (["engine.queue=gpu"], "unknown key of engine: 'queue'"),
        (["+engine.queue=gpu"], "engine.queue is no setting of engine=processes"),
        (["engine=dask", "engine.jobs=0"], "engine.jobs=0: use a whole number of at least 1"),
        (["engine=dask", "engine.jobs=2", "engine.minimum_jobs=3"], "the second not smaller"),
        (["engine=dask", "engine.on_lost=wait"], "engine.on_lost='wait': use rerun or fail"),
        (["engine=dask", "engine.patience_s=0"], "engine.patience_s=0: use a number of seconds"),
        (["engine=dask", "engine.devices=[0]"], "is for engine.slots=gpus: give both"),
        (["engine=dask", "n_jobs=2"], "n_jobs= have no effect with engine=dask"),
        (["engine=loky"], "engine=loky has no effect on the simulated clock"),
        (["engine.slots=gpus"], "engine.slots='gpus' has no effect on the simulated clock"),
        (["engine_address=tcp://head:8786"], "is for engine=dask only: it is now engine.address"),
    ],
)
def test_what_cannot_be_is_refused(overrides, words):
    with pytest.raises((ConfigError, ValueError), match=words):
        checked(*overrides)


@pytest.mark.parametrize(
    ("engine", "line"),
    [
        ("dask", "needs distributed: pip install distributed"),
        ("slurm", "needs dask_jobqueue: pip install dask-jobqueue"),
        ("kubernetes", "needs dask_kubernetes: pip install dask-kubernetes"),
        ("ssh", "needs asyncssh: pip install distributed asyncssh"),
    ],
)
def test_a_library_that_is_missing_is_named_with_its_line(monkeypatch, engine, line):
    missing = line.split()[1].rstrip(":")
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == missing else 1)
    with pytest.raises(ConfigError, match=line):
        checked(f"engine={engine}")
