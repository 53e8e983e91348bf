"""Configurations and resources as peers in any language write them, made those of a space."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from hpobench.methods.peers.process.messages import is_number, shown
from hpobench.records import Fidelity
from hpobench.space.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal
from hpobench.space.space import Configuration, Space

# Logarithm and exponential may miss a bound by so much, relative to it.
_ROUNDING = 1e-9


class Configurations:
    """Reads the configurations of a space as they come from JSON."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._levels: dict[str, dict[str, Any]] = {
            name: {_key(level): level for level in item.levels}
            for name, item in space.items()
            if isinstance(item, Ordinal | Categorical)
        }

    def read(
        self, config: Mapping[str, Any], without: Collection[Configuration] = ()
    ) -> Configuration:
        """The point of the space that is meant; raises ValueError if there is none.

        On a space with gaps it is moved to the nearest configuration that is listed, if possible to
        none of those `without`.
        """
        native = {
            name: self._native(name, item, config[name])
            for name, item in self._space.items()
            if name in config
        }
        unknown = {name: value for name, value in config.items() if name not in native}
        Space.validate(self._space, native | unknown)
        return self._space.nearest(native, without)

    def _native(self, name: str, item: Hyperparameter, value: Any) -> Any:
        if name in self._levels:
            levels = self._levels[name]
            if (key := _key(value)) not in levels:
                raise ValueError(f"{name}={shown(value)} is none of {', '.join(levels)}")
            return levels[key]
        if not is_number(value):
            return value
        if isinstance(item, Integer):
            return int(value) if float(value).is_integer() else value
        return _on_bound(float(value), item.low, item.high) if isinstance(item, Float) else value


def _key(value: Any) -> str:
    """The same for the same value of JSON: 1 and 1.0, but not true."""
    if is_number(value) and float(value).is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, default=list)


def _on_bound(value: float, low: float, high: float) -> float:
    """`value`, moved onto a bound that it misses by rounding alone."""
    if low - _ROUNDING * abs(low) <= value <= high + _ROUNDING * abs(high):
        return min(max(value, float(low)), float(high))
    return value


def resource(wanted: float | None, reached: float, fidelity: Fidelity) -> float:
    """Up to where a trial that has `reached` so much is to be trained; None: to the end.

    Raises ValueError unless that is further on, and a level of the fidelity.
    """
    if wanted is None:
        wanted = fidelity.r_max
    if fidelity.integer and not float(wanted).is_integer():
        raise ValueError(f"resource={wanted!r}: {fidelity.name} are whole numbers")
    level = int(wanted) if fidelity.integer else float(wanted)
    level = level if fidelity.integer else _on_bound(level, fidelity.r_min, fidelity.r_max)
    if not (reached < level and fidelity.r_min <= level <= fidelity.r_max):
        where = f"({reached:g}, {fidelity.r_max:g}]" if reached else _range(fidelity)
        raise ValueError(f"resource={wanted!r} lies outside {where}")
    return level


def _range(fidelity: Fidelity) -> str:
    return f"[{fidelity.r_min:g}, {fidelity.r_max:g}]"
