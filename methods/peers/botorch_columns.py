"""A search space as the columns of a matrix, as BoTorch wants it."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hpobench.methods.peers.dimensions import Dimension, Dimensions, Values

Row = tuple[float, ...]

ENUMERATED = 10_000
"""Spaces of at most so many points are listed (BoTorch's own limit)."""


class Column(NamedTuple):
    """A dimension on [0, 1], on its scale; of a choice, its number."""

    dimension: Dimension

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest entry."""
        return (0.0, self.dimension.high) if self.dimension.kind == "choice" else (0.0, 1.0)

    @property
    def size(self) -> float:
        """How many values it has."""
        return math.inf if self.dimension.kind == "float" else self.dimension.size

    def levels(self) -> list[float]:
        """All entries of an integer or choice, rising."""
        low = int(self.dimension.low)
        return [self.entry(low + step) for step in range(self.dimension.size)]

    def entry(self, value: float) -> float:
        """Where a value lies."""
        if self.dimension.kind == "choice":
            return float(value)
        low, high, position = map(self._scaled, (self.dimension.low, self.dimension.high, value))
        return (position - low) / (high - low)

    def value(self, entry: float) -> float:
        """The value nearest to an entry; inverse of `entry`."""
        if self.dimension.kind == "choice":
            return round(entry)
        low, high = self._scaled(self.dimension.low), self._scaled(self.dimension.high)
        position = low + entry * (high - low)
        number = math.exp(position) if self.dimension.log else position
        number = min(max(number, self.dimension.low), self.dimension.high)
        return number if self.dimension.kind == "float" else round(number)

    def drawn(self, uniform: float) -> float:
        """The entry for a number that is uniform on [0, 1)."""
        return math.floor(uniform * self.size) if self.dimension.kind == "choice" else uniform

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.dimension.log else value


class Columns:
    """The columns of a space; translates values to rows and back.

    BoTorch knows of no conditions: what is not active has the middle of its range, so that each
    configuration is one row.
    """

    def __init__(self, dimensions: Dimensions) -> None:
        self._dimensions = dimensions
        self.items = [Column(item) for item in dimensions]
        self.categorical = [
            place for place, item in enumerate(self.items) if item.dimension.kind == "choice"
        ]
        self._count = math.prod(item.size for item in self.items)
        self.finite = math.isfinite(self._count)

    def __len__(self) -> int:
        return len(self.items)

    def row(self, values: Mapping[str, Any]) -> Row:
        """The row of values, of which those not active may be missing."""
        completed = self._dimensions.completed(values)
        return tuple(item.entry(completed[item.dimension.name]) for item in self.items)

    def values(self, row: Sequence[float]) -> Values:
        """The values of a row."""
        values = {
            item.dimension.name: item.value(entry)
            for item, entry in zip(self.items, row, strict=True)
        }
        return self._dimensions.completed(self._dimensions.active(values))

    def nearest(self, row: Sequence[float]) -> Row:
        """The row of the configuration that a row stands for."""
        return self.row(self.values(row))

    def drawn(self, uniform: Sequence[float]) -> Row:
        """The row for numbers that are uniform on [0, 1)."""
        entries = [item.drawn(number) for item, number in zip(self.items, uniform, strict=True)]
        return self.nearest(entries)

    def all_rows(self) -> list[Row]:
        """All rows of a small finite space, each once; of others none."""
        if self._count > ENUMERATED:
            return []
        levels = [item.levels() for item in self.items]
        return list(dict.fromkeys(self.nearest(row) for row in itertools.product(*levels)))
