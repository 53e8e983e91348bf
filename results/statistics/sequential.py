"""Inference that stays valid under looking: evidence that a mean lies beyond a value.

Notation: `x` (..., n) are differences of two methods in the order of their seeds, `m` the value
that is tested, y = x - m. An *e-process* is a bet against "the mean is at most m" that nobody can
expect to win: it is 1 at first and, as long as that is true, ever reaches 1 / alpha with a
probability of at most alpha, however often one looks (Ville's inequality; Ramdas et al. 2023,
Game-theoretic statistics and safe anytime-valid inference, sections 2 and 3). Two of them:

`evidence`: if y is as likely as -y, as it is for two methods that are equal, then

    E_n = mean over u of prod over i of exp(u y_i / s_i) / cosh(u y_i / s_i)

is one, whatever the tails of y and however many ties there are (de la Pena 1999, A general class of
exponential inequalities for martingales and ratios, section 6, with cosh in the place of its bound
exp(u^2 / 2); of normal values it grows as fast as that of the likelihood). s_i is the root mean
square of |y| before i, and of the first round, before the end of which nobody looks: it may depend
on sizes, which say nothing of signs. `u` is on a grid of effects in standard deviations, so that
large and small effects are found about as soon. Where y is skewed about a mean of m this holds
for many seeds only.

`betting`: if x lies between -bound and bound, nothing else needs to be true (Waudby-Smith and
Ramdas 2024, Estimating means of bounded random variables by betting, JRSS B 86, section 4):

    E_n = prod over i of 1 + l_i y_i,    0 <= l_i < 1 / (bound + m)

with l_i from the mean and the variance before i. It needs log(1 / alpha) / log(1 + mean / bound)
seeds at the least, since values that have not been seen may still come: some 100 where regrets
differ by 0.05 and may differ by 1. `unseen` is that for a bound which the data show.
"""

import numpy as np

from hpobench.arrays import FloatArray

EFFECTS = np.geomspace(0.1, 3.0, 12)
"""The grid of `evidence`: effects of 0.1 standard deviations and more."""
_MOST_OF_A_BET = 0.9
_STEPS = 24


def evidence(x: FloatArray, m: float | FloatArray = 0.0, first: int = 10) -> FloatArray:
    """The logarithm (..., n) of the evidence that the mean of x (..., n) lies above m (...).

    `first`: how many values the first round has, before the end of which nobody looks.
    """
    y = x - np.asarray(m, dtype=float)[..., None]
    scaled = (y / _scale(y, first))[..., None, :] * EFFECTS[:, None]
    bets = np.cumsum(scaled - _log_cosh(scaled), axis=-1)
    most = bets.max(axis=-2)
    return np.asarray(most + np.log(np.exp(bets - most[..., None, :]).mean(axis=-2)))


def betting(x: FloatArray, m: float = 0.0, bound: float = 1.0) -> FloatArray:
    """The same for x (..., n) in [-bound, bound], whatever their distribution."""
    y = (x - m) / (bound + m)  # at least -1
    count = np.arange(y.shape[-1])
    # One observation of a mean of 0 and a variance of 1/16 is there beforehand.
    mean = (np.cumsum(y, axis=-1) - y) / (count + 1)
    square = (np.cumsum(y**2, axis=-1) - y**2 + 0.0625) / (count + 1)
    bet = np.clip(mean / np.maximum(square, 1e-12), 0.0, _MOST_OF_A_BET)
    return np.asarray(np.cumsum(np.log1p(bet * y), axis=-1))


def unseen(count: int, mean: float, m: float, bound: float) -> float:
    """-log of the probability that `count` seeds have not shown what would make the mean m.

    That is a difference of `bound`, on the far side of m, in a share p of the seeds:
    (1 - p) mean + p bound = m, missed with (1 - p)^count. Infinite where even p = 1 is too little.
    """
    side = -1.0 if mean > m else 1.0
    if bound <= m * side:
        return np.inf
    share = (m - mean) / (side * bound - mean)
    return -count * float(np.log1p(-min(share, 1.0)))


def least(count: int, m: float, bound: float, nats: float) -> float:
    """The least mean for which `unseen` (and `betting`, at its best) has `nats` that it is above m.

    That is the mean for which count log((bound + mean) / (bound + m)) = nats.
    """
    return float((bound + m) * np.exp(nats / count) - bound)


def interval(x: FloatArray, counts: np.ndarray, nats: FloatArray, first: int = 10) -> FloatArray:
    """The confidence sequence (2, looks) of the mean of x (n,), after its first `counts` (looks,).

    All values that `evidence` does not rule out on either side with `nats` (looks,).
    """
    spread = float(np.ptp(x)) + abs(float(x.mean())) + 1e-9
    ends = []
    for side in (1.0, -1.0):
        sign = side * x[None, :]
        inside = np.array([sign[0, :n].mean() for n in counts])  # not ruled out
        outside = inside - 4 * spread
        for _ in range(_STEPS):
            middle = (inside + outside) / 2
            found = evidence(np.broadcast_to(sign, (len(counts), x.size)), middle, first)
            at = np.take_along_axis(found, np.asarray(counts)[:, None] - 1, axis=-1)[:, 0]
            ruled_out = at >= nats
            outside = np.where(ruled_out, middle, outside)
            inside = np.where(ruled_out, inside, middle)
        ends.append(side * outside)
    return np.array(ends)


def _scale(y: FloatArray, first: int) -> FloatArray:
    """s_i (..., n): root mean squares of the sizes before each, at least of the first round."""
    squares = y**2
    count = np.arange(y.shape[-1])
    before = np.cumsum(squares, axis=-1) - squares
    start = squares[..., :first].sum(axis=-1, keepdims=True)
    early = count < first
    total = np.where(early, start, before)
    number = np.where(early, min(first, y.shape[-1]), np.maximum(count, 1))
    scale = np.sqrt(np.maximum(total, 0.0) / number)
    # Nothing but ties with m so far: the size of the value itself says nothing of its sign.
    return np.asarray(np.where(scale > 1e-300, scale, np.maximum(np.abs(y), 1e-300)))


def _log_cosh(z: FloatArray) -> FloatArray:
    size = np.abs(z)
    return np.asarray(size + np.log1p(np.exp(-2 * size)) - np.log(2.0))
