"""German credit: the table, the threshold, and the task that ships."""

import hashlib
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hydra.utils import instantiate

from hpobench.records import Job
from hpobench.study import catalogue
from hpobench.tasks.data.german_credit import TABLE, german_credit
from hpobench.tasks.data.split import k_folds
from hpobench.tasks.training.threshold import Threshold, binary_mlp

SEED = 2**63 + 5


@pytest.fixture(scope="module")
def data():
    return german_credit()


@pytest.fixture(scope="module")
def table():
    return pd.read_csv(TABLE)


def build(**settings):
    found = catalogue.read("task", "german_credit")
    return instantiate({k: v for k, v in found.items() if k not in ("about", "budget")} | settings)


def test_the_table_is_the_one_described_beside_it():
    """The hash is that of the file in the package it was taken from."""
    found = hashlib.sha256(TABLE.read_bytes()).hexdigest()
    assert found == "321ff0594e1f887ad6bf05dc51d34c616f1c32dca8c7cdb141434df295f67997"
    described = TABLE.with_suffix(".md").read_text()
    assert found in described
    assert "Database Contents License (DbCL) v1.0" in described


def test_nobody_is_lost_and_the_parts_are_alike(data, table):
    parts = (data.train, data.validation, data.test)
    assert [part.inputs.shape for part in parts] == [(640, 26), (160, 26), (200, 26)]
    code = 2 * table["risk"] + (table["sex"] == "male")
    whole = np.bincount(code)
    np.testing.assert_array_equal(sum(np.bincount(part.strata) for part in parts), whole)
    for part in parts:
        share = whole * len(part.labels) / 1000
        assert np.abs(np.bincount(part.strata) - share).max() < 1


def test_inputs(data):
    train = data.train.inputs.astype(float)
    assert train[:, :4].mean(0) == pytest.approx(np.zeros(4), abs=1e-6)
    assert train[:, :4].std(0) == pytest.approx(np.ones(4), abs=1e-6)
    # sex, housing, saving and checking account, purpose: one of each for everybody.
    for columns in np.split(np.arange(4, 26), np.cumsum([2, 3, 5, 4])):
        np.testing.assert_array_equal(train[:, columns].sum(1), 1)
    np.testing.assert_array_equal(train[:, 5], data.train.groups)


def test_the_test_examples_are_in_no_fold(data):
    rows = {row.tobytes() for row in data.test.inputs}
    for fold in k_folds(data, 5):
        assert not rows & {row.tobytes() for row in fold.train.inputs}
        assert not rows & {row.tobytes() for row in fold.validation.inputs}


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.75])
def test_class_1_is_chosen_at_the_threshold(threshold):
    logits = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
    layer = Threshold(threshold)
    torch.testing.assert_close(layer.train()(logits), logits)
    chosen = layer.eval()(logits).argmax(1)
    torch.testing.assert_close(chosen, (logits.softmax(1)[:, 1] >= threshold).long())


def test_threshold_is_no_parameter():
    model = binary_mlp((26,), 2, units=4, layers=2, threshold=0.6)
    assert sum(tensor.numel() for tensor in model.parameters()) == 27 * 4 + 5 * 4 + 5 * 2
    assert not [name for name in model.state_dict() if "shift" in name]
    with pytest.raises(ValueError, match="threshold=1"):
        Threshold(1)
    with pytest.raises(ValueError, match="between two classes, not 3"):
        binary_mlp((26,), 3, units=4)


def test_the_default_learns():
    task = build()
    assert task.metric.label == "5-fold balanced validation error"
    config = task.space.default({"threshold": 0.65, "batch_size": 256})
    found = task.evaluate(Job(0, config, 0, 9), SEED, None)
    # Any constant answer has 0.5; logistic regression at thresholds around 0.7 has 0.30.
    assert found.values[-1] < 0.36
    assert found.test_values[-1] < 0.42
    assert np.isfinite(found.constraints["tpr_difference"]).all()
    assert math.isfinite(found.value)
