"""Two methods side by side: by how much they differ, how surely, and how often one is better."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from hpobench.arrays import FloatArray, average_ranks
from hpobench.results.statistics.blocks import (
    DECIMALS,
    PAIRS,
    TASKS_FOR_WILCOXON,
    Regrets,
    blocks,
    require,
    seed_blocks,
)
from hpobench.results.statistics.contrasts import difference
from hpobench.words import counted, p_value

_EXACT, _EXACT_WITHOUT_TIES = 13, 50
"""So many differences or fewer have an exact test."""


@dataclass(frozen=True)
class TwoMethods:
    """A paired comparison of normalised regrets; differences are `method` less `other`.

    `difference`: mean over tasks of the mean over seeds, with the 95 % interval [low, high]
    of `contrasts.difference` (NaN if a task has a single pair). `superiority`: how
    often `method` is better on a (task, seed), ties half, mean over tasks. `statistic`, `p_value`:
    Wilcoxon's test over `tested` units of the kind `unit`. `sentence` says it all in words.
    """

    method: str
    other: str
    difference: float
    low: float
    high: float
    superiority: float
    statistic: float
    p_value: float
    tested: int
    unit: str
    pairs: int
    tasks: int
    dropped: str
    sentence: str


def two_methods(
    regrets: Regrets,
    a: str,
    b: str,
    labels: Mapping[str, str] | None = None,
) -> TwoMethods:
    """Compare `a` with `b` on the (task, seed) pairs that both have; one task is enough.

    `labels`: what the sentence calls the methods; None: their names.

    Raises ValueError if a method has no runs, or if they share no (task, seed).
    """
    require(regrets, (a, b))
    pairs = seed_blocks(regrets, (a, b))
    if not len(pairs.values):
        raise ValueError(f"{a!r} and {b!r} share no (task, seed): run both with the same seeds")
    groups = _by_task(pairs.values[:, 0] - pairs.values[:, 1], pairs.tasks)
    apart = difference({task: regrets[task] for task in dict.fromkeys(pairs.tasks)}, a, b)
    low, high = apart.interval()
    shared = blocks(regrets, (a, b), TASKS_FOR_WILCOXON)
    statistic, p_value = wilcoxon_test(shared.values[:, 0] - shared.values[:, 1])
    compared = TwoMethods(
        method=a,
        other=b,
        difference=float(apart.value),
        low=float(low),
        high=float(high),
        superiority=float(np.mean([_superiority(group) for group in groups])),
        statistic=statistic,
        p_value=p_value,
        tested=len(shared.values),
        unit=shared.unit,
        pairs=len(pairs.values),
        tasks=len(groups),
        dropped=pairs.dropped,
        sentence="",
    )
    return replace(compared, sentence=_sentence(compared, labels or {}))


def wilcoxon_test(difference: FloatArray) -> tuple[float, float]:
    """Statistic and two-sided p-value of the differences (n,); NaN without any.

    Zeros are ranked with the others and then dropped (Pratt 1959): many ties do not look like few
    observations. Of 13 or fewer, or 50 without ties or zeros, the p-value is exact: of all signs
    that ranks could have had, as SciPy has it, but counted at once. Else it is that of the normal
    distribution with the variance of these ranks.
    """
    if not len(difference):
        return np.nan, np.nan
    difference = np.round(difference, DECIMALS)
    if not difference.any():
        return 0.0, 1.0
    sizes = np.abs(difference)
    tied = len(np.unique(sizes)) < len(sizes) or not sizes.all()
    ranks = average_ranks(sizes)
    positive = float(ranks[difference > 0].sum())
    ranks = ranks[difference != 0]
    if len(sizes) <= (_EXACT if tied else _EXACT_WITHOUT_TIES):
        return _exact_test(ranks, positive)
    deviation = np.sqrt((ranks**2).sum()) / 2
    z = (positive - ranks.sum() / 2) / deviation
    return min(positive, float(ranks.sum()) - positive), float(2 * ndtr(-abs(z)))


def _exact_test(ranks: FloatArray, positive: float) -> tuple[float, float]:
    """The smaller rank sum, and the share of all signs with one at least as far on either side."""
    doubled = np.rint(2 * ranks).astype(np.int64)  # ranks of ties are halves
    chances = np.ones(1)
    for rank in doubled:  # the distribution of the sum, one sign more each time
        longer = np.zeros(len(chances) + rank)
        longer[: len(chances)] += chances / 2
        longer[rank:] += chances / 2
        chances = longer
    at = round(2 * positive)
    tail = min(chances[: at + 1].sum(), chances[at:].sum())
    return min(positive, float(ranks.sum()) - positive), min(2 * float(tail), 1.0)


def _by_task(values: FloatArray, tasks: tuple[str, ...]) -> list[FloatArray]:
    of_task = np.array(tasks, dtype=object)
    return [values[of_task == task] for task in dict.fromkeys(tasks)]


def _superiority(difference: FloatArray) -> float:
    return float(np.mean(difference < 0) + np.mean(difference == 0) / 2)


def _sentence(found: TwoMethods, labels: Mapping[str, str]) -> str:
    method, other = (labels.get(name, name) for name in (found.method, found.other))
    n_tasks = counted(found.tasks, "tasks")
    if found.difference == 0:
        first = f"{method} and {other} have the same mean normalised regret"
    else:
        word = "lower" if found.difference < 0 else "higher"
        first = (
            f"{method} has a {word} mean normalised regret than {other} by "
            f"{abs(found.difference):.3g}{_interval(found)}"
        )
    over = n_tasks if found.unit != PAIRS else counted(found.tested, found.unit)
    rest = (
        f"on {n_tasks} ({counted(found.pairs, PAIRS)}); {method} is better in "
        f"{found.superiority:.0%} of the pairs; Wilcoxon's test over {over}: "
        f"{p_in_words(found.p_value)}."
    )
    return f"{first} {rest} {found.dropped}".strip()


def _interval(found: TwoMethods) -> str:
    if not np.isfinite(found.low):
        return ""
    ends = sorted((found.low, found.high)) if found.difference > 0 else (-found.high, -found.low)
    return f" (95 % interval {ends[0]:.3g} to {ends[1]:.3g})"


def p_in_words(value: float) -> str:
    """Such as: p = 0.012, p < 0.001, p unknown."""
    words = p_value(value)
    return "p unknown" if words == "-" else f"p {words}" if words[0] == "<" else f"p = {words}"
