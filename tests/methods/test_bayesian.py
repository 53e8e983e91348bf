"""Bayesian optimisation on closed forms: alone, parallel, constrained, with costs and a prior."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from hpobench.methods.search.acquisition_search import AcquisitionSearch
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.training_data import Encoder, LevelData, thinned
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.methods.searchers.bayesian import Bayesian
from hpobench.records import Evaluation, Job
from hpobench.space.space import Space

SQUARE = Space({name: {"type": "float", "low": 0, "high": 1} for name in ("x", "y")})
TABLE = Space(
    {
        "depth": {"type": "integer", "low": 1, "high": 20},
        "width": {"type": "ordinal", "values": [2**k for k in range(20)], "scale": "log"},
        "kind": {"type": "categorical", "values": [f"k{i}" for i in range(10)]},
    }
)


def spread(configs):
    """Mean distance between configurations."""
    return pdist([list(config.values()) for config in configs]).mean()


def told(value, cost_s=1.0, **slacks):
    constraints = {name: np.array([slack]) for name, slack in slacks.items()}
    one = np.array([1.0])
    return Evaluation(one, one * cost_s, one * value, cost_s, constraints=constraints)


def optimise(space, evaluate, count, seed=0, target=-np.inf, **settings):
    """(config, evaluation) of each of `count` trials in turn, until `target` is reached."""
    searcher = Bayesian(space, np.random.default_rng(seed), **settings)
    done = []
    for trial in range(count):
        config = searcher.suggest({})
        evaluation = evaluate(config)
        searcher.observe(Job(trial, config, 0, 1), evaluation)
        done.append((config, evaluation))
        if evaluation.value <= target:
            break
    return done


def bowl(config, x=0.3, y=0.7):
    return (config["x"] - x) ** 2 + (config["y"] - y) ** 2


@pytest.mark.parametrize("transform", ["log", "rank", "winsorised", "linear", "auto"])
def test_a_bowl_is_found(transform):
    """Of 20 random points the best is at 0.016 on average (1 / 20 of the square, over π)."""
    done = optimise(SQUARE, lambda config: told(bowl(config)), 20, transform=transform)
    assert min(evaluation.value for _, evaluation in done) < 1e-3


def test_a_table_is_searched_without_repeats():
    def evaluate(config):
        width = np.log2(config["width"])
        return told(abs(config["depth"] - 7) + abs(width - 11) + 5 * (config["kind"] != "k4"))

    done = optimise(TABLE, evaluate, 70)
    assert len({tuple(config.values()) for config, _ in done}) == 70
    assert min(evaluation.value for _, evaluation in done) == 0  # 1 of 4,000


def test_failures_count_as_the_worst():
    def evaluate(config):
        return told(np.nan if config["x"] > 0.5 else bowl(config))

    done = optimise(SQUARE, evaluate, 25)
    assert sum(config["x"] > 0.5 for config, _ in done[10:]) <= 5
    assert min(evaluation.value for _, evaluation in done) < 2e-3


@pytest.mark.parametrize("pending", ["believer", "fantasies", "constant_liar"])
def test_jobs_under_way_are_kept_away_from(pending):
    searcher = Bayesian(SQUARE, np.random.default_rng(0), pending=pending)
    for trial, (x, y) in enumerate(np.random.default_rng(1).random((12, 2)).tolist()):
        value = np.cos(9 * x) + np.sin(8 * y)
        searcher.observe(Job(trial, {"x": x, "y": y}, 0, 1), told(value))
    jobs = {}
    for trial in range(12, 18):
        jobs[trial] = Job(trial, searcher.suggest(jobs), 0, 1)
    apart = spread([job.config for job in jobs.values()])
    assert apart > 5 * spread([searcher.suggest({}) for _ in range(6)])


def constrained(config):
    """Gramacy et al. (2016), Modeling an Augmented Lagrangian, equation 16: optimum 0.5998."""
    x, y = config["x"], config["y"]
    first = x + 2 * y + 0.5 * np.sin(2 * np.pi * (x**2 - 2 * y)) - 1.5
    return told(x + y, first=first, second=1.5 - x**2 - y**2)


@pytest.mark.parametrize("seed", range(3))
def test_the_feasible_optimum_is_found(seed):
    done = optimise(SQUARE, constrained, 45, seed=seed)
    feasible = [
        evaluation.value
        for _, evaluation in done
        if all(slack[0] >= 0 for slack in evaluation.constraints.values())
    ]
    assert 0.5998 - 1e-4 < min(feasible) < 0.62


def test_with_nothing_feasible_the_constraint_leads():
    """A disc of 1/800 of the square is feasible; 30 random points all miss it with P = 0.96."""

    def evaluate(config):
        slack = 0.02**2 - bowl(config, 0.8, 0.2)
        return told(config["x"], slack=slack)

    for seed in range(3):
        done = optimise(SQUARE, evaluate, 30, seed=seed)
        assert max(evaluation.constraints["slack"][0] for _, evaluation in done) >= 0


@pytest.mark.parametrize("pending", ["believer", "fantasies", "constant_liar"])
def test_with_nothing_feasible_jobs_under_way_are_kept_away_from(pending):
    """The constraint alone decides: without assumptions all six would be the same."""
    searcher = Bayesian(SQUARE, np.random.default_rng(0), pending=pending)
    for trial, (x, y) in enumerate(np.random.default_rng(1).random((15, 2)).tolist()):
        slack = -0.05 - bowl({"x": x, "y": y}, 0.8, 0.2)
        searcher.observe(Job(trial, {"x": x, "y": y}, 0, 1), told(x, slack=slack))
    jobs = {}
    for trial in range(15, 21):
        jobs[trial] = Job(trial, searcher.suggest(jobs), 0, 1)
    apart = spread([job.config for job in jobs.values()])
    assert apart > 5 * spread([searcher.suggest({}) for _ in range(6)])


def test_ei_per_second_gets_there_in_less_time():
    """Two equal bowls, of which the one at x = 0.75 costs 30 times the seconds of that at 0.25."""

    def evaluate(config):
        value = min(bowl(config, 0.25, 0.5), bowl(config, 0.75, 0.5))
        return told(value, cost_s=float(np.exp(np.log(30) * (2 * config["x"] - 0.5))))

    def time_to(target, seed, **settings):
        # A run that is not there after 40 evaluations counts with their seconds, a lower bound.
        done = optimise(SQUARE, evaluate, 40, seed, target, **settings)
        return sum(evaluation.duration_s for _, evaluation in done)

    seconds = {
        cost: np.array([time_to(2e-3, seed, cost=cost) for seed in range(5)])
        for cost in ("ignored", "per_second", "cooling")
    }
    assert np.median(seconds["per_second"]) < np.median(seconds["ignored"])
    assert np.median(seconds["cooling"]) < np.median(seconds["ignored"])


def test_a_cost_that_cooled_down_counts_no_more():
    """After the budget of 2 mean costs, the exponent is 0: the same suggestions as without cost."""

    def evaluate(config):
        return told(bowl(config), cost_s=1 + 9 * config["x"])

    cooled = optimise(SQUARE, evaluate, 12, cost="cooling", cooling=1.0001)
    plain = optimise(SQUARE, evaluate, 12, cost="ignored")
    assert [config for config, _ in cooled] == [config for config, _ in plain]


def test_a_prior_leads_and_then_gives_way():
    space = Space(
        {name: {"type": "float", "low": 0, "high": 1, "default": 0.9} for name in ("x", "y")}
    )
    done = optimise(space, lambda c: told(bowl(c, 0.2, 0.2)), 40, prior="default")
    points = np.array([list(config.values()) for config, _ in done])
    assert np.abs(points[:6].mean(axis=0) - 0.9).max() < 0.25
    assert min(evaluation.value for _, evaluation in done) < 2e-3
    right = optimise(
        space, lambda c: told(bowl(c, 0.85, 0.9)), 8, prior="default", prior_spread=0.1
    )
    assert min(evaluation.value for _, evaluation in right) < 5e-3


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"initial": 1}, "initial=1"),
        ({"transform": "square"}, "square"),
        ({"pending": "ignore"}, "ignore"),
        ({"cost": "much"}, "much"),
        ({"cooling": 0.5}, "cooling=0.5"),
        ({"prior_beta": -1}, "prior_beta=-1"),
        ({"refit": -0.1}, "refit=-0.1"),
        ({"most": 5}, "most=5"),
    ],
)
def test_settings_without_sense_are_refused(settings, named):
    with pytest.raises(ValueError, match=named):
        optimise(SQUARE, lambda config: told(bowl(config)), 8, **settings)


def test_categories_lie_one_apart():
    features = Encoder(UnitSpace(TABLE))
    configs = [
        {"depth": 3, "width": 1, "kind": "k1"},
        {"depth": 3, "width": 1, "kind": "k2"},
        {"depth": 3, "width": 2**19, "kind": "k2"},
    ]
    a, b, c = features(features.unit.rows(configs))
    assert np.linalg.norm(a - b) == pytest.approx(1)
    assert np.linalg.norm(b - c) == pytest.approx(1)


def test_a_model_sees_the_best_and_the_latest():
    values = [9, 1, 8, 2, 7, 3, 6, 4, 5, 0, 10]
    assert thinned(list(range(11)), lambda index: values[index], 11) == list(range(11))
    # 40 % of 10 each: the latest are 7 to 10, the best of the others 1, 3, 5, 6.
    assert thinned(list(range(11)), lambda index: values[index], 10) == [1, 3, 5, 6, 7, 8, 9, 10]


def test_the_highest_resource_with_enough_values_is_modelled():
    """Enough is 2 (d + 1) = 6 values."""
    data = LevelData(UnitSpace(SQUARE), minimum=3, most=100)
    rng = np.random.default_rng(0)
    for trial, resource in enumerate([1] * 7 + [3] * 6 + [9] * 5):
        job = Job(trial, SQUARE.sample(rng, 1)[0], 0, resource)
        data.add(job, told(float(trial)))
    assert data.training().values.tolist() == list(range(7, 13))
    data.add(Job(18, SQUARE.sample(rng, 1)[0], 0, 9), told(18.0))
    assert data.training().values.tolist() == list(range(13, 19))


def test_the_search_finds_the_maximum_of_a_known_score():
    for space, best in ((SQUARE, 1e-3), (TABLE, 1e-9)):
        rng = np.random.default_rng(0)
        candidates = Candidates(space, rng)
        target = candidates.unit.sample(1, rng)[0]
        found = AcquisitionSearch(candidates, rng).best(
            lambda rows, target=target: -np.linalg.norm(rows - target, axis=1),
            np.empty((0, len(space))),
        )
        assert np.linalg.norm(found - target) <= best**0.5


def test_a_short_list_is_searched_in_two_stages():
    """2,500 points: random ones, then the neighbours of the best of them; the best is next door."""
    space = Space({name: {"type": "integer", "low": 1, "high": 50} for name in ("x", "y")})
    rng = np.random.default_rng(0)
    candidates = Candidates(space, rng)
    assert candidates.listed
    target = candidates.unit.rows([{"x": 17, "y": 33}])[0]

    def score(rows):
        assert len(rows) < 700
        return -np.linalg.norm(rows - target, axis=1)

    found = AcquisitionSearch(candidates, rng).best(score, np.empty((0, 2)))
    assert np.array_equal(found, target)


def test_a_search_goes_on_from_where_the_last_ended():
    """Without rounds the best of one random candidate and of those reached before is found."""
    rng = np.random.default_rng(0)
    candidates = Candidates(SQUARE, rng)

    def score(rows):
        return -np.linalg.norm(rows - 0.3, axis=1)

    search = AcquisitionSearch(candidates, rng, random=1, rounds=0)
    found = [score(search.best(score, np.empty((0, 2)))[None])[0] for _ in range(30)]
    assert found == np.maximum.accumulate(found).tolist()
    anew = AcquisitionSearch(candidates, rng, random=1, rounds=0, on=False)
    found = [score(anew.best(score, np.empty((0, 2)))[None])[0] for _ in range(30)]
    assert found != np.maximum.accumulate(found).tolist()


def test_what_was_tried_since_is_no_candidate_though_the_search_ended_there():
    rng = np.random.default_rng(0)
    candidates = Candidates(SQUARE, rng)
    search = AcquisitionSearch(candidates, rng, random=1, rounds=0)
    first = search.best(lambda rows: rows[:, 0], np.empty((0, 2)))
    candidates.choose(first)
    assert not np.array_equal(search.best(lambda rows: rows[:, 0], np.empty((0, 2))), first)
