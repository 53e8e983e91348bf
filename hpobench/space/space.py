"""Search spaces: named hyperparameters, sampling, validation, and the index of finite spaces."""

import difflib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.space.hyperparameters import Hyperparameter
from hpobench.space.statement import conditions, plain, stated

Configuration = dict[str, Any]

# Of more values or, where they are conditional, configurations no table is kept.
_MOST_LISTED = 10_000


class Space(Mapping[str, Hyperparameter]):
    """A search space: an immutable mapping from names to hyperparameters.

    Values may be hyperparameters, frozen `scipy.stats` distributions, or mappings as in YAML:

    >>> from scipy.stats import loguniform
    >>> space = Space({
    ...     "learning_rate": loguniform(1e-4, 1),
    ...     "units": {"type": "integer", "low": 16, "high": 512, "log": True, "default": 64},
    ...     "optimizer": {"type": "categorical", "values": ["sgd", "adam"]},
    ...     "momentum": {"type": "float", "low": 0, "high": 1, "when": {"optimizer": "sgd"}},
    ... })

    `when` makes a hyperparameter conditional: it is active only where the one that it names, stated
    before it, is active and has that value (or one of a list). Configurations hold what is active.

    `finite`: no hyperparameter is continuous, or configurations are listed. `size`: the number of
    configurations that `config_at` lists; None: infinite, or conditional and of more than 10,000.
    """

    def __init__(self, hyperparameters: Mapping[str, Any]) -> None:
        if not hyperparameters:
            raise ValueError("a search space needs at least one hyperparameter")
        self._items = {name: stated(name, spec) for name, spec in hyperparameters.items()}
        self.names = tuple(self._items)
        self._conditions = dict(conditions(self._items, hyperparameters))
        levels = [hyperparameter.levels for hyperparameter in self._items.values()]
        self._levels: list[Sequence[Any]] = [level for level in levels if level is not None]
        self.finite = len(self._levels) == len(levels)
        complete = self.finite and not self._conditions
        self.size: int | None = math.prod(map(len, self._levels)) if complete else None
        small = complete and max(map(len, self._levels)) <= _MOST_LISTED
        self._positions = tuple(self._index_positions()) if small else None
        self._configs: Sequence[Configuration] = ()
        self._numbers: Mapping[tuple[Any, ...], int] = {}
        if self.finite and self._conditions:
            self._number(self._tree())

    def _tree(self) -> list[Configuration]:
        """All configurations of a finite conditional space; none, if they are too many to list."""
        configs: list[Configuration] = [{}]
        for name, item in self._items.items():
            parent, wanted = self._conditions.get(name, ("", ()))
            levels = (item.levels or ())[: _MOST_LISTED + 1]  # of billions, more than enough
            grown = []
            for config in configs:
                if parent and config.get(parent) not in wanted:
                    grown.append(config)
                else:
                    grown += [{**config, name: value} for value in levels]
                if len(grown) > _MOST_LISTED:
                    return []
            configs = grown
        return configs

    def _number(self, configs: Sequence[Configuration]) -> None:
        """Take these for all configurations, in this order; if there are none, none is numbered."""
        self._positions = None
        self._configs = configs
        self._numbers = {self.key(config): number for number, config in enumerate(configs)}
        self.size = len(configs) or None

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

    @property
    def conditions(self) -> Mapping[str, tuple[str, Sequence[Any]]]:
        """For each conditional hyperparameter: its parent, and the values that activate it."""
        return self._conditions

    def specification(self) -> dict[str, dict[str, Any]]:
        """Plain mappings, of which `Space` makes an equal space."""
        whens = {name: {parent: values} for name, (parent, values) in self._conditions.items()}
        return {name: plain(item, whens.get(name)) for name, item in self._items.items()}

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
        configs = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        return list(map(self.active, configs)) if self._conditions else configs

    def active(self, config: Configuration) -> Configuration:
        """`config` without the hyperparameters that are not active in it."""
        for name, (parent, values) in self._conditions.items():
            if name in config and config.get(parent) not in values:
                config = {other: value for other, value in config.items() if other != name}
        return config

    def completed(self, config: Configuration, rng: np.random.Generator) -> Configuration:
        """What is active in `config`, drawing at random what is active but missing."""
        if not self._conditions:
            return config
        drawn = {
            name: config[name] if name in config else item.from_unit(rng.random(1))[0]
            for name, item in self._items.items()
        }
        return self.active(drawn)

    def nearest(
        self,
        config: Configuration,
        without: Collection[Configuration] = (),  # noqa: ARG002  (for spaces with gaps)
    ) -> Configuration:
        """The point of this space to try in place of `config`: itself, as there are no gaps.

        Of a `ListedSpace`, the nearest of its configurations, if possible none of those `without`.
        """
        return config

    def to_unit(self, configs: Sequence[Configuration]) -> FloatArray:
        """Positions (n, d) of the configurations; the centre of its cell for a discrete value.

        NaN: the hyperparameter is not active.
        """
        items = self._items.items()
        return np.array(
            [
                [item.position(config[name]) if name in config else np.nan for name, item in items]
                for config in configs
            ]
        )

    def index_of(self, config: Configuration) -> int:
        """The number of a configuration of a finite space, last hyperparameter fastest.

        Raises ValueError if the space is not numbered (`size` is None).
        """
        index = 0
        if self._positions is not None:
            for name, positions in self._positions:
                index += positions[config[name]]
            return index
        self._require_numbered()
        if self._numbers:
            return self._numbers[self.key(config)]
        for name, levels in zip(self.names, self._levels, strict=True):
            index = index * len(levels) + levels.index(config[name])
        return index

    def config_at(self, index: int) -> Configuration:
        """The configuration with that number; inverse of `index_of`."""
        self._require_numbered()
        if self._configs:
            return dict(self._configs[index])
        values = []
        for levels in reversed(self._levels):
            index, rank = divmod(index, len(levels))
            values.append(levels[rank])
        return dict(zip(self.names, reversed(values), strict=True))

    def _require_numbered(self) -> None:
        if self.size is None:
            raise ValueError(
                "only the configurations of a finite space are numbered; if it is conditional, "
                f"at most {_MOST_LISTED:,}"
            )

    def default(self, given: Mapping[str, Any] | None = None) -> Configuration:
        """`given`, completed by declared defaults, and else by the middle of the range."""
        centre = np.full(1, 0.5)
        middle = {name: item.from_unit(centre)[0] for name, item in self._items.items()}
        declared = {name: item.default for name, item in self._items.items()}
        return self.active(
            {name: middle[name] if value is None else value for name, value in declared.items()}
            | dict(given or {})
        )

    def key(self, config: Configuration) -> tuple[Any, ...]:
        """A hashable form of a configuration: equal keys, equal configurations.

        None stands for a hyperparameter that is not active.
        """
        if self._conditions:
            return tuple(map(config.get, self.names))
        return tuple(map(config.__getitem__, self.names))

    def _holds(self, config: Configuration) -> bool:
        """Whether `config` is a point of this space without conditions."""
        if len(config) != len(self._items):
            return False
        for name, item in self._items.items():
            if name not in config or not item.contains(config[name]):
                return False
        return True

    def validate(self, config: Mapping[str, Any]) -> None:
        """Raise ValueError, naming the culprit, unless `config` is a point of this space."""
        if type(config) is dict and not self._conditions and self._holds(config):
            return  # every trial passes here
        if not isinstance(config, Mapping):
            raise ValueError(f"{config!r} is no configuration: give a mapping of names to values")
        for name in config:
            if name not in self._items:
                nearest = difflib.get_close_matches(str(name), self.names, n=1)
                hint = f"did you mean {nearest[0]}? " if nearest else ""
                raise ValueError(f"unknown hyperparameter {name!r}: {hint}has {self.names}")
        for name, hyperparameter in self._items.items():
            parent, values = self._conditions.get(name, (name, None))
            if values is not None and config.get(parent) not in values:
                if name in config:
                    raise ValueError(
                        f"{name}={config[name]!r} is set, but {name!r} is active only where "
                        f"{parent!r} is one of {values}: leave it out"
                    )
                continue
            if name not in config:
                raise ValueError(f"hyperparameter {name!r} is missing from {dict(config)}")
            if not hyperparameter.contains(config[name]):
                raise ValueError(f"{name}={config[name]!r} lies outside {hyperparameter}")
