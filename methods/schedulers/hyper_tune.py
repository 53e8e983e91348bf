"""The resource allocation of Hyper-Tune: brackets by learned precision, promotions delayed.

Li, Y. et al. (2022), Hyper-Tune: Towards Efficient Hyper-parameter Tuning at Scale, VLDB 15(6):
bracket selection (Section 4.1) and D-ASHA (Section 4.2, Algorithm 1). What the paper leaves open is
as in the authors' code, and in Syne Tune. The paper's third part, a multi-fidelity searcher, is
whatever searcher this scheduler is paired with.
"""

import math

import numpy as np

from hpobench.contracts import Step
from hpobench.methods.models.gp.kernels import Matern52
from hpobench.methods.models.precision import Precision, bracket_weights
from hpobench.methods.schedulers.rungs import Rung, Turns, bracket_sizes, exact_eta, rung_levels
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Space


class HyperTune:
    """ASHA on one ladder of rungs, with new trials beginning at a rung that is drawn.

    D-ASHA: the best of a rung of n trials is promoted if it is among the best floor(n / eta), and
    if no more than floor(n / eta) were promoted then: ranks that change promote nobody in addition.

    Brackets: in Hyperband's proportions at first; as soon as `minimum` trials have reached `r_max`,
    bracket k is drawn with probability w_k ~ theta_k / r_k, with theta estimated anew whenever
    those grew by the fraction `refit`, from at most `most` trials of each level, the latest.
    """

    multi_fidelity = True

    def __init__(
        self,
        fidelity: Fidelity,
        eta: float,
        space: Space,
        rng: np.random.Generator,
        minimum: int = 6,
        samples: int = 100,
        refit: float = 0.2,
        most: int = 100,
    ) -> None:
        for name, value, least in (
            ("minimum", minimum, 4),
            ("samples", samples, 1),
            ("most", most, 10),
        ):
            if not value >= least or value % 1:
                raise ValueError(f"{name}={value}: a whole number of at least {least}")
        if not refit >= 0:
            raise ValueError(f"refit={refit} must not be negative: a part of the trials at r_max")
        self._ratio = exact_eta(eta)
        self._levels = rung_levels(fidelity, eta)
        self._rungs = {level: Rung(self._ratio) for level in self._levels[:-1]}
        self._counts = dict.fromkeys(self._levels[:-1], 0)
        self._promoted = dict.fromkeys(self._levels[:-1], 0)
        self._turns = Turns(bracket_sizes(len(self._levels), self._ratio))
        self._unit, self._rng = UnitSpace(space), rng
        self._precision = Precision(Matern52(self._unit.feature_columns), samples, rng)
        self._seen: dict[float, list[tuple[Job, float]]] = {level: [] for level in self._levels}
        self._minimum, self._refit, self._most = minimum, refit, most
        self._estimated = 0
        self._started = 0
        self._open = True
        self.theta: list[float] | None = None
        """The last estimate of theta, from the lowest level to the highest."""
        self._weights: list[float] = []

    def next(self) -> Step | None:
        for index in reversed(range(len(self._levels) - 1)):
            level = self._levels[index]
            rung = self._rungs[level]
            # Algorithm 1: |D_k| / (|promoted from k| + 1) >= eta.
            if not rung.settled and self._counts[level] >= self._ratio * (
                self._promoted[level] + 1
            ):
                trial = rung.promote()
                if trial is not None:
                    self._promoted[level] += 1
                    return Step(trial, self._levels[index + 1])
        if not self._open:
            return None
        self._started += 1
        return Step(self._started - 1, self._levels[self._bracket()])

    def _bracket(self) -> int:
        """The rung at which a new trial begins."""
        if len(self._levels) == 1:
            return 0
        full = len(self._seen[self._levels[-1]])
        if full < self._minimum:
            return self._turns.next()
        if full >= (1 + self._refit) * self._estimated and full > self._estimated:
            self._estimated = full
            self._estimate()
        return int(self._rng.choice(len(self._levels), p=self._weights))

    def _estimate(self) -> None:
        data = []
        for level in self._levels:
            latest = self._seen[level][-self._most :]
            rows = self._unit.rows([job.config for job, _ in latest])
            features = self._unit.features(rows.reshape(-1, len(self._unit)))
            data.append((features, np.array([value for _, value in latest])))
        theta = self._precision.estimate(data)
        self.theta = theta.tolist()
        self._weights = bracket_weights(theta, self._levels).tolist()

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        """Keep what the surrogates learn from; failed trials have no value to rank."""
        if math.isfinite(evaluation.value):
            self._seen[job.to_resource].append((job, evaluation.value))

    def report(self, trial: int, resource: float, value: float) -> None:
        if resource in self._rungs:
            self._rungs[resource].add(trial, value)
            self._counts[resource] += 1

    def exhausted(self) -> None:
        self._open = False
