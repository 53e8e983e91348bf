"""A space with gaps: numbered, drawn evenly, and whatever is made falls on its list."""

import numpy as np
import pytest

from hpobench.methods.searchers.grid_search import GridSearch
from hpobench.methods.searchers.mutation import mutate
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Space

SPEC = {
    "x": {"type": "float", "low": 0, "high": 1, "default": 0.2},
    "kind": {"type": "categorical", "values": ["a", "b"], "default": "b"},
    "y": {"type": "float", "low": 0, "high": 1, "when": {"kind": "a"}},
}
CONFIGS = [
    {"x": 0.1, "kind": "a", "y": 0.0},
    {"x": 0.15, "kind": "a", "y": 0.9},
    {"x": 0.4, "kind": "b"},
    {"x": 0.9, "kind": "b"},
]
LISTED = ListedSpace(SPEC, CONFIGS)


def test_the_list_is_the_space():
    assert LISTED.size == 4
    assert [LISTED.config_at(i) for i in range(4)] == CONFIGS
    assert [LISTED.index_of(config) for config in CONFIGS] == [0, 1, 2, 3]
    assert LISTED.names == Space(SPEC).names
    for config in CONFIGS:
        LISTED.validate(config)
    with pytest.raises(KeyError):
        LISTED.index_of({"x": 0.5, "kind": "b"})
    with pytest.raises(ValueError, match=r"none of the 4 .*nearest is {'x': 0.4, 'kind': 'b'}"):
        LISTED.validate({"x": 0.5, "kind": "b"})
    # What is handed out may be changed.
    LISTED.config_at(0)["x"] = 7
    assert LISTED.config_at(0) == CONFIGS[0]


def test_each_is_drawn_as_often():
    drawn = LISTED.sample(np.random.default_rng(0), 4000)
    counts = np.bincount([LISTED.index_of(config) for config in drawn])
    # A count has the standard deviation sqrt(4000 * 1/4 * 3/4) = 27.4.
    assert (abs(counts - 1000) < 3 * 27.4).all()


def test_nearest():
    # Within a category by position; another category is a distance of sqrt(2) away.
    assert LISTED.nearest({"x": 0.6, "kind": "b"}) == CONFIGS[2]
    assert LISTED.nearest({"x": 0.9, "kind": "a", "y": 0.8}) == CONFIGS[1]
    assert LISTED.nearest(CONFIGS[3]) == CONFIGS[3]
    assert LISTED.nearest(CONFIGS[3], without=[CONFIGS[3]]) == CONFIGS[2]
    # The other a is sqrt(0.05^2 + 0.9^2) away, the nearest b more than sqrt(2).
    assert LISTED.nearest(CONFIGS[0], without=[CONFIGS[0]]) == CONFIGS[1]
    alone = ListedSpace(SPEC, CONFIGS[:1])
    assert alone.nearest(CONFIGS[0], without=[CONFIGS[0]]) == CONFIGS[0]
    assert Space(SPEC).nearest(CONFIGS[0], without=[CONFIGS[0]]) == CONFIGS[0]


def test_points_of_the_unit_cube_fall_on_the_list():
    unit = np.random.default_rng(1).random((200, 3))
    assert {LISTED.index_of(config) for config in LISTED.from_unit(unit)} == {0, 1, 2, 3}
    rows = np.nan_to_num(LISTED.to_unit(CONFIGS), nan=0.5)
    assert LISTED.from_unit(rows) == CONFIGS


def test_mutations_are_other_listed_configurations():
    rng = np.random.default_rng(2)
    found = [LISTED.index_of(mutate(LISTED, CONFIGS[2], rng, 0.2)) for _ in range(100)]
    assert set(found) == {0, 1, 3}


def test_the_default_is_the_nearest_that_agrees():
    assert LISTED.default() == CONFIGS[2]
    # From (0.2, 0.5) it is 0.51 to the first of the two, and 0.40 to the second.
    assert LISTED.default({"kind": "a"}) == CONFIGS[1]
    assert LISTED.default({"kind": "a", "y": 0.0}) == CONFIGS[0]
    with pytest.raises(ValueError, match="none of the 4"):
        LISTED.validate(LISTED.default({"x": 0.33}))


@pytest.mark.parametrize(
    ("configs", "message"),
    [
        ([], "at least one"),
        ([CONFIGS[0], {"x": 2, "kind": "b"}], "configuration 1 of the list: x=2 lies outside"),
        ([CONFIGS[0], CONFIGS[0]], "more than once"),
    ],
)
def test_lists_that_cannot_be(configs, message):
    with pytest.raises(ValueError, match=message):
        ListedSpace(SPEC, configs)


def test_a_grid_has_each_listed_or_active_point_once():
    """2 kinds x 3 x, for kind a times 3 y: 12 points; or what of the list is nearest to them."""
    for space, count in ((Space(SPEC), 12), (LISTED, 4)):
        searcher = GridSearch(space, np.random.default_rng(0), resolution=3)
        found = list(iter(lambda s=searcher: s.suggest({}), None))
        for config in found:
            space.validate(config)
        assert len({space.key(config) for config in found}) == len(found) == count
