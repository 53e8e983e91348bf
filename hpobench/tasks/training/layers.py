"""Dropout that draws from a generator of its own, never from torch's global random state."""

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Zero each feature with probability `rate`, scale the others by 1 / (1 - rate).

    The trainer sets `generator` before each epoch.
    """

    generator: torch.Generator | None = None

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"dropout={rate} must lie in [0, 1)")
        self.rate = rate

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return inputs
        keep = 1.0 - self.rate
        mask = torch.empty_like(inputs, memory_format=torch.contiguous_format)
        return inputs * mask.bernoulli_(keep, generator=self.generator).div_(keep)


def adopt_dropout(model: nn.Module) -> None:
    """Put our dropout in the place of torch's own, throughout."""
    for name, child in model.named_children():
        if isinstance(child, nn.Dropout):
            setattr(model, name, Dropout(child.p))
        else:
            adopt_dropout(child)


def set_generator(model: nn.Module, generator: torch.Generator) -> None:
    """Let all dropout layers draw from `generator`."""
    for layer in model.modules():
        if isinstance(layer, Dropout):
            layer.generator = generator
