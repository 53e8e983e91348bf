"""The real executor on engines with the `concurrent.futures` interface, and what they cannot do.

Dask is not installed with the project: `make test-dask` gets it and runs these tests with it.
"""

import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor

from hpobench.cluster import clusters
from hpobench.loop.budget import Budget
from hpobench.loop.events import Outcome
from hpobench.real import engines
from hpobench.real.engines import Engine, SharedExecutor
from hpobench.real.executor import execute
from hpobench.real.pool import WorkerProcesses
from hpobench.system import memory
from hpobench.system.children import begin
from tests.real_runs import build, builder
from tests.tiny import ScriptedMethod

ROOT = Path(__file__).parents[2]
DASK = pytest.mark.skipif(find_spec("distributed") is None, reason="needs Dask: make test-dask")
NAMES = [
    "processes",
    "loky",
    pytest.param("dask", marks=DASK),
    "concurrent.futures.ProcessPoolExecutor",
]
linux = pytest.mark.skipif(not memory.available, reason="only Linux limits memory")


def run(pool, settings, asked, limits=None, **options):
    """The outcomes by trial."""
    budget = Budget(**(limits or {"time_s": 60}))
    events = execute(build(**settings), asked, budget=budget, seed=7, pool=pool, **options)
    return {e.job.trial: e for e in events if isinstance(e, Outcome)}


def opened(name, settings, folder, workers=2, memory_mb=None, **own):
    if name == "dask":
        given = {"jobs": workers, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
        own = {"_target_": "distributed.LocalCluster", "threads_per_worker": 1} | given | own
    return Engine(name, own, memory_mb).open(
        builder(**settings), workers, folder, oversubscribe=True
    )


STEPS = [(0, 0, 2), (1, 0, 1), None, (0, 2, 4), (1, 1, 2), (2, 0, 2), (3, 0, 1)]


def check_mixed_run(pool, log):
    """Trials that go on from checkpoints, one that raises, and one after it."""
    settings = settings_of(log)
    asked = ScriptedMethod(STEPS)
    found = run(pool, settings, asked)
    assert dict(asked.told) == {0: 1 / 4, 1: 1 + 1 / 2, 2: math.inf, 3: 4.0}
    assert "ValueError: diverged" in found[2].evaluation.error
    # The first epoch was reported before the second failed.
    assert found[2].evaluation.resources.tolist() == [1, 2]
    starts = sorted(tuple(map(int, row.split()[:2])) for row in log.read_text().splitlines())
    assert starts == [(0, 0), (0, 2), (1, 0), (1, 1), (2, 0), (3, 0)]
    pids = {int(row.split()[2]) for row in log.read_text().splitlines()}
    assert os.getpid() not in pids
    assert len(pids) == 2


def settings_of(log):
    return {"pace": [0.02, 0.2, 0.02, 0.02], "crimes": {2: "raise"}, "log": str(log)}


@pytest.mark.parametrize("name", NAMES)
def test_a_run_on_each_engine(name, tmp_path):
    log = tmp_path / "log"
    with opened(name, settings_of(log), tmp_path) as pool:
        pool.start()
        check_mixed_run(pool, log)
    assert {path.name for path in tmp_path.iterdir()} == {"log"}


def test_the_reusable_executor_of_loky(tmp_path):
    log = tmp_path / "log"
    make = partial(get_reusable_executor, max_workers=2, initializer=begin)
    try:
        check_mixed_run(SharedExecutor(make, builder(**settings_of(log)), 2), log)
    finally:
        make().shutdown(kill_workers=True)


def test_a_client_of_dask(tmp_path):
    distributed = pytest.importorskip("distributed")
    log = tmp_path / "log"
    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with (
        distributed.LocalCluster(**local, host="127.0.0.1") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        check_mixed_run(SharedExecutor(client.get_executor, builder(**settings_of(log)), 2), log)
        log.unlink()
        with opened("dask", settings_of(log), tmp_path, address=cluster.scheduler_address) as pool:
            check_mixed_run(pool, log)
        with (
            pytest.raises(
                ValueError, match=r"2 threads of workers came within .*, and 3 are needed"
            ),
            opened("dask", {}, tmp_path, 3, address=cluster.scheduler_address, patience_s=1),
        ):
            pass


def test_a_worker_that_dies_costs_no_more_than_its_trial(tmp_path):
    settings = {"pace": [0.05] * 3, "crimes": {0: "die_once"}, "flag": str(tmp_path / "flag")}
    asked = ScriptedMethod([(0, 0, 2), (1, 0, 9), (2, 0, 1)])
    with opened("loky", settings, tmp_path) as pool:
        run(pool, settings, asked)
    # Who died is not known: all jobs of the engine, trial 0 among them, begin again.
    assert dict(asked.told) == {0: 1 / 2, 1: 1 + 1 / 9, 2: 3.0}


@DASK
def test_on_a_cluster_a_job_costs_no_more_than_itself(tmp_path):
    """It hangs, and is ended; it ends its process, and has failed: nothing else begins again."""
    settings = {"pace": [0.02] * 4, "crimes": {0: "hang", 1: "die"}}
    asked = ScriptedMethod([(0, 0, 9), (1, 0, 9), (2, 0, 1), (3, 0, 1)])
    with opened("dask", settings, tmp_path) as pool:
        found = run(pool, settings, asked, job_timeout_s=3)
    assert dict(asked.told) == {0: math.inf, 1: math.inf, 2: 3.0, 3: 4.0}
    assert "TimeoutError" in found[0].evaluation.error
    assert "the worker died: killed by signal 9" in found[1].evaluation.error
    assert {path.name for path in tmp_path.iterdir()} == set()


def test_a_job_that_hangs_costs_its_worker_and_not_the_run(tmp_path):
    settings = {"pace": [0.02] * 4, "crimes": {0: "hang"}}
    asked = ScriptedMethod([(0, 0, 9), (1, 0, 1), None, (2, 0, 1), (3, 0, 1)])
    began = time.perf_counter()
    with opened("loky", settings, tmp_path) as pool:
        found = run(pool, settings, asked, job_timeout_s=3)
    assert dict(asked.told) == {0: math.inf, 1: 2.0, 2: 3.0, 3: 4.0}
    assert "TimeoutError" in found[0].evaluation.error
    assert found[2].worker == found[3].worker != found[0].worker
    # The engine ends, though a job of it hangs for 1,000 s.
    assert time.perf_counter() - began < 500


def test_workers_that_are_not_there_are_missed_before_the_run(monkeypatch):
    monkeypatch.setattr(engines, "PATIENCE_S", 0.2)
    with ThreadPoolExecutor(2) as threads:
        pool = SharedExecutor(lambda: threads, builder(pace=[0.01]), 3)
        with pytest.raises(RuntimeError, match="workers=3, but the engine had only 2"):
            pool.start()


def test_a_task_that_cannot_be_built_is_an_error_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "PATIENCE_S", 1000)  # the others are not waited for
    began = time.perf_counter()
    with opened("loky", {"paec": [1]}, tmp_path) as pool, pytest.raises(TypeError, match="paec"):
        pool.start()
    assert time.perf_counter() - began < 300


def test_workers_of_loky_end_with_the_run_that_was_killed(tmp_path):
    code = f"""
from pathlib import Path
from tests.real.test_engines import opened, run
from tests.tiny import ScriptedMethod
settings = {{"pace": [0.2, 0.2], "log": {str(tmp_path / "log")!r}}}
with opened("loky", settings, Path({str(tmp_path)!r})) as pool:
    run(pool, settings, ScriptedMethod([(0, 0, 9), (1, 0, 9)]))
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    log = tmp_path / "log"
    while not log.exists() or log.read_text().count("\n") < 2:
        time.sleep(0.05)
        assert process.poll() is None
    process.kill()
    process.wait()
    pids = [int(row.split()[2]) for row in log.read_text().splitlines()]
    until = time.perf_counter() + 100
    while any(map(alive, pids)) and time.perf_counter() < until:
        time.sleep(0.1)
    assert not any(map(alive, pids))


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@linux
@pytest.mark.parametrize("name", ["processes", "loky"])
def test_a_trial_that_takes_too_much_memory_fails_alone(name, tmp_path):
    # 2 GiB, of which a worker may take a quarter; the machine itself may well have them.
    settings = {"pace": [0.01] * 2, "crimes": {0: "greed"}}
    asked = ScriptedMethod([(0, 0, 2), (1, 0, 2)])
    with opened(name, settings, tmp_path, 1, memory_mb=512) as pool:
        found = run(pool, settings, asked)
    assert "MemoryError" in found[0].evaluation.error
    assert "a worker may take 512 MB" in found[0].evaluation.error
    assert dict(asked.told) == {0: math.inf, 1: 1 + 1 / 2}


@linux
def test_without_a_limit_the_same_trial_gets_its_memory(tmp_path):
    settings = {"pace": [0.01], "crimes": {0: "greed"}}
    asked = ScriptedMethod([(0, 0, 2)])
    with opened("processes", settings, tmp_path, 1) as pool:
        run(pool, settings, asked)
    assert asked.told == [(0, 1 / 2)]


@linux
def test_a_limit_that_leaves_nothing_to_a_job_is_an_error_before_the_run(tmp_path):
    with (
        opened("processes", {"pace": [0.01]}, tmp_path, 1, memory_mb=1) as pool,
        pytest.raises(ValueError, match=r"worker_memory_mb=1, but a worker .* takes \d+ MB"),
    ):
        pool.start()


@linux
def test_the_limit_holds_during_jobs_only():
    before = memory.taken_bytes()
    with (
        pytest.raises(MemoryError),
        memory.limited(before + (64 << 20)),
    ):
        np.zeros(1 << 30, dtype=np.uint8)
    assert len(np.zeros(1 << 30, dtype=np.uint8)) == 1 << 30


@linux
def test_the_system_kills_workers_first():
    with WorkerProcesses(builder(pace=[0.01]), 1) as pool:
        pool.start()
        (pid,) = pool._engines[0]._processes
        assert Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "1000"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "slurm"}, "engine='slurm': use local, loky, a cluster"),
        ({"name": "no.such.engine"}, "engine='no.such.engine' cannot be imported"),
        ({"memory_mb": -5}, "worker_memory_mb=-5: use a number above 0"),
    ],
)
def test_engines_that_cannot_be(settings, words):
    with pytest.raises(ValueError, match=words):
        Engine(**settings)


@DASK
def test_a_scheduler_that_does_not_answer_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(clusters, "CONNECT_S", 1)
    address = "tcp://127.0.0.1:9"
    with (
        pytest.raises(ValueError, match=f"no Dask scheduler answers at engine.address={address}"),
        opened("dask", {}, tmp_path, address=address),
    ):
        pass
