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

LIARS = ("mean", "best", "worst")

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
        self._initial, self._latest = initial, latest
        self._history = History()
        self._rows: dict[int, FloatArray] = {}
        self._last: dict[int, Observed] = {}

    def add(self, job: Job, evaluation: Evaluation) -> None:
        """Keep what came of a job."""
        self._last[job.trial] = self._history.add(job, evaluation)
        if job.trial not in self._rows:
            self._rows[job.trial] = self._unit.rows([job.config])[0]

    def known(self, pending: Mapping[int, Job]) -> Known | None:
        """All that a model needs; None: there are fewer than `initial` values."""
        observed = list(self._last.values())
        if not self._latest:
            _, observed = self._history.level(self._initial)
        finite = sum(math.isfinite(one.value) for one in observed)
        if finite < self._initial:
            return None
        rows = np.array([self._rows[one.trial] for one in observed])
        seen = {one.trial for one in observed}
        late = islice(reversed(list(pending.values())), _MOST_PENDING)
        waiting = [job.config for job in late if job.trial not in seen]
        unknown = self._unit.rows(waiting) if waiting else rows[:0]
        return Known(rows, _finite(observed), unknown)

    def points(self, rows: FloatArray) -> FloatArray:
        """(n, d) as forests split them: numbers, and the index of a category.

        A number that is not active is -1, below all others.
        """
        points = np.nan_to_num(rows, nan=-1.0)
        for column in np.flatnonzero(self.categories).tolist():
            count, values = self._unit.categories[column], points[:, column]
            points[:, column] = np.where(values < 0, count, np.floor(values * count))
        return points


def lies(values: FloatArray, liar: str) -> float:
    """What is believed of a pending configuration: the constant liar.

    Ginsbourger, Le Riche and Carraro (2010), Kriging is well-suited to parallelize optimization,
    section 4.2.
    """
    return float({"mean": values.mean(), "best": values.min(), "worst": values.max()}[liar])


def check_liar(liar: str) -> None:
    """Raise ValueError unless there is such a liar."""
    if liar not in LIARS:
        raise ValueError(f"liar={liar!r}: pending configurations are one of {', '.join(LIARS)}")


def _finite(observed: list[Observed]) -> FloatArray:
    """Values (n,), where failures and broken constraints are the worst."""
    values: FloatArray = np.array([one.value for one in observed])
    failed = ~np.isfinite(values)
    np.clip(values, -LARGEST, LARGEST, out=values)
    values[failed] = values[~failed].max()
    broken = np.array([violation(one.slacks) for one in observed])
    if broken.any():
        worst, span = values.max(), np.ptp(values) or 1.0
        largest = broken[np.isfinite(broken)].max(initial=0.0) or 1.0
        values[broken > 0] = worst + span * np.minimum(broken[broken > 0] / largest, 1.0)
        values[failed] = values.max()
    return values
