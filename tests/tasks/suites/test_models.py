"""Suites that compute: YAHPO's surrogates, of a small model, and OptunaHub's problems."""

import json

import numpy as np
import pytest

from hpobench.records import Job
from hpobench.tasks.suites.optunahub import problem
from hpobench.tasks.suites.yahpo import Yahpo

NAMES = {
    "cat": ["task", "opt"],
    "cont": ["epoch", "lr"],
    "y": ["time", "acc"],
    "fidelity": ["epoch"],
    "instance": "task",
    "runtime": "time",
}


def evaluated(task, config, start, end, checkpoint=None):
    return task.evaluate(Job(0, config, start, end), 0, checkpoint)


@pytest.fixture
def scenario(tmp_path):
    """A model with time = 2 epoch and acc = task + 10 lr + epoch."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, numpy_helper

    weights = {
        "of_cats": np.array([[0, 1], [0, 0]], np.float32),
        "of_numbers": np.array([[2, 1], [0, 10]], np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["x_cat"], ["cats"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["cats", "of_cats"], ["first"]),
        helper.make_node("MatMul", ["x_cont", "of_numbers"], ["second"]),
        helper.make_node("Add", ["first", "second"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [
            helper.make_tensor_value_info("x_cat", TensorProto.INT32, [None, 2]),
            helper.make_tensor_value_info("x_cont", TensorProto.FLOAT, [None, 2]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(tmp_path / "model.onnx"))
    encoding = {"task": {"31": 0, "32": 5}, "opt": {"#na#": 0, "sgd": 1, "adam": 2}}
    (tmp_path / "encoding.json").write_text(json.dumps(encoding))
    space = {
        "hyperparameters": [
            {"name": "task", "type": "categorical", "choices": ["31", "32"], "default": "31"},
            {"name": "opt", "type": "categorical", "choices": ["sgd", "adam"], "default": "sgd"},
            {"name": "epoch", "type": "uniform_int", "lower": 1, "upper": 4, "log": False}
            | {"default": 2},
            {"name": "lr", "type": "uniform_float", "lower": 0.0, "upper": 1.0, "log": False}
            | {"default": 0.5},
        ],
        "conditions": [],
        "forbiddens": [],
    }
    (tmp_path / "config_space.json").write_text(json.dumps(space))
    return tmp_path


def test_yahpo(scenario):
    task = Yahpo(str(scenario), 32, "acc", goal="maximize", ceiling=100, names=NAMES)
    assert list(task.space.names) == ["opt", "lr"]
    assert (task.fidelity.name, task.fidelity.r_max, task.clock) == ("epoch", 4, "seconds")
    config = {"opt": "adam", "lr": 0.5}
    found = evaluated(task, config, 0, 4)
    np.testing.assert_allclose(found.values, 100 - (5 + 5 + np.arange(1, 5)))
    np.testing.assert_allclose(found.seconds, [2, 4, 6, 8])
    resumed = evaluated(task, config, 2, 4, checkpoint=2.0)
    np.testing.assert_allclose(resumed.seconds, [2, 4])
    np.testing.assert_allclose(resumed.values, found.values[2:])
    assert task.median == pytest.approx(100 - (5 + 5 + 4), abs=0.6)


def test_bad_yahpo(scenario):
    with pytest.raises(ValueError, match="the scenario has 31, 32"):
        Yahpo(str(scenario), 7, "acc", goal="maximize", names=NAMES)
    with pytest.raises(ValueError, match="the scenario has time, acc"):
        Yahpo(str(scenario), 31, "f1", names=NAMES)
    (scenario / "encoding.json").unlink()
    with pytest.raises(ValueError, match=r"there is no .*encoding\.json: download"):
        Yahpo(str(scenario), 31, "acc", names=NAMES)


PROBLEM = """
import optuna

class Problem:
    def __init__(self, shift=0.0):
        self.shift = shift

    @property
    def search_space(self):
        made = optuna.distributions
        return {
            "x": made.FloatDistribution(-1, 1),
            "n": made.IntDistribution(2, 8, step=2),
            "k": made.CategoricalDistribution(["a", "b"]),
        }

    @property
    def directions(self):
        return [optuna.study.StudyDirection.MAXIMIZE]

    def evaluate(self, params):
        return -((params["x"] - self.shift) ** 2) - params["n"]
"""


def test_optunahub(tmp_path):
    pytest.importorskip("optuna")
    (tmp_path / "__init__.py").write_text(PROBLEM)
    task = problem(str(tmp_path), settings={"shift": 0.5}, noise="none", optimum=-2.0)
    assert list(task.space["n"].levels) == [2, 4, 6, 8]
    assert task.optimum == 2
    assert evaluated(task, {"x": 0.5, "n": 2, "k": "a"}, 0, 1).value == 2
    assert evaluated(task, {"x": 0.0, "n": 4, "k": "b"}, 0, 1).value == 4.25
    with pytest.raises(ValueError, match="there is no"):
        problem(str(tmp_path / "nowhere"))
