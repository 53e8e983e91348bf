"""Our simulated clock against that of mfhpo-simulator, for the same jobs of the same durations.

Watanabe (2023), Python Wrapper for Simulating Multi-Fidelity Optimization on HPO Benchmarks without
Any Wait, arXiv:2305.17595; in the mode in which it asks and tells an optimizer. There every ask is
charged the time that it really took. Ours replays these times.
"""

import numpy as np
import pytest

from hpobench.loop.budget import Budget
from hpobench.loop.events import Outcome
from hpobench.loop.overhead import replay
from hpobench.loop.simulator import simulate
from hpobench.records import Fidelity
from tests.tiny import ScriptedMethod, ScriptedTask

WORKERS = (1, 2, 4, 16)
JOBS = 80
MFHPO = ("mfhpo_simulator", "mfhpo_ask_and_tell.py")


def question(jobs, workers, resume=None, sleep_s=None):
    return {
        "jobs": jobs,
        "workers": workers,
        "resume": resume,
        "sleep_s": sleep_s or [0.0] * len(jobs),
    }


def our_observations(durations, workers, asks):
    """(trial, worker, time) of all jobs in the order in which they end; `asks` are in seconds."""
    task = ScriptedTask(durations, fidelity=Fidelity("epochs", 1, 1))
    method = ScriptedMethod([(trial, 0, 1) for trial in range(len(durations))])
    events = simulate(
        task,
        method,
        budget=Budget(time_s=1e12),
        seed=0,
        workers=workers,
        charge=replay(asks, [0.0]),
    )
    ended = [event for event in events if isinstance(event, Outcome)]
    return [(event.job.trial, event.worker, event.end_s) for event in ended]


def check(theirs, durations, workers):
    """The same trials end on the same workers, in the same order, at the same times.

    It stops with jobs under way: of `n` it reports the first `n - workers + 1`, and now and then
    one more, told while a later ask went on.
    """
    ours = our_observations(durations, workers, theirs["asks"])[: len(theirs["trial"])]
    assert len(ours) >= len(durations) - workers + 1
    assert [trial for trial, _, _ in ours] == theirs["trial"]
    assert [worker for _, worker, _ in ours] == theirs["worker"]
    assert [time for _, _, time in ours] == pytest.approx(theirs["time_s"], rel=1e-12)


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("seed", range(2))
def test_the_same_order_and_times_for_random_durations(asked, workers, seed):
    durations = np.random.default_rng(seed).lognormal(12, 1, JOBS).tolist()
    jobs = [[trial, 1, seconds] for trial, seconds in enumerate(durations)]
    theirs = asked(*MFHPO, question(jobs, workers))
    check(theirs, durations, workers)
    # Asks of microseconds against durations of days: without them the order is the same.
    free = our_observations(durations, workers, [0.0])[: len(theirs["trial"])]
    assert [trial for trial, _, _ in free] == theirs["trial"]
    shift = np.subtract(theirs["time_s"], [time for _, _, time in free])
    assert (shift >= 0).all()
    assert (shift <= sum(theirs["asks"]) + 1e-9).all()


@pytest.mark.parametrize("workers", WORKERS)
def test_the_same_order_and_times_when_asks_take_as_long_as_jobs(asked, workers):
    # Workers wait for one another's asks here: decisions are taken one at a time, there and here.
    rng = np.random.default_rng(7)
    durations = rng.lognormal(0, 1, JOBS) * 2e-3
    jobs = [[trial, 1, seconds] for trial, seconds in enumerate(durations.tolist())]
    sleep_s = rng.uniform(0, 2e-3, JOBS).tolist()
    theirs = asked(
        "mfhpo_simulator", "mfhpo_ask_and_tell.py", question(jobs, workers, None, sleep_s)
    )
    assert sum(theirs["asks"]) > 0.25 * durations.sum() / workers
    check(theirs, durations.tolist(), workers)


@pytest.mark.parametrize("workers", [2, 4])
def test_the_same_order_and_times_for_durations_that_are_often_equal(asked, workers):
    # Ties of jobs are broken by the asks, which come one after the other there, and by order here.
    durations = np.random.default_rng(3).integers(1, 4, JOBS).astype(float).tolist()
    jobs = [[trial, 1, seconds] for trial, seconds in enumerate(durations)]
    sleep_s = [1e-3] * JOBS
    theirs = asked(
        "mfhpo_simulator", "mfhpo_ask_and_tell.py", question(jobs, workers, None, sleep_s)
    )
    check(theirs, durations, workers)


def test_a_trial_resumed_twice_is_charged_right_here_and_wrong_there(asked):
    # One trial, 10 s an epoch, to epochs 1, 3, 9 and 27, each time from where it stood: 10, 20, 60
    # and 180 s. There the second resumption is charged 90 - 20 s: from the trial's whole time it
    # takes off the last job's seconds alone, not all that were spent. So it ends late.
    levels = [1, 3, 9, 27]
    jobs = [[0, level, 10.0 * level] for level in levels]
    theirs = asked(*MFHPO, question(jobs, 1, resume=27))
    task = ScriptedTask([10.0], fidelity=Fidelity("epochs", 1, 27))
    steps = zip([0, *levels], levels, strict=False)
    method = ScriptedMethod([(0, start, end) for start, end in steps])
    charge = replay(theirs["asks"], [0.0])
    events = list(simulate(task, method, budget=Budget(time_s=1e9), seed=0, charge=charge))
    ends = [event.end_s for event in events if isinstance(event, Outcome)]
    asks = np.cumsum(theirs["asks"])
    assert ends == pytest.approx(np.cumsum([10, 20, 60, 180]) + asks, rel=1e-12)
    wrong = np.cumsum([10, 30 - 10, 90 - 20, 270 - 70])
    assert theirs["time_s"] == pytest.approx(wrong + asks, rel=1e-12)
    assert (ends[-1] - asks[-1], wrong[-1]) == (pytest.approx(270), 300)
