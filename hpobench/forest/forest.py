"""Random forests: what has grown, and its predictions. `growth` grows them.

Hutter, Xu, Hoos and Leyton-Brown (2014), Algorithm runtime prediction: Methods & evaluation,
Artificial Intelligence 206, section 4.1.

Notation: n points, m queries, d columns, t trees, q nodes, c the most categories of a column.
"""

from typing import NamedTuple

import numpy as np

from hpobench.arrays import BoolArray, FloatArray, IntArray
from hpobench.forest.boxes import Boxes


class Forest(NamedTuple):
    """Grown trees. Node i sends a query to `children[i]` (left) or the next node (right).

    `columns`, `thresholds`, `children`, `left_sets` (q, c): a leaf is its own left child.
    `means`, `variances` (q,) of the points in a node. `roots` (t,).
    `points`, `weights`, `leaves` (n * t at most): each entry, and the leaf that it ended in.
    `boxes`: which leaf is whose, at once; None: there are too many trees.
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
    boxes: Boxes | None

    def apply(self, queries: FloatArray) -> IntArray:
        """(m, t): the leaf of each query (m, d) in each tree."""
        return self.walked(queries) if self.boxes is None else self.boxes.apply(queries)

    def walked(self, queries: FloatArray) -> IntArray:
        """The same, from node to node."""
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
        means, trees = self.means.take(leaves), len(self.roots)
        mean = means.sum(axis=1) / trees
        means -= mean[:, None]
        within = self.variances.take(leaves).sum(axis=1)
        return mean, (within + np.einsum("mt,mt->m", means, means)) / trees

    def mean(self, queries: FloatArray) -> FloatArray:
        """Mean (m,) of a query over trees."""
        means: FloatArray = self.means.take(self.apply(queries)).sum(axis=1) / len(self.roots)
        return means

    def entered(self, points: IntArray, rows: FloatArray, times: FloatArray) -> "Forest":
        """With more points (p,), at rows (p, d), in the leaves where they fall, so many `times`.

        `times` (p, t). Leaves keep their means: see `of_values`.
        """
        point, tree = np.nonzero(times)
        return self._replace(
            points=np.append(self.points, points[point]),
            weights=np.append(self.weights, times[point, tree]),
            leaves=np.append(self.leaves, self.apply(rows)[point, tree]),
        )

    def of_values(self, values: FloatArray) -> "Forest":
        """With the means of these `values` of the points in the leaves.

        Variances stay as they grew: no leaf promises more because what entered it is worse.
        """
        count, own = len(self.means), self.weights * values[self.points]
        weight = np.bincount(self.leaves, self.weights, count)
        sums = np.bincount(self.leaves, own, count)
        return self._replace(means=np.where(weight > 0, sums / np.maximum(weight, 1), self.means))
