"""What model-based searchers stand on: rows, features, candidates, history."""

import math

import numpy as np
import pytest

from hpobench.methods.search.candidates import SMALL, Candidates, RowHashes
from hpobench.methods.search.history import History
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.records import Evaluation, Job
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Space

CONDITIONAL = Space(
    {
        "optimizer": {"type": "categorical", "values": ["sgd", "adam", "none"]},
        "momentum": {"type": "float", "low": 0, "high": 1, "when": {"optimizer": "sgd"}},
        "units": {"type": "integer", "low": 1, "high": 100, "log": True},
        "width": {"type": "ordinal", "values": [1, 2, 8, 16], "scale": "log"},
        "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
    }
)
LARGE = Space({name: {"type": "integer", "low": 1, "high": 20} for name in "abcd"})


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_rows_and_configurations_are_the_same_thing(rng):
    unit = UnitSpace(CONDITIONAL)
    configs = CONDITIONAL.sample(rng, 300)
    rows = unit.rows(configs)
    for config, again in zip(configs, unit.configs(rows), strict=True):
        assert {**again, "rate": None} == pytest.approx({**config, "rate": None})
        assert again["rate"] == pytest.approx(config["rate"])


def test_snapping_is_what_decoding_does(rng):
    """Any point of the cube decodes to the configuration of the row to which it is snapped."""
    unit = UnitSpace(CONDITIONAL)
    points = rng.random((500, 5))
    rows = unit.snap(points.copy())
    assert CONDITIONAL.from_unit(points) == unit.configs(rows)
    assert np.array_equal(unit.snap(rows.copy()), rows, equal_nan=True)
    inactive = np.isnan(rows[:, 1])
    assert inactive.mean() == pytest.approx(2 / 3, abs=0.1)
    assert np.array_equal(inactive, rows[:, 0] > 1 / 3)


def test_features_keep_the_scale_and_know_no_order_of_categories():
    unit = UnitSpace(CONDITIONAL)
    configs = [
        {"optimizer": "sgd", "momentum": 0.25, "units": 100, "width": 2, "rate": 1e-2},
        {"optimizer": "none", "units": 1, "width": 8, "rate": 1.0},
    ]
    features = unit.features(unit.rows(configs))
    assert features.shape == (2, 7)
    assert unit.feature_columns == [0, 0, 0, 1, 2, 3, 4]
    assert features[:, :3].tolist() == [[1, 0, 0], [0, 0, 1]]
    assert features[:, 3].tolist() == [0.25, 0.5]  # inactive: the middle
    # 1, 2, 8, 16 on a log scale: thirds of log2(16) = 4 would be wrong, 1/4 and 3/4 are right.
    assert features[:, 5] == pytest.approx([0.25, 0.75])
    assert features[:, 6] == pytest.approx([0.5, 1.0])


def test_level_indices_number_the_values(rng):
    unit = UnitSpace(CONDITIONAL)
    configs = CONDITIONAL.sample(rng, 50)
    indices = unit.level_indices(unit.rows(configs))
    for config, row in zip(configs, indices.tolist(), strict=True):
        assert row[0] == ["sgd", "adam", "none"].index(config["optimizer"])
        assert row[1] == (0 if config["optimizer"] == "sgd" else -1)
        assert row[2] == config["units"] - 1
        assert row[3] == [1, 2, 8, 16].index(config["width"])


def test_neighbours_differ_in_one_hyperparameter(rng):
    candidates = Candidates(CONDITIONAL, rng)
    base = {"optimizer": "adam", "units": 7, "width": 2, "rate": 0.1}
    rows = candidates.around(candidates.unit.rows([base])[0], 400, step=0.1)
    changed = set()
    for config in candidates.unit.configs(rows):
        CONDITIONAL.validate(config)
        differing = {
            name
            for name in base
            if config[name] != (pytest.approx(base[name]) if name == "rate" else base[name])
        }
        assert len(differing) <= 1  # a category may be drawn again
        changed |= differing
    assert changed == set(base)


@pytest.mark.parametrize("space", [LARGE, Space({"a": LARGE["a"], "b": LARGE["b"]})])
def test_what_was_tried_is_not_offered_again(space, rng):
    candidates = Candidates(space, rng)
    assert candidates.listed == (len(space) == 2)
    chosen = set()
    for _ in range(60):
        rows = candidates.random(50)
        near = candidates.around(rows[0], 50, step=0.1)
        assert not chosen & {tuple(config.values()) for config in candidates.unit.configs(rows)}
        assert not chosen & {tuple(config.values()) for config in candidates.unit.configs(near)}
        chosen.add(tuple(candidates.choose(rows[0]).values()))
        chosen.add(tuple(candidates.draw().values()))
    assert len(chosen) == 120


def test_integers_of_very_many_values_are_tried_once(rng):
    """On a logarithmic scale the number 1 has a twentieth of the range: many points, one row."""
    space = Space({"units": {"type": "integer", "low": 1, "high": 500_000, "log": True}})
    candidates = Candidates(space, rng)
    low = np.linspace(0, 0.04, 20)[:, None]
    rows = candidates.unit.snap(low.copy())
    assert candidates.unit.configs(rows) == space.from_unit(low) == [{"units": 1}] * 20
    assert len(np.unique(rows)) == 1
    assert candidates.choose(rows[0]) == {"units": 1}
    assert not candidates.is_untried(candidates.unit.snap(low)).any()


@pytest.mark.parametrize("width", [1, 5, 8, 9, 60])
def test_a_row_has_one_hash_wherever_it_lies(rng, width):
    """Alone, among others, by columns; with other last digits; and no two rows have the same."""
    rows = rng.integers(64, size=(300, width)) / 64
    rows[rng.random(rows.shape) < 0.1] = np.nan
    rows[:, 0] = rng.permutation(300) / 300
    hashes = RowHashes(width)
    together = hashes(rows)
    assert np.array_equal(together, [hashes(row[None])[0] for row in rows])
    assert np.array_equal(together, hashes(np.asfortranarray(rows)))
    assert np.array_equal(together, hashes(rows * (1 + 1e-15)))
    assert len(set(together.tolist())) == 300


def test_cells_lie_between_the_edges_of_their_hyperparameter(rng):
    """Of equal width for categories and ordinals, on a logarithmic scale for integers."""
    space = Space(
        {
            "kind": {"type": "categorical", "values": ["a", "b", "c"]},
            "units": {"type": "integer", "low": 1, "high": 20, "log": True},
            "rate": {"type": "float", "low": 0, "high": 1},
            "size": {"type": "ordinal", "values": [1, 2, 4, 8, 16, 32, 64]},
            "depth": {"type": "integer", "low": 3, "high": 9},
        }
    )
    unit = UnitSpace(space)
    points = np.concatenate([rng.random((500, 5)), np.zeros((1, 5)), np.ones((1, 5))])
    found = unit.level_indices(points)
    for column, edges in enumerate(unit.edges):
        inner = np.empty(0) if edges is None else edges
        expected = np.searchsorted(inner, points[:, column], side="right")
        assert np.array_equal(found[:, column], expected)


def test_a_finite_space_that_is_conditional_is_not_repeated(rng):
    """Three of kind a and one of kind b: four."""
    space = Space(
        {
            "kind": {"type": "categorical", "values": ["a", "b"]},
            "depth": {"type": "integer", "low": 1, "high": 3, "when": {"kind": "a"}},
        }
    )
    candidates = Candidates(space, rng)
    chosen = [candidates.draw() for _ in range(2)]
    chosen.append(candidates.choose(candidates.random(50)[0]))
    chosen.append(candidates.draw())
    assert len({space.key(config) for config in chosen}) == 4
    assert len(candidates.random(50)) == 0
    assert candidates.draw() is None


def test_a_long_list_is_offered_as_it_is(rng):
    """Rows between its configurations would be moved to some of them, again and again."""
    specification = {
        "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
        "kind": {"type": "categorical", "values": ["a", "b"]},
    }
    configs = Space(specification).sample(rng, SMALL + 10)
    candidates = Candidates(ListedSpace(specification, configs), rng)
    assert candidates.listed
    assert len(candidates.random(5)) == SMALL + 10
    chosen = candidates.choose(candidates.nearest(np.array([0.5, 0.5])))
    assert chosen in configs
    assert candidates.choose(candidates.nearest(np.array([0.5, 0.5]))) != chosen


def test_a_finite_space_is_exhausted_unless_repeats_are_meant(rng):
    space = Space({"a": {"type": "ordinal", "values": [1, 2, 3]}})
    candidates = Candidates(space, rng)
    candidates.exclude({"a": 2})
    assert sorted(candidates.draw()["a"] for _ in range(2)) == [1, 3]
    assert candidates.draw() is None
    assert len(candidates.random(10)) == 0
    again = Candidates(space, rng, repeat=True)
    assert len([again.choose(again.random(10)[0]) for _ in range(10)]) == 10


def outcome(value, seconds, slack=None):
    constraints = {} if slack is None else {"size": np.array([slack])}
    values = np.array([value])
    return Evaluation(np.ones(1), np.array([seconds]), values, seconds, constraints=constraints)


def test_history_by_resource():
    history = History(UnitSpace(Space({"x": {"type": "integer", "low": 0, "high": 2}})))
    resource, level = history.level(1)
    assert (resource, len(level)) == (0.0, 0)
    for trial, value in enumerate([3.0, math.nan, 1.0]):
        history.add(Job(trial, {"x": trial}, 0, 1), outcome(value, 2.0, slack=trial - 0.5))
    promoted = history.add(Job(2, {"x": 2}, 1, 3), outcome(0.5, 4.0, slack=1.5))
    assert promoted.cost_s == 6.0
    assert promoted.feasible
    assert not history.levels[1].observed[0].feasible
    assert history.levels[1].observed[1].value == math.inf
    assert len(history) == 4
    assert history.level(1)[0] == 3
    assert history.level(2)[0] == 1
    # Nowhere enough: where there is most.
    assert history.level(3)[0] == 1
