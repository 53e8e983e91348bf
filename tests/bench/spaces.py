"""Synthetic test spaces of many kinds, made by a generator with a seed: no method is tuned for one.

Each kind is made twice. Settings of methods are chosen on the spaces of `CHOOSING` and judged on
those of `JUDGING`: same kinds, other draws.

The value of a configuration is at least 0, and 0 at one point alone (but on plateaus), which lies
anywhere in the range, never in its middle. It is a weighted sum of what each active hyperparameter
contributes: for a number, a power of its distance from the optimum with ripples on it; for a
category, a drawn number, 0 for the best; and for some pairs of numbers, a narrow valley askew to
the axes. Where the optimum of a number lies depends on a category, if there is one. Weights are
log-normal: few hyperparameters matter much (Bergstra and Bengio 2012, section 4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.loop.randomness import derive_seed
from hpobench.space.hyperparameters import Categorical
from hpobench.space.space import Configuration, Space
from hpobench.tasks.functions import FunctionTask


@dataclass(frozen=True)
class Kind:
    """What a space is made of: how many hyperparameters of each type, and what is odd about it.

    `branches`: a category chooses one of so many models, each with three hyperparameters of its
    own. `levels`: values are rounded down to so many steps; 0: they are not. `noise`: standard
    deviation. `narrow`: the optimum is a pit in one category, of radius 0.15 in each number.
    """

    floats: int = 0
    integers: int = 0
    categories: int = 0
    constants: int = 0
    branches: int = 0
    levels: int = 0
    noise: float = 0.0
    narrow: bool = False


KINDS = {
    "two_numbers": Kind(floats=2),
    "six_numbers": Kind(floats=4, integers=2),
    "twenty_numbers": Kind(floats=14, integers=6),
    "sixty_numbers": Kind(floats=50, integers=10),
    "categories": Kind(categories=9),
    "mixed": Kind(floats=2, categories=3),
    "mixed_wide": Kind(floats=5, integers=3, categories=4, constants=3),
    "branches": Kind(floats=1, categories=1, branches=4),
    "noisy": Kind(floats=3, integers=1, categories=2, noise=0.03),
    "plateaus": Kind(floats=3, integers=2, categories=2, levels=12),
    "narrow": Kind(floats=2, categories=2, narrow=True),
    "narrow_branches": Kind(integers=1, branches=3, narrow=True),
}
CHOOSING = tuple(f"{kind}_1" for kind in KINDS)
JUDGING = tuple(f"{kind}_2" for kind in KINDS)

_FLOATS = ((1e-5, 1.0, True), (0.0, 1.0, False), (-3.0, 7.0, False), (0.1, 1000.0, True))
_INTEGERS = ((1, 16, False), (8, 1024, True), (0, 300, False))
_FEWEST_CATEGORIES, _MOST_CATEGORIES = 2, 6
_RADIUS, _RIM = 0.15, 0.3
_SAMPLE = 4001


@cache
def load(name: str) -> FunctionTask:
    """The task `KIND_NUMBER`; its median is that of 4,001 random configurations."""
    kind, _, number = name.rpartition("_")
    made = Landscape(KINDS[kind], np.random.default_rng(derive_seed(0, kind, number)))
    sample = made.space.sample(np.random.default_rng(0), _SAMPLE)
    median = float(np.median([made(**config) for config in sample]))
    return FunctionTask(
        made, made.space, noise=KINDS[kind].noise * median, optimum=0.0, median=median
    )


class Landscape:
    """The function of one space: called with the hyperparameters by name."""

    def __init__(self, kind: Kind, rng: np.random.Generator) -> None:
        self._kind = kind
        stated = _stated(kind, rng)
        self.space = Space(stated)
        self._effects = {name: _effects(self.space, name, rng) for name in stated}
        self._weights = {name: float(np.exp(rng.normal())) for name in stated}
        self._optimum = {name: float(rng.uniform(0.1, 0.35)) for name in stated}
        for name in stated:
            if rng.random() < 0.5:
                self._optimum[name] = 1 - self._optimum[name]
        # Of the values that there are the nearest, so that there is an optimum.
        self._optimum = {name: self._nearest(name, at) for name, at in self._optimum.items()}
        self._powers = {name: float(rng.choice([1.0, 2.0])) for name in stated}
        numbers = [name for name in stated if not self._effects[name] and "fixed" not in name]
        pairs = rng.permutation(len(numbers))[: 2 * (len(numbers) // 3)]
        self._valleys = [
            (numbers[one], numbers[two], float(rng.uniform(-2, 2)))
            for one, two in zip(pairs[::2], pairs[1::2], strict=True)
        ]
        self._shifting = next((name for name in stated if self._effects[name]), None)
        self._shift = {name: float(rng.uniform(0.1, 0.3)) for name in numbers}

    def __call__(self, **values: Any) -> float:
        config = {name: value for name, value in values.items() if value is not None}
        distances = self._distances(config)
        total, weight = 0.0, 0.0
        for name, value in config.items():
            effects = self._effects[name]
            far = abs(distances[name]) if name in distances else effects.get(value, 0.0)
            if name in distances:
                ripples = 0.1 * (1 - np.cos(6 * np.pi * far))
                far = far ** self._powers[name] + ripples * min(far, 0.5)
            total += self._weights[name] * far
            weight += self._weights[name]
        for one, two, slope in self._valleys:
            if one in distances and two in distances:
                askew = distances[one] + slope * distances[two]
                total += (self._weights[one] + self._weights[two]) * askew**2 / (1 + slope**2)
        value = total / weight
        if self._kind.narrow:
            value = self._with_pit(value, config, distances)
        if self._kind.levels:
            value = float(np.floor(value * self._kind.levels) / self._kind.levels)
        return float(value)

    def _distances(self, config: Configuration) -> Mapping[str, float]:
        """By number, how far it is from where it is best, in units of its range."""
        names = self.space.names
        row = self.space.to_unit([config])[0]
        shift = 0.0
        if self._shifting is not None:
            shift = self._effects[self._shifting].get(config.get(self._shifting), 0.0)
        return {
            name: row[column]
            - self._optimum[name]
            - shift * self._shift[name] * np.sign(self._optimum[name] - 0.5)
            for column, name in enumerate(names)
            if name in config and name in self._shift
        }

    def _nearest(self, name: str, position: float) -> float:
        """The position of the value nearest to it."""
        item = self.space[name]
        return float(item.position(item.from_unit(np.array([position]))[0]))

    def _with_pit(
        self, value: float, config: Configuration, distances: Mapping[str, float]
    ) -> float:
        """All is above a rim, but for a pit around the optimum in the best of the categories."""
        outside = _RIM + (1 - _RIM) * value
        best = all(
            effects.get(config.get(name), 0.0) == 0 for name, effects in self._effects.items()
        )
        depth = max(map(abs, distances.values()), default=1.0) / _RADIUS
        return min(outside, _RIM * depth) if best else outside


def _stated(kind: Kind, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """The space, its hyperparameters as in YAML."""
    stated: dict[str, dict[str, Any]] = {}
    if kind.branches:
        models = [f"model_{number}" for number in range(kind.branches)]
        stated["model"] = {"type": "categorical", "values": models}
    for number in range(kind.categories):
        count = int(rng.integers(_FEWEST_CATEGORIES, _MOST_CATEGORIES + 1))
        stated[f"category_{number}"] = _category(count)
    for number in range(kind.floats):
        stated[f"float_{number}"] = _number("float", _FLOATS, rng)
    for number in range(kind.integers):
        stated[f"integer_{number}"] = _number("integer", _INTEGERS, rng)
    for number in range(kind.constants):
        stated[f"fixed_{number}"] = {"type": "ordinal", "values": [number]}
    for number in range(kind.branches):
        when = {"when": {"model": f"model_{number}"}}
        stated[f"float_of_{number}"] = _number("float", _FLOATS, rng) | when
        stated[f"integer_of_{number}"] = _number("integer", _INTEGERS, rng) | when
        stated[f"category_of_{number}"] = _category(3) | when
    return stated


def _category(count: int) -> dict[str, Any]:
    return {"type": "categorical", "values": [f"value_{each}" for each in range(count)]}


def _number(
    kind: str, ranges: Sequence[tuple[float, float, bool]], rng: np.random.Generator
) -> dict[str, Any]:
    low, high, log = ranges[int(rng.integers(len(ranges)))]
    return {"type": kind, "low": low, "high": high, "log": log}


def _effects(space: Space, name: str, rng: np.random.Generator) -> dict[Any, float]:
    """By category, what it contributes: 0 for the best; of a number nothing."""
    item = space[name]
    if not isinstance(item, Categorical):
        return {}
    others: FloatArray = rng.uniform(0.15, 1.0, len(item.levels) - 1)
    contributions = rng.permutation([0.0, *others]).tolist()
    return dict(zip(item.levels, contributions, strict=True))
