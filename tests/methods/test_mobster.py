"""MOBSTER: what its model sees and where it is asked, and that it helps ASHA on closed forms."""

import math
from functools import partial

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from hpobench.methods.composite import Composite
from hpobench.methods.schedulers.asha import ASHA
from hpobench.methods.search.joint_data import JointData
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.methods.searchers.mobster import mobster
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Space

SQUARE = Space({name: {"type": "float", "low": 0, "high": 1} for name in ("x", "y")})


def spread(configs):
    """Mean distance between configurations."""
    return pdist([list(config.values()) for config in configs]).mean()


def told(value):
    return Evaluation(np.ones(1), np.ones(1), np.array([float(value)]), 1.0)


def fed(resources, most=100, space=SQUARE):
    """Data of one random configuration at each of the resources, with values 0, 1, 2, ..."""
    rng = np.random.default_rng(0)
    data = JointData(UnitSpace(space), 6, most)
    for trial, resource in enumerate(resources):
        data.add(Job(trial, space.sample(rng, 1)[0], 0, resource), told(trial))
    return data


def test_the_resource_runs_from_the_smallest_to_the_highest_seen():
    """On the logarithm: 1, 3, 9 and 81 lie at 0, 1/4, 1/2 and 1."""
    data = fed([1, 3, 9, 81])
    np.testing.assert_allclose(data.training().features[:, -1], [0, 0.25, 0.5, 1])
    job = Job(4, SQUARE.sample(np.random.default_rng(1), 1)[0], 3, 27)
    assert data.encode_jobs([job])[0, -1] == pytest.approx(0.75)
    assert fed([5]).training().features[0, -1] == 1


def test_the_acquisition_is_at_the_highest_resource_with_enough_values():
    """Enough is d + 1 = 3 values."""
    data = fed([1, 1, 1, 1, 3, 3, 9])
    assert data.training().asked[:, -1].tolist() == [0] * 7
    data.add(Job(7, SQUARE.sample(np.random.default_rng(1), 1)[0], 1, 3), told(7))
    training = data.training()
    np.testing.assert_allclose(training.asked[:, -1], [0.5] * 8)
    np.testing.assert_allclose(data.encode(np.full((2, 2), 0.5)), [[0.5, 0.5, 0.5]] * 2)


def test_of_too_many_the_highest_and_the_latest_are_kept():
    resources = [1] * 30 + [3] * 6 + [9] * 2 + [1] * 40
    data = fed(resources, most=50)
    values = data.training().values.astype(int)
    assert len(values) == 40
    assert set(range(30, 38)) <= set(values)  # all above the smallest resource
    assert set(range(58, 78)) <= set(values)  # the latest 20


def test_small_resources_tell_of_large_ones():
    """A bowl, shifted up at small r: 40 values at r = 1 and 3 at r = 9, none near the minimum."""
    rng = np.random.default_rng(0)
    searcher = mobster(SQUARE, rng)

    def value(x, y, resource):
        return (x - 0.3) ** 2 + (y - 0.6) ** 2 + 0.5 / resource

    points = [(x, y, 1) for x, y in rng.random((40, 2)).tolist()]
    points += [(0.9, 0.1, 9), (0.8, 0.9, 9), (0.1, 0.1, 9)]
    for trial, (x, y, resource) in enumerate(points):
        job = Job(trial, {"x": x, "y": y}, 0, resource)
        searcher.observe(job, told(value(x, y, resource)))
    config = searcher.suggest({})
    assert abs(config["x"] - 0.3) < 0.1
    assert abs(config["y"] - 0.6) < 0.1


def test_it_finds_better_configurations_than_asha_with_random_search(make_task, run):
    """Loss after r epochs: a bowl in six dimensions and what is left to learn, 1 / r; 4 workers."""
    space = Space({f"x{i}": {"type": "float", "low": 0, "high": 1} for i in range(6)})

    def value_of(config, resource):
        return sum((x - 0.4) ** 2 for x in config.values()) + 1 / resource

    task = make_task(space, Fidelity("epochs", 1, 27), value_of=value_of)
    best = {}
    for name, searcher in {"mobster": mobster, "random": RandomSearch}.items():
        outcomes = []
        for seed in range(2):
            rng = np.random.default_rng(seed)
            method = Composite(space, task.fidelity, rng, 4, searcher, partial(ASHA, eta=3))
            outcomes.append(run(task, method, workers=4, time_s=60))
        best[name] = [
            min(o.evaluation.value - 1 / o.job.to_resource for o in each) for each in outcomes
        ]
    assert max(best["mobster"]) < 0.1 * min(best["random"])


def test_jobs_under_way_at_a_lower_resource_are_kept_away_from():
    """12 values at r = 9, six jobs to r = 1: without assumptions all six would be the same."""
    rng = np.random.default_rng(0)
    searcher = mobster(SQUARE, rng)
    for trial, (x, y) in enumerate(np.random.default_rng(1).random((12, 2)).tolist()):
        for resource in (1, 9):
            value = np.cos(9 * x) + np.sin(8 * y) + 1 / resource
            searcher.observe(Job(trial, {"x": x, "y": y}, 0, resource), told(value))
    jobs = {}
    for trial in range(12, 18):
        jobs[trial] = Job(trial, searcher.suggest(jobs), 0, 1)
    apart = spread([job.config for job in jobs.values()])
    assert apart > 5 * spread([searcher.suggest({}) for _ in range(6)])


def test_what_failed_or_diverged_stays_bad_where_ranks_reverse():
    """Values 0 to 9 at epoch 1 are 9 to 0 at epoch 3: a line through them would make inf -inf."""
    data = JointData(UnitSpace(SQUARE), 6, 100)
    rng = np.random.default_rng(0)
    for trial in range(12):
        job = Job(trial, SQUARE.sample(rng, 1)[0], 0, 1)
        data.add(job, told({10: math.inf, 11: 1e6}.get(trial, trial)))
    for trial in range(10):
        data.add(Job(trial, SQUARE.sample(rng, 1)[0], 1, 3), told(9 - trial))
    values = data.training().values
    assert values[10] == math.inf
    # The lower rung says nothing: all of its values are the mean of the higher one.
    np.testing.assert_allclose(values[[*range(10), 11]], 4.5)
