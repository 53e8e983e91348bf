"""Studies with the wall clock running: settings, storage, resuming, bad input."""

import json

import pytest
import yaml

from hpobench.config import ConfigError
from hpobench.journal import JournalError
from hpobench.real_runs import journal_path
from hpobench.results import load
from tests.studies import execute, plan, write_conf

REAL = ["task=sleeper", "method=asha", "clock=real", "workers=1", "seeds=1"]


@pytest.fixture
def folder(tmp_path):
    write_conf(tmp_path / "conf")
    task = {
        "_target_": "tests.real.Sleeper",
        "pace": [0.02, 0.03, 0.01, 0.04],
        "budget": {"time_s": 0.5},
    }
    (tmp_path / "conf" / "task" / "sleeper.yaml").write_text(yaml.safe_dump(task))
    return tmp_path


def test_a_real_study_is_stored_as_any_other(folder):
    assert execute(plan(folder, *REAL)) == 1
    stored = load(folder / "runs" / "study")
    assert stored.runs["status"].tolist() == ["ok"]
    assert 0 < stored.observations["time_s"].max() <= stored.runs["end_time_s"][0] <= 0.5
    # The process started for the run used some CPU time, more than the loop in this one.
    assert stored.runs["cpu_s"][0] > 0.1
    assert list((folder / "runs" / "study" / "journal").iterdir()) == []
    assert execute(plan(folder, *REAL)) == 0


def test_settings_of_the_real_clock_count_only_for_it(folder):
    simulated = plan(folder, "task=bowl", "method=random")
    assert "clock" not in simulated.plan()["settings"]
    changed = plan(folder, "task=bowl", "method=random", "job_timeout_s=5")
    assert changed.pairs[0].fingerprint == simulated.pairs[0].fingerprint
    real = ["task=bowl", "method=random", "clock=real", "workers=4", "oversubscribe=true"]
    fingerprints = {
        plan(folder, *real, *more).pairs[0].fingerprint for more in [[], ["job_timeout_s=5"]]
    }
    assert len(fingerprints | {simulated.pairs[0].fingerprint}) == 3
    assert plan(folder, *real).plan()["settings"]["clock"] == "real"


def test_a_journal_that_does_not_fit_stops_the_study_and_is_kept(folder):
    study = plan(folder, *REAL)
    path = journal_path(study.folder, study.pairs[0], 0)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"journal": 99}) + "\n")
    with pytest.raises(JournalError, match="version 99"):
        execute(study)
    assert path.exists()
    assert plan(folder, *REAL).pending()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("clock=sundial", "clock='sundial': use simulated or real"),
        ("job_timeout_s=-1", "job_timeout_s=-1"),
        ("overhead=measured", "clock=real: decisions take the time they take"),
        ("workers=1000", r"workers=1000, but this machine has \d+ cores"),
        ("oversubscribe=maybe", "oversubscribe='maybe'"),
    ],
)
def test_bad_settings(folder, setting, words):
    with pytest.raises(ConfigError, match=words):
        plan(folder, *[s for s in REAL if s.split("=")[0] != setting.split("=")[0]], setting)
