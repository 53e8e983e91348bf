"""Acquisition functions, as logarithms: what a configuration is worth trying, to be maximised.

Notation
--------
m         candidates
mean, sd  prediction of the noise-free value at each candidate (m,); values are minimised
best      the incumbent's value y*
z         (y* - mean) / sd, the improvement in standard deviations
h(z)      φ(z) + z Φ(z), so that EI = sd h(z)

f, s      features of a configuration, columns of targets (fantasies)

All are added: a product of acquisitions is a sum of logarithms. A `Term` is one of them, of a
Gaussian process, as a function of features (m, f).
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.special import erfcx, log_ndtr, logsumexp, ndtr

from hpobench.arrays import FloatArray
from hpobench.methods.models.gp.gaussian_process import Posterior

Term = Callable[[FloatArray], FloatArray]

_HALF_LOG_2PI = math.log(2 * math.pi) / 2
_HALF_LOG_HALF_PI = math.log(math.pi / 2) / 2
# Below this z, (1 - 3/z² + 15/z⁴) / z² is more accurate than the bracket of equation 9.
_FAR = -200.0
_TINY = 1e-300


def expected_improvement(mean: FloatArray, sd: FloatArray, best: FloatArray | float) -> FloatArray:
    """EI = E max(y* - f, 0) (m,); Jones et al. (1998), equation 15."""
    z = (best - mean) / sd
    density = np.exp(-0.5 * z**2 - _HALF_LOG_2PI)
    improvement: FloatArray = sd * (density + z * ndtr(z))
    return np.maximum(improvement, 0.0)


def log_expected_improvement(
    mean: FloatArray, sd: FloatArray, best: FloatArray | float
) -> FloatArray:
    """Log EI (m,), accurate where EI underflows; Ament et al. (2023), equation 8."""
    return log_h((best - mean) / sd) + np.log(sd)


def plain_log_expected_improvement(
    mean: FloatArray, sd: FloatArray, best: FloatArray | float
) -> FloatArray:
    """The logarithm (m,) of EI as it is computed directly: where EI underflows, all are equal."""
    logs: FloatArray = np.log(np.maximum(expected_improvement(mean, sd, best), _TINY))
    return logs


IMPROVEMENTS = {"log_ei": log_expected_improvement, "ei": plain_log_expected_improvement}


def log_h(z: FloatArray) -> FloatArray:
    """log(φ(z) + z Φ(z)); Ament et al. (2023), equation 9, in three ranges of z."""
    near = np.maximum(z, -1.0)
    result: FloatArray = np.log(np.exp(-0.5 * near**2 - _HALF_LOG_2PI) + near * ndtr(near))
    low = z <= -1
    if low.any():
        tail = np.maximum(z[low], -1e70)
        middle = np.maximum(tail, _FAR)
        scaled = np.log(erfcx(-middle / math.sqrt(2)) * -middle) + _HALF_LOG_HALF_PI
        square = np.minimum(tail, _FAR) ** 2
        far = np.log1p(-3 / square + 15 / square**2) - np.log(square)
        bracket = np.where(tail > _FAR, _log1mexp(scaled), far)
        result[low] = -0.5 * tail**2 - _HALF_LOG_2PI + bracket
    return result


def _log1mexp(x: FloatArray) -> FloatArray:
    """log(1 - exp(x)) for x < 0; Mächler (2012), Accurately computing log(1 - exp(-|a|))."""
    x = np.minimum(x, -np.finfo(float).tiny)
    accurate: FloatArray = np.where(
        x > -math.log(2), np.log(-np.expm1(x)), np.log1p(-np.exp(np.minimum(x, -math.log(2))))
    )
    return accurate


def log_feasibility(mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Log P(c(x) >= 0) (m,) of a slack predicted to be `mean` +- `sd`.

    Gardner et al. (2014), Bayesian Optimization with Inequality Constraints, equation 5: EI is
    multiplied by the probabilities of all constraints.
    """
    probability: FloatArray = log_ndtr(mean / sd)
    return probability


def cost_exponent(spent_s: float, initial_s: float, budget_s: float) -> float:
    """The exponent of the cost, from 1 after the initial design to 0 at the end of the budget.

    Lee et al. (2020), Cost-aware Bayesian Optimization, section 4: EI / c(x)^a with
    a = (budget - spent) / (budget - initial).
    """
    if budget_s <= initial_s:
        return 0.0
    return min(max((budget_s - spent_s) / (budget_s - initial_s), 0.0), 1.0)


def prior_weight(beta: float, observations: int) -> float:
    """The exponent of the user's prior; Hvarfner et al. (2022), piBO, equation 6: beta / n."""
    return beta / max(observations, 1)


def improvement(posterior: Posterior, best: FloatArray, kind: str = "log_ei") -> Term:
    """Log EI over `best` (s,), averaged over fantasies; Snoek et al. (2012), section 3.3.

    `kind`: `log_ei`, or `ei` as it is computed directly.
    """
    log_improvement = IMPROVEMENTS[kind]

    def term(features: FloatArray) -> FloatArray:
        means, variances = posterior.predict(features)
        sd = np.sqrt(variances)[:, None]
        each = log_improvement(means, sd, best)
        if each.shape[1] == 1:
            return each[:, 0]
        averaged: FloatArray = logsumexp(each, axis=1) - np.log(each.shape[1])
        return averaged

    return term


def feasibility(posterior: Posterior, threshold: float) -> Term:
    """Log probability that a slack is at least `threshold`, on the scale of the process."""

    def term(features: FloatArray) -> FloatArray:
        means, variances = posterior.predict(features)
        return log_feasibility(means[:, 0] - threshold, np.sqrt(variances))

    return term


def expense(posterior: Posterior, exponent: float) -> Term:
    """-a log c(x), for a process on log c: EI / c(x)^a is EI per second where a is 1.

    Snoek et al. (2012), section 3.2; Lee et al. (2020), section 4.
    """

    def term(features: FloatArray) -> FloatArray:
        return -exponent * posterior.predict(features)[0][:, 0]

    return term
