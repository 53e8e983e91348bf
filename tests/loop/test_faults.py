"""Faults that are made, and what failed trials count as: by hand, and by their probabilities."""

import math

import numpy as np
import pytest

from hpobench.loop.budget import Budget
from hpobench.loop.events import Outcome
from hpobench.loop.faults import FOREVER_S, Faults, Policy
from hpobench.loop.simulator import simulate
from hpobench.records import Fidelity, Job
from tests.studies import execute, plan
from tests.tiny import ScriptedMethod, ScriptedTask

EPOCHS = Fidelity("epochs", 1, 10)
MANY = 2000


def task(count=MANY):
    return ScriptedTask([1.0] * count, fidelity=EPOCHS)


def befallen(faults, parts=((0, 10),), seed=3, attempt=0, whole=False):
    """For each configuration, the evaluations of its jobs up to the first that failed."""
    made, found = task(), []
    for x in range(MANY):
        mine = []
        for begin, end in parts:
            job = Job(x, {"x": x}, begin, end)
            evaluation = made.evaluate(job, seed, begin or None)
            mine.append(faults.befall(made, job, seed, attempt, evaluation, whole))
            if mine[-1].error:
                break
        found.append(mine)
    return found


def errors(found):
    return [mine[-1].error or "" for mine in found]


@pytest.mark.parametrize("name", ["crash", "out_of_memory", "hang", "lost_worker"])
def test_faults_are_as_frequent_as_stated(name):
    count = sum(name in error for error in errors(befallen(Faults(**{name: 0.2}))))
    # Within four standard deviations of a binomial count: 400 +- 4 * sqrt(2000 * 0.2 * 0.8).
    assert abs(count - 400) < 72


def test_a_training_meets_the_same_crash_however_it_is_cut_into_jobs():
    faults = Faults(crash=0.3)
    whole, cut = befallen(faults), befallen(faults, parts=((0, 1), (1, 3), (3, 10)))
    for once, pieces in zip(whole, cut, strict=True):
        assert bool(once[-1].error) == bool(pieces[-1].error)
        spent = sum(piece.duration_s for piece in pieces)
        assert spent == pytest.approx(once[-1].duration_s)
    lengths = [once[-1].duration_s for once in whole if once[-1].error]
    # Uniform over ten seconds: the mean is 5, its standard error 10 / sqrt(12 * n).
    assert np.mean(lengths) == pytest.approx(5, abs=4 * 10 / math.sqrt(12 * len(lengths)))


def test_what_was_known_before_a_crash_stays_known():
    for (evaluation,) in befallen(Faults(crash=1.0)):
        reached = math.ceil(evaluation.duration_s) - 1
        assert evaluation.resources.tolist() == [*range(1, reached + 1), 10]
        assert math.isnan(evaluation.values[-1])
        assert evaluation.value == math.inf
        assert evaluation.checkpoint is None


def test_memory_runs_out_at_once_and_whenever_it_is_tried():
    faults = Faults(out_of_memory=0.1)
    first, again = befallen(faults), befallen(faults, attempt=1)
    assert errors(first) == errors(again)
    assert {mine[-1].duration_s for mine in first if mine[-1].error} == {1.0}


def test_a_crash_is_drawn_anew_for_each_attempt():
    faults = Faults(crash=0.2)
    assert errors(befallen(faults)) != errors(befallen(faults, attempt=1))
    assert errors(befallen(faults)) == errors(befallen(faults))
    assert errors(befallen(faults)) != errors(befallen(faults, seed=4))


def test_stragglers_have_median_one_and_the_spread_that_was_stated():
    found = befallen(Faults.of({"straggle": "lognormal"}))
    logs = np.log([mine[-1].duration_s / 10 for mine in found])
    # Standard errors of a median and of a standard deviation of 2000 normal numbers.
    assert np.median(logs) == pytest.approx(0, abs=4 * 0.5 * 1.2533 / math.sqrt(MANY))
    assert np.std(logs) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(2 * MANY))


def test_lost_workers_are_away_and_hanging_jobs_never_end():
    lost = befallen(Faults(lost_worker=1.0, away_s=100))
    assert all(100 < mine[-1].duration_s <= 110 for mine in lost)
    assert {mine[-1].duration_s for mine in befallen(Faults(hang=1.0))} == {FOREVER_S}


def test_the_whole_job_is_charged_if_that_is_the_policy():
    assert {mine[-1].duration_s for mine in befallen(Faults(crash=1.0), whole=True)} == {10.0}


def simulated(jobs, **settings):
    asked, budget = ScriptedMethod(jobs), Budget(**settings.pop("limits", {"time_s": 1000}))
    made = settings.pop("made", None) or task(50)
    events = simulate(made, asked, budget=budget, seed=3, **settings)
    return [e for e in events if isinstance(e, Outcome)], asked


def test_hanging_jobs_end_by_the_limit_or_with_the_budget():
    jobs = [(0, 0, 10), (1, 0, 10)]
    outcomes, asked = simulated(jobs, faults=Faults(hang=1.0), job_timeout_s=20)
    assert [(o.start_s, o.end_s) for o in outcomes] == [(0, 20), (20, 40)]
    assert all("TimeoutError: no end after 20 s" in str(o.evaluation.error) for o in outcomes)
    outcomes, asked = simulated(jobs, faults=Faults(hang=1.0))
    assert [(o.start_s, o.end_s, o.cut) for o in outcomes] == [(0, 1000, True)]
    assert asked.told == []


def test_a_failed_job_is_begun_again_as_often_as_stated():
    # Trial 1 raises after 2 s each time; the others take 1 s.
    made = ScriptedTask([1.0] * 3, fail={1: 2.0})
    jobs = [(0, 0, 1), (1, 0, 1), (2, 0, 1)]
    outcomes, asked = simulated(jobs, made=made, policy=Policy(retries=2))
    assert [(o.job.trial, o.start_s, o.end_s) for o in outcomes] == [
        *[(0, 0, 1), (1, 1, 3), (1, 3, 5), (1, 5, 7), (2, 7, 8)]
    ]
    assert asked.told == [(0, 0.0), (1, math.inf), (2, 2.0)]


def test_a_retry_that_succeeds_is_told_as_if_nothing_had_happened():
    jobs = [(x, 0, 10) for x in range(50)]
    faults, limits = Faults(crash=0.3), {"trials": 50}
    outcomes, asked = simulated(jobs, faults=faults, policy=Policy(retries=9), limits=limits)
    assert asked.told == [(x, float(x)) for x in range(50)]
    assert 5 < sum(o.evaluation.error is not None for o in outcomes) < 50
    retried = {o.job.trial for o in outcomes if o.evaluation.error}
    assert {o.job.trial for o in outcomes if not o.evaluation.error} == set(range(50)) >= retried


def test_the_worst_value_so_far_stands_for_a_failure():
    made = ScriptedTask([1.0] * 4, values=[5.0, 0.0, 3.0, 0.0], fail={1: 1.0, 3: 1.0})
    jobs = [(1, 0, 1), (0, 0, 1), (2, 0, 1), (3, 0, 1)]
    outcomes, asked = simulated(jobs, made=made, policy=Policy(tell="worst"))
    # Before the first value there is none to stand for a failure.
    assert asked.told == [(1, math.inf), (0, 5.0), (2, 3.0), (3, 5.0)]
    assert [o.evaluation.value for o in outcomes] == [math.inf, 5.0, 3.0, math.inf]


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"crash": 1.5}, "faults.crash=1.5: use a probability"),
        ({"crush": 0.1}, "unknown fault 'crush'"),
        ({"crash": 0.6, "hang": 0.6}, "more likely than 1"),
        ({"away_s": 5}, "state faults.lost_worker"),
        ({"straggle": "normal"}, "faults.straggle='normal': use a number"),
    ],
)
def test_faults_that_cannot_be(stated, words):
    with pytest.raises(ValueError, match=words):
        Faults.of(stated)


def test_policies_that_cannot_be():
    for settings, words in (
        ({"tell": "nothing"}, "failed_trials.tell='nothing': use inf or worst"),
        ({"retries": -1}, "failed_trials.retries=-1"),
        ({"cost": "none"}, "failed_trials.cost='none': use spent or whole"),
    ):
        with pytest.raises(ValueError, match=words):
            Policy(**settings)


def test_faults_of_a_study(tmp_path):
    """They count in fingerprints, are the same for all methods, and repeat."""
    settings = ["task=bowl", "method=[random,evolution]", "seeds=2"]
    plain = plan(tmp_path, *settings)
    faulty = plan(tmp_path, *settings, "faults.crash=0.4", "name=faulty")
    spelled = plan(tmp_path, *settings, "faults.crash=0.4", "faults.hang=0", "name=faulty")
    assert plain.pairs[0].fingerprint != faulty.pairs[0].fingerprint
    assert [p.fingerprint for p in faulty.pairs] == [p.fingerprint for p in spelled.pairs]
    policy = plan(tmp_path, *settings, "faults.crash=0.4", "failed_trials.retries=1")
    assert policy.pairs[0].fingerprint != faulty.pairs[0].fingerprint
    execute(faulty)
    from hpobench.results import load

    stored = load(faulty.folder)
    share = (stored.jobs["status"] == "failed").mean()
    assert 0.2 < share < 0.6
    assert set(stored.runs["status"]) == {"ok"}
