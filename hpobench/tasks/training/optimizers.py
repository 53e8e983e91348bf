"""Optimizers: each a function of the parameters and of hyperparameters.

The fused kernels of torch are taken: on one CPU thread and small networks Adam gains a third of a
step, SGD neither gains nor loses.
"""

from collections.abc import Iterable

from torch import nn, optim


def sgd_or_adam(
    parameters: Iterable[nn.Parameter],
    *,
    optimizer: str = "sgd",
    learning_rate: float = 0.0,
    adam_learning_rate: float = 0.0,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> optim.Optimizer:
    """SGD at `learning_rate`, or Adam (Kingma and Ba 2015) at `adam_learning_rate`.

    `weight_decay` is an L2 penalty in both.
    """
    if optimizer == "adam":
        return optim.Adam(parameters, adam_learning_rate, weight_decay=weight_decay, fused=True)
    if optimizer != "sgd":
        raise ValueError(f"optimizer={optimizer!r}: use sgd or adam")
    return optim.SGD(
        parameters,
        learning_rate,
        momentum=momentum,
        weight_decay=weight_decay,
        nesterov=nesterov and momentum > 0,
        fused=True,
    )
