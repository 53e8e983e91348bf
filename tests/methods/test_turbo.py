"""TuRBO: the trust region by hand, where candidates lie, restarts, and what dimension does."""

import numpy as np
import pytest

from hpobench.methods.searchers.turbo import Region, TuRBO
from hpobench.records import Evaluation, Job
from hpobench.space.space import Space

PLANE = Space({name: {"type": "float", "low": 0, "high": 1} for name in "xy"})
TREE = Space(
    {
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
        "units": {"type": "integer", "low": 1, "high": 9},
        "rate": {"type": "float", "low": 0, "high": 1, "when": {"kind": ["a", "b"]}},
        "fixed": {"type": "float", "low": 2, "high": 2},
    }
)


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def observe(searcher, trial, config, value, resource=1):
    evaluation = Evaluation(np.ones(1), np.ones(1), np.array([float(value)]), 1.0)
    searcher.observe(Job(trial, config, 0, resource), evaluation)


def search(searcher, loss, count):
    configs = []
    for trial in range(count):
        configs.append(searcher.suggest({}))
        observe(searcher, trial, configs[-1], loss(configs[-1]))
    return configs


def test_the_region_by_hand():
    """Three successes double the side, up to the longest; four failures halve it."""
    region = Region(0.8, longest=1.6, to_widen=3, to_narrow=4)
    lengths = []
    for outcome in "sss" + "sss" + "ffff" + "ss" + "f" + "ss" + "s" + "fff" + "s" + "ffff":
        region = region.after(outcome == "s")
        lengths.append(region.length)
    by_hand = [0.8, 0.8, 1.6]  # three successes
    by_hand += [1.6] * 3  # no longer than that
    by_hand += [1.6, 1.6, 1.6, 0.8]  # four failures
    by_hand += [0.8] * 2 + [0.8] + [0.8] * 2 + [1.6]  # a failure between: only 3 in a row count
    by_hand += [1.6] * 3 + [1.6] + [1.6] * 3 + [0.8]
    assert lengths == by_hand


@pytest.mark.parametrize("length", [0.4, 0.1])
def test_candidates_lie_in_the_box_around_the_best(length):
    """With equal lengthscales the box is a square; that they are is the symmetry of the data."""
    searcher = TuRBO(PLANE, rng(), initial=5, length=length)
    corners = [(0.5, 0.5), (0.2, 0.2), (0.2, 0.8), (0.8, 0.2), (0.8, 0.8)]
    for trial, (x, y) in enumerate(corners):
        observe(searcher, trial, {"x": x, "y": y}, (x - 0.5) ** 2 + (y - 0.5) ** 2)
    rows = searcher._inside(searcher._evidence.known({}))
    gaps = np.abs(rows - 0.5)
    assert len(rows) > 400
    assert gaps.max() <= length / 2 * 1.05
    assert gaps.max() >= length / 2 * 0.9


def test_discrete_values_and_other_branches_stay_within_reach():
    """The box is far narrower than a step of `units`, and than one of the categories."""
    searcher = TuRBO(TREE, rng(), initial=4, length=0.01, shortest=0.001)
    for trial, (kind, units) in enumerate([("a", 5), ("b", 5), ("a", 2), ("c", 8)]):
        config = {"kind": kind, "units": units, "fixed": 2.0}
        observe(searcher, trial, config | ({"rate": 0.5} if kind != "c" else {}), trial)
    found = searcher._candidates.unit.configs(searcher._inside(searcher._evidence.known({})))
    assert {config["kind"] for config in found} == {"a", "b", "c"}
    assert {config["units"] for config in found} == {4, 5, 6}
    for config in found:
        TREE.validate(config)


def test_it_begins_anew_when_the_region_has_become_too_narrow():
    """Nothing improves on the first: 4 failures halve 0.8 seven times, to below 0.0078125."""
    searcher = TuRBO(PLANE, rng(), initial=3, failures=4)
    search(searcher, lambda config: config["x"] if len(searcher._before) else 1.0, 3)
    before = searcher._evidence
    configs = search(searcher, lambda _: 1.0, 4 * 7 + 3)
    # Near the best, the first, then anywhere.
    late = np.array([[config["x"], config["y"]] for config in configs])
    assert searcher._evidence is not before
    assert np.ptp(late[-3:], axis=0).max() > 0.05


def test_what_was_pending_when_it_began_anew_is_not_of_the_new_region():
    searcher = TuRBO(PLANE, rng(), initial=2, failures=1, shortest=0.5)
    search(searcher, lambda _: 1.0, 3)
    late = Job(7, {"x": 0.1, "y": 0.1}, 0, 1)
    searcher.suggest({7: late})  # one failure, 0.8 to 0.4: a new region
    observe(searcher, 7, late.config, 0.0)
    assert searcher._evidence.known({}) is None
    observe(searcher, 8, {"x": 0.2, "y": 0.2}, 0.0)
    observe(searcher, 9, {"x": 0.3, "y": 0.2}, 0.0)
    assert len(searcher._evidence.known({}).values) == 2


def test_in_many_dimensions_it_gets_closer_than_random_search():
    """A sum of 30 squares of which few matter, as hyperparameters do."""
    space = Space({f"x{i}": {"type": "float", "low": -1, "high": 1} for i in range(30)})
    weights = 0.7 ** np.arange(30)

    def loss(config):
        return float(weights @ (np.array(list(config.values())) - 0.2) ** 2)

    at_random = min(map(loss, space.sample(rng(), 120)))
    assert min(map(loss, search(TuRBO(space, rng(), initial=10), loss, 60))) < 0.5 * at_random


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"length": 2.0}, "length=2.0, longest=1.6: .* must rise in this order"),
        ({"shortest": 0}, "shortest=0, .* must rise"),
        ({"successes": 0}, "successes=0: a whole number, at least 1"),
        ({"failures": 2.5}, "failures=2.5: a whole number"),
        ({"candidates": 0}, "candidates=0: a whole number"),
        ({"initial": 1.5}, "initial=1.5: a whole number of configurations, at least 2"),
        ({"transform": "sqrt"}, "transform='sqrt': use one of log, rank"),
    ],
)
def test_nonsense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TuRBO(PLANE, rng(), **settings)
