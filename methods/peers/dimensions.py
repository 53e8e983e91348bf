"""A search space as other libraries know it: ranges of numbers, and numbered choices.

Floats and integers keep their range and scale. An ordinal becomes the integer rank of its value, a
categorical the number of its value. A hyperparameter of one value is left out, and one that is
active only beside another keeps that condition. Each library has its own words for these few
things, and translates them once.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from hpobench.space.hyperparameters import Categorical, Float, Hyperparameter, Integer
from hpobench.space.space import Configuration, Space

Values = dict[str, Any]
"""Values by name as libraries know them: float, rank or number of a choice."""


class Dimension(NamedTuple):
    """One hyperparameter of more than one value.

    `low` and `high` are both included: of a choice, 0 and the number of choices less one. `default`
    is what the task declares, or None. It is active only where `parent` has one of the values
    `when`; a parent comes before its children.
    """

    name: str
    kind: Literal["float", "integer", "choice"]
    low: float
    high: float
    log: bool = False
    default: float | None = None
    parent: str | None = None
    when: tuple[Any, ...] = ()

    @property
    def size(self) -> int:
        """How many values an integer or choice has."""
        return int(self.high - self.low) + 1

    @property
    def middle(self) -> float:
        """A value to stand where none is active."""
        if self.kind == "choice":
            return 0
        centre = (self.low * self.high) ** 0.5 if self.log else (self.low + self.high) / 2
        return centre if self.kind == "float" else round(centre)


class Dimensions:
    """The dimensions of a space, in its order; translates configurations there and back."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._constants: Configuration = {}
        self._items: list[Dimension] = []
        self._never: set[str] = set()
        for name, item in space.items():
            self._add(name, item)
        self.names = tuple(item.name for item in self._items)

    def _add(self, name: str, item: Hyperparameter) -> None:
        condition = self._condition(name)
        if condition is None:
            self._never.add(name)
            return
        levels = item.levels
        if levels is not None and len(levels) == 1:
            self._constants[name] = levels[0]
            return
        self._items.append(_dimension(name, item)._replace(parent=condition[0], when=condition[1]))

    def _condition(self, name: str) -> tuple[str | None, tuple[Any, ...]] | None:
        """Parent and values in the library's words; (None, ()): always active; None: never."""
        if name not in self._space.conditions:
            return None, ()
        parent, values = self._space.conditions[name]
        if parent in self._never:
            return None
        if parent not in self._constants:
            return parent, tuple(_encoded(self._space[parent], value) for value in values)
        if self._constants[parent] not in values:
            return None
        return self._condition(parent)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Dimension]:
        return iter(self._items)

    def encode(self, config: Mapping[str, Any]) -> Values:
        """What is active of a configuration, in the library's words."""
        return {
            name: _encoded(self._space[name], config[name]) for name in self.names if name in config
        }

    def decode(
        self, values: Mapping[str, Any], without: Collection[Configuration] = ()
    ) -> Configuration:
        """The configuration; inverse of `encode`.

        Numbers are rounded to the nearest value there is, for a library may leave its own range by
        a rounding error. What is not active is dropped; in a space with gaps, the nearest point
        that is none of `without`, if there is one.
        """
        config = {
            name: self._constants[name] if name in self._constants else _decoded(item, values[name])
            for name, item in self._space.items()
            if name in self._constants or name in values
        }
        return self._space.nearest(self._space.active(config), without)

    def completed(self, values: Mapping[str, Any]) -> Values:
        """A value for each dimension, for libraries that know of no conditions."""
        return {item.name: values.get(item.name, item.middle) for item in self._items}

    def active(self, values: Mapping[str, Any]) -> Values:
        """Values less those of dimensions that are not active."""
        found: Values = {}
        for item in self._items:
            if item.parent is None or found.get(item.parent) in item.when:
                found[item.name] = values[item.name]
        return found


def _dimension(name: str, item: Hyperparameter) -> Dimension:
    default = None if item.default is None else _encoded(item, item.default)
    if isinstance(item, Float):
        return Dimension(name, "float", item.low, item.high, item.log, default)
    if isinstance(item, Integer):
        return Dimension(name, "integer", int(item.low), int(item.high), item.log, default)
    kind: Literal["choice", "integer"] = "choice" if isinstance(item, Categorical) else "integer"
    return Dimension(name, kind, 0, len(item.levels or ()) - 1, default=default)


def _encoded(item: Hyperparameter, value: Any) -> Any:
    if isinstance(item, Float):
        return float(value)
    if isinstance(item, Integer):
        return int(value)
    return (item.levels or ()).index(value)


def _decoded(item: Hyperparameter, value: Any) -> Any:
    if isinstance(item, Float):
        return min(max(float(value), float(item.low)), float(item.high))
    whole = round(float(value))
    if isinstance(item, Integer):
        return min(max(whole, int(item.low)), int(item.high))
    levels = item.levels or ()
    return levels[min(max(whole, 0), len(levels) - 1)]
