"""Train seed replicates, and configurations that differ in what stacks, as one network.

Members share what shapes the work (filters, batch size, activation, optimizer) and differ in seed,
learning rate, momentum, weight decay or dropout. Each trains as it would alone, with its own
weights, data order and dropout: equal up to the rounding of sums. See `stacked` for how.

Both costs are kept: `group_*_s` is what the group took, the times in the members' curves are what
one takes alone, from epochs of a member timed alone on this machine just before.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hpobench.arrays import FloatArray
from hpobench.space.space import Configuration
from hpobench.tasks.training import trainer
from hpobench.tasks.training.curves import Curves
from hpobench.tasks.training.recipe import path
from hpobench.tasks.training.session import Session
from hpobench.tasks.training.stacked import GroupError, Stack, forward, stack
from hpobench.tasks.training.stacked_optimizers import Update, stacked_optimizer
from hpobench.tasks.training.trainer import DeviceData, Examples, Score

STACKABLE = frozenset(
    {"learning_rate", "adam_learning_rate", "momentum", "weight_decay"}
    | {"dropout", "dropout_1", "dropout_2"}
)
_OPTIMIZER = "hpobench.tasks.training.optimizers.sgd_or_adam"
_EVALUATED = 5000  # examples times members at a time: more leave the cache


class Group(NamedTuple):
    """Curves of the members, in order, without checkpoints; the group's own times (k,)."""

    members: list[Curves]
    group_training_s: FloatArray
    group_evaluation_s: FloatArray
    group_duration_s: float


class _Epoch(NamedTuple):
    """One epoch of a group: K losses and scores, and the group's seconds up to here."""

    losses: list[float]
    validation: list[Score]
    test: list[Score]
    training_s: float
    evaluation_s: float


def train_group(
    session: Session,
    configs: Sequence[Configuration],
    seeds: Sequence[int],
    epochs: int,
    timed_epochs: int = 2,
) -> Group:
    """Train `configs[i]` under `seeds[i]` for `epochs` epochs, all at once.

    `session` is that of a training task. Raises GroupError if the members do not stack. A member
    that diverges has NaN from then on, and its curves end there; the others are not touched.
    """
    if path(session.recipe.optimizer) != _OPTIMIZER or session.recipe.precision != "float32":
        raise GroupError(f"groups train with {_OPTIMIZER} in float32 only")
    if session.recipe.metric != "accuracy":
        raise GroupError(f"groups are scored by accuracy, not by {session.recipe.metric}")
    settings = [session.recipe.settings(config) for config in configs]
    check_stackable(settings, seeds)
    alone = session.train(configs[0], 0, min(timed_epochs, epochs), seeds[0], None)
    began = session.clock()
    models = [
        trainer.build(session.recipe, one, session.data, seed)[0]
        for one, seed in zip(settings, seeds, strict=True)
    ]
    network = stack(models)
    run = _epochs(session, network, settings, seeds, epochs)
    return Group(
        [_curves(run, member, alone) for member in range(network.members)],
        np.array([epoch.training_s for epoch in run]),
        np.array([epoch.evaluation_s for epoch in run]),
        session.clock() - began,
    )


def check_stackable(settings: Sequence[Configuration], seeds: Sequence[int]) -> None:
    """Raise GroupError unless the members differ in stackable hyperparameters only."""
    if not settings or len(settings) != len(seeds):
        raise GroupError(f"{len(settings)} configurations and {len(seeds)} seeds: one each")
    shared = [_shared(one) for one in settings]
    for other in shared:
        names = sorted(name for name in shared[0] | other if shared[0].get(name) != other.get(name))
        if names:
            raise GroupError(f"members of a group differ in {', '.join(names)}")


def _shared(settings: Configuration) -> Configuration:
    return {name: value for name, value in settings.items() if name not in STACKABLE}


def _epochs(
    session: Session,
    network: Stack,
    settings: Sequence[Configuration],
    seeds: Sequence[int],
    epochs: int,
) -> list[_Epoch]:
    data, clock = session.data, session.clock
    update = stacked_optimizer(network.weights, settings)
    size = trainer.batch_size(settings[0], data)
    run: list[_Epoch] = []
    training_s = evaluation_s = 0.0
    for epoch in range(1, epochs + 1):
        began = clock()
        losses = train_epoch(network, update, data, size, seeds, epoch)
        trained = clock()
        validation, test = scores(network, data.validation), scores(network, data.test)
        training_s += trained - began
        evaluation_s += clock() - trained
        run.append(_Epoch(losses, validation, test, training_s, evaluation_s))
    return run


def train_epoch(
    network: Stack,
    update: Update,
    data: DeviceData,
    batch_size: int,
    seeds: Sequence[int],
    epoch: int,
) -> list[float]:
    """`trainer.train_epoch` for all members at once: their mean losses."""
    inputs, labels = data.train
    cpu = torch.device("cpu")
    orders = torch.stack(
        [
            torch.randperm(len(labels), generator=trainer.generator(seed, "order", epoch, cpu))
            for seed in seeds
        ]
    ).to(data.device)
    drop = [trainer.generator(seed, "dropout", epoch, data.device) for seed in seeds]
    total = torch.zeros(len(seeds), device=data.device)
    for batch in torch.split(orders, batch_size, dim=1):
        losses = _losses(forward(network, _images(inputs, batch), drop), labels[batch])
        losses.sum().div(batch.shape[1]).backward()  # type: ignore[no-untyped-call]
        update()
        total += losses.detach()
    return [value / len(labels) for value in total.tolist()]


def _images(inputs: Tensor, batch: Tensor) -> Tensor:
    """Each member's own examples `batch` (K, B), side by side: (B, K C, height, width)."""
    members, count = batch.shape
    return inputs.index_select(0, batch.t().reshape(-1)).reshape(
        count, members * inputs.shape[1], *inputs.shape[2:]
    )


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Summed cross-entropies (K,) of logits (K, B, classes) and labels (K, B)."""
    each = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return each.view(labels.shape).sum(1)


def scores(network: Stack, examples: Examples) -> list[Score]:
    """Every member's error and cross-entropy on the same examples, means over these."""
    inputs, labels = examples
    size = max(1, _EVALUATED // network.members)
    wrong = torch.zeros(network.members, dtype=torch.int64, device=labels.device)
    loss = torch.zeros(network.members, dtype=torch.float64, device=labels.device)
    with torch.inference_mode():
        for some, right in zip(torch.split(inputs, size), torch.split(labels, size), strict=True):
            logits = forward(network, some, None)
            wrong += (logits.argmax(2) != right).sum(1)
            loss += _losses(logits, right.expand(network.members, -1))
    count = len(labels)
    return [Score(w / count, s / count) for w, s in zip(wrong.tolist(), loss.tolist(), strict=True)]


def _curves(run: Sequence[_Epoch], member: int, alone: Curves) -> Curves:
    """One member's curves, up to its divergence, at the cost of training alone."""
    rows, error = [], None
    timed = len(alone.epochs)
    training_s, evaluation_s = alone.training_s[-1] / timed, alone.evaluation_s[-1] / timed
    for number, epoch in enumerate(run, start=1):
        loss = epoch.losses[member]
        validation, test = epoch.validation[member], epoch.test[member]
        if not (math.isfinite(loss) and math.isfinite(validation.loss)):
            validation = test = Score(math.nan, math.nan)
            error = f"training diverged in epoch {number}: loss {loss}"
        rows.append(
            (
                *(number, number * training_s, number * evaluation_s, validation.error),
                *(test.error, validation.loss, test.loss, loss),
            )
        )
        if error:
            break
    columns = np.array(rows, dtype=float).T.copy()
    set_up_s = alone.duration_s - alone.training_s[-1] - alone.evaluation_s[-1]
    duration_s = float(set_up_s + columns[1, -1] + columns[2, -1])
    return Curves._make((*columns, duration_s, alone.metrics, None, error))
