"""SGD and Adam for stacked weights (K, ...), each member with hyperparameters of its own.

The update rules are those of `torch.optim`, so that a member moves as it would alone.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from hpobench.space.space import Configuration

Update = Callable[[], None]
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8


def stacked_optimizer(weights: Sequence[Tensor], settings: Sequence[Configuration]) -> Update:
    """A function that moves the weights by their gradients, which it then clears."""
    adam = settings[0].get("optimizer", "sgd") == "adam"
    rates = [one.get("adam_learning_rate" if adam else "learning_rate", 0.0) for one in settings]
    decays = [one.get("weight_decay", 0.0) for one in settings]
    if adam:
        return _adam(weights, rates, decays)
    momenta = [one.get("momentum", 0.0) for one in settings]
    return _sgd(weights, rates, decays, momenta, nesterov=bool(settings[0].get("nesterov")))


def _per_member(values: Sequence[float], like: Tensor) -> Tensor:
    """The values (K,), shaped to multiply `like` (K, ...)."""
    return torch.tensor(values, device=like.device).view(-1, *[1] * (like.dim() - 1))


def _decayed(weight: Tensor, decay: Tensor) -> Tensor:
    """The gradient with that of the L2 penalty."""
    if weight.grad is None:
        raise RuntimeError("a stacked weight has no gradient: call backward before the update")
    return torch.addcmul(weight.grad, decay, weight)


def _sgd(
    weights: Sequence[Tensor],
    rates: Sequence[float],
    decays: Sequence[float],
    momenta: Sequence[float],
    nesterov: bool,
) -> Update:
    state = [
        (w, torch.zeros_like(w), *(_per_member(v, w) for v in (rates, decays, momenta)))
        for w in weights
    ]

    @torch.no_grad()
    def update() -> None:
        for weight, buffer, rate, decay, momentum in state:
            gradient = _decayed(weight, decay)
            buffer.mul_(momentum).add_(gradient)
            step = torch.addcmul(gradient, momentum, buffer) if nesterov else buffer
            weight.addcmul_(rate, step, value=-1)
            weight.grad = None

    return update


def _adam(weights: Sequence[Tensor], rates: Sequence[float], decays: Sequence[float]) -> Update:
    """Kingma and Ba 2015, algorithm 1."""
    state = [
        (
            *(w, torch.zeros_like(w), torch.zeros_like(w)),
            *(_per_member(values, w) for values in (rates, decays)),
        )
        for w in weights
    ]
    steps = 0

    @torch.no_grad()
    def update() -> None:
        nonlocal steps
        steps += 1
        bias_1, bias_2 = 1 - _BETA_1**steps, 1 - _BETA_2**steps
        for weight, first, second, rate, decay in state:
            gradient = _decayed(weight, decay)
            first.lerp_(gradient, 1 - _BETA_1)
            second.mul_(_BETA_2).addcmul_(gradient, gradient, value=1 - _BETA_2)
            scale = second.sqrt().div_(bias_2**0.5).add_(_EPSILON)
            weight.addcmul_(rate, first / scale, value=-1 / bias_1)
            weight.grad = None

    return update
