"""Networks: each a function of the shape of one input, the number of classes, hyperparameters.

They return logits. Weights are initialised as torch does by default, from the seed of the trial.
"""

import math
from collections.abc import Sequence

from torch import nn

from hpobench.tasks.training.layers import Dropout

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "sigmoid": nn.Sigmoid,
}


def cnn(
    shape: Sequence[int],
    classes: int,
    *,
    filters: int,
    dropout: float = 0.0,
    activation: str = "relu",
    blocks: int = 2,
) -> nn.Module:
    """Blocks of 3x3 convolution, activation and 2x2 max pooling; dropout; one linear layer.

    The first block has `filters` filters, each further one twice as many.
    """
    channels, height, width = shape
    layers: list[nn.Module] = []
    for block in range(blocks):
        layers += [nn.Conv2d(channels, filters << block, 3, padding=1), ACTIVATIONS[activation]()]
        layers.append(nn.MaxPool2d(2))
        channels, height, width = filters << block, height // 2, width // 2
    layers += [nn.Flatten(), Dropout(dropout), nn.Linear(channels * height * width, classes)]
    return nn.Sequential(*layers)


def lenet(shape: Sequence[int], classes: int) -> nn.Module:
    """LeNet-5 as Zhang et al. 2023, Dive into Deep Learning, section 7.6, set it.

    Sigmoids, average pooling, Xavier's uniform initialisation of weights.
    """
    channels, height, width = shape
    features = 16 * ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)
    layers = [
        *(nn.Conv2d(channels, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(features, 120), nn.Sigmoid()),
        *(nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, classes)),
    ]
    for layer in layers:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
    return nn.Sequential(*layers)


def mlp(
    shape: Sequence[int],
    classes: int,
    *,
    units_1: int,
    units_2: int,
    dropout_1: float = 0.0,
    dropout_2: float = 0.0,
) -> nn.Module:
    """Two hidden layers with ReLU, each followed by dropout."""
    layers = [
        *(nn.Flatten(), nn.Linear(math.prod(shape), units_1), nn.ReLU(), Dropout(dropout_1)),
        *(nn.Linear(units_1, units_2), nn.ReLU(), Dropout(dropout_2)),
        nn.Linear(units_2, classes),
    ]
    return nn.Sequential(*layers)
