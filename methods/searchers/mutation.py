"""Small changes of a configuration, for local and evolutionary search."""

import math
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from hpobench.space.hyperparameters import Categorical, Hyperparameter
from hpobench.space.space import Configuration, Space


def check_step(step: float) -> None:
    """Raise ValueError unless `step` can be the width of a mutation."""
    if not 0 < step <= 1:
        raise ValueError(f"step={step} must be in (0, 1]: a part of a hyperparameter's range")


def mutate(
    space: Space, config: Configuration, rng: np.random.Generator, step: float
) -> Configuration:
    """A copy of `config` with one active hyperparameter, chosen evenly, at another value.

    Those that become active by it are drawn at random. In a space with gaps, the point nearest to
    that which is another than `config`.

    `step` is the standard deviation of a numeric change, in units of the range. In a space of one
    point there is nothing to change.
    """
    mutable = [name for name in config if _can_change(space[name])]
    if not mutable:
        return dict(config)
    name = mutable[int(rng.integers(len(mutable)))]
    changed = config | {name: _another(space[name], config[name], rng, step)}
    return space.nearest(space.completed(changed, rng), without=[config])


def _can_change(hyperparameter: Hyperparameter) -> bool:
    return hyperparameter.levels is None or len(hyperparameter.levels) > 1


def _another(
    hyperparameter: Hyperparameter, value: Any, rng: np.random.Generator, step: float
) -> Any:
    levels = hyperparameter.levels
    if levels is not None and isinstance(hyperparameter, Categorical):
        shift = 1 + int(rng.integers(len(levels) - 1))
        return levels[(levels.index(value) + shift) % len(levels)]
    here = hyperparameter.position(value)
    there = _truncated_normal(here, step, rng.random())
    changed = hyperparameter.from_unit(np.array([there]))[0]
    if levels is None or changed != value:
        return changed
    rank, direction = levels.index(value), 1 if there > here else -1
    return levels[rank + direction if 0 <= rank + direction < len(levels) else rank - direction]


def _truncated_normal(mean: float, deviation: float, quantile: float) -> float:
    """The quantile of a normal distribution truncated to [0, 1]."""
    low, high = ndtr(-mean / deviation), ndtr((1 - mean) / deviation)
    drawn = mean + deviation * float(ndtri(low + quantile * (high - low)))
    return min(max(drawn, 0.0), 1.0) if math.isfinite(drawn) else mean
