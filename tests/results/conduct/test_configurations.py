"""Importance against closed forms and sums over whole grids; joins worked out by hand."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from hpobench.forest.growth import Growth, grow
from hpobench.results.conduct.configurations import (
    hyperparameters,
    importance,
    incumbent_configs,
    leaves_of,
    shares,
    texts,
)
from hpobench.storage.schema import TaskFacts


def study_of(synthetic, values, *, seeds=4, **columns):
    """One trial a row, dealt to the seeds in turn; task `u` has a hyperparameter of its own."""
    count = len(values)
    keys = [{"seed": n % seeds, "trial": n // seeds} for n in range(count)]
    rows = [
        key | {"time_s": 1 + n, "value": v}
        for n, (key, v) in enumerate(zip(keys, values, strict=True))
    ]
    other = {"task": "u", "time_s": 1, "value": 1.0}
    study = synthetic.hand_made([*rows, other])
    trials = pd.DataFrame(keys).assign(task="t", method="a", config="", **columns)
    extra = pd.DataFrame([{"seed": 0, "trial": 0, "task": "u", "method": "a", "depth": 3.0}])
    study.trials = pd.concat([trials, extra], ignore_index=True)
    return study


def shares_of(table):
    return table.set_index("hyperparameter")["importance"]


def test_an_additive_function_has_the_shares_of_its_parts(synthetic):
    """3 x1 + x2 on the unit square: the variances are 9/12 and 1/12, so 0.9 and 0.1."""
    rng = np.random.default_rng(0)
    x1, x2, x3 = rng.random((3, 1000))
    study = study_of(synthetic, 3 * x1 + x2, x1=x1, x2=x2, x3=x3, constant=1.0)
    table = importance(study, "t")
    assert table["hyperparameter"].tolist() == ["x1", "x2", "x3", "constant"]
    found = shares_of(table)
    assert found["x1"] == pytest.approx(0.9, abs=0.02)
    assert found["x2"] == pytest.approx(0.1, abs=0.02)
    assert found["x3"] < 0.003
    assert found["constant"] == 0
    assert ((table["low"] <= table["importance"]) & (table["importance"] <= table["high"])).all()


def test_what_two_do_together_is_not_the_share_of_either(synthetic):
    """(x1 - 1/2)(x2 - 1/2) has no main effects; x1 x2 has 3/7 for each, and 1/7 together."""
    rng = np.random.default_rng(1)
    levels = np.array(list(product(range(16), repeat=2))) / 15
    x1, x2 = levels[rng.permutation(256)].T
    pure = shares_of(importance(study_of(synthetic, (x1 - 0.5) * (x2 - 0.5), x1=x1, x2=x2), "t"))
    assert (pure < 0.1).all()
    mixed = shares_of(importance(study_of(synthetic, x1 * x2, x1=x1, x2=x2), "t"))
    np.testing.assert_allclose(mixed, 3 / 7, atol=0.05)


def test_shares_of_a_function_on_four_boxes():
    """f = 4 in one quarter: mean 1, variance 3; each main effect is 0 or 2: variance 1."""
    low = np.array([[0, 0], [0, 2], [3, 0], [3, 2]])
    high = np.array([[3, 2], [3, 4], [6, 2], [6, 4]])
    values = np.array([0.0, 0, 0, 4])
    np.testing.assert_allclose(shares(values, low, high, np.array([6, 4])), [1 / 3, 1 / 3])
    assert shares(np.ones(4), low, high, np.array([6, 4])).tolist() == [0, 0]


def test_shares_of_a_tree_against_the_sum_over_the_whole_grid():
    rng = np.random.default_rng(2)
    counts = np.array([5, 1, 7, 3])
    levels = rng.integers(0, counts, (60, 4))
    growth, numbers = Growth(trees=3), np.zeros_like(counts)
    forest = grow(levels.astype(float), rng.normal(size=60), numbers, growth, rng)
    grid = np.array(list(product(*map(range, counts)))).astype(float)
    cubes = forest.means[forest.apply(grid)].T.reshape(3, *counts)
    axes = range(4)
    for cube, boxes in zip(cubes, leaves_of(forest, counts), strict=True):
        expected = [
            cube.mean(axis=tuple(other for other in axes if other != axis)).var() / cube.var()
            for axis in axes
        ]
        np.testing.assert_allclose(shares(*boxes, counts), expected, atol=1e-12)


def test_categories_and_what_is_not_active_are_levels(synthetic):
    """f = 2 for one of four categories; a conditional matters by being there alone."""
    rng = np.random.default_rng(3)
    kind = rng.choice(["a", "b", "c", "d"], 400)
    rate = np.where(rng.random(400) < 0.5, rng.integers(1, 4, 400), np.nan)
    flag = rng.random(400) < 0.5
    study = study_of(synthetic, 2.0 * (kind == "c"), kind=kind, rate=rate, flag=flag)
    found = shares_of(importance(study, "t"))
    np.testing.assert_allclose(found[["kind", "rate", "flag"]], [1, 0, 0], atol=1e-9)
    study = study_of(synthetic, 2.0 * np.isnan(rate), kind=kind, rate=rate, flag=flag)
    found = shares_of(importance(study, "t"))
    np.testing.assert_allclose(found[["rate", "kind", "flag"]], [1, 0, 0], atol=1e-9)


def test_only_the_highest_resource_true_values_and_runs_that_did_not_fail_count(synthetic):
    rng = np.random.default_rng(4)
    x = rng.random((2, 200))
    study = study_of(synthetic, x[0], x1=x[0], x2=x[1])
    table = study.observations
    low = table[table["task"] == "t"].assign(
        resource=0.5, value=lambda t: t["value"].to_numpy()[::-1]
    )
    table = pd.concat([low, table], ignore_index=True)
    table["true_value"] = np.append(np.tile(x[1], 2), 1.0)
    study.observations = table
    found = shares_of(importance(study, "t"))
    assert found["x2"] > 0.95
    study.observations["true_value"] = np.nan
    study.runs["status"] = ["failed", *["ok"] * (len(study.runs) - 1)]
    wrong = study.observations["seed"] == 0
    study.observations.loc[wrong, "value"] = 1e6 * rng.random(wrong.sum())
    assert shares_of(importance(study, "t"))["x1"] > 0.95


def test_one_run_has_its_trials_resampled_and_who_asks_again_gets_the_same(synthetic):
    x = np.random.default_rng(5).random((2, 60))
    study = study_of(synthetic, x[0], seeds=1, x1=x[0], x2=x[1])
    tables = [importance(study, "t", trees=8) for _ in range(2)]
    pd.testing.assert_frame_equal(*tables)
    assert tables[0]["low"][0] < tables[0]["high"][0]


def test_refusals(synthetic):
    rng = np.random.default_rng(0)
    x = rng.random(19)
    few = study_of(synthetic, np.tile(x, 3), x1=np.tile(x, 3))
    with pytest.raises(ValueError, match="'t' has 19 different configurations at resource 1"):
        importance(few, "t")
    flat = study_of(synthetic, np.ones(40), x1=rng.random(40))
    with pytest.raises(ValueError, match="all values of task 't' are the same"):
        importance(flat, "t")
    with pytest.raises(ValueError, match="task 'v' is not in the study"):
        importance(flat, "v")
    bare = synthetic.hand_made([{"time_s": 1, "value": 1.0}])
    with pytest.raises(ValueError, match="stored without its trials"):
        importance(bare, "t")
    failed = synthetic.hand_made([{"time_s": 1, "value": np.nan, "status": "failed"}])
    failed.trials = pd.DataFrame([{"task": "t", "method": "a", "seed": 0, "trial": 0, "x": 1.0}])
    with pytest.raises(ValueError, match="'t' has 0 different configurations"):
        importance(failed, "t")


def test_every_name_of_a_hyperparameter_has_its_axis(synthetic):
    """Columns that are taken have a prefix, and the names come back in the table of importance."""
    rng = np.random.default_rng(0)
    names = ["value", "run", "param.seed", "param.param.x", "hyperparameter", "status", "low"]
    columns = {name: rng.random(60) for name in names}
    study = study_of(synthetic, columns["value"], **columns)
    table = importance(study, "t")
    assert sorted(table["hyperparameter"]) == sorted(
        ["value", "run", "seed", "param.x", "hyperparameter", "status", "low"]
    )
    assert table["hyperparameter"][0] == "value"
    assert table["importance"][0] > 0.9
    configs = incumbent_configs(study, "t")
    assert list(configs) == [
        "method", "seed", "value", "param.value", "run", "param.seed", "param.param.x",
        "hyperparameter", "status", "low",
    ]  # fmt: skip
    np.testing.assert_allclose(configs["param.value"], configs["value"])


def test_texts_tell_categories_apart():
    values = pd.Series([True, "True", 1, 1.0, "1", "a", 2.5, None], dtype=object)
    assert texts(values).tolist() == ["True", "'True'", "1", "1", "'1'", "a", "2.5", "None"]


def test_incumbents_and_their_configurations_by_hand(synthetic):
    rows = [
        *[{"seed": 1, "trial": n, "time_s": n + 1, "value": v} for n, v in enumerate([3, 1, 2])],
        *[{"seed": 0, "trial": n, "time_s": n + 1, "value": v} for n, v in enumerate([5, 6])],
        {"seed": 2, "time_s": 1, "value": np.nan, "status": "failed"},
        {"seed": 3, "time_s": 1, "value": 0.0},
    ]
    runs = [{"seed": seed, "status": "failed" if seed == 3 else "ok"} for seed in range(4)]
    study = synthetic.hand_made(rows, runs=runs)
    study.trials = pd.DataFrame(
        [
            {"task": "t", "method": "a", "seed": seed, "trial": trial, "kind": kind, "rate": rate}
            for seed, trial, kind, rate in [
                (0, 0, "x", 0.1), (0, 1, "y", 0.2), (1, 0, "z", 0.3), (1, 1, "w", None),
                (1, 2, "v", 0.4), (2, 0, "x", 0.1), (3, 0, "x", 0.1),
            ]
        ]
    ).assign(config="")  # fmt: skip
    table = incumbent_configs(study, "t")
    assert list(table.columns) == ["method", "seed", "value", "kind", "rate"]
    assert table[["seed", "value", "kind"]].to_numpy().tolist() == [[0, 5, "x"], [1, 1, "w"]]
    assert table["rate"][0] == 0.1
    assert np.isnan(table["rate"][1])


def test_hyperparameters_of_other_tasks_are_left_out(synthetic):
    study = study_of(synthetic, np.arange(4.0), x1=np.arange(4.0))
    assert hyperparameters(study, "t") == ["x1"]
    assert hyperparameters(study, "u") == ["depth"]


def test_the_incumbents_value_is_in_the_view(synthetic):
    tasks = {"t": TaskFacts("t", "t", "error")}
    study = synthetic.hand_made(
        [{"time_s": 1, "value": 1.0, "true_value": 2.0, "test_value": 3.0}], tasks=tasks
    )
    study.trials = pd.DataFrame([{"task": "t", "method": "a", "seed": 0, "trial": 0, "x": 1.0}])
    found = {
        v: incumbent_configs(study, "t", view=v)["value"][0] for v in (None, "observed", "test")
    }
    assert found == {None: 2, "observed": 1, "test": 3}
