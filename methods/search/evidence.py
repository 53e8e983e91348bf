"""What a forest is fitted to: the configurations observed, their values, and those pending."""

import math
from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.methods.models.value_transform import LARGEST
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.constraints import violation
from hpobench.methods.search.history import History, Observed
from hpobench.records import Evaluation, Job

# Only so many of the latest pending configurations are lied about.
_MOST_PENDING = 1000


class Known(NamedTuple):
    """Rows (n, d), their values (n,), all finite, and rows (p, d) that are pending."""

    rows: FloatArray
    values: FloatArray
    pending: FloatArray


class Evidence:
    """Collects observations; `known` gives those that a model is fitted to.

    They are those at the highest resource with at least `initial` values (`History.level`), or,
    with `latest`, the last value of each trial, whatever its resource. A failure counts as the
    worst value; a configuration that breaks constraints as worse than the worst, the more so the
    more it breaks them (Deb 2000).
    """

    def __init__(self, candidates: Candidates, initial: int, latest: bool = False) -> None:
        if not initial >= 2 or initial % 1:
            raise ValueError(f"initial={initial}: a whole number of configurations, at least 2")
        self._unit = candidates.unit
        # What is not active is a category of its own.
        counts = self._unit.categories
        self.categories: NDArray[np.int64] = np.where(counts > 0, counts + 1, 0)
        self._categorical = np.flatnonzero(counts)
        self._initial, self._latest = initial, latest
        self._history = History(self._unit)
        self._last: dict[int, tuple[Job, Observed]] = {}

    def add(self, job: Job, evaluation: Evaluation) -> None:
        """Keep what came of a job."""
        self._last[job.trial] = job, self._history.add(job, evaluation)

    def known(self, pending: Mapping[int, Job]) -> Known | None:
        """All that a model needs; None: there are fewer than `initial` values."""
        if self._latest:
            observed = [one for _, one in self._last.values()]
            rows = self._history.rows(job for job, _ in self._last.values())
        else:
            _, level = self._history.level(self._initial)
            observed, rows = level.observed, level.rows
        if sum(math.isfinite(one.value) for one in observed) < self._initial:
            return None
        seen = {one.trial for one in observed}
        late = islice(reversed(list(pending.values())), _MOST_PENDING)
        waiting = self._history.rows(job for job in late if job.trial not in seen)
        return Known(rows, _finite(observed), waiting)

    def points(self, rows: FloatArray) -> FloatArray:
        """(n, d) as forests split them: numbers, and the index of a category.

        A number that is not active is -1, below all others.
        """
        points = np.fmax(rows, -1.0)
        if len(self._categorical):
            counts = self._unit.categories[self._categorical]
            values = points[:, self._categorical]
            points[:, self._categorical] = np.where(values < 0, counts, np.floor(values * counts))
        return points


def _finite(observed: list[Observed]) -> FloatArray:
    """Values (n,), where failures and broken constraints are the worst."""
    values: FloatArray = np.array([one.value for one in observed])
    failed = ~np.isfinite(values)
    np.clip(values, -LARGEST, LARGEST, out=values)
    values[failed] = values[~failed].max()
    broken = np.array([violation(one.slacks) if one.slacks else 0.0 for one in observed])
    if broken.any():
        worst, span = values.max(), np.ptp(values) or 1.0
        largest = broken[np.isfinite(broken)].max(initial=0.0) or 1.0
        values[broken > 0] = worst + span * np.minimum(broken[broken > 0] / largest, 1.0)
        values[failed] = values.max()
    return values
