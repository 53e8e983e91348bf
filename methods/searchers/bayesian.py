"""Bayesian optimisation with Gaussian processes: sequential, parallel, constrained, cost-aware.

Snoek et al. (2012), Practical Bayesian Optimization of Machine Learning Algorithms, with the
acquisition of Ament et al. (2023), Unexpected Improvements to Expected Improvement, the constraints
of Gardner et al. (2014), the cost of Snoek et al. (2012), section 3.2, and Lee et al. (2020), the
user's prior of Hvarfner et al. (2022).

Notation: n observations, m candidates, s fantasies, d hyperparameters, f features.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.methods.models.gp.gaussian_process import Posterior
from hpobench.methods.models.gp.kernels import Matern52
from hpobench.methods.models.value_transform import LARGEST, TRANSFORMS, log_slopes, signed
from hpobench.methods.search.acquisition import (
    IMPROVEMENTS,
    Term,
    cost_exponent,
    expense,
    feasibility,
    improvement,
    prior_weight,
)
from hpobench.methods.search.acquisition_search import AcquisitionSearch, Score
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.prior import Prior
from hpobench.methods.search.surrogate import Liar, Surrogate
from hpobench.methods.search.training_data import LevelData, Training, TrainingData
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration, Space

# Of these the data choose.
CHOICES = ("log", "winsorised")
AUTO = "auto"
# So many standard errors are clear, and the choice is made again when data grew by this fraction.
_CLEARLY = 2.0
_AGAIN = 0.2
COSTS = ("ignored", "per_second", "cooling")
# Assumptions are made on the latest so many jobs under way; those before them are left out.
_MOST_PENDING = 100
# A job under way may be the incumbent where it probably keeps the constraints.
_LIKELY = np.log(0.5)
# The number of the best observed configurations from which the acquisition is searched.
_BEST = 10


class Bayesian:
    """Suggests the configuration of greatest (log) expected improvement.

    The first `initial` configurations are random. `acquisition`: `log_ei`, or `ei` as it is
    computed directly, which is zero wherever nothing promises much. `transform` names how values
    are mapped before they are modelled (`auto`: see `likelier`), `pending` what is assumed of jobs
    under way (see `Liar`).
    Constraints are modelled where evaluations have any. `cost`: `ignored`; `per_second`, EI per
    expected second; `cooling`, the same with an exponent that falls from 1 to 0 until `cooling`
    times the mean cost of the initial configurations is spent. `prior`: values that the user
    believes in (see `Prior`), or the word `default`, or null; its weight is `prior_beta` / n.

    Parameters are fitted anew when data grew by the fraction `refit`, from the priors as well by
    `afresh` (see `Surrogate`); the model sees at most `most` observations (see `LevelData`).
    `repeat`: a finite space may be tried twice (a noisy task).
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        initial: int = 6,
        acquisition: str = "log_ei",
        transform: str = "auto",
        pending: str = "believer",
        fantasies: int = 8,
        cost: str = "ignored",
        cooling: float = 50,
        prior: Mapping[str, Any] | str | None = None,
        prior_spread: float = 0.25,
        prior_beta: float = 10,
        refit: float = 0.2,
        afresh: float = 0.5,
        most: int = 500,
        repeat: bool = False,
        data: Callable[[UnitSpace, int, int], TrainingData] = LevelData,
        search: Callable[[Candidates, np.random.Generator], AcquisitionSearch] = AcquisitionSearch,
    ) -> None:
        _check(initial, acquisition, transform, cost, cooling, prior_beta)
        self._acquisition = acquisition
        self._rng = rng
        self._candidates = Candidates(space, rng, repeat)
        self._search = search(self._candidates, rng)
        self._data = data(self._candidates.unit, initial, most)
        self._initial = initial
        self._transform = transform
        self._map, self._chosen_at = CHOICES[0], 0
        self._liar = Liar(pending, fantasies)
        self._cost = cost
        self._cooling = cooling
        self._prior = None if prior is None else Prior(space, prior, prior_spread)
        self._prior_beta = prior_beta
        self._refit, self._afresh = refit, afresh
        self._surrogates: dict[str, Surrogate] = {}
        self._assumed: dict[str, tuple[Posterior, list[int], Posterior]] = {}
        self._durations_s: list[float] = []

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._candidates.exclude(config)

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        self._data.add(job, evaluation)
        self._durations_s.append(evaluation.duration_s)

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:
        training = self._data.training()
        finite = int(np.isfinite(training.values).sum())
        if len(training.values) + len(pending) < self._initial or finite < min(3, self._initial):
            return self._draw()
        score, order = self._model(training, pending)
        row = self._search.best(score, training.rows[order[:_BEST]])
        return self._candidates.draw() if row is None else self._candidates.choose(row)

    def _draw(self) -> Configuration | None:
        """A random configuration; from the prior, if there is one (piBO, section 4)."""
        if self._prior is None:
            return self._candidates.draw()
        if self._candidates.listed:
            rows = self._candidates.random(1)
            density = self._prior.log_density(rows)
        else:
            rows = self._candidates.untried(self._prior.sample(50, self._rng))
            density = np.zeros(len(rows))
        if not len(rows):
            return self._candidates.draw()
        weights = np.exp(density - density.max())
        return self._candidates.choose(rows[self._rng.choice(len(rows), p=weights / weights.sum())])

    def _model(
        self, training: Training, pending: Mapping[int, Job]
    ) -> tuple[Score, NDArray[np.int64]]:
        """The score of candidate rows, and the order of the observations, best first."""
        finite = training.values[np.isfinite(training.values)]
        known = np.minimum(training.values, finite.max())
        values, posterior = self._scaled(training, np.clip(known, -LARGEST, LARGEST))
        slacks, feasible = self._constraints(training)
        lie = float(values[feasible].min() if feasible.any() else values.min())
        jobs = [job for trial, job in pending.items() if trial not in training.trials]
        jobs = jobs[-_MOST_PENDING:]
        posterior = self._with_pending("value", self._liar, posterior, jobs, lie)
        asked = training.asked
        n = len(values)
        means = posterior.fitted()[:n] if asked is None else posterior.predict(asked)[0]
        order = np.argsort(np.where(feasible, 0, 1e9) + means.mean(axis=1), kind="stable")
        means = means[feasible]
        if jobs:
            features = self._data.encode(self._candidates.unit.rows([job.config for job in jobs]))
            kept = [feasibility(*slack)(features) for slack in slacks.values()]
            likely = sum(kept, np.zeros(len(jobs))) > _LIKELY
            means = np.concatenate([means, posterior.predict(features[likely])[0]])
        terms = []
        if len(means):
            terms.append(improvement(posterior, means.min(axis=0), self._acquisition))
        for name, (of_slack, threshold) in slacks.items():
            # Where nothing is feasible yet, this alone keeps several workers apart.
            assumed = self._with_pending(name, Liar("believer"), of_slack, jobs, lie)
            terms.append(feasibility(assumed, threshold))
        terms += self._expense(training)
        return self._sum(terms, n), order

    def _scaled(self, training: Training, values: FloatArray) -> tuple[FloatArray, Posterior]:
        """Values (n,) as they are modelled, and their model."""
        if self._transform != AUTO:
            return self._mapped(self._transform, training, values)
        if len(values) < (1 + _AGAIN) * self._chosen_at:
            return self._mapped(self._map, training, values)
        made = {name: self._mapped(name, training, values) for name in CHOICES}
        self._map = likelier({name: model for name, (_, model) in made.items()}, values)
        self._chosen_at = len(values)
        return made[self._map]

    def _mapped(
        self, name: str, training: Training, values: FloatArray
    ) -> tuple[FloatArray, Posterior]:
        scaled = TRANSFORMS[name](values)
        return scaled, self._surrogate(f"value {name}").update(training.features, scaled)

    def _sum(self, terms: Sequence[Term], n: int) -> Score:
        """The acquisition of rows (m, d): terms in their features, and the weighted prior."""

        def score(rows: FloatArray) -> FloatArray:
            features = self._data.encode(rows)
            total = np.zeros(len(rows))
            for term in terms:
                total += term(features)
            if self._prior is not None:
                weight = prior_weight(self._prior_beta, n)
                total += weight * self._prior.log_density(rows)
            return total

        return score

    def _constraints(
        self, training: Training
    ) -> tuple[dict[str, tuple[Posterior, float]], NDArray[np.bool_]]:
        """Models of the slacks with their thresholds, and which observations (n,) kept all."""
        feasible = np.ones(len(training.values), dtype=bool)
        models = {}
        for name, slacks in training.slacks.items():
            feasible &= slacks >= 0
            known = np.isfinite(slacks)
            if known.sum() >= 2:
                scaled, threshold = signed(slacks[known])
                surrogate = self._surrogate(label := f"constraint {name}")
                posterior = surrogate.update(training.features[known], scaled)
                models[label] = posterior, threshold
        return models, feasible

    def _expense(self, training: Training) -> list[Term]:
        """The term of the cost, if it counts."""
        if self._cost == "ignored":
            return []
        exponent = 1.0
        if self._cost == "cooling":
            initial_s = sum(self._durations_s[: self._initial])
            budget_s = self._cooling * initial_s / self._initial
            exponent = cost_exponent(sum(self._durations_s), initial_s, budget_s)
        logs = np.log(np.maximum(training.costs_s, 1e-9))
        centre, deviation = logs.mean(), logs.std()
        if deviation == 0:
            return []
        posterior = self._surrogate("cost").update(training.features, (logs - centre) / deviation)
        return [expense(posterior, exponent * deviation)]

    def _surrogate(self, name: str) -> Surrogate:
        if name not in self._surrogates:
            kernel = Matern52(self._data.features)
            self._surrogates[name] = Surrogate(kernel, self._refit, afresh=self._afresh)
        return self._surrogates[name]

    def _with_pending(
        self, name: str, liar: Liar, posterior: Posterior, jobs: Sequence[Job], lie: float
    ) -> Posterior:
        """`posterior` with assumptions on jobs under way, kept while nothing new is observed."""
        trials = [job.trial for job in jobs]
        known, assumed = 0, posterior
        if name in self._assumed and self._assumed[name][0] is posterior:
            _, before, extended = self._assumed[name]
            if before == trials[: len(before)]:
                known, assumed = len(before), extended
        if known < len(jobs):
            features = self._data.encode_jobs(jobs[known:])
            assumed = liar.assume(assumed, features, lie, self._rng)
        self._assumed[name] = posterior, trials, assumed
        return assumed


def likelier(models: Mapping[str, Posterior], values: FloatArray) -> str:
    """The first map of values (n,) by name, unless each is clearly likelier under the second.

    Each given all others: densities of mapped values times the derivative of the map are densities
    of the values (Snelson, Rasmussen and Ghahramani 2004, Warped Gaussian Processes, equation 6);
    what a map pulls in does not count. Clearly: the sum of the logarithms of the ratios is more
    than 2 of its standard errors (Vuong 1989, Likelihood ratio tests for model selection, section
    5).
    """
    usual, other = models
    slopes = {name: log_slopes(name, values) for name in models}
    counted = np.isfinite(np.sum(list(slopes.values()), axis=0))
    densities = {
        name: (model.left_out()[: len(values), 0] + slopes[name])[counted]
        for name, model in models.items()
    }
    gains = densities[other] - densities[usual]
    clear = len(gains) and gains.sum() > _CLEARLY * math.sqrt(len(gains)) * gains.std()
    return other if clear else usual


def _check(
    initial: int, acquisition: str, transform: str, cost: str, cooling: float, prior_beta: float
) -> None:
    """Raise ValueError for settings that make no sense."""
    if acquisition not in IMPROVEMENTS:
        raise ValueError(f"acquisition={acquisition!r}: use one of {', '.join(IMPROVEMENTS)}")
    if not initial >= 2:
        raise ValueError(f"initial={initial}: a model needs at least 2 random configurations")
    if transform not in (*TRANSFORMS, AUTO):
        choices = ", ".join((*TRANSFORMS, AUTO))
        raise ValueError(f"transform={transform!r}: use one of {choices}")
    if cost not in COSTS:
        raise ValueError(f"cost={cost!r}: use one of {', '.join(COSTS)}")
    if not cooling > 1:
        raise ValueError(f"cooling={cooling}: state the budget in evaluations, such as 50")
    if not prior_beta >= 0:
        raise ValueError(f"prior_beta={prior_beta} must not be negative: it is the prior's weight")
