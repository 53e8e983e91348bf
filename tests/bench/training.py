"""Training: the task against a bare loop, groups of replicates against separate runs.

CPU time on one thread; on a GPU, if there is one, epochs a second.
"""

import time
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hpobench.records import Job
from hpobench.study import build
from hpobench.study.catalogue import read
from hpobench.tasks.data.digits import digits
from hpobench.tasks.training.grouped import train_group
from hpobench.tasks.training.task import TrainingTask
from tests.bench.measure import compare, cpu_of_each, show

BATCH, FILTERS, EPOCHS = 32, 12, 10
MEMBERS, GROUP_EPOCHS, ALONE = 64, 3, 4


def task(**settings: object) -> TrainingTask:
    """The digits CNN, on one CPU thread unless told otherwise."""
    content = {k: v for k, v in read("task", "cnn_digits").items() if k not in ("about", "budget")}
    made: Any = build.build_task(content | {"device": "cpu", "threads": 1} | settings)
    return made


def config(which: TrainingTask, filters: int = FILTERS) -> dict[str, Any]:
    """SGD with momentum, batches of 32."""
    return {**which.space.default(), "batch_size": BATCH, "filters": filters}


def tensors() -> list[tuple[Tensor, Tensor]]:
    """Training, validation and test examples."""
    data = digits()
    return [
        (
            torch.from_numpy(part.inputs).to(memory_format=torch.channels_last),
            torch.from_numpy(part.labels),
        )
        for part in (data.train, data.validation, data.test)
    ]


def bare(train: tuple[Tensor, Tensor], *held_out: tuple[Tensor, Tensor]) -> list[float]:
    """What one writes by hand for the same training, evaluated every epoch as the task does."""
    torch.set_num_threads(1)
    model = nn.Sequential(
        *(nn.Conv2d(1, FILTERS, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(FILTERS, 2 * FILTERS, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.2), nn.Linear(2 * FILTERS * 2 * 2, 10)),
    ).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        model.parameters(), 0.05, momentum=0.9, weight_decay=1e-4, fused=True
    )
    inputs, labels = train
    errors = []
    for _ in range(EPOCHS):
        model.train()
        for batch in torch.randperm(len(labels)).split(BATCH):
            loss = functional.cross_entropy(model(inputs[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            for images, right in held_out:
                errors.append(float((model(images).argmax(1) != right).double().mean()))
    return errors


def against_bare_loop() -> None:
    """A whole job, with all that the task does besides: checkpoint, metrics, reports."""
    measured = task()
    measured.prepare()
    job = Job(0, config(measured), 0, EPOCHS)
    settings = measured.recipe.settings(job.config)
    assert (settings["learning_rate"], settings["dropout"]) == (0.05, 0.2)
    examples = tensors()
    seconds, unit = cpu_of_each(
        [lambda: measured.evaluate(job, 1, None), lambda: bare(*examples)], 15
    )
    title = f"task: {EPOCHS} epochs of the digits CNN against a bare loop"
    show(title, seconds / unit, 1.1, "x", f"{unit:.2f} s bare")


def share(filters: int, rounds: int = 3) -> float:
    """CPU time of a group of replicates, as a share of that of separate runs."""
    measured = task()
    one = config(measured, filters)
    session, shares = measured.session, []
    for _ in range(rounds):
        alone = [
            session.train(one, 0, GROUP_EPOCHS, seed, None).duration_s for seed in range(ALONE)
        ]
        group = train_group(session, [one] * MEMBERS, range(MEMBERS), GROUP_EPOCHS, timed_epochs=1)
        shares.append(group.group_duration_s / (sum(alone) / ALONE * MEMBERS))
    return min(shares)


def epochs_a_second(device: str, members: int) -> float:
    """Epochs of members that a group trains a second of the wall clock, after a first epoch."""
    measured = task(device=device, cost="wall")
    one = config(measured)
    train = partial(train_group, measured.session, [one] * members, range(members))
    train(1, timed_epochs=1)
    group = train(GROUP_EPOCHS, timed_epochs=1)
    return members * GROUP_EPOCHS / group.group_training_s[-1]


def main() -> None:
    """Print the figures."""
    against_bare_loop()
    for filters in (3, FILTERS, 24):
        found = share(filters)
        title = f"group of {MEMBERS} replicates, {filters} filters, batches of {BATCH}"
        note = f"of alone: {1 / found:.1f} times as fast"
        if filters == FILTERS:
            show(title, found, 1 / 2.5, "", note)
        else:
            compare(title, found, 1, note)
    if not torch.cuda.is_available():
        print("no GPU: its figures are left out")
        return
    print(torch.cuda.get_device_name())
    for members in (1, 16, 64, 256, 1024):
        began = time.perf_counter()
        rate = epochs_a_second("cuda", members)
        took = time.perf_counter() - began
        print(f"group of {members:>4} on the GPU: {rate:10.1f} epochs a second  ({took:.0f} s)")
