"""Configurations as they are stored and read again: names that are taken, values of every kind."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest

from hpobench.results.study.load import decoded
from hpobench.storage import arrow, schema

NAMES = [*schema.RUNS.names, *schema.OBSERVATIONS.names, "config", "param.seed", "", "a b", "ü.x"]


def stored(*configs):
    nothing = {name: np.array([]) for name in ("value", "trial", "seconds", "kind", "time_s")}
    key = arrow.RunKey("t", "m", 7, "f")
    trials = list(enumerate(configs))
    return arrow._trials([arrow.RunRecord(key, nothing, trials, nothing, nothing, 1.0, 1.0)])


def read(table):
    return [json.loads(config) for config in decoded(table)["config"]]


@pytest.mark.parametrize("name", dict.fromkeys(NAMES))
def test_any_name_is_kept(name):
    table = stored({name: 0.5, "x": 1}, {name: 0.25, "x": 2})
    frame = decoded(table)
    assert read(table) == [{name: 0.5, "x": 1}, {name: 0.25, "x": 2}]
    assert frame[["task", "method", "seed", "trial"]].to_numpy().tolist() == [
        ["t", "m", 7, 0],
        ["t", "m", 7, 1],
    ]
    assert frame[schema.column_of(name)].tolist() == [0.5, 0.25]
    assert schema.hyperparameter_of(schema.column_of(name)) == name


VALUES = {
    "mixed": [True, "True", 1, 2.5, None],
    "null and absent": [None, "a", ...],
    "not a number": [math.nan, 1.0, ...],
    "infinite": [math.inf, -math.inf, 0.5],
    "integers as floats": [1.0, 2.0, 0.5],
    "large integers": [2**53 + 1, 0.5, 2**70],
    "lists": [[32], [64, 32], []],
    "mappings": [{"a": 1}, {"b": [2]}, ...],
    "numpy": [np.float64(0.5), np.int64(3), np.bool_(True)],
    "never": [..., ..., ...],
}


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


def test_half_a_letter_is_kept_as_its_escape():
    assert read(stored({"p": "\ud800"}, {"p": "a"})) == [{"p": "\\ud800"}, {"p": "a"}]


@pytest.mark.parametrize("kind", VALUES)
def test_any_value_is_kept(kind):
    configs = [{} if value is ... else {"p": value} for value in VALUES[kind]]
    table = stored(*configs)
    found = read(table)
    # Their text tells 1 from True, and NaN from nothing.
    plain = [{"p": _plain(config["p"])} for config in configs if config]
    assert str([config for config in found if config]) == str(plain)
    assert [not config for config in found] == [not config for config in configs]
    if "p" in decoded(table):  # blank is what is not active, and nothing else
        assert decoded(table)["p"].isna().tolist() == [not config for config in configs]


def test_what_earlier_versions_stored_reads_as_before():
    """They wrote JSON's null for what is not active, and columns as they were called."""
    table = pa.table(
        {"task": ["t", "t"], "method": ["m", "m"], "seed": [0, 0], "trial": [0, 1],
         "kind": ['"a"', "null"], "param.x": [1.0, 2.0]}
    ).replace_schema_metadata({"json": '["kind"]'})  # fmt: skip
    assert read(table) == [{"kind": "a", "param.x": 1.0}, {"param.x": 2.0}]
    assert decoded(table)["kind"].isna().tolist() == [False, True]
    assert decoded(table)["param.param.x"].tolist() == [1.0, 2.0]


def test_plain_configurations_are_stored_as_before():
    assert stored({"x": 0.5, "k": "a"}, {"k": "b"}).schema.metadata == {b"json": b"[]"}
