"""BORE: labels by hand, the classifier's optimum where density ratios are known."""

import numpy as np
import pytest

from hpobench.methods.searchers.bore import BORE, among_best
from hpobench.records import Evaluation, Job
from hpobench.space.space import Space

LINE = Space({"x": {"type": "float", "low": 0, "high": 1}})
PLANE = Space({name: {"type": "float", "low": -1, "high": 1} for name in "xy"})


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def observe(searcher, trial, config, value):
    evaluation = Evaluation(np.ones(1), np.ones(1), np.array([float(value)]), 1.0)
    searcher.observe(Job(trial, config, 0, 1), evaluation)


def test_labels_by_hand():
    assert among_best(np.array([4.0, 1.0, 3.0, 2.0]), 0.25).tolist() == [0, 1, 0, 0]
    assert among_best(np.array([4.0, 1.0, 3.0, 2.0]), 1 / 3).tolist() == [0, 1, 0, 1]
    assert among_best(np.zeros(3), 0.5).tolist() == [1, 1, 1]


def test_failures_are_not_among_the_best_though_they_are_the_most():
    """Nine of ten count as the worst value, and so does the quantile."""
    assert among_best(np.array([9.0] * 9 + [1.0]), 0.25).tolist() == [0] * 9 + [1]


def test_of_equal_values_the_first_are_among_the_best():
    """Five of seven share the best value, and two of seven are best: not the whole plateau."""
    values = np.array([9.0, 1.0, 1.0, 5.0, 1.0, 1.0, 1.0])
    assert among_best(values, 0.25).tolist() == [0, 1, 1, 0, 0, 0, 0]
    assert among_best(values, 0.9).tolist() == [0, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("gamma", [0.1, 0.25, 0.5])
def test_the_share_of_labels(gamma):
    assert abs(among_best(rng().normal(size=1000), gamma).mean() - gamma) <= 0.001


def test_only_the_order_of_values_matters():
    """Labels are of ranks: a monotone map changes no suggestion."""
    found = []
    for change in (lambda value: value, np.exp):
        searcher = BORE(PLANE, rng(3))
        for trial in range(30):
            config = searcher.suggest({})
            observe(searcher, trial, config, change(config["x"] ** 2 + config["y"]))
        found.append(searcher.suggest({}))
    assert found[0] == found[1]


def test_suggestions_lie_where_the_best_are():
    """The best third of 60 is at 0.4 < x < 0.6 alone; a threshold may lie between neighbours."""
    draw = rng(1)
    searcher = BORE(LINE, rng(), random_share=0)
    for trial in range(60):
        x = (
            draw.uniform(0.4, 0.6)
            if trial % 3 == 0
            else draw.choice([-1, 1]) * draw.uniform(0.2, 0.5) + 0.5
        )
        observe(searcher, trial, {"x": x}, 0.0 if trial % 3 == 0 else 1.0)
    for _ in range(20):
        assert 0.3 < searcher.suggest({})["x"] < 0.7


@pytest.mark.parametrize("levels", [1000, 5])
def test_suggestions_do_not_crowd_beside_what_was_tried(levels):
    """On a slope or a plateau: a quarter of what n points of a plane are apart."""
    cube = Space({name: {"type": "float", "low": 0, "high": 1} for name in "abcdef"})
    searcher, tried = BORE(cube, rng(), random_share=0), np.empty((0, 6))
    for trial in range(40):
        config = searcher.suggest({})
        point = np.array(list(config.values()))
        if trial >= 10:
            assert np.abs(tried - point).max(axis=1).min() > 0.25 / trial**0.5
        tried = np.concatenate([tried, point[None]])
        observe(searcher, trial, config, np.floor((point**2).mean() * levels))


def test_where_all_is_beside_what_was_tried_there_are_suggestions():
    searcher = BORE(LINE, rng(), random_share=0)
    for trial, x in enumerate(np.linspace(0, 1, 40)):
        observe(searcher, trial, {"x": float(x)}, trial)
    assert 0 <= searcher.suggest({})["x"] <= 1


def test_what_is_pending_counts_as_not_among_the_best():
    """One place among the best and two hundred neighbours of it: the place is taken."""
    searcher = BORE(LINE, rng(), random_share=0, gamma=0.5)
    for trial in range(20):
        observe(searcher, trial, {"x": trial / 20}, trial)
    pending = {20 + i: Job(20 + i, {"x": i / 400}, 0, 1) for i in range(100)}
    free = [searcher.suggest({})["x"] for _ in range(20)]
    busy = [searcher.suggest(pending)["x"] for _ in range(20)]
    assert max(free) < 0.5
    assert min(busy) > 0.2


@pytest.mark.parametrize("setting", [{"gamma": 0}, {"gamma": 1}, {"random_share": 2}])
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        BORE(PLANE, rng(), **setting)
