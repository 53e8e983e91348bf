"""TPE: densities against direct sums in mpmath, splits by hand, searches on closed forms."""

import math

import mpmath
import numpy as np
import pytest

from hpobench.methods.parzen.bandwidths import NormalReference, ScottsRule
from hpobench.methods.parzen.kernels import Kernels
from hpobench.methods.parzen.parzen import ParzenEstimator
from hpobench.methods.parzen.tpe_ratio import Ratio, constraint_split, objective_split
from hpobench.methods.search.history import History
from hpobench.methods.search.prior import Prior
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.methods.searchers.tpe import TPE
from hpobench.records import Evaluation, Job
from hpobench.space.space import Space

TREE = Space(
    {
        "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
        "units": {"type": "integer", "low": 1, "high": 500, "log": True},
        "depth": {"type": "integer", "low": 1, "high": 4},
        "width": {"type": "ordinal", "values": [1, 2, 8, 16]},
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
        "fixed": {"type": "categorical", "values": ["only"]},
        "slope": {"type": "float", "low": 0, "high": 1, "when": {"kind": "a"}},
        "order": {"type": "integer", "low": 1, "high": 3, "when": {"kind": ["a", "b"]}},
    }
)
FINITE = Space(
    {
        "layers": {"type": "integer", "low": 1, "high": 3},
        "depth": {"type": "ordinal", "values": [10, 20]},
        "kind": {"type": "categorical", "values": ["a", "b"]},
    }
)
CUBE = Space({name: {"type": "float", "low": 0, "high": 1} for name in "xyz"})
WIDTHS = np.array([0.1, 0.07, 0.2, 0.15, 0.3, 0.2, 0.25, 0.4])


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def tell(searcher, trial, config, value, slack=None, end=1.0):
    constraints = {} if slack is None else {"c": np.array([slack])}
    outcome = Evaluation(np.array([end]), np.ones(1), np.array([value]), 1.0)
    outcome = outcome._replace(constraints=constraints)
    searcher.observe(Job(trial, config, 0, end), outcome)


def search(searcher, value_of, count):
    """The configurations that a searcher suggests one after the other."""
    configs = []
    for trial in range(count):
        configs.append(searcher.suggest({}))
        value = value_of(configs[-1])
        tell(searcher, trial, configs[-1], *(value if isinstance(value, tuple) else (value,)))
    return configs


def normal_mass(low, high, centre, width):
    """Of a normal distribution truncated to [0, 1]."""
    cdf = lambda x: mpmath.ncdf((mpmath.mpf(x) - centre) / width)  # noqa: E731
    return (cdf(high) - cdf(low)) / (cdf(1) - cdf(0))


def kernel(unit, column, centre, width, value):
    """One kernel over the density of random search, from its definition."""
    if math.isnan(value) or math.isnan(centre):
        return mpmath.mpf(1)
    if unit.edges[column] is None:
        density = mpmath.npdf(value, centre, width)
        return density / (mpmath.ncdf((1 - centre) / width) - mpmath.ncdf(-centre / width))
    cells = [0.0, *unit.edges[column], 1.0]
    cell = int(np.searchsorted(unit.edges[column], value))
    low, high = cells[cell], cells[cell + 1]
    if unit.categories[column]:
        count = int(unit.categories[column])
        if count == 1:
            return mpmath.mpf(1)
        mass = 1 - width if low < centre < high else width / (count - 1)
        return mpmath.mpf(mass) / (high - low)
    return normal_mass(low, high, centre, width) / (high - low)


def estimator(prior=None, seed=0):
    unit = UnitSpace(TREE)
    kernels, centres = Kernels(unit), unit.sample(7, rng(seed))
    weights = np.arange(1.0, 9.0)
    return ParzenEstimator(kernels, kernels.points(centres), WIDTHS, weights, prior), centres


def test_density_is_the_direct_sum():
    found, centres = estimator(Prior(TREE, {"rate": 0.1}))
    kernels, prior = Kernels(UnitSpace(TREE)), Prior(TREE, {"rate": 0.1})
    rows = kernels.unit.sample(12, rng(1))
    logs, of_prior = found.log_density(kernels.points(rows)), prior.log_density(rows)
    for row, log, last in zip(rows, logs, of_prior, strict=True):
        total = 8 * mpmath.exp(last)
        for weight, centre in enumerate(centres, start=1):
            factors = [kernel(kernels.unit, j, centre[j], WIDTHS[j], row[j]) for j in range(8)]
            total += weight * mpmath.fprod(factors)
        assert log == pytest.approx(float(mpmath.log(total / 36)), abs=1e-9)


def test_marginals_leave_out_kernels_without_the_hyperparameter():
    found, centres = estimator()
    kernels = Kernels(UnitSpace(TREE))
    rows = kernels.unit.sample(12, rng(1))
    marginals = found.log_marginals(kernels.points(rows))
    for j in range(8):
        active = ~np.isnan(centres[:, j])
        weights = np.arange(1, 8)[active]
        for row, log in zip(rows, marginals[:, j], strict=True):
            pairs = zip(weights.tolist(), centres[active, j], strict=True)
            total = 8 + sum(w * kernel(kernels.unit, j, c, WIDTHS[j], row[j]) for w, c in pairs)
            expected = float(mpmath.log(total / (8 + int(weights.sum()))))
            assert log == pytest.approx(0 if math.isnan(row[j]) else expected, abs=1e-9)


def test_discrete_kernels_sum_to_one():
    unit = UnitSpace(TREE)
    kernels, base = Kernels(unit), TREE.default({"kind": "a", "slope": 0.5, "order": 2})
    for name in ("units", "depth", "width", "kind", "fixed", "order"):
        column = TREE.names.index(name)
        rows = unit.rows([{**base, name: level} for level in TREE[name].levels])
        widths = np.diff([0.0, *unit.edges[column], 1.0])
        for centre in rows[:: max(1, len(rows) // 5)]:
            weights = np.array([1.0, 0.0])
            alone = ParzenEstimator(kernels, kernels.points(centre[None]), WIDTHS, weights)
            density = np.exp(alone.log_marginals(kernels.points(rows))[:, column])
            assert (density * widths).sum() == pytest.approx(1)


@pytest.mark.parametrize("stated", [None, {"rate": 0.1, "kind": "b"}])
def test_draws_follow_the_density(stated):
    """E_p[1 / p] = 1 under random search, within four standard errors; so for each marginal."""
    found, _ = estimator(stated and Prior(TREE, stated))
    kernels = Kernels(UnitSpace(TREE))
    joint = np.exp(-found.log_density(kernels.points(found.sample(20_000, rng(1)))))
    assert abs(joint.mean() - 1) < 4 * joint.std() / 20_000**0.5
    drawn = kernels.points(found.sample_marginals(20_000, rng(1)))
    marginals = np.exp(-found.log_marginals(drawn))
    for column in marginals.T:
        assert abs(column.mean() - 1) <= 4 * column.std() / 20_000**0.5


def test_scotts_rule_is_numpys():
    rule = ScottsRule(UnitSpace(TREE), 0.01, 0.5, 0.2)
    rows = UnitSpace(TREE).sample(30, rng())
    found = rule(rows)
    for column, name in enumerate(TREE.names):
        values = np.append(rows[:, column], 0.5)
        values = values[~np.isnan(values)]
        iqr = np.subtract(*np.percentile(values, [75, 25]))
        expected = 1.059 * min(iqr / 1.34, values.std(ddof=1)) * len(values) ** -0.2
        least = max(0.01, 0.5 / len(TREE[name].levels)) if TREE[name].levels else 0.01
        special = {"kind": 0.2, "fixed": 0.0}
        assert found[column] == pytest.approx(special.get(name, min(max(expected, least), 0.5)))


def test_floors_that_shrink_with_the_number_of_kernels():
    """n rows and the prior are n + 1 kernels; a third category: (3 - 1) / (n + 1 + 3)."""
    space = Space(
        {
            "x": {"type": "float", "low": 0, "high": 1},
            "k": {"type": "categorical", "values": list("abc")},
            "one": {"type": "categorical", "values": ["only"]},
        }
    )
    unit = UnitSpace(space)
    rule = ScottsRule(unit, 0.03, 0.5, None, narrowing=0.3, category_weight=1.0)
    for count, narrowest in ((1, 0.3 / 2**0.5), (8, 0.1), (399, 0.03)):
        # All the same, and at the centre: nothing but the floor is left.
        same = unit.snap(np.full((count, 3), 0.5))
        assert rule(same).tolist() == pytest.approx([narrowest, 2 / (count + 4), 0])
    heavier = ScottsRule(unit, 0.03, 0.5, None, category_weight=2.0)
    assert heavier(unit.snap(np.full((9, 3), 0.5)))[1] == pytest.approx(4 / (10 + 6))
    bounded = ScottsRule(unit, 0.03, 0.5, 0.2, category_weight=1.0)
    masses = [bounded(unit.snap(np.full((count, 3), 0.5)))[1] for count in (1, 8)]
    assert masses == pytest.approx([0.2, 2 / 12])


def test_normal_reference_is_that_of_statsmodels():
    """1.06 s n^(-1 / (4 + d)) with the biased deviation; categories by number, at most even."""
    unit = UnitSpace(
        Space(
            {
                "x": {"type": "float", "low": 0, "high": 1},
                "k": {"type": "categorical", "values": list("abc")},
            }
        )
    )
    rows = unit.rows([{"x": x, "k": k} for x, k in ((0.1, "a"), (0.3, "c"), (0.8, "c"))])
    scale = 1.06 * 3 ** (-1 / 6)
    numbers = np.std([0.1, 0.3, 0.8]) * scale
    assert NormalReference(unit, 1e-3)(rows) == pytest.approx([numbers, 2 / 3])
    assert NormalReference(unit, 1e-3)(rows[1:])[1] == 1e-3


def test_the_best_tenth_is_good_and_weighs_by_its_improvement():
    values = np.array([5.0, 1.0, 3.0, 2.0, *range(10, 26)])  # 20: two are good
    split = objective_split(values, np.ones(20, dtype=bool), 0.1, improvement=True)
    assert split.good.tolist() == [1, 3]
    assert split.weights == pytest.approx(np.array([2, 1]) / 1.5)  # over the third best, 3
    assert split.share == pytest.approx(0.1)
    assert sorted([*split.good, *split.bad]) == list(range(20))


@pytest.mark.parametrize(("count", "good"), [(1, 1), (10, 1), (11, 2), (250, 25), (400, 25)])
def test_how_many_are_good(count, good):
    split = objective_split(np.arange(count), np.ones(count, dtype=bool), 0.1, improvement=True)
    assert len(split.good) == good


def test_failures_are_never_good():
    values = np.array([np.inf, 2.0, np.inf, np.inf])
    split = objective_split(values, np.ones(4, dtype=bool), 0.5, improvement=True)
    assert split.good.tolist() == [1]
    assert np.isfinite(split.weights).all()


def test_good_goes_on_until_enough_are_feasible():
    """Of 20, two feasible ones are wanted; they rank third and fifth. With one, all are good."""
    feasible = np.zeros(20, dtype=bool)
    feasible[[2, 4]] = True
    split = objective_split(np.arange(20.0), feasible, 0.1, improvement=False)
    assert split.good.tolist() == [0, 1, 2, 3, 4]
    feasible[2] = False
    assert not len(objective_split(np.arange(20.0), feasible, 0.1, improvement=False).bad)


def test_constraints_split_by_feasibility():
    split = constraint_split(np.array([-1.0, 0.0, np.nan, 2.0, -np.inf]))
    assert sorted(split.good) == [1, 3]
    assert sorted(split.bad) == [0, 4]
    assert split.share == 0.5
    nearest = constraint_split(np.array([-3.0, -1.0, -np.inf, -2.0]))
    assert nearest.good.tolist() == [1]


def test_score_grows_as_expected_improvement_does():
    """(gamma + (1 - gamma) g / l)^-1 from the two densities."""
    unit = UnitSpace(CUBE)
    kernels, rows = Kernels(unit), unit.sample(20, rng())
    split = objective_split(rows.sum(axis=1), np.ones(20, dtype=bool), 0.2, improvement=True)
    ratio = Ratio(kernels, kernels.points(rows), split, ScottsRule(unit, 0.05, 0.5, 0.2), 1.0)
    points = kernels.points(unit.sample(30, rng(1)))
    dense, sparse = (np.exp(e.log_density(points)) for e in (ratio.good, ratio.bad))
    expected = 1 / (0.2 + 0.8 * sparse / dense)
    np.testing.assert_allclose(np.exp(ratio.log_score(points)), expected)


def test_a_thousand_pending_ones_do_not_push_out_what_was_observed():
    """Of 1,575 observed and bad the latest 1,000 are kept, besides all that are pending."""
    unit = UnitSpace(CUBE)
    kernels, rows = Kernels(unit), unit.sample(2600, rng())
    values = np.append(np.arange(1600.0), np.full(1000, 1599.0))
    split = objective_split(values, np.ones(2600, dtype=bool), 0.1, improvement=True)
    rule = ScottsRule(unit, 0.05, 0.5, 0.2)
    ratio = Ratio(kernels, kernels.points(rows), split, rule, 1.0, pending=1000)
    np.testing.assert_array_equal(ratio.bad._rows, rows[600:])


def test_a_small_space_is_searched_whole():
    """With no more untried configurations than samples, the suggestion is the best ratio of all."""
    searcher = TPE(FINITE, rng(), starts=5)
    value_of = {FINITE.key(FINITE.config_at(i)): float(i * 7 % 12) for i in range(12)}
    configs = search(searcher, lambda config: value_of[FINITE.key(config)], 7)
    unit = UnitSpace(FINITE)
    kernels, rows = Kernels(unit), unit.rows(configs)
    values = np.array([value_of[FINITE.key(config)] for config in configs])
    rule = ScottsRule(unit, 0.05, 0.5, 0.2)
    good, bad = np.argsort(values)[:1], np.argsort(values)[1:]
    left = [c for i in range(12) if (c := FINITE.config_at(i)) not in configs]
    logs = [
        ParzenEstimator(
            kernels, kernels.points(rows[part]), rule(rows[part]), np.ones(len(part) + 1)
        ).log_density(kernels.points(unit.rows(left)))
        for part in (good, bad)
    ]
    assert searcher.suggest({}) == left[int(np.argmax(logs[0] - logs[1]))]


@pytest.mark.parametrize("multivariate", [True, False])
def test_a_finite_space_is_never_repeated_unless_asked(multivariate):
    searcher = TPE(FINITE, rng(), multivariate=multivariate)
    configs = search(searcher, lambda config: config["layers"], 12)
    assert len({FINITE.key(config) for config in configs}) == 12
    assert searcher.suggest({}) is None
    again = TPE(FINITE, rng(), multivariate=multivariate, repeat=True)
    assert len(search(again, lambda config: config["layers"], 30)) == 30


def sphere(optimum):
    return lambda config: sum((config[name] - optimum) ** 2 for name in "xyz")


def mean_best(make, value_of, count, runs=8):
    """Mean over runs of the best value after each evaluation."""
    curves = []
    for seed in range(runs):
        values = [value_of(config) for config in search(make(rng(seed)), value_of, count)]
        curves.append(np.minimum.accumulate(values))
    return np.mean(curves, axis=0)


def test_it_beats_random_search_on_a_sphere():
    random = mean_best(lambda g: RandomSearch(CUBE, g), sphere(0.3), 50)
    joint = mean_best(lambda g: TPE(CUBE, g), sphere(0.3), 50)
    alone = {"multivariate": False, "weights": "uniform", "min_bandwidth": 0.01}
    one_by_one = mean_best(lambda g: TPE(CUBE, g, **alone), sphere(0.3), 50)
    assert joint[-1] < one_by_one[-1] / 3
    assert one_by_one[-1] < random[-1] * 0.7


def test_a_good_prior_helps_and_a_wrong_one_is_recovered_from():
    def stated(centre):
        prior = dict.fromkeys("xyz", centre)
        return lambda g: TPE(CUBE, g, prior=prior, prior_spread=0.125)

    value_of = sphere(0.2)
    plain = mean_best(lambda g: TPE(CUBE, g), value_of, 60)
    good = mean_best(stated(0.2), value_of, 60)
    wrong = mean_best(stated(0.8), value_of, 60)
    random = mean_best(lambda g: RandomSearch(CUBE, g), value_of, 60)
    assert good[9] < plain[9] / 2
    assert wrong[9] > plain[9]
    assert wrong[-1] < random[-1] / 2


def test_constraints_are_kept():
    """Minimise the distance from 0 where x + y + z >= 1.8: at best 3 x 0.6^2 = 1.08."""

    def value_of(config):
        total = sum(config.values())
        return sum(value**2 for value in config.values()), total - 1.8

    def feasible_best(make):
        found = []
        for seed in range(5):
            told = [value_of(config) for config in search(make(rng(seed)), value_of, 60)]
            found.append(min((value for value, slack in told if slack >= 0), default=3.0))
        return np.mean(found)

    def blind(generator):
        searcher = TPE(CUBE, generator)
        observe = searcher.observe
        searcher.observe = lambda job, told: observe(job, told._replace(constraints={}))
        return searcher

    ours = feasible_best(lambda g: TPE(CUBE, g))
    assert ours < 1.08 * 1.25
    assert ours < feasible_best(lambda g: RandomSearch(CUBE, g))
    assert ours < feasible_best(blind)


def test_where_nothing_is_feasible_yet_it_looks_for_it():
    """All values above 0.75: one random configuration in 64 is feasible."""

    def value_of(config):
        return config["x"], min(config.values()) - 0.75

    def first_feasible(make, seed):
        told = [value_of(config)[1] for config in search(make(rng(seed)), value_of, 60)]
        return next((trial for trial, slack in enumerate(told) if slack >= 0), 60)

    ours = np.mean([first_feasible(lambda g: TPE(CUBE, g), seed) for seed in range(10)])
    random = np.mean([first_feasible(lambda g: RandomSearch(CUBE, g), s) for s in range(10)])
    assert ours < random * 0.7


def test_pending_count_as_the_liar_says():
    data = History(UnitSpace(CUBE))
    configs = CUBE.sample(rng(), 5)
    for trial, value in enumerate([3.0, 1.0, np.inf, 2.0]):
        outcome = Evaluation(np.ones(1), np.ones(1), np.array([value]), 1.0)
        data.add(Job(trial, configs[trial], 0, 1), outcome)
    _, level = data.level(2)
    jobs = {1: Job(1, configs[1], 1, 3), 4: Job(4, configs[4], 0, 1)}
    rows = data.pending(jobs, level)
    assert np.array_equal(rows, UnitSpace(CUBE).rows([configs[4]]))  # trial 1 was observed here
    for liar, lie in (("worst", 3.0), ("mean", 2.0), ("best", 1.0)):
        assert level.observations().with_pending(rows, liar).values.tolist() == [
            3.0,
            1.0,
            np.inf,
            2.0,
            lie,
        ]


def test_pending_suggestions_lie_apart():
    """All of 20 suggestions asked for at once, with and without the pending ones in sight."""
    configs = CUBE.sample(rng(), 20)
    spreads = []
    for visible in (True, False):
        searcher, pending = TPE(CUBE, rng(1)), {}
        for trial, config in enumerate(configs):
            tell(searcher, trial, config, sphere(0.3)(config))
        for trial in range(20, 40):
            pending[trial] = Job(trial, searcher.suggest(pending if visible else {}), 0, 1)
        spreads.append(CUBE.to_unit([job.config for job in pending.values()]).std(axis=0).mean())
    assert spreads[0] > spreads[1]


def test_the_highest_resource_with_enough_values_is_modelled():
    data = History(UnitSpace(CUBE))
    resource, level = data.level(3)
    assert (resource, len(level)) == (0.0, 0)
    for trial, config in enumerate(CUBE.sample(rng(), 9)):
        for end in (1.0, 3.0, 9.0)[: 1 + (trial < 5) + (trial < 2)]:
            value = np.inf if (trial, end) == (0, 9.0) else trial + end
            outcome = Evaluation(np.array([end]), np.ones(1), np.array([value]), 1.0)
            data.add(Job(trial, config, 0, end), outcome)
    assert data.level(5)[0] == 3.0
    assert data.level(6)[0] == 1.0
    assert data.level(1)[0] == 9.0
    assert data.level(10)[0] == 1.0
    assert data.level(5)[1].observations().values.tolist() == [3.0, 4.0, 5.0, 6.0, 7.0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"starts": 0}, "starts=0"),
        ({"samples": 1.5}, r"samples=1\.5"),
        ({"gamma": 1}, "gamma=1"),
        ({"weights": "ei"}, "weights='ei'"),
        ({"liar": "none"}, "liar='none'"),
        ({"prior_weight": 0}, "prior_weight=0"),
        ({"min_bandwidth": 0}, "min_bandwidth=0"),
        ({"min_cells": -1}, "min_cells=-1"),
        ({"category_bandwidth": 1}, "category_bandwidth=1"),
        ({"narrowing": -0.1}, "narrowing=-0.1"),
        ({"category_weight": 0}, "category_weight=0"),
        ({"category_bandwidth": None}, "state one"),
        ({"prior": {"w": 1}}, "'w'"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TPE(CUBE, rng(), **settings)


def test_a_branch_with_more_hyperparameters_does_not_win_by_them():
    """What the rich branch has of its own only costs: the poor one is better at every x.

    Were branches compared by all that is active in them, the poor one would come 0 to 11 times.
    """
    own = {
        f"own{number}": {"type": "float", "low": 0, "high": 1, "when": {"model": "rich"}}
        for number in range(6)
    }
    model = {"type": "categorical", "values": ["rich", "poor"]}
    space = Space({"model": model, "x": {"type": "float", "low": 0, "high": 1}, **own})
    for seed in range(3):
        searcher = TPE(space, np.random.default_rng(seed))
        models = []
        for trial in range(80):
            config = searcher.suggest({})
            models.append(config["model"])
            value = (config["x"] - 0.3) ** 2
            value += sum((config.get(name, 0.5) - 0.5) ** 2 for name in own) / 50
            known = Evaluation(np.ones(1), np.ones(1), np.array([value]), 1.0)
            searcher.observe(Job(trial, config, 0, 1), known)
        assert models[40:].count("poor") > 20
