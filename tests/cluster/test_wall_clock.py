"""Runs on the wall clock, many at a time, on clusters that are real: `make test-cluster`.

Whatever is lost on the way, the journals of the runs, as they were copied time and again, agree
with what is stored in the end, and no two jobs had one slot at a time.
"""

import shutil
import signal
import time
from contextlib import suppress
from itertools import pairwise

import pandas as pd
import pytest
import yaml

from hpobench.real import journal
from hpobench.real.events import Finished
from hpobench.results import load
from tests.cluster import machines

pytestmark = machines.REAL_CLUSTER
RUNS = 4
OWN = """
import json
import time


def train(x, load=None):
    epoch = json.loads((load / "state").read_text()) if load else 0
    while True:
        time.sleep(0.15)
        epoch += 1
        yield {"value": x + 1 / epoch, "save": lambda folder: write(folder, epoch)}


def write(folder, epoch):
    (folder / "state").write_text(json.dumps(epoch))
"""


@pytest.fixture
def folder(tmp_path):
    """With a training loop whose value tells how many epochs it has seen, whoever saw them."""
    conf = tmp_path / "conf"
    (conf / "task").mkdir(parents=True)
    (conf / "own_training.py").write_text(OWN)
    task = {
        "_target_": "hpobench.tasks.loops.TrainingLoop",
        "loop": "own_training.train",
        "epochs": 9,
        "space": {"x": {"type": "float", "low": 0.0, "high": 1.0}},
        "budget": {"trials": 14},
    }
    (conf / "task" / "own_loop.yaml").write_text(yaml.safe_dump(task))
    return tmp_path


class Call:
    """A command whose journals are copied while it runs."""

    def __init__(self, folder, made, *settings, before=(), **environment):
        self.folder, self.study = folder, folder / "runs" / "far"
        self.copies, self.log = folder / "copies", folder / "driver.log"
        self.copies.mkdir(exist_ok=True)
        words = machines.words(folder, "far", "method=asha", "clock=real", "workers=1", *settings)
        self._begin = lambda: made.start(*before, *words, log=self.log, **environment)
        self.process = self._begin()

    def until(self, what):
        """Until that many jobs, or all there are, have ended; AssertionError if it takes long."""
        end = time.monotonic() + 2 * machines.PATIENCE_S
        while self.process.poll() is None and not what():
            assert time.monotonic() < end, self.log.read_text()
            for path in journal.paths(self.study):
                with suppress(FileNotFoundError):  # its run has just been stored
                    shutil.copy(path, self.copies)
            time.sleep(0.1)

    def ended(self):
        """The jobs that have ended, by run, as the copies say."""
        found = {}
        for path in self.copies.glob("*.jsonl"):
            if path.read_bytes().count(b"\n") > 1:
                events = journal.read(path)
                found[path.name] = [event for event in events if isinstance(event, Finished)]
        return found

    def kill(self):
        """The command itself, in the middle; then the same once more."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = self._begin()

    def to_its_end(self):
        """With success; what was copied is what is stored."""
        self.until(lambda: False)
        assert self.process.wait() == 0, self.log.read_text()
        stored = load(self.study)
        assert (stored.runs["status"] == "ok").all()
        assert sorted(stored.runs["seed"]) == list(range(RUNS))
        assert not journal.paths(self.study)
        copied = self.ended()
        assert len(copied) == RUNS
        for name, events in copied.items():
            check_journal(events, stored, seed=int(name.split(".")[2]))
        return stored


def check_journal(events, stored, seed):
    """Each job of the journal is stored as it was, and each value that it gave."""
    jobs = stored.jobs[stored.jobs["seed"] == seed].set_index(["trial", "from_resource"])
    values = stored.observations[stored.observations["seed"] == seed]
    values = values.set_index(["trial", "resource"])["value"]
    assert not jobs.index.duplicated().any()
    assert not values.index.duplicated().any()
    for event in events:
        _, worker, start_s, end_s, evaluation, cut = event.outcome
        job = event.outcome.job
        row = jobs.loc[(job.trial, job.from_resource)]
        assert (row["worker"], row["start_s"], row["end_s"]) == (worker, start_s, end_s)
        assert not cut
        for resource, value in zip(evaluation.resources, evaluation.values, strict=True):
            assert values.loc[(job.trial, resource)] == value


def check_slots(jobs):
    """No two jobs on one slot at a time; of jobs from before an interruption it is not known."""
    known = jobs[jobs["slot"] != ""]
    assert len(known)
    for _, mine in known.groupby("slot"):
        times = mine[["begun_unix_s", "ended_unix_s"]].sort_values("begun_unix_s").to_numpy()
        assert all(before[1] <= after[0] for before, after in pairwise(times))
    return known


def check_own_loop(stored):
    """A checkpoint that was lost, or another's, would have seen other epochs."""
    rows = stored.observations.merge(stored.trials, on=["task", "method", "seed", "trial"])
    pd.testing.assert_series_equal(
        rows["value"], rows["x"] + 1 / rows["resource"], check_names=False
    )
    assert (stored.jobs["from_resource"] > 0).any()


def all_at_once(call):
    """Whether all runs are under way at this moment, each with a job behind it."""
    live = [path.name for path in journal.paths(call.study)]
    ended = call.ended()
    return len(live) == RUNS and all(ended.get(name) for name in live)


def test_real_training_four_runs_at_once_and_a_worker_lost(folder, made):
    settings = ["task=cnn_digits", "tasks.cnn_digits.epochs=9", "tasks.cnn_digits.device=cpu"]
    settings += ["budget.time_s=null", "budget.trials=30", f"seeds={RUNS}"]
    with machines.dask(folder, made, RUNS) as address:
        call = Call(folder, made, *settings, "engine=dask", f"engine.address={address}")
        call.until(lambda: all_at_once(call))
        assert call.process.poll() is None, call.log.read_text()
        machines.kill_one_worker(made)
        stored = call.to_its_end()
    known = check_slots(stored.jobs)
    assert len(known) == len(stored.jobs)  # of all
    assert (known["status"] == "ok").all()  # engine.on_lost=rerun
    assert (known["lost"] != "").sum() <= 1


def test_hosts_that_share_no_files_and_the_command_killed(folder, made):
    with machines.hosts(["a", "b", "c"]) as (here, *others):
        inside = [*others, others[0]]
        with machines.dask(folder, made, host="10.211.7.1", before=here, inside=inside) as address:
            settings = ["task=own_loop", f"seeds={RUNS}", "engine=dask"]
            call = Call(folder, made, *settings, f"engine.address={address}", before=here)
            call.until(lambda: sum(map(len, call.ended().values())) >= 6)
            machines.kill_one_worker(made)
            call.until(lambda: sum(map(len, call.ended().values())) >= 12)
            call.kill()
            stored = call.to_its_end()
        check_own_loop(stored)
        check_slots(stored.jobs)
        made.check_none_left()


def test_jobs_of_slurm_and_a_node_lost(folder, made):
    with machines.slurm(folder) as environment:
        settings = ["task=own_loop", f"seeds={RUNS}", "engine=slurm", "engine.jobs=3"]
        settings += ["engine.memory=1GB", "engine.interface=lo", "engine.death_timeout=60"]
        settings += [f"engine.local_directory={folder}", f"engine.log_directory={folder}/logs"]
        call = Call(folder, made, *settings, "engine.queue=main", **environment)
        call.until(lambda: sum(map(len, call.ended().values())) >= 6)
        machines.lose_node(environment, folder, "node2")
        call.until(lambda: sum(map(len, call.ended().values())) >= 12)
        call.kill()
        stored = call.to_its_end()
        check_own_loop(stored)
        check_slots(stored.jobs)
        made.check_none_left()
