"""How well cheap evaluations rank what expensive ones rank: the theta of Hyper-Tune.

Li, Y. et al. (2022), Hyper-Tune: Towards Efficient Hyper-parameter Tuning at Scale, VLDB 15(6),
Section 4.1: one surrogate M_k a resource level k = 1, ..., K; theta_k is the probability that M_k
ranks the measurements at level K best of all.

Notation
--------
n         observations of a level
m         observations of the highest level K
s         samples of the surrogates
f         features of a configuration
"""

from collections.abc import Sequence

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.models.gp.gaussian_process import Posterior, fit
from hpobench.methods.models.gp.kernels import Kernel

_FOLDS = 5
_STEPS = 15

Level = tuple[FloatArray, FloatArray]
"""Features (n, f) and values (n,) of a level."""


def ranking_losses(samples: FloatArray, values: FloatArray) -> FloatArray:
    """Pairs (s,) that samples (m, s) rank otherwise than values (m,), as a part of all pairs."""
    first, second = np.triu_indices(len(values), k=1)
    ranked = (values[first] < values[second])[:, None]
    losses: FloatArray = ((samples[first] < samples[second]) != ranked).mean(axis=0)
    return losses


def precisions(losses: Sequence[FloatArray]) -> FloatArray:
    """Theta (K,): how often each of the losses (s,) is the least. Ties count for all."""
    stacked = np.array(losses)
    least = (stacked == stacked.min(axis=0)).sum(axis=1)
    theta: FloatArray = least / least.sum()
    return theta


def bracket_weights(theta: FloatArray, resources: Sequence[float]) -> FloatArray:
    """The weights w (K,): theta over the cost of a measurement, normalised."""
    weights = theta / np.array(resources, dtype=float)
    normalised: FloatArray = weights / weights.sum()
    return normalised


class Precision:
    """Estimates theta from the observations of all levels.

    The surrogates are Gaussian processes on ranks of the values. M_k, k < K, is sampled at the
    configurations of level K; M_K is judged by cross-validation in five folds, or as many as have
    two points each. Their parameters are fitted from where the last estimate left them.
    """

    def __init__(self, kernel: Kernel, samples: int, rng: np.random.Generator) -> None:
        self._kernel, self._samples, self._rng = kernel, samples, rng
        self._theta: dict[int, FloatArray] = {}

    def estimate(self, levels: Sequence[Level]) -> FloatArray:
        """The theta (K,) of levels 1, ..., K, the highest last; with fewer than two points none."""
        *lower, (x, y) = levels
        losses = [self._loss(number, level, x, y) for number, level in enumerate(lower)]
        losses.append(self._validated(len(lower), x, y))
        return precisions(losses)

    def _loss(self, number: int, level: Level, x: FloatArray, y: FloatArray) -> FloatArray:
        if len(level[1]) < 2:
            return np.ones(self._samples)
        posterior = self._posterior(self._fitted(number, level), level)
        return ranking_losses(self._sampled(posterior, x), y)

    def _validated(self, number: int, x: FloatArray, y: FloatArray) -> FloatArray:
        """The mean loss of M_K over folds that it has not seen."""
        theta = self._fitted(number, (x, y))
        folds = np.array_split(self._rng.permutation(len(y)), min(_FOLDS, len(y) // 2))
        total = np.zeros(self._samples)
        for fold in folds:
            rest = np.setdiff1d(np.arange(len(y)), fold)
            posterior = self._posterior(theta, (x[rest], y[rest]))
            total += ranking_losses(self._sampled(posterior, x[fold]), y[fold])
        return total / len(folds)

    def _fitted(self, number: int, level: Level) -> FloatArray:
        x, y = level
        self._theta[number] = fit(self._kernel, x, standard(y), self._theta.get(number), _STEPS)
        return self._theta[number]

    def _posterior(self, theta: FloatArray, level: Level) -> Posterior:
        x, y = level
        empty = Posterior.empty(self._kernel, theta, x.shape[1], 1)
        return empty.extended(x, standard(y)[:, None])

    def _sampled(self, posterior: Posterior, x: FloatArray) -> FloatArray:
        """Joint samples (m, s) at X (m, f)."""
        return posterior.repeated(self._samples).sample(x, self._rng)


def standard(values: FloatArray) -> FloatArray:
    """Ranks of the values (n,), of mean 0 and variance 1: losses look at nothing else."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(float)
    standardised: FloatArray = (ranks - ranks.mean()) / max(ranks.std(), 1.0)
    return standardised
