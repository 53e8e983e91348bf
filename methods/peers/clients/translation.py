"""The space of a `hello` in the words of other libraries: numbers and numbered choices.

Floats and integers keep their range and scale. An ordinal becomes the rank of its value, a
categorical the number of its value, both from 0. What has one value only is left out. Libraries
that know of no conditions get all dimensions side by side, and what is not active is dropped from
what they suggest. Standard library only, for any Python from 3.9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

# Gaussian processes square the values, some in single precision.
_LARGEST_VALUE = 1e18

Message = dict[str, Any]
Values = dict[str, Any]
"""By name, in the library's words."""


class Dimension(NamedTuple):
    """A hyperparameter of more than one value; `low` and `high` are both included.

    `kind` is float, integer, ordinal (of ranks) or choice (of numbers without order). It is active
    only where `parent`, a dimension that stands before it, has one of the values `when`.
    """

    name: str
    kind: str
    low: float
    high: float
    log: bool = False
    parent: str | None = None
    when: tuple[Any, ...] = ()

    @property
    def numbers(self) -> list[int]:
        """All values of an ordinal or choice."""
        return list(range(int(self.high) + 1))

    @property
    def middle(self) -> float:
        """A value to stand where none is active."""
        if self.kind == "choice":
            return 0
        centre = (self.low * self.high) ** 0.5 if self.log else (self.low + self.high) / 2
        return centre if self.kind == "float" else round(centre)

    def nearest(self, value: float) -> float:
        """The value of this dimension that is meant: libraries miss their own range at times."""
        near = float(value) if self.kind == "float" else round(float(value))
        return min(max(near, self.low), self.high)


class Dimensions:
    """The dimensions of a space, in its order; translates configurations there and back."""

    def __init__(self, space: Mapping[str, Mapping[str, Any]]) -> None:
        self._space = space
        self._items: dict[str, Dimension] = {}
        self._constants: dict[str, Any] = {}
        self._never: set[str] = set()
        for name, item in space.items():
            self._add(name, item)

    def _add(self, name: str, item: Mapping[str, Any]) -> None:
        condition = self._condition(name)
        if condition is None:
            self._never.add(name)
        elif "values" not in item and item["low"] == item["high"]:
            self._constants[name] = item["low"]
        elif len(item.get("values", "two or more")) == 1:
            self._constants[name] = item["values"][0]
        else:
            parent, when = condition
            self._items[name] = _dimension(name, item)._replace(parent=parent, when=when)

    def _condition(self, name: str) -> tuple[str | None, tuple[Any, ...]] | None:
        """Parent and values in the library's words; (None, ()): always active; None: never."""
        for parent, values in self._space[name].get("when", {}).items():
            if parent in self._never:
                return None
            if parent in self._items:
                return parent, tuple(_number(self._space[parent], value) for value in values)
            if not any(_same(self._constants[parent], value) for value in values):
                return None
            return self._condition(parent)
        return None, ()

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Dimension]:
        return iter(self._items.values())

    def encode(self, config: Mapping[str, Any]) -> Values:
        """A value for each dimension; where it is not active, the middle."""
        return {
            item.name: _number(self._space[item.name], config[item.name])
            if item.name in config
            else item.middle
            for item in self
        }

    def decode(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration: the nearest values there are, of what is active; undoes `encode`."""
        numbers: Values = {}
        config = {}
        for name, item in self._space.items():
            known = self._items.get(name)
            if name in self._constants and self._is_active(name, numbers):
                config[name] = self._constants[name]
            elif known and (known.parent is None or numbers.get(known.parent) in known.when):
                numbers[name] = known.nearest(values[name])
                levels = item.get("values")
                config[name] = levels[int(numbers[name])] if levels else numbers[name]
        return config

    def _is_active(self, constant: str, numbers: Values) -> bool:
        condition = self._condition(constant)
        assert condition is not None
        parent, when = condition
        return parent is None or numbers.get(parent) in when


def _dimension(name: str, item: Mapping[str, Any]) -> Dimension:
    if "values" not in item:
        return Dimension(name, item["type"], item["low"], item["high"], item["log"])
    kind = "ordinal" if item["type"] == "ordinal" else "choice"
    return Dimension(name, kind, 0, len(item["values"]) - 1)


def _number(item: Mapping[str, Any], value: Any) -> Any:
    if "values" not in item:
        return value
    return next(rank for rank, level in enumerate(item["values"]) if _same(level, value))


def _same(one: Any, other: Any) -> bool:
    """As the protocol compares values: 1 is 1.0, but not true."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def moderate(value: float) -> float:
    """A value whose square is finite: what is larger is as bad, or good, as the largest."""
    return min(max(float(value), -_LARGEST_VALUE), _LARGEST_VALUE)


class Client(Protocol):
    """What `serving.serve` asks and tells."""

    name: str

    def ask(self) -> Message | None:
        """The next job."""

    def tell(self, message: Message) -> None:
        """What came of one."""


def translated(make: Callable[[Message, Dimensions], Client]) -> Callable[[Message], Client]:
    """For `serve`: makes the client of a `hello` and its dimensions, if there are any."""

    def of(hello: Message) -> Client:
        dimensions = Dimensions(hello["space"])
        return make(hello, dimensions) if len(dimensions) else OnePoint(dimensions)

    return of


class OnePoint:
    """Trains the only configuration of a space, for there is nothing to ask a library."""

    name = "no library: the space has one point"

    def __init__(self, dimensions: Dimensions) -> None:
        self._config = dimensions.decode({})
        self._trials = 0

    def ask(self) -> Message:
        self._trials += 1
        return {"trial": self._trials - 1, "config": self._config}

    def tell(self, message: Message) -> None:
        """There is nothing to learn."""
