"""Search spaces: named hyperparameters, sampling, validation, and the index of finite spaces."""

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hpobench.hyperparameters import (
    Categorical,
    Float,
    FloatArray,
    Hyperparameter,
    Integer,
    Ordinal,
)

Configuration = dict[str, Any]

# Columns of the stored trials table that a hyperparameter would overwrite.
RESERVED_NAMES = frozenset({"task", "method", "seed", "trial", "config"})


class Space(Mapping[str, Hyperparameter]):
    """A search space: an immutable mapping from names to hyperparameters.

    Values may be hyperparameters, frozen `scipy.stats` distributions, or mappings as in YAML:

    >>> from scipy.stats import loguniform
    >>> space = Space({
    ...     "learning_rate": loguniform(1e-4, 1),
    ...     "units": {"type": "integer", "low": 16, "high": 512, "log": True, "default": 64},
    ...     "activation": {"type": "categorical", "values": ["relu", "tanh"]},
    ... })
    """

    def __init__(self, hyperparameters: Mapping[str, Any]) -> None:
        if not hyperparameters:
            raise ValueError("a search space needs at least one hyperparameter")
        self._items = {name: _hyperparameter(name, spec) for name, spec in hyperparameters.items()}
        self.names = tuple(self._items)
        levels = [hyperparameter.levels for hyperparameter in self._items.values()]
        self._levels: list[Sequence[Any]] = [level for level in levels if level is not None]
        self.size: int | None = (
            math.prod(map(len, self._levels)) if len(self._levels) == len(levels) else None
        )
        self._positions = tuple(self._index_positions()) if self._is_small() else None

    def _is_small(self) -> bool:
        return self.size is not None and max(map(len, self._levels)) <= 10_000

    def _index_positions(self) -> Iterator[tuple[str, dict[Any, int]]]:
        """For each hyperparameter: value -> its contribution to the index of a configuration."""
        stride = self.size or 0
        for name, levels in zip(self.names, self._levels, strict=True):
            stride //= len(levels)
            yield name, {value: rank * stride for rank, value in enumerate(levels)}

    def __getitem__(self, name: str) -> Hyperparameter:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Space({self._items})"

    def sample(self, rng: np.random.Generator, count: int) -> list[Configuration]:
        """`count` independent random configurations."""
        return self.from_unit(rng.random((count, len(self.names))))

    def from_unit(self, unit: FloatArray) -> list[Configuration]:
        """The configurations at the rows of `unit` (n, d), each entry in [0, 1]."""
        columns = [
            hyperparameter.from_unit(unit[:, column])
            for column, hyperparameter in enumerate(self._items.values())
        ]
        names = self.names
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def to_unit(self, configs: Sequence[Configuration]) -> FloatArray:
        """Positions (n, d) of the configurations; the centre of its cell for a discrete value."""
        items = self._items.items()
        return np.array(
            [[item.position(config[name]) for name, item in items] for config in configs]
        )

    def index_of(self, config: Configuration) -> int:
        """The number of a configuration of a finite space, last hyperparameter fastest."""
        index = 0
        if self._positions is not None:
            for name, positions in self._positions:
                index += positions[config[name]]
            return index
        self._require_finite()
        for name, levels in zip(self.names, self._levels, strict=True):
            index = index * len(levels) + levels.index(config[name])
        return index

    def config_at(self, index: int) -> Configuration:
        """The configuration with that number; inverse of `index_of`."""
        self._require_finite()
        values = []
        for levels in reversed(self._levels):
            index, rank = divmod(index, len(levels))
            values.append(levels[rank])
        return dict(zip(self.names, reversed(values), strict=True))

    def _require_finite(self) -> None:
        if self.size is None:
            raise ValueError("only the configurations of a finite space are numbered")

    def default(self) -> Configuration:
        """The declared defaults, and the middle of the range where none is declared."""
        middle = self.from_unit(np.full((1, len(self.names)), 0.5))[0]
        declared = {name: item.default for name, item in self._items.items()}
        return {name: middle[name] if declared[name] is None else declared[name] for name in self}

    def key(self, config: Configuration) -> tuple[Any, ...]:
        """A hashable form of a configuration: equal keys, equal configurations."""
        return tuple(map(config.__getitem__, self.names))

    def validate(self, config: Mapping[str, Any]) -> None:
        """Raise ValueError, naming the culprit, unless `config` is a point of this space."""
        for name in config:
            if name not in self._items:
                nearest = difflib.get_close_matches(str(name), self.names, n=1)
                hint = f"did you mean {nearest[0]}? " if nearest else ""
                raise ValueError(f"unknown hyperparameter {name!r}: {hint}has {self.names}")
        for name, hyperparameter in self._items.items():
            if name not in config:
                raise ValueError(f"hyperparameter {name!r} is missing from {dict(config)}")
            if not hyperparameter.contains(config[name]):
                raise ValueError(f"{name}={config[name]!r} lies outside {hyperparameter}")


def _hyperparameter(name: str, spec: Any) -> Hyperparameter:
    if name in RESERVED_NAMES:
        raise ValueError(f"hyperparameter {name!r} has a reserved name: rename it")
    try:
        if isinstance(spec, Float | Integer | Ordinal | Categorical):
            return spec
        if isinstance(spec, Mapping):
            return _from_mapping(spec)
        if hasattr(spec, "support") and hasattr(spec, "dist"):
            return _from_scipy(spec)
    except (TypeError, ValueError) as error:
        raise ValueError(f"hyperparameter {name!r}: {error}") from error
    raise ValueError(
        f"hyperparameter {name!r}: {spec!r} is neither a hyperparameter, a mapping with a type, "
        "nor a frozen scipy.stats distribution"
    )


def _from_mapping(spec: Mapping[str, Any]) -> Hyperparameter:
    types = {"float": Float, "integer": Integer, "ordinal": Ordinal, "categorical": Categorical}
    settings = dict(spec)
    kind = settings.pop("type", None)
    if kind not in types:
        raise ValueError(f"type={kind!r}: use one of {', '.join(types)}")
    if "values" in settings:
        settings["levels"] = settings.pop("values")
    made: Hyperparameter = types[kind](**settings)
    return made


def _from_scipy(frozen: Any) -> Hyperparameter:
    """From the distribution's support: mind that scipy's randint excludes its upper bound."""
    low, high = map(float, frozen.support())
    match frozen.dist.name:
        case "uniform":
            return Float(low, high)
        case "randint":
            return Integer(int(low), int(high))
        case "loguniform" | "reciprocal":
            if not math.isclose(frozen.median(), math.sqrt(low * high), rel_tol=1e-9):
                raise ValueError("a shifted loguniform (loc != 0) is not uniform on a log scale")
            return Float(low, high, log=True)
        case other:
            raise ValueError(f"scipy's {other} is not supported: use loguniform, uniform, randint")
