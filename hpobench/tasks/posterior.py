"""What a surrogate computes when it is asked, from arrays alone.

Notation: n configurations fitted to, D columns of `hpobench.space.encoding`, m outputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray

SCORES = np.linspace(-4.0, 4.0, 257)
"""Where a value is kept for each score: beyond are less than one in 30,000 of a normal law."""

_BLOCK = 1024


@dataclass(frozen=True)
class ProcessMean:
    """The mean of a Gaussian process with a Matérn 5/2 kernel, of length scales `scales` (D,).

    `rows` (n, D): the configurations, in units of the length scales. `weights` (n, m): K^-1 y times
    the variance of the process. `means` (m,): of what was fitted.
    """

    scales: FloatArray
    rows: FloatArray
    weights: FloatArray
    means: FloatArray

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], name: str) -> "ProcessMean":
        """From `arrays` as given by `arrays(name)`; copies, as slicing a memory map is slow."""
        parts = {field.name: np.array(arrays[f"{name}_{field.name}"]) for field in fields(cls)}
        return cls(**parts)

    def arrays(self, name: str) -> dict[str, FloatArray]:
        """To be stored."""
        return {f"{name}_{field.name}": getattr(self, field.name) for field in fields(self)}

    @cached_property
    def _halves(self) -> FloatArray:
        """Half of the squared lengths of the rows (n,): |a - b|^2 / 2 is a sum of products."""
        halves: FloatArray = 0.5 * np.einsum("nd,nd->n", self.rows, self.rows)
        return halves

    def at(self, vector: FloatArray) -> FloatArray:
        """The outputs (m,) at a vector (D,)."""
        scaled = vector / self.scales
        halves = self._halves + 0.5 * (scaled @ scaled) - self.rows @ scaled
        outputs: FloatArray = _matern(halves) @ self.weights + self.means
        return outputs

    def many(self, vectors: FloatArray) -> FloatArray:
        """The outputs (c, m) at vectors (c, D)."""
        blocks = []
        for first in range(0, len(vectors), _BLOCK):
            scaled = vectors[first : first + _BLOCK] / self.scales
            halves = self._halves + 0.5 * (scaled**2).sum(axis=1, keepdims=True)
            kernel = _matern(halves - scaled @ self.rows.T)
            blocks.append(kernel @ self.weights + self.means)
        return np.concatenate(blocks)


def _matern(halves: FloatArray) -> FloatArray:
    """The kernel for half the squared distance: Rasmussen and Williams 2006, equation 4.17."""
    distances = np.sqrt(np.maximum(halves, 0.0) * 10.0)  # sqrt(5) r
    kernel: FloatArray = (1.0 + distances + distances * distances / 3.0) * np.exp(-distances)
    return kernel


class Inverse:
    """From scores to values, for m outputs, each by its own table (m, scores) over `SCORES`."""

    def __init__(self, table: FloatArray) -> None:
        self._flat = np.ascontiguousarray(table).ravel()
        self._starts = np.arange(len(table)) * len(SCORES)

    def __call__(self, scores: FloatArray) -> FloatArray:
        """Values (..., m) at scores (..., m)."""
        places = (scores - SCORES[0]) * (1.0 / (SCORES[1] - SCORES[0]))
        places = np.clip(places, 0.0, len(SCORES) - 1.0)
        cells = np.minimum(places.astype(np.int64), len(SCORES) - 2)
        at = cells + self._starts
        below = self._flat[at]
        values: FloatArray = below + (places - cells) * (self._flat[at + 1] - below)
        return values
