"""Many networks as one, with grouped convolutions.

The channels of K networks of the same architecture stand side by side; each convolution is one
with K groups, each linear layer a batched product. The sum of the members' losses has, in each
member's weights, the gradient of its own loss.

Notation: K members, B examples a batch, C channels of a member, F features of a member.
Images are (B, K C, height, width), features (K, B, F).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hpobench.tasks.training.layers import Dropout

_SHAPELESS = (nn.ReLU, nn.Tanh, nn.SiLU, nn.ELU, nn.Sigmoid, nn.MaxPool2d, nn.AvgPool2d)


class GroupError(ValueError):
    """These trainings cannot be stacked: train them one by one."""


class Stack(NamedTuple):
    """K networks as one list of layers; `weights` are stacked (K, ...), leaves with gradients."""

    layers: list[Any]
    weights: list[Tensor]
    members: int


def stack(models: Sequence[nn.Module]) -> Stack:
    """Stack networks of the same architecture; raises GroupError for layers that do not stack."""
    if not all(isinstance(model, nn.Sequential) for model in models):
        raise GroupError("only nn.Sequential networks are stacked")
    layers: list[Any] = []
    weights: list[Tensor] = []
    for same in zip(*(model.children() for model in models), strict=True):
        first = same[0]
        if isinstance(first, nn.Conv2d | nn.Linear):
            pair = [torch.stack([getattr(m, n).detach() for m in same]) for n in ("weight", "bias")]
            for tensor in pair:
                tensor.requires_grad_()
            weights += pair
            layers.append((first, pair))
        elif isinstance(first, Dropout):
            layers.append((first, [layer.rate for layer in same]))
        elif isinstance(first, (*_SHAPELESS, nn.Flatten)):
            layers.append((first, None))
        else:
            raise GroupError(f"a layer of type {type(first).__name__} does not stack")
    return Stack(layers, weights, len(models))


def forward(network: Stack, images: Tensor, drop: Sequence[torch.Generator] | None) -> Tensor:
    """Logits (K, B, classes) of each member's own images (B, K C, height, width).

    `drop`: the members' generators of dropout; None: evaluation, on images (B, C, height, width)
    that all members share.
    """
    members = network.members
    here, shared = images, drop is None
    for layer, content in network.layers:
        if isinstance(layer, nn.Conv2d):
            here, shared = _convolved(layer, content, here), False
        elif isinstance(layer, nn.Flatten):
            here = here.reshape(len(here), 1 if shared else members, -1).transpose(0, 1)
            here = here.expand(members, -1, -1)
        elif isinstance(layer, nn.Linear):
            here = torch.baddbmm(content[1][:, None], here, content[0].transpose(1, 2))
        elif isinstance(layer, Dropout):
            here = here if drop is None else _dropped(here, content, drop)
        else:
            here = layer(here)
    return here


def _convolved(layer: nn.Conv2d, content: Sequence[Tensor], images: Tensor) -> Tensor:
    """Channels last: for few filters the gradients are then twice as fast on a CPU."""
    weight, bias = (tensor.flatten(0, 1) for tensor in content)
    groups = images.shape[1] // weight.shape[1]  # one group if the images are shared
    return functional.conv2d(
        images.contiguous(memory_format=torch.channels_last),
        weight,
        bias,
        layer.stride,
        layer.padding,
        layer.dilation,
        groups,
    )


def _dropped(here: Tensor, rates: Sequence[float], generators: Sequence[torch.Generator]) -> Tensor:
    """Dropout of features (K, B, F): each member draws its own mask as it would alone."""
    if here.dim() != 3:
        raise GroupError("dropout of images does not stack: flatten them first")
    mask = torch.ones(here.shape, device=here.device)
    for one, rate, own in zip(mask, rates, generators, strict=True):
        if rate:
            one.bernoulli_(1.0 - rate, generator=own).div_(1.0 - rate)
    return here * mask
