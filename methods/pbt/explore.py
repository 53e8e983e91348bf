"""How population-based training changes the configuration of a copy."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hpobench.space.hyperparameters import Categorical, Float, Hyperparameter, Integer
from hpobench.space.space import Configuration, Space


class Explorer:
    """Jaderberg et al. (2017), Section 4.1: perturb or resample each hyperparameter.

    With probability `resample` it is drawn anew; else a number is multiplied by one of `factors`
    and kept in its range (an integer moves by 1 at least), an ordinal goes to a neighbour, and a
    category stays. What becomes active is drawn at random. In a space with gaps: the nearest point.

    `mutable`: names of those that may change; None: all. `frozen`: names of those that may not, as
    far as the space has them. The architecture of a network must not change, nor the kind of its
    optimizer: a checkpoint would not fit.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        factors: Sequence[float] = (0.8, 1.2),
        resample: float = 0.25,
        mutable: Sequence[str] | None = None,
        frozen: Sequence[str] = (),
    ) -> None:
        if not factors or not all(factor > 0 for factor in factors):
            raise ValueError(f"factors={list(factors)}: positive numbers; 0.8 and 1.2 in the paper")
        if not 0 <= resample <= 1:
            raise ValueError(f"resample={resample}: a probability")
        for name in mutable or ():
            if name not in space:
                raise ValueError(f"mutable: {name!r} is no hyperparameter: has {space.names}")
        names = space.names if mutable is None else mutable
        self.mutable = tuple(name for name in names if name not in frozen)
        self._space, self._rng = space, rng
        self._factors, self._resample = tuple(factors), resample

    def __call__(self, config: Configuration) -> Configuration:
        """A changed copy of `config`."""
        active = [name for name in self.mutable if name in config]
        changed = {name: self._changed(self._space[name], config[name]) for name in active}
        copy = self._space.completed(config | changed, self._rng)
        return self._space.nearest(copy, without=[] if copy == config else [config])

    def _changed(self, item: Hyperparameter, value: Any) -> Any:
        if self._rng.random() < self._resample:
            return item.from_unit(self._rng.random(1))[0]
        choice = int(self._rng.integers(len(self._factors)))
        factor = self._factors[choice]
        if isinstance(item, Float):
            return float(np.clip(value * factor, item.low, item.high))
        if isinstance(item, Integer):
            step = 1 if factor > 1 else -1
            moved = round(value * factor)
            moved = moved if moved != value else value + step
            return min(max(moved, int(item.low)), int(item.high))
        levels = item.levels
        if isinstance(item, Categorical) or levels is None:
            return value
        neighbour = levels.index(value) + (1 if factor > 1 else -1)
        return levels[min(max(neighbour, 0), len(levels) - 1)]
