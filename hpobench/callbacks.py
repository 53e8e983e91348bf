"""Thin callbacks that report the epochs of a library's own loop, which is imported when used.

    # training.py, the loop of a `TrainingLoop` task
    def train(learning_rate, units, load=None):
        model, state = build(units), TorchState(model=..., optimizer=...)
        if load:
            state.load(load)
        trainer = lightning.Trainer(max_epochs=-1, callbacks=[lightning_callback("val_loss")])
        trainer.fit(model)

`report` ends the loop when it has trained as far as it was asked to.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from hpobench.progress import report

Save = Callable[[Path], Any]


def lightning_callback(
    monitor: str,
    *,
    test: str | None = None,
    train: str | None = None,
    first_epoch: int = 0,
    save: Save | None = None,
) -> Any:
    """A callback for `lightning.pytorch` (or `pytorch_lightning`) that reports logged metrics.

    `monitor`, `test` and `train` are names of metrics that the module logs, of validation, test and
    training data; of `val_loss` the metric `loss` is that of training, if there is one.
    `first_epoch`: epochs trained before, of a loop that has loaded itself. Validation before the
    first epoch is not reported.
    """
    base = _first_of("lightning.pytorch", "pytorch_lightning").Callback

    class Reports(base):  # type: ignore[misc,valid-type]
        """Reports at the end of each epoch of validation."""

        def on_validation_epoch_end(self, trainer: Any, module: Any) -> None:  # noqa: ARG002
            if not trainer.sanity_checking:
                epoch = first_epoch + trainer.current_epoch + 1
                _report(epoch, trainer.callback_metrics, monitor, test, train, save)

    return Reports()


def keras_callback(
    monitor: str = "val_loss",
    *,
    test: str | None = None,
    train: str | None = None,
    first_epoch: int = 0,
    save: Save | None = None,
) -> Any:
    """A callback for Keras (`keras`, or `tensorflow.keras`) that reports the logs of each epoch.

    Arguments as of `lightning_callback`; names are those of the logs, such as `val_accuracy`.
    """
    base = _first_of("keras", "tensorflow.keras").callbacks.Callback

    class Reports(base):  # type: ignore[misc,valid-type]
        """Reports at the end of each epoch."""

        def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
            _report(first_epoch + epoch + 1, logs or {}, monitor, test, train, save)

    return Reports()


class TorchState:
    """What of PyTorch has a `state_dict` (modules, optimizers, schedulers), as one file.

    `save(folder)` and `load(folder)` are what a loop needs to be paused: give `state.save` with
    each report, and call `state.load(load)` where there is a folder to begin from.
    """

    FILE = "state.pt"

    def __init__(self, **parts: Any) -> None:
        self._parts = parts

    def save(self, folder: Path) -> None:
        """Write the state of all parts."""
        torch: Any = import_module("torch")
        states = {name: part.state_dict() for name, part in self._parts.items()}
        torch.save(states, folder / self.FILE)

    def load(self, folder: Path) -> None:
        """Read it; nothing but tensors and numbers is unpickled."""
        torch: Any = import_module("torch")
        states = torch.load(folder / self.FILE, weights_only=True)
        for name, part in self._parts.items():
            part.load_state_dict(states[name])


def _first_of(*names: str) -> Any:
    """The module that is loaded already, or else the first that is installed."""
    for name in (*(name for name in names if name in sys.modules), *names):
        try:
            return import_module(name)
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(f"none of {', '.join(names)} is installed")


def _report(
    epoch: int,
    metrics: Mapping[str, Any],
    monitor: str,
    test: str | None,
    train: str | None,
    save: Save | None,
) -> None:
    """Report what was measured; raises LookupError, naming what there is, if `monitor` was not."""
    if monitor not in metrics:
        raise LookupError(
            f"there is no metric {monitor!r} at epoch {epoch}: there are "
            f"{', '.join(map(str, metrics)) or 'none'}"
        )
    own = monitor.removeprefix("val_") if monitor.startswith("val_") else None
    beside = {
        name: float(metrics[key])
        for name, key in (("test_value", test), ("train_value", train or own))
        if key is not None and key in metrics
    }
    report(epoch, float(metrics[monitor]), save=save, **beside)  # type: ignore[arg-type]
