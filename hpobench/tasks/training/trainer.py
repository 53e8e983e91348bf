"""The training loop. The data stay on the device, batches are slices of a permuted index."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn, optim
from torch.nn import functional

from hpobench.loop.randomness import derive_seed
from hpobench.space.space import Configuration
from hpobench.tasks.data.split import DataSet, Part
from hpobench.tasks.training.layers import adopt_dropout, set_generator
from hpobench.tasks.training.recipe import BATCH_SIZE, Recipe, call

EVALUATION_BATCH = 500
LATENCY_CALLS = 21
_GLOBAL_RANDOMNESS = threading.Lock()

Examples = tuple[Tensor, Tensor]


class DeviceData(NamedTuple):
    """A data set on its device."""

    device: torch.device
    train: Examples
    validation: Examples
    test: Examples
    shape: tuple[int, ...]
    classes: int


class Score(NamedTuple):
    """Means over examples: 1 - (balanced) accuracy, and cross-entropy in nats.

    `predicted` (n,): the classes, where they are kept.
    """

    error: float
    loss: float
    predicted: Tensor | None = None


def choose_device(name: str) -> torch.device:
    """`auto` is a GPU if there is one."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device=cuda, but torch finds no GPU: use device=cpu or auto")
    found = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(found if name == "auto" else name)


def warm_up() -> None:
    """Have torch import what the first optimizer of a process needs: seconds, not the trial's."""
    optim.SGD([torch.zeros(1, requires_grad=True)], 0.1).step()


def to_device(data: DataSet, recipe: Recipe) -> DeviceData:
    """The data set as tensors on the device of the recipe."""
    device = choose_device(recipe.device)

    def moved(part: Part) -> Examples:
        inputs = torch.from_numpy(np.ascontiguousarray(part.inputs)).to(device)
        if recipe.channels_last and inputs.dim() == 4:
            inputs = inputs.to(memory_format=torch.channels_last)
        return inputs, torch.from_numpy(part.labels).to(device)

    train, validation, test = map(moved, (data.train, data.validation, data.test))
    return DeviceData(device, train, validation, test, data.shape, data.classes)


def build(
    recipe: Recipe, settings: Configuration, data: DeviceData, seed: int
) -> tuple[nn.Module, optim.Optimizer]:
    """A fresh model, initialised from the seed, and its optimizer."""
    with _seeded_globally(derive_seed(seed, "weights")):
        model: nn.Module = call(recipe.model, data.shape, data.classes, settings=settings)
    adopt_dropout(model)
    model = model.to(data.device)
    if recipe.channels_last and len(data.shape) == 3:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model, call(recipe.optimizer, model.parameters(), settings=settings)


@contextmanager
def _seeded_globally(seed: int) -> Iterator[None]:
    """Layers draw their weights from torch's global state alone: seed it, then put it back.

    Weights are made on the CPU; the states of GPUs are left alone.
    """
    with _GLOBAL_RANDOMNESS, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def generator(seed: int, what: str, epoch: int, device: torch.device) -> torch.Generator:
    """The generator of one epoch, whatever was trained before it."""
    made = torch.Generator(device)
    made.manual_seed(derive_seed(seed, what, epoch))
    return made


def train_epoch(
    model: nn.Module,
    optimizer: optim.Optimizer,
    data: DeviceData,
    batch_size: int,
    seed: int,
    epoch: int,
    precision: str = "float32",
) -> float:
    """One pass over the training data; the mean loss of its examples, as they were met.

    The loss is looked at once an epoch: a NaN or an infinity on the way stays in the sum.
    """
    inputs, labels = data.train
    cpu = torch.device("cpu")
    order = torch.randperm(len(labels), generator=generator(seed, "order", epoch, cpu))
    set_generator(model, generator(seed, "dropout", epoch, data.device))
    model.train()
    total = torch.zeros((), device=data.device)
    for batch in torch.split(order.to(data.device), batch_size):
        with autocast(data.device, precision):
            logits = model(inputs.index_select(0, batch))
            loss = functional.cross_entropy(logits, labels.index_select(0, batch))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.detach() * len(batch)
    return float(total) / len(labels)


def autocast(device: torch.device, precision: str) -> Any:
    """Mixed precision, if wanted."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, precision))


def score(model: nn.Module, examples: Examples, metric: str = "accuracy") -> Score:
    """Error and cross-entropy, each a mean over the examples, not over batches."""
    inputs, labels = examples
    model.eval()
    predicted = []
    loss = torch.zeros((), dtype=torch.float64, device=labels.device)
    with torch.inference_mode():
        for some, right in zip(
            torch.split(inputs, EVALUATION_BATCH),
            torch.split(labels, EVALUATION_BATCH),
            strict=True,
        ):
            logits = model(some)
            predicted.append(logits.argmax(1))
            loss += functional.cross_entropy(logits, right, reduction="sum")
    classes = torch.cat(predicted)
    error = _ERRORS[metric](classes, labels)
    return Score(error, float(loss) / len(labels), classes)


def _error(predicted: Tensor, labels: Tensor) -> float:
    return int((predicted != labels).sum()) / len(labels)


def _balanced_error(predicted: Tensor, labels: Tensor) -> float:
    """The mean over the classes present of the share of each that is taken for another."""
    count = torch.bincount(labels)
    wrong = torch.bincount(labels[predicted != labels], minlength=len(count))
    return float((wrong.double() / count)[count > 0].mean())


_ERRORS = {"accuracy": _error, "balanced_accuracy": _balanced_error}


def measure(model: nn.Module, data: DeviceData) -> dict[str, float]:
    """What may be constrained: see `Curves.metrics`."""
    tensors = [*model.parameters(), *model.buffers()]
    return {
        "parameters": float(sum(tensor.numel() for tensor in model.parameters())),
        "memory_bytes": float(sum(tensor.numel() * tensor.element_size() for tensor in tensors)),
        "latency_s": _latency_s(model, data),
    }


def _latency_s(model: nn.Module, data: DeviceData) -> float:
    """Median wall-clock time of a prediction for one example, after the first is thrown away."""
    one = data.validation[0][:1]
    model.eval()
    clock = stopwatch("wall", data.device)
    times = []
    with torch.inference_mode():
        for _ in range(LATENCY_CALLS + 1):
            began = clock()
            model(one)
            times.append(clock() - began)
    return float(np.median(times[1:]))


def stopwatch(cost: str, device: torch.device) -> Callable[[], float]:
    """A clock in seconds: the CPU time of this thread, or the wall clock.

    What is queued on a GPU is waited for, so that it counts.
    """
    clock = time.thread_time if cost == "cpu" else time.perf_counter
    if device.type != "cuda":
        return clock

    def synchronised() -> float:
        torch.cuda.synchronize(device)
        return clock()

    return synchronised


def batch_size(settings: Configuration, data: DeviceData) -> int:
    """The batch size of a configuration, at most the number of training examples."""
    return min(int(settings[BATCH_SIZE]), len(data.train[1]))
