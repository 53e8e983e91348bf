"""The arrays of a recorded table: their shapes checked, and one repetition or the mean chosen.

What is not finite has failed: it is NaN in everything made here.

Notation: n configurations, R repetitions (the most that any configuration has), k resource levels.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpobench.arrays import FloatArray
from hpobench.records import LARGEST
from hpobench.space.space import Space

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

STAND_IN = 1e6
"""A largest value that is so many times the next is taken to stand for failure."""
SHORT_CURVES = ("failed", "carried")


class Choice:
    """Which repetition an evaluation sees, applied to every array alike.

    `repetitions`: how many are kept of each configuration. `drawn_from`: how many of those are
    real, one count a configuration; None: there is but one, and nothing to draw. `paired`: a seed
    draws the same one for all configurations.
    """

    def __init__(
        self,
        counts: Counts,
        shape: tuple[int, int, int],
        repetition: str | int,
        space: Space,
    ) -> None:
        self._shape, self._all, self._chosen = shape, counts, repetition
        self.paired = repetition == "paired"
        if self.paired:
            _check_paired(counts, space)
        if repetition in ("sampled", "paired"):
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


def _check_paired(counts: Counts, space: Space) -> None:
    fewest, most = int(counts.argmin()), int(counts.max())
    if counts[fewest] < most:
        raise ValueError(
            "repetition=paired needs the same repetitions of all configurations, but "
            f"{space.config_at(fewest)} has {counts[fewest]} of {most}: use sampled or mean"
        )


def _check_index(repetition: str | int, counts: Counts, space: Space) -> None:
    if isinstance(repetition, bool) or not isinstance(repetition, int):
        raise ValueError(
            f"repetition={repetition!r}: use sampled, paired, mean or the index of one"
        )
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


def measured(name: str, array: ArrayLike, shape: tuple[int, int, int], short: str) -> FloatArray:
    """Values (n, R, k) of which all that is not finite has failed.

    `short`: curves that end with NaN have "failed" from there on, or are "carried": they go on with
    their last value. Raises ValueError for values so large that nothing can be computed from them.
    """
    if short not in SHORT_CURVES:
        raise ValueError(f"short_curves={short!r}: use one of {', '.join(SHORT_CURVES)}")
    curves = cube(name, array, shape)
    if short == "carried":
        curves = carried(curves, np.isnan(curves))
    curves = np.where(np.isfinite(curves), curves, np.nan)
    too_large = np.abs(curves) > LARGEST
    if too_large.any():
        raise ValueError(
            f"{name} holds {curves[too_large][0]:g}, of which differences and squares overflow: "
            "state NaN for what has failed"
        )
    return curves


def carried(curves: FloatArray, missing: Mask) -> FloatArray:
    """Curves (n, R, k) in which what is missing is what came before it, if anything did."""
    places = np.maximum.accumulate(np.where(missing, 0, np.arange(curves.shape[2])), axis=2)
    return np.take_along_axis(curves, places, axis=2)


def cost(seconds: ArrayLike, failed: Mask, counts: Counts, space: Space) -> FloatArray:
    """Seconds (n, R, k) since training began; they stand still where what `failed` has none.

    Raises ValueError, naming a configuration, if the cost of a value is not known, if seconds fall
    along a curve, and if all of them are 0.
    """
    curves = cube("seconds", seconds, failed.shape)
    curves = carried(curves, failed & ~np.isfinite(curves))
    exists = np.arange(failed.shape[1]) < counts[:, None]
    unknown = exists[:, :, None] & ~np.isfinite(curves)
    if unknown.any():
        row, repetition, level = np.argwhere(unknown)[0].tolist()
        raise ValueError(
            f"the cost of {space.config_at(row)} is not known: its seconds are "
            f"{curves[row, repetition, level]:g} (repetition {repetition}, resource level {level} "
            "of the table). State them, leave the configuration out, or give no seconds at all: "
            "then the clock counts evaluations"
        )
    curves = np.where(exists[:, :, None], curves, 0.0)
    if (np.diff(curves, axis=2, prepend=0.0) < 0).any():
        raise ValueError("seconds must be at least 0 and rise with the resource: they count from 0")
    if not curves.any():
        raise ValueError(
            "all seconds are 0: a clock that stands still compares nothing. Give no seconds at "
            "all: then the clock counts evaluations"
        )
    return curves


def mean(curves: FloatArray, counts: Counts) -> FloatArray:
    """Mean over the repetitions that exist, (n, 1, k); NaN where one of them failed."""
    if counts.min() < curves.shape[1]:
        exists = np.arange(curves.shape[1]) < counts[:, None]
        curves = np.where(exists[:, :, None], curves, 0.0)
    average: FloatArray = curves.sum(axis=1, keepdims=True) / counts[:, None, None]
    return average


def median(values: FloatArray) -> float | None:
    """The median of values (n,), NaN being worse than all others; None if more than half are NaN.

    If just half are, it is the worst of the others.
    """
    ordered = np.sort(values)  # NaN last
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    if np.isnan(lower):
        return None
    return float(lower if np.isnan(upper) else (lower + upper) / 2)


def remarks(values: FloatArray) -> tuple[str, ...]:
    """What is to be said of a task with these true values (n,) at its highest resource."""
    said = []
    failed = np.count_nonzero(np.isnan(values))
    if median(values) is None:
        said.append(
            f"{failed:,} of {len(values):,} configurations have failed, more than half: the task "
            "has no median."
        )
    sizes = np.unique(np.abs(values[~np.isnan(values)]))
    if len(sizes) > 1 and sizes[-1] > STAND_IN * max(sizes[-2], 1.0):
        count = np.count_nonzero(np.abs(values) == sizes[-1])
        said.append(
            f"The value {sizes[-1]:g} of {count:,} of {len(values):,} configurations is taken as "
            f"it is; all others are at most {sizes[-2]:g}. If it stands for failure, state NaN."
        )
    return tuple(said)


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
