"""Where a user says that good values lie.

A prior is stated by one value a hyperparameter and one spread, as in Mallik et al. (2023),
PriorBand: Practical Hyperparameter Optimization in the Age of Deep Learning, NeurIPS. Their code
(NePS) calls a deviation of 0.5, 0.25 and 0.125 of the range low, medium and high confidence, and
makes the stated category 2, 4 and 6 times as likely as another one; here medium is the default.
Other searchers multiply their acquisition by such a prior: Hvarfner et al. (2022), piBO: Augmenting
Acquisition Functions with User Beliefs for Bayesian Optimization, ICLR.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from hpobench.arrays import FloatArray
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.space.space import Space

DEFAULT = "default"


class Prior:
    """A distribution over the unit cube, independent by hyperparameter.

    `centres`: the stated values by name, or the word `default`: all defaults that the space
    declares. What is not named is uniform, as in random search.
    Numbers: a normal distribution about the centre, truncated to [0, 1], of deviation `spread` in
    units of the range on its scale; values of integers and ordinals have the mass of their cell.
    Categories: the stated one is `category_weight` times as likely as each of the others.

    Raises ValueError for unknown names, and for values outside the space.
    """

    def __init__(
        self,
        space: Space | UnitSpace,
        centres: Mapping[str, Any] | str,
        spread: float = 0.25,
        category_weight: float = 4.0,
    ) -> None:
        self._unit = space if isinstance(space, UnitSpace) else UnitSpace(space)
        if not 0 < spread < np.inf:
            raise ValueError(
                f"prior_spread={spread} must be positive: a part of a hyperparameter's range, such "
                "as 0.25; leave the prior out (prior: null) where nothing is known"
            )
        if not 1 <= category_weight < np.inf:
            raise ValueError(
                f"category_weight={category_weight} must be at least 1: how many times as likely "
                "as another category the stated one is"
            )
        self._spread = float(spread)
        positions = _positions(self._unit.space, centres)
        self._continuous: dict[int, float] = {}
        self._discrete: dict[int, FloatArray] = {}
        for column, centre in positions.items():
            edges = self._unit.edges[column]
            if edges is None:
                self._continuous[column] = centre
            elif self._unit.categories[column]:
                weights = np.ones(len(edges) + 1)
                weights[edges.searchsorted(centre)] = category_weight
                self._discrete[column] = weights / weights.sum()
            else:
                cumulative = _cumulative(np.concatenate([[0.0], edges, [1.0]]), centre, spread)
                self._discrete[column] = np.diff(cumulative)

    @property
    def flat(self) -> bool:
        """Whether nothing is stated: the prior is uniform."""
        return not (self._continuous or self._discrete)

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Rows (count, d) of random configurations."""
        return self._unit.snap(self.positions(count, rng))

    def positions(self, count: int, rng: np.random.Generator) -> FloatArray:
        """The same as points of the unit cube, in which everything is active."""
        unit = rng.random((count, len(self._unit)))
        for column, centre in self._continuous.items():
            low, high = ndtr(-centre / self._spread), ndtr((1 - centre) / self._spread)
            normal = ndtri(low + unit[:, column] * (high - low))
            unit[:, column] = np.clip(centre + self._spread * normal, 0.0, 1.0)
        for column, masses in self._discrete.items():
            cumulative = np.concatenate([[0.0], np.cumsum(masses)])
            unit[:, column] = np.interp(unit[:, column], cumulative, self._cells(column))
        return unit

    def log_density(self, rows: FloatArray) -> FloatArray:
        """Log density (n,) of rows (n, d) over that of random search, for which it is 0."""
        density: FloatArray = self.log_marginals(rows).sum(axis=1)
        return density

    def log_marginals(self, rows: FloatArray) -> FloatArray:
        """The same (n, d) of each hyperparameter by itself; 0 where it is not active."""
        logs = np.zeros(rows.shape)
        for column, centre in self._continuous.items():
            spread = self._spread
            truncated = ndtr((1 - centre) / spread) - ndtr(-centre / spread)
            constant = np.log(spread * np.sqrt(2 * np.pi) * truncated)
            logs[:, column] = -0.5 * ((rows[:, column] - centre) / spread) ** 2 - constant
        for column, masses in self._discrete.items():
            cells = self._cells(column)
            # A spread so narrow that a cell's mass underflows still leaves the cell a chance.
            table = np.log(np.maximum(masses, np.finfo(float).tiny) / np.diff(cells))
            values = np.nan_to_num(rows[:, column], nan=0.5)
            logs[:, column] = table[cells[1:-1].searchsorted(values, side="right")]
        logs[np.isnan(rows)] = 0.0
        return logs

    def _cells(self, column: int) -> FloatArray:
        """All edges between the cells of a discrete hyperparameter, from 0 to 1."""
        return np.concatenate([[0.0], self._unit.edges[column], [1.0]])


def _positions(space: Space, centres: Mapping[str, Any] | str) -> dict[int, float]:
    """Positions in [0, 1] of the stated values, by column."""
    if isinstance(centres, str):
        if centres != DEFAULT:
            raise ValueError(
                f"prior={centres!r}: state values by name, such as {{learning_rate: 0.01}}, or the "
                f"word {DEFAULT!r} for the defaults that the space declares"
            )
        declared = {name: item.default for name, item in space.items()}
        centres = {name: value for name, value in declared.items() if value is not None}
    if not isinstance(centres, Mapping):
        raise ValueError(f"prior={centres!r} is no mapping from hyperparameters to values")
    for name, value in centres.items():
        if name not in space:
            raise ValueError(f"prior: unknown hyperparameter {name!r}: there are {space.names}")
        if not space[name].contains(value):
            raise ValueError(f"prior: {name}={value!r} lies outside {space[name]}")
    return {space.names.index(name): space[name].position(centres[name]) for name in centres}


def _cumulative(positions: FloatArray, centre: float, spread: float) -> FloatArray:
    """The distribution function of the truncated normal distribution."""
    low, high = ndtr(-centre / spread), ndtr((1 - centre) / spread)
    cumulative: FloatArray = (ndtr((positions - centre) / spread) - low) / (high - low)
    return cumulative
