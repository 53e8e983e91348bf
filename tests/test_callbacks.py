"""Callbacks of libraries that are not installed: their hooks, as the libraries call them."""

import sys
import types

import pytest
import torch

from hpobench.callbacks import TorchState, keras_callback, lightning_callback
from hpobench.records import Job
from hpobench.tasks.loops import TrainingLoop

X = {"x": {"type": "float", "low": 0, "high": 1}}
JOB = Job(0, {"x": 0.5}, 0, 3)


@pytest.fixture
def libraries(monkeypatch):
    """Modules with the base classes alone."""
    keras = types.ModuleType("keras")
    keras.callbacks = types.SimpleNamespace(Callback=object)
    lightning = types.ModuleType("pytorch_lightning")
    lightning.Callback = object
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setitem(sys.modules, "pytorch_lightning", lightning)


def made(loop):
    return TrainingLoop(loop, X, epochs=9, cost_s=1.0, noise="none")


def test_keras(libraries):
    def fit(x):
        callback = keras_callback("val_loss")
        for epoch in range(100):
            callback.on_epoch_end(epoch, {"loss": x, "val_loss": x / (epoch + 1)})

    found = made(fit).evaluate(JOB, 1, None)
    assert found.resources.tolist() == [1, 2, 3]
    assert found.values.tolist() == [0.5, 0.25, 0.5 / 3]
    assert found.train_values.tolist() == [0.5, 0.5, 0.5]


def test_lightning_goes_on_from_its_own_epochs(libraries):
    def fit(x, load=None):
        first = int((load / "epoch").read_text()) if load else 0
        trainer = types.SimpleNamespace(sanity_checking=True, current_epoch=0)

        def save(folder):
            (folder / "epoch").write_text(str(first + trainer.current_epoch + 1))

        callback = lightning_callback("error", test="test", first_epoch=first, save=save)
        callback.on_validation_epoch_end(trainer, None)  # before training: not reported
        trainer.sanity_checking = False
        for trainer.current_epoch in range(100):
            value = torch.tensor(x / (first + trainer.current_epoch + 1))
            trainer.callback_metrics = {"error": value, "test": 2 * value}
            callback.on_validation_epoch_end(trainer, None)

    task = made(fit)
    first = task.evaluate(JOB._replace(to_resource=2), 1, None)
    assert first.values.tolist() == [0.5, 0.25]
    rest = task.evaluate(JOB._replace(from_resource=2, to_resource=4), 1, first.checkpoint)
    assert rest.resources.tolist() == [3, 4]
    assert rest.values == pytest.approx([0.5 / 3, 0.125])
    assert rest.test_values == pytest.approx([1 / 3, 0.25])
    assert rest.duration_s == 2


def test_a_metric_that_is_not_logged_is_named(libraries):
    def fit(x):
        keras_callback("val_accuracy").on_epoch_end(0, {"loss": x, "val_loss": x})

    error = made(fit).evaluate(JOB, 1, None).error
    assert "no metric 'val_accuracy' at epoch 1: there are loss, val_loss" in error


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.setitem(sys.modules, "tensorflow.keras", None)
    with pytest.raises(ModuleNotFoundError, match=r"none of keras, tensorflow\.keras"):
        keras_callback()


def test_state_of_torch(tmp_path):
    def parts():
        model = torch.nn.Linear(2, 1)
        return {"model": model, "optimizer": torch.optim.Adam(model.parameters())}

    one, other = parts(), parts()
    one["model"](torch.ones(1, 2)).sum().backward()
    one["optimizer"].step()
    TorchState(**one).save(tmp_path)
    TorchState(**other).load(tmp_path)
    assert torch.equal(one["model"].weight, other["model"].weight)
    assert other["optimizer"].state_dict()["state"][0]["step"] == 1
