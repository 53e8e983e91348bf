"""Acquisitions of Gaussian processes, as functions of features; their sum is what is maximised.

Notation: m candidates, f features, s columns of targets (fantasies).
"""

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

from hpobench.arrays import FloatArray
from hpobench.methods.models.gp.gaussian_process import Posterior
from hpobench.methods.search import acquisition

Term = Callable[[FloatArray], FloatArray]


def improvement(posterior: Posterior, best: FloatArray, kind: str = "log_ei") -> Term:
    """Log EI over `best` (s,), averaged over fantasies; Snoek et al. (2012), section 3.3.

    `kind`: `log_ei`, or `ei` as it is computed directly.
    """
    log_improvement = acquisition.IMPROVEMENTS[kind]

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
        return acquisition.log_feasibility(means[:, 0] - threshold, np.sqrt(variances))

    return term


def expense(posterior: Posterior, exponent: float) -> Term:
    """-a log c(x), for a process on log c: EI / c(x)^a is EI per second where a is 1.

    Snoek et al. (2012), section 3.2; Lee et al. (2020), section 4.
    """

    def term(features: FloatArray) -> FloatArray:
        return -exponent * posterior.predict(features)[0][:, 0]

    return term
