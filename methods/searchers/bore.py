"""BORE: Bayesian optimisation by density-ratio estimation, with a random forest.

Tiao, Klein, Seeger, Bonilla, Archambeau and Ramos (2021), BORE: Bayesian Optimization by
Density-Ratio Estimation, ICML, Algorithm 1 (variant BORE-RF).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.forest.growth import Growth
from hpobench.forest.kept import KeptForest
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.evidence import Evidence
from hpobench.methods.search.one_exchange import OneExchange
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration, Space

# So many of the most probable configurations at once are compared with what was tried.
_CHECKED = 64


class BORE:
    """Suggests what a classifier takes for one of the best `gamma` of all configurations.

    Its probability of that is, up to a monotone map, the gamma-relative density ratio that expected
    improvement is proportional to (equations 4, 6 and 9). `initial` random configurations come
    first, later ones are random with probability `random_share`. `trees`, `leaf`,
    `split_columns`: see `Growth`; `refit`: see `KeptForest`; `candidates`, `starts`, `neighbours`,
    `rounds`, `step`: see `OneExchange`. `repeat`: configurations of a finite space
    may be tried again. What is pending counts as not among the best.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        initial: int = 10,
        random_share: float = 0.1,
        gamma: float = 0.15,
        trees: int = 30,
        leaf: int = 1,
        split_columns: float = 0.5,
        candidates: int = 500,
        starts: int = 5,
        neighbours: int = 40,
        rounds: int = 4,
        step: float = 0.2,
        repeat: bool = False,
        refit: float = 0.0,
    ) -> None:
        if not 0 <= random_share < 1:
            raise ValueError(f"random_share={random_share}: a probability in [0, 1)")
        if not 0 < gamma < 1:
            raise ValueError(f"gamma={gamma}: the part that counts as best must be in (0, 1)")
        self._rng, self._random_share, self._gamma = rng, random_share, gamma
        self._search = OneExchange(candidates, starts, neighbours, rounds, step)
        self._candidates = Candidates(space, rng, repeat)
        self._fine = bool((self._candidates.unit.levels == 0).any())
        self._evidence = Evidence(self._candidates, initial)
        growth = Growth(trees, leaf, split_columns)
        self._forest = KeptForest(self._evidence.categories, growth, refit, rng)

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:
        known = self._evidence.known(pending)
        if known is None or self._rng.random() < self._random_share:
            return self._candidates.draw()
        points = self._evidence.points(np.concatenate([known.rows, known.pending]))
        labels = among_best(known.values, self._gamma)
        labels = np.concatenate([labels, np.zeros(len(known.pending))])
        forest = self._forest.updated(points, labels)
        tried = np.concatenate([known.rows, known.pending])

        def acquisition(rows: FloatArray) -> FloatArray:
            found = forest.mean(self._evidence.points(rows))
            return self._apart(rows, found, tried)

        best = known.rows[np.argsort(known.values, kind="stable")]
        row = self._search.maximise(acquisition, self._candidates, best, self._rng)
        return self._candidates.draw() if row is None else self._candidates.choose(row)

    def _apart(self, rows: FloatArray, found: FloatArray, tried: FloatArray) -> FloatArray:
        """Probabilities `found` (m,) of rows; the highest is of none beside what was tried.

        The forest is surest right there, where nothing is left to learn. What is beside one of n
        differs by so little in each hyperparameter that n such squares are a quarter of a plane:
        as if only two mattered (few do: Bergstra and Bengio 2012). Where all hyperparameters are
        discrete no rule is needed.
        """
        if not self._fine:
            return found
        radius = 0.5 * (4 * len(tried)) ** (-1 / min(rows.shape[1], 2))
        order = np.argsort(-found, kind="stable")
        for first in range(0, len(order), _CHECKED):
            part = order[first : first + _CHECKED]
            near = beside(rows[part], tried, radius)
            found[part[near]] = -1.0
            if not near.all():
                break
        return found

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        self._evidence.add(job, evaluation)

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._candidates.exclude(config)


def beside(rows: FloatArray, others: FloatArray, radius: float) -> NDArray[np.bool_]:
    """(m,): which rows differ from one of the others (n, d) by at most `radius` in every column."""
    rows, others = (np.where(np.isnan(each), -1.0, each) for each in (rows, others))
    gaps = np.zeros((len(rows), len(others)))
    for column in range(rows.shape[1]):
        np.maximum(gaps, np.abs(rows[:, column, None] - others[:, column]), out=gaps)
    near: NDArray[np.bool_] = np.any(gaps <= radius, axis=1)
    return near


def among_best(values: FloatArray, gamma: float) -> FloatArray:
    """Labels (n,): 1 up to the gamma-quantile, else 0; Tiao et al. (2021), Algorithm 1.

    Of equal values the first ones are, so that on a plateau, too, the density of the best is over
    that of the others, which grows where it is searched. The worst value never is, unless it is
    the only one: as when most trials fail.
    """
    if not values.max() > values.min():
        return np.ones(len(values))
    count = int(gamma * (len(values) - 1)) + 1
    best = np.zeros(len(values))
    best[np.argsort(values, kind="stable")[:count]] = 1.0
    best[values == values.max()] = 0.0
    return best
