"""Forests that are kept: means against direct sums, and when trees are grown anew."""

import numpy as np
import pytest

from hpobench.forest.growth import Growth
from hpobench.forest.kept import KeptForest

NUMBERS = np.zeros(2, dtype=np.int64)


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def kept(refit, trees=10, **settings):
    return KeptForest(NUMBERS, Growth(trees=trees, **settings), refit, rng())


POINTS = rng(1).random((40, 2))
VALUES = POINTS[:, 0] + rng(2).normal(0, 0.1, 40)


def structure(forest):
    return forest.thresholds.tobytes()


def test_trees_stay_until_a_part_of_the_points_is_new():
    forest = kept(0.1)
    grown = structure(forest.updated(POINTS[:20], VALUES[:20]))
    same = [structure(forest.updated(POINTS[:n], VALUES[:n])) == grown for n in (20, 21, 22, 23)]
    assert same == [True, True, True, False]  # 3 of 23 are more than a tenth


def test_without_refit_trees_are_grown_each_time():
    forest = kept(0.0)
    first, second = (structure(forest.updated(POINTS, VALUES)) for _ in range(2))
    assert first != second


def test_new_points_and_values_count_in_the_leaves_of_the_trees():
    """Without a bootstrap each tree has each point once: leaves hold plain means of all."""
    forest = kept(0.5, trees=2, leaf=4, bootstrap=False)
    forest.updated(POINTS[:30], VALUES[:30])
    found = forest.updated(POINTS, np.exp(VALUES))
    leaves = found.apply(POINTS)
    for tree in range(2):
        means = [np.exp(VALUES)[leaves[:, tree] == leaf].mean() for leaf in leaves[:, tree]]
        np.testing.assert_allclose(found.means[leaves[:, tree]], means)


def test_a_new_point_is_in_a_tree_as_often_as_in_a_sample():
    """Poisson(1): mean and variance of 4,000 counts are 1."""
    forest = kept(0.5, trees=4000)
    forest.updated(POINTS[:10], VALUES[:10])
    found = forest.updated(POINTS[:11], VALUES[:11])
    times = np.bincount(found.weights[found.points == 10].astype(int), minlength=2)
    times[0] = 4000 - times.sum()
    mean = times @ np.arange(len(times)) / 4000
    assert abs(mean - 1) < 4 / 4000**0.5
    assert abs(times[0] / 4000 - np.exp(-1)) < 4 * (np.exp(-1) * (1 - np.exp(-1)) / 4000) ** 0.5


def test_points_may_come_in_another_order_but_none_may_go():
    """What was pending is observed after others that began later."""
    forest = kept(0.5)
    grown = forest.updated(POINTS[:20], VALUES[:20])
    order = rng(3).permutation(20)
    again = forest.updated(POINTS[order], VALUES[order])
    assert structure(again) == structure(grown)
    np.testing.assert_allclose(again.means, grown.means)
    assert not forest.stale(POINTS[:21])
    assert forest.stale(POINTS[1:21])


def test_a_part_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="refit=-1"):
        kept(-1)
