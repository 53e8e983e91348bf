"""Arrays by what they hold, and their ranks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Columns = dict[str, NDArray[Any]]
"""A table by the names of its columns."""


def average_ranks(values: FloatArray) -> FloatArray:
    """Ranks (n, ...) along the first axis, from 1; ties share their average.

    As `scipy.stats.rankdata`, of a package that takes longer to import than most commands last.
    """
    order = np.argsort(values, axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, axis=0)
    places = np.arange(1, len(values) + 1).reshape(-1, *[1] * (values.ndim - 1))
    begins = np.ones(values.shape, dtype=bool)
    begins[1:] = ordered[1:] != ordered[:-1]
    first = np.maximum.accumulate(np.where(begins, places, 0), axis=0)
    ends = np.ones(values.shape, dtype=bool)
    ends[:-1] = begins[1:]
    last = np.where(ends, places, len(values))
    last = np.minimum.accumulate(last[::-1], axis=0)[::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2, axis=0)
    return ranks
