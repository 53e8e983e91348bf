"""Quantile regression forests: the distribution of a value, from the points in its leaves.

Meinshausen (2006), Quantile Regression Forests, JMLR 7.
"""

import numpy as np

from hpobench.hyperparameters import FloatArray
from hpobench.methods.searchers.forest import Forest

# Weights add up to 1 but for rounding.
_ROUNDING = 1e-9


def quantiles(
    forest: Forest, values: FloatArray, queries: FloatArray, levels: FloatArray
) -> FloatArray:
    """(m, k): quantiles at `levels`, (k,) or (m, k), for queries (m, d).

    `values` (n,) are those fitted to. Equation 7: the smallest value y with F(y | x) >= level.
    """
    order = np.argsort(values, kind="stable")
    distribution = weights(forest, len(values), queries)[:, order].cumsum(axis=1)
    below = [distribution < level[..., None] for level in levels.T - _ROUNDING]
    places = np.stack([part.sum(axis=1) for part in below], axis=1)
    found: FloatArray = values[order][np.minimum(places, len(values) - 1)]
    return found


def weights(forest: Forest, count: int, queries: FloatArray) -> FloatArray:
    """(m, n): the weight of each point in the prediction of a query; equations 4 and 5.

    A tree gives weight to the points in the leaf of the query, evenly (a point that it drew twice
    counts twice); the weights are averaged over trees.
    """
    share = forest.weights / np.bincount(forest.leaves, forest.weights)[forest.leaves]
    entries = np.argsort(forest.leaves, kind="stable")
    sizes = np.bincount(forest.leaves, minlength=len(forest.means))
    starts = sizes.cumsum() - sizes
    leaves = forest.apply(queries)
    found = sizes[leaves.ravel()]
    within = np.arange(found.sum()) - np.repeat(found.cumsum() - found, found)
    chosen = entries[np.repeat(starts[leaves.ravel()], found) + within]
    query = np.repeat(np.arange(leaves.size) // leaves.shape[1], found)
    cells = query * count + forest.points[chosen]
    total = np.bincount(cells, share[chosen], len(queries) * count)
    weighted: FloatArray = total.reshape(len(queries), count) / leaves.shape[1]
    return weighted
