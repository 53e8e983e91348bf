"""Values on a scale where a Gaussian process fits: increasing maps, then mean 0, variance 1.

Validation losses of diverged networks may lie orders of magnitude above the others; without a map
they would flatten all differences among the good ones.

Notation: n observations.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import ndtri

from hpobench.arrays import FloatArray, average_ranks

# Values beyond count as this, so that their squares are finite.
LARGEST = 1e100

# Gaps that are smaller are none: a division by them would overflow.
_LEAST = 1e-300

# Gaps below a fifth of the median gap stay nearly linear; gaps above 100 of them count as 100.
_BEND = 0.2
_FARTHEST = 100.0
# Winsorising: values above the median by more than 3 times what the best is below it.
_SPREADS = 3.0


def standardised(values: FloatArray) -> FloatArray:
    """Mean 0 and variance 1 (n,), or all 0."""
    deviation = values.std()
    if not deviation > 0:
        return np.zeros(len(values))
    scaled: FloatArray = (values - values.mean()) / deviation
    return scaled


def logarithm(values: FloatArray) -> FloatArray:
    """log(1 + gap / (0.2 median gap)), where the gap is the distance from the best value."""
    gaps = values - values.min()
    middle = _middle(gaps)
    if not middle > _LEAST:
        return np.zeros(len(values))
    return standardised(_bent(gaps, middle))


def _middle(gaps: FloatArray) -> float:
    """The median gap, or the mean one where half of all are the best."""
    middle = float(np.median(gaps))
    return middle if middle > _LEAST else float(gaps.mean())


def _bent(gaps: FloatArray, middle: float) -> FloatArray:
    return np.log1p(np.minimum(gaps, _FARTHEST * middle) / (_BEND * middle))


def normal_scores(values: FloatArray) -> FloatArray:
    """Normal quantiles of the ranks; Salinas et al. (2020), A quantile-based approach."""
    return standardised(ndtri((average_ranks(values) - 0.5) / len(values)))


def pulled_in(values: FloatArray, spreads: float = _SPREADS) -> FloatArray:
    """Values as they are, but none higher than `ceiling`."""
    return np.minimum(values, ceiling(values, spreads))


def ceiling(values: FloatArray, spreads: float = _SPREADS) -> float:
    """As much above the median as `spreads` times what the best is below it.

    Infinite where half of all are the best.
    """
    median = float(np.median(values))
    spread = median - float(values.min())
    return median + spreads * spread if spread > 0 else math.inf


def winsorised(values: FloatArray) -> FloatArray:
    """Linear; values far above the median are pulled in."""
    return standardised(pulled_in(values))


TRANSFORMS: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "log": logarithm,
    "rank": normal_scores,
    "winsorised": winsorised,
    "linear": standardised,
}


def log_slopes(name: str, values: FloatArray) -> FloatArray:
    """The log (n,) of the derivative of the map `log` or `winsorised` at the values.

    Minus infinity where a value is pulled in, so that the map is flat; 0 where all are the same.
    """
    gaps = values - values.min()
    middle = _middle(gaps)
    if not middle > _LEAST:
        return np.zeros(len(values))
    if name == "log":
        mapped, free = _bent(gaps, middle), gaps < _FARTHEST * middle
        slopes = -np.log(_BEND * middle + gaps)
    else:
        mapped, free = pulled_in(values), values < ceiling(values)
        slopes = np.zeros(len(values))
    return np.where(free, slopes - math.log(mapped.std()), -np.inf)


def signed(slacks: FloatArray) -> tuple[FloatArray, float]:
    """Slacks (n,) of a constraint, and where 0 comes to lie: asinh(slack / median |slack|)."""
    sizes = np.abs(slacks)
    scale = float(np.median(sizes)) or float(sizes.max()) or 1.0
    bent = np.arcsinh(slacks / scale)
    deviation = float(bent.std()) or 1.0
    return (bent - bent.mean()) / deviation, -float(bent.mean()) / deviation
