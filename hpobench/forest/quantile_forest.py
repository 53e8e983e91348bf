"""Quantile regression forests: the distribution of a value, from the points in its leaves.

Meinshausen (2006), Quantile Regression Forests, JMLR 7.

Notation: n points, m queries, d columns, k levels, e entries (a point in a leaf of a query).
"""

import numpy as np

from hpobench.arrays import FloatArray, IntArray
from hpobench.forest.forest import Forest

# Weights add up to 1 but for rounding.
_ROUNDING = 1e-9

# Queries answered at once: where leaves are large, as of constant values, they take much memory.
_BLOCK = 256


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
    queries: FloatArray,
    levels: FloatArray,
    drawn: IntArray,
    added: FloatArray,
) -> IntArray:
    """Which of the queries (m, d) have the least sum of a quantile and what is added to it.

    `drawn` (m,): at which of the `levels` (k,), to which `added` (k,) belong. Of all sums of a
    value and what is added, the least that a query reaches is found by bisection.
    """
    order = np.argsort(values, kind="stable")
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[order] = np.arange(len(values))
    sums = values[order] + added[:, None]
    limits = np.unique(sums)
    leaves, rank = forest.apply(queries), ranks[forest.points]
    share = _shares(forest) / leaves.shape[1]
    left, low, high = np.arange(len(queries)), 0, len(limits) - 1
    while low < high:
        middle = (low + high) // 2
        below = [rank < np.searchsorted(row, limits[middle], "right") for row in sums]
        reached = [np.bincount(forest.leaves, share * b, len(forest.means)) for b in below]
        level = drawn[left]
        distribution = np.array(reached)[level[:, None], leaves[left]].sum(axis=1)
        hits = distribution >= levels[level] - _ROUNDING
        if hits.any():
            left, high = left[hits], middle
        else:
            low = middle + 1
    return left


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
