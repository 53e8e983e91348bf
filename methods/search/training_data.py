"""What a Gaussian process is trained on: observations at one level of resource, at most so many.

Notation: n observations, m candidates, f features, d hyperparameters.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.search.history import History, Observed
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.records import Evaluation, Job


class Training(NamedTuple):
    """`n` observations: rows (n, d), features (n, f), values (n,) (infinite: failed), seconds (n,).

    `slacks` by constrained metric (n,), NaN where not measured. `asked` (n, f): the features of the
    same configurations where the acquisition is computed, or None: the same. `trials`: those that
    need no assumption while they are pending.
    """

    rows: FloatArray
    features: FloatArray
    values: FloatArray
    costs_s: FloatArray
    slacks: Mapping[str, FloatArray]
    asked: FloatArray | None
    trials: Collection[int]


class TrainingData(Protocol):
    """Which observations a model sees, and at which resource it is asked."""

    @property
    def features(self) -> Sequence[int]:
        """The lengthscale of each feature (f,)."""

    def add(self, job: Job, evaluation: Evaluation) -> None:
        """Learn from a job that ended."""

    def training(self) -> Training:
        """The observations to train on now; those of last time come first, where possible."""

    def encode(self, rows: FloatArray) -> FloatArray:
        """Features (m, f) of rows (m, d), where the acquisition is computed."""

    def encode_jobs(self, jobs: Sequence[Job]) -> FloatArray:
        """Features (p, f) of the observations that jobs under way will bring."""


class LevelData:
    """The highest resource with at least `minimum`, and 2 (d + 1), values, else that with the most.

    BOHB's rule (see `History.level`), with twice its d + 1 for a model of correlations.

    When there are more than `most` observations there, the model goes on with the best 40 % of
    `most` and the latest 40 %, to which new ones are added.
    """

    def __init__(self, unit: UnitSpace, minimum: int, most: int) -> None:
        check_most(most)
        self._encoder = Encoder(unit)
        self.features = self._encoder.groups
        self._minimum = max(minimum, 2 * len(unit) + 2)
        self._most = most
        self._history = History(unit)
        self._resource = 0.0
        self._kept: list[int] = []
        self._seen = 0

    def add(self, job: Job, evaluation: Evaluation) -> None:
        self._history.add(job, evaluation)

    def training(self) -> Training:
        resource, level = self._history.level(self._minimum)
        observed = level.observed
        if resource != self._resource:
            self._resource, self._kept, self._seen = resource, [], 0
        self._kept.extend(range(self._seen, len(observed)))
        self._seen = len(observed)
        self._kept = thinned(self._kept, lambda index: observed[index].value, self._most)
        chosen = [observed[index] for index in self._kept]
        rows = level.rows[np.array(self._kept, dtype=np.int64)]
        return gathered(chosen, rows, self.encode(rows))

    def encode(self, rows: FloatArray) -> FloatArray:
        return self._encoder(rows)

    def encode_jobs(self, jobs: Sequence[Job]) -> FloatArray:
        return self.encode(self._encoder.unit.rows([job.config for job in jobs]))


class Encoder:
    """Features in which two categories lie at distance 1, as do the ends of a numeric range."""

    def __init__(self, unit: UnitSpace) -> None:
        self.unit = unit
        self.groups: list[int] = list(unit.feature_columns)
        self._scale = np.where(unit.categories[self.groups] > 0, np.sqrt(0.5), 1.0)

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Features (n, f) of rows (n, d)."""
        return self.unit.features(rows) * self._scale


def check_most(most: int) -> None:
    """Raise ValueError unless a model may be trained on so many observations."""
    if not most >= 20:
        raise ValueError(f"most={most}: a model needs to see at least 20 observations")


def gathered(observed: Sequence[Observed], rows: FloatArray, features: FloatArray) -> Training:
    """Observations as arrays."""
    names = {name for one in observed for name in one.slacks}
    return Training(
        rows,
        features,
        np.array([one.value for one in observed]),
        np.array([one.cost_s for one in observed]),
        {
            name: np.array([one.slacks.get(name, np.nan) for one in observed])
            for name in sorted(names)
        },
        None,
        {one.trial for one in observed},
    )


def thinned(kept: list[int], rank: Callable[[int], float], most: int) -> list[int]:
    """`kept`, or, of more than `most`, the 40 % of `most` of lowest rank and the latest 40 %."""
    if len(kept) <= most:
        return kept
    share = 2 * most // 5
    best = sorted(kept[:-share], key=rank)[:share]
    return sorted(best) + kept[-share:]
