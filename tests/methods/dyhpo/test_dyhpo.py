"""DyHPO: what it trains next, what its model knows, and that it races well."""

import math

import numpy as np
import pytest

from hpobench.methods.composite import Composite
from hpobench.methods.dyhpo.curve_model import CurveModel, Point
from hpobench.methods.dyhpo.dyhpo import DyHPO
from hpobench.methods.schedulers.fifo import FIFO
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Space
from hpobench.tasks.learning_curves import LearningCurves

LINE = Space({"x": {"type": "float", "low": 0, "high": 1}})
TO_4 = Fidelity("epochs", 1, 4)


def method(space=LINE, fidelity=TO_4, seed=0, **settings):
    return DyHPO(space, fidelity, np.random.default_rng(seed), 1, **settings)


def tell(dyhpo, job, value):
    resources = np.array([job.to_resource], dtype=float)
    dyhpo.tell(job, Evaluation(resources, np.ones(1), np.array([value]), 1.0))


def test_it_advances_one_step_at_a_time_and_resumes_what_it_paused(make_task, run):
    task = make_task(LINE, TO_4, value_of=lambda config, r: config["x"] + 1 / r)
    outcomes = run(task, method(), time_s=60)
    reached = {}
    for outcome in outcomes:
        job = outcome.job
        assert job.from_resource == reached.get(job.trial, 0)
        assert job.to_resource == job.from_resource + 1
        reached[job.trial] = job.to_resource
    order = [outcome.job.trial for outcome in outcomes]
    resumed = [trial for trial, before in zip(order[1:], order, strict=False) if trial < before]
    assert resumed


def test_steps_of_another_length(make_task, run):
    task = make_task(LINE, TO_4, value_of=lambda config, _: config["x"])
    outcomes = run(task, method(step=2), time_s=30)
    assert {o.job.to_resource for o in outcomes} == {2, 4}


def test_what_is_promising_is_trained_to_the_end(make_task, run):
    """Values x + 1 / r keep their order: most of the resource goes to the smallest x."""
    task = make_task(LINE, Fidelity("epochs", 1, 9), value_of=lambda config, r: config["x"] + 1 / r)
    outcomes = run(task, method(fidelity=task.fidelity), time_s=120)
    ended = [o.job.config["x"] for o in outcomes if o.job.to_resource == 9]
    assert ended
    assert max(ended) < 0.2


def test_a_failed_trial_is_left():
    dyhpo = method(initial=2)
    jobs = [dyhpo.ask() for _ in range(2)]
    tell(dyhpo, jobs[0], math.nan)
    tell(dyhpo, jobs[1], 0.5)
    for _ in range(20):
        job = dyhpo.ask()
        assert job.trial != 0
        tell(dyhpo, job, 0.5 + 0.01 * job.trial)


def test_workers_do_not_all_get_the_same_advice():
    dyhpo = method(initial=5)
    for job in [dyhpo.ask() for _ in range(5)]:
        tell(dyhpo, job, (job.config["x"] - 0.3) ** 2)
    jobs = [dyhpo.ask() for _ in range(20)]
    new = [job.config["x"] for job in jobs if job.from_resource == 0]
    assert len({job.trial for job in jobs}) == 20
    assert len(np.unique(np.round(new, 3))) > 0.5 * len(new)


def test_improvement_is_over_the_best_at_the_same_budget():
    """Equation 5: the same prediction is worth more where the best so far is worse.

    One trial has 0.5, 0.1 after epochs 1, 2; another 0.6 after 1. A new configuration competes with
    0.5, the second trial with 0.1, and what would be first at epoch 3 with the best of all, 0.1.
    """
    dyhpo = method(initial=2)
    first, second = dyhpo.ask(), dyhpo.ask()
    tell(dyhpo, first, 0.5)
    tell(dyhpo, second, 0.6)
    dyhpo._running.clear()
    dyhpo._waiting.clear()
    tell(dyhpo, dyhpo._continue(0), 0.1)
    point = Point(np.array([0.5]), 0.5, 0.4, 0.1)
    gains = dyhpo._improvements([point] * 3, np.array([0, 1, 2]))
    assert gains[0] > gains[1] == gains[2]


def test_log_improvement_against_sampling():
    """Of 200,000 draws of the posterior at one point, the mean improvement: 4 standard errors."""
    dyhpo = method(initial=3)
    for job, value in zip([dyhpo.ask() for _ in range(3)], (0.5, 0.2, 0.4), strict=True):
        tell(dyhpo, job, value)
    point = Point(np.array([0.37]), 0.25)
    found = float(np.exp(dyhpo._improvements([point], np.array([0]))[0]))
    model = dyhpo._model
    mean, variance = model.posterior().predict(model.features([point]))
    draws = np.random.default_rng(0).normal(mean[0, 0], math.sqrt(variance[0]), 200_000)
    gains = np.maximum(float(model.scaled(np.array(0.2))) - draws, 0.0)
    assert found == pytest.approx(gains.mean(), abs=4 * gains.std() / math.sqrt(len(gains)))


def points_of_curves(unit, count, rng):
    """Points and values of noise-free curves x + exp(-j / 3), j = 1, ..., 10."""
    for row in unit.sample(count, rng):
        curve = [float(row[0]) + math.exp(-j / 3) for j in range(1, 11)]
        for j, value in enumerate(curve):
            last = curve[j - 1] if j else math.nan
            gain = curve[j - 2] - last if j > 1 else math.nan
            yield Point(row, (j + 1) / 10, last, gain), value


def test_the_model_goes_on_with_curves():
    """Of ten curves it has seen, an eleventh is predicted a step ahead to a hundredth."""
    unit = UnitSpace(LINE)
    model = CurveModel(unit)
    for point, value in points_of_curves(unit, 10, np.random.default_rng(0)):
        model.add(point, value)
    seen = list(points_of_curves(unit, 1, np.random.default_rng(1)))
    mean, _ = model.posterior().predict(model.features([point for point, _ in seen]))
    truth = model.scaled(np.array([value for _, value in seen]))
    scale = truth.std()
    assert np.abs(mean[1:, 0] - truth[1:]).max() < 0.1 * scale
    assert np.abs(mean[3:, 0] - truth[3:]).max() < 0.03 * scale


def test_the_model_grows_to_the_same_as_at_once():
    """Rows added to the factor one by one give the posterior of all at once (same parameters)."""
    unit = UnitSpace(LINE)
    model = CurveModel(unit, refit=100)
    data = list(points_of_curves(unit, 4, np.random.default_rng(0)))
    for point, value in data[:20]:
        model.add(point, value)
    grown = model.posterior()
    for point, value in data[20:]:
        model.add(point, value)
        grown = model.posterior()
    model._posterior = None
    again = model.posterior()
    query = [point for point, _ in points_of_curves(unit, 2, np.random.default_rng(5))]
    np.testing.assert_array_equal(grown.theta, again.theta)
    # `again` is scaled anew: compare in units of the values.
    before = grown.predict(model.features(query))[0]
    assert len(grown.inputs) == len(again.inputs) == 40
    assert np.corrcoef(before[:, 0], again.predict(model.features(query))[0][:, 0])[0, 1] > 0.99


def test_the_model_sees_no_more_than_it_may():
    unit = UnitSpace(LINE)
    model = CurveModel(unit, most=30)
    for point, value in points_of_curves(unit, 20, np.random.default_rng(0)):
        model.add(point, value)
        assert len(model.posterior().inputs) <= 30
    assert len(model) == 200


def test_it_beats_random_search_where_early_values_tell(run):
    """Synthetic curves with stable ranks, without noise, for the time of 6 full trainings."""
    task = LearningCurves(0.0, noise=0.0, epochs=27, cost_spread=0.0)
    best = {"dyhpo": [], "random": []}
    for seed in range(3):
        rng = np.random.default_rng(seed)
        methods = {
            "dyhpo": method(task.space, task.fidelity, seed),
            "random": Composite(task.space, task.fidelity, rng, 1, RandomSearch, FIFO),
        }
        for name, made in methods.items():
            outcomes = run(task, made, time_s=6 * 27)
            known = [v for o in outcomes for v in o.evaluation.values]
            best[name].append(min(known) - task.optimum)
    assert np.mean(best["dyhpo"]) < 0.5 * np.mean(best["random"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"step": 0}, "interval=0 must be a resource above 0"),
        ({"initial": 1}, "initial=1: .* at least 2"),
        ({"candidates": 1}, "candidates=1: .* at least 2"),
        ({"paused": 0}, "paused=0: .* at least 1"),
        ({"most": 5}, "most=5: .* at least 20"),
        ({"refit": 0}, "refit=0 must be above 0"),
    ],
)
def test_nonsense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        method(**settings)


def test_budget_of_trials(make_task, run):
    """Paused trials go on when no other may be started."""
    task = make_task(LINE, TO_4, value_of=lambda config, r: config["x"] + 1 / r)
    outcomes = run(task, method(initial=2), trials=4)
    assert sorted(o.job.trial for o in outcomes if o.job.to_resource == 4) == [0, 1, 2, 3]
    assert isinstance(outcomes[0].job, Job)
