"""A group trains each member as it would train alone."""

import numpy as np
import pytest

from hpobench.records import Job
from hpobench.tasks.training.grouped import train_group
from hpobench.tasks.training.stacked import GroupError
from tests.tasks.training.conftest import ADAM, SGD


def assert_alike(curves, alone):
    """Float32 sums in another order: a last digit or so, grown over 14 steps."""
    for name in ("validation_loss", "test_loss", "training_loss"):
        assert getattr(curves, name) == pytest.approx(getattr(alone, name), rel=2e-4), name
    # One example more or less on the edge.
    assert np.abs(curves.validation_error - alone.validation_error).max() <= 1 / 50 + 1e-9


@pytest.mark.parametrize("config", [SGD, ADAM], ids=["sgd", "adam"])
def test_replicates(make, config):
    task = make(fixed={"batch_size": 16, "weight_decay": 0.01})
    group = train_group(task.session, [config] * 3, [1, 2, 3], epochs=2)
    for curves, seed in zip(group.members, [1, 2, 3], strict=True):
        assert_alike(curves, task.train(Job(0, config, 0, 2), seed))
    assert len({curves.validation_loss[-1] for curves in group.members}) == 3


def test_stackable_hyperparameters(make):
    task = make(fixed={"batch_size": 16, "nesterov": True})
    configs = [
        SGD,
        SGD | {"learning_rate": 0.01, "dropout": 0.0},
        SGD | {"momentum": 0.0, "dropout": 0.6},
    ]
    group = train_group(task.session, configs, [7, 7, 8], epochs=2)
    for curves, config, seed in zip(group.members, configs, [7, 7, 8], strict=True):
        assert_alike(curves, task.train(Job(0, config, 0, 2), seed))


def test_perceptrons(make):
    units = {"units_1": 6, "units_2": 5}
    space = {name: {"type": "integer", "low": 1, "high": 9} for name in units}
    space |= {name: {"type": "float", "low": 0, "high": 0.9} for name in ("dropout_1", "dropout_2")}
    fixed = {"batch_size": 16, "learning_rate": 0.1}
    task = make(model="hpobench.tasks.training.models.mlp", space=space, fixed=fixed)
    configs = [units | {"dropout_1": 0.5, "dropout_2": rate} for rate in (0.1, 0.2)]
    group = train_group(task.session, configs, [1, 2], epochs=2)
    for curves, config, seed in zip(group.members, configs, [1, 2], strict=True):
        assert_alike(curves, task.train(Job(0, config, 0, 2), seed))


def test_a_member_that_diverges_leaves_the_others_alone(make):
    task = make()
    wild = SGD | {"learning_rate": 1e9, "momentum": 0}
    group = train_group(task.session, [wild, SGD], [1, 1], epochs=2)
    assert "diverged" in group.members[0].error
    assert np.isnan(group.members[0].validation_error[-1])
    assert_alike(group.members[1], task.train(Job(0, SGD, 0, 2), 1))


def test_both_costs(make):
    group = train_group(make().session, [SGD] * 4, range(4), epochs=3)
    assert (np.diff(group.group_training_s) > 0).all()
    assert group.group_duration_s > group.group_training_s[-1] + group.group_evaluation_s[-1]
    for curves in group.members:
        np.testing.assert_allclose(np.diff(curves.training_s), curves.training_s[0])
        assert curves.duration_s >= curves.training_s[-1] + curves.evaluation_s[-1]
        assert len(curves.epochs) == 3


def test_what_does_not_stack(make):
    session = make().session
    with pytest.raises(GroupError, match="differ in filters"):
        train_group(session, [SGD, SGD | {"filters": 5}], [1, 1], epochs=1)
    with pytest.raises(GroupError, match="differ in optimizer"):
        train_group(session, [SGD, SGD | {"optimizer": "adam"}], [1, 1], epochs=1)
    with pytest.raises(GroupError, match="1 configurations and 2 seeds"):
        train_group(session, [SGD], [1, 2], epochs=1)
    with pytest.raises(GroupError, match="float32 only"):
        train_group(make(precision="bfloat16").session, [SGD], [1], epochs=1)
    with pytest.raises(GroupError, match="not by balanced_accuracy"):
        train_group(make(metric="balanced_accuracy").session, [SGD], [1], epochs=1)
