"""Spaces in other libraries' words, there and back."""

import numpy as np
import pytest

from hpobench.methods.peers.dimensions import Dimension, Dimensions
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Space


def random_space(rng):
    """Up to eight hyperparameters of all types, some with one value, some conditional."""
    items = {}
    for number in range(int(rng.integers(1, 9))):
        items[f"h{number}"] = item = random_item(rng)
        parents = [name for name, other in items.items() if "values" in other and other is not item]
        if parents and rng.random() < 0.4:
            parent = str(rng.choice(parents))
            values = items[parent]["values"]
            chosen = rng.choice(
                len(values), size=int(rng.integers(1, len(values) + 1)), replace=False
            )
            item["when"] = {parent: [values[index] for index in chosen]}
    return Space(items)


def random_item(rng):
    kind = rng.choice(["float", "integer", "ordinal", "categorical"])
    if kind in ("float", "integer"):
        low = float(rng.integers(1, 5))
        high = low + float(rng.integers(0, 50))
        return {"type": kind, "low": low, "high": high, "log": bool(rng.random() < 0.5)}
    values = [["a", 1, 2.5, True, "1"], [1, 2, 4, 8], ["only"], [0.1, 0.2]][int(rng.integers(4))]
    values = [value for value in values if value is not True or 1 not in values]
    return {"type": kind, "values": values}


@pytest.mark.parametrize("seed", range(40))
def test_configurations_come_back(seed):
    rng = np.random.default_rng(seed)
    space = random_space(rng)
    dimensions = Dimensions(space)
    for config in space.sample(rng, 20):
        values = dimensions.encode(config)
        assert dimensions.decode(values) == config
        whole = dimensions.completed(values)
        assert set(whole) == set(dimensions.names)
        assert dimensions.decode(whole) == config
        assert dimensions.active(whole) == values


@pytest.mark.parametrize("seed", range(10))
def test_values_within_the_ranges_are_points_of_the_space(seed):
    rng = np.random.default_rng(seed)
    space = random_space(rng)
    dimensions = Dimensions(space)
    for share in (0.0, 1e-9, 0.5, 1.0):
        values = {item.name: item.low + share * (item.high - item.low) for item in dimensions}
        moved = {name: value * (1 + 1e-12) for name, value in values.items()}
        for config in (dimensions.decode(values), dimensions.decode(moved)):
            space.validate(config)
            assert dimensions.decode(dimensions.encode(config)) == config


def test_each_type_in_the_words_of_libraries():
    space = Space(
        {
            "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True, "default": 0.01},
            "units": {"type": "integer", "low": 1, "high": 9},
            "batch": {"type": "ordinal", "values": [16, 64, 256], "scale": "log", "default": 64},
            "kind": {"type": "categorical", "values": ["sgd", "adam"]},
            "fixed": {"type": "categorical", "values": ["x"]},
            "momentum": {"type": "float", "low": 0, "high": 1, "when": {"kind": "adam"}},
        }
    )
    assert list(Dimensions(space)) == [
        Dimension("rate", "float", 1e-4, 1, True, 0.01),
        Dimension("units", "integer", 1, 9),
        Dimension("batch", "integer", 0, 2, default=1),
        Dimension("kind", "choice", 0, 1),
        Dimension("momentum", "float", 0, 1, parent="kind", when=(1,)),
    ]


def test_a_condition_on_what_is_fixed_is_decided_once():
    fixed = {"type": "categorical", "values": ["x"]}
    number = {"type": "integer", "low": 0, "high": 3}
    always = Space({"fixed": fixed, "n": number | {"when": {"fixed": "x"}}})
    assert list(Dimensions(always)) == [Dimension("n", "integer", 0, 3)]
    assert Dimensions(always).decode({"n": 2}) == {"fixed": "x", "n": 2}
    nested = Space(
        {
            "kind": {"type": "categorical", "values": ["a", "b"]},
            "fixed": fixed | {"when": {"kind": "a"}},
            "n": number | {"when": {"fixed": "x"}},
        }
    )
    assert list(Dimensions(nested))[1] == Dimension("n", "integer", 0, 3, parent="kind", when=(0,))
    assert Dimensions(nested).decode({"kind": 1, "n": 2}) == {"kind": "b"}


def test_in_a_space_with_gaps_the_nearest_point_is_meant():
    numbers = {"n": {"type": "integer", "low": 0, "high": 9}}
    space = ListedSpace(numbers, [{"n": 0}, {"n": 7}])
    assert Dimensions(space).decode({"n": 5}) == {"n": 7}


def test_values_that_stand_where_none_is_active():
    assert Dimension("x", "float", 1, 100, log=True).middle == pytest.approx(10)
    assert Dimension("x", "integer", 1, 4).middle == 2
    assert Dimension("x", "choice", 0, 4).middle == 0
    assert Dimension("x", "choice", 0, 4).size == 5
