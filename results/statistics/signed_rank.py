"""Bayesian signed-rank test: how probable it is that one method is better, or just as good.

Benavoli, Mangili, Corani, Zaffalon and Ruggeri 2014 (A Bayesian Wilcoxon signed-rank test based on
the Dirichlet process, ICML) and Benavoli, Corani, Demsar and Zaffalon 2017 (Time for a change, JMLR
18, Section 4.2).

Notation: z_1..z_n the differences, z_0 = 0 a pseudo-observation of weight s = 1/2,
w ~ Dirichlet(s, 1, .., 1), r half the width of the region of practical equivalence. Then

    theta_right = sum of w_i w_j over all (i, j) with z_i + z_j >  2 r
    theta_left  = sum of w_i w_j over all (i, j) with z_i + z_j < -2 r

and theta_rope is the rest. The probability of each is how often it is the largest of the three.
With fewer than 5 differences there is no answer: the draws do no more than weigh a handful of
values anew, and their agreement would be taken for certainty.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray
from hpobench.results.statistics.blocks import (
    TASKS_FOR_WILCOXON,
    Blocks,
    Regrets,
    blocks,
    methods_of,
    require,
)
from hpobench.results.statistics.bootstrap import generator
from hpobench.words import counted

ROPE = 0.01
"""Normalised regrets this close count as equal: a hundredth of the way to the median."""
PRIOR_STRENGTH = 0.5
FEWEST = 5
DRAWS = 4_000
"""Probabilities are right to 0.01, and 66 pairs of methods take less than a second."""
CHUNK = 1_000


@dataclass(frozen=True)
class SignedRank:
    """Posterior probabilities, which sum to 1, that `method` is better than `other`, and so on.

    `rope`: half the width of the region of practical equivalence, in normalised regret. `pairs`
    counts the differences that went in, of the kind `unit`.
    """

    better: float
    equivalent: float
    worse: float
    rope: float
    pairs: int
    method: str
    other: str
    unit: str
    dropped: str


def signed_rank(regrets: Regrets, a: str, b: str, rope: float = ROPE) -> SignedRank:
    """Probabilities that `a` is better than `b`, equivalent (regrets within `rope`), or worse.

    Over tasks if they share 6 or more, else over (task, seed) pairs. Raises ValueError if the rope
    is below 0, or with fewer than 5 pairs.
    """
    _check(rope)
    require(regrets, (a, b))
    shared = blocks(regrets, (a, b), TASKS_FOR_WILCOXON)
    if not len(shared.values):
        raise ValueError(f"{a!r} and {b!r} share no (task, seed): run both with the same seeds")
    if len(shared.values) < FEWEST:
        raise ValueError(
            f"the Bayesian signed-rank test needs {FEWEST} pairs or more, {a!r} and {b!r} share "
            f"{counted(len(shared.values), shared.unit)}: run more seeds, or more tasks"
        )
    better, equivalent, worse = _odds(shared, rope)
    count = len(shared.values)
    return SignedRank(better, equivalent, worse, rope, count, a, b, shared.unit, shared.dropped)


def pairwise_signed_rank(regrets: Regrets, rope: float = ROPE) -> pd.DataFrame:
    """`signed_rank` for each pair of methods, in the order of `significance.pairwise_wilcoxon`.

    Columns: method, other, better, equivalent, worse; NaN with fewer than 5 pairs. They are not
    corrected for the number of pairs: a posterior probability is of one pair.
    """
    _check(rope)
    rows = []
    for pair in combinations(methods_of(regrets), 2):
        shared = blocks(regrets, pair, TASKS_FOR_WILCOXON)
        few = len(shared.values) < FEWEST
        rows.append((*pair, *([np.nan] * 3 if few else _odds(shared, rope))))
    return pd.DataFrame(rows, columns=["method", "other", "better", "equivalent", "worse"])


def _check(rope: float) -> None:
    if not (np.isfinite(rope) and rope >= 0):
        raise ValueError(f"rope={rope!r}: give a width in normalised regret of 0 or more")


def _odds(shared: Blocks, rope: float) -> tuple[float, float, float]:
    """Probabilities that the first method is better than the second, equivalent, worse."""
    differences = shared.values[:, 1] - shared.values[:, 0]
    return posterior(differences, rope, generator("signed rank"))


def posterior(
    differences: FloatArray, rope: float, rng: np.random.Generator, draws: int = DRAWS
) -> tuple[float, float, float]:
    """Probabilities that the differences (n,) are above the rope, within it, and below it."""
    z = np.append(0.0, differences)
    order = np.argsort(z, kind="stable")
    strengths = np.append(PRIOR_STRENGTH, np.ones(len(differences)))
    z = z[order]
    # Partners of each z_i: those from `above` on exceed 2 r together with it, those before `below`
    # fall short of -2 r. Cumulated weights make a draw cost n instead of n^2.
    above = np.searchsorted(z, 2 * rope - z, side="right")
    below = np.searchsorted(z, -2 * rope - z, side="left")
    wins = np.zeros(3)
    for _ in range(draws // CHUNK):
        # Drawn before they are put in order: b against a is the mirror image of a against b.
        weights = rng.dirichlet(strengths, CHUNK)[:, order]
        cumulated = np.pad(np.cumsum(weights, axis=1), ((0, 0), (1, 0)))
        right = (weights * (cumulated[:, -1:] - cumulated[:, above])).sum(axis=1)
        left = (weights * cumulated[:, below]).sum(axis=1)
        shares = np.column_stack([right, 1 - right - left, left])
        wins += np.bincount(shares.argmax(axis=1), minlength=3)
    right_wins, rope_wins, left_wins = wins / draws
    return float(right_wins), float(rope_wins), float(left_wins)
