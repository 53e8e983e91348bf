"""BBOB through ioh: values against the package itself, noise against its formulas."""

import pickle

import numpy as np
import pytest

from hpobench.records import Job
from hpobench.tasks.suites.bbob import BBOB, FACTORS

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


# Of COCO itself: bbob-mixint of cocoex 2.8.2 (PyPI: coco-experiment), instance 3, f1 to f24 in 10
# dimensions at [0, 1, 1, 2, 3, 0, 5, 11, 1.5, -0.5].
COCO_10 = (
    *(-143.073869231, 19100.5670709, 121.616373947, 44.8484770028, 220.104594735, 2839.98111635),
    *(639.43809542, 2143.81344735, 63.6829687245, 1634.54967296, 1932.8759012, 8408.45092479),
    *(72.7479962342, 119.568586952, 108.121525231, 202.525368351, 2870.48289747, 331.56093919),
    *(2306.34780829, 6020.50943339, -295.702850543, 29.5217410685, -1181.5831683, 18.9112473193),
)
COCO_40 = {8: 6046.22340272, 15: 165.064007606, 24: 115.900015762}


def of_coco(function, point):
    """The value that COCO gives: less than ours by its optimum, which is scaled as well."""
    task = BBOB(function, len(point), instance=3, mixed=True)
    problem = ioh.get_problem(function, 3, len(point), ioh.ProblemClass.BBOB)
    config = {name: x if task.space[name].levels is None else int(x) for name, x in point.items()}
    return evaluated(task, config).value + FACTORS[function - 1] * problem.optimum.y


def named(*values):
    return {f"x{i}": float(value) for i, value in enumerate(np.concatenate(values))}


@pytest.mark.parametrize("function", range(1, 25))
def test_mixed_integers_are_those_of_coco(function):
    point = named([0, 1, 1, 2, 3, 0, 5, 11, 1.5, -0.5])
    assert of_coco(function, point) == pytest.approx(COCO_10[function - 1], rel=1e-9)


@pytest.mark.parametrize("function", COCO_40)
def test_mixed_integers_are_those_of_coco_in_40_dimensions(function):
    few = [np.resize(range(2), 8), np.resize(range(4), 8)]
    point = named(*few, range(8), range(0, 16, 2), np.linspace(-4, 3, 8))
    assert of_coco(function, point) == pytest.approx(COCO_40[function], rel=1e-9)


def test_mixed_integers():
    task = BBOB(1, 10, mixed=True)
    sizes = [len(task.space[name].levels or ()) for name in task.space.names]
    assert sizes == [2, 2, 4, 4, 8, 8, 16, 16, 0, 0]
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
