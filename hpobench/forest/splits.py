"""The best splits of all nodes of a level of a forest, in all of its trees at once.

Hutter, Xu, Hoos and Leyton-Brown (2014), Algorithm runtime prediction: Methods & evaluation,
Artificial Intelligence 206, section 4.1: the split that lowers the squared error most, its
threshold drawn evenly between the two neighbouring values. Categories are split by their mean
(Breiman et al. 1984, Classification and Regression Trees, theorem 4.5: no two sets are better).

Notation: n points, d columns, of which k categorical, c the most categories of a column; e entries
(a point in a tree) in the a nodes of the level.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import BoolArray, FloatArray, IntArray


class Entries(NamedTuple):
    """The entries (e,) in nodes that may be split; `orders` (d, e) sort them by each column.

    `numbers` among all entries, `nodes` in [0, a), `values` less the mean of their node.
    """

    numbers: IntArray
    points: IntArray
    weights: FloatArray
    values: FloatArray
    nodes: IntArray
    orders: IntArray

    def keep(self, kept: BoolArray, nodes: IntArray) -> "Entries":
        """The entries `kept` (e,); `nodes` (a,) are the new numbers of their nodes."""
        orders = (kept.cumsum() - 1).take(self.orders[kept.take(self.orders)])
        left = self.numbers[kept]
        return Entries(
            left,
            self.points[kept],
            self.weights[kept],
            self.values[kept],
            nodes[self.nodes[kept]],
            orders.reshape(len(self.orders), len(left)),
        )


class Splits(NamedTuple):
    """(a,): the best column of each node, its threshold, the categories that go left (a, c)."""

    found: BoolArray
    columns: IntArray
    thresholds: FloatArray
    left_sets: BoolArray


@dataclass(frozen=True, slots=True)
class Splitter:
    """Splits of points whose columns are the `rows` (d, n).

    `categorical` (k,): columns whose values are the indices of categories. `leaf`,
    `split_columns`: see `Growth`. Errors that differ by less than `tolerance` are equal, and one of
    equal columns is drawn.
    """

    rows: FloatArray
    categorical: IntArray
    most_categories: int
    leaf: int
    split_columns: float
    tolerance: float
    rng: np.random.Generator

    def ordered(self, points: IntArray) -> IntArray:
        """(d, e): these points by each column."""
        return np.argsort(self.rows[:, points], axis=1, kind="stable")

    def best(self, entries: Entries, count: int) -> tuple[Splits, Entries]:
        """The best split of each of `count` nodes, and the entries sorted anew."""
        keys, means = self._keys(entries, count)
        orders = self._sorted(entries, keys, count)
        gains = self._gains(entries, _along(keys, orders), orders, count)
        sizes = np.bincount(entries.nodes, minlength=count)
        every, nodes = np.arange(count), np.repeat(np.arange(count), sizes)
        best = np.maximum.reduceat(gains, sizes.cumsum() - sizes, axis=1)
        columns = self._drawn(best)
        highest = best[columns, every]
        hits = np.flatnonzero(gains[columns[nodes], np.arange(len(nodes))] >= highest[nodes])
        places = hits[np.searchsorted(nodes[hits], every)]
        after = np.minimum(places + 1, len(nodes) - 1)
        lower, upper = (keys[columns, orders[columns, place]] for place in (places, after))
        thresholds = lower + self.rng.random(count) * (upper - lower)
        thresholds = np.where(thresholds < upper, thresholds, lower)
        splits = Splits(highest >= 0, columns, thresholds, self._sets(columns, thresholds, means))
        return splits, entries._replace(orders=orders)

    def _keys(self, entries: Entries, count: int) -> tuple[FloatArray, FloatArray]:
        """(d, e): by what each column is sorted, numbers or the means of categories (k, a, c)."""
        keys = self.rows.take(entries.points, axis=1)
        shape = len(self.categorical), count, self.most_categories
        if not len(self.categorical):
            return keys, np.empty(shape)
        cells = entries.nodes * shape[2] + keys[self.categorical].astype(np.int64)
        cells += np.arange(shape[0])[:, None] * (shape[1] * shape[2])
        flat, size = cells.ravel(), shape[0] * shape[1] * shape[2]
        weight = np.bincount(flat, np.tile(entries.weights, shape[0]), size)
        total = np.bincount(flat, np.tile(entries.weights * entries.values, shape[0]), size)
        means = np.full(size, np.nan)
        np.divide(total, weight, out=means, where=weight > 0)
        keys[self.categorical] = means.take(cells)
        return keys, means.reshape(shape)

    def _sorted(self, entries: Entries, keys: FloatArray, count: int) -> IntArray:
        """(d, e): the entries by node, and in a node by key."""
        orders = entries.orders.copy()
        if len(self.categorical):
            orders[self.categorical] = np.argsort(keys[self.categorical], axis=1)
        # Integers of 16 bits are sorted several times faster.
        nodes = entries.nodes.astype(np.uint16 if count < 2**16 else np.int64)
        return _along(orders, np.argsort(nodes.take(orders), axis=1, kind="stable"))

    def _gains(
        self, entries: Entries, keys: FloatArray, orders: IntArray, count: int
    ) -> FloatArray:
        """(d, e): how much squared error falls if a node is split after an entry; -1: it cannot be.

        With sums s and weights w of the two parts of values whose mean is 0: s^2 (1/w_l + 1/w_r).
        """
        nodes = entries.nodes.take(orders[0])
        weight = np.bincount(entries.nodes, entries.weights, count)
        left = entries.weights.take(orders).cumsum(axis=1)
        left -= (weight.cumsum() - weight).take(nodes)
        weight = weight.take(nodes)
        sums = (entries.weights * entries.values).take(orders).cumsum(axis=1)
        allowed = (left >= self.leaf) & (left <= weight - self.leaf)
        allowed[:, :-1] &= keys[:, :-1] < keys[:, 1:]
        gains = np.full(orders.shape, -1.0)
        np.divide(sums * sums * weight, left * (weight - left), out=gains, where=allowed)
        return gains

    def _drawn(self, best: FloatArray) -> IntArray:
        """(a,): the best of the columns drawn for each node, from the best gains (d, a)."""
        order = self.rng.random(best.shape)
        size = max(round(self.split_columns * len(best)), 1)
        if size < len(best):
            drawn = np.where(order.argsort(axis=0).argsort(axis=0) < size, best, -1.0)
            # As usual, a node that none of them can split may be split by the others.
            best = np.where(drawn.max(axis=0) >= 0, drawn, best)
        ties = best >= best.max(axis=0) - self.tolerance
        columns: IntArray = np.where(ties, order, -1.0).argmax(axis=0)
        return columns

    def _sets(self, columns: IntArray, thresholds: FloatArray, means: FloatArray) -> BoolArray:
        """(a, c): the categories that go left; those that a node has not seen go either way."""
        sets = np.ones((len(columns), self.most_categories), dtype=bool)
        if len(self.categorical):
            numbers = np.searchsorted(self.categorical[:-1], columns)
            chosen = np.flatnonzero(self.categorical[numbers] == columns)
            mean = means[numbers[chosen], chosen]
            unseen = self.rng.random(mean.shape) < 0.5
            sets[chosen] = np.where(np.isnan(mean), unseen, mean <= thresholds[chosen, None])
        return sets


@dataclass(frozen=True, slots=True)
class LevelSplitter(Splitter):
    """The same for numbers 0, 1, ... that are few: by sums over the entries of each, unsorted.

    `levels` (d,): how many there are. Sums are of the same values in another order.
    """

    levels: IntArray

    def ordered(self, points: IntArray) -> IntArray:
        """(0, e): no order is needed."""
        return np.empty((0, len(points)), dtype=np.int64)

    def best(self, entries: Entries, count: int) -> tuple[Splits, Entries]:
        """The best split of each of `count` nodes, and the entries as they are."""
        weighted = entries.weights * entries.values
        made = [
            self._of_column(entries, weighted, count, column, levels)
            for column, levels in enumerate(self.levels.tolist())
        ]
        best, lower, upper = (np.array(parts) for parts in zip(*made, strict=True))
        columns, every = self._drawn(best), np.arange(count)
        low, high = lower[columns, every], upper[columns, every]
        thresholds = low + self.rng.random(count) * (high - low)
        thresholds = np.where(thresholds < high, thresholds, low)
        no_sets = np.ones((count, self.most_categories), dtype=bool)
        return Splits(best[columns, every] >= 0, columns, thresholds, no_sets), entries

    def _of_column(
        self, entries: Entries, weighted: FloatArray, count: int, column: int, levels: int
    ) -> tuple[FloatArray, IntArray, IntArray]:
        """(a,): the highest gain of each node, and the levels that it is between."""
        cells = entries.nodes * levels + self.rows[column].take(entries.points).astype(np.int64)
        weight = np.bincount(cells, entries.weights, count * levels)
        present = np.flatnonzero(weight)
        nodes, level = np.divmod(present, levels)
        starts = np.searchsorted(nodes, np.arange(count))
        left, sums = weight[present], np.bincount(cells, weighted, count * levels)[present]
        total = np.add.reduceat(left, starts).take(nodes)
        for part in (left, sums):
            first = part[starts]
            part.cumsum(out=part)
            part -= (part[starts] - first).take(nodes)
        gains = np.full(len(present), -1.0)
        allowed = (left >= self.leaf) & (left <= total - self.leaf)
        np.divide(sums * sums * total, left * (total - left), out=gains, where=allowed)
        best = np.maximum.reduceat(gains, starts)
        hits = np.flatnonzero(gains >= best.take(nodes))
        places = hits[np.searchsorted(nodes[hits], np.arange(count))]
        return best, level[places], level[np.minimum(places + 1, len(level) - 1)]


def _along(rows: NDArray[Any], places: IntArray) -> NDArray[Any]:
    """The entries of each row (d, e) at its places (d, e)."""
    count, width = rows.shape
    return rows.ravel().take(places + np.arange(0, count * width, width)[:, None])
