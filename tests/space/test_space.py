"""Search spaces: types, scales, defaults, scipy distributions, errors."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpobench.space.hyperparameters import LARGEST_INTEGER, Categorical, Float, Integer, Ordinal
from hpobench.space.space import Space

MIXED = Space(
    {
        "rate": Float(1e-4, 1.0, log=True, default=0.1),
        "momentum": Float(0.0, 0.99),
        "units": Integer(16, 512, log=True),
        "layers": Integer(1, 5),
        "batch": Ordinal((16, 32, 64), scale="log"),
        "activation": Categorical(("relu", "tanh")),
    }
)
FINITE = Space({"a": Ordinal((1, 2, 4)), "b": Categorical(("x", "y")), "c": Integer(3, 6)})


def test_samples_lie_in_the_space_and_come_back_from_the_unit_cube():
    configs = MIXED.sample(np.random.default_rng(0), 500)
    for config in configs:
        MIXED.validate(config)
    back = MIXED.from_unit(MIXED.to_unit(configs))
    for config, again in zip(configs, back, strict=True):
        assert again["rate"] == pytest.approx(config["rate"], rel=1e-12)
        assert {k: again[k] for k in again if k not in ("rate", "momentum")} == {
            k: config[k] for k in config if k not in ("rate", "momentum")
        }


def test_values_are_plain_python():
    config = MIXED.sample(np.random.default_rng(0), 1)[0]
    assert [type(value) for value in config.values()] == [float, float, int, int, int, str]


@pytest.mark.parametrize(
    ("hyperparameter", "cdf"),
    [
        (Float(1e-4, 1, log=True), stats.loguniform(1e-4, 1).cdf),
        (Float(-2, 3), stats.uniform(-2, 5).cdf),
    ],
)
def test_floats_follow_their_scale(hyperparameter, cdf):
    values = hyperparameter.from_unit(np.random.default_rng(1).random(2000))
    assert stats.kstest(values, cdf).pvalue > 0.01


def test_integers_on_a_log_scale_have_the_width_of_their_cell():
    # P(k) is proportional to log((k + 1/2) / (k - 1/2)).
    values = Integer(1, 4, log=True).from_unit((np.arange(90_000) + 0.5) / 90_000)
    widths = [math.log((k + 0.5) / (k - 0.5)) / math.log(9) for k in (1, 2, 3, 4)]
    assert np.bincount(values)[1:] / 90_000 == pytest.approx(widths, abs=1e-4)


def test_both_ends_of_an_integer_range_are_drawn():
    assert set(Integer(2, 4).from_unit(np.array([0.0, 0.5, 1 - 1e-12, 1.0]))) == {2, 3, 4}


def test_finite_spaces_are_numbered_last_hyperparameter_fastest():
    assert FINITE.size == 3 * 2 * 4
    assert FINITE.config_at(0) == {"a": 1, "b": "x", "c": 3}
    assert FINITE.config_at(5) == {"a": 1, "b": "y", "c": 4}
    assert [FINITE.index_of(FINITE.config_at(i)) for i in range(24)] == list(range(24))
    assert MIXED.size is None
    with pytest.raises(ValueError, match="finite"):
        MIXED.config_at(0)


TREE = {
    "kind": {"type": "categorical", "values": ["none", "some"]},
    "size": {"type": "integer", "low": 1, "high": 3, "when": {"kind": "some"}},
    "way": {"type": "categorical", "values": ["a", "b"], "when": {"size": [2, 3]}},
}


def test_finite_conditional_spaces_are_numbered_by_what_is_active():
    space = Space(TREE)
    configs = [space.config_at(number) for number in range(space.size)]
    assert configs == [
        {"kind": "none"},
        {"kind": "some", "size": 1},
        *({"kind": "some", "size": size, "way": way} for size in (2, 3) for way in "ab"),
    ]
    assert list(map(space.index_of, configs)) == list(range(6))
    configs[0]["kind"] = "some"
    assert space.config_at(0) == {"kind": "none"}


def test_conditional_spaces_of_many_configurations_are_finite_but_not_numbered():
    space = Space(TREE | {"units": {"type": "integer", "low": 1, "high": 5000}})
    assert space.finite
    assert space.size is None  # 6 x 5000
    with pytest.raises(ValueError, match="at most 10,000"):
        space.config_at(0)
    assert not MIXED.finite


def test_the_default_is_what_is_declared_and_else_the_middle():
    assert MIXED.default() == {
        **{"rate": 0.1, "momentum": 0.495, "units": 89, "layers": 3, "batch": 32},
        "activation": "tanh",
    }


def test_scipy_distributions_mind_loc_scale_and_the_open_upper_bound():
    space = Space(
        {
            "rate": stats.loguniform(1e-2, 1),
            "dropout": stats.uniform(0.1, 0.5),
            "batch": stats.randint(32, 256),
        }
    )
    assert space["rate"] == Float(0.01, 1.0, log=True)
    assert space["dropout"] == Float(0.1, 0.6)
    assert space["batch"] == Integer(32, 255)


def test_yaml_mappings():
    space = Space(
        {
            "units": {"type": "integer", "low": 16, "high": 512, "log": True, "default": 64},
            "batch": {"type": "ordinal", "values": [8, 16], "scale": "log"},
            "activation": {"type": "categorical", "values": ["relu", "tanh"]},
        }
    )
    assert space["units"] == Integer(16, 512, log=True, default=64)
    assert space["batch"] == Ordinal((8, 16), scale="log")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "float", "low": 2, "high": 1}, "low=2 is above high=1"),
        ({"type": "float", "low": 0, "high": 1, "log": True}, "log scale cannot start at low=0"),
        ({"type": "integer", "low": 0, "high": 9, "log": True}, "log scale cannot start at low=0"),
        ({"type": "integer", "low": 0.5, "high": 9}, "low=0.5"),
        ({"type": "float", "low": 0, "high": math.inf}, "must be finite"),
        ({"type": "float", "low": 0, "high": 1, "default": 2}, "default 2 lies outside"),
        ({"type": "categorical", "values": ["a"], "default": "b"}, "default 'b' lies outside"),
        ({"type": "categorical", "values": []}, "at least one value"),
        ({"type": "ordinal", "values": [1, 1]}, "not all different"),
        ({"type": "ordinal", "values": [1, 1.0]}, "1 and 1.0 are the same"),
        ({"type": "categorical", "values": [True, "a", 1]}, "True and 1 are the same"),
        ({"type": "categorical", "values": [math.nan, 0.5]}, "nan is no value"),
        ({"type": "ordinal", "values": [0.5, np.float64("nan")]}, "nan is no value"),
        (
            {"type": "categorical", "values": [[32], [64, 32]]},
            r"\[32\] cannot be a value: give it a",
        ),
        ({"type": "categorical", "values": [{"a": 1}]}, "cannot be a value"),
        ({"type": "ordinal", "values": [1, "a"], "scale": "log"}, "must be numbers on a log scale"),
        ({"type": "float", "low": True, "high": 2}, "low=True is not a number"),
        ({"type": "float", "low": 0, "high": "1e-3"}, "high='1e-3' is not a number"),
        ({"type": "float", "low": 0, "high": None}, "high=None is not a number"),
        ({"type": "float", "low": math.nan, "high": 1}, "must be finite"),
        ({"type": "float", "low": -math.inf, "high": 1}, "must be finite"),
        ({"type": "float", "low": 0, "high": 10**400}, "must be finite"),
        ({"type": "float", "low": -1e308, "high": 1e308}, "too wide"),
        ({"type": "float", "low": 1e-320, "high": 1e308, "log": True}, "too wide"),
        ({"type": "float", "low": 0, "high": 1, "log": "yes"}, "log='yes': use true or false"),
        ({"type": "float", "low": 0, "high": 1, "default": True}, "default True lies outside"),
        ({"type": "integer", "low": 0, "high": 3, "default": 1.5}, "default 1.5 lies outside"),
        ({"type": "integer", "low": 2**53, "high": 2**53 + 3}, f"beyond {2**44}.*a smaller range"),
        ({"type": "integer", "low": 0, "high": 2**62 - 1}, f"beyond {2**44}"),
        ({"type": "integer", "low": -(2**60), "high": 0}, f"beyond {2**44}"),
        ({"type": "float", "low": 0}, "lacks 'high': it takes low, high, log, default"),
        ({"type": "float", "values": [1]}, "does not take 'values'"),
        ({"type": "categorical", "low": 1}, "does not take 'low': it takes values, default"),
        ({"type": "ordinal", "values": [0, 1], "scale": "log"}, "log scale cannot start at 0"),
        ({"type": "ordinal", "values": [2, 1], "scale": "linear"}, "must rise"),
        ({"type": "real", "low": 0, "high": 1}, "type='real': use one of float"),
        ({"type": "float", "low": 0, "high": 1, "hihg": 2}, "hihg"),
        (stats.norm(0, 1), "norm is not supported"),
        (stats.loguniform(1, 2, loc=3), "shifted loguniform"),
        (7, "neither"),
    ],
)
def test_bad_hyperparameters(spec, message):
    with pytest.raises(ValueError, match=message) as error:
        Space({"lr": spec})
    assert "'lr'" in str(error.value)


@pytest.mark.parametrize("name", [1, True, None, ""])
def test_names_of_hyperparameters_are_texts(name):
    with pytest.raises(ValueError, match="a name must be a text"):
        Space({name: Float(0, 1)})


@pytest.mark.parametrize("log", [False, True])
def test_the_largest_integers_are_told_apart_and_drawn_evenly(log):
    # As whole numbers of double precision: position and back is exact, and neighbours differ.
    high = LARGEST_INTEGER
    item = Integer(1, high, log=log)
    rng = np.random.default_rng(0)
    values = [1, 2, 3, high - 2, high - 1, high, *map(int, rng.integers(1, high, 2000))]
    assert item.from_unit(np.array([item.position(value) for value in values])) == values
    narrow = Integer(high - 3, high, log=log)
    drawn = narrow.from_unit(rng.random(40_000))
    counts = [drawn.count(value) for value in range(high - 3, high + 1)]
    # 10,000 each: four standard deviations are 350; a logarithm near 30 has steps of 1.5 % of this.
    assert counts == pytest.approx([10_000] * 4, abs=350 + 150 * log)
    space = Space({"x": narrow})
    indices = [space.index_of(config) for config in space.sample(rng, 50)]
    assert set(indices) == {0, 1, 2, 3}


def test_a_space_needs_a_hyperparameter():
    with pytest.raises(ValueError, match="at least one hyperparameter"):
        Space({})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rat": 0.1}, "unknown hyperparameter 'rat': did you mean rate"),
        ({"rate": 2.0}, "rate=2.0 lies outside"),
        ({"units": 16.5}, "units=16.5 lies outside"),
        ({"activation": None}, "lies outside"),
    ],
)
def test_validation_names_the_culprit(change, message):
    with pytest.raises(ValueError, match=message):
        MIXED.validate(MIXED.default() | change)
    with pytest.raises(ValueError, match="missing"):
        MIXED.validate({})


CONDITIONAL = {
    "optimizer": {"type": "categorical", "values": ["sgd", "adam"], "default": "adam"},
    "momentum": {"type": "float", "low": 0, "high": 1, "when": {"optimizer": "sgd"}},
    "nesterov": {"type": "categorical", "values": [True, False], "when": {"momentum": [0.5]}},
    "beta": {"type": "float", "low": 0.5, "high": 0.9, "when": {"optimizer": ["adam"]}},
}


def test_conditional_hyperparameters_are_there_when_active():
    space = Space(CONDITIONAL)
    assert space.size is None
    for config in space.sample(np.random.default_rng(0), 200):
        space.validate(config)
        assert ("momentum" in config) == (config["optimizer"] == "sgd")
        assert ("beta" in config) == (config["optimizer"] == "adam")
        assert "nesterov" not in config
    assert space.default() == {"optimizer": "adam", "beta": 0.7}
    assert space.key({"optimizer": "adam", "beta": 0.7}) == ("adam", None, None, 0.7)
    unit = space.to_unit([{"optimizer": "sgd", "momentum": 0.25}])
    assert np.isnan(unit).tolist() == [[False, False, True, True]]
    changed = space.completed({"optimizer": "sgd", "beta": 0.7}, np.random.default_rng(0))
    assert set(changed) == {"optimizer", "momentum"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"optimizer": "adam", "beta": 0.7, "momentum": 0.5}, "active only where 'optimizer'"),
        ({"optimizer": "sgd"}, "'momentum' is missing"),
    ],
)
def test_conditions_are_validated(config, message):
    with pytest.raises(ValueError, match=message):
        Space(CONDITIONAL).validate(config)


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"later": 1}, "must be stated before"),
        ({"optimizer": "lamb"}, "optimizer is never 'lamb'"),
        ({"optimizer": "sgd", "momentum": 1}, "names one parent"),
    ],
)
def test_bad_conditions(when, message):
    spec = {"type": "float", "low": 0, "high": 1, "when": when}
    with pytest.raises(ValueError, match=message):
        Space(CONDITIONAL | {"rate": spec})


def test_the_specification_makes_an_equal_space():
    spaces = [MIXED, FINITE, Space(CONDITIONAL), Space({"x": stats.randint(3, 9)})]
    for space in spaces:
        again = Space(json.loads(json.dumps(space.specification())))
        assert dict(again) == dict(space)
        assert again.names == space.names
        assert again.conditions == space.conditions


@st.composite
def specifications(draw):
    """One to four hyperparameters of any type, each perhaps active only for values of the first."""
    levels = draw(st.lists(st.integers(1, 10**6), min_size=1, max_size=5, unique=True).map(sorted))
    found = {"first": {"type": "categorical", "values": draw(st.sampled_from(["ab", "abc"]))}}
    found["first"]["values"] = list(found["first"]["values"])
    for number in range(draw(st.integers(0, 3))):
        low = draw(st.floats(1e-8, 1e6))
        ends = {"low": low, "high": low * draw(st.floats(1, 1e6)), "log": draw(st.booleans())}
        whole = {"low": math.ceil(low), "high": math.ceil(ends["high"]), "log": ends["log"]}
        spec = draw(
            st.sampled_from(
                [
                    {"type": "float", **ends},
                    {"type": "integer", **whole},
                    {"type": "ordinal", "values": levels, "scale": "log"},
                    {"type": "categorical", "values": levels},
                ]
            )
        )
        found[f"h{number}"] = spec | ({"when": {"first": "a"}} if draw(st.booleans()) else {})
    return found


@given(specifications(), st.integers(0, 100))
def test_any_configuration_comes_back_from_the_unit_cube(specification, seed):
    space = Space(specification)
    configs = space.sample(np.random.default_rng(seed), 20)
    back = space.from_unit(np.nan_to_num(space.to_unit(configs), nan=0.5))
    for config, again in zip(configs, back, strict=True):
        space.validate(config)
        space.validate(again)
        assert list(again) == list(config)
        for name, value in config.items():
            assert again[name] == (value if name == "first" else pytest.approx(value, rel=1e-9))
    assert Space(space.specification()).specification() == space.specification()


@given(specifications(), st.integers(0, 100))
def test_any_numbered_configuration_comes_back_from_its_number(specification, seed):
    space = Space(specification)
    if space.size is not None:
        for config in space.sample(np.random.default_rng(seed), 20):
            assert space.config_at(space.index_of(config)) == config


@pytest.mark.parametrize("bound", [float("inf"), "Infinity", "-inf", "nan", float("-inf")])
def test_bounds_that_are_not_finite_are_said_to_be_so(bound):
    """JSON writes Infinity, which is a text in YAML."""
    with pytest.raises(ValueError, match="finite"):
        Space({"x": {"type": "float", "low": 0, "high": bound}})
