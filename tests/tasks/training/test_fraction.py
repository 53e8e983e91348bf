"""A fraction of the training data as fidelity."""

import math
import pickle
from itertools import pairwise

import numpy as np
import pytest

from hpobench.loop.budget import Budget
from hpobench.loop.events import Outcome
from hpobench.loop.simulator import simulate
from hpobench.methods.composite import Composite
from hpobench.methods.schedulers.rungs import rung_levels
from hpobench.methods.schedulers.successive_halving import SuccessiveHalving
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.records import Job
from hpobench.tasks.data.split import DataSet, Part, training_subset
from hpobench.tasks.training import trainer
from hpobench.tasks.training.fraction import DataFraction
from tests.tasks.training.conftest import SGD, small

SEED = 2**63 + 5


def images(part):
    return {image.tobytes() for image in part.inputs}


def test_subsets_are_stratified_nested_and_leave_the_rest_alone():
    data = small()
    subsets = [training_subset(data, fraction) for fraction in (0.01, 1 / 9, 1 / 3, 0.5, 1.0)]
    assert [len(one.train.labels) for one in subsets] == [1, 11, 33, 50, 100]
    for smaller, larger in pairwise(subsets):
        assert images(smaller.train) < images(larger.train)
    for one in subsets[1:]:
        share = np.bincount(data.train.labels) * len(one.train.labels) / 100
        assert np.abs(np.bincount(one.train.labels) - share).max() < 1
        assert one.validation is data.validation
        assert one.test is data.test
    np.testing.assert_array_equal(subsets[-1].train.inputs, data.train.inputs)


@pytest.mark.parametrize("smallest", ["1/27", 1 / 27])
def test_fidelity(make, smallest):
    fidelity = DataFraction(make(), smallest).fidelity
    assert (fidelity.name, fidelity.r_max, fidelity.comparable) == ("fraction", 1, False)
    assert rung_levels(fidelity, 3) == pytest.approx([1 / 27, 1 / 9, 1 / 3, 1])


def test_all_of_the_data_is_the_task_itself(make):
    """Bit by bit: the same examples in the same order under the same seed."""
    whole = make().evaluate(Job(0, SGD, 0, 4), SEED, None)
    found = DataFraction(make()).evaluate(Job(0, SGD, 0, 1.0), SEED, None)
    np.testing.assert_array_equal(found.values, whole.values[-1:])
    np.testing.assert_array_equal(found.test_values, whole.test_values[-1:])
    np.testing.assert_array_equal(found.resources, [1.0])


def part_of_small() -> DataSet:
    return training_subset(small(), 1 / 3)


def test_a_third_of_the_data_is_the_task_on_that_third(make):
    third = make(data=part_of_small).evaluate(Job(0, SGD, 0, 4), SEED, None)
    found = DataFraction(make()).evaluate(Job(0, SGD, 0, 1 / 3), SEED, None)
    np.testing.assert_array_equal(found.values, third.values[-1:])


def test_evaluation_is_at_the_end_alone_and_all_is_charged(make, monkeypatch):
    trained, scored = [], []
    train, score = trainer.train_epoch, trainer.score
    monkeypatch.setattr(trainer, "train_epoch", lambda *a: trained.append(a[5]) or train(*a))
    monkeypatch.setattr(trainer, "score", lambda *a: scored.append(a) or score(*a))
    task = DataFraction(make())
    task.evaluate(Job(0, SGD, 0, 1 / 3), SEED, None)
    found = task.evaluate(Job(0, SGD, 1 / 3, 1.0), SEED, None)
    assert trained == [1, 2, 3, 4] * 2
    assert len(scored) == 4  # validation and test, twice
    assert found.seconds[0] == found.duration_s > 0
    assert found.checkpoint is None


def test_successive_halving_charges_from_zero(make):
    """Nine trials at 1/9, three at 1/3, one at 1."""
    task = DataFraction(make(epochs=1), "1/9")
    method = Composite(
        task.space,
        task.fidelity,
        np.random.default_rng(0),
        1,
        searcher=RandomSearch,
        scheduler=lambda fidelity: SuccessiveHalving(fidelity, eta=3),
    )
    events = simulate(task, method, budget=Budget(trials=9), seed=1)
    jobs = [event for event in events if type(event) is Outcome]
    reached = np.array([event.job.to_resource for event in jobs])
    failed = sum(bool(event.evaluation.error) for event in jobs)
    assert failed < 6
    np.testing.assert_allclose(reached, [1 / 9] * 9 + [1 / 3] * 3 + [1.0])
    again = [event for event in jobs if event.job.from_resource > 0]
    for event in again:
        fresh = task.evaluate(event.job._replace(from_resource=0), 1, None)
        np.testing.assert_array_equal(fresh.values, event.evaluation.values)


def test_divergence_and_constraints(make):
    task = DataFraction(make(constraints={"parameters": 400}))
    good = task.evaluate(Job(0, SGD, 0, 0.5), SEED, None)
    np.testing.assert_array_equal(good.constraints["parameters"], [400 - 435])  # see test_task
    wild = SGD | {"learning_rate": 1e9, "momentum": 0}
    bad = task.evaluate(Job(0, wild, 0, 0.5), SEED, None)
    assert "diverged in epoch" in bad.error
    assert math.isnan(bad.values[0])
    assert bad.value == math.inf


def test_a_pickled_task_answers_the_same(make):
    task = DataFraction(make())
    found = task.evaluate(Job(0, SGD, 0, 0.5), SEED, None)
    again = pickle.loads(pickle.dumps(task)).evaluate(Job(0, SGD, 0, 0.5), SEED, None)
    np.testing.assert_array_equal(found.values, again.values)


@pytest.mark.parametrize("smallest", [0, 1, "1/0", "few", -0.5, 2])
def test_bad_settings(make, smallest):
    with pytest.raises(ValueError, match=r"smallest=.*use a number in \(0, 1\)"):
        DataFraction(make(), smallest)


def test_what_cannot_be(make):
    task = DataFraction(make())
    with pytest.raises(ValueError, match="a job to fraction 4 of the data"):
        task.evaluate(Job(0, SGD, 0, 4), SEED, None)
    with pytest.raises(ValueError, match="wraps a TrainingTask, not a DataFraction"):
        DataFraction(task)
    with pytest.raises(ValueError, match="3 groups and 2 labels"):
        Part(np.zeros((2, 1), np.float32), np.zeros(2, int), np.zeros(3, int))
