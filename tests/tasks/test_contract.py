"""What every task in conf/task/ promises."""

import functools
import math
import pickle

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from hpobench.records import Job
from hpobench.study import catalogue

ALL = catalogue.names("task")
# What trains for real takes seconds and may need data: it has tests of its own, in training/.
TRAINED = (".training.", ".estimators.")
TARGETS = {name: catalogue.read("task", name)["_target_"] for name in ALL}
NAMES = [name for name in ALL if not any(part in TARGETS[name] for part in TRAINED)]
SEED = 2**63 + 12345


@functools.cache
def build(name):
    settings = OmegaConf.load(catalogue.CONF / "task" / f"{name}.yaml")
    own = OmegaConf.to_container(settings, resolve=True)
    return instantiate({key: own[key] for key in own if key not in ("about", "budget")})


@pytest.fixture(params=NAMES)
def task(request):
    return build(request.param)


LONG = [name for name in NAMES if not build(name).fidelity.single]


@pytest.fixture(params=LONG)
def long_task(request):
    """Tasks with more than one level of resource."""
    return build(request.param)


@pytest.fixture
def config(task):
    return task.space.sample(np.random.default_rng(3), 1)[0]


def assert_equal(left, right):
    for name, one, other in zip(left._fields, left, right, strict=True):
        np.testing.assert_equal(one, other, err_msg=name)


def halves(task):
    """r_max, and a resource on the way to it."""
    return task.fidelity.r_max, max(task.fidelity.r_min, int(task.fidelity.r_max) // 2)


def assert_well_formed(task, job, evaluation):
    count = len(evaluation.values)
    assert count > 0
    arrays = [evaluation.resources, evaluation.seconds, *evaluation.constraints.values()]
    arrays += [a for a in (evaluation.true_values, evaluation.test_values) if a is not None]
    assert all(array.shape == (count,) and array.dtype == float for array in arrays)
    assert (np.diff(evaluation.resources) > 0).all()
    assert job.from_resource < evaluation.resources[0]
    assert evaluation.resources[-1] <= job.to_resource
    assert evaluation.seconds[0] >= 0
    assert (np.diff(evaluation.seconds) >= 0).all()
    assert isinstance(evaluation.duration_s, float)
    assert evaluation.duration_s >= evaluation.seconds[-1]
    assert set(evaluation.constraints) == {bound.metric for bound in task.constraints}


@pytest.mark.parametrize("name", ALL)
def test_yaml(name):
    settings = catalogue.read("task", name)
    assert {"label", "summary", "source"} <= set(settings["about"])
    assert settings["budget"]["time_s"] > 0


def test_facts(task):
    for fact in (task.optimum, task.median):
        assert fact is None or (type(fact) is float and math.isfinite(fact))
    if task.optimum is not None and task.median is not None:
        assert task.optimum < task.median
    assert task.metric.label


def test_evaluations_are_well_formed_and_repeatable(task):
    r_max = task.fidelity.r_max
    for config in task.space.sample(np.random.default_rng(0), 5):
        job = Job(0, config, 0, r_max)
        found = task.evaluate(job, SEED, None)
        assert_well_formed(task, job, found)
        assert found.resources[-1] == r_max
        assert_equal(found, task.evaluate(job, SEED, None))
        if task.optimum is not None and found.true_values is not None and not task.constraints:
            assert task.optimum <= found.true_values[-1]


def test_paused_and_resumed_is_straight_through(long_task):
    task, config = long_task, long_task.space.sample(np.random.default_rng(3), 1)[0]
    r_max, middle = halves(task)
    if not task.can_checkpoint:
        assert task.data_hash  # a table of what goes on nowhere else: of estimators
        return
    whole = task.evaluate(Job(0, config, 0, r_max), SEED, None)
    first = task.evaluate(Job(0, config, 0, middle), SEED, None)
    assert first.checkpoint is not None
    job = Job(0, config, middle, r_max)
    second = task.evaluate(job, SEED, first.checkpoint)
    assert_well_formed(task, job, second)
    assert first.duration_s + second.duration_s == pytest.approx(whole.duration_s)
    for name in ("resources", "values", "true_values"):
        joined = np.concatenate([getattr(first, name), getattr(second, name)])
        joined = joined[-len(whole.values) :]  # where they do not compare there is but the last
        assert joined == pytest.approx(getattr(whole, name), rel=1e-14)
    seconds = np.concatenate([first.seconds, first.duration_s + second.seconds])
    assert seconds[-len(whole.values) :] == pytest.approx(whole.seconds)


def test_without_a_checkpoint_training_starts_at_zero(long_task):
    task, config = long_task, long_task.space.sample(np.random.default_rng(3), 1)[0]
    r_max, middle = halves(task)
    whole = task.evaluate(Job(0, config, 0, r_max), SEED, None)
    job = Job(0, config, middle, r_max)
    restarted = task.evaluate(job, SEED, None)
    assert_well_formed(task, job, restarted)
    assert restarted.duration_s == pytest.approx(whole.duration_s)
    assert restarted.seconds == pytest.approx(whole.seconds[-len(restarted.seconds) :])


def test_pickled_task_answers_the_same(task, config):
    job = Job(0, config, 0, task.fidelity.r_max)
    copy = pickle.loads(pickle.dumps(task))
    assert_equal(copy.evaluate(job, SEED, None), task.evaluate(job, SEED, None))
