"""To which leaves of a forest queries go: by sets of leaves, kept as bits, not node after node.

Lucchese, Nardini, Orlando, Perego, Tonellotto and Venturini (2015), QuickScorer: A Fast Algorithm
to Rank Documents with Additive Ensembles of Regression Trees, SIGIR, section 3. Each split leaves a
query the leaves of one side. What all splits by a column leave depends on where its value lies
among their thresholds, or on its category: that is tabulated. All columns together leave one leaf.

Notation: m queries, d columns, t trees, q nodes, c the most categories; w words of 64 bits hold a
set of the leaves of a tree.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import BoolArray, FloatArray, IntArray

Bits = NDArray[np.uint64]
_WORD = 64
_ALL = np.iinfo(np.uint64).max


class Nodes(NamedTuple):
    """Nodes (q,) as a `Forest` has them, those of a depth after those of all lesser ones.

    `trees` (q,): of which tree each is; `ends`: by depth, where its nodes end.
    """

    columns: IntArray
    thresholds: FloatArray
    children: IntArray
    left_sets: BoolArray
    trees: IntArray
    ends: Sequence[int]


class Boxes:
    """The leaves of `trees` trees. What it takes in memory grows with nodes times trees.

    Tables are made with the first query: of a forest that is only looked at there are none.
    """

    def __init__(self, nodes: Nodes, trees: int, categorical: BoolArray) -> None:
        self._given: tuple[Nodes, int, BoolArray] | None = (nodes, trees, categorical)

    def _prepare(self, nodes: Nodes, trees: int, categorical: BoolArray) -> None:
        inner = nodes.children != np.arange(len(nodes.children))
        leaves = np.flatnonzero(~inner)
        leaves = leaves[np.argsort(nodes.trees[leaves], kind="stable")]
        sizes = np.bincount(nodes.trees[leaves])
        ranks = np.arange(len(leaves)) - np.repeat(sizes.cumsum() - sizes, sizes)
        self._words = int(sizes.max() - 1) // _WORD + 1
        self._leaves = np.zeros((trees, self._words * _WORD), dtype=np.int64)
        self._leaves[nodes.trees[leaves], ranks] = leaves
        bits = np.zeros((len(inner), self._words), dtype=np.uint64)
        bits[leaves, ranks // _WORD] = np.uint64(1) << (ranks % _WORD).astype(np.uint64)
        for start, end in zip(nodes.ends[-2::-1], nodes.ends[:0:-1], strict=True):
            # Their parents, whose children lie here, two by two.
            parents = np.flatnonzero(inner & (nodes.children >= start) & (nodes.children < end))
            bits[parents] = bits[start:end:2] | bits[start + 1 : end : 2]
        self._roots = bits[:trees].ravel()
        self._tables: list[tuple[int, FloatArray | None, Bits]] = []
        by_column = np.argsort(nodes.columns[inner], kind="stable")
        split = np.flatnonzero(inner)[by_column]
        used, starts = np.unique(nodes.columns[split], return_index=True)
        ends = np.append(starts, len(split))[1:]
        for column, start, end in zip(used.tolist(), starts, ends, strict=True):
            chosen = split[start:end]
            if categorical[column]:
                table = _of_categories(nodes, chosen, bits, trees)
                self._tables.append((column, None, table))
            else:
                chosen = chosen[np.argsort(nodes.thresholds[chosen])]
                table = _of_numbers(nodes, chosen, bits, trees)
                self._tables.append((column, nodes.thresholds[chosen], table))

    def apply(self, queries: FloatArray) -> IntArray:
        """(m, t): the leaf of each query (m, d) in each tree."""
        if self._given is not None:
            self._prepare(*self._given)
            self._given = None
        left = np.repeat(self._roots[None], len(queries), axis=0)
        for column, thresholds, table in self._tables:
            values = queries[:, column]
            if thresholds is None:
                left &= table.take(values.astype(np.int64), axis=0)
            else:
                left &= table.take(thresholds.searchsorted(values), axis=0)
        trees, width = self._leaves.shape
        places = np.arange(0, trees * width, width)
        if self._words > 1:
            words = left.reshape(len(queries), trees, self._words)
            at = (words != 0).argmax(axis=2)
            left = np.take_along_axis(words, at[:, :, None], axis=2)[:, :, 0]
            places = places + at * _WORD
        # Below the only bit that is left are as many as its number.
        found: IntArray = self._leaves.take(np.bitwise_count(left - np.uint64(1)) + places)
        return found


def _of_numbers(nodes: Nodes, chosen: IntArray, bits: Bits, trees: int) -> Bits:
    """(k + 1, t w): what `chosen` nodes (k,), by threshold, leave if i of those are exceeded."""
    below, above = np.full((2, len(chosen) + 1, trees, bits.shape[1]), _ALL, dtype=np.uint64)
    every, tree, lefts = np.arange(len(chosen)), nodes.trees[chosen], nodes.children[chosen]
    below[every + 1, tree] = ~bits[lefts]
    above[every, tree] = ~bits[lefts + 1]
    np.bitwise_and.accumulate(below, axis=0, out=below)
    np.bitwise_and.accumulate(above[::-1], axis=0, out=above[::-1])
    below &= above
    return below.reshape(len(below), -1)


def _of_categories(nodes: Nodes, chosen: IntArray, bits: Bits, trees: int) -> Bits:
    """(c, t w): what `chosen` nodes leave, by category."""
    chosen = chosen[np.argsort(nodes.trees[chosen], kind="stable")]
    lefts = nodes.children[chosen]
    goes_left = nodes.left_sets[chosen][:, :, None]
    gone = np.where(goes_left, bits[lefts + 1, None], bits[lefts, None])
    present, starts = np.unique(nodes.trees[chosen], return_index=True)
    table = np.full((nodes.left_sets.shape[1], trees, bits.shape[1]), _ALL, dtype=np.uint64)
    table[:, present] = np.bitwise_and.reduceat(~gone, starts, axis=0).transpose(1, 0, 2)
    return table.reshape(len(table), -1)
