"""Quantile regression forests: the distribution of a value, from the points in its leaves.

Meinshausen (2006), Quantile Regression Forests, JMLR 7.

Notation: n points, m queries, d columns, k levels, e entries (a point in a leaf of a query).
"""

from collections.abc import Callable

import numpy as np

from hpobench.arrays import FloatArray, IntArray
from hpobench.forest.forest import Forest

# Weights add up to 1 but for rounding.
_ROUNDING = 1e-9

# Queries answered at once: where leaves are large, as of constant values, they take much memory.
_BLOCK = 256

# Queries of which the least sum is found first.
_FIRST = 200


def quantiles(
    forest: Forest, values: FloatArray, queries: FloatArray, levels: FloatArray
) -> FloatArray:
    """(m, k): quantiles at `levels`, (k,) or (m, k), for queries (m, d).

    `values` (n,) are those fitted to. Equation 7: the smallest value y with F(y | x) >= level. What
    it takes does not grow with n, since leaves do not.
    """
    wanted = np.broadcast_to(levels, (len(queries), levels.shape[-1]))
    cuts = list(range(_BLOCK, len(queries), _BLOCK))
    blocks = zip(np.split(queries, cuts), np.split(wanted, cuts), strict=True)
    return np.concatenate([_of_block(forest, values, *block) for block in blocks])


def lowest(
    forest: Forest,
    values: FloatArray,
    leaves: IntArray,
    levels: FloatArray,
    drawn: IntArray,
    added: FloatArray,
) -> IntArray:
    """Which of m queries have the least sum of a quantile and what is added to it.

    `leaves` (m, t): where they fall. `drawn` (m,): at which of the `levels` (k,), to which `added`
    (k,) belong. Of all sums of a value and what is added, the least that a query reaches is found
    by bisection.
    """
    order = np.argsort(values, kind="stable")
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[order] = np.arange(len(values))
    sums = values[order] + added[:, None]
    limits = np.unique(sums)
    count = len(forest.means)
    places = leaves + (drawn * count)[:, None]  # by level, then by leaf
    rank, share = ranks[forest.points], _shares(forest) / leaves.shape[1]
    entries = (forest.leaves + count * np.arange(len(levels))[:, None]).ravel()

    def reach(of: IntArray, limit: int) -> IntArray:
        """Those of some queries whose sum is at most that limit."""
        ends = [row.searchsorted(limits[limit], "right") for row in sums]
        below = share * (rank < np.array(ends)[:, None])
        reached = np.bincount(entries, below.ravel(), count * len(levels))
        distribution = reached.take(places[of]).sum(axis=1)
        hits: IntArray = of[distribution >= levels[drawn[of]] - _ROUNDING]
        return hits

    # The least sum of some bounds that of all, and rules most of the others out.
    _, bound = _bisected(reach, np.arange(min(_FIRST, len(leaves))), len(limits) - 1)
    left, _ = _bisected(reach, reach(np.arange(len(leaves)), bound), bound)
    return left


def _bisected(
    reach: Callable[[IntArray, int], IntArray], left: IntArray, high: int
) -> tuple[IntArray, int]:
    """Those of some queries that reach the lowest limit, and its number; all reach `high`."""
    low = 0
    while low < high:
        middle = (low + high) // 2
        hits = reach(left, middle)
        if len(hits):
            left, high = hits, middle
        else:
            low = middle + 1
    return left, high


def _of_block(
    forest: Forest, values: FloatArray, queries: FloatArray, levels: FloatArray
) -> FloatArray:
    """(m, k): quantiles at `levels` (m, k)."""
    query, point, weight = weights(forest, queries)
    count = len(queries)
    entries = np.lexsort((values[point], query))
    ends = np.bincount(query, minlength=count).cumsum()
    starts = np.append(0, ends[:-1])
    total = np.append(0.0, weight[entries].cumsum())
    distribution = total[1:] - total[starts][query]
    limits = (levels - _ROUNDING).T
    below = [np.bincount(query, distribution < limit[query], count) for limit in limits]
    places = starts[:, None] + np.stack(below, axis=1).astype(np.int64)
    found: FloatArray = values[point[entries]][np.minimum(places, ends[:, None] - 1)]
    return found


def weights(forest: Forest, queries: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """The points that predict each query, (e,): query, point and weight; equations 4 and 5.

    A tree gives weight to the points in the leaf of the query, evenly (a point that it drew twice
    counts twice); the weights are averaged over trees. Ordered by query.
    """
    share = _shares(forest)
    entries = np.argsort(forest.leaves, kind="stable")
    sizes = np.bincount(forest.leaves, minlength=len(forest.means))
    starts = sizes.cumsum() - sizes
    leaves = forest.apply(queries)
    found = sizes[leaves.ravel()]
    within = np.arange(found.sum()) - np.repeat(found.cumsum() - found, found)
    chosen = entries[np.repeat(starts[leaves.ravel()], found) + within]
    query = np.repeat(np.arange(leaves.size) // leaves.shape[1], found)
    return query, forest.points[chosen], share[chosen] / leaves.shape[1]


def _shares(forest: Forest) -> FloatArray:
    """The share of each entry of its leaf's weight."""
    shares: FloatArray = forest.weights / np.bincount(forest.leaves, forest.weights)[forest.leaves]
    return shares
