"""The real executor: its rules against the simulator's, and what goes wrong with real workers."""

import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from hpobench.loop.budget import Budget
from hpobench.loop.events import Decision, Outcome
from hpobench.loop.overhead import replay
from hpobench.loop.simulator import simulate
from hpobench.methods.composite import Composite
from hpobench.methods.schedulers.asha import ASHA
from hpobench.methods.schedulers.successive_halving import SuccessiveHalving
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.real.engines import SharedExecutor
from hpobench.real.executor import execute
from hpobench.real.journal import remove
from hpobench.real.pool import WorkerProcesses
from hpobench.records import Evaluation, Job
from hpobench.system import processes
from tests.real_runs import build, builder
from tests.tiny import ScriptedMethod

ROOT = Path(__file__).parents[2]
SCHEDULERS = {
    "synchronous": partial(SuccessiveHalving, eta=3, configurations=9),
    "asynchronous": partial(ASHA, eta=3),
}
# All different and far apart in ratio, so that no two jobs end at the same time.
PACES = [0.031, 0.043, 0.057, 0.024, 0.037, 0.050, 0.028, 0.046, 0.034]


def method(task, scheduler):
    searcher = partial(RandomSearch, replace=False)
    rng = np.random.default_rng(3)
    return Composite(task.space, task.fidelity, rng, 2, searcher, SCHEDULERS[scheduler])


def jobs(*steps):
    return ScriptedMethod(steps)


def run(settings, asked, workers=2, *, limits=None, pool=None, **options):
    """All events, and what the method was told."""
    budget = Budget(**(limits or {"time_s": 30}))
    make = pool or partial(WorkerProcesses, oversubscribe=True)
    with make(builder(**settings), workers) as engine:
        task = build(**settings)
        return list(execute(task, asked, budget=budget, seed=7, pool=engine, **options))


def outcomes(events):
    return [event for event in events if isinstance(event, Outcome)]


def by_trial(happened):
    return happened.job.trial


def ended(events):
    return [
        (o.job.trial, o.job.to_resource, o.worker, o.evaluation.value) for o in outcomes(events)
    ]


class Threads:
    """A pool of threads as a context."""

    def __init__(self, task, workers):
        self.engine = ThreadPoolExecutor(workers)
        self.pool = SharedExecutor(lambda: self.engine, task, workers)

    def __enter__(self):
        return self.pool

    def __exit__(self, *_):
        self.engine.shutdown(wait=True)


class Replayed:
    """Answers each job as it was recorded, whenever it is asked for."""

    def __init__(self, task, recorded):
        self.__dict__.update(vars(task))
        self.recorded = {(o.job.trial, o.job.to_resource): o.evaluation for o in recorded}

    def evaluate(self, job, seed, checkpoint):
        evaluation: Evaluation = self.recorded[job.trial, job.to_resource]
        return evaluation._replace(checkpoint=job.to_resource)


class Listening:
    """A method whose answers are kept."""

    def __init__(self, asked):
        self.asked, self.answers = asked, []
        self.tell, self.refuse = asked.tell, asked.refuse

    def ask(self):
        self.answers.append(self.asked.ask())
        return self.answers[-1]


def recorded_delays(events, answers):
    """For each decision, by how much it moved the clock: up to the start of its job, if any."""
    starts = {(o.job.trial, o.job.to_resource): o.start_s for o in outcomes(events)}
    answers = iter(answers)
    delays, decided, now = {"ask": [], "tell": []}, 0.0, 0.0
    for event in events:
        if isinstance(event, Outcome):
            now = event.end_s
            continue
        job = next(answers) if event.kind == "ask" else None
        until = event.time_s + event.seconds
        if job is not None:
            until = starts.get((job.trial, job.to_resource), until)
        began = max(decided, now)
        decided = max(began, until)
        delays[event.kind].append(decided - began)
    return delays["ask"], delays["tell"]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_recorded_durations_give_the_same_decisions_in_the_simulator(scheduler):
    settings = {"pace": PACES}
    task = build(**settings)
    # A stop after so many trials: where a time ends a run, milliseconds decide what counts.
    budget = Budget(trials=9)
    asked = Listening(method(task, scheduler))
    real = run(settings, asked, limits={"trials": 9})
    simulated = list(
        simulate(
            Replayed(task, outcomes(real)),
            method(task, scheduler),
            budget=budget,
            seed=7,
            workers=2,
            charge=replay(*recorded_delays(real, asked.answers)),
        )
    )
    assert len(outcomes(real)) > 12
    assert ended(real) == ended(simulated)
    kinds = [event.kind for event in real if isinstance(event, Decision)]
    assert kinds == [event.kind for event in simulated if isinstance(event, Decision)]
    starts = [[o.start_s for o in outcomes(events)] for events in (real, simulated)]
    np.testing.assert_allclose(*starts, atol=1e-6)


def test_observations_are_timed_by_the_clock_of_the_run():
    # On a busy machine sleeping takes longer, but never shorter.
    events = run({"pace": [0.1, 0.2]}, jobs((0, 0, 3), (1, 0, 2)))
    for o, pace in zip(sorted(outcomes(events), key=by_trial), [0.1, 0.2], strict=True):
        assert (np.diff([0, *o.evaluation.seconds]) > 0.99 * pace).all()
        assert o.evaluation.seconds[-1] <= o.evaluation.duration_s
        assert o.evaluation.duration_s == pytest.approx(o.end_s - o.start_s)


@pytest.mark.parametrize(
    ("crime", "words"),
    [
        ("raise", "ValueError: diverged"),
        ("memory", "MemoryError: too large"),
        ("exit", "SystemExit: 3"),
        ("die", "worker died"),
        ("hang", "TimeoutError: no end after 3 s"),
    ],
)
def test_a_crime_costs_its_trial_and_not_the_run(crime, words):
    asked = jobs((0, 0, 3), (1, 0, 2), (2, 0, 2), (3, 0, 2))
    settings = {"pace": [0.03, 0.2, 0.03, 0.03], "crimes": {0: crime}}
    events = run(settings, asked, job_timeout_s=3 if crime == "hang" else 20)
    (failed,) = (o for o in outcomes(events) if o.job.trial == 0)
    assert words in failed.evaluation.error
    # The first epoch was reported before the second failed.
    np.testing.assert_array_equal(failed.evaluation.resources, [1, 3])
    np.testing.assert_array_equal(failed.evaluation.values, [1, np.nan])
    assert failed.evaluation.seconds[-1] == pytest.approx(failed.end_s - failed.start_s)
    assert failed.evaluation.duration_s >= (3 if crime == "hang" else 0.06)
    assert dict(asked.told) == {0: math.inf, 1: 1.5, 2: 2.5, 3: 3.5}


def test_the_time_of_a_job_counts_from_its_beginning_in_its_worker():
    # The process that takes the place of the dead one needs longer to start than a job may take.
    asked = jobs((0, 0, 2), (1, 0, 1), (2, 0, 1))
    settings = {"pace": [0.01] * 3, "crimes": {0: "die"}, "prepare_s": 2.5}
    events = run(settings, asked, 1, job_timeout_s=2)
    assert dict(asked.told) == {0: math.inf, 1: 2, 2: 3}
    assert {o.evaluation.error for o in outcomes(events)} == {
        "BrokenExecutor: the worker died: killed by signal 9 (SIGKILL): "
        "out of memory, or by somebody",
        None,
    }


def test_a_worker_killed_from_outside_costs_its_job(tmp_path):
    log = tmp_path / "log"
    settings = {"pace": [0.2, 0.2, 0.1], "log": str(log)}
    asked = jobs((0, 0, 9), (1, 0, 9), (2, 0, 1))
    events = []
    with WorkerProcesses(builder(**settings), 2, oversubscribe=True) as pool:
        task = build(**settings)
        stream = execute(task, asked, budget=Budget(time_s=30), seed=7, pool=pool, watch=kill(log))
        events = list(stream)
    assert dict(asked.told) == {0: math.inf, 1: 1 + 1 / 9, 2: 3.0}
    assert "died" in outcomes(events)[0].evaluation.error


def kill(log):
    """At the first call, kill -9 the process that trains trial 0."""
    once = iter([None])

    def watch(_status):
        for _ in once:
            pids = {row.split()[0]: int(row.split()[2]) for row in log.read_text().splitlines()}
            os.kill(pids["0"], signal.SIGKILL)

    return watch


def test_a_worker_that_died_between_jobs_is_replaced():
    settings = {"pace": [0.05]}
    with WorkerProcesses(builder(**settings), 1) as pool:
        pool.start()
        (process,) = pool._engines[0]._processes.values()
        process.kill()
        process.join()
        time.sleep(0.2)
        asked = jobs((0, 0, 1))
        list(execute(build(**settings), asked, budget=Budget(time_s=30), seed=7, pool=pool))
    assert asked.told == [(0, 1.0)]


def test_the_end_of_time_cuts_jobs_and_keeps_what_was_reported():
    asked = jobs((0, 0, 9), (1, 0, 9), (2, 0, 9))
    settings = {"pace": [0.4, 0.6, 0.4], "crimes": {2: "hang"}}
    began = time.perf_counter()
    events = run(settings, asked, workers=3, limits={"time_s": 1.5})
    assert [(o.cut, o.end_s) for o in outcomes(events)] == [(True, 1.5)] * 3
    # Epochs at 0.4, 0.8, 1.2, 1.6 and at 0.6, 1.2, 1.8, or later on a busy machine.
    for o, most in zip(sorted(outcomes(events), key=by_trial), [3, 2, 1], strict=True):
        assert 1 <= len(o.evaluation.values) <= most
        assert o.start_s + o.evaluation.seconds[-1] <= 1.5
    assert asked.told == []
    assert time.perf_counter() - began < 500  # a job of them hangs for 1,000 s


def test_the_budget_of_resource_shortens_the_last_job():
    asked = jobs((0, 0, 4), (1, 0, 4), (2, 0, 4))
    events = run({"pace": [0.02] * 3}, asked, 1, limits={"resource": 6})
    assert [(o.job.trial, o.cut, len(o.evaluation.values)) for o in outcomes(events)] == [
        *[(0, False, 4), (1, True, 2)]
    ]
    assert [trial for trial, _ in asked.told] == [0]


def test_cost_is_charged_as_it_accrues():
    # Two workers spend 1 s in half a second.
    events = run({"pace": [0.2, 0.3]}, jobs((0, 0, 9), (1, 0, 9)), limits={"cost_s": 1.0})
    assert all(o.cut for o in outcomes(events))
    assert sum(o.end_s - o.start_s for o in outcomes(events)) == pytest.approx(1.0, abs=1e-3)
    assert len({o.end_s for o in outcomes(events)}) == 1


def test_a_trial_goes_on_from_its_checkpoint_on_another_worker(tmp_path):
    log = tmp_path / "log"
    settings = {"pace": [0.02, 0.2], "log": str(log)}
    run(settings, jobs((0, 0, 2), (1, 0, 1), None, (0, 2, 4), (1, 1, 2)))
    rows = sorted(tuple(map(int, row.split())) for row in log.read_text().splitlines())
    assert [row[:2] for row in rows] == [(0, 0), (0, 2), (1, 0), (1, 1)]
    # The worker that ended last is served first: trials 0 and 1 change places.
    assert rows[1][2] == rows[2][2] != rows[0][2]


def test_without_checkpoints_a_trial_begins_anew_unless_its_worker_holds_it(tmp_path):
    log = tmp_path / "log"
    settings = {"pace": [0.02, 0.2], "log": str(log), "can_checkpoint": False}
    run(settings, jobs((0, 0, 2), (1, 0, 1), None, (0, 2, 4), (1, 1, 2)))
    # They change places as above, and begin anew.
    rows = sorted(row[:3] for row in log.read_text().splitlines())
    assert rows == ["0 0", "0 0", "1 0", "1 0"]
    log.unlink()
    run(settings, jobs((0, 0, 2), (0, 2, 4)), 1)
    assert [row[:3] for row in log.read_text().splitlines()] == ["0 0", "0 2"]


def test_a_pool_of_threads_serves_alike():
    asked = jobs((0, 0, 2), (1, 0, 2), (2, 0, 2), (0, 2, 4))
    events = run({"pace": [0.05, 0.02, 0.08], "crimes": {1: "raise"}}, asked, pool=Threads)
    assert dict(asked.told) == {0: 1 / 4, 1: math.inf, 2: 2.5}
    assert len(outcomes(events)) == 4


def test_a_thread_that_hangs_is_a_lost_worker():
    # The job reports its second epoch after 1 s, is told that nobody waits, and stops.
    asked = jobs((0, 0, 9), (1, 0, 1), (1, 1, 2), (1, 2, 3))
    events = run({"pace": [0.5, 0.02]}, asked, pool=Threads, job_timeout_s=0.6)
    assert [o.worker for o in outcomes(events)] == [1, 1, 1, 0]
    assert asked.told[-1] == (0, math.inf)


def test_losing_all_workers_ends_the_run():
    with pytest.raises(RuntimeError, match="all workers are lost"):
        run({"pace": [0.5]}, jobs((0, 0, 2)), 1, pool=Threads, job_timeout_s=0.2)


def test_a_shared_pool_that_dies_is_replaced_and_its_jobs_begin_again(tmp_path):
    settings = {"pace": [0.05] * 3, "crimes": {0: "die_once"}, "flag": str(tmp_path / "flag")}
    made = []

    def make():
        made.append(ProcessPoolExecutor(2, mp_context=spawn()))
        return made[-1]

    asked = jobs((0, 0, 2), (1, 0, 9), (2, 0, 1))
    pool = SharedExecutor(make, builder(**settings), 2)
    list(execute(build(**settings), asked, budget=Budget(time_s=30), seed=7, pool=pool))
    for engine in made:
        engine.shutdown()
    assert len(made) == 2
    assert dict(asked.told) == {0: 1 / 2, 1: 1 + 1 / 9, 2: 3.0}


def spawn():
    import multiprocessing

    return multiprocessing.get_context("spawn")


def test_watching_a_run():
    seen = []
    run({"pace": [0.3]}, jobs((0, 0, 5)), 1, watch=seen.append)
    assert seen[0].running == (0,)
    assert seen[0].left_s == pytest.approx(29, abs=0.5)
    assert [status.trials for status in seen][-1] == 1


def test_more_workers_than_cores_is_an_error_that_names_both():
    with pytest.raises(ValueError, match=r"workers=1000, but this machine has \d+ cores"):
        WorkerProcesses(builder(pace=[1]), 1000)
    with pytest.raises(ValueError, match="workers=0"):
        WorkerProcesses(builder(pace=[1]), 0)


def test_a_task_that_cannot_be_built_is_an_error_before_the_run():
    with WorkerProcesses(builder(paec=[1]), 1) as pool, pytest.raises(TypeError, match="paec"):
        pool.start()


RESUMED = {"pace": [0.04, 0.05, 0.07, 0.03, 0.02, 0.08, 0.04, 0.06, 0.03]}


def resumable(journal):
    """The run that is killed and resumed: successive halving, decisions free of race."""
    task = build(**RESUMED)
    with WorkerProcesses(builder(**RESUMED), 1) as pool:
        asked = method(task, "synchronous")
        yield from execute(
            task, asked, budget=Budget(trials=9), seed=7, pool=pool, journal=Path(journal)
        )


def test_a_run_that_is_killed_resumes_to_the_same_decisions(tmp_path):
    whole = list(resumable(tmp_path / "whole.jsonl"))
    journal = tmp_path / "killed.jsonl"
    code = f"from tests.real.test_executor import resumable; list(resumable({str(journal)!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    while not journal.exists() or journal.read_text().count("outcome") < 4:
        time.sleep(0.02)
        assert process.poll() is None
    workers = children(process.pid)
    process.kill()
    process.wait()
    before = entries(journal)
    began = time.perf_counter()
    resumed = list(resumable(journal))
    took = time.perf_counter() - began
    assert ended(resumed) == ended(whole)
    assert entries(journal)[: len(before)] == before
    # The time in which nothing ran does not count, and what was recorded is repeated.
    times = [event.end_s for event in outcomes(resumed)]
    assert times == sorted(times)
    # A process takes longer than this to start.
    assert times[-1] - before[-1]["time_s"] < took - 0.1
    # Workers end with the process that started them.
    assert workers
    assert not any(map(runs, workers))
    remove(journal)
    assert not list(tmp_path.glob("killed*"))


def runs(pid):
    """Whether a process exists that is not just waiting to be reaped."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def children(pid):
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/stat")
        if stat_parent(path) == pid
    ]


def stat_parent(path):
    try:
        return int(path.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def entries(journal):
    lines = journal.read_text().split("\n")[:-1]
    return [json.loads(line) for line in lines]


def test_a_run_can_be_left_and_resumed_at_any_event(tmp_path):
    settings = {"pace": [0.01, 0.04, 0.02]}
    steps = [(0, 0, 2), (1, 0, 2), (2, 0, 2), (0, 2, 4)]

    def events(journal, pool):
        task = build(**settings)
        return execute(
            task, jobs(*steps), budget=Budget(time_s=30), seed=7, pool=pool, journal=journal
        )

    with WorkerProcesses(builder(**settings), 1) as pool:
        whole = ended(events(tmp_path / "whole", pool))
        for count in range(1, 13):
            journal = tmp_path / f"{count}"
            with_part = events(journal, pool)
            list(itertools.islice(with_part, count))
            with_part.close()
            assert ended(events(journal, pool)) == whole
            assert ended(events(journal, pool)) == whole


def test_a_finished_journal_replays_without_workers(tmp_path):
    asked = jobs((0, 0, 2), (1, 0, 2))
    settings = {"pace": [0.01, 0.02]}
    first = run(settings, asked, limits={"trials": 1}, journal=tmp_path / "j")
    again = run(settings, jobs((0, 0, 2), (1, 0, 2)), limits={"trials": 1}, journal=tmp_path / "j")
    assert [type(event) for event in again] == [type(event) for event in first]
    for one, other in zip(first, again, strict=True):
        if isinstance(one, Decision):
            assert one == other
        else:
            assert one[:4] == other[:4]
            np.testing.assert_array_equal(one.evaluation.seconds, other.evaluation.seconds)


def test_missing_checkpoints_are_warned_of_and_trained_anew(tmp_path):
    log = tmp_path / "log"
    settings = {"pace": [0.02, 0.02], "log": str(log)}
    steps = [(0, 0, 2), (1, 0, 2), (0, 2, 4)]
    journal = tmp_path / "j"
    with WorkerProcesses(builder(**settings), 1) as pool:
        common = {"budget": Budget(time_s=30), "seed": 7, "pool": pool, "journal": journal}
        first = execute(build(**settings), jobs(*steps), **common)
        list(itertools.islice(first, 6))  # ask, end, tell of both trials
        first.close()
        (tmp_path / "j.checkpoints" / "0@2").unlink()
        asked = jobs(*steps)
        with pytest.warns(UserWarning, match=r"checkpoints of trials \[0\] are missing"):
            list(execute(build(**settings), asked, **common))
    assert asked.told[-1] == (0, 1 / 4)
    assert log.read_text().splitlines()[-1].startswith("0 0")


def test_many_failures_in_a_row_end_the_run():
    settings = {"pace": [0.0], "crimes": {0: "raise"}}
    asked = ScriptedMethod([])
    count = itertools.count()
    asked.ask = lambda: Job(next(count), {"x": 0}, 0, 2)
    with pytest.raises(RuntimeError, match="100 jobs in a row failed; the last: ValueError"):
        run(settings, asked, 1)


def test_what_is_no_point_of_the_space_is_not_evaluated():
    asked = ScriptedMethod([])
    asked.ask = lambda: Job(0, {"x": "nowhere"}, 0, 1)
    with pytest.raises(ValueError, match=r"the method proposed what it cannot: .*nowhere"):
        run({"pace": [0.01]}, asked, workers=1)


def test_the_users_program_is_not_run_again_in_workers(tmp_path, monkeypatch):
    """As Python's own processes would, of a script that does not ask whether it is __main__."""
    script = tmp_path / "script.py"
    script.write_text("raise SystemExit('it ran again')")
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(script), raising=False)
    with ProcessPoolExecutor(1, mp_context=processes.context()) as pool:
        assert pool.submit(math.sqrt, 4).result() == 2
