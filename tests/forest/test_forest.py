"""Forests against scikit-learn, exhaustive search, direct sums and the laws that they follow."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import kstest
from sklearn.tree import DecisionTreeRegressor

from hpobench.forest.growth import Growth, grow
from hpobench.forest.quantile_forest import lowest, quantiles, weights
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.evidence import Evidence
from hpobench.space.space import Space


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def sample(count=80, width=4, levels=None, seed=1):
    """Points, of `levels` values a column if given, and values that depend on two of them."""
    draw = rng(seed)
    points = draw.random((count, width))
    if levels:
        points = draw.integers(levels, size=(count, width)).astype(float)
    return points, points[:, 0] * 3 + np.sin(5 * points[:, 1]) + draw.normal(0, 0.5, count)


def numbers(width):
    return np.zeros(width, dtype=np.int64)


@pytest.mark.parametrize("levels", [None, 5])
@pytest.mark.parametrize("leaf", [1, 4])
def test_a_tree_of_all_points_is_that_of_scikit_learn(leaf, levels):
    points, values = sample(levels=levels)
    growth = Growth(trees=3, leaf=leaf, bootstrap=False)
    mean, variance = grow(points, values, numbers(4), growth, rng()).predict(points)
    tree = DecisionTreeRegressor(min_samples_leaf=leaf, random_state=0).fit(points, values)
    if levels is None:  # else equal gains leave a choice of columns
        np.testing.assert_allclose(mean, tree.predict(points))
        np.testing.assert_allclose(variance, tree.tree_.impurity[tree.apply(points)], atol=1e-12)
    assert np.mean((values - mean) ** 2) <= np.mean((values - tree.predict(points)) ** 2) + 0.05


def test_bootstrapped_trees_are_those_of_scikit_learn_with_weights():
    points, values = sample()
    forest = grow(points, values, numbers(4), Growth(trees=6), rng())
    leaves = forest.apply(points)
    tree_of = np.searchsorted(
        np.flatnonzero(np.diff(forest.points, prepend=-1) < 0),
        np.arange(len(forest.points)),
        side="right",
    )
    for tree in range(6):
        drawn = tree_of == tree
        assert forest.weights[drawn].sum() == len(points)
        own = forest.points[drawn]
        reference = DecisionTreeRegressor(random_state=0)
        reference.fit(points[own], values[own], sample_weight=forest.weights[drawn])
        np.testing.assert_allclose(forest.means[leaves[own, tree]], reference.predict(points[own]))
        np.testing.assert_array_equal(forest.leaves[drawn], leaves[own, tree])


def test_mean_and_variance_follow_the_law_of_total_variance():
    points, values = sample()
    forest = grow(points, values, numbers(4), Growth(trees=5, leaf=6), rng())
    queries = rng(9).random((30, 4))
    leaves = forest.apply(queries)
    mean, variance = forest.predict(queries)
    for query in range(30):
        drawn = []
        for tree in range(5):
            own = forest.leaves == leaves[query, tree]
            times = forest.weights[own].astype(int)
            drawn.append(np.repeat(values[forest.points[own]], times))
        means = np.array([one.mean() for one in drawn])
        within = np.mean([one.var() for one in drawn])
        assert mean[query] == pytest.approx(means.mean())
        assert variance[query] == pytest.approx(within + np.mean(means**2) - means.mean() ** 2)


@pytest.mark.parametrize("seed", range(5))
def test_categories_are_split_as_well_as_any_two_sets(seed):
    """All 2^4 - 1 ways of splitting five categories in two."""
    draw = rng(seed)
    points, values = draw.integers(5, size=(40, 1)).astype(float), draw.normal(size=40)
    growth = Growth(trees=1, bootstrap=False)
    forest = grow(points, values, np.array([5]), growth, draw)
    categories = points[:, 0].astype(int)

    def error(left):
        inside = np.isin(categories, left)
        return sum(values[part].var() * part.sum() for part in (inside, ~inside) if part.any())

    ways = [way for size in (1, 2) for way in combinations(range(5), size)]
    assert error(np.flatnonzero(forest.left_sets[0])) == pytest.approx(min(map(error, ways)))


def test_a_category_that_a_node_has_not_seen_goes_either_way():
    points, values = np.array([[0.0], [1.0]]), np.array([0.0, 1.0])
    growth = Growth(trees=2000, bootstrap=False)
    forest = grow(points, values, np.array([3]), growth, rng())
    mean, _ = forest.predict(np.array([[0.0], [1.0], [2.0]]))
    assert mean[:2].tolist() == [0, 1]
    assert abs(mean[2] - 0.5) < 4 * np.sqrt(0.25 / 2000)


def test_thresholds_are_uniform_between_neighbours():
    points, values = np.array([[0.0], [1.0]]), np.array([0.0, 1.0])
    forest = grow(points, values, numbers(1), Growth(trees=2000, bootstrap=False), rng())
    assert kstest(forest.thresholds[:2000], "uniform").pvalue > 0.01


@pytest.mark.parametrize("part", [1.0, 0.5])
def test_equal_columns_are_chosen_evenly(part):
    points, values = np.repeat([[0.0], [1.0]], 4, axis=1), np.array([0.0, 1.0])
    growth = Growth(trees=4000, split_columns=part, bootstrap=False)
    columns = grow(points, values, numbers(4), growth, rng()).columns[:4000]
    counts = np.bincount(columns, minlength=4)
    assert np.abs(counts - 1000).max() < 4 * np.sqrt(4000 * 0.25 * 0.75)


def test_with_one_column_a_node_the_best_is_drawn_no_more_than_others():
    """The first column explains all; of 4 columns, 1 is drawn: a quarter of the roots."""
    points, values = sample(60)
    values = np.round(points[:, 0])
    growth = Growth(trees=2000, split_columns=0.25, bootstrap=False)
    roots = grow(points, values, numbers(4), growth, rng()).columns[:2000]
    assert abs((roots == 0).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 2000)


@pytest.mark.parametrize("leaf", [1, 3, 7])
def test_leaves_hold_enough_points(leaf):
    points, values = sample()
    forest = grow(points, values, numbers(4), Growth(leaf=leaf), rng())
    held = np.bincount(forest.leaves, forest.weights)
    assert held[held > 0].min() >= leaf
    assert held.sum() == 10 * len(values)


def test_samples_are_bounded():
    points, values = sample(300)
    forest = grow(points, values, numbers(4), Growth(trees=4, points=50), rng())
    assert forest.weights.sum() == 200


def test_equal_values_make_a_leaf():
    points, _ = sample()
    mean, variance = grow(points, np.full(80, 2.5), numbers(4), Growth(), rng()).predict(points)
    np.testing.assert_allclose(mean, 2.5)
    assert not variance.any()


def test_more_nodes_than_16_bits_count():
    points, values = np.array([[0.0], [1.0]]), np.array([0.0, 1.0])
    forest = grow(points, values, numbers(1), Growth(trees=70_000, bootstrap=False), rng())
    assert len(forest.means) == 3 * 70_000
    np.testing.assert_array_equal(
        forest.means[forest.apply(points)], np.tile(values[:, None], 70_000)
    )


def test_same_seed_same_forest():
    points, values = sample()
    first, second = (grow(points, values, numbers(4), Growth(), rng(5)) for _ in range(2))
    for one, other in zip(first._replace(boxes=None), second._replace(boxes=None), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("count", [12, 80, 400])
@pytest.mark.parametrize("categories", [(0, 0, 0), (4, 0, 3), (2, 5, 3)])
def test_boxes_send_queries_where_walking_does(count, categories):
    """Few leaves, up to 64 a tree, and more; queries on thresholds go left."""
    draw, categories = rng(count), np.array(categories)
    points = draw.random((count, 3))
    queries = np.concatenate([draw.random((300, 3)), np.full((1, 3), -1.0)])
    for column in np.flatnonzero(categories):
        points[:, column] = draw.integers(categories[column], size=count)
        queries[:, column] = draw.integers(categories[column], size=len(queries))
    forest = grow(points, draw.normal(size=count), categories, Growth(trees=7), draw)
    at = np.flatnonzero(np.isfinite(forest.thresholds) & (categories[forest.columns] == 0))
    queries[at[:50], forest.columns[at[:50]]] = forest.thresholds[at[:50]]
    np.testing.assert_array_equal(forest.apply(queries), forest.walked(queries))


def test_boxes_of_trees_without_splits():
    forest = grow(np.zeros((5, 2)), np.arange(5.0), numbers(2), Growth(trees=3), rng())
    assert forest.apply(np.zeros((2, 2))).tolist() == [[0, 1, 2]] * 2


def dense(entries, shape):
    query, point, weight = entries
    found = np.zeros(shape)
    np.add.at(found, (query, point), weight)
    return found


def test_weights_are_shares_of_leaves():
    """Meinshausen (2006), equations 4 and 5, written out."""
    points, values = sample(30)
    forest = grow(points, values, numbers(4), Growth(trees=4, leaf=3), rng())
    queries = rng(3).random((10, 4))
    found, leaves = dense(weights(forest, queries), (10, 30)), forest.apply(queries)
    for query in range(10):
        expected = np.zeros(30)
        for tree in range(4):
            own = forest.leaves == leaves[query, tree]
            expected[forest.points[own]] += forest.weights[own] / forest.weights[own].sum() / 4
        np.testing.assert_allclose(found[query], expected)
    np.testing.assert_allclose(found @ values, forest.predict(queries)[0])


def test_quantiles_are_those_of_numpy_with_weights():
    points, values = sample(40)
    forest = grow(points, values, numbers(4), Growth(leaf=5), rng())
    queries, levels = rng(3).random((25, 4)), np.array([0.11, 0.31, 0.52, 0.73, 0.94])
    found = quantiles(forest, values, queries, levels)
    shares = dense(weights(forest, queries), (25, 40))
    for query in range(25):
        expected = np.quantile(
            values, levels, method="inverted_cdf", weights=np.round(shares[query], 12)
        )
        np.testing.assert_array_equal(found[query], expected)


@pytest.mark.parametrize("seed", range(4))
def test_the_lowest_sums_of_quantiles_and_what_is_added(seed):
    """Against all quantiles; values with ties."""
    points, values = sample(60, seed=seed)
    draw, values = rng(seed), np.round(values, 1)
    forest = grow(points, values, numbers(4), Growth(leaf=3), draw)
    queries, levels = draw.random((900, 4)), np.array([0.2, 0.4, 0.6])
    drawn, added = draw.integers(3, size=900), np.array([0.3, 0.0, -0.2])
    found = quantiles(forest, values, queries, levels[drawn, None])[:, 0] + added[drawn]
    expected = np.flatnonzero(found <= found.min() + 1e-12)
    leaves = forest.apply(queries)
    assert lowest(forest, values, leaves, levels, drawn, added).tolist() == expected.tolist()


def test_points_of_inactive_hyperparameters():
    space = Space(
        {
            "kind": {"type": "categorical", "values": ["a", "b", "c"]},
            "rate": {"type": "float", "low": 0, "high": 1, "when": {"kind": "a"}},
            "mode": {"type": "categorical", "values": ["x", "y"], "when": {"kind": ["a", "b"]}},
        }
    )
    candidates = Candidates(space, rng())
    evidence = Evidence(candidates, 2)
    configs = [
        {"kind": "a", "rate": 0.25, "mode": "y"},
        {"kind": "b", "mode": "x"},
        {"kind": "c"},
    ]
    points = evidence.points(candidates.unit.rows(configs))
    assert points.tolist() == [[0, 0.25, 1], [1, -1, 0], [2, -1, 2]]
    assert evidence.categories.tolist() == [4, 0, 3]


@pytest.mark.parametrize("setting", [{"trees": 0}, {"leaf": 1.5}, {"split_columns": 0}])
def test_growth_that_makes_no_sense_is_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        Growth(**setting)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_few_levels_give_the_same_forest(share):
    """Which is grown from sums over levels, in place of points in their order."""
    points, values = sample(400, levels=7)
    growth = Growth(trees=8, leaf=3, split_columns=share)
    forests = [
        grow(points, values, numbers(4), growth, rng(), levels=levels)
        for levels in (None, np.full(4, 7))
    ]
    for one, other in zip(*forests, strict=True):
        if isinstance(one, np.ndarray):
            np.testing.assert_allclose(one, other, atol=1e-9)
