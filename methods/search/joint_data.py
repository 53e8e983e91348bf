"""Training data of a Gaussian process over configuration and resource: values at all resources.

Klein et al. (2020), Model-based Asynchronous Hyperparameter and Neural Architecture Search.

Notation: n observations, m candidates, p jobs, f features, d hyperparameters.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.models.value_transform import LARGEST
from hpobench.methods.search.history import History, Observed
from hpobench.methods.search.training_data import Encoder, Training, check_most, gathered, thinned
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.records import Evaluation, Job

# Trials that a slope of 1 counts for.
_PRIOR_PAIRS = 3


class JointData:
    """The observations at all resources; the last feature is the logarithm of the resource.

    It runs from 0 at the smallest to 1 at the highest resource seen. r_acq is the highest resource
    with d + 1 values (BOHB's rule, as in the paper). Of more than `most` observations the model
    goes on with those at the highest resources, 40 % of `most`, and the latest 40 %. With `span`,
    the last feature is 0 and 1 at these two resources, whatever was seen.
    """

    def __init__(
        self,
        unit: UnitSpace,
        minimum: int,  # noqa: ARG002  (of `LevelData`)
        most: int,
        span: tuple[float, float] = (math.inf, 0.0),
    ) -> None:
        check_most(most)
        self._encoder = Encoder(unit)
        self.features = [*self._encoder.groups, len(unit)]
        self._most = most
        self._history = History(unit)
        self._observed: list[Observed] = []
        self._rows: list[FloatArray] = []
        self._resources: list[float] = []
        self._kept: list[int] = []
        self._asked = 1.0  # r_acq
        self._lowest, self._highest = span

    def add(self, job: Job, evaluation: Evaluation) -> None:
        self._kept.append(len(self._observed))
        self._observed.append(self._history.add(job, evaluation))
        self._rows.append(self._history.row(job))
        self._resources.append(job.to_resource)
        self._lowest = min(self._lowest, job.to_resource)
        self._highest = max(self._highest, job.to_resource)

    def training(self) -> Training:
        self._kept = thinned(self._kept, lambda index: -self._resources[index], self._most)
        rows = np.array([self._rows[index] for index in self._kept])
        rows = rows.reshape(-1, len(self._encoder.unit))
        resources = np.array([self._resources[index] for index in self._kept])
        observed = [self._observed[index] for index in self._kept]
        self._asked = self._history.level(len(self._encoder.unit) + 1)[0]
        found = gathered(observed, rows, self.at(rows, resources))
        return found._replace(
            values=self._on_top_scale(found.values, resources), asked=self.encode(rows), trials=()
        )

    def _on_top_scale(self, values: FloatArray, resources: FloatArray) -> FloatArray:
        """Values (n,) brought from rung to rung to the scale of the highest.

        Each step is the linear regression of the higher value on the lower over the trials that
        have both: that selects on the regressor, which leaves a regression unbiased, and noise
        flattens it. A slope of 1 weighs as much as `_PRIOR_PAIRS` trials. Where ranks reverse, the
        lower rung says nothing (a slope of 0): what failed or diverged there must not become good.
        """
        values = values.copy()
        finite = np.isfinite(values)
        levels = sorted(self._history.levels)
        for low, high in itertools.pairwise(levels):
            pairs = self._pairs(low, high)
            if len(pairs):
                middle = pairs.mean(axis=0)
                below, above = (pairs - middle).T
                spread = float(below @ below)
                slope = float(below @ above) / spread if spread > 0 else 1.0
                slope = (len(pairs) * slope + _PRIOR_PAIRS) / (len(pairs) + _PRIOR_PAIRS)
                mine = finite & (resources <= low)
                values[mine] = middle[1] + max(slope, 0.0) * (values[mine] - middle[0])
        return values

    def _pairs(self, low: float, high: float) -> FloatArray:
        """Values (k, 2) of the trials that have one at both rungs."""
        before = {one.trial: one.value for one in self._history.levels[low].observed}
        after = self._history.levels[high].observed
        found = [(before.get(one.trial, math.inf), one.value) for one in after]
        pairs = np.clip(np.array(found).reshape(-1, 2), -LARGEST, np.inf)
        usable: FloatArray = pairs[(pairs <= LARGEST).all(axis=1)]
        return usable

    def encode(self, rows: FloatArray) -> FloatArray:
        return self.at(rows, np.full(len(rows), self._asked))

    def encode_jobs(self, jobs: Sequence[Job]) -> FloatArray:
        rows = self._encoder.unit.rows([job.config for job in jobs])
        return self.at(rows, np.array([job.to_resource for job in jobs]))

    def at(self, rows: FloatArray, resources: FloatArray) -> FloatArray:
        """Features (n, f) of rows (n, d) at resources (n,)."""
        width = math.log(self._highest / self._lowest) if self._lowest < self._highest else 1.0
        scaled = 1 + np.log(resources / max(self._highest, 1e-9)) / width
        return np.column_stack([self._encoder(rows), scaled])
