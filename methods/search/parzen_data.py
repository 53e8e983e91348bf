"""What density estimates are made of: observed and pending configurations as arrays.

Notation: n observations, d hyperparameters, c constrained metrics, p pending configurations.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.records import Evaluation, Job

LIARS: Mapping[str, Callable[[FloatArray], float]] = {
    "worst": np.max,
    "mean": np.mean,
    "best": np.min,
}


class Observations(NamedTuple):
    """Rows (n, d), values (n,) (infinite: failed) and slacks (n, c) of one resource.

    A slack that is not known is minus infinity for a failed trial, NaN for a pending one.
    """

    rows: FloatArray
    values: FloatArray
    slacks: FloatArray

    def with_pending(self, rows: FloatArray, liar: str) -> "Observations":
        """With pending rows (p, d), whose value is the worst, mean or best one that is finite.

        The constant liar of Ginsbourger, Le Riche and Carraro (2010), Kriging is well-suited to
        parallelize optimization. Of slacks nothing is assumed.
        """
        if not len(rows):
            return self
        lie = float(LIARS[liar](self.values[np.isfinite(self.values)]))
        return Observations(
            np.concatenate([self.rows, rows]),
            np.append(self.values, np.full(len(rows), lie)),
            np.concatenate([self.slacks, np.full((len(rows), self.slacks.shape[1]), np.nan)]),
        )


class ParzenData:
    """The observations of a run by resource, and the configurations that are pending."""

    def __init__(self, unit: UnitSpace) -> None:
        self._unit = unit
        self._levels: dict[float, _Level] = {}
        self._pending: dict[int, FloatArray] = {}

    def add(self, job: Job, evaluation: Evaluation) -> None:
        """Keep what came of a job."""
        row = self._pending.pop(job.trial, None)
        if row is None:
            row = self._unit.rows([job.config])[0]
        if job.to_resource not in self._levels:
            self._levels[job.to_resource] = _Level(len(row))
        slacks = {name: float(c[-1]) for name, c in evaluation.constraints.items() if len(c)}
        self._levels[job.to_resource].add(job.trial, row, evaluation.value, slacks)

    def level(self, minimum: int) -> tuple[float, Observations | None]:
        """The highest resource with at least `minimum` finite values, and its observations.

        Otherwise the resource with the most, as in `History.level`; but None if it has fewer than
        `minimum` observations, or all of them failed.
        """
        if not self._levels:
            return 0.0, None
        ranked = sorted(self._levels.items(), reverse=True)
        enough = [pair for pair in ranked if pair[1].finite >= minimum]
        resource, level = enough[0] if enough else max(ranked, key=lambda pair: len(pair[1].trials))
        usable = level.finite and len(level.trials) >= minimum
        return resource, level.observations() if usable else None

    def pending(self, jobs: Mapping[int, Job], resource: float) -> FloatArray:
        """Rows (p, d) of the jobs whose trials were not observed at the resource yet."""
        for trial in jobs.keys() - self._pending.keys():
            self._pending[trial] = self._unit.rows([jobs[trial].config])[0]
        known = self._levels[resource].trials
        rows = [self._pending[trial] for trial in jobs if trial not in known]
        return np.array(rows).reshape(-1, len(self._unit))


class _Level:
    """What was observed at one resource; rows with their values are stored side by side."""

    def __init__(self, width: int) -> None:
        self._store = np.empty((64, width + 1))
        self._slacks: list[Mapping[str, float]] = []
        self._names: set[str] = set()
        self.trials: set[int] = set()
        self.finite = 0

    def add(self, trial: int, row: FloatArray, value: float, slacks: Mapping[str, float]) -> None:
        """Keep an observation."""
        count = len(self._slacks)
        if count == len(self._store):
            self._store = np.concatenate([self._store, np.empty_like(self._store)])
        self._store[count, :-1] = row
        self._store[count, -1] = value
        self._slacks.append(slacks)
        self._names |= slacks.keys()
        self.trials.add(trial)
        self.finite += math.isfinite(value)

    def observations(self) -> Observations:
        """All that was kept, in order."""
        count, names = len(self._slacks), sorted(self._names)
        slacks = np.full((count, len(names)), -np.inf)
        for column, name in enumerate(names):
            known = np.array([one.get(name, -np.inf) for one in self._slacks])
            slacks[:, column] = np.nan_to_num(known, nan=-np.inf)
        return Observations(self._store[:count, :-1], self._store[:count, -1], slacks)
