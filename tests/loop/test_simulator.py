"""Timelines worked out by hand."""

import math
from functools import partial

import numpy as np
import pytest

from hpobench.loop.budget import Budget
from hpobench.loop.events import Outcome
from hpobench.loop.overhead import replay
from hpobench.loop.recorder import Recorder
from hpobench.loop.simulator import simulate
from hpobench.methods.composite import Composite
from hpobench.methods.schedulers.asha_stopping import ASHAStopping
from hpobench.records import Evaluation, Fidelity, Job
from tests.tiny import ScriptedMethod, ScriptedTask, decisions, timeline

EPOCHS = Fidelity("epochs", 1, 4)


def run(task, method, workers=1, charge=None, job_timeout_s=math.inf, **limits):
    extra = {} if charge is None else {"charge": charge}
    extra["job_timeout_s"] = job_timeout_s
    budget = Budget(**(limits or {"time_s": 1e9}))
    return list(simulate(task, method, budget=budget, seed=7, workers=workers, **extra))


def singles(*xs):
    return [(x, 0, 1) for x in xs]


def test_one_worker_runs_one_job_after_the_other():
    events = run(ScriptedTask([3, 2, 4]), ScriptedMethod(singles(0, 1, 2)))
    assert timeline(events) == [(0, 3, 0, 0, 1), (3, 5, 0, 1, 1), (5, 9, 0, 2, 1)]
    assert decisions(events) == [
        *[("ask", 0), ("tell", 3), ("ask", 3), ("tell", 5), ("ask", 5), ("tell", 9), ("ask", 9)]
    ]


def test_two_workers_take_the_next_job_when_free():
    # Worker 0: trial 0 for 3 s, then trial 2 for 4 s; worker 1: trial 1 for 5 s, then trial 3.
    events = run(ScriptedTask([3, 5, 4, 1]), ScriptedMethod(singles(0, 1, 2, 3)), workers=2)
    assert timeline(events) == [(0, 3, 0, 0, 1), (0, 5, 1, 1, 1), (5, 6, 1, 3, 1), (3, 7, 0, 2, 1)]


def test_ties_are_first_come_first_served():
    # Both end at 2. The first is told and its worker asks before the second is told.
    events = run(ScriptedTask([2, 2, 1, 1]), ScriptedMethod(singles(0, 1, 2, 3)), workers=2)
    assert timeline(events) == [(0, 2, 0, 0, 1), (0, 2, 1, 1, 1), (2, 3, 0, 2, 1), (2, 3, 1, 3, 1)]
    assert [kind for kind, _ in decisions(events)][:6] == [
        "ask",
        "ask",
        "tell",
        "ask",
        "tell",
        "ask",
    ]


def test_a_waiting_worker_is_served_when_something_returns():
    # The second ask gets None: worker 1 idles until 3, when both workers get a job.
    method = ScriptedMethod([(0, 0, 1), None, (1, 0, 1), (2, 0, 1)])
    events = run(ScriptedTask([3, 1, 1]), method, workers=2)
    assert timeline(events) == [(0, 3, 0, 0, 1), (3, 4, 0, 1, 1), (3, 4, 1, 2, 1)]


def test_a_thousand_workers_are_not_asked_in_vain():
    method = ScriptedMethod([(0, 0, 1), None])
    assert decisions(run(ScriptedTask([3]), method, workers=1000)) == [
        *[("ask", 0), ("ask", 0), ("tell", 3), ("ask", 3)]
    ]


def test_the_end_of_time_cuts_a_job_and_keeps_what_was_known():
    # Epochs of trial 0 are known at 2, 4, 6, 8; of trial 1 at 3, 6, 9, 12. At 6, both inclusive.
    task = ScriptedTask([2, 3], fidelity=EPOCHS)
    method = ScriptedMethod([(0, 0, 4), (1, 0, 4)])
    events = run(task, method, workers=2, time_s=6)
    assert timeline(events) == [(0, 6, 0, 0, 3), (0, 6, 1, 1, 2)]
    assert method.told == []


def test_a_job_that_ends_exactly_at_the_end_of_time_counts():
    method = ScriptedMethod(singles(0, 1))
    assert timeline(run(ScriptedTask([3, 3]), method, time_s=3)) == [(0, 3, 0, 0, 1)]
    assert method.told == [(0, 0.0)]


def test_the_budget_of_trials_lets_running_jobs_end():
    method = ScriptedMethod(singles(0, 1, 2))
    events = run(ScriptedTask([3, 5, 1]), method, workers=2, trials=2)
    assert timeline(events) == [(0, 3, 0, 0, 1), (0, 5, 1, 1, 1)]


def test_the_budget_of_resource_cuts_the_last_job():
    # 4 epochs for trial 0 leave 2 of 6 for trial 1, which takes 3 s an epoch.
    task = ScriptedTask([2, 3, 1], fidelity=EPOCHS)
    method = ScriptedMethod([(0, 0, 4), (1, 0, 4), (2, 0, 4)])
    assert timeline(run(task, method, resource=6)) == [(0, 8, 0, 0, 4), (8, 14, 0, 1, 2)]
    assert [trial for trial, _ in method.told] == [0]


def test_the_budget_of_cost_is_worker_seconds():
    # Trial 0 costs 8 s; the 4 s that are left pay for one epoch of 3 s of trial 1, and end at 4.
    task = ScriptedTask([2, 3, 1], fidelity=EPOCHS)
    method = ScriptedMethod([(0, 0, 4), (1, 0, 4), (2, 0, 4)])
    assert timeline(run(task, method, workers=2, cost_s=12)) == [(0, 4, 1, 1, 1), (0, 8, 0, 0, 4)]


def test_pause_and_resume_with_checkpoints():
    # Trial 0 is paused after epoch 1 and resumed on another worker: 3 epochs of 2 s remain.
    task = ScriptedTask([2, 5], fidelity=EPOCHS)
    method = ScriptedMethod([(0, 0, 1), (1, 0, 1), None, (0, 1, 4)])
    events = run(task, method, workers=2)
    assert timeline(events) == [(0, 2, 0, 0, 1), (0, 5, 1, 1, 1), (5, 11, 1, 0, 3)]


def test_without_checkpoints_a_resumed_job_is_charged_from_zero():
    task = ScriptedTask([2, 5], fidelity=EPOCHS, can_checkpoint=False)
    method = ScriptedMethod([(0, 0, 1), (1, 0, 1), None, (0, 1, 4)])
    events = run(task, method, workers=2)
    assert timeline(events)[-1] == (5, 13, 1, 0, 3)
    last = [e for e in events if isinstance(e, Outcome)][-1]
    # It trains epoch 1 again (2 s) before the epochs that are new.
    assert (last.evaluation.seconds == [4, 6, 8]).all()


def test_without_checkpoints_a_trial_that_stays_on_its_worker_goes_on():
    task = ScriptedTask([2], fidelity=EPOCHS, can_checkpoint=False)
    method = ScriptedMethod([(0, 0, 1), (0, 1, 4)])
    assert timeline(run(task, method)) == [(0, 2, 0, 0, 1), (2, 8, 0, 0, 3)]


def test_charged_decisions_are_taken_one_at_a_time():
    # Each ask takes 1 s, each tell 0.5 s. Worker 0 starts at 1, worker 1 at 2. Trial 0 ends at 4,
    # is told until 4.5, the next ask until 5.5; trial 1 ends at 5 and is told from 5.5 to 6.
    method = ScriptedMethod(singles(0, 1, 2, 3))
    events = run(
        ScriptedTask([3, 3, 3, 3]), method, workers=2, charge=replay([1.0] * 9, [0.5] * 9), trials=4
    )
    assert timeline(events) == [
        *[(1, 4, 0, 0, 1), (2, 5, 1, 1, 1), (5.5, 8.5, 0, 2, 1), (7, 10, 1, 3, 1)]
    ]
    assert decisions(events)[:6] == [
        *[("ask", 0), ("ask", 1), ("tell", 4), ("ask", 4.5), ("tell", 5.5), ("ask", 6)]
    ]


def test_replay_goes_on_with_the_mean_of_the_record():
    charge = replay([1.0, 3.0], [])
    assert [charge("ask", 9.0) for _ in range(4)] == [1, 3, 2, 2]
    assert charge("tell", 9.0) == 0


def test_a_failure_is_an_observation_charged_the_time_it_took():
    method = ScriptedMethod(singles(0, 1))
    events = run(ScriptedTask([1, 1], fail={0: 2.5}), method)
    assert timeline(events) == [(0, 2.5, 0, 0, 1), (2.5, 3.5, 0, 1, 1)]
    assert method.told == [(0, math.inf), (1, 1.0)]
    first = next(e for e in events if isinstance(e, Outcome))
    assert first.evaluation.error == "diverged"
    assert np.isnan(first.evaluation.values).all()


def test_a_refused_trial_leaves_the_others_going_on():
    # ASHA's stopping form, rungs 1, 2, 4, two trials of 1 s an epoch on three workers. The third
    # worker is refused a trial at 0. Trial 0 (the better) goes on from rung to rung, trial 1 stops.
    task = ScriptedTask([1, 1, 1], values=[0.0, 1.0, 2.0], fidelity=EPOCHS)
    method = Composite(
        task.space, EPOCHS, np.random.default_rng(0), 3, InOrder, partial(ASHAStopping, eta=2)
    )
    assert timeline(run(task, method, workers=3, trials=2)) == [
        *[(0, 1, 0, 0, 1), (0, 1, 1, 1, 1), (1, 2, 0, 0, 1), (2, 4, 0, 0, 2)]
    ]


class InOrder:
    """Suggests x = 0, 1, 2, ..."""

    def __init__(self, space, rng):
        self.next = iter(range(space.size))

    def suggest(self, pending):
        return {"x": next(self.next)}

    def observe(self, job, evaluation):
        pass


def test_methods_are_told_only_what_they_may_know():
    task = ScriptedTask([1, 1])
    inner = task.evaluate
    task.evaluate = lambda *args: inner(*args)._replace(
        true_values=np.ones(1), test_values=np.ones(1)
    )
    method = ScriptedMethod(singles(0, 1))
    heard = []
    method.tell = lambda _job, evaluation: heard.append(evaluation)
    run(task, method)
    assert [(e.true_values, e.test_values, e.checkpoint) for e in heard] == [(None,) * 3] * 2


def test_a_job_that_takes_too_long_has_failed_when_its_time_is_up():
    # Epochs of 2 s: of four, the third would end after 6 s. Trial 1 just keeps within 5 s.
    method = ScriptedMethod([(0, 0, 4), (1, 0, 4)])
    events = run(ScriptedTask([2, 1.25], fidelity=EPOCHS), method, job_timeout_s=5)
    first, second = (event for event in events if isinstance(event, Outcome))
    assert (first.start_s, first.end_s, second.end_s) == (0, 5, 10)
    np.testing.assert_array_equal(first.evaluation.resources, [1, 2, 4])
    np.testing.assert_array_equal(first.evaluation.seconds, [2, 4, 5])
    np.testing.assert_array_equal(first.evaluation.values, [0, 0, np.nan])
    assert first.evaluation.error == "TimeoutError: no end after 5 s"
    assert method.told == [(0, math.inf), (1, 1.0)]


def test_a_failed_job_makes_its_worker_forget_the_trial_before():
    # Without checkpoints: trial 0 trains an epoch, trial 1 fails on the same worker, and trial 0
    # then starts again from zero: 4 epochs of 2 s.
    task = ScriptedTask([2, 5], fidelity=EPOCHS, can_checkpoint=False, fail={1: 1})
    method = ScriptedMethod([(0, 0, 1), (1, 0, 1), (0, 1, 4)])
    assert timeline(run(task, method))[-1] == (3, 11, 0, 0, 3)


def test_an_observation_at_the_end_of_time_counts_whatever_the_rounding():
    task = ScriptedTask([0.1], fidelity=Fidelity("epochs", 1, 40))
    for start in (0.1, 0.7, 1.1):
        whole = [start + second for second in np.arange(1, 41) * 0.1]
        for known, time_s in enumerate(whole[:-1], start=1):
            events = run(
                task, ScriptedMethod([(0, 0, 40)]), charge=replay([start], [0.0]), time_s=time_s
            )
            assert timeline(events)[-1][-1] == known


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.ones(2)}, "different lengths"),
        ({"true_values": np.ones(3)}, "different lengths"),
        ({"duration_s": math.nan}, "times that cannot be"),
        ({"duration_s": 0.5}, "times that cannot be"),
        ({"seconds": np.array([-1.0])}, "times that cannot be"),
    ],
)
def test_evaluations_that_cannot_be_end_the_run(change, message):
    task = ScriptedTask([1])
    inner = task.evaluate
    task.evaluate = lambda *args: inner(*args)._replace(**change)
    with pytest.raises(ValueError, match=message):
        run(task, ScriptedMethod(singles(0)))


def test_times_that_do_not_rise_are_found_at_the_end():
    task = ScriptedTask([1, 1, 1], fidelity=EPOCHS)
    recorder = Recorder()
    recorder.watch(run(task, ScriptedMethod([(0, 0, 4), (1, 0, 1), (2, 0, 2)])))
    recorder.check()
    inner = task.evaluate
    wrong = np.array([2.0, 1.0])
    task.evaluate = lambda job, *rest: (
        inner(job, *rest)._replace(seconds=wrong) if job.trial == 2 else inner(job, *rest)
    )
    recorder = Recorder()
    recorder.watch(run(task, ScriptedMethod([(0, 0, 4), (1, 0, 1), (2, 0, 2)])))
    with pytest.raises(ValueError, match=r"do not rise, for Job\(trial=2"):
        recorder.check()


def test_jobs_that_fail_at_once_for_ever_end_the_run_with_their_error():
    task = ScriptedTask([1, 1], fail={0: 0.0})
    method = ScriptedMethod([])
    counter = iter(range(10**9))
    method.ask = lambda: Job(trial := next(counter), {"x": int(trial == 0)}, 0, 1)
    with pytest.raises(RuntimeError, match="failed at once; the last: diverged"):
        run(task, method)


@pytest.mark.parametrize("first", [0, 1])
def test_a_run_whose_jobs_fail_in_next_to_no_time_ends_unless_one_succeeded(first):
    task = ScriptedTask([1, 1], fail={0: 0.001})
    method = ScriptedMethod([])
    counter = iter(range(10**9))
    method.ask = lambda: Job(trial := next(counter), {"x": first if trial == 0 else 0}, 0, 1)
    budget = {"time_s": 1000.0, "trials": 500}
    if first == 1:
        assert len(run(task, method, **budget)) > 500
    else:
        with pytest.raises(RuntimeError, match="no other succeeded; the last: diverged"):
            run(task, method, **budget)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_the_worst(value):
    method = ScriptedMethod(singles(0))
    run(ScriptedTask([1], values=[value]), method)
    assert method.told == [(0, math.inf)]


def test_a_configuration_tried_again_sees_fresh_noise_and_a_resumed_trial_the_same():
    task = ScriptedTask([1, 1], fidelity=EPOCHS)
    again = [
        Job(t, {"x": x}, a, b) for t, x, a, b in [(0, 0, 0, 1), (1, 0, 0, 1), (0, 1 - 1, 1, 2)]
    ]
    method = ScriptedMethod([])
    method.ask = lambda: again.pop(0) if again else None
    run(task, method)
    seeds = [seed for _, seed, _ in task.seen]
    assert seeds[0] == 7
    assert seeds[1] != 7
    assert seeds[2] == 7


def test_a_clock_that_cannot_move_is_an_error():
    class Free(ScriptedTask):
        def evaluate(self, job, seed, checkpoint):
            return Evaluation(np.ones(1), np.zeros(1), np.ones(1), duration_s=0.0)

    method = ScriptedMethod([])
    counter = iter(range(10**9))
    method.ask = lambda: Job(next(counter), {"x": 0}, 0, 1)
    with pytest.raises(RuntimeError, match="clock stands still"):
        run(Free([1]), method)


def test_no_workers_is_an_error():
    with pytest.raises(ValueError, match="workers=0"):
        run(ScriptedTask([1]), ScriptedMethod([]), workers=0)


@pytest.mark.parametrize(
    ("limits", "message"),
    [({}, "no budget"), ({"time_s": 0}, "time_s=0"), ({"trials": -1}, "trials=-1")],
)
def test_bad_budgets(limits, message):
    with pytest.raises(ValueError, match=message):
        Budget(**limits)


@pytest.mark.parametrize(
    ("cost", "time_s", "evaluations"),
    [
        # In floats 1.1 + 1.1 + 1.1 > 3.3, but ten times 0.1 < 1 and three times 0.7 < 2.1.
        *[
            (1.1, 3.3, 3),
            (0.1, 1.0, 10),
            (0.7, 2.1, 3),
            (0.1, 0.3, 3),
            (1.1, 3.29, 2),
            (0.6, 1.8, 3),
        ],
        *[(0.1, 100.0, 1000), (1 / 3, 1.0, 3), (1.1, 3.31, 3)],
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_sums_of_decimals_lose_no_trial_and_begin_none_too_many(cost, time_s, evaluations, workers):
    method = ScriptedMethod(singles(*[0] * (workers * evaluations + 9)))
    outcomes = [
        e
        for e in run(ScriptedTask([cost]), method, workers, time_s=time_s)
        if isinstance(e, Outcome)
    ]
    whole = [outcome for outcome in outcomes if not outcome.cut]
    assert len(whole) == workers * evaluations
    times = [outcome.start_s + second for outcome in whole for second in outcome.evaluation.seconds]
    assert max(times) <= time_s
    assert whole[-1].end_s == pytest.approx(evaluations * cost, rel=1e-12)
    # Only where something is left of the time is another job begun, and cut.
    left = time_s - evaluations * cost > 1e-6
    assert [outcome.end_s for outcome in outcomes if outcome.cut] == [time_s] * (left * workers)


def test_epochs_that_end_with_the_time_are_known():
    # Epochs of 1.1 s: the third ends at 3.3000000000000003.
    events = run(ScriptedTask([1.1], fidelity=EPOCHS), ScriptedMethod([(0, 0, 4)]), time_s=3.3)
    assert timeline(events) == [(0, 3.3, 0, 0, 3)]
    (cut,) = [event for event in events if isinstance(event, Outcome)]
    assert cut.evaluation.seconds.max() <= 3.3


@pytest.mark.parametrize("workers", [1, 2])
def test_the_budget_of_cost_adds_decimals(workers):
    method = ScriptedMethod(singles(*[0] * 12))
    events = run(ScriptedTask([0.1]), method, workers, cost_s=0.7)
    outcomes = [event for event in events if isinstance(event, Outcome)]
    assert [outcome.cut for outcome in outcomes] == [False] * 7


def test_the_budget_of_resource_adds_decimals():
    account = Budget(resource=0.3).account()
    evaluation = Evaluation(np.array([0.1]), np.array([1.0]), np.array([0.5]), 1.0)
    jobs = [account.charge(Job(n, {}, 0.0, 0.1), evaluation, False) for n in range(4)]
    assert [whole for _, whole in jobs] == [True, True, True, False]
    assert jobs[-1][0].duration_s == 0
    account = Budget(resource=0.3).account()  # on the real clock, before anything is evaluated
    reached = [account.reach(Job(n, {}, 0.0, 0.1), resumed=False) for n in range(4)]
    assert reached == [0.1, 0.1, 0.1, pytest.approx(0.0, abs=1e-9)]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"x": 7}, "x=7 lies outside"),
        ({"x": "0"}, "x='0' lies outside"),
        ({"x": 0, "y": 1}, "unknown hyperparameter 'y'"),
        ({}, "'x' is missing"),
        ([0], "no configuration: give a mapping"),
    ],
)
def test_what_is_no_point_of_the_space_is_not_evaluated(config, told):
    task, method = ScriptedTask([1, 1]), ScriptedMethod([])
    method.ask = lambda: Job(0, config, 0, 1)
    with pytest.raises(ValueError, match=told):
        run(task, method, trials=2)
    assert not task.seen


class Rewriting(ScriptedMethod):
    """Proposes one dictionary again and again, changed, and writes into what it is told."""

    def __init__(self, steps):
        super().__init__(steps)
        self.config = {"x": -1}

    def ask(self):
        job = super().ask()
        self.config["x"] += 1
        return job and job._replace(config=self.config)

    def tell(self, job, evaluation):
        super().tell(job, evaluation)
        assert job.config == {"x": job.trial}
        job.config["x"] = 9


def test_configurations_are_kept_as_they_were_proposed():
    recorder, method = Recorder(), Rewriting(singles(0, 1, 2))
    recorder.watch(run(ScriptedTask([1, 1, 1]), method, workers=2))
    assert recorder.trials() == [(0, {"x": 0}), (1, {"x": 1}), (2, {"x": 2})]
    assert method.told == [(0, 0.0), (1, 1.0), (2, 2.0)]


def test_a_method_cannot_write_into_what_is_stored():
    method = ScriptedMethod(singles(0))
    method.tell = lambda job, evaluation: evaluation.values.fill(0.0)  # noqa: ARG005
    with pytest.raises(ValueError, match="read-only"):
        run(ScriptedTask([1]), method)
