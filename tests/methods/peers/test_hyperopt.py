"""hyperopt asked and told by hand: the same suggestions as from its own loop."""

import math
from collections import Counter

import numpy as np
import pytest

hyperopt = pytest.importorskip("hyperopt")

from hpobench.methods.peers.dimensions import Dimensions  # noqa: E402
from hpobench.methods.peers.hyperopt_tpe import HyperoptTPE, search_space  # noqa: E402
from hpobench.space.space import Space  # noqa: E402

FLAT = Space(
    {
        "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
        "share": {"type": "float", "low": -1, "high": 3},
        "units": {"type": "integer", "low": 2, "high": 64, "log": True},
        "layers": {"type": "integer", "low": 1, "high": 3},
        "width": {"type": "ordinal", "values": [1, 2, 8, 16]},
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
    }
)
TREE = Space(
    {
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
        "momentum": {"type": "float", "low": 0, "high": 1, "when": {"kind": "a"}},
        "nested": {"type": "integer", "low": 3, "high": 4, "when": {"kind": ["a", "b"]}},
        "depth": {"type": "integer", "low": 1, "high": 5, "when": {"nested": 4}},
        "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
    }
)


def loss(values):
    return math.log(values["rate"]) ** 2 + values.get("momentum", 0) + values.get("share", 0)


@pytest.mark.parametrize("space", [FLAT, TREE], ids=["flat", "tree"])
def test_the_suggestions_are_those_of_its_own_loop(space):
    """`fmin` runs hyperopt as its users do; one trial at a time, from the same seed."""
    dimensions = Dimensions(space)
    by_itself = hyperopt.Trials()
    hyperopt.fmin(
        lambda drawn: {"status": "ok", "loss": loss(flat(drawn))},
        search_space(dimensions),
        algo=hyperopt.tpe.suggest,
        max_evals=40,
        trials=by_itself,
        rstate=np.random.default_rng(7),
        show_progressbar=False,
    )
    optimizer = HyperoptTPE(dimensions, 7, 1)
    for trial in range(40):
        values = optimizer.ask(trial)
        optimizer.tell(trial, values, loss(values), {})
    assert optimizer._trials.vals == by_itself.vals


def flat(drawn):
    """The numbers of nested options, by name."""
    found = {}
    for name, value in drawn.items():
        found |= flat(value) if isinstance(value, dict) else {name: value}
    return found


def test_what_is_conditional_is_active_where_the_space_says():
    dimensions = Dimensions(TREE)
    optimizer = HyperoptTPE(dimensions, 1, 1)
    seen = set()
    for trial in range(60):
        values = optimizer.ask(trial)
        TREE.validate(dimensions.decode(values))
        assert dimensions.encode(dimensions.decode(values)).keys() == values.keys()
        optimizer.tell(trial, values, loss(values), {})
        seen.add(frozenset(values))
    assert len(seen) == 5  # all there are


@pytest.mark.parametrize("space", [FLAT, TREE], ids=["flat", "tree"])
def test_configurations_of_others_are_recorded_as_its_own(space):
    dimensions = Dimensions(space)
    optimizer = HyperoptTPE(dimensions, 1, 1)
    for config in space.sample(np.random.default_rng(2), 30):
        optimizer.tell(None, dimensions.encode(config), 1.0, {})
    for trial in range(10):
        asked = optimizer.ask(trial)
        optimizer.tell(None, asked, 1.0, {})
        own, told = optimizer._trials.miscs[-2:]
        assert own["vals"] == told["vals"]
        optimizer.tell(trial, asked, 1.0, {})
    assert set(optimizer._trials.losses()) == {1.0}


def test_all_values_of_an_integer_are_equally_likely():
    """By a chi-squared test at 0.001; on a log scale, a value from v - 1/2 to v + 1/2 is v."""
    space = Space(
        {
            "linear": {"type": "integer", "low": 1, "high": 4},
            "log": {"type": "integer", "low": 1, "high": 4, "log": True},
        }
    )
    optimizer = HyperoptTPE(Dimensions(space), 5, 1, n_startup_jobs=1000)
    drawn = [optimizer.ask(trial) for trial in range(800)]
    edges = np.log(np.arange(0.5, 5))
    expected = {"linear": np.full(4, 1 / 4), "log": np.diff(edges) / (edges[-1] - edges[0])}
    for name, shares in expected.items():
        counts = Counter(values[name] for values in drawn)
        found = np.array([counts.pop(value) for value in (1, 2, 3, 4)])
        assert not counts
        assert ((found - 800 * shares) ** 2 / (800 * shares)).sum() < 16.3


def test_failures_and_trials_under_way_count_as_the_worst():
    optimizer = HyperoptTPE(Dimensions(FLAT), 1, 3)
    for trial in range(3):
        optimizer.ask(trial)
    optimizer.tell(1, {}, math.inf, {})
    optimizer.tell(2, {}, 0.5, {})
    assert optimizer._trials.statuses() == ["new", hyperopt.STATUS_FAIL, hyperopt.STATUS_OK]
    assert optimizer._trials.losses() == [None, None, 0.5]


def test_a_trial_under_way_is_learned_from_like_a_failed_one():
    after = {}
    for value in (None, math.inf, -100.0):
        optimizer = HyperoptTPE(Dimensions(FLAT), 1, 2)
        for trial in range(30):
            values = optimizer.ask(trial)
            optimizer.tell(trial, values, loss(values), {})
        values = optimizer.ask(30)
        if value is not None:
            optimizer.tell(30, values, value, {})
        after[value] = optimizer.ask(31)
    assert after[None] == after[math.inf] != after[-100.0]
