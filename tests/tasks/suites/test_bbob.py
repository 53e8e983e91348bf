"""BBOB through ioh: values against the package itself, noise against its formulas."""

import pickle

import numpy as np
import pytest

from hpobench.records import Job
from hpobench.tasks.suites.bbob import BBOB

ioh = pytest.importorskip("ioh")


def evaluated(task, config, seed=0):
    return task.evaluate(Job(0, config, 0, 1), seed, None)


def sample(task, count=1, seed=0):
    return task.space.sample(np.random.default_rng(seed), count)


@pytest.mark.parametrize(("function", "dimension"), [(1, 2), (8, 20), (15, 40), (24, 60)])
def test_values_are_those_of_ioh(function, dimension):
    task = BBOB(function, dimension, instance=3)
    problem = ioh.get_problem(function, 3, dimension, ioh.ProblemClass.BBOB)
    (config,) = sample(task)
    expected = problem(list(config.values())) - problem.optimum.y
    assert evaluated(task, config).value == pytest.approx(expected)
    best = {f"x{i}": float(np.clip(x, -5, 5)) for i, x in enumerate(problem.optimum.x)}
    assert evaluated(task, best).value == pytest.approx(0, abs=1e-6)
    assert task.median > 0


def test_instances_by_seed():
    task = BBOB(1, 5, instance="by_seed")
    (config,) = sample(task)
    values = [evaluated(task, config, seed).value for seed in range(5)]
    assert len(set(values)) == 5
    assert evaluated(task, config, 3).value == values[3]


@pytest.mark.parametrize("noise", ["gaussian", "uniform", "cauchy"])
@pytest.mark.parametrize("severity", ["moderate", "severe"])
def test_noise(noise, severity):
    task = BBOB(1, 5, noise=noise, severity=severity)
    (config,) = sample(task)
    found = [evaluated(task, config, seed) for seed in range(400)]
    (true,) = {float(each.true_values[0]) for each in found}
    ratios = np.array([each.value for each in found]) / true
    assert evaluated(task, config, 7).value == found[7].value
    if noise == "gaussian":  # log f' is normal about log f with standard deviation beta
        beta = 1.0 if severity == "severe" else 0.01
        assert np.log(ratios).mean() == pytest.approx(0, abs=4 * beta / 20)
        assert np.log(ratios).std() == pytest.approx(beta, rel=0.15)
    if noise == "cauchy":  # most values are alpha * 1000 above
        alpha = 1.0 if severity == "severe" else 0.01
        assert np.median(ratios) * true == pytest.approx(true + 1000 * alpha)
        assert len(set(ratios)) > 2
    if noise == "uniform":
        assert ratios.min() < 1


def test_mixed_integers():
    task = BBOB(1, 10, mixed=True)
    sizes = [len(task.space[name].levels or ()) for name in task.space.names]
    assert sizes == [2, 4, 8, 16, 0] * 2
    # The sphere is separable: the best of each integer, alone, is the optimum's.
    config = dict(sample(task)[0])
    problem = ioh.get_problem(1, 1, 10, ioh.ProblemClass.BBOB)
    for i, name in enumerate(task.space.names):
        levels = task.space[name].levels
        options = levels if sizes[i] else [problem.optimum.x[i]]
        config[name] = min(options, key=lambda v, n=name: evaluated(task, config | {n: v}).value)
    assert evaluated(task, config).value == pytest.approx(0, abs=1e-9)


def test_it_travels_to_other_processes():
    task = BBOB(3, 4, instance=2)
    (config,) = sample(task)
    again = pickle.loads(pickle.dumps(task))
    assert evaluated(again, config).value == evaluated(task, config).value


@pytest.mark.parametrize(
    "settings",
    [
        *({"function": 25}, {"dimension": 1}, {"noise": "pink"}, {"mixed": True, "dimension": 7}),
        *({"instance": 0}, {"severity": "mild"}),
    ],
)
def test_bad_settings_are_named(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        BBOB(**settings)
