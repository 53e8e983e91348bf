"""The four types of hyperparameter.

Each maps to and from the unit interval, where `u` uniform on [0, 1) gives the distribution from
which random search draws: uniform on the stated scale, every level of a discrete one equally wide
(integers on a log scale: the width of `[k - 1/2, k + 1/2]` in log k).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from hpobench.arrays import FloatArray

# Positions in [0, 1] have 53 bits: so large whole numbers are still told apart, on a log scale too.
LARGEST_INTEGER = 2**44


class Hyperparameter(Protocol):
    """One dimension of a search space."""

    @property
    def default(self) -> Any:
        """The declared default, or None."""

    @property
    def levels(self) -> Sequence[Any] | None:
        """All values in order, or None if there are infinitely many."""

    def from_unit(self, unit: FloatArray) -> list[Any]:
        """Native Python values at positions `unit` (n,) in [0, 1]."""

    def position(self, value: Any) -> float:
        """Where `value` lies in [0, 1], the centre of its cell if discrete; `from_unit` inverts."""

    def contains(self, value: Any) -> bool:
        """Whether `value` is one of its values."""


def _check_range(low: float, high: float, log: bool) -> None:
    for name, bound in (("low", low), ("high", high)):
        if not _is_number(bound):
            if str(bound).strip("+-. ").lower() in ("inf", "infinity", "nan"):
                raise ValueError(f"{name}={bound} is not finite: write the last value to be tried")
            raise ValueError(f"{name}={bound!r} is not a number: write one, without quotes")
    if not isinstance(log, bool | np.bool_):
        raise ValueError(f"log={log!r}: use true or false")
    if not (_is_finite(low) and _is_finite(high)):
        raise ValueError(f"the range [{low}, {high}] must be finite")
    if low > high:
        raise ValueError(f"low={low} is above high={high}: swap them")
    if log and low <= 0:
        raise ValueError(f"a log scale cannot start at low={low}: use a positive low, or log=False")
    if not math.isfinite(float(high) / float(low) if log else float(high) - float(low)):
        raise ValueError(f"the range [{low}, {high}] is too wide for double precision: narrow it")


def _is_finite(bound: float) -> bool:
    try:
        return math.isfinite(bound)
    except OverflowError:  # a whole number beyond all floats
        return False


def _check_default(hyperparameter: Hyperparameter) -> None:
    default = hyperparameter.default
    if default is not None and not hyperparameter.contains(default):
        raise ValueError(f"the default {default!r} lies outside {hyperparameter}")


def _is_number(value: Any) -> bool:
    if type(value) is float or type(value) is int:  # every value that is tried passes here
        return True
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Float:
    """A real number in [low, high], on a linear or log scale."""

    low: float
    high: float
    log: bool = False
    default: float | None = None

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log)
        _check_default(self)

    @property
    def levels(self) -> Sequence[float] | None:
        return [float(self.low)] if self.low == self.high else None

    def from_unit(self, unit: FloatArray) -> list[float]:
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            values = np.exp(low + unit * (high - low))
        else:
            values = self.low + unit * (self.high - self.low)
        clipped: list[float] = np.clip(values, self.low, self.high).tolist()
        return clipped

    def position(self, value: float) -> float:
        if self.low == self.high:
            return 0.5
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def contains(self, value: Any) -> bool:
        return _is_number(value) and bool(self.low <= value <= self.high)


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer in [low, high], both included, on a linear or log scale."""

    low: int
    high: int
    log: bool = False
    default: int | None = None

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log)
        for name, bound in (("low", self.low), ("high", self.high)):
            if not float(bound).is_integer():
                raise ValueError(f"{name}={bound} of an integer hyperparameter is not an integer")
            if abs(bound) > LARGEST_INTEGER:
                raise ValueError(
                    f"{name}={bound} is beyond {LARGEST_INTEGER}, where methods, which compute in "
                    "double precision, no longer tell all whole numbers apart: use type float, or "
                    "a smaller range, from which your function makes the number"
                )
        _check_default(self)

    @property
    def levels(self) -> Sequence[int]:
        return range(int(self.low), int(self.high) + 1)

    def _edges(self) -> tuple[float, float]:
        """Outer edges of the first and last cell, on the scale of the hyperparameter."""
        low, high = self.low - 0.5, self.high + 0.5
        return (math.log(low), math.log(high)) if self.log else (low, high)

    def from_unit(self, unit: FloatArray) -> list[int]:
        low, high = self._edges()
        scaled = low + unit * (high - low)
        values = np.floor((np.exp(scaled) if self.log else scaled) + 0.5)
        clipped: list[int] = np.clip(values, self.low, self.high).astype(np.int64).tolist()
        return clipped

    def position(self, value: int) -> float:
        low, high = self._edges()
        return ((math.log(value) if self.log else value) - low) / (high - low)

    def contains(self, value: Any) -> bool:
        return _is_number(value) and self.low <= value <= self.high and float(value).is_integer()


def _check_level(level: Any) -> None:
    if level is None:
        raise ValueError("null is no value: say what it stands for, such as none")
    if isinstance(level, float | np.floating) and math.isnan(level):
        raise ValueError("nan is no value, as it equals nothing: say what it stands for")
    try:
        hash(level)
    except TypeError:
        raise ValueError(
            f"{level!r} cannot be a value: give it a name, such as '64-32', which your function "
            "takes apart"
        ) from None


class _Levels:
    """What ordinals and categoricals share: a finite list of values, drawn evenly."""

    __slots__ = ()
    levels: Sequence[Any]

    def _check_levels(self) -> None:
        if not self.levels:
            raise ValueError("a hyperparameter needs at least one value: values=[] is empty")
        seen: dict[Any, Any] = {}
        for level in self.levels:
            _check_level(level)
            if level in seen:
                told = f": {seen[level]!r} and {level!r} are the same"
                raise ValueError(f"the values {list(self.levels)} are not all different{told}")
            seen[level] = level

    def from_unit(self, unit: FloatArray) -> list[Any]:
        count = len(self.levels)
        if len(unit) == 1:  # what a method suggests: an array of one costs more than it does
            return [self.levels[min(int(float(unit[0]) * count), count - 1)]]
        indices = np.minimum((unit * count).astype(np.int64), count - 1).tolist()
        return [self.levels[index] for index in indices]

    def position(self, value: Any) -> float:
        return (self.levels.index(value) + 0.5) / len(self.levels)

    def contains(self, value: Any) -> bool:
        return value in self.levels


@dataclass(frozen=True, slots=True)
class Ordinal(_Levels):
    """One of an ordered list of values; `scale` says what the distance between values means.

    `rank`: neighbours are one step apart; `linear`, `log`: numbers, on that scale.
    """

    levels: tuple[Any, ...]
    scale: str = "rank"
    default: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))
        self._check_levels()
        if self.scale not in ("rank", "linear", "log"):
            raise ValueError(f"scale={self.scale!r} of an ordinal: use rank, linear or log")
        if self.scale != "rank" and not all(map(_is_number, self.levels)):
            raise ValueError(
                f"the values {list(self.levels)} must be numbers on a {self.scale} scale: leave "
                "scale out for ranks"
            )
        if self.scale != "rank" and list(self.levels) != sorted(self.levels):
            raise ValueError(f"the values {list(self.levels)} must rise on a {self.scale} scale")
        if self.scale == "log" and self.levels[0] <= 0:
            raise ValueError(f"a log scale cannot start at {self.levels[0]}: use scale=linear")
        _check_default(self)


@dataclass(frozen=True, slots=True)
class Categorical(_Levels):
    """One of a list of values without order."""

    levels: tuple[Any, ...]
    default: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))
        self._check_levels()
        _check_default(self)
