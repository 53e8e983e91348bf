"""Configurations that a user wants tried first."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpobench.space.space import Configuration, Space

DEFAULT = "default"


def first_points(
    space: Space,
    points: Sequence[Mapping[str, Any] | str],
    exclude: Callable[[Configuration], object] | None = None,
) -> deque[Configuration]:
    """`points` as whole configurations, in order; `exclude` is told of each.

    In each, missing hyperparameters take their defaults; the word `default` stands for a
    configuration of defaults. Raises ValueError for what is no point of the space.
    """
    made = deque(_complete(space, point) for point in points)
    if exclude is not None:
        for config in made:
            exclude(config)
    return made


def _complete(space: Space, point: Mapping[str, Any] | str) -> Configuration:
    if isinstance(point, str) and point != DEFAULT:
        raise ValueError(f"points_to_evaluate: {point!r} is neither 'default' nor a configuration")
    config = space.default({} if isinstance(point, str) else point)
    space.validate(config)
    return config
