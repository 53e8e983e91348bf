"""Slots: no two jobs on one, whoever runs them. GPUs are made up: variables name them."""

import json
import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from hpobench.cluster import slots
from hpobench.cluster.slots import Ledger, Seen, Slot
from hpobench.records import Evaluation
from hpobench.results import load
from hpobench.study.overrides import ConfigError
from tests.cluster import machines
from tests.real_runs import EPOCHS
from tests.studies import execute, plan, write_conf
from tests.tiny import ScriptedTask

pytestmark = pytest.mark.filterwarnings("ignore:waiting for workers")  # a machine may be slow
REAL = ["task=seen", "method=random", "clock=real", "budget.trials=3", "oversubscribe=true"]
REAL += ["check_first=false"]  # which would be noted as well


class Seeing(ScriptedTask):
    """Writes down which GPU each job sees, and when, and takes `pace` seconds."""

    def __init__(self, log, pace=0.2):
        super().__init__([1.0] * 20, fidelity=EPOCHS)
        self.log, self.pace = log, pace

    def evaluate(self, job, seed, checkpoint):
        begun = time.time()
        row = {"gpu": os.environ.get(slots.VISIBLE), "begun": begun, "pid": os.getpid()}
        with Path(self.log + ".begun").open("a") as file:
            file.write(f"{json.dumps(row | {'parent': os.getppid()})}\n")
        time.sleep(self.pace)
        with Path(self.log).open("a") as file:
            file.write(f"{json.dumps(row | {'ended': time.time()})}\n")
        return Evaluation(
            resources=np.array([float(job.to_resource)]),
            seconds=np.array([self.pace]),
            values=np.array([float(job.config["x"])]),
            duration_s=self.pace,
        )


@pytest.fixture
def folder(tmp_path):
    write_conf(tmp_path / "conf")
    task = {"_target_": "tests.cluster.test_slots.Seeing", "log": str(tmp_path / "log")}
    (tmp_path / "conf" / "task" / "seen.yaml").write_text(yaml.safe_dump(task))
    return tmp_path


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def alone(intervals):
    """Whether no interval begins before the one before it has ended."""
    ordered = sorted(intervals)
    return all(a[1] <= b[0] for a, b in pairwise(ordered))


def check_alone(folder, devices):
    """Neither the tasks' own notes nor the stored jobs have two jobs on one GPU at a time."""
    noted = rows(folder / "log")
    assert {row["gpu"] for row in noted} == devices
    for device in devices:
        assert alone((row["begun"], row["ended"]) for row in noted if row["gpu"] == device)
    return check_slots(folder, len(devices))


def check_slots(folder, count):
    """The stored jobs have no two on one slot at a time, and so many slots."""
    jobs = load(folder / "runs" / "study").jobs
    assert (jobs["slot"] != "").all()
    assert len(set(jobs["slot"])) == count
    for _, mine in jobs.groupby("slot"):
        assert alone(zip(mine["begun_unix_s"], mine["ended_unix_s"], strict=True))
    return jobs


@machines.REAL_CLUSTER
def test_four_runs_on_two_gpus_of_this_machine(folder, monkeypatch):
    monkeypatch.setenv(slots.VISIBLE, "4,7")
    settings = [*REAL, "workers=1", "seeds=4", "engine.slots=gpus"]
    assert execute(plan(folder, *settings)) == 4
    jobs = check_alone(folder, {"4", "7"})
    assert len(jobs) == 12
    ends = jobs.groupby("slot")["ended_unix_s"].max()
    assert (jobs["begun_unix_s"].min() < ends.min()).all()


def test_runs_see_a_gpu_each(folder):
    settings = [*REAL, "workers=1", "seeds=2", "engine.slots=gpus", "engine.devices=[0,1]"]
    assert execute(plan(folder, *settings)) == 2
    check_alone(folder, {"0", "1"})


def test_more_workers_than_gpus_are_refused(folder, monkeypatch):
    monkeypatch.setenv(slots.VISIBLE, "0,1")
    study = plan(folder, *REAL, "workers=4", "seeds=1", "engine.slots=gpus")
    with pytest.raises(ConfigError, match=r"workers=4, but engine=\w+ has 2 slots \(gpus\)"):
        execute(study)


@machines.REAL_CLUSTER
def test_runs_side_by_side_on_cores(folder):
    assert execute(plan(folder, *REAL, "workers=1", "seeds=2", "engine.runs=2")) == 2
    check_slots(folder, 2)


@machines.REAL_CLUSTER
def test_four_workers_of_a_cluster_on_two_gpus(folder):
    settings = [*REAL, "workers=1", "seeds=4", "engine=dask", "engine.jobs=4"]
    settings += ["engine.slots=gpus", "engine.devices=[0,1]"]
    assert execute(plan(folder, *settings)) == 4
    check_alone(folder, {"0", "1"})


@machines.REAL_CLUSTER
@pytest.mark.parametrize("policy", ["rerun", "fail"])
def test_a_worker_that_is_lost(folder, policy):
    """The process that Dask runs is killed under the first job, and nobody else's is."""
    import threading

    def kill():
        begun = folder / "log.begun"
        while not begun.exists() or not begun.read_text().endswith("\n"):
            time.sleep(0.02)
        os.kill(rows(begun)[0]["parent"], signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    settings = [*REAL, "workers=1", "seeds=1", "engine=dask", "engine.jobs=2"]
    execute(plan(folder, *settings, f"engine.on_lost={policy}", "+tasks.seen.pace=1.0"))
    killer.join(60)
    jobs = load(folder / "runs" / "study").jobs
    assert jobs["lost"].astype(bool).sum() == 1
    assert jobs["status"].tolist().count("failed") == (policy == "fail")
    if policy == "fail":
        (error,) = jobs.loc[jobs["status"] == "failed", "error"]
        assert "the worker died: the worker of" in error
        assert "was lost" in error
    else:
        # What the lost attempt took is charged.
        first = jobs.iloc[0]
        assert first["end_s"] - first["start_s"] > 1.2


def test_no_gpu_twice_on_one_machine():
    both = [("0", "GPU-a"), ("1", "GPU-b")]
    seen = {"tcp://1": Seen("host", both), "tcp://2": Seen("host", both)}
    seen |= {"tcp://3": Seen("host", both), "tcp://4": Seen("other", [("0", "GPU-c")])}
    made = slots.of_workers(dict.fromkeys(seen, 1), seen, gpus=True)
    assert [(slot.worker, slot.unique) for slot in made] == [
        *[("tcp://1", "GPU-a"), ("tcp://2", "GPU-b"), ("tcp://4", "GPU-c")]
    ]
    cores = slots.of_workers({"tcp://1": 2, "tcp://4": 1}, seen, gpus=False)
    assert [(slot.worker, slot.number) for slot in cores] == [
        *[("tcp://1", 0), ("tcp://1", 1), ("tcp://4", 0)]
    ]


def test_jobs_of_slurm_may_each_call_their_gpu_0():
    """Under its control groups: then the driver's names tell them apart."""
    seen = {"tcp://1": Seen("host", [("0", "GPU-a")]), "tcp://2": Seen("host", [("0", "GPU-b")])}
    made = slots.of_workers(dict.fromkeys(seen, 1), seen, gpus=True)
    assert [slot.unique for slot in made] == ["GPU-a", "GPU-b"]


def test_a_ledger():
    ledger = Ledger([Slot("host", "a"), Slot("host", "b"), Slot("host", "b", 1)])
    mine = ledger.take(2)
    assert ledger.take(2) is None
    ledger.keep(["b"])  # a is lost while it is taken
    assert len(ledger) == 2
    ledger.give_back(mine)
    assert {slot.worker for slot in ledger.take(2)} == {"b"}
    ledger.add([Slot("host", "b"), Slot("host", "c")])
    assert len(ledger) == 3


def test_gpus_that_are_visible(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, GPU-a'\necho '1, GPU-b'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv(slots.VISIBLE, raising=False)
    assert slots.devices({}) == [("0", "GPU-a"), ("1", "GPU-b")]
    monkeypatch.setenv(slots.VISIBLE, "1")
    assert slots.devices({}) == [("1", "GPU-b")]
    monkeypatch.setenv(slots.VISIBLE, "")
    assert slots.devices({}) == []
    assert slots.devices({"devices": [0]}) == [("0", "GPU-a")]
