"""Checkpoints: plain dicts of tensors on the CPU and numbers, to pickle or to `torch.save`.

The generators of data order and dropout are derived from (seed, epoch): there is no state of
theirs to keep. `torch.load(file, weights_only=True)` reads a saved checkpoint.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn, optim

VERSION = 1


class CheckpointError(ValueError):
    """The checkpoint belongs to something else."""


def pack(
    identity: str, key: str, seed: int, epoch: int, model: nn.Module, optimizer: optim.Optimizer
) -> dict[str, Any]:
    """The state after `epoch` epochs, copied: training on does not change it."""
    return {
        "version": VERSION,
        "task": identity,
        "config": key,
        "seed": str(seed),
        "epoch": epoch,
        "model": _copied(model.state_dict()),
        "optimizer": _copied(optimizer.state_dict()),
    }


def unpack(
    checkpoint: Any,
    identity: str,
    key: str,
    seed: int,
    epoch: int,
    model: nn.Module,
    optimizer: optim.Optimizer,
) -> None:
    """Put model and optimizer into the state of the checkpoint; raises CheckpointError."""
    verify(
        checkpoint,
        {
            "version": VERSION,
            "task": identity,
            "config": key,
            "seed": str(seed),
            "epoch": epoch,
        },
    )
    model.load_state_dict(checkpoint["model"])
    # The optimizer would otherwise go on in the tensors of the checkpoint themselves.
    optimizer.load_state_dict(_copied(checkpoint["optimizer"]))


def adopt(
    checkpoint: Any, identity: str, epoch: int, model: nn.Module, optimizer: optim.Optimizer
) -> None:
    """Go on from the weights and the optimizer's state of another configuration.

    Hyperparameters, those of the optimizer included, remain what they are. Raises CheckpointError
    if network or optimizer are of another kind.
    """
    verify(checkpoint, {"version": VERSION, "task": identity, "epoch": epoch})
    groups = optimizer.state_dict()["param_groups"]
    fits = [group.keys() for group in groups] == [
        group.keys() for group in checkpoint["optimizer"]["param_groups"]
    ]
    try:
        if not fits:
            raise RuntimeError("the optimizers are of different kinds")
        model.load_state_dict(checkpoint["model"])
    except RuntimeError as error:
        raise CheckpointError(
            f"the checkpoint of configuration {checkpoint['config']} does not fit this one: a copy "
            "must keep the architecture and the kind of optimizer; put the hyperparameters that "
            f"make them among the method's `frozen` ({error})"
        ) from error
    state = _copied(checkpoint["optimizer"]["state"])
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def verify(checkpoint: Any, expected: Mapping[str, Any]) -> None:
    """Raise CheckpointError unless the checkpoint says of itself what is expected."""
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f"a checkpoint is a dict, not a {type(checkpoint).__name__}")
    for name, value in expected.items():
        if checkpoint.get(name) != value:
            raise CheckpointError(
                f"the checkpoint has {name} {checkpoint.get(name)!r}, the job needs {value!r}: "
                "train from the beginning, or give the checkpoint of this job"
            )


def _copied(state: Any) -> Any:
    """Plain containers throughout, tensors copied to the CPU."""
    if isinstance(state, torch.Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, dict):
        return {key: _copied(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(_copied(value) for value in state)
    return state
