"""What a task starts ends with its job or run, and a command that is told to stop says so."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from hpobench.real.pool import WorkerProcesses
from hpobench.real.worker import Request
from hpobench.records import Evaluation, Job
from hpobench.results import load
from hpobench.system import processes
from tests import leaving
from tests.real_runs import Sleeper
from tests.rooms import ROOT
from tests.studies import execute, plan, write_conf


def running(text):
    """Processes with `text` in their command or environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            words = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if text.encode() in words and state != "Z":
            found.append(int(folder.name))
    return found


def gone(text, within_s=5):
    until = time.monotonic() + within_s
    while running(text) and time.monotonic() < until:
        time.sleep(0.05)
    return not running(text)


def study(folder, functions, *settings):
    """A command that runs a study of tasks of these functions, and a mark of all its processes."""
    tasks = folder / "conf" / "task"
    tasks.mkdir(parents=True)
    for function in functions:
        task = {
            "_target_": "hpobench.tasks.functions.FunctionTask",
            "function": f"tests.leaving.{function.__name__}",
            "space": {"x": {"type": "float", "low": 0, "high": 1}},
            "cost_s": 1.0,
        }
        (tasks / f"{function.__name__}.yaml").write_text(yaml.safe_dump(task))
    names = ",".join(function.__name__ for function in functions)
    mark = f"MARK={folder}"
    command = [sys.executable, "-m", "hpobench.cli", "run", f"task=[{names}]", "method=random"]
    command += ["name=s", "progress=false", f"runs_dir={folder}/runs", *settings]
    command += ["--conf", str(folder / "conf")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MARK": str(folder)}
    return {"args": command, "env": environment, "cwd": folder, "text": True}, mark


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_what_a_task_starts_ends_with_its_run(tmp_path, n_jobs):
    settings = ["seeds=2", "budget.trials=2", f"n_jobs={n_jobs}", "part_runs=1"]
    call, mark = study(tmp_path, leaving.ALL, *settings)
    done = subprocess.run(**call, capture_output=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert "left 2 processes running" in done.stderr
    assert gone(mark)
    # A fork that goes on does not store its run, too.
    assert len(load(tmp_path / "runs" / "s").runs) == 2 * len(leaving.ALL)
    assert len(list((tmp_path / "runs" / "s" / "parts").iterdir())) == 2 * len(leaving.ALL)


class Leaver(Sleeper):
    """Leaves a process and, for x = 1, a thread; its value is the process that trains."""

    def evaluate(self, job, seed, checkpoint):
        leaving.child(0)
        if job.config["x"] == 1:
            threading.Thread(target=time.sleep, args=[float(leaving.SLEEP)]).start()
        return Evaluation(np.ones(1), np.zeros(1), np.full(1, float(os.getpid())), 0.0)


def build_leaver():
    return Leaver([0.1, 0.1])


@pytest.mark.filterwarnings("ignore:a job left")
def test_what_a_job_starts_ends_with_it_on_the_real_clock(tmp_path):
    def job(x):
        request = Request("run", 0, Job(x, {"x": x}, 0, 1), 0, None, None, tmp_path / "p", 60)
        reply = pool.submit(request).result(60)
        assert not reply.error
        return int(reply.evaluation.value)

    with WorkerProcesses(build_leaver, 1, oversubscribe=True) as pool:
        first, second = job(0), job(1)
        assert second == first
        assert subprocess.run(["pgrep", "-P", str(first)], capture_output=True).stdout == b""
        assert job(0) != first  # the thread ended with its process


def test_what_others_have_started_is_left_alone():
    with subprocess.Popen(["sleep", "60"]) as before:
        with pytest.warns(UserWarning, match="the block left 1 process running"):  # noqa: SIM117
            with processes.ending("the block"):
                within = subprocess.Popen(["sleep", "60"])
        assert within.wait(5) is not None
        assert before.poll() is None
        before.kill()


@pytest.mark.parametrize(
    ("function", "number", "n_jobs"),
    [
        (leaving.slow, signal.SIGINT, 1),
        (leaving.slow, signal.SIGTERM, 2),
        (leaving.slow, signal.SIGHUP, 1),
        (leaving.deaf, signal.SIGINT, 1),
        (leaving.stubborn, signal.SIGTERM, 1),
        (leaving.deaf, signal.SIGKILL, 2),
    ],
)
def test_a_command_that_is_told_to_stop(tmp_path, function, number, n_jobs):
    settings = ["seeds=60", "budget.trials=2", f"n_jobs={n_jobs}", "check_first=false"]
    call, mark = study(tmp_path, [function], *settings)
    status, said = stopped(call, number, lambda _: (tmp_path / "runs/s/study.json").exists(), 2)
    if number != signal.SIGKILL:
        assert status == 128 + number
        assert_farewell(said)
    assert gone(mark)


def stopped(call, number, is_under_way, wait_s):
    """Exit status and words of a command that gets a signal once it is under way."""
    with subprocess.Popen(**call, stderr=subprocess.PIPE, start_new_session=True) as process:
        until = time.monotonic() + 60
        while not is_under_way(process.pid) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(wait_s)
        os.kill(process.pid, number)
        return process.wait(20), process.stderr.read()


def assert_farewell(said):
    assert [line[:16] for line in said.splitlines() if line] == ["hpobench: stoppe"]


def test_tuning_that_is_told_to_stop(tmp_path):
    settings = ["budget.trials=1000", "workers=2", "check_first=false"]
    call, mark = study(tmp_path, [leaving.slow], *settings)
    call["args"][3] = "tune"
    status, said = stopped(
        call, signal.SIGINT, lambda _: [*tmp_path.glob("runs/s/journal/*.jsonl")], 0.5
    )
    assert status == 130
    assert_farewell(said)
    assert gone(mark)


@pytest.mark.parametrize("command", ["plot", "report"])
@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells when it draws")
def test_drawing_that_is_told_to_stop(tmp_path, command):
    write_conf(tmp_path / "conf")
    execute(plan(tmp_path, "task=[bowl]", "method=[random,sobol]", "seeds=2", "budget.trials=5"))
    words = [sys.executable, "-m", "hpobench.cli", command, "study", "--runs-dir"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    call = {"args": [*words, str(tmp_path / "runs")], "env": environment, "text": True}
    status, said = stopped(
        call, signal.SIGINT, lambda it: "ft2font" in Path(f"/proc/{it}/maps").read_text(), 0.2
    )
    assert status == 130
    assert_farewell(said)
    assert not (tmp_path / "runs" / "study" / "report.html").exists()
