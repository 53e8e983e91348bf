"""Random forests: what has grown, and its predictions. `forest_growth` grows them.

Hutter, Xu, Hoos and Leyton-Brown (2014), Algorithm runtime prediction: Methods & evaluation,
Artificial Intelligence 206, section 4.1.

Notation: n points, m queries, d columns, t trees, q nodes, c the most categories of a column.
"""

from typing import NamedTuple

import numpy as np

from hpobench.arrays import BoolArray, FloatArray, IntArray


class Forest(NamedTuple):
    """Grown trees. Node i sends a query to `children[i]` (left) or the next node (right).

    `columns`, `thresholds`, `children`, `left_sets` (q, c): a leaf is its own left child.
    `means`, `variances` (q,) of the points in a node. `roots` (t,).
    `points`, `weights`, `leaves` (n * t at most): each entry, and the leaf that it ended in.
    """

    categorical: BoolArray
    columns: IntArray
    thresholds: FloatArray
    children: IntArray
    left_sets: BoolArray
    means: FloatArray
    variances: FloatArray
    roots: IntArray
    depth: int
    points: IntArray
    weights: FloatArray
    leaves: IntArray

    def apply(self, queries: FloatArray) -> IntArray:
        """(m, t): the leaf of each query (m, d) in each tree."""
        count, width = queries.shape
        starts = np.repeat(np.arange(count) * width, len(self.roots))
        nodes, flat = np.tile(self.roots, count), queries.ravel()
        sets, most = self.left_sets.ravel(), self.left_sets.shape[1]
        for _ in range(self.depth):
            columns = self.columns.take(nodes)
            values = flat.take(starts + columns)
            right = values > self.thresholds.take(nodes)
            chosen = np.flatnonzero(self.categorical.take(columns))
            if len(chosen):
                places = nodes.take(chosen) * most + values.take(chosen).astype(np.int64)
                right[chosen] = ~sets.take(places)
            nodes = self.children.take(nodes) + right
        return nodes.reshape(count, -1)

    def predict(self, queries: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and variance (m,) of a query, over trees, by the law of total variance.

        Hutter et al. (2014), section 4.1.2: from the mean mu_b and the variance v_b in the leaf
        of tree b, E = mean(mu_b), Var = mean(v_b) + mean(mu_b^2) - E^2.
        """
        leaves = self.apply(queries)
        means = self.means.take(leaves)
        return means.mean(axis=1), self.variances.take(leaves).mean(axis=1) + means.var(axis=1)
