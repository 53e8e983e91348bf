"""Gaussian-process regression: posterior, marginal likelihood with gradient, growing factor.

Notation
--------
n, m      numbers of observations and of candidates
f         features of an input
s         columns of targets (fantasies), which share their inputs
X, Y      inputs (n, f) and targets (n, s), of mean about 0 and variance about 1
φ         log-parameters of the kernel; θ = (φ, log σ², μ) those of the process
K         k(X, X) + σ² I = L Lᵀ (n, n)
U         L⁻¹ (n, n): a product with it is faster than solving with L
z         U (Y - μ) (n, s)
α         K⁻¹ (Y - μ) = Uᵀ z (n, s)
V         U k(X, C) (n, m) for candidates C

Source: Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, algorithm 2.1 and
equation 5.9.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.linalg import lapack
from scipy.optimize import minimize

from hpobench.arrays import FloatArray, IntArray
from hpobench.methods.models.gp.kernels import Kernel, LogNormals

# log σ², then μ. Means and deviations: Hvarfner et al. (2024), LogNormal(-4, 1) for the noise.
_NOISE = LogNormals(
    *(np.array(x) for x in ([-4.0, 0.0], [1.0, 1.0], [math.log(1e-6), -5], [0.0, 5]))
)
_HUGE = 1e25
# A step that gains less than this part of the loss is the last: θ matters by far less than noise.
_FLAT = 1e-6


def priors(kernel: Kernel) -> LogNormals:
    """Priors of θ."""
    return kernel.prior.joined(_NOISE)


@lru_cache(maxsize=16)
def _lower(n: int) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Of the pairs of `numpy.tril_indices`: i, j, their places by column; half of the entries."""
    i, j = np.tril_indices(n)
    return i, j, i + n * j, np.where(i == j, 0.5, 1.0)


def log_posterior(
    theta: FloatArray, kernel: Kernel, pairs: FloatArray, y: FloatArray
) -> tuple[float, FloatArray]:
    """Log marginal likelihood of y (n,) plus log prior of θ (up to a constant), and its gradient.

    Equations 2.30 and 5.9 of Rasmussen and Williams (2006).
    """
    n, size = len(y), len(theta) - 2
    noise, mean = math.exp(theta[size]), theta[size + 1]
    covariances, backward = kernel.gram(theta[:size], pairs)
    i, j, places, halves = _lower(n)
    flat = np.zeros(n * n)
    flat[places] = covariances
    flat[:: n + 1] += noise
    covariance = flat.reshape((n, n), order="F")
    factor, info = lapack.dpotrf(covariance, lower=1, clean=0, overwrite_a=1)
    if info:
        return -_HUGE, np.zeros(len(theta))
    alpha, _ = lapack.dpotrs(factor, y - mean, lower=1)
    log_root_determinant = np.log(factor.diagonal()).sum()
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    # dlog p / dK = (α αᵀ - K⁻¹) / 2; pairs i > j stand for two entries.
    w = halves * (alpha.take(i) * alpha.take(j) - inverse.ravel(order="F").take(places))
    value = -0.5 * (y - mean) @ alpha - log_root_determinant - n / 2 * math.log(2 * math.pi)
    gradient = np.concatenate([backward(w), [w[halves < 1].sum() * noise, alpha.sum()]])
    prior = priors(kernel)
    standardised = (theta - prior.means) / prior.deviations
    return value - 0.5 * standardised @ standardised, gradient - standardised / prior.deviations


def fit(
    kernel: Kernel,
    x: FloatArray,
    y: FloatArray,
    start: FloatArray | None = None,
    steps: int = 20,
    afresh: bool = True,
) -> FloatArray:
    """θ of greatest posterior density for X (n, f) and y (n,), the better of two local optima.

    L-BFGS-B runs for at most `steps` iterations from `start`, if given, and, unless that is and
    nothing is to be fitted `afresh`, from shorter lengthscales and less noise than the priors
    expect: from where all is taken for noise there is no way back.
    """
    prior, pairs = priors(kernel), kernel.pairs(x)

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = log_posterior(theta, kernel, pairs, y)
        return -value, -gradient

    cold = prior.means - np.append(np.where(kernel.lengths, 1.0, 0.0), [2.0, 0.0])
    bounds = list(zip(prior.lower.tolist(), prior.upper.tolist(), strict=True))
    found = [
        minimize(
            loss,
            np.clip(begin, prior.lower, prior.upper),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": steps, "ftol": _FLAT, "gtol": 1e-3},
        )
        for begin in ([cold] if start is None else [start, cold] if afresh else [start])
    ]
    theta: FloatArray = min(found, key=lambda each: float(each.fun)).x
    return theta


@dataclass(frozen=True)
class Posterior:
    """A Gaussian process given observations: `inputs` X, `factor` L, `whitener` U, `whitened` z."""

    kernel: Kernel
    theta: FloatArray
    inputs: FloatArray
    factor: FloatArray
    whitener: FloatArray
    whitened: FloatArray

    @classmethod
    def empty(cls, kernel: Kernel, theta: FloatArray, features: int, columns: int) -> "Posterior":
        """The process before any observation."""
        shapes = (0, features), (0, 0), (0, 0), (0, columns)
        return cls(kernel, theta, *map(np.empty, shapes))

    @property
    def mean(self) -> float:
        """The constant mean μ."""
        return float(self.theta[-1])

    def extended(self, x: FloatArray, y: FloatArray) -> "Posterior":
        """Given p more observations X (p, f), Y (p, s): p rows more of L and U, O(n² p + p³)."""
        n, p = len(self.inputs), len(x)
        phi = self.theta[:-2]
        block = self.kernel.cross(phi, x, x)
        block.flat[:: p + 1] = self.kernel.diagonal(phi, x) + math.exp(self.theta[-2])
        v = self._v(x)
        corner = _cholesky(block - v.T @ v)
        inverse, _ = lapack.dtrtri(corner, lower=1)
        factor, whitener = np.zeros((n + p, n + p)), np.zeros((n + p, n + p))
        factor[:n, :n], factor[n:, :n], factor[n:, n:] = self.factor, v.T, corner
        whitener[:n, :n], whitener[n:, n:] = self.whitener, inverse
        whitener[n:, :n] = -inverse @ (v.T @ self.whitener)
        whitened = np.concatenate([self.whitened, inverse @ (y - self.mean - v.T @ self.whitened)])
        inputs = np.concatenate([self.inputs, x])
        return Posterior(self.kernel, self.theta, inputs, factor, whitener, whitened)

    def given(self, y: FloatArray) -> "Posterior":
        """The same inputs with other targets Y (n, s)."""
        return replace(self, whitened=self.whitener @ (y - self.mean))

    def repeated(self, times: int) -> "Posterior":
        """With each column of targets so many times."""
        return replace(self, whitened=np.repeat(self.whitened, times, axis=1))

    def fitted(self) -> FloatArray:
        """Means (n, s) of the noise-free function at the inputs: Y - σ² α."""
        alpha = self.whitener.T @ self.whitened
        return self.mean + self.factor @ self.whitened - math.exp(self.theta[-2]) * alpha

    def left_out(self) -> FloatArray:
        """Log densities (n, s) of each target given all others.

        Rasmussen and Williams (2006), equations 5.10 to 5.12.
        """
        precision = np.einsum("nm,nm->m", self.whitener, self.whitener)[:, None]
        residuals = (self.whitener.T @ self.whitened) / precision
        densities: FloatArray = -0.5 * (
            residuals**2 * precision - np.log(precision) + math.log(2 * math.pi)
        )
        return densities

    def predict(self, candidates: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means (m, s) and variances (m,) of the noise-free function at candidates (m, f)."""
        v = self._v(candidates)
        variance = self.kernel.diagonal(self.theta[:-2], candidates)
        variance -= np.einsum("nm,nm->m", v, v)
        return self.mean + v.T @ self.whitened, np.maximum(variance, 1e-12)

    def covariance(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Covariances (m,) of the noise-free values at each row of A (m, f) and the same of B."""
        prior = self.kernel.paired(self.theta[:-2], a, b)
        covariances: FloatArray = prior - np.einsum("nm,nm->m", self._v(a), self._v(b))
        return covariances

    def _v(self, candidates: FloatArray) -> FloatArray:
        return self.whitener @ self.kernel.cross(self.theta[:-2], self.inputs, candidates)

    def sample(self, candidates: FloatArray, rng: np.random.Generator) -> FloatArray:
        """A draw (m, s) of noise-free values at the candidates, for each column of targets."""
        phi = self.theta[:-2]
        v = self._v(candidates)
        covariance = self.kernel.cross(phi, candidates, candidates) - v.T @ v
        covariance.flat[:: len(candidates) + 1] += 1e-8 * math.exp(phi[-1]) + 1e-10
        draws = rng.standard_normal((len(candidates), self.whitened.shape[1]))
        return self.mean + v.T @ self.whitened + _cholesky(covariance) @ draws


def _cholesky(covariance: FloatArray) -> FloatArray:
    """Its lower factor; the diagonal is raised where rounding made it indefinite."""
    for jitter in (0.0, 1e-8, 1e-6, 1e-4):
        raised = covariance + jitter * np.diag(np.diag(covariance).clip(1e-10))
        factor, info = lapack.dpotrf(raised, lower=1, clean=1)
        if not info:
            return np.asarray(factor)
    raise np.linalg.LinAlgError("the covariance is not positive definite, even with jitter 1e-4")
