"""Cross-validation around a training task, by epochs and by folds."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.metrics import recall_score

from hpobench.loop.budget import Budget
from hpobench.loop.events import Outcome
from hpobench.loop.randomness import derive_seed
from hpobench.loop.simulator import simulate
from hpobench.methods.composite import Composite
from hpobench.methods.schedulers.successive_halving import SuccessiveHalving
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.real import checkpoints
from hpobench.records import Fidelity, Job
from hpobench.tasks.data.split import DataSet, Part, k_folds
from hpobench.tasks.training import trainer
from hpobench.tasks.training.checkpoints import CheckpointError
from hpobench.tasks.training.fairness import tpr_difference
from hpobench.tasks.training.folds import KFold
from hpobench.tasks.training.session import Session
from tests.tasks.training.conftest import ADAM, SGD, small

SEED = 2**63 + 5
DIVERGES = SGD | {"learning_rate": 1e9, "momentum": 0}


@pytest.fixture(params=["epochs", "folds"])
def fidelity(request):
    return request.param


def assert_same_results(one, other):
    """All but the times."""
    for name in ("epochs", "validation_error", "test_error", "validation_loss", "training_loss"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_folds_are_disjoint_stratified_and_hold_every_example():
    data = small()
    folds = k_folds(data, 4)
    pool = np.concatenate([data.train.inputs, data.validation.inputs])
    found = np.concatenate([fold.validation.inputs for fold in folds])
    assert {image.tobytes() for image in found} == {image.tobytes() for image in pool}
    assert len(found) == len(pool) == 150
    for fold in folds:
        assert len(fold.train.labels) + len(fold.validation.labels) == 150
        own = {image.tobytes() for image in fold.validation.inputs}
        assert not own & {image.tobytes() for image in fold.train.inputs}
        # 51 + 50 + 49 examples of a class over four folds: 12 or 13 of each.
        assert set(np.bincount(fold.validation.labels)) <= {12, 13}
        assert fold.test is data.test


def test_fidelity(make):
    assert KFold(make(), 3).fidelity == make().fidelity
    assert KFold(make(), 3).fidelity.comparable
    found = KFold(make(), 3, fidelity="folds")
    assert found.fidelity == Fidelity("folds", 1, 3, comparable=False)
    assert found.metric.label == "3-fold validation error"


def test_the_value_is_the_mean_over_networks_trained_alone(make, fidelity):
    """Every fold as a session of its own would train it."""
    task = make()
    alone = [
        Session(task.recipe, "alone", task.space, fold).train(
            SGD, 0, 4, derive_seed(SEED, "fold", number), None
        )
        for number, fold in enumerate(k_folds(small(), 3))
    ]
    job = Job(0, SGD, 0, 4 if fidelity == "epochs" else 3)
    found = KFold(task, 3, fidelity=fidelity).evaluate(job, SEED, None)
    validation = np.array([curves.validation_error for curves in alone])
    test = np.array([curves.test_error for curves in alone])
    if fidelity == "folds":  # means of the first, the first two and all three at their end
        first = np.tri(3) / np.arange(1, 4)[:, None]
        expected, expected_test = first @ validation[:, -1], first @ test[:, -1]
    else:
        expected, expected_test = validation.mean(0), test.mean(0)
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)
    np.testing.assert_allclose(found.test_values, expected_test, rtol=1e-12)
    np.testing.assert_array_equal(found.resources, np.arange(1, len(expected) + 1))


class Ticks:
    """A clock that counts how often it is read."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


def test_the_cost_is_that_of_all_folds(make, fidelity):
    """One tick a training or evaluation; with folds each network is evaluated at its end alone."""
    task = KFold(make(), 3, fidelity=fidelity)
    ticks = Ticks()
    for session in task._folds.sessions:
        session.clock = ticks
    found = task.train(Job(0, SGD, 0, task.fidelity.r_max), SEED)
    trained, evaluated = (3, 3) if fidelity == "epochs" else (4, 1)
    np.testing.assert_array_equal(np.diff(found.evaluation_s), evaluated)
    assert (np.diff(found.training_s) >= trained).all()
    assert found.duration_s >= found.training_s[-1] + found.evaluation_s[-1]


@pytest.mark.parametrize("config", [SGD, ADAM], ids=["sgd", "adam"])
def test_paused_and_resumed_is_bit_identical(make, fidelity, config, tmp_path):
    task = KFold(make(), 3, fidelity=fidelity)
    r_max = task.fidelity.r_max
    whole = task.train(Job(0, config, 0, r_max), SEED)
    first = task.train(Job(0, config, 0, 1), SEED)
    checkpoints.save(task, tmp_path / "0@1", first.checkpoint)
    loaded = checkpoints.load(task, tmp_path / "0@1")
    second = KFold(make(), 3, fidelity=fidelity).train(Job(0, config, 1, r_max), SEED, loaded)
    for name in ("validation_error", "test_error", "validation_loss", "test_loss"):
        joined = np.concatenate([getattr(first, name), getattr(second, name)])
        np.testing.assert_array_equal(joined, getattr(whole, name))
    assert second.epochs[0] == 2


def test_without_a_checkpoint_everything_is_trained_again(make, fidelity):
    task = KFold(make(), 3, fidelity=fidelity)
    whole = task.evaluate(Job(0, SGD, 0, 3), SEED, None)
    again = task.evaluate(Job(0, SGD, 2, 3), SEED, None)
    np.testing.assert_array_equal(again.resources, [3])
    np.testing.assert_array_equal(again.values, whole.values[2:])
    assert again.seconds[0] > 0.5 * whole.seconds[-1] / 3


def test_folds_that_are_done_are_not_trained_again(make, monkeypatch):
    task = KFold(make(), 3, fidelity="folds")
    first = task.evaluate(Job(0, SGD, 0, 2), SEED, None)
    trained = []
    real = trainer.train_epoch
    monkeypatch.setattr(trainer, "train_epoch", lambda *a: trained.append(a[5]) or real(*a))
    task.evaluate(Job(0, SGD, 2, 3), SEED, first.checkpoint)
    assert trained == [1, 2, 3, 4]


def test_foreign_checkpoints_are_refused(make, fidelity):
    task = KFold(make(), 3, fidelity=fidelity)
    checkpoint = task.train(Job(0, SGD, 0, 2), SEED).checkpoint
    job = Job(0, SGD, 2, 3)
    with pytest.raises(CheckpointError, match='has task "3 folds'):
        KFold(make(), 4, fidelity=fidelity).train(job, SEED, checkpoint)
    with pytest.raises(CheckpointError, match="has config"):
        task.train(Job(0, SGD | {"filters": 5}, 2, 3), SEED, checkpoint)
    with pytest.raises(CheckpointError, match="has seed"):
        task.train(job, SEED + 1, checkpoint)
    with pytest.raises(CheckpointError, match="has resource 2, the job needs 1"):
        task.train(Job(0, SGD, 1, 3), SEED, checkpoint)
    with pytest.raises(CheckpointError, match="not a str"):
        task.train(job, SEED, "here.pt")


def test_divergence_of_one_fold_fails_the_observation(make, fidelity):
    found = KFold(make(), 3, fidelity=fidelity, constraints={"parameters": 10}).evaluate(
        Job(0, DIVERGES, 0, 3), SEED, None
    )
    assert np.isnan(found.values[-1])
    assert "fold 1 of 3: training diverged in epoch" in found.error
    assert found.value == np.inf
    assert found.checkpoint is None
    assert len(found.constraints["parameters"]) == len(found.values)


def test_a_later_fold_that_diverges(make, monkeypatch):
    real, calls = trainer.train_epoch, []

    def spoilt(*arguments):
        calls.append(arguments)
        return real(*arguments) if len(calls) != 5 else np.nan

    monkeypatch.setattr(trainer, "train_epoch", spoilt)
    found = KFold(make(), 3).evaluate(Job(0, SGD, 0, 4), SEED, None)
    assert found.error.startswith("fold 2 of 3: training diverged in epoch 2")
    np.testing.assert_array_equal(np.isnan(found.values), [False, True])
    assert len(calls) == 5


def test_constraints_on_the_network(make, fidelity):
    # 4 filters: 4 (9 + 1) + 8 (4 * 9 + 1) + 3 (8 * 2 * 2 + 1) weights and biases.
    parameters = 40 + 296 + 99
    task = KFold(make(constraints={"parameters": 400}), 3, fidelity=fidelity)
    found = task.evaluate(Job(0, SGD, 0, 2), SEED, None)
    np.testing.assert_array_equal(found.constraints["parameters"], [400 - parameters] * 2)


def two_groups() -> DataSet:
    """Two classes; in group 1 half of class 1 looks like class 0."""
    rng = np.random.default_rng(1)

    def part(count):
        labels, groups = np.arange(count) % 2, np.arange(count) // 2 % 2
        hidden = (groups == 1) & (np.arange(count) % 8 < 4)
        inputs = rng.normal(size=(count, 3)).astype(np.float32)
        inputs[:, 0] += 6.0 * (labels & ~hidden)
        return Part(inputs, labels, groups)

    return DataSet("two groups", part(160), part(80), part(40), classes=2)


GROUPED = {
    **{"data": two_groups, "model": "hpobench.tasks.training.threshold.binary_mlp"},
    **{"space": {"units": {"type": "integer", "low": 2, "high": 9}}, "epochs": 4},
    "fixed": {"batch_size": 16, "optimizer": "adam", "adam_learning_rate": 0.05},
}


def test_tpr_difference():
    """Positives: group 0 granted 3 of 4, group 1 granted 1 of 2, group 2 granted 1 of 1."""
    labels = np.array([1, 1, 1, 1, 1, 1, 1, 0, 0, 0])
    groups = np.array([0, 0, 0, 0, 1, 1, 2, 0, 1, 2])
    predicted = np.array([1, 1, 1, 0, 1, 0, 1, 1, 1, 0])
    assert tpr_difference(labels, predicted, groups) == 0.5
    nobody = tpr_difference(np.array([1, 0]), np.array([1, 1]), np.array([0, 1]))
    assert np.isnan(nobody)  # group 1 has no positives


def test_a_constraint_on_predictions_is_over_all_folds_so_far(make, fidelity):
    """Against the definition, on the predictions of each network for its own fold."""
    task = KFold(make(**GROUPED), 4, fidelity=fidelity, constraints={"tpr_difference": 0.1})
    job = Job(0, {"units": 4}, 0, 4)
    found = task.evaluate(job, SEED, None)
    folds = k_folds(two_groups(), 4)
    predicted = []
    for number, fold in enumerate(folds):
        session = Session(task.task.recipe, "alone", task.space, fold)
        training = session.start({"units": 4}, 0, derive_seed(SEED, "fold", number), None)
        predicted.append([training.advance().validation.predicted.numpy() for _ in range(4)])
    for row in range(4):
        count, epoch = (4, row) if fidelity == "epochs" else (row + 1, 3)
        labels = np.concatenate([fold.validation.labels for fold in folds[:count]])
        groups = np.concatenate([fold.validation.groups for fold in folds[:count]])
        granted = np.concatenate([by_epoch[epoch] for by_epoch in predicted[:count]])
        rates = [granted[(labels == 1) & (groups == group)].mean() for group in (0, 1)]
        slack = found.constraints["tpr_difference"][row]
        assert slack == pytest.approx(0.1 - abs(rates[0] - rates[1]))
    assert slack < -0.2  # half of the second group is hidden
    half = task.evaluate(job._replace(to_resource=2), SEED, None)
    rest = task.evaluate(job._replace(from_resource=2), SEED, half.checkpoint)
    joined = np.concatenate([e.constraints["tpr_difference"] for e in (half, rest)])
    np.testing.assert_array_equal(joined, found.constraints["tpr_difference"])


def test_groups_are_kept_in_proportion():
    for fold in k_folds(two_groups(), 4):
        np.testing.assert_array_equal(np.bincount(fold.validation.strata), [15] * 4)


def test_balanced_error_is_that_of_scikit_learn():
    """Class 1 is predicted but never right: it has no recall to average."""
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 2, 3], 200, p=[0.7, 0.2, 0.1])
    logits = torch.from_numpy(rng.normal(size=(200, 4)))
    examples = logits, torch.from_numpy(labels)
    found = trainer.score(torch.nn.Identity(), examples, "balanced_accuracy")
    recall = recall_score(labels, logits.argmax(1), labels=[0, 2, 3], average="macro")
    assert found.error == pytest.approx(1 - recall)


def test_reports_are_of_means_and_not_of_single_networks(make, fidelity, tmp_path):
    from hpobench import progress

    task = KFold(make(constraints={"parameters": 400}), 3, fidelity=fidelity)
    with progress.reporting_to(tmp_path / "p", 0.0):
        found = task.evaluate(Job(0, SGD, 0, 3), SEED, None)
        reported = progress.read(tmp_path / "p")
    np.testing.assert_array_equal(reported.resources, found.resources)
    np.testing.assert_array_equal(reported.values, found.values)
    np.testing.assert_array_equal(reported.test_values, found.test_values)
    np.testing.assert_array_equal(
        reported.constraints["parameters"], found.constraints["parameters"]
    )


def test_successive_halving_over_folds(make):
    """Nine trials of one fold, three of three, one of all nine: 9 + 3 * 2 + 1 * 6 networks."""
    task = KFold(make(epochs=1), 9, fidelity="folds")
    method = Composite(
        task.space,
        task.fidelity,
        np.random.default_rng(0),
        1,
        searcher=RandomSearch,
        scheduler=lambda fidelity: SuccessiveHalving(fidelity, eta=3),
    )
    events = simulate(task, method, budget=Budget(resource=21), seed=1)
    jobs = [event for event in events if type(event) is Outcome]
    assert [event.job.to_resource for event in jobs] == [1] * 9 + [3] * 3 + [9]
    assert sum(len(event.evaluation.values) for event in jobs) == 21


def test_a_pickled_task_answers_the_same(make, fidelity):
    task = KFold(make(), 3, fidelity=fidelity)
    found = task.train(Job(0, SGD, 0, 2), SEED)
    again = pickle.loads(pickle.dumps(task)).train(Job(0, SGD, 0, 2), SEED)
    assert_same_results(found, again)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"folds": 1}, "folds=1: use a whole number of at least 2"),
        ({"folds": 2.5}, "folds=2.5"),
        ({"fidelity": "trees"}, "fidelity='trees': use epochs or folds"),
        ({"constraints": {"size": 3}}, "no metric 'size' to constrain: has .*tpr_difference"),
    ],
)
def test_bad_settings(make, settings, message):
    with pytest.raises(ValueError, match=message):
        KFold(make(), **settings)


def test_what_cannot_be(make, fidelity):
    task = KFold(make(), 3, fidelity=fidelity)
    with pytest.raises(ValueError, match=f"trains from 0 to {task.fidelity.r_max} {fidelity}"):
        task.evaluate(Job(0, SGD, 0, 5), SEED, None)
    with pytest.raises(ValueError, match="cannot split 150 examples"):
        KFold(make(), 151).prepare()
    with pytest.raises(ValueError, match="small has 3 classes and no groups"):
        KFold(make(), 3, constraints={"tpr_difference": 0.1}).prepare()
    with pytest.raises(ValueError, match="the task constrains parameters already"):
        KFold(make(constraints={"parameters": 9}), 3, constraints={"parameters": 8})
    with pytest.raises(ValueError, match="wraps a TrainingTask, not a KFold"):
        KFold(task, 3)


def test_the_task_that_ships_builds_without_torch():
    code = """
import sys
from hydra.utils import instantiate
from hpobench.study import catalogue
for name in ("cnn_digits_folds", "cnn_digits_fraction", "german_credit"):
    settings = catalogue.read("task", name)
    task = instantiate({k: v for k, v in settings.items() if k not in ("about", "budget")})
    task.space.default()
print([name for name in ("torch", "sklearn") if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
