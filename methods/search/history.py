"""What a searcher was told, by resource: the one store from which all models are fitted.

Notation: n observations at one resource, d hyperparameters, c constrained metrics, p pending
configurations.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration

LIARS: Mapping[str, Callable[[FloatArray], float]] = {
    "worst": np.max,
    "mean": np.mean,
    "best": np.min,
}


class Observed(NamedTuple):
    """A configuration trained to one resource.

    `value` is infinite if it failed; `cost_s` all the seconds that training it up to here took;
    `slacks` c(x) by constrained metric, the last ones measured.
    """

    trial: int
    config: Configuration
    value: float
    cost_s: float
    slacks: Mapping[str, float]

    @property
    def feasible(self) -> bool:
        """Whether it kept all constraints."""
        return all(slack >= 0 for slack in self.slacks.values())


class Observations(NamedTuple):
    """Rows (n, d), values (n,) (infinite: failed) and slacks (n, c) of one resource.

    A slack that is not known is minus infinity for a failed trial, NaN for a pending one.
    """

    rows: FloatArray
    values: FloatArray
    slacks: FloatArray

    def with_pending(self, rows: FloatArray, liar: str) -> "Observations":
        """With pending rows (p, d), whose value is what the liar makes of those that are finite.

        Of slacks nothing is assumed.
        """
        if not len(rows):
            return self
        lie = believed(self.values[np.isfinite(self.values)], liar)
        return Observations(
            np.concatenate([self.rows, rows]),
            np.append(self.values, np.full(len(rows), lie)),
            np.concatenate([self.slacks, np.full((len(rows), self.slacks.shape[1]), np.nan)]),
        )


class Level:
    """The observations at one resource, in order; `finite` of them have a value."""

    def __init__(self, width: int) -> None:
        self.observed: list[Observed] = []
        self.trials: set[int] = set()
        self.finite = 0
        self._constrained: set[str] = set()
        # A row and its value side by side, with room for more: models read views of it.
        self._store = np.empty((64, width + 1))

    def __len__(self) -> int:
        return len(self.observed)

    def add(self, observed: Observed, row: FloatArray) -> None:
        """Keep an observation."""
        count = len(self)
        if count == len(self._store):
            self._store = np.concatenate([self._store, np.empty_like(self._store)])
        self._store[count, :-1] = row
        self._store[count, -1] = observed.value
        self.observed.append(observed)
        self.trials.add(observed.trial)
        self._constrained |= observed.slacks.keys()
        self.finite += math.isfinite(observed.value)

    @property
    def rows(self) -> FloatArray:
        """The rows (n, d), a view."""
        return self._store[: len(self), :-1]

    def observations(self) -> Observations:
        """All as arrays, rows and values as views."""
        names = sorted(self._constrained)
        slacks = np.full((len(self), len(names)), -np.inf)
        for column, name in enumerate(names):
            known = np.array([one.slacks.get(name, -np.inf) for one in self.observed])
            slacks[:, column] = np.nan_to_num(known, nan=-np.inf)
        return Observations(self.rows, self._store[: len(self), -1], slacks)


class History:
    """All observations of a run, at the resource to which each job went."""

    def __init__(self, unit: UnitSpace) -> None:
        self._unit = unit
        self.levels: dict[float, Level] = {}
        self._spent_s: dict[int, float] = {}
        self._rows: dict[int, FloatArray] = {}

    def __len__(self) -> int:
        return sum(map(len, self.levels.values()))

    def add(self, job: Job, evaluation: Evaluation) -> Observed:
        """What came of a job, which is kept."""
        spent_s = self._spent_s.get(job.trial, 0.0) + evaluation.duration_s
        self._spent_s[job.trial] = spent_s
        slacks = {name: float(c[-1]) for name, c in evaluation.constraints.items() if len(c)}
        observed = Observed(job.trial, job.config, evaluation.value, spent_s, slacks)
        if job.to_resource not in self.levels:
            self.levels[job.to_resource] = Level(len(self._unit))
        self.levels[job.to_resource].add(observed, self.row(job))
        return observed

    def row(self, job: Job) -> FloatArray:
        """The row (d,) of a trial, encoded once: all its jobs have the same configuration."""
        if job.trial not in self._rows:
            self._rows[job.trial] = self._unit.rows([job.config])[0]
        return self._rows[job.trial]

    def rows(self, jobs: Iterable[Job]) -> FloatArray:
        """The rows (p, d) of jobs."""
        return np.array([self.row(job) for job in jobs]).reshape(-1, len(self._unit))

    def pending(self, jobs: Mapping[int, Job], level: Level) -> FloatArray:
        """The rows (p, d) of those jobs whose trials were not observed at a level yet."""
        return self.rows(job for trial, job in jobs.items() if trial not in level.trials)

    def level(self, minimum: int) -> tuple[float, Level]:
        """The highest resource with at least `minimum` values, else that with the most, (r, all).

        Falkner et al. (2018), BOHB, section 3.3: a model is worth fitting at the highest resource
        that has enough data. (0, none) if nothing was observed.
        """
        most = 0.0, Level(len(self._unit))
        for resource, level in sorted(self.levels.items(), reverse=True):
            if level.finite >= minimum:
                return resource, level
            if len(level) > len(most[1]):
                most = resource, level
        return most


def check_liar(liar: str) -> None:
    """Raise ValueError unless there is such a liar."""
    if liar not in LIARS:
        raise ValueError(f"liar={liar!r}: pending configurations are one of {', '.join(LIARS)}")


def believed(values: FloatArray, liar: str) -> float:
    """The value that a pending configuration is taken to have: the constant liar.

    Ginsbourger, Le Riche and Carraro (2010), Kriging is well-suited to parallelize optimization,
    section 4.2.
    """
    return float(LIARS[liar](values))
