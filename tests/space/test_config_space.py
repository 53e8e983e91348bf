"""Spaces of ConfigSpace as ours, and back."""

import pytest

from hpobench.space.config_space import from_config_space, to_config_space
from hpobench.space.space import Space

CS = pytest.importorskip("ConfigSpace")


def theirs():
    made = CS.ConfigurationSpace()
    kind = CS.CategoricalHyperparameter("kernel", ["rbf", "poly", "linear"])
    gamma = CS.UniformFloatHyperparameter("gamma", 1e-3, 1, log=True)
    degree = CS.UniformIntegerHyperparameter("degree", 2, 5, default_value=3)
    made.add(
        [degree, gamma, kind, CS.OrdinalHyperparameter("batch", [16, 32]), CS.Constant("c", 7)]
    )
    made.add(CS.InCondition(gamma, kind, ["rbf", "poly"]))
    made.add(CS.EqualsCondition(degree, kind, "poly"))
    return made


EXPECTED = {
    "kernel": {"type": "categorical", "values": ["rbf", "poly", "linear"], "default": "rbf"},
    "gamma": {"type": "float", "low": 1e-3, "high": 1.0, "log": True}
    | {"when": {"kernel": ["rbf", "poly"]}},
    "degree": {"type": "integer", "low": 2, "high": 5, "default": 3, "when": {"kernel": ["poly"]}},
    "batch": {"type": "ordinal", "values": [16, 32], "default": 16},
    "c": {"type": "categorical", "values": [7]},
}


def test_from_objects():
    found = from_config_space(theirs()).specification()
    assert set(found) == set(EXPECTED)
    for name, spec in EXPECTED.items():
        for key, value in spec.items():
            assert found[name][key] == pytest.approx(value) if key != "when" else value


def test_from_json_of_older_versions():
    content = {
        "hyperparameters": [
            {"name": "a", "type": "categorical", "choices": ["x", "y"], "default": "x"},
            {"name": "lr", "type": "uniform_float", "log": True, "lower": 0.1, "upper": 1.0}
            | {"default": 0.5},
        ],
        "conditions": [{"child": "lr", "parent": "a", "type": "EQ", "value": "x"}],
        "forbiddens": [],
        "json_format_version": 0.2,
    }
    space = from_config_space(content)
    assert space.specification()["lr"]["when"] == {"a": ["x"]}
    assert space["lr"].default == 0.5


def test_there_and_back():
    space = Space(EXPECTED)
    again = from_config_space(to_config_space(space, seed=0))
    for name, spec in space.specification().items():
        found = again.specification()[name]
        assert {k: found[k] for k in spec if k not in ("default", "scale")} == {
            k: v for k, v in spec.items() if k not in ("default", "scale")
        }
    for config in to_config_space(space, seed=0).sample_configuration(20):
        space.validate(dict(config))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"hyperparameters": [], "forbiddens": [{}]}, "forbids 1 combinations"),
        (
            {"hyperparameters": [{"name": "x", "type": "normal_float", "mu": 0, "sigma": 1}]},
            "'x' is normal_float",
        ),
        (
            {
                "hyperparameters": [{"name": "x", "type": "constant", "value": 1}],
                "conditions": [{"child": "x", "type": "AND", "conditions": []}],
            },
            "'x' has a condition 'AND'",
        ),
    ],
)
def test_what_has_no_counterpart_is_named(content, words):
    with pytest.raises(ValueError, match=words):
        from_config_space(content)
