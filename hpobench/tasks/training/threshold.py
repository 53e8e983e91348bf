"""A network of two classes that decides at a threshold other than one half."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hpobench.tasks.training.layers import Dropout
from hpobench.tasks.training.models import ACTIVATIONS


class Threshold(nn.Module):
    """Outside of training, move logits (n, 2) so that class 1 wins if P(class 1) >= threshold."""

    shift: Tensor

    def __init__(self, threshold: float) -> None:
        super().__init__()
        if not 0 < threshold < 1:
            raise ValueError(f"threshold={threshold} must lie in (0, 1)")
        shift = torch.tensor([math.log(threshold / (1 - threshold)), 0.0])
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, logits: Tensor) -> Tensor:
        return logits if self.training else logits + self.shift


def binary_mlp(
    shape: Sequence[int],
    classes: int,
    *,
    units: int,
    layers: int = 1,
    dropout: float = 0.0,
    activation: str = "relu",
    threshold: float = 0.5,
) -> nn.Module:
    """Hidden layers of equal width, each followed by dropout; class 1 is chosen at `threshold`."""
    if classes != 2:
        raise ValueError(f"a threshold decides between two classes, not {classes}")
    width = math.prod(shape)
    parts: list[nn.Module] = [nn.Flatten()]
    for _ in range(layers):
        parts += [nn.Linear(width, units), ACTIVATIONS[activation](), Dropout(dropout)]
        width = units
    return nn.Sequential(*parts, nn.Linear(width, classes), Threshold(threshold))
