"""A Gaussian process kept up to date: its parameters are refitted now and then, its factor grows.

Notation: n observations, p pending ones, f features, s columns of targets.
"""

import math
from dataclasses import dataclass

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.models.gp.gaussian_process import Posterior, fit
from hpobench.methods.models.gp.kernels import Kernel

PENDING = ("believer", "fantasies", "constant_liar")


class Surrogate:
    """One quantity as a function of features, from the observations made so far.

    Parameters are fitted anew whenever the number of observations grew by the fraction `refit`, by
    at most `steps` of L-BFGS from where they were, and, whenever it grew by the fraction `afresh`,
    from the priors as well. In between, rows are added to the factor, in O(n²) each.
    """

    def __init__(
        self, kernel: Kernel, refit: float = 0.1, steps: int = 20, afresh: float = 0.0
    ) -> None:
        if not refit >= 0:
            raise ValueError(
                f"refit={refit} must not be negative: parameters are fitted anew when the number "
                "of observations grew by this fraction; 0 for every time"
            )
        self._kernel = kernel
        self._refit = refit
        self._steps = steps
        self._afresh = afresh
        self._begun = 0
        self._theta: FloatArray | None = None
        self._fitted = 0
        self._posterior: Posterior | None = None
        self._targets = np.empty(0)

    def update(self, x: FloatArray, y: FloatArray) -> Posterior:
        """The process given X (n, f) and targets (n,), of mean about 0 and variance about 1."""
        old, n = self._posterior, len(y)
        grown = old is not None and np.array_equal(old.inputs, x[: len(old.inputs)])
        if old is not None and grown and n == len(old.inputs) and np.array_equal(y, self._targets):
            return old
        due = n - self._fitted >= max(1, int(self._refit * n))
        if old is not None and grown and (not due or n == self._fitted):
            known = len(old.inputs)
            added = old.extended(x[known:], y[known:, None]) if n > known else old
            self._posterior = added.given(y[:, None])
        else:
            afresh = not self._begun <= n < (1 + self._afresh) * self._begun
            self._theta = fit(self._kernel, x, y, self._theta, self._steps, afresh)
            self._fitted, self._begun = n, n if afresh else self._begun
            empty = Posterior.empty(self._kernel, self._theta, x.shape[1], 1)
            self._posterior = empty.extended(x, y[:, None])
        self._targets = y
        return self._posterior


@dataclass(frozen=True)
class Liar:
    """What is assumed of jobs under way, so that several workers do not get the same advice.

    `believer`: the posterior mean (Ginsbourger et al. 2010, kriging believer); `fantasies`:
    `count` joint draws of what may be observed (Snoek et al. 2012, section 3.3);
    `constant_liar`: the best value so far (Ginsbourger et al. 2010).
    """

    kind: str
    count: int = 8

    def __post_init__(self) -> None:
        if self.kind not in PENDING:
            raise ValueError(f"pending={self.kind!r}: use one of {', '.join(PENDING)}")
        if not self.count >= 1:
            raise ValueError(f"fantasies={self.count}: it takes at least 1 draw")

    def assume(
        self, posterior: Posterior, x: FloatArray, lie: float, rng: np.random.Generator
    ) -> Posterior:
        """The process given assumed values at X (p, f) as well; `lie` is that of the liar."""
        if not len(x):
            return posterior
        if self.kind == "fantasies":
            columns = self.count // posterior.whitened.shape[1]
            posterior = posterior.repeated(max(columns, 1))
            values = posterior.sample(x, rng)
            noise = math.exp(posterior.theta[-2] / 2) * rng.standard_normal(values.shape)
            return posterior.extended(x, values + noise)
        if self.kind == "believer":
            return posterior.extended(x, posterior.predict(x)[0])
        return posterior.extended(x, np.full((len(x), 1), lie))
