import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from hpobench.tasks.data.split import DataSet, Part
from hpobench.tasks.training.task import TrainingTask

SPACE = {
    "optimizer": {"type": "categorical", "values": ["sgd", "adam"]},
    "learning_rate": {
        **{"type": "float", "low": 1e-3, "high": 1e9, "log": True},
        "when": {"optimizer": "sgd"},
    },
    "momentum": {"type": "float", "low": 0, "high": 0.99, "when": {"optimizer": "sgd"}},
    "adam_learning_rate": {
        **{"type": "float", "low": 1e-4, "high": 1e-1, "log": True},
        "when": {"optimizer": "adam"},
    },
    "filters": {"type": "integer", "low": 2, "high": 8},
    "dropout": {"type": "float", "low": 0, "high": 0.9},
}
SGD = {"optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.9, "filters": 4, "dropout": 0.3}
ADAM = {"optimizer": "adam", "adam_learning_rate": 3e-3, "filters": 3, "dropout": 0.3}


def small() -> DataSet:
    """Three classes that differ in where they are bright; 100 / 50 / 31 examples of 8x8."""
    rng = np.random.default_rng(0)

    def part(count: int) -> Part:
        labels = np.arange(count) % 3
        inputs = rng.normal(size=(count, 1, 8, 8))
        inputs[np.arange(count), 0, 2 * labels, 2 * labels] += 3.0
        return Part(inputs.astype(np.float32), labels)

    return DataSet("small", part(100), part(50), part(31), classes=3)


@pytest.fixture
def make():
    """A cheap training task, with other settings if wanted."""

    def made(**settings):
        usual = {
            "space": SPACE,
            "epochs": 4,
            "data": small,
            "model": "hpobench.tasks.training.models.cnn",
            "fixed": {"batch_size": 16},
        }
        return TrainingTask(**(usual | settings))

    return made
