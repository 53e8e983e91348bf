"""Covariance functions of Gaussian processes, with gradients in the logarithms of their parameters.

Notation
--------
n, m      numbers of inputs
p         n (n + 1) / 2 pairs of inputs i >= j, in the order of `numpy.tril_indices`
f         features of an input
d         lengthscales: one a hyperparameter of the search space, shared by its columns
A, B      inputs (n, f), (m, f)
ℓ         lengthscales (d,)
r²        squared distances sum_j (a_j - b_j)² / ℓ_j² (n, m)
φ         logarithms of the parameters of a kernel (size,)
w         sensitivity of a loss to the covariance of each pair (p,)
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray

Backward = Callable[[FloatArray], FloatArray]


class LogNormals(NamedTuple):
    """Independent normal priors of log-parameters: means, deviations and bounds, each (size,)."""

    means: FloatArray
    deviations: FloatArray
    lower: FloatArray
    upper: FloatArray

    def joined(self, other: "LogNormals") -> "LogNormals":
        """The priors of these parameters followed by those of `other`."""
        return LogNormals(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


class Kernel(Protocol):
    """A covariance function, with parameters given by their logarithms φ (size,)."""

    prior: LogNormals
    lengths: NDArray[np.bool_]
    """(size,): which of the parameters are lengthscales."""

    def pairs(self, a: FloatArray) -> FloatArray:
        """(q, p): what `gram` needs of inputs (n, f), and does not depend on φ."""

    def gram(self, phi: FloatArray, pairs: FloatArray) -> tuple[FloatArray, Backward]:
        """Covariances (p,), and the map from w (p,) to the gradient (size,) of the loss in φ."""

    def cross(self, phi: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
        """Covariances (n, m)."""

    def paired(self, phi: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
        """Covariances (n,) of each row of one (n, f) with the same row of the other."""

    def diagonal(self, phi: FloatArray, a: FloatArray) -> FloatArray:
        """Variances (n,)."""


class Matern52:
    """k = τ² (1 + √5 r + 5/3 r²) exp(-√5 r); φ = (log ℓ_1, ..., log ℓ_d, log τ²).

    Rasmussen and Williams (2006), equation 4.17. `groups` (f,): the lengthscale of each column.
    Priors: log ℓ ~ N(√2 + log(d)/2, 3), scaled with the dimension as in Hvarfner et al. (2024),
    Vanilla Bayesian Optimization Performs Great in High Dimensions, equation 7.
    """

    def __init__(self, groups: Sequence[int]) -> None:
        self._groups = np.asarray(groups, dtype=np.int64)
        self.lengthscales = d = int(self._groups.max()) + 1
        ones = np.ones(d)
        lengthscales = LogNormals(
            (math.sqrt(2) + math.log(d) / 2) * ones,
            math.sqrt(3) * ones,
            math.log(0.03) * ones,
            math.log(100.0) * ones,
        )
        scale = LogNormals(*(np.array([x]) for x in (0.0, 1.0, math.log(0.02), math.log(50.0))))
        self.prior = lengthscales.joined(scale)
        self.lengths = np.arange(d + 1) < d

    def pairs(self, a: FloatArray) -> FloatArray:
        """Squared distances by lengthscale (d, p), without the lengthscales."""
        i, j = np.tril_indices(len(a))
        squared = np.zeros((self.lengthscales, len(i)))
        for column, group in enumerate(self._groups):
            values = a[:, column]
            squared[group] += (values[i] - values[j]) ** 2
        return squared

    def gram(self, phi: FloatArray, pairs: FloatArray) -> tuple[FloatArray, Backward]:
        d = self.lengthscales
        inverse, scale = np.exp(-2 * phi[:d]), math.exp(phi[d])
        root = np.sqrt((5 * inverse) @ pairs)  # √5 r
        decay = np.exp(-root)
        decay *= scale
        slope = decay * (1 + root)
        covariance = slope + decay * root**2 / 3

        def backward(w: FloatArray) -> FloatArray:
            # dk/dr² = -5/6 (1 + √5 r) exp(-√5 r), and dr²/dlog ℓ_j = -2 (a_j - b_j)² / ℓ_j².
            lengthscales = 5 / 3 * inverse * (pairs @ (w * slope))
            return np.append(lengthscales, w @ covariance)

        return covariance, backward

    def cross(self, phi: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
        weights = np.exp(-phi[self._groups]) * math.sqrt(5)
        a, b = a * weights, b * weights
        # |a|² - 2 a b + |b|² is one product, of two columns more.
        left, right = (np.empty((len(each), each.shape[1] + 2)) for each in (a, b))
        left[:, :-2], left[:, -2], left[:, -1] = a, np.einsum("nf,nf->n", a, a), 1.0
        right[:, :-2], right[:, -2], right[:, -1] = -2 * b, 1.0, np.einsum("mf,mf->m", b, b)
        root = left @ right.T
        np.maximum(root, 0, out=root)
        np.sqrt(root, out=root)  # √5 r
        decay = np.exp(phi[-1] - root)
        covariances: FloatArray = root * (1 / 3)
        covariances += 1
        covariances *= root
        covariances += 1
        covariances *= decay
        return covariances

    def paired(self, phi: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
        gaps = (a - b) * np.exp(-phi[self._groups]) * math.sqrt(5)
        root = np.sqrt(np.einsum("nf,nf->n", gaps, gaps))  # √5 r
        covariances: FloatArray = (1 + root + root**2 / 3) * np.exp(phi[-1] - root)
        return covariances

    def diagonal(self, phi: FloatArray, a: FloatArray) -> FloatArray:
        return np.full(len(a), math.exp(phi[-1]))
