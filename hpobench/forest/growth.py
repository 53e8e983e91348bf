"""Growing a random forest in numpy: all trees at once, one level after the other.

Hutter, Xu, Hoos and Leyton-Brown (2014), Algorithm runtime prediction: Methods & evaluation,
Artificial Intelligence 206, section 4.1: regression trees on bootstrap samples.

Notation: n points, d columns, t trees, b points of a sample, e entries (a point in a tree) in nodes
that may be split, a active nodes: those that may be split; q nodes in all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpobench.arrays import BoolArray, FloatArray, IntArray
from hpobench.forest.boxes import Boxes, Nodes
from hpobench.forest.forest import Forest
from hpobench.forest.splits import Entries, LevelSplitter, Splitter

# Squared errors that differ by less than this part of the whole are equal.
_TIE = 1e-12

# Of more trees, tables of what all of them leave would take much memory.
_FEW_TREES = 100

# Tables of nodes by levels are small enough.
_FEW_LEVELS = 64


@dataclass(frozen=True, slots=True)
class Growth:
    """How a forest grows.

    `leaf`: the fewest points of a leaf. `split_columns`: the part of the columns by which a node
    may be split, drawn anew for each. `bootstrap`: each tree has a sample of the points, drawn
    with replacement, as many as there are but at most `points`; otherwise all of them.
    """

    trees: int = 10
    leaf: int = 1
    split_columns: float = 1.0
    bootstrap: bool = True
    points: int = 500

    def __post_init__(self) -> None:
        for name in ("trees", "leaf", "points"):
            count = getattr(self, name)
            if not count >= 1 or count % 1:
                raise ValueError(f"{name}={count}: a whole number, at least 1")
        if not 0 < self.split_columns <= 1:
            raise ValueError(f"split_columns={self.split_columns}: a part of them, in (0, 1]")


def grow(
    points: FloatArray,
    values: FloatArray,
    categories: IntArray,
    growth: Growth,
    rng: np.random.Generator,
    samples: Sequence[IntArray] | None = None,
    levels: IntArray | None = None,
) -> Forest:
    """A forest fitted to finite `values` (n,) at `points` (n, d).

    `categories` (d,): 0 for a column of numbers, else how many; a point then has one of
    0, 1, ... as its category. `samples`: the points (b,) that each tree is grown from, in place of
    those that `growth` draws. `levels` (d,): how many numbers 0, 1, ... each column has, if
    none has categories; of few it grows twice as fast, and the same up to rounding.
    """
    builder = _Builder(points, values, categories, growth, rng, levels)
    entries = builder.started(builder.sampled() if samples is None else samples)
    while len(entries.points):
        entries = builder.split(entries)
    return builder.forest()


class _Builder:
    """The forest so far: `size` nodes, of which the `active` (a,) may be split."""

    def __init__(
        self,
        points: FloatArray,
        values: FloatArray,
        categories: IntArray,
        growth: Growth,
        rng: np.random.Generator,
        levels: IntArray | None = None,
    ) -> None:
        self._values, self._categories = values, categories
        self._growth, self._rng = growth, rng
        known: dict[str, Any] = {
            "rows": np.ascontiguousarray(points.T),
            "categorical": np.flatnonzero(categories),
            "most_categories": max(int(categories.max(initial=0)), 1),
            "leaf": growth.leaf,
            "split_columns": growth.split_columns,
            "tolerance": _TIE * float(np.square(values - values.mean()).sum()),
            "rng": rng,
        }
        self._splitter = Splitter(**known)
        if levels is not None and levels.max(initial=0) <= _FEW_LEVELS:
            self._splitter = LevelSplitter(**known, levels=levels)

    def sampled(self) -> Sequence[IntArray]:
        """The points (b,) that each tree is grown from."""
        count, trees = len(self._values), self._growth.trees
        if self._growth.bootstrap:
            return [*self._rng.integers(count, size=(trees, min(count, self._growth.points)))]
        return [np.arange(count)] * trees

    def started(self, samples: Sequence[IntArray]) -> Entries:
        """The points of samples (b,) at the roots; one drawn more than once weighs more."""
        count, trees = len(self._values), len(samples)
        drawn = [points + count * tree for tree, points in enumerate(samples)]
        numbers, times = np.unique(np.concatenate(drawn), return_counts=True)
        nodes, points = np.divmod(numbers, count)
        weights = times.astype(float)
        # A binary tree has fewer than twice as many nodes as it has leaves.
        size, most = 2 * len(points), self._splitter.most_categories
        self._columns, self._thresholds = np.zeros(size, dtype=np.int64), np.full(size, np.inf)
        self._children, self._left_sets = np.arange(size), np.ones((size, most), dtype=bool)
        self._means, self._variances = np.zeros(size), np.zeros(size)
        self._roots = self._active = np.arange(trees)
        self._size, self._ends = trees, [trees]
        self._trees = np.arange(size)
        self._points, self._weights = points, weights
        self._leaves = np.zeros(len(points), dtype=np.int64)
        orders = self._splitter.ordered(points)
        every = np.arange(len(points))
        return self._settled(Entries(every, points, weights, weights, nodes, orders))

    def _settled(self, entries: Entries) -> Entries:
        """Keep the statistics of the active nodes; only those worth splitting stay active."""
        count, nodes, weights = len(self._active), entries.nodes, entries.weights
        values = self._values.take(entries.points)
        weight = np.bincount(nodes, weights, count)
        mean = np.bincount(nodes, weights * values, count) / weight
        values = values - mean.take(nodes)
        error = np.bincount(nodes, weights * values**2, count)
        self._means[self._active] = mean
        self._variances[self._active] = error / weight
        worth = (error > self._splitter.tolerance) & (weight >= 2 * self._growth.leaf)
        return self._narrowed(entries._replace(values=values), worth)

    def _narrowed(self, entries: Entries, kept: BoolArray) -> Entries:
        """Only the nodes `kept` (a,) stay active; the others are leaves."""
        if kept.all():
            return entries
        staying = kept.take(entries.nodes)
        gone = ~staying
        self._leaves[entries.numbers[gone]] = self._active[entries.nodes[gone]]
        self._active = self._active[kept]
        return entries.keep(staying, kept.cumsum() - 1)

    def split(self, entries: Entries) -> Entries:
        """Split the active nodes; what they are split into becomes active."""
        splits, entries = self._splitter.best(entries, len(self._active))
        entries = self._narrowed(entries, splits.found)
        active, count = self._active, len(self._active)
        if not count:
            return entries
        found = splits.found
        columns, thresholds = splits.columns[found], splits.thresholds[found]
        left_sets = splits.left_sets[found]
        self._columns[active], self._thresholds[active] = columns, thresholds
        self._left_sets[active] = left_sets
        self._children[active] = self._size + 2 * np.arange(count)
        self._active = self._size + np.arange(2 * count)
        self._trees[self._active] = np.repeat(self._trees[active], 2)
        self._size += 2 * count
        self._ends.append(self._size)
        by = columns.take(entries.nodes)
        values = self._splitter.rows[by, entries.points]
        right = values > thresholds.take(entries.nodes)
        chosen = np.flatnonzero(self._categories.take(by))
        right[chosen] = ~left_sets[entries.nodes[chosen], values[chosen].astype(np.int64)]
        return self._settled(entries._replace(nodes=2 * entries.nodes + right))

    def forest(self) -> Forest:
        """What has grown."""
        grown, categorical, trees = slice(self._size), self._categories > 0, len(self._roots)
        columns, thresholds = self._columns[grown], self._thresholds[grown]
        children, left_sets = self._children[grown], self._left_sets[grown]
        boxes = None
        if trees <= _FEW_TREES:
            of_tree = self._trees[grown]
            nodes = Nodes(columns, thresholds, children, left_sets, of_tree, self._ends)
            boxes = Boxes(nodes, trees, categorical)
        return Forest(
            categorical,
            columns,
            thresholds,
            children,
            left_sets,
            self._means[grown],
            self._variances[grown],
            self._roots,
            len(self._ends) - 1,
            self._points,
            self._weights,
            self._leaves,
            boxes,
        )
