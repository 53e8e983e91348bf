"""Configurations that a user wants tried first."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from hpobench.space.space import Configuration, Space

DEFAULT = "default"


def first_points(space: Space, points: Sequence[Mapping[str, Any] | str]) -> deque[Configuration]:
    """`points` as whole configurations, in order.

    In each, missing hyperparameters take their defaults; the word `default` stands for a
    configuration of defaults. Raises ValueError for what is no point of the space.
    """
    return deque(_complete(space, point) for point in points)


def _complete(space: Space, point: Mapping[str, Any] | str) -> Configuration:
    if isinstance(point, str) and point != DEFAULT:
        raise ValueError(f"points_to_evaluate: {point!r} is neither 'default' nor a configuration")
    config = space.default({} if isinstance(point, str) else point)
    space.validate(config)
    return config
