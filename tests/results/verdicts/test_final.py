"""Expected values: worked out by hand, SciPy, and resampling written out."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import known_reference, references
from hpobench.results.statistics.rank_tests import friedman
from hpobench.results.verdicts.final import (
    _improvement,
    _newcombe,
    aggregate_scores,
    final_regrets,
    final_values,
    probability_of_improvement,
    rank_intervals,
)
from hpobench.storage.schema import TaskFacts


def made(synthetic, values, *, failed=()):
    """Incumbents of {task: {method: values by seed}}: known at time 5 of 10 (None: no run).

    The normalised regret is a tenth of the value.
    """
    runs, rows = [], []
    for task, methods in values.items():
        for method, by_seed in methods.items():
            for seed, value in enumerate(by_seed):
                key = {"task": task, "method": method, "seed": seed}
                if value is None:
                    continue
                status = "failed" if (task, method, seed) in failed else "ok"
                runs.append(key | {"status": status})
                if np.isfinite(value):
                    rows.append(key | {"time_s": 5, "value": value})
    tasks = {name: TaskFacts(name, name, "error", optimum=0.0, median=10.0) for name in values}
    study = synthetic.hand_made(rows, runs=runs, tasks=tasks)
    return incumbents(study), {name: known_reference(facts) for name, facts in tasks.items()}


def test_final_regrets(synthetic):
    found, known = made(
        synthetic,
        {"t": {"a": [1, 2, np.nan], "b": [3, 99, 4]}, "u": {"a": [5, None, 6]}},
        failed=[("t", "b", 2)],
    )
    regrets = final_regrets(found, known)
    # without a value, failed, worse than the median configuration: all count as it does
    expected = pd.DataFrame({"a": [0.1, 0.2, 1.0], "b": [0.3, 1.0, 1.0]})
    pd.testing.assert_frame_equal(regrets["t"], expected, check_names=False, check_index_type=False)
    assert regrets["t"].index.name == "seed"
    assert regrets["t"].columns.name == "method"
    assert list(regrets["u"].index) == [0, 2]
    assert list(regrets["u"].columns) == ["a"]
    values = final_values(found, known)["t"].to_numpy()
    np.testing.assert_array_equal(values, [[1, 3], [2, 99], [np.inf, (3 + 99) / 2]])


def test_before_half_of_the_time_there_was_no_value(synthetic):
    found, known = made(synthetic, {"t": {"a": [1], "b": [2]}})
    assert (final_regrets(found, known, at=0.4)["t"] == 1).all().all()
    np.testing.assert_allclose(final_regrets(found, known, at=0.5)["t"], [[0.1, 0.2]])


@pytest.mark.parametrize("at", [0, -1, 1.5, np.nan])
def test_moments_outside_the_horizon(synthetic, at):
    found, known = made(synthetic, {"t": {"a": [1]}})
    with pytest.raises(ValueError, match="use a fraction of the horizon"):
        final_regrets(found, known, at=at)


def test_aggregate_scores(synthetic):
    values = {"t": {"a": [1, 2, 3, 6], "b": [1, 1, 1, 1]}, "u": {"a": [0, 0.05, 4], "b": [2, 2, 2]}}
    found, known = made(synthetic, values)
    table = aggregate_scores(found, known)
    got = table.set_index(["method", "metric"])
    pooled = np.array([1, 2, 3, 6, 0, 0.05, 4]) / 10
    expected = {
        "mean": (0.3 + 0.405 / 3) / 2,
        "median": np.median(pooled),
        "iqm": stats.trim_mean(pooled, 0.25),
        "optimality_gap": (0.3 - 0.01 + (0.4 - 0.01) / 3) / 2,
    }
    for metric, value in expected.items():
        row = got.loc["a", metric]
        assert row["value"] == pytest.approx(value), metric
        assert row["low"] < value < row["high"]
        assert (row["tasks"], row["runs"]) == (2, 7)
    # equal runs: no width
    np.testing.assert_allclose(got.loc[("b", "mean"), ["value", "low", "high"]].tolist(), 0.15)
    assert list(table) == ["method", "metric", "value", "low", "high", "tasks", "runs"]
    gap = aggregate_scores(found, known, target=0.2).set_index(["method", "metric"])
    assert gap.loc[("a", "optimality_gap"), "value"] == pytest.approx((0.5 / 4 + 0.2 / 3) / 2)


def test_the_probability_of_improvement_is_that_of_mann_and_whitney(synthetic):
    draw = np.random.default_rng(7)
    values = {task: {m: draw.integers(0, 6, 6 + n) for n, m in enumerate("abc")} for task in "tu"}
    found, known = made(synthetic, values)
    table = probability_of_improvement(found, known)
    assert len(table) == 6
    for row in table.itertuples():
        # Of the seeds that both have: b has one more than a, and c than b.
        count = 6 + min("abc".index(row.method), "abc".index(row.other))
        one, other = ([values[task][m][:count] for task in "tu"] for m in (row.method, row.other))
        # SciPy's U counts the pairs in which the first is larger, ties as 1/2
        expected = [
            stats.mannwhitneyu(y, x).statistic / (len(x) * len(y))
            for x, y in zip(one, other, strict=True)
        ]
        assert row.probability == pytest.approx(np.mean(expected))
        assert row.low <= row.probability <= row.high
        assert row.tasks == 2


def test_the_interval_of_the_probability_is_that_of_newcombe(synthetic):
    """Its ends are as far from the estimate as the quantile of the errors that they have there."""
    draw = np.random.default_rng(3)
    values = {task: {"a": draw.normal(5, 1, 12), "b": draw.normal(5.4, 1, 9)} for task in "tu"}
    row = probability_of_improvement(*made(synthetic, values)).iloc[0]
    for end in (row["low"], row["high"]):
        shape = (1 - end) / (2 - end) + end / (1 + end)
        error = np.sqrt(end * (1 - end) * (1 + (18 / 2 - 1) * shape) / (9 * 9) / 2)
        reached = stats.t.ppf(0.975, 2 * (9 + 9 - 2)) * error
        assert abs(end - row["probability"]) == pytest.approx(reached, abs=0.002)


@pytest.mark.parametrize(("seeds", "tasks"), [(3, 1), (5, 1), (3, 6), (10, 6)])
def test_of_equal_methods_a_probability_seldom_excludes_a_half(synthetic, seeds, tasks):
    """In 6 of 100 studies or fewer; of 400 that has a standard error of 0.012."""
    draw, false = np.random.default_rng(seeds + tasks), 0
    for _ in range(400):
        samples = draw.random((tasks, 2, seeds))
        mean = float(np.mean([_improvement(one, two) for one, two in samples]))
        low, high = _newcombe(mean, [(seeds, seeds)] * tasks)
        false += not low <= 0.5 <= high
    assert false / 400 < 0.06 + 2 * 0.012


def test_where_all_runs_of_one_method_are_better_the_interval_has_a_width(synthetic):
    found, known = made(synthetic, {"t": {"a": [1, 2, 3], "b": [4, 5, 6]}})
    table = probability_of_improvement(found, known)
    assert table["probability"].tolist() == [0, 1] or table["probability"].tolist() == [1, 0]
    assert (table["high"] - table["low"]).min() > 0.4
    ranked = rank_intervals(found, known)
    assert (ranked["high"] - ranked["low"]).min() > 0.4


def test_easier_seeds_of_one_method_do_not_make_it_better(synthetic):
    """b has two seeds of its own, which are easy; on those of both a wins. c shares none on u."""
    values = {
        "t": {"a": [5, 6, None, None], "b": [7, 8, 1, 1], "c": [9, 9, 9, 9]},
        "u": {"a": [5, None], "b": [6, 1], "c": [None, 9]},
    }
    table = probability_of_improvement(*made(synthetic, values))
    row = table.set_index(["method", "other"]).T
    assert row["a", "b"][["probability", "tasks"]].tolist() == [1, 2]
    assert row["a", "c"][["probability", "tasks"]].tolist() == [1, 1]
    apart = {"t": {"a": [5, None], "b": [None, 6]}}
    table = probability_of_improvement(*made(synthetic, apart))
    assert table[["probability", "low", "high"]].isna().all(axis=None)
    assert table["tasks"].tolist() == [0, 0]


def test_equal_methods_and_runs_without_a_value_tie(synthetic):
    found, known = made(synthetic, {"t": {"a": [1, np.nan], "b": [1, np.nan]}})
    table = probability_of_improvement(found, known)
    # 1 against 1 and none against none tie, the other two pairs are won once each
    np.testing.assert_allclose(table["probability"], 0.5)


def test_rank_intervals(synthetic):
    values = {
        "t": {"a": [1, 1, 3, 1], "b": [2, 2, 2, 1], "c": [3, 3, 3, np.nan]},
        "u": {"a": [2, None], "b": [1, 0], "c": [2, 0]},
    }
    found, known = made(synthetic, values)
    table = rank_intervals(found, known).set_index("method")
    # t: a has the ranks 1, 1, 2.5, 1.5; b 2, 2, 1, 1.5; c 3, 3, 2.5, 3. u: 2.5, 1, 2.5
    expected = {"a": (1.5 + 2.5) / 2, "b": (1.625 + 1) / 2, "c": (2.875 + 2.5) / 2}
    assert table["rank"].to_dict() == pytest.approx(expected)
    assert (table["tasks"] == 2).all()
    assert table[["low", "high"]].isna().all().all()  # a single seed on u
    alone = rank_intervals(found, {"t": known["t"]}).set_index("method")
    # Ranks of a have squares 0.25, 0.25, 1, 0 about their mean; equal methods (9 - 1) / 12.
    half = stats.t.ppf(0.975, 3) * np.sqrt((1.5 + 8 / 12) / 4 / 4)
    # a rank is between 1 and the number of methods
    assert alone.loc["a", "low"] == 1
    assert alone.loc["a", "high"] == pytest.approx(1.5 + half)


def test_critical_difference_and_average_ranks_are_one_number_for_one_thing(synthetic):
    """Of pairs; 12 and 14 are worse than the median configuration, regrets of 1 that would tie."""
    values = {
        "t": {"a": [1, 12, 3, 1], "b": [2, 14, 2, 1], "c": [3, 3, 30, np.nan]},
        "u": {"a": [2, 2, 2, 2], "b": [1, 0, 5, 5], "c": [2, 0, 1, 1]},
    }
    found, known = made(synthetic, values)
    test = friedman(final_regrets(found, known), final_values(found, known))
    ranks = rank_intervals(found, known).set_index("method")["rank"]
    assert test.ranks.to_dict() == pytest.approx(ranks.to_dict())
    capped = friedman(final_regrets(found, known))
    assert capped.ranks["a"] != test.ranks["a"]
    assert "regrets above 1 count as 1" in capped.note
    assert "runs without a value are tied in last place" in test.note


def test_ranks_sum_up(synthetic):
    found, known = made(synthetic, {"t": {m: [1, 2, 3] for m in "abcd"}})
    table = rank_intervals(found, known)
    np.testing.assert_allclose(table["rank"], 2.5)


def test_methods_without_runs_on_a_task_are_left_out(synthetic):
    values = {"t": {"a": [1, 2], "b": [3, 4]}, "u": {"a": [1, 2], "c": [3, 4]}}
    found, known = made(synthetic, values)
    assert set(aggregate_scores(found, known)["method"]) == {"a"}
    assert rank_intervals(found, known)["rank"].tolist() == [1]
    assert not len(probability_of_improvement(found, known))
    part = found.only(["u"])
    table = probability_of_improvement(part, {"u": known["u"]})
    assert table["probability"].tolist() == [1, 0]


def test_methods_without_any_task_in_common(synthetic):
    found, known = made(synthetic, {"t": {"a": [1]}, "u": {"b": [1]}})
    for function in (aggregate_scores, probability_of_improvement, rank_intervals):
        with pytest.raises(ValueError, match=r"no method has runs on all .*found.groups\(\)"):
            function(found, known)


def test_no_seed_in_common(synthetic):
    found, known = made(synthetic, {"t": {"a": [1, None], "b": [None, 2]}})
    with pytest.raises(ValueError, match="there are no ranks"):
        rank_intervals(found, known)
    row = probability_of_improvement(found, known).iloc[0]
    assert np.isnan(row["probability"])
    assert np.isnan(row["low"])


def test_nothing_to_normalise(synthetic):
    found, known = made(synthetic, {"t": {"a": [1]}}, failed=[("t", "a", 0)])
    with pytest.raises(ValueError, match="no task"):
        final_regrets(found, known)
    with pytest.raises(ValueError, match="no task"):
        final_regrets(found, {})


def test_a_study_of_one_seed(synthetic):
    study = synthetic.random_study(seeds=1)
    found = incumbents(study)
    known = references(study, found.views)
    for function in (aggregate_scores, probability_of_improvement, rank_intervals):
        table = function(found, known)
        assert len(table)
        assert table[["low", "high"]].isna().all().all()
