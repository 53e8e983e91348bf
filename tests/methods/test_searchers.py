"""Searchers against closed forms, SciPy and their papers."""

import math
from collections import Counter
from itertools import islice, product

import numpy as np
import pytest
from scipy.stats import qmc

from hpobench.methods.searchers.evolution import RegularizedEvolution
from hpobench.methods.searchers.grid_search import GridSearch
from hpobench.methods.searchers.local_search import LocalSearcher
from hpobench.methods.searchers.mutation import mutate
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.methods.searchers.sobol import Sobol
from hpobench.records import Evaluation, Job
from hpobench.space.space import Space

UNIT = Space({name: {"type": "float", "low": 0, "high": 1} for name in "abc"})
TEN = Space({"x": {"type": "integer", "low": 0, "high": 9}})
SKEWED = Space({"x": {"type": "integer", "low": 1, "high": 300, "log": True}})
TREE = Space(
    {
        "kind": {"type": "categorical", "values": ["none", "some"]},
        "size": {"type": "integer", "low": 1, "high": 20, "when": {"kind": "some"}},
    }
)


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def suggestions(searcher, count=10**6):
    """The next `count` suggestions, fewer if the space is exhausted."""
    return list(islice(iter(lambda: searcher.suggest({}), None), count))


def tell(searcher, trial, config, value, start=0, end=1):
    values = np.array([value], dtype=float)
    evaluation = Evaluation(np.array([float(end)]), np.array([1.0]), values, 1.0)
    searcher.observe(Job(trial, config, start, end), evaluation)


@pytest.mark.parametrize("searcher", [RandomSearch, Sobol, LocalSearcher])
@pytest.mark.parametrize("space", [TEN, SKEWED, TREE], ids=["ten", "skewed", "tree"])
def test_without_replacement_all_points_come_once(searcher, space):
    found = [space.index_of(config) for config in suggestions(searcher(space, rng()))]
    assert sorted(found) == list(range(space.size))


@pytest.mark.parametrize("searcher", [RandomSearch, Sobol])
def test_points_of_a_conditional_space_too_large_to_list_come_once(searcher):
    """Half of all draws are the one configuration without `size`."""
    more = {"units": {"type": "integer", "low": 1, "high": 20_000, "when": {"kind": "some"}}}
    space = Space({"kind": {"type": "categorical", "values": ["none", "some"]}} | more)
    assert space.size is None
    found = suggestions(searcher(space, rng()), 200)
    assert len(set(map(space.key, found))) == 200


@pytest.mark.parametrize("searcher", [RandomSearch, Sobol, LocalSearcher, GridSearch])
def test_excluded_points_do_not_come(searcher):
    settings = {"resolution": None} if searcher is GridSearch else {}
    one = searcher(TEN, rng(), **settings)
    one.exclude({"x": 4})
    assert sorted(config["x"] for config in suggestions(one)) == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_the_last_points_are_listed_and_still_exclude():
    """Nearly all odds are on x = 1, so the others are left to the list."""
    space = Space({"x": {"type": "integer", "low": 1, "high": 20_000, "log": True}})
    searcher = RandomSearch(space, rng())
    for value in range(1, 19_990):
        searcher.exclude({"x": value})
    first = searcher.suggest({})["x"]
    excluded = 19_999 if first != 19_999 else 19_998
    searcher.exclude({"x": excluded})
    rest = [config["x"] for config in suggestions(searcher)]
    assert sorted([first, excluded, *rest]) == list(range(19_990, 20_001))


def test_with_replacement_it_never_ends():
    found = suggestions(RandomSearch(TEN, rng(), replace=True), 1000)
    assert len(found) == 1000
    assert {config["x"] for config in found} == set(range(10))


def test_random_search_keeps_the_declared_scale():
    """The first draw on a log scale from 1 to 300: P(x <= 17) = log(35) / log(601)."""
    draws = [RandomSearch(SKEWED, rng(seed)).suggest({})["x"] for seed in range(1000)]
    expected = math.log(35) / math.log(601)
    error = math.sqrt(expected * (1 - expected) / 1000)
    assert abs(np.mean(np.array(draws) <= 17) - expected) < 3 * error


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("count", [1, 3, 6])
def test_mean_best_of_n_is_the_order_statistic(count, replace):
    """P(min >= k) = C(10 - k, n) / C(10, n), or ((10 - k) / 10)^n with replacement.

    Values are 0..9, so E[min] = sum over k >= 1 of P(min >= k), E[min^2] the sum of (2k - 1) P.
    """
    if replace:
        tail = [((10 - k) / 10) ** count for k in range(1, 10)]
    else:
        tail = [math.comb(10 - k, count) / math.comb(10, count) for k in range(1, 10)]
    mean = sum(tail)
    variance = sum((2 * k - 1) * p for k, p in enumerate(tail, 1)) - mean**2
    runs = 1500
    best = [
        min(config["x"] for config in suggestions(RandomSearch(TEN, rng(seed), replace), count))
        for seed in range(runs)
    ]
    assert abs(np.mean(best) - mean) < 3 * math.sqrt(variance / runs)


def test_sobol_is_scipys():
    found = UNIT.to_unit(suggestions(Sobol(UNIT, rng(7)), 300))
    theirs = qmc.Sobol(3, scramble=True, rng=rng(7)).random(512)[:300]
    assert np.array_equal(found, theirs)


GRID = Space(
    {
        "rate": {"type": "float", "low": 0.01, "high": 1, "log": True},
        "count": {"type": "integer", "low": 0, "high": 10},
        "flag": {"type": "ordinal", "values": ["off", "on"]},
        "kind": {"type": "categorical", "values": list("abcd")},
    }
)
AXES = ([0.01, 0.1, 1.0], [0, 5, 10], ["off", "on"], list("abcd"))


def test_grid_in_order():
    found = suggestions(GridSearch(GRID, rng(), resolution=3, shuffle=False))
    for config, point in zip(found, product(*AXES), strict=True):
        assert config["rate"] == pytest.approx(point[0])
        assert tuple(config.values())[1:] == point[1:]


def test_grid_shuffled_covers_the_same():
    in_order, shuffled, other = (
        [GRID.key(config) for config in suggestions(GridSearch(GRID, rng(seed), 3, shuffle))]
        for seed, shuffle in ((0, False), (0, True), (1, True))
    )
    assert sorted(in_order) == sorted(shuffled) == sorted(other)
    assert in_order != shuffled != other


def test_grid_permutations_are_all_equally_likely():
    """Chi-squared with 5 degrees of freedom: above 20.5 one time in a thousand."""
    space = Space({"x": {"type": "categorical", "values": [0, 1, 2]}})
    orders = Counter(
        tuple(config["x"] for config in suggestions(GridSearch(space, rng(seed))))
        for seed in range(1200)
    )
    assert len(orders) == 6
    assert sum((seen - 200) ** 2 / 200 for seen in orders.values()) < 20.5


def test_grid_of_one_level_is_the_middle():
    found = suggestions(GridSearch(UNIT, rng(), resolution=1))
    assert found == [{"a": 0.5, "b": 0.5, "c": 0.5}]


def test_grid_with_all_levels():
    space = Space({"x": {"type": "integer", "low": 1, "high": 7, "log": True}})
    found = suggestions(GridSearch(space, rng(), resolution=None, shuffle=False))
    assert [config["x"] for config in found] == [1, 2, 3, 4, 5, 6, 7]


def test_grid_may_be_astronomic():
    space = Space({f"x{i}": {"type": "float", "low": 0, "high": 1} for i in range(60)})
    found = suggestions(GridSearch(space, rng(), resolution=3), 50)
    assert len({space.key(config) for config in found}) == 50


MUTABLE = Space(
    {
        "log": {"type": "float", "low": 1e-6, "high": 1, "log": True},
        "narrow": {"type": "integer", "low": 1, "high": 2},
        "wide": {"type": "integer", "low": 1, "high": 10**6},
        "ranks": {"type": "ordinal", "values": [5, 1, 3]},
        "fixed": {"type": "float", "low": 2, "high": 2},
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
    }
)


@pytest.mark.parametrize("step", [1e-9, 0.2, 1])
def test_a_mutation_changes_exactly_one_hyperparameter(step):
    generator, changed = rng(), Counter()
    config = MUTABLE.sample(generator, 1)[0]
    for _ in range(600):
        mutant = mutate(MUTABLE, config, generator, step)
        MUTABLE.validate(mutant)
        differing = [name for name in MUTABLE.names if mutant[name] != config[name]]
        assert len(differing) == 1
        changed[differing[0]] += 1
        config = mutant
    assert sorted(changed) == ["kind", "log", "narrow", "ranks", "wide"]


def test_mutations_of_a_category_are_uniform_over_the_others():
    space = Space({"kind": {"type": "categorical", "values": list("abcd")}})
    generator = rng()
    seen = Counter(mutate(space, {"kind": "b"}, generator, 0.2)["kind"] for _ in range(900))
    assert set(seen) == {"a", "c", "d"}
    # A count has the standard deviation sqrt(900 * 1/3 * 2/3) = 14.1.
    assert all(abs(count - 300) < 3 * 14.2 for count in seen.values())


def test_numeric_mutations_are_a_truncated_normal():
    """From the edge the normal is cut to its half: mean 0.2 * sqrt(2 / pi), second moment 0.04."""
    space = Space({"x": {"type": "float", "low": 0, "high": 1}})
    generator = rng()
    steps = np.array([mutate(space, {"x": 0.0}, generator, 0.2)["x"] for _ in range(2000)])
    mean = 0.2 * math.sqrt(2 / math.pi)
    assert abs(steps.mean() - mean) < 3 * math.sqrt((0.04 - mean**2) / 2000)


def test_nothing_to_mutate():
    space = Space({"x": {"type": "ordinal", "values": [1]}})
    assert mutate(space, {"x": 1}, rng(), 0.2) == {"x": 1}


def differences(config, other):
    return sum(config[name] != other[name] for name in config)


def test_local_search_starts_at_random_and_then_stays_near_the_incumbent():
    searcher = LocalSearcher(UNIT, rng(), starts=3)
    starts = suggestions(searcher, 3)
    for trial, value in enumerate((2, 1, math.inf)):
        tell(searcher, trial, starts[trial], value)
    assert all(differences(starts[1], near) == 1 for near in suggestions(searcher, 20))
    # At a higher resource even a worse value counts more, and then only that resource does.
    tell(searcher, 0, starts[0], 9, 1, 3)
    tell(searcher, 3, starts[2], 0)
    assert all(differences(starts[0], near) == 1 for near in suggestions(searcher, 20))


def test_local_search_is_random_while_it_knows_nothing():
    searcher = LocalSearcher(UNIT, rng(), starts=1)
    found = suggestions(searcher, 5)
    tell(searcher, 0, found[0], math.nan)
    assert differences(found[0], searcher.suggest({})) == 3


def test_evolution_lets_the_oldest_die():
    """Trial 0 is the best of all, and is a parent until 3 younger ones have been observed."""
    names = [str(number) for number in range(1000)]
    space = Space({axis: {"type": "categorical", "values": names} for axis in "ab"})
    searcher = RegularizedEvolution(space, rng(), population=3, sample=3)
    members = suggestions(searcher, 3)
    for trial, member in enumerate(members):
        tell(searcher, trial, member, trial)
    children = suggestions(searcher, 30)
    # The best of 3 drawn with replacement from 3 is trial 0 with probability 1 - (2/3)^3 = 0.7.
    assert 10 < sum(differences(child, members[0]) == 1 for child in children) < 30
    tell(searcher, 3, {"a": "0", "b": "0"}, 5)
    tell(searcher, 0, members[0], -1, 1, 3)  # dead, so this does not bring it back
    living = [*members[1:], {"a": "0", "b": "0"}]
    for child in suggestions(searcher, 30):
        assert min(differences(child, member) for member in living) == 1
        assert differences(child, members[0]) == 2


def test_evolution_takes_the_value_at_the_highest_resource():
    searcher = RegularizedEvolution(UNIT, rng(), population=2, sample=2)
    first, second = suggestions(searcher, 2)
    tell(searcher, 0, first, 1)
    tell(searcher, 1, second, 2)
    tell(searcher, 1, second, 0, 1, 3)
    near_second = sum(differences(child, second) == 1 for child in suggestions(searcher, 200))
    # The better of 2 drawn from 2 is the parent with probability 3/4; deviation sqrt(37.5) = 6.1.
    assert abs(near_second - 150) < 3 * 6.2


def test_evolution_is_random_until_something_is_observed():
    searcher = RegularizedEvolution(UNIT, rng(), population=2, sample=1)
    assert len({UNIT.key(config) for config in suggestions(searcher, 9)}) == 9


@pytest.mark.parametrize(
    ("searcher", "settings", "message"),
    [
        (GridSearch, {"resolution": 0}, "resolution=0: .* at least 1"),
        (GridSearch, {"resolution": None}, "resolution=None, but a .*resolution=3"),
        (LocalSearcher, {"starts": 0}, "starts=0: .* at least 1"),
        (LocalSearcher, {"step": 0}, r"step=0 must be in \(0, 1\]"),
        (LocalSearcher, {"step": math.nan}, r"step=nan must be in \(0, 1\]"),
        (RegularizedEvolution, {"population": 0}, "population=0: .* at least 1"),
        (RegularizedEvolution, {"sample": 0}, r"sample=0: .* in \[1, population=20\]"),
        (RegularizedEvolution, {"sample": 21}, r"sample=21: .* in \[1, population=20\]"),
        (RegularizedEvolution, {"sample": 2.5}, r"sample=2.5: a whole number"),
        (GridSearch, {"resolution": 2.5}, r"resolution=2.5: a whole number"),
        (RegularizedEvolution, {"step": 1.5}, r"step=1.5 must be in \(0, 1\]"),
    ],
)
def test_nonsense_is_refused(searcher, settings, message):
    with pytest.raises(ValueError, match=message):
        searcher(UNIT, rng(), **settings)
