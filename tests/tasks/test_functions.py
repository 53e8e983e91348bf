"""Closed forms against their known minima, noise and cost against their stated distributions."""

import json
import math
import os
import subprocess
import sys
import types

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from scipy import optimize, stats

from hpobench import progress
from hpobench.records import EvaluationError, Job
from hpobench.space.hyperparameters import Float, Integer
from hpobench.tasks import formulas
from hpobench.tasks.functions import FunctionTask, ackley, branin, hartmann6, rosenbrock


def evaluate(task, config, seed=0):
    return task.evaluate(Job(0, config, 0, 1), seed, None)


@pytest.mark.parametrize(
    ("task", "minimiser"),
    [
        (branin(), (-math.pi, 12.275)),
        (branin(), (math.pi, 2.275)),
        (branin(), (3 * math.pi, 2.475)),
        (hartmann6(), formulas.HARTMANN6_MINIMISER),
        (ackley(3), (0, 0, 0)),
        (rosenbrock(4), (1, 1, 1, 1)),
    ],
)
def test_known_minima(task, minimiser):
    config = dict(zip(task.space.names, minimiser, strict=True))
    task.space.validate(config)
    assert evaluate(task, config).value == pytest.approx(task.optimum, abs=1e-12)


@pytest.mark.parametrize("task", [branin(), hartmann6(), rosenbrock(2)])
def test_nothing_is_below_the_minimum(task):
    def at(unit):
        return evaluate(task, task.space.from_unit(unit[None])[0]).value

    box = [(0, 1)] * len(task.space)
    starts = np.random.default_rng(0).random((10, len(box)))
    best = min(optimize.minimize(at, x, bounds=box, method="L-BFGS-B").fun for x in starts)
    assert best >= task.optimum - 1e-12
    assert best == pytest.approx(task.optimum, abs=1e-3)


def test_reference_values():
    # Branin (0, 0): 36 + 10 (1 - 1 / 8 pi) + 10; Rosenbrock (0, 0, 0): 1 + 1.
    assert formulas.branin(0, 0) == pytest.approx(56 - 10 / (8 * math.pi))
    assert formulas.rosenbrock(x1=0, x2=0, x3=0) == 2
    assert formulas.rosenbrock(x1=0, x2=1) == 101
    one = 20 + math.e - 20 * math.exp(-0.2) - math.e
    assert formulas.ackley(x1=1, x2=1) == pytest.approx(one)
    mine = {"x1": 0.2, "x2": 0.3}
    assert optimize.rosen([0.2, 0.3]) == pytest.approx(formulas.rosenbrock(**mine))


def test_median_is_that_of_random_configurations():
    task = branin()
    configs = task.space.sample(np.random.default_rng(9), 4000)
    above = np.mean([formulas.branin(**config) > task.median for config in configs])
    assert above == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(4000) + 0.02)


def test_order_of_the_configuration_does_not_matter():
    task = hartmann6(noise=0.1)
    config = task.space.sample(np.random.default_rng(0), 1)[0]
    assert evaluate(task, dict(reversed(config.items()))).value == evaluate(task, config).value


def test_noise_is_gaussian_and_depends_on_seed_and_configuration():
    task = branin(noise=0.5)
    configs = task.space.sample(np.random.default_rng(0), 2000)
    found = [evaluate(task, config, seed=3) for config in configs]
    errors = np.array([e.values[0] - e.true_values[0] for e in found]) / 0.5
    assert stats.kstest(errors, "norm").pvalue > 0.01
    other = [evaluate(task, config, seed=4) for config in configs]
    errors_other = [e.values[0] - e.true_values[0] for e in other]
    assert abs(np.corrcoef(errors, errors_other)[0, 1]) < 4 / math.sqrt(2000)


def test_costs_are_log_normal_and_of_the_configuration():
    task = branin(cost_s=3.0, cost_spread=1.5, noise=1.0)
    configs = task.space.sample(np.random.default_rng(0), 2000)
    logs = np.log([evaluate(task, config, seed=1).duration_s for config in configs])
    expected = stats.norm(math.log(3.0) - 1.5**2 / 2, 1.5)
    assert stats.kstest(logs, expected.cdf).pvalue > 0.01
    assert evaluate(task, configs[0], 1).duration_s == evaluate(task, configs[0], 2).duration_s


def test_the_same_in_every_process():
    code = (
        "from hpobench.records import Job\n"
        "from hpobench.tasks.functions import FunctionTask\n"
        "space = {'x': {'type': 'float', 'low': 0, 'high': 1},\n"
        "         'kind': {'type': 'categorical', 'values': ['a', 'b']}}\n"
        "task = FunctionTask(lambda x, kind: x, space, noise=1.0, cost_spread=1.0)\n"
        "found = task.evaluate(Job(0, {'x': 0.3, 'kind': 'b'}, 0, 1), 2**64 - 1, None)\n"
        "print([found.value, found.duration_s])"
    )
    printed = [
        subprocess.check_output(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}
        )
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    value, cost = json.loads(printed[0])
    assert value != 0.3
    assert cost != 1.0


def accuracy(rate, units, activation):
    return 0.9 - abs(math.log10(rate) + 2) / 10 - units / 1e6 + 0.01 * (activation == "tanh")


YAML = """
_target_: hpobench.tasks.functions.FunctionTask
function: {_target_: my_training.accuracy, _partial_: true}
space:
  rate: {_target_: scipy.stats.loguniform, a: 1e-4, b: 1}
  units: {type: integer, low: 16, high: 512, log: true, default: 64}
  activation: {type: categorical, values: [relu, tanh]}
goal: maximize
optimum: 0.91
label: 1 - accuracy
cost_s: 2.0
"""


@pytest.mark.parametrize("convert", ["none", "all"])
def test_a_task_of_ones_own_in_yaml(convert, monkeypatch):
    mine = types.ModuleType("my_training")
    mine.accuracy = accuracy
    monkeypatch.setitem(sys.modules, "my_training", mine)
    task = instantiate(OmegaConf.create(YAML), _convert_=convert)
    assert task.space["rate"] == Float(1e-4, 1.0, log=True)
    assert task.space["units"] == Integer(16, 512, log=True, default=64)
    assert task.space["activation"].levels == ("relu", "tanh")
    found = evaluate(task, {"rate": 0.01, "units": 16, "activation": "relu"})
    assert task.metric.to_user(found.value) == pytest.approx(0.9 - 16e-6)
    assert task.metric.to_user(task.optimum) == pytest.approx(0.91)
    assert found.duration_s == 2.0
    assert task.median is None


def test_dotted_path():
    space = {"x1": Float(0, 1), "x2": Float(0, 1)}
    task = FunctionTask("hpobench.tasks.formulas.branin", space)
    assert evaluate(task, {"x1": 0.5, "x2": 0.5}).value == formulas.branin(0.5, 0.5)


def test_measured_cost():
    task = FunctionTask(lambda x: sum(range(10_000)) * x, {"x": Float(0, 1)}, cost_s=None)
    assert 0 < evaluate(task, {"x": 0.5}).duration_s < 1


X = {"x": Float(0, 1)}


def noisy(x):
    return x + np.random.default_rng().normal()


def seeded(x, seed):
    return x + np.random.default_rng(seed).normal()


@pytest.mark.parametrize(
    ("function", "stated", "noise", "has_true"),
    [
        (noisy, None, "unknown", False),
        (noisy, "unknown", "unknown", False),
        (seeded, None, "seeded", False),
        (seeded, "seeded", "seeded", False),
        (lambda x: x, None, "unknown", False),  # it repeats, but nobody has said so
        (lambda x: x, "none", "none", True),
        (lambda x: x, 0, "none", True),
        (lambda x: x, 0.1, "added", True),
    ],
)
def test_values_are_called_true_only_where_that_is_known(function, stated, noise, has_true):
    task = FunctionTask(function, X, noise=stated)
    task.prepare()
    assert task.noise == noise
    assert task.reproducible == (noise != "unknown")
    assert not FunctionTask(function, X, noise=stated, cost_s=None).reproducible
    found = evaluate(task, {"x": 0.5})
    assert (found.true_values is not None) == has_true
    assert not has_true or found.true_values[0] == 0.5


def test_a_function_is_given_its_seed():
    seeds = []
    task = FunctionTask(lambda x, seed=None: float(seeds.append(seed) or x), X)
    for x, seed in [(0.5, 3), (0.5, 3), (0.25, 3), (0.5, 2**64 - 1)]:
        evaluate(task, {"x": x}, seed)
    # Of the configuration and the seed of the objective, and small enough for any generator.
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) == 3
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_a_hyperparameter_may_be_called_seed():
    task = FunctionTask(lambda seed: seed, {"seed": Integer(3, 3 + 9)})
    assert evaluate(task, {"seed": 7}).value == 7
    assert task.noise == "unknown"


@pytest.mark.parametrize("stated", ["none", 0.0, 0.1])
def test_a_function_that_is_said_to_repeat_and_does_not_is_refused(stated):
    with pytest.raises(ValueError, match=r"says that the function repeats, but at \{'x': 0.5\} it"):
        FunctionTask(noisy, X, noise=stated).prepare()


def test_a_function_that_takes_no_seed_is_not_seeded():
    with pytest.raises(ValueError, match="unexpected keyword argument 'seed'"):
        FunctionTask(noisy, X, noise="seeded")


@pytest.mark.parametrize("noise", [-1, math.nan, math.inf, True, "some", "0.1"])
def test_wrong_statements_of_noise(noise):
    with pytest.raises(ValueError, match="use none, seeded or unknown, or the standard deviation"):
        branin(noise=noise)


@pytest.mark.parametrize("settings", [{"cost_s": 0}, {"cost_spread": -0.1}])
def test_wrong_settings(settings):
    with pytest.raises(ValueError, match="must be at least 0"):
        branin(**settings)
    with pytest.raises(ValueError, match="needs at least 2"):
        rosenbrock(dimension=1)


@pytest.mark.parametrize(
    ("stated", "shown"),
    [
        ({"label": "accuracy", "goal": "maximize"}, "1 - accuracy"),
        ({"label": "accuracy", "goal": "maximize", "ceiling": 100.0}, "100 - accuracy"),
        ({"label": "1 - accuracy", "goal": "maximize"}, "1 - accuracy"),
        (
            {"label": "Balanced validation_accuracy", "goal": "maximize"},
            "1 - Balanced validation_accuracy",
        ),
        ({"label": "accuracy", "goal": "minimize"}, "accuracy"),
        # Called after what is stored, or not to be told: 1 - error would be the accuracy.
        (
            {"label": "validation error", "goal": "maximize"},
            "validation error (shown: 1 - what is returned)",
        ),
        (
            {"label": "accuracy loss", "goal": "maximize", "ceiling": 100.0},
            "accuracy loss (shown: 100 - what is returned)",
        ),
        (
            {"label": "neg_mean_squared_error", "goal": "maximize", "ceiling": 0.0},
            "neg_mean_squared_error (shown: 0 - what is returned)",
        ),
        (
            {"label": "1 - accuracy", "goal": "maximize", "ceiling": 100.0},
            "1 - accuracy (shown: 100 - what is returned)",
        ),
        ({"label": "error"}, "error"),
    ],
)
def test_the_label_of_what_is_maximised_says_what_is_shown(stated, shown):
    """Curves fall: they show the ceiling less the score."""
    space = {"x": {"type": "float", "low": 0.0, "high": 1.0}}
    assert FunctionTask(lambda x: x, space, **stated).metric.label == shown


X = {"x": {"type": "float", "low": 0, "high": 1}}
EPOCHS = {"name": "epochs", "r_min": 1, "r_max": 8}


def test_a_dict_has_more_than_a_value():
    def trained(x, resource, seed):
        return {
            "value": 1 - x / resource,
            "test": 0.5,
            "train": np.float32(0.75),
            "true": 1 - x,
            "cost_s": 3 * resource,
            "latency": 10 * x,
            "note": "left alone",
        }

    task = FunctionTask(trained, X, fidelity=EPOCHS, goal="maximize", constraints={"latency": 6})
    assert task.noise == "seeded"
    assert task.fidelity.r_max == 8
    found = task.evaluate(Job(0, {"x": 0.5}, 2, 4), 7, None)
    assert found.resources.tolist() == [4]
    assert found.values == pytest.approx([0.125])
    assert found.true_values == pytest.approx([0.5])
    assert found.test_values.tolist() == [0.5]
    assert found.train_values.tolist() == [0.25]
    assert found.constraints["latency"].tolist() == [1]
    assert found.seconds.tolist() == [12] == [found.duration_s]


def test_what_a_function_reports_is_not_lost_without_a_word():
    def loop(x):
        for epoch in (1, 2):
            progress.report(epoch, x / epoch)
        return x

    task = FunctionTask(loop, {"x": {"type": "float", "low": 0, "high": 1}})
    with pytest.raises(EvaluationError, match=r"called report\(1, 0\.5\).*TrainingLoop"):
        task.evaluate(Job(0, {"x": 0.5}, 0, 1), 0, None)


def test_less_resource_costs_less_and_whole_numbers_arrive_as_such():
    asked = []

    def trained(x, resource):
        asked.append(resource)
        return {"value": x, "resource": min(resource, 5)}

    task = FunctionTask(trained, X, fidelity=EPOCHS, cost_s=16.0)
    found = task.evaluate(Job(0, {"x": 0.5}, 0, 4), 7, None)
    assert found.duration_s == 8
    assert found.test_values is None
    early = task.evaluate(Job(0, {"x": 0.5}, 4, 8), 7, None)
    assert early.resources.tolist() == [5]
    assert [type(resource) for resource in asked] == [int, int]
    with pytest.raises(Exception, match="returned resource=5, and was asked for more than 6"):
        task.evaluate(Job(0, {"x": 0.5}, 6, 8), 7, None)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ({}, "no 'value'"),
        ({"loss": 1}, "'loss' and no 'value'"),
        ({"value": "0.3"}, "'value' must be one finite number"),
        ({"value": 1, "tests": 2}, "did you mean 'test'"),
        ({"value": 1, "cost": 2}, "did you mean 'cost_s'"),
        ({"value": 1, "cost_s": -2}, "seconds are at least 0"),
        ({"value": 1, "train": [1, 2]}, "'train' must be"),
        ({"value": 1}, "constrains latency"),
        (1.0, "constrains latency"),
        ({"value": 1, "latency": None}, "'latency' must be"),
    ],
)
def test_dicts_that_are_wrong_are_named(returned, words):
    task = FunctionTask(lambda **_: returned, X, constraints={"latency": 1})
    with pytest.raises(Exception, match=words):
        evaluate(task, {"x": 0.5})


def yields(x):
    yield x


async def waits(x):
    return x


@pytest.mark.parametrize(
    ("function", "words"),
    [(yields, r"is a training loop: _target_: hpobench\.tasks\.loops"), (waits, "is async")],
)
def test_functions_that_return_no_value_are_named(function, words):
    with pytest.raises(ValueError, match=words):
        FunctionTask(function, X)


@pytest.mark.parametrize(
    ("function", "settings", "words"),
    [
        (lambda x, resource: x + resource, {}, "states no fidelity"),
        (lambda x: x, {"fidelity": EPOCHS}, "no parameter `resource`"),
        (
            lambda x, resource: x + resource,
            {"fidelity": {"name": "folds", "r_max": 5}},
            "state comparable",
        ),
        (lambda x, resource: x + resource, {"fidelity": {"name": "epochs"}}, "a name and r_max"),
        (lambda x, resource: x + resource, {"fidelity": {**EPOCHS, "rmin": 2}}, "no rmin"),
    ],
)
def test_function_and_fidelity_agree(function, settings, words):
    with pytest.raises(ValueError, match=words):
        FunctionTask(function, X, **settings)
