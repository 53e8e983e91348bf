"""The task that ships: `cnn_digits`."""

import hashlib

import numpy as np
import pytest
from hydra.utils import instantiate

from hpobench.records import Job
from hpobench.study import catalogue
from hpobench.tasks.data.digits import digits
from hpobench.tasks.data.split import stratified


@pytest.fixture(scope="module")
def data():
    return digits()


def test_the_split_is_fixed(data):
    parts = (data.train, data.validation, data.test)
    assert [len(part.labels) for part in parts] == [600, 700, 497]
    assert [part.inputs.shape[1:] for part in parts] == [(1, 8, 8)] * 3
    labels = np.concatenate([part.labels for part in parts]).astype(np.uint8)
    assert hashlib.sha256(labels.tobytes()).hexdigest()[:16] == "354e7657171a5827"


def test_the_split_is_stratified(data):
    whole = np.bincount(
        np.concatenate([p.labels for p in (data.train, data.validation, data.test)])
    )
    for part in (data.train, data.validation, data.test):
        share = whole * len(part.labels) / whole.sum()
        assert np.abs(np.bincount(part.labels) - share).max() < 2


def test_training_images_are_scaled(data):
    assert data.train.inputs.dtype == np.float32
    assert data.train.inputs.mean(dtype=float) == pytest.approx(0, abs=1e-6)
    assert data.train.inputs.std(dtype=float) == pytest.approx(1, abs=1e-6)


def test_parts_are_disjoint_and_of_their_sizes():
    labels = np.repeat(np.arange(3), [30, 50, 20])
    parts = stratified(labels, [50, 20, 10], seed=1)
    assert [len(part) for part in parts] == [50, 20, 10]
    assert len(np.unique(np.concatenate(parts))) == 80
    np.testing.assert_array_equal(np.bincount(labels[parts[0]]), [15, 25, 10])
    with pytest.raises(ValueError, match="cannot split 100 examples"):
        stratified(labels, [90, 20], seed=1)


def test_the_space_is_conditional():
    settings = catalogue.read("task", "cnn_digits")
    task = instantiate({k: v for k, v in settings.items() if k not in ("about", "budget")})
    for config in task.space.sample(np.random.default_rng(0), 30):
        task.space.validate(config)
        assert (
            ("learning_rate" in config) == ("momentum" in config) == (config["optimizer"] == "sgd")
        )
        assert ("adam_learning_rate" in config) == (config["optimizer"] == "adam")


def test_the_default_learns():
    settings = catalogue.read("task", "cnn_digits")
    task = instantiate({k: v for k, v in settings.items() if k not in ("about", "budget")})
    config = task.space.default({"filters": 6, "batch_size": 64})
    found = task.evaluate(Job(0, config, 0, 5), 0, None)
    assert found.values[-1] < 0.25 < found.values[0]
    assert found.test_values[-1] < 0.25
    assert found.values[-1] * 700 == pytest.approx(round(found.values[-1] * 700))
