"""What training a configuration to a resource is worth, as logarithms.

One Gaussian process has the values at all resources. Training to a resource below r_max is worth
what it tells (the knowledge gradient, with the configuration's own value at r_max as all that may
be learned); training to r_max is worth what it brings (expected improvement).

Notation: m candidates (configuration, resource); f(x, r) the noise-free value, y = f + noise.
"""

import math

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.methods.models.gp.gaussian_process import Posterior
from hpobench.methods.search.acquisition import log_expected_improvement


def log_worth(
    posterior: Posterior,
    top: FloatArray,
    here: FloatArray,
    ends: NDArray[np.bool_],
    promised: float,
    reached: float,
) -> FloatArray:
    """The log worth (m,) of training to `here`, features (m, f); `top`: the same at r_max.

    Where that `ends` the training, EI over the best value `reached` at r_max. Elsewhere
    E max(promised - E[f(x, r_max) | y], 0), y at `here`: the best that is `promised` of any trial
    changes if this one turns out better (Frazier et al. 2009, The Knowledge-Gradient Policy,
    section 4, where one alternative is measured). The mean that is updated is normal, of deviation
    cov(f(x, r_max), f(x, r)) / sd(y).
    """
    means, variances = posterior.predict(top)
    noise = math.exp(posterior.theta[-2])
    told = posterior.covariance(top, here)
    deviation = np.abs(told) / np.sqrt(posterior.predict(here)[1] + noise)
    deviation = np.where(ends, np.sqrt(variances), np.minimum(deviation, np.sqrt(variances)))
    best = np.where(ends, reached, promised)
    worth: FloatArray = log_expected_improvement(means[:, 0], np.maximum(deviation, 1e-9), best)
    return worth
