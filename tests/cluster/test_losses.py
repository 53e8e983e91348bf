"""What goes wrong on a cluster: workers that die, that never come, that are not like the others."""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from hpobench.cluster import clusters
from hpobench.results import load
from hpobench.study.overrides import ConfigError
from hpobench.system import package
from hpobench.system.terminal import Notice
from tests.cluster import machines
from tests.studies import Broken, bowl, execute, plan, write_conf

pytestmark = [
    machines.REAL_CLUSTER,
    pytest.mark.filterwarnings("ignore:waiting for workers"),  # a machine may be slow
    pytest.mark.filterwarnings("ignore:unclosed cluster"),  # of one whose jobs are refused
]
ONE = ["n_jobs=-1", "engine=dask", "engine.jobs=1", "engine.patience_s=300"]


class Deadly(Broken):
    """A searcher that takes the worker with it at its third suggestion."""

    def suggest(self, pending):
        if self._count == 2:
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        return super().suggest(pending)


def slow_bowl(x, units, kind):
    """A function that takes its time, and tells of it where it is asked to."""
    time.sleep(0.05)
    return bowl(x, units, kind)


@pytest.fixture
def folder(tmp_path):
    conf = write_conf(tmp_path / "conf")
    for group, name, old, new in [
        ("method", "broken", "tests.studies.Broken", "tests.cluster.test_losses.Deadly"),
        ("task", "bowl", "tests.studies.bowl", "tests.cluster.test_losses.slow_bowl"),
    ]:
        path = conf / group / f"{name}.yaml"
        path.write_text(path.read_text().replace(old, new))
    return tmp_path


def command(folder, *settings):
    """A study of the tasks and methods above, as a command."""
    return machines.words(folder, "far", "task=bowl", "check_first=false", *settings)


def test_a_run_that_kills_two_workers_has_failed_and_costs_no_other(folder, made):
    settings = ["method=[broken,random]", "seeds=2", "budget.trials=5", "budget.time_s=null"]
    log = folder / "driver.log"
    # Dask itself would give up a worker that takes longer to come back.
    hasty = {"DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "100ms"}
    driver = made.start(*command(folder, *settings, *ONE), log=log, **hasty)
    assert driver.wait(3 * machines.PATIENCE_S) == 1, log.read_text()
    runs = load(folder / "runs" / "far").runs.set_index(["method", "seed"]).sort_index()
    assert (runs.loc["random", "status"] == "ok").all()
    assert (runs.loc["broken", "status"] == "failed").all()
    assert set(runs.loc["broken", "error"]) == {
        "the worker process died: two workers were lost with it"
    }


def test_the_only_worker_is_lost_and_another_comes(folder, made):
    """What all chunks share was on it alone."""
    settings = ["method=random", "seeds=8", "part_runs=1", "budget.trials=20"]
    log, study = folder / "driver.log", folder / "runs" / "far"
    driver = made.start(*command(folder, *settings, "budget.time_s=null", *ONE), log=log)
    machines.until(lambda: driver.poll() is not None or machines.stored(study) >= 2)
    os.kill(worker_of(driver.pid), signal.SIGKILL)
    assert driver.wait(machines.PATIENCE_S) == 0, log.read_text()
    assert sorted(load(study).runs["seed"]) == list(range(8))


def worker_of(parent):
    """The worker of Dask below a process: one that has a process of its own."""
    below = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            number = int(place.joinpath("stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        below.setdefault(number, []).append(int(place.name))
    (found,) = (child for child in below[parent] if below.get(child))
    return found


def test_workers_come_and_go_with_the_work(folder):
    settings = ["task=bowl", "method=random", "seeds=12", "part_runs=1", "budget.trials=20"]
    study = plan(folder, *settings, *ONE, "engine.jobs=3", "engine.minimum_jobs=1")
    counts = [report.workers for report in study.run()]
    assert len(counts) == 12
    assert max(counts) == 3  # of which one was there before there was work


def other_versions(folder):
    """What finds a copy of this package in which one line is another."""
    shutil.copytree(package.HERE, folder / "hpobench", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "hpobench" / "words.py").open("a") as file:
        file.write("\n# Another version.\n")
    return {"PYTHONPATH": f"{folder}:{machines.ROOT}", "PYTHONSAFEPATH": "1"}


def test_a_worker_of_another_version_is_refused_or_recorded(folder, made):
    with machines.dask(folder, made, 1, **other_versions(folder / "other")) as address:
        settings = ["task=bowl", "method=random", "seeds=1", "budget.trials=3"]
        settings += ["n_jobs=-1", "engine=dask", f"engine.address={address}"]
        words = r"have other versions, which may have other results: hpobench is .* here and .* on"
        for clock in ("simulated", "real"):
            with pytest.raises(ConfigError, match=words):
                execute(plan(folder, *settings, f"clock={clock}", f"name={clock}", "workers=1"))
        study = plan(folder, *settings, "engine.allow_versions=true")
        with pytest.warns(Notice, match="versions differ: hpobench is"):
            assert execute(study) == 1
    manifest = json.loads((study.folder / "manifest.json").read_text())
    (line,) = manifest["calls"][-1]["other_versions"]
    assert line.startswith("hpobench is ")


def test_a_worker_that_comes_later_and_differs_gets_no_work(folder, made):
    with machines.dask(folder, made, 1) as address:
        settings = ["task=bowl", "method=random", "seeds=10", "part_runs=1", "budget.trials=20"]
        study = plan(folder, *settings, "n_jobs=-1", "engine=dask", f"engine.address={address}")
        reports = study.run()
        next(reports)
        made.start(
            *(sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1"),
            *("--no-dashboard", "--host", "127.0.0.1"),
            log=folder / "late.log",
            **other_versions(folder / "other"),
        )
        with pytest.warns(Notice, match="gets no work: hpobench is"):
            assert sum(len(report.chunk.seeds) for report in reports) == 9
    assert (load(study.folder).runs["status"] == "ok").all()


def test_workers_that_never_come_are_missed_aloud(folder, made, monkeypatch):
    monkeypatch.setattr(clusters, "SAY_AFTER_S", 0.5)
    with machines.dask(folder, made, 0) as address:
        where = f"engine.address={address}"
        settings = ["task=bowl", "method=random", "n_jobs=-1", "engine=dask"]
        study = plan(folder, *settings, where, "engine.patience_s=2")
        with (
            pytest.warns(Notice, match=rf"waiting for workers of {where}: 0 of 1 threads"),
            pytest.raises(ConfigError, match=r"0 threads of workers came within .*patience_s=2"),
        ):
            execute(study)


def scheduler_of_ours(folder, monkeypatch, words, status=1):
    """A program `sbatch` that says something and ends."""
    programs = folder / "bin"
    programs.mkdir()
    for name, text in {"sbatch": f"echo '{words}' >&2\nexit {status}", "scancel": ""}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")


SLURM = ["task=bowl", "method=random", "n_jobs=-1", "engine=slurm", "engine.interface=lo"]
SLURM += ["engine.queue=nope"]


def test_a_job_that_cannot_be_submitted_is_an_error_at_once(folder, monkeypatch):
    scheduler_of_ours(folder, monkeypatch, "sbatch: error: invalid partition specified: nope")
    with pytest.raises(ConfigError, match=r"engine=slurm cannot start its workers: .*: nope"):
        execute(plan(folder, *SLURM))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match=r"cannot start its workers: .*'sbatch'"):
        execute(plan(folder, *SLURM))


def test_sigterm_ends_a_study_on_a_cluster_and_the_same_command_goes_on(folder, made):
    """Exit status 128 + 15, soon; nothing of it is left running, and nothing runs twice."""
    with machines.dask(folder, made, 2) as address:
        words = [
            *(sys.executable, "-m", "hpobench.cli", "run", f"runs_dir={folder}/runs", "name=far"),
            *("task=bowl", "method=random", "seeds=16", "part_runs=2", "budget.trials=20"),
            *("--conf", str(folder / "conf"), "engine=dask", f"engine.address={address}"),
        ]
        log, study = folder / "driver.log", folder / "runs" / "far"
        driver = made.start(*words, log=log)
        machines.until(lambda: driver.poll() is not None or machines.stored(study) >= 4)
        driver.send_signal(signal.SIGTERM)
        assert driver.wait(30) == 128 + signal.SIGTERM, log.read_text()
        assert "Traceback" not in log.read_text()
        before = machines.stored(study)
        assert before < 16
        driver = made.start(*words, log=log)
        assert driver.wait(machines.PATIENCE_S) == 0, log.read_text()
    runs = load(study).runs
    assert sorted(runs["seed"]) == list(range(16))


def test_sigterm_in_the_middle_of_a_chunk_stores_what_is_done_of_it(folder, made):
    """As SLURM sends it to a job of an array, a minute before its end."""
    words = [
        *(sys.executable, "-m", "hpobench.cli", "run", f"runs_dir={folder}/runs", "name=part"),
        *("task=bowl", "method=random", "seeds=20", "part_runs=10", "budget.trials=10"),
        *("--conf", str(folder / "conf"), "n_jobs=1"),
    ]
    log, study = folder / "driver.log", folder / "runs" / "part"
    driver = made.start(*words, log=log)
    printed = study / "logs"
    machines.until(lambda: any(printed.glob("*.log")) and "== seed 3" in _text(printed))
    driver.send_signal(signal.SIGTERM)
    assert driver.wait(30) == 128 + signal.SIGTERM, log.read_text()
    before = machines.stored(study)
    assert 3 <= before < 20
    driver = made.start(*words, log=log)
    assert driver.wait(machines.PATIENCE_S) == 0, log.read_text()
    assert f"{before} runs are stored already, {20 - before} to run" in log.read_text()
    assert sorted(load(study).runs["seed"]) == list(range(20))


def _text(folder):
    return "".join(path.read_text() for path in folder.glob("*.log"))


def test_adaptive_scaling_is_for_the_simulated_clock(folder):
    with pytest.raises(ConfigError, match=r"engine.minimum_jobs=1 .* slots of a run stay"):
        plan(folder, "task=bowl", "method=random", "clock=real", "workers=1", *ONE,
             "engine.minimum_jobs=1")  # fmt: skip
