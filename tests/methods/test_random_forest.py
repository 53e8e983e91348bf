"""The random forest searcher: its acquisition against quadrature, its parts by hand."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.constraints import merit, violation
from hpobench.methods.search.evidence import Evidence
from hpobench.methods.search.history import believed
from hpobench.methods.search.one_exchange import OneExchange
from hpobench.methods.searchers.random_forest import (
    RandomForestSearch,
    log_cost_improvement,
    log_scaled,
)
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.records import Evaluation, Job
from hpobench.space.space import Space

PLANE = Space({name: {"type": "float", "low": -1, "high": 1} for name in "xy"})
LINE = Space({"x": {"type": "integer", "low": 0, "high": 9}})
WIDE = Space({name: {"type": "integer", "low": 0, "high": 99} for name in "xyz"})


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def evaluated(value, **slacks):
    constraints = {name: np.array([float(slack)]) for name, slack in slacks.items()}
    return Evaluation(np.ones(1), np.ones(1), np.array([value]), 1.0, constraints=constraints)


def bowl(config):
    return (config["x"] - 0.3) ** 2 + (config["y"] + 0.5) ** 2


def best_of(searcher, count, value_of=bowl):
    """The least value of `count` suggestions, each observed before the next."""
    values = []
    for trial in range(count):
        job = Job(trial, searcher.suggest({}), 0, 1)
        values.append(value_of(job.config))
        searcher.observe(job, evaluated(values[-1]))
    return min(values)


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 0.3), (-1.0, 0.5), (0.5, 1.0), (2.0, 0.4)])
def test_log_cost_improvement_is_the_integral(mean, deviation):
    """E max(e^b - e^Y, 0) of a normal Y, by quadrature."""
    best = -0.2

    def integrand(y):
        return (math.exp(best) - math.exp(y)) * norm.pdf(y, mean, deviation)

    expected, _ = quad(integrand, best - 12, best, epsabs=1e-13)
    found = log_cost_improvement(np.array([mean]), np.array([deviation]), best)
    assert found[0] == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_log_scaled_by_hand():
    """Values 0, 1, ..., 100: the 5th percentile is 5, so that the scale starts at -5."""
    found = log_scaled(np.arange(101.0))
    np.testing.assert_allclose(np.exp(found), (np.arange(101) + 5) / 105)


def test_log_scaled_keeps_the_order_of_any_values():
    values = rng().normal(size=50) * 10.0 ** rng(1).integers(-8, 8, size=50)
    assert np.isfinite(log_scaled(values)).all()
    assert (np.diff(log_scaled(np.sort(values))) >= 0).all()
    assert not log_scaled(np.full(4, 3.0)).any()


def test_local_search_finds_the_top_of_an_acquisition():
    candidates = Candidates(WIDE, rng())
    target = candidates.unit.rows([{"x": 20, "y": 70, "z": 41}])[0]

    def acquisition(rows):
        return -np.abs(rows - target).sum(axis=1)

    search = OneExchange(random=50, starts=0, neighbours=100, rounds=100)
    row = search.maximise(acquisition, candidates, np.empty((0, 3)), rng())
    np.testing.assert_allclose(row, target, atol=0.011)


def test_local_search_starts_from_tried_configurations_but_does_not_return_them():
    candidates = Candidates(WIDE, rng())
    config = {"x": 20, "y": 70, "z": 41}
    target = candidates.unit.rows([config])[0]
    candidates.exclude(config)

    def acquisition(rows):
        return -np.abs(rows - target).sum(axis=1)

    search = OneExchange(random=1, starts=1, neighbours=500, rounds=1, step=0.01)
    row = search.maximise(acquisition, candidates, target[None], rng())
    assert np.abs(row - target).sum() == pytest.approx(0.01)


def test_better_than_random_search_on_a_bowl():
    """After 50 suggestions random search has 4 / (50 pi), 0.025, on average."""
    own = [best_of(RandomForestSearch(PLANE, rng(seed)), 50) for seed in range(4)]
    other = [best_of(RandomSearch(PLANE, rng(seed)), 50) for seed in range(4)]
    assert np.mean(own) < np.mean(other) / 2
    assert np.mean(own) < 0.01


def test_the_share_of_random_configurations():
    """After 20 of a value that is least at x = -1, a random one lies above 0 every other time."""
    searcher = RandomForestSearch(PLANE, rng(), random_share=0.5)
    best_of(searcher, 20, lambda config: config["x"])
    above = np.mean([searcher.suggest({})["x"] > 0 for _ in range(200)])
    assert abs(above - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 200)


@pytest.mark.parametrize("liar", ["mean", "best", "worst"])
def test_pending_configurations_are_not_suggested_again(liar):
    """Twenty workers ask at once: their suggestions differ, though none has returned."""
    searcher = RandomForestSearch(PLANE, rng(), liar=liar, random_share=0)
    best_of(searcher, 30)
    pending = {}
    for trial in range(30, 50):
        pending[trial] = Job(trial, searcher.suggest(pending), 0, 1)
    assert len({tuple(job.config.values()) for job in pending.values()}) == 20


def test_lies_by_hand():
    values = np.array([1.0, 2.0, 6.0])
    assert [believed(values, liar) for liar in ("mean", "best", "worst")] == [3, 1, 6]


def test_lies_are_fitted_to():
    """Thirty values of 1 and thirty pending at 0 < x: an optimist goes there, a pessimist not."""
    above, below = rng(2).uniform([0, -1], 1, (30, 2)), rng(3).uniform([-1, -1], [0, 1], (31, 2))
    pending = {40 + i: Job(40 + i, {"x": x, "y": y}, 0, 1) for i, (x, y) in enumerate(above)}
    share = {}
    for liar in ("best", "worst"):
        searcher = RandomForestSearch(PLANE, rng(), liar=liar, random_share=0, starts=0)
        for trial, (x, y) in enumerate(below):
            value = 0.0 if trial == 30 else 1.0
            searcher.observe(Job(trial, {"x": x, "y": y}, 0, 1), evaluated(value))
        share[liar] = np.mean([searcher.suggest(pending)["x"] > 0 for _ in range(20)])
    assert share["best"] > 0.8
    assert share["worst"] < 0.2


def known_of(outcomes, latest=False):
    """What a model would be fitted to, after (trial, resource, value, slack) were observed."""
    evidence = Evidence(Candidates(LINE, rng()), 2, latest)
    for trial, resource, value, slack in outcomes:
        evidence.add(Job(trial, {"x": trial}, 0, resource), evaluated(value, size=slack))
    return evidence.known({3: Job(3, {"x": 3}, 0, 1), 9: Job(9, {"x": 9}, 0, 1)})


def test_failures_are_the_worst_and_broken_constraints_worse():
    outcomes = [
        (0, 1, 1.0, 1),
        (1, 1, 3.0, 1),
        (2, 1, 0.5, -2),
        (3, 1, 0.2, -1),
        (4, 1, math.nan, 1),
    ]
    known = known_of(outcomes)
    # worst 3, span 3 - 0.2: half of it for half the violation.
    np.testing.assert_allclose(known.values, [1, 3, 3 + 2.8, 3 + 1.4, 3 + 2.8])
    assert known.pending.tolist() == [[0.95]]  # trial 3 has a value already


@pytest.mark.parametrize("slack", [math.nan, -math.inf])
def test_where_no_slack_is_a_number_all_break_the_constraint_alike(slack):
    """Worst 3, span 3 - 1: the whole of it for all."""
    known = known_of([(0, 1, 1.0, slack), (1, 1, 3.0, slack)])
    assert known.values.tolist() == [5, 5]


def test_the_highest_resource_with_enough_values_is_modelled_or_the_latest_values():
    outcomes = [(0, 1, 5.0, 1), (1, 1, 4.0, 1), (2, 1, 6.0, 1), (0, 3, 3.0, 1), (1, 3, 2.0, 1)]
    outcomes.append((1, 9, 1.0, 1))
    assert known_of(outcomes).values.tolist() == [3, 2]
    assert known_of(outcomes, latest=True).values.tolist() == [3, 1, 6]


def test_the_order_of_merit():
    """Deb (2000): feasible by value, then infeasible by violation, failures last."""
    feasible, worse = evaluated(1.0, size=0), evaluated(9.0, size=2)
    broken, more = evaluated(0.0, size=-1, time=-1), evaluated(-5.0, size=-3)
    failed = evaluated(math.inf, size=1)
    given = [failed, more, broken, worse, feasible]
    assert sorted(given, key=merit) == [feasible, worse, broken, more, failed]
    assert violation({"size": -1.0, "time": 2.0, "memory": -0.5}) == 1.5
    assert violation({"size": math.nan}) == math.inf


@pytest.mark.parametrize(
    "setting",
    [
        {"random_share": 1},
        {"liar": "median"},
        {"initial": 1},
        {"candidates": 0},
        {"starts": -1},
        {"trees": 2.5},
    ],
)
def test_settings_that_make_no_sense_are_refused(setting):
    name = {"candidates": "random"}.get(next(iter(setting)), next(iter(setting)))
    with pytest.raises(ValueError, match=name):
        RandomForestSearch(PLANE, rng(), **setting)
