"""Priors against SciPy's truncated normal distribution, and random search from them."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from scipy.stats import chisquare, truncnorm

from hpobench.methods.search.prior import Prior
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.methods.searchers.prior_search import PriorSearch
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.space.space import Space

MIXED = Space(
    {
        "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True, "default": 0.01},
        "units": {"type": "integer", "low": 1, "high": 64, "log": True},
        "width": {"type": "ordinal", "values": [1, 2, 8, 16], "default": 8},
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
        "slope": {"type": "float", "low": 0, "high": 2, "when": {"kind": "a"}},
    }
)
CENTRES = {"rate": 0.1, "units": 8, "width": 2, "kind": "b", "slope": 0.5}
TEN = Space({"x": {"type": "integer", "low": 0, "high": 9}})
SPREAD = 0.2


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def truncated(centre):
    return truncnorm(-centre / SPREAD, (1 - centre) / SPREAD, loc=centre, scale=SPREAD)


def cells(unit, column):
    return np.concatenate([[0], unit.edges[column], [1]])


def test_numbers_are_truncated_normal():
    unit = UnitSpace(MIXED)
    rows = unit.sample(50, rng())
    for name, centre in (("rate", 0.75), ("slope", 0.25)):  # log10(0.1) of [-4, 0]; 0.5 of [0, 2]
        found = Prior(unit, {name: CENTRES[name]}, SPREAD).log_density(rows)
        values = rows[:, MIXED.names.index(name)]
        expected = np.where(np.isnan(values), 0.0, truncated(centre).logpdf(values))
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("name", ["units", "width"])
def test_discrete_numbers_have_the_mass_of_their_cells(name):
    unit, column = UnitSpace(MIXED), MIXED.names.index(name)
    edges, levels = cells(unit, column), MIXED[name].levels
    rows = unit.rows([MIXED.default({"kind": "b", name: value}) for value in levels])
    densities = np.exp(Prior(unit, {name: CENTRES[name]}, SPREAD).log_density(rows))
    masses = densities * np.diff(edges)
    expected = np.diff(truncated(MIXED[name].position(CENTRES[name])).cdf(edges))
    np.testing.assert_allclose(masses, expected, rtol=1e-9)
    assert masses.sum() == pytest.approx(1)


def test_the_stated_category_is_four_times_as_likely():
    rows = UnitSpace(MIXED).rows([MIXED.default({"kind": kind, "slope": 1}) for kind in "abc"])
    densities = np.exp(Prior(MIXED, {"kind": "b"}).log_density(rows))
    np.testing.assert_allclose(densities / 3, [1 / 6, 4 / 6, 1 / 6])


def test_density_is_the_product_and_draws_follow_it():
    """E[1] = E_prior[1 / p] = 1, within four standard errors, for the whole and its factors."""
    prior = Prior(MIXED, CENTRES, SPREAD)
    rows = prior.sample(20_000, rng())
    marginals = prior.log_marginals(rows)
    np.testing.assert_allclose(marginals.sum(axis=1), prior.log_density(rows))
    for column in range(len(MIXED)):
        weights = np.exp(-marginals[:, column])
        assert abs(weights.mean() - 1) < 4 * weights.std() / 20_000**0.5


def test_draws_of_discrete_values_have_their_masses():
    """Chi-squared: below 0.001 one time in a thousand."""
    unit = UnitSpace(MIXED)
    levels = unit.level_indices(Prior(unit, CENTRES, SPREAD).sample(5000, rng()))
    for name in ("units", "width"):
        column = MIXED.names.index(name)
        centre = MIXED[name].position(CENTRES[name])
        masses = np.diff(truncated(centre).cdf(cells(unit, column)))
        common = masses > 0.002
        seen = np.bincount(levels[:, column], minlength=len(masses))
        observed = np.append(seen[common], seen[~common].sum())
        expected = 5000 * np.append(masses[common], masses[~common].sum())
        keep = expected > 0
        assert chisquare(observed[keep], expected[keep]).pvalue > 0.001


def test_default_is_what_the_space_declares():
    rows = UnitSpace(MIXED).sample(20, rng())
    declared = Prior(MIXED, {"rate": 0.01, "width": 8})
    assert np.array_equal(Prior(MIXED, "default").log_density(rows), declared.log_density(rows))
    undeclared = Prior(TEN, "default")
    assert undeclared.flat
    assert np.array_equal(undeclared.log_density(np.array([[0.05], [0.95]])), [0, 0])


def test_a_narrow_prior_leaves_every_value_a_chance():
    rows = UnitSpace(TEN).rows([{"x": value} for value in range(10)])
    logs = Prior(TEN, {"x": 0}, 0.001).log_density(rows)
    assert np.isfinite(logs).all()
    assert logs.argmax() == 0


@pytest.mark.parametrize(
    ("centres", "settings", "message"),
    [
        ({"rat": 0.1}, {}, "rat"),
        ({"rate": 2}, {}, "rate=2"),
        ({"kind": "d"}, {}, "kind='d'"),
        ("defaults", {}, "defaults"),
        ([0.1], {}, "mapping"),
        ({"rate": 0.1}, {"spread": 0}, "prior_spread=0"),
        ({"rate": 0.1}, {"category_weight": 0.5}, "category_weight=0.5"),
    ],
)
def test_bad_priors_are_refused(centres, settings, message):
    with pytest.raises(ValueError, match=message):
        Prior(MIXED, centres, **settings)


def suggestions(searcher, count=10**6):
    return list(islice(iter(lambda: searcher.suggest({}), None), count))


def test_without_a_prior_the_search_is_random_search():
    space = Space({name: {"type": "float", "low": 0, "high": 1} for name in "ab"})
    ours = suggestions(PriorSearch(space, rng(3)), 200)
    assert ours == suggestions(RandomSearch(space, rng(3)), 200)


@pytest.mark.parametrize("spread", [0.02, 0.25])
def test_without_replacement_all_points_come_once(spread):
    searcher = PriorSearch(TEN, rng(), {"x": 3}, spread, random_share=0)
    searcher.exclude({"x": 4})
    found = [config["x"] for config in suggestions(searcher)]
    assert sorted(found) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert spread > 0.02 or found[0] == 3


def test_first_draws_have_the_odds_of_the_prior():
    """Chi-squared with 9 degrees of freedom: above 27.9 one time in a thousand."""
    firsts = Counter(
        PriorSearch(TEN, rng(seed), {"x": 3}, SPREAD, random_share=0).suggest({})["x"]
        for seed in range(600)
    )
    masses = np.diff(truncated(0.35).cdf(np.linspace(0, 1, 11)))
    statistic = sum((firsts[x] - 600 * mass) ** 2 / (600 * mass) for x, mass in enumerate(masses))
    assert statistic < 27.9


def test_with_replacement_it_never_ends():
    found = suggestions(PriorSearch(TEN, rng(), {"x": 3}, SPREAD, replace=True), 300)
    assert len(found) == 300


LINE = Space({"x": {"type": "float", "low": 0, "high": 1}})


def mean_smallest(make, count, runs=80):
    """Mean over runs of the smallest x among `count` suggestions, and its standard error."""
    found = [min(c["x"] for c in suggestions(make(rng(seed)), count)) for seed in range(runs)]
    return np.mean(found), np.std(found) / runs**0.5


def test_a_right_prior_helps_and_a_wrong_one_is_recovered_from():
    """The smallest of n uniform draws is 1 / (n + 1) on average.

    Of 200 draws from a wrong prior, which never comes below 0.4, k are random with the binomial
    odds of a tenth: on average (1 - 0.9^201) / (201 x 0.1), E[1 / (k + 1)].
    """
    stated = {where: {"prior": {"x": where}, "prior_spread": 0.05} for where in (0.0, 0.9)}
    right, _ = mean_smallest(lambda g: PriorSearch(LINE, g, **stated[0.0]), 10)
    assert right < 1 / 11 / 5
    wrong, error = mean_smallest(lambda g: PriorSearch(LINE, g, **stated[0.9]), 200)
    assert abs(wrong - (1 - 0.9**201) / 20.1) < 4 * error
    without = mean_smallest(lambda g: PriorSearch(LINE, g, **stated[0.9], random_share=0), 200)[0]
    assert without > 0.6


def test_a_share_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="random_share=1"):
        PriorSearch(TEN, rng(), random_share=1)
