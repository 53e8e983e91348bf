"""The arrays of a recorded table: their shapes checked, and one repetition or the mean chosen.

Notation: n configurations, R repetitions (the most that any configuration has), k resource levels.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpobench.hyperparameters import FloatArray
from hpobench.space import Space

Counts = NDArray[np.int64]


class Choice:
    """Which repetition an evaluation sees, applied to every array alike.

    `repetitions`: how many are kept of each configuration. `drawn_from`: how many of those are
    real, one count a configuration; None: there is but one, and nothing to draw.
    """

    def __init__(
        self,
        counts: Counts,
        shape: tuple[int, int, int],
        repetition: str | int,
        space: Space,
    ) -> None:
        self._shape, self._all, self._chosen = shape, counts, repetition
        if repetition == "sampled":
            self.repetitions = shape[1]
            self.drawn_from: list[int] | None = counts.tolist() if shape[1] > 1 else None
            return
        self.repetitions, self.drawn_from = 1, None
        if repetition != "mean":
            _check_index(repetition, counts, space)

    def rows(self, name: str, array: ArrayLike) -> FloatArray:
        """(n * repetitions kept, k), one curve a row."""
        curves = cube(name, array, self._shape)
        if self._chosen == "mean":
            curves = mean(curves, self._all)
        elif isinstance(self._chosen, int):
            curves = curves[:, self._chosen : self._chosen + 1]
        curves = np.ascontiguousarray(curves).reshape(-1, self._shape[2])
        curves.setflags(write=False)
        return curves


def _check_index(repetition: str | int, counts: Counts, space: Space) -> None:
    if isinstance(repetition, bool) or not isinstance(repetition, int):
        raise ValueError(f"repetition={repetition!r}: use sampled, mean or the index of one")
    most, fewest = int(counts.max()), int(counts.min())
    if not 0 <= repetition < most:
        raise ValueError(f"repetition={repetition} is out of range: use 0 to {most - 1}")
    if repetition >= fewest:
        lacking = np.flatnonzero(counts <= repetition)
        raise ValueError(
            f"repetition={repetition} does not exist for {len(lacking)} of {len(counts)} "
            f"configurations, e.g. {space.config_at(int(lacking[0]))}: use 0 to {fewest - 1}, "
            "sampled or mean"
        )


def cube(name: str, array: ArrayLike, shape: tuple[int, int, int]) -> FloatArray:
    """A plain float array (n, R, k); slicing an `np.memmap` costs several times as much."""
    plain = np.asarray(array, dtype=float)
    if plain.shape != shape[: plain.ndim] or plain.ndim == 0:
        raise ValueError(f"{name} has the shape {plain.shape}, which does not fit {shape}")
    return np.broadcast_to(plain.reshape(plain.shape + (1,) * (3 - plain.ndim)), shape)


def mean(curves: FloatArray, counts: Counts) -> FloatArray:
    """Mean over the repetitions that exist, (n, 1, k); NaN where one of them failed."""
    if counts.min() < curves.shape[1]:
        exists = np.arange(curves.shape[1]) < counts[:, None]
        curves = np.where(exists[:, :, None], curves, 0.0)
    average: FloatArray = curves.sum(axis=1, keepdims=True) / counts[:, None, None]
    return average


def shape(space: Space, values: ArrayLike, levels: int) -> tuple[int, int, int]:
    """(n, R, k) of the values; raises ValueError if they do not fit the space and the levels."""
    found = np.shape(values)
    if len(found) != 3 or found[0] != space.size or found[2] != levels:
        raise ValueError(
            f"values have the shape {found}, not ({space.size} configurations of the space, "
            f"repetitions, {levels} resource levels)"
        )
    return found


def counts(repetitions: ArrayLike | None, shape: tuple[int, int, int]) -> Counts:
    """How many repetitions each configuration has (n,); None: all R."""
    if repetitions is None:
        return np.full(shape[0], shape[1])
    found = np.asarray(repetitions, dtype=np.int64)
    if found.shape != shape[:1] or found.min() < 1 or found.max() > shape[1]:
        raise ValueError(f"repetitions must be {shape[0]} counts from 1 to {shape[1]}")
    return found


def check_seconds(seconds: FloatArray) -> None:
    """Raise ValueError unless the times (n, k) are cumulative."""
    if (np.diff(seconds, axis=1, prepend=0.0) < 0).any():
        raise ValueError("seconds must be at least 0 and rise with the resource: they count from 0")
