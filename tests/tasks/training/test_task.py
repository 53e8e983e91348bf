import multiprocessing
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from hpobench.records import Job
from hpobench.tasks.training import trainer
from hpobench.tasks.training.checkpoints import CheckpointError
from tests.tasks.training.conftest import ADAM, SGD, small

SEED = 2**63 + 5


def resume(task, job, checkpoint):
    curves = task.train(job, SEED, checkpoint)
    return curves.validation_loss, curves.checkpoint


def assert_same_state(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.fixture(scope="module")
def pool():
    with multiprocessing.get_context("spawn").Pool(1) as workers:
        yield workers


@pytest.mark.parametrize("config", [SGD, ADAM], ids=["sgd", "adam"])
def test_paused_and_resumed_in_another_process_is_bit_identical(make, pool, config):
    task = make()
    whole = task.train(Job(0, config, 0, 4), SEED)
    first = task.train(Job(0, config, 0, 1), SEED)
    kept = pickle.dumps(first.checkpoint)
    middle = task.train(Job(0, config, 1, 2), SEED, first.checkpoint)
    assert pickle.dumps(first.checkpoint) == kept, "training on changed the checkpoint"
    losses, last = pool.apply(resume, (task, Job(0, config, 2, 4), middle.checkpoint))
    joined = [*first.validation_loss, *middle.validation_loss, *losses]
    np.testing.assert_array_equal(joined, whole.validation_loss)
    assert_same_state(last["model"], whole.checkpoint["model"])


def test_checkpoint_is_plain(make, tmp_path):
    checkpoint = make().train(Job(0, ADAM, 0, 1), SEED).checkpoint
    torch.save(checkpoint, tmp_path / "c.pt")
    loaded = torch.load(tmp_path / "c.pt", weights_only=True)
    assert_same_state(loaded["model"], checkpoint["model"])
    make().train(Job(0, ADAM, 1, 2), SEED, loaded)


def test_foreign_checkpoints_are_refused(make):
    task = make()
    checkpoint = task.train(Job(0, SGD, 0, 2), SEED).checkpoint
    job = Job(0, SGD, 2, 3)
    with pytest.raises(CheckpointError, match="has task"):
        make(fixed={"batch_size": 8}).train(job, SEED, checkpoint)
    with pytest.raises(CheckpointError, match="has config"):
        task.train(Job(0, SGD | {"filters": 5}, 2, 3), SEED, checkpoint)
    with pytest.raises(CheckpointError, match="has version 0"):
        task.train(job, SEED, checkpoint | {"version": 0})
    with pytest.raises(CheckpointError, match="has seed"):
        task.train(job, SEED + 1, checkpoint)
    with pytest.raises(CheckpointError, match="has epoch 2, the job needs 1"):
        task.train(Job(0, SGD, 1, 3), SEED, checkpoint)
    with pytest.raises(CheckpointError, match="not a str"):
        task.train(job, SEED, "here.pt")


def test_without_a_checkpoint_training_starts_at_zero_and_is_charged(make):
    task = make()
    whole = task.evaluate(Job(0, SGD, 0, 4), SEED, None)
    again = task.evaluate(Job(0, SGD, 2, 4), SEED, None)
    np.testing.assert_array_equal(again.resources, [3, 4])
    np.testing.assert_array_equal(again.values, whole.values[2:])
    assert again.seconds[0] > again.seconds[1] - again.seconds[0]


@pytest.mark.parametrize("cost", ["cpu", "wall"])
def test_times_add_up(make, cost):
    task = make(cost=cost)
    curves = task.train(Job(0, SGD, 0, 4), SEED)
    evaluation = task.evaluate(Job(0, SGD, 0, 4), SEED, None)
    assert (np.diff(curves.training_s) > 0).all()
    assert (np.diff(curves.evaluation_s) > 0).all()
    assert curves.duration_s >= curves.training_s[-1] + curves.evaluation_s[-1]
    assert evaluation.duration_s >= evaluation.seconds[-1] > 0


def test_the_seed_matters_and_global_randomness_is_left_alone(make):
    task, state = make(), torch.random.get_rng_state()
    one, other = (task.train(Job(0, SGD, 0, 1), seed).validation_loss for seed in (1, 2))
    assert one != other
    assert torch.equal(state, torch.random.get_rng_state())


def plain_dropout(shape, classes, *, filters, dropout):
    net = torch.nn
    return net.Sequential(net.Flatten(), net.Linear(64, filters), net.Dropout(dropout))


def test_dropout_of_a_users_network_draws_from_our_generators(make):
    task = make(model=plain_dropout)
    found = [task.train(Job(0, SGD, 0, 2), SEED).validation_loss for _ in range(2)]
    np.testing.assert_array_equal(*found)


def test_divergence_is_a_failed_observation_that_ends_the_job(make):
    config = SGD | {"learning_rate": 1e9, "momentum": 0}
    found = make().evaluate(Job(0, config, 0, 4), SEED, None)
    assert np.isnan(found.values[-1])
    assert "diverged in epoch" in found.error
    assert found.value == np.inf
    assert found.checkpoint is None
    assert found.resources[-1] <= 2 < 4
    later = make().evaluate(Job(0, config, 3, 4), SEED, None)
    assert len(later.values) == 1
    assert np.isnan(later.values).all()


def test_errors_are_means_over_examples():
    """501 examples, evaluated 500 at a time: the last one weighs 1 / 501, not 1 / 2."""
    labels = torch.zeros(trainer.EVALUATION_BATCH + 1, dtype=torch.int64)
    inputs = torch.tensor([[2.0, 0.0]]).repeat(len(labels), 1)
    inputs[-1] = torch.tensor([0.0, 2.0])
    found = trainer.score(torch.nn.Identity(), (inputs, labels))
    assert found.error == 1 / 501
    # Cross-entropy: log(1 + e^-2) for the right ones, 2 more for the wrong one.
    assert found.loss == pytest.approx(np.log1p(np.exp(-2)) + 2 / 501, rel=1e-6)


def test_training_loss_is_a_mean_over_examples(make):
    """100 examples in batches of 16: six whole ones and one of 4. Nothing is learnt at rate 0."""
    data = trainer.to_device(small(), make().recipe)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    still = torch.optim.SGD(model.parameters(), 0.0)
    loss = trainer.train_epoch(model, still, data, 16, SEED, 1)
    assert loss == pytest.approx(trainer.score(model, data.train).loss, rel=1e-5)


def test_constraints(make):
    # 4 filters: 4 (9 + 1) + 8 (4 * 9 + 1) + 3 (8 * 2 * 2 + 1) weights and biases.
    parameters = 40 + 296 + 99
    task = make(constraints={"parameters": 400, "latency_s": {"upper": 10}})
    found = task.evaluate(Job(0, SGD, 0, 2), SEED, None)
    np.testing.assert_array_equal(found.constraints["parameters"], [400 - parameters] * 2)
    assert (found.constraints["latency_s"] > 9).all()
    assert (found.constraints["latency_s"] < 10).all()
    with pytest.raises(ValueError, match="no metric 'size' to constrain"):
        make(constraints={"size": 3})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "tpu"}, "device='tpu': use auto, cpu, cuda"),
        ({"cost": "money"}, "cost='money'"),
        ({"precision": "float16"}, "precision="),
        ({"threads": 0}, "threads=0"),
        ({"epochs": 0}, "r_min"),
    ],
)
def test_bad_settings(make, settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)


def test_bad_hyperparameters(make):
    with pytest.raises(ValueError, match="'speed' is an argument of neither"):
        make(fixed={"batch_size": 16, "speed": 3}).train(Job(0, SGD, 0, 1), SEED)
    with pytest.raises(ValueError, match="no batch_size"):
        make(fixed={}).train(Job(0, SGD, 0, 1), SEED)
    with pytest.raises(ValueError, match="momentum"):
        make().train(Job(0, ADAM | {"momentum": 0.9}, 0, 1), SEED)
    with pytest.raises(ValueError, match="trains from 0 to 4"):
        make().train(Job(0, ADAM, 0, 5), SEED)


def test_mixed_precision_belongs_to_the_identity(make):
    task = make(precision="bfloat16")
    assert task.identity != make().identity
    assert np.isfinite(task.train(Job(0, SGD, 0, 1), SEED).validation_loss).all()


def test_building_imports_no_torch():
    code = """
import sys, yaml
from hydra.utils import instantiate
from hpobench.study import catalogue
settings = catalogue.read("task", "cnn_digits")
task = instantiate({k: v for k, v in settings.items() if k not in ("about", "budget")})
task.space.default()
assert task.identity
print([name for name in ("torch", "sklearn") if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
