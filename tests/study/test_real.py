"""Studies with the wall clock running: settings, storage, resuming, bad input."""

import errno
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from hpobench.cli import main
from hpobench.real import checkpoints
from hpobench.real.journal import path_of
from hpobench.results import load
from hpobench.study.overrides import ConfigError
from hpobench.system.atomic import StorageError
from hpobench.tasks.data.fashion import FILES
from tests.real_runs import Sleeper
from tests.studies import execute, plan, write_conf

REAL = ["task=sleeper", "method=asha", "clock=real", "workers=1", "seeds=1"]


@pytest.fixture
def folder(tmp_path):
    write_conf(tmp_path / "conf")
    task = {
        "_target_": "tests.real_runs.Sleeper",
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
    changed = plan(folder, "task=bowl", "method=random", "job_timeout_s=5")  # of both clocks
    assert changed.pairs[0].fingerprint != simulated.pairs[0].fingerprint
    for setting in ("engine=loky", "worker_memory_mb=900"):
        with pytest.raises(ConfigError, match="has no effect on the simulated clock"):
            plan(folder, "task=bowl", "method=random", setting)
    real = ["task=bowl", "method=random", "clock=real", "workers=4", "oversubscribe=true"]
    changes = [[], ["job_timeout_s=5"], ["engine=loky"], ["worker_memory_mb=900"]]
    fingerprints = {plan(folder, *real, *more).pairs[0].fingerprint for more in changes}
    assert len(fingerprints | {simulated.pairs[0].fingerprint}) == 5
    assert plan(folder, *real).plan()["settings"]["clock"] == "real"


def test_a_study_on_another_engine(folder):
    threads = []

    def executor(workers):
        threads.append(ThreadPoolExecutor(workers))
        return threads[-1]

    sys.modules["an_engine_for_this_test"] = SimpleNamespace(executor=executor)
    assert execute(plan(folder, *REAL, "engine=an_engine_for_this_test.executor")) == 1
    # One to see whether the task can start, one for the run; both have been shut down.
    assert len(threads) == 2
    for pool in threads:
        with pytest.raises(RuntimeError, match="shutdown"):
            pool.submit(int)
    assert load(folder / "runs" / "study").runs["status"].tolist() == ["ok"]


def truncated(folder):
    """Files of the right names that end within their headers."""
    for name in FILES:
        (folder / name).write_bytes(bytes([0, 0, 8, 3, 0]))
    return folder


def not_started(folder, *settings):
    """Nothing ran, nothing is stored, nothing is left."""
    study = plan(folder, *settings)
    with pytest.raises(ConfigError) as caught:
        execute(study)
    assert study.status() == {}
    assert not (study.folder / "journal").exists()
    assert not list(study.folder.glob("parts/*"))
    return str(caught.value)


FASHION = [*REAL[1:], "task=cnn_fashion", "budget.trials=1"]


def test_data_that_are_missing_are_missed_when_the_study_is_planned(tmp_path):
    place = f"tasks.cnn_fashion.data.data_dir={tmp_path}/none"
    with pytest.raises(ConfigError, match=f"Fashion-MNIST is in none of {tmp_path}/none"):
        plan(tmp_path, *FASHION, place)


def test_data_that_are_truncated_are_an_error_before_the_first_run(tmp_path):
    place = f"tasks.cnn_fashion.data.data_dir={truncated(tmp_path)}"
    words = not_started(tmp_path, *FASHION, place)
    assert "task 'cnn_fashion' cannot start on 1 workers" in words
    assert f"{tmp_path / FILES[0]} is truncated" in words
    assert "apt install dataset-fashion-mnist" in words


def test_data_that_are_truncated_fail_a_simulated_run_with_their_name(tmp_path):
    place = f"tasks.cnn_fashion.data.data_dir={truncated(tmp_path)}"
    study = plan(tmp_path, *FASHION, place, "clock=simulated")
    ((error,),) = (report.errors.values() for report in study.run())
    assert f"{tmp_path / FILES[0]} is truncated" in error
    assert len(load(study.folder).observations) == 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_an_error_before_the_first_run(tmp_path):
    cuda = ["task=cnn_digits", "tasks.cnn_digits.device=cuda"]
    assert "device=cuda, but torch finds no GPU" in not_started(tmp_path, *REAL[1:], *cuda)


def test_a_study_that_is_stopped_goes_on_where_it_stopped(folder):
    settings = [*REAL[:-1], "seeds=2"]
    study = plan(folder, *settings)
    stream = study.run()
    next(stream)
    stream.close()
    assert len(plan(folder, *settings).pending()) == 1
    assert execute(plan(folder, *settings)) == 1
    assert load(folder / "runs" / "study").runs["status"].tolist() == ["ok"] * 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (json.dumps({"journal": 99}) + "\n", "version 99"),
        ("{}\n", "is of another run"),
        ("\0" * 100 + "\n", "line 1, is damaged"),
    ],
)
def test_a_run_whose_journal_does_not_fit_is_left_and_the_others_are_made(folder, text, words):
    settings = [*REAL[:-1], "seeds=2"]
    study = plan(folder, *settings)
    path = path_of(study.folder, study.pairs[0].key(0))
    path.parent.mkdir(parents=True)
    path.write_text(text)
    reports = list(study.run())
    (reason,) = (reason for report in reports for reason in report.left)
    assert str(path) in reason
    assert words in reason
    assert path.read_text() == text
    assert load(study.folder).runs["seed"].tolist() == [1]
    assert len(plan(folder, *settings).pending()) == 1


def test_a_run_that_is_left_is_named_with_its_remedy_and_status_1(folder, capsys):
    settings = [*REAL[:-1], "seeds=2", f"runs_dir={folder}/runs", "name=study", "progress=false"]
    study = plan(folder, *settings)
    path = path_of(study.folder, study.pairs[0].key(0))
    path.parent.mkdir(parents=True)
    path.write_text("[]\n")
    assert main(["run", *settings, "--conf", str(folder / "conf")]) == 1
    said = capsys.readouterr().err
    assert f"1 run was left as it is:\n  {path}, line 1, is damaged" in said
    assert "remove the file to run anew" in said


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("clock=sundial", "clock='sundial': use simulated or real"),
        ("job_timeout_s=-1", "job_timeout_s=-1"),
        ("overhead=measured", "clock=real: decisions take the time they take"),
        ("workers=1000", r"workers=1000, but this machine has \d+ cores"),
        ("oversubscribe=maybe", "oversubscribe='maybe'"),
        ("engine=slrum", "unknown engine 'slrum'. Did you mean slurm"),
        ("engine_address=tcp://host:8786", "is for engine=dask only"),
        ("worker_memory_mb=lots", "worker_memory_mb='lots': use a number above 0, or null"),
    ],
)
def test_bad_settings(folder, setting, words):
    with pytest.raises(ConfigError, match=words):
        plan(folder, *[s for s in REAL if s.split("=")[0] != setting.split("=")[0]], setting)


class NoRoom(Sleeper):
    """Its states cannot be stored where `full` exists, as on a disk without room."""

    def save_checkpoint(self, path, state):
        if Path(self.flag).exists():
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        checkpoints.save_plain(path, state)


def test_a_full_disk_stops_the_run_and_the_next_call_goes_on(folder):
    """No trial and no run may fail by it, and what was done is not done again."""
    full = folder / "full"
    task = {"_target_": "tests.study.test_real.NoRoom", "pace": [0.01] * 4, "flag": str(full)}
    (folder / "conf" / "task" / "full.yaml").write_text(yaml.safe_dump(task))
    settings = ["task=full", *REAL[1:], "budget.trials=4"]
    full.touch()
    study = plan(folder, *settings)
    with pytest.raises(StorageError, match=r"No space left.*same command again"):
        execute(study)
    assert study.status() == {}
    journal = path_of(study.folder, study.pairs[0].key(0))
    before = journal.read_text()
    assert "start" in before
    full.unlink()
    assert execute(plan(folder, *settings)) == 1
    stored = load(study.folder)
    assert stored.runs["status"].tolist() == ["ok"]
    assert set(stored.jobs["status"]) == {"ok"}
    assert not journal.exists()
