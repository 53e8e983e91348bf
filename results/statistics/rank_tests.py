"""Tests of whether methods differ: over all methods at once, and in pairs.

Friedman's test with the Nemenyi post-hoc test, and Wilcoxon's signed-rank test with Holm's
correction, as Demsar 2006 recommends (Statistical Comparisons of Classifiers over Multiple Data
Sets, JMLR 7). What a block or a pair is, is decided in `pairing` and stated with each result.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import chdtrc, fdtrc, ndtr

from hpobench.arrays import FloatArray, average_ranks
from hpobench.results.statistics.blocks import (
    PAIRS,
    TASKS_FOR_WILCOXON,
    Blocks,
    Regrets,
    blocks,
    methods_of,
    ranks,
    seed_blocks,
)
from hpobench.results.statistics.correction import LEVEL, holm
from hpobench.results.statistics.mixed_model import MixedModel, mixed_model
from hpobench.results.statistics.signed_rank import SignedRank, pairwise_signed_rank, signed_rank
from hpobench.results.statistics.two_methods import (
    TwoMethods,
    p_in_words,
    two_methods,
    wilcoxon_test,
)
from hpobench.words import counted

__all__ = [
    "Friedman",
    "MixedModel",
    "SignedRank",
    "TwoMethods",
    "friedman",
    "mixed_model",
    "pairwise_signed_rank",
    "pairwise_tests",
    "pairwise_wilcoxon",
    "signed_rank",
    "two_methods",
]

TASKS_FOR_FRIEDMAN = 5
"""With fewer blocks the chi-square approximation of Friedman's statistic is poor."""
PAIRS_SENTENCE = (
    "The blocks are (task, seed) pairs: the p-value speaks of these tasks alone, not of others."
)
RANKED_MEANS = (
    "Ranks are those of the methods' mean regrets on each task, in which a run that is worse than "
    "the median configuration counts as 1, and not of single runs."
)
RANKED_RUNS = "Ranks are of single runs, within each task and seed"
TIES_SENTENCE = "Ties share their average rank."
NOT_REJECTED = "Friedman's test finds no difference: the groups of the post-hoc test mean little."


@dataclass(frozen=True)
class Friedman:
    """Friedman's test of equal ranks, and the groups that the Nemenyi test cannot tell apart.

    `statistic` is chi-square with k - 1 degrees of freedom, corrected for ties; `f_statistic` the
    less conservative form of Iman and Davenport 1980. `ranks` are averages over blocks, best first;
    `cliques` the largest groups of methods whose average ranks all differ by less than
    `critical_difference`. `note` says what was left out and how far the result reaches.
    """

    statistic: float
    p_value: float
    ranks: "pd.Series[float]"
    critical_difference: float
    cliques: tuple[tuple[str, ...], ...]
    blocks: int
    unit: str
    f_statistic: float
    f_p_value: float
    level: float = LEVEL
    note: str = ""


def friedman(regrets: Regrets, values: Regrets | None = None) -> Friedman:
    """Friedman's test over tasks, or over (task, seed) pairs if there are fewer than 5 tasks.

    `values`: of the same runs (`final.final_values`). Pairs are ranked by these if they are given,
    as by `final.rank_intervals`: regrets tie all that is worse than the median configuration.
    Methods without any value are left out, and so are blocks without a value of every other one.
    Raises ValueError with fewer than 3 methods, or fewer than 2 complete blocks.
    """
    methods = methods_of(regrets)
    if len(methods) < 3:
        few = "are 2: Wilcoxon's test compares two" if len(methods) == 2 else "is only one"
        raise ValueError(f"Friedman's test compares 3 methods or more, there {few}")
    complete = blocks(regrets, methods, TASKS_FOR_FRIEDMAN)
    if values is not None and complete.unit == PAIRS:
        worst = np.finfo(float).max  # runs without a value are tied in last place
        complete = seed_blocks(
            {t: some.replace(np.inf, worst) for t, some in values.items()}, methods
        )
    count = len(complete.values)
    if count < 2:
        raise ValueError(
            f"Friedman's test needs 2 complete blocks, there are {count}: take the tasks on which "
            "all methods were run, or leave out the methods that lack runs"
        )
    average = pd.Series(ranks(complete.values.T).mean(axis=1), index=methods, name="rank")
    average = average.sort_values(kind="stable")
    statistic, p_value = _friedman_test(complete.values)
    f_statistic, f_p_value = iman_davenport(statistic, count, len(methods))
    difference = critical_difference(len(methods), count)
    return Friedman(
        statistic=statistic,
        p_value=p_value,
        ranks=average,
        critical_difference=difference,
        cliques=cliques(average, difference),
        blocks=count,
        unit=complete.unit,
        f_statistic=f_statistic,
        f_p_value=f_p_value,
        note=_note(complete, f_p_value, values is not None),
    )


def _friedman_test(values: FloatArray) -> tuple[float, float]:
    """Statistic and p-value for `values` (blocks, methods); 0 and 1 if all are tied."""
    if (values == values[:, :1]).all():
        return 0.0, 1.0
    ranks = average_ranks(values.T)
    count, blocks = ranks.shape
    middle = (count + 1) / 2
    # Ties lessen the variance of ranks: it is that of these, not of 1, ..., k.
    variance = ((ranks - middle) ** 2).sum() / (blocks * (count - 1))
    statistic = float(((ranks.mean(axis=1) - middle) ** 2).sum() * blocks / variance)
    return statistic, float(chdtrc(count - 1, statistic))


def iman_davenport(statistic: float, count: int, methods: int) -> tuple[float, float]:
    """F and its p-value from Friedman's statistic over so many blocks (Demsar 2006, Section 3.2.2).

    If all blocks rank the methods alike, F is infinite and its p-value 0.
    """
    rest = count * (methods - 1) - statistic
    if rest <= 1e-9 * count:
        return np.inf, 0.0
    value = (count - 1) * statistic / rest
    return float(value), float(fdtrc(methods - 1, (methods - 1) * (count - 1), value))


def critical_difference(methods: int, count: int, level: float = LEVEL) -> float:
    """Nemenyi: average ranks over `count` blocks that differ by this much differ significantly.

    q sqrt(k (k + 1) / (6 N)), q from the studentised range over sqrt 2 (Demsar 2006, 3.2.2).
    """
    q = studentised_range(1 - level, methods) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * count)))


def studentised_range(probability: float, count: int) -> float:
    """The quantile of the range of `count` standard normal values.

    Its distribution is P(R < r) = k E[(Phi(Z + r) - Phi(Z))^(k - 1)], with Z the least of them.
    """
    z = np.linspace(-9, 9, 2001)
    weights = count * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    low, high = 0.0, 20.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        below = weights @ (ndtr(z + middle) - ndtr(z)) ** (count - 1)
        low, high = (middle, high) if below < probability else (low, middle)
        if not low < (low + high) / 2 < high:
            break
    return (low + high) / 2


def cliques(average: "pd.Series[float]", difference: float) -> tuple[tuple[str, ...], ...]:
    """The maximal groups of two or more methods whose average ranks lie within the difference."""
    ordered = average.sort_values(kind="stable")
    values, names = ordered.to_numpy(), [str(name) for name in ordered.index]
    # Average ranks are sums over blocks: rounding must not tell apart what is equal.
    ends = np.searchsorted(values, values + difference - 1e-9, side="left")
    groups, reached = [], 0
    for start, end in enumerate(ends):
        if end > reached and end - start > 1:
            groups.append(tuple(names[start:end]))
        reached = max(reached, int(end))
    return tuple(groups)


def _note(complete: Blocks, p_value: float, by_values: bool) -> str:
    pairs = complete.unit == PAIRS
    by = (
        "runs without a value are tied in last place" if by_values else "regrets above 1 count as 1"
    )
    ranked = f"{RANKED_RUNS}; {by}." if pairs else RANKED_MEANS
    weak = NOT_REJECTED if p_value >= LEVEL else ""
    reach = PAIRS_SENTENCE if pairs else ""
    return " ".join(filter(None, (ranked, TIES_SENTENCE, complete.dropped, reach, weak)))


def pairwise_wilcoxon(regrets: Regrets) -> pd.DataFrame:
    """Wilcoxon's signed-rank test for each pair of methods, p-values corrected after Holm.

    Columns: method, other, median_difference (of method less other: below 0 if method is better),
    statistic, p_value, p_holm, pairs, unit. A pair of methods is tested over the tasks they share
    if there are 6 or more (means over the seeds they share), else over (task, seed) pairs: `unit`.
    Differences of 0 are ranked and then dropped (Pratt 1959); if all are 0, p is 1. Without
    anything in common p is NaN and not counted by Holm. Raises ValueError with fewer than 2
    methods.
    """
    methods = methods_of(regrets)
    if len(methods) < 2:
        raise ValueError(f"there is only one method with runs, {methods[0]!r}: nothing to compare")
    rows = [paired_test(regrets, *pair) for pair in combinations(methods, 2)]
    table = pd.DataFrame(rows)
    table.insert(5, "p_holm", holm(table["p_value"].to_numpy(dtype=float)))
    return table


def pairwise_tests(regrets: Regrets) -> pd.DataFrame:
    """`pairwise_wilcoxon` with the columns better, equivalent, worse of `pairwise_signed_rank`."""
    odds = pairwise_signed_rank(regrets)[["better", "equivalent", "worse"]]
    return pairwise_wilcoxon(regrets).join(odds)


def paired_test(regrets: Regrets, method: str, other: str) -> dict[str, object]:
    """One row of `pairwise_wilcoxon`, less the correction."""
    shared = blocks(regrets, (method, other), TASKS_FOR_WILCOXON)
    difference = shared.values[:, 0] - shared.values[:, 1]
    statistic, p_value = wilcoxon_test(difference)
    return {
        "method": method,
        "other": other,
        "median_difference": float(np.median(difference)) if len(difference) else np.nan,
        "statistic": statistic,
        "p_value": p_value,
        "pairs": len(difference),
        "unit": shared.unit,
    }


def in_words(result: Friedman) -> str:
    """The result of Friedman's test as a sentence or two."""
    verb = "differ" if result.f_p_value < result.level else "cannot be told apart"
    ratio = (
        f"F {result.f_statistic:.2f}"
        if np.isfinite(result.f_statistic)
        else "F without bound, since all rank the methods alike"
    )
    words = (
        f"Over {counted(result.blocks, result.unit)} the {len(result.ranks)} methods {verb} "
        f"(Friedman chi-square {result.statistic:.2f}, {p_in_words(result.p_value)}; "
        f"Iman-Davenport {ratio}, {p_in_words(result.f_p_value)}). "
        f"Average ranks that differ by less than {result.critical_difference:.2f} are not told "
        f"apart (Nemenyi, level {result.level:g})."
    )
    return f"{words} {result.note}".strip()
