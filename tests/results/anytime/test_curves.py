"""Expected values are worked out by hand, or by a naive loop."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpobench.results.anytime.curves import (
    begin,
    curves,
    fractions,
    horizon_s,
    mean_over_time,
    resample,
    stand_in,
    start_rule,
    time_grid,
)
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.study.failed_runs import counting_failed

NAN = np.nan


def study_of(synthetic, runs, ends=None, statuses=None):
    """One task and method; `runs` are lists of (time_s, value)."""
    table = [
        {"seed": seed, "time_s": time_s, "value": value}
        for seed, run in enumerate(runs)
        for time_s, value in run
    ]
    facts = [
        {"seed": seed, "end_time_s": (ends or [10] * len(runs))[seed],
         "status": (statuses or ["ok"] * len(runs))[seed]}
        for seed in range(len(runs))
    ]  # fmt: skip
    return synthetic.hand_made(table, runs=facts)


def test_steps_are_right_continuous():
    values = resample(np.array([1.0, 2.0]), np.array([5.0, 3.0]), np.array([0.9, 1, 1.9, 2, 9]))
    np.testing.assert_array_equal(values, [NAN, 5, 5, 3, 3])


def test_means_over_time_are_those_of_the_steps():
    """1 up to 2, 0.5 up to 8, then 0.1. Linear, to 10: (2 + 3 + 0.2) / 10. Log, from 1 to 16: in
    binary logarithms, 1 for 1, 2 for 0.5, 1 for 0.1, of 4.
    """
    steps = np.array([2.0, 8.0]), np.array([0.5, 0.1])
    assert mean_over_time(*steps, 0, 10, before=1, log=False) == pytest.approx(0.52)
    assert mean_over_time(*steps, 1, 16, before=1, log=True) == pytest.approx(2.1 / 4)
    # steps before the beginning count from there, those after the end not at all
    assert mean_over_time(*steps, 4, 6, before=1, log=False) == pytest.approx(0.5)
    assert mean_over_time(*steps, 9, 9, before=1, log=False) == pytest.approx(0.1)
    assert mean_over_time(*steps, 0, 0, before=1, log=True) == 1
    none = np.array([]), np.array([])
    assert mean_over_time(*none, 1, 2, before=1, log=True) == 1


def test_no_steps_no_values():
    assert np.isnan(resample(np.array([]), np.array([]), np.arange(3.0))).all()


def test_resampling_never_looks_ahead_nor_interpolates():
    rng = np.random.default_rng(2)
    for _ in range(200):
        time_s = np.unique(rng.integers(0, 20, rng.integers(0, 12))).astype(float)
        value = rng.random(len(time_s))
        grid = np.sort(rng.integers(-2, 44, 30) / 2)
        known = [[v for t, v in zip(time_s, value, strict=True) if t <= now] for now in grid]
        expected = [past[-1] if past else NAN for past in known]
        np.testing.assert_array_equal(resample(time_s, value, grid), expected)


def test_a_curve_ends_with_the_methods_last_run(synthetic):
    study = study_of(synthetic, [[(1, 5)], [(2, 4)]], ends=[3, 6])
    study.runs.loc[len(study.runs)] = study.runs.iloc[0]
    study.runs.loc[2, ["seed", "end_time_s"]] = [9, 4.0]
    grid = np.array([0.0, 1, 3, 6, 7])
    found = incumbents(study)
    made = curves(found, "t", grid)["a"].values
    np.testing.assert_array_equal(made[0], [NAN, 5, 5, 5, NAN])
    np.testing.assert_array_equal(made[1], [NAN, NAN, 4, 4, NAN])
    assert np.isnan(made[2]).all()
    kept = curves(found, "t", grid, keep_ended=True)["a"].values
    np.testing.assert_array_equal(kept[:2, -1], [5, 4])


@pytest.mark.parametrize(
    ("rule", "other", "expected"),
    [
        ("median", 5, [0, 0, 8, 8]),
        ("median", 9, [0, 0, 9, 9]),  # the method's other run is worse than the median, 8
        ("last", 5, [0, 0, 0, 0]),
    ],
)
def test_failed_runs_count_by_the_rule_from_their_failure_on(synthetic, rule, other, expected):
    """The run that fails at 3 had found 0, the best there is."""
    runs = [[(1, other)], [(1, 0)]]
    study = study_of(synthetic, runs, statuses=["ok", "failed"], ends=[10, 3])
    study.tasks["t"] = replace(study.tasks["t"], optimum=0.0, median=8.0)
    found = incumbents(counting_failed(study, rule))
    made = curves(found, "t", np.array([1.0, 2, 3, 10]))["a"]
    assert made.values.tolist() == [[other] * 4, expected]
    assert made.seeds.tolist() == [0, 1]
    assert found.failures(["t"]) == {"a": (1, 2)}
    assert horizon_s(found, "t") == 10


def test_the_last_incumbent_of_a_failed_run_stays_if_it_is_worse_than_the_median(synthetic):
    study = study_of(synthetic, [[(1, 5)], [(1, 20)]], statuses=["ok", "failed"], ends=[10, 3])
    study.tasks["t"] = replace(study.tasks["t"], optimum=0.0, median=8.0)
    made = curves(incumbents(study), "t", np.array([3.0]))["a"]
    assert made.values.tolist() == [[5], [20]]


def test_without_a_known_median_failed_runs_count_as_the_median_observed(synthetic):
    """All observations are 5, 7, 1: a failed run counts as 5."""
    runs = [[(1, 5), (2, 7), (3, 1)], []]
    study = study_of(synthetic, runs, statuses=["ok", "failed"], ends=[10, 0])
    made = curves(incumbents(study), "t", np.array([0.0, 1, 3]))["a"]
    np.testing.assert_array_equal(made.values, [[NAN, 5, 1], [5, 5, 5]])


def test_an_unknown_rule_for_failed_runs(synthetic):
    with pytest.raises(ValueError, match="failed='best': use one of median, last"):
        counting_failed(study_of(synthetic, [[(1, 5)]]), "best")


def test_impute_counts_runs_without_a_value_as_the_median(synthetic):
    runs = [[(1, 5)], [(2, 4)], [(3, 6)], []]
    found = incumbents(study_of(synthetic, runs))
    made = curves(found, "t", np.array([0.0, 1, 2, 3]))["a"]
    values = begin(made, "impute", median=8.0).values
    expected = [[NAN, NAN, 5, 5], [NAN, NAN, 4, 4], [NAN, NAN, 8, 6], [NAN, NAN, 8, 8]]
    np.testing.assert_array_equal(values, expected)


def test_wait_has_no_value_until_all_runs_have_one(synthetic):
    found = incumbents(study_of(synthetic, [[(1, 5)], [(2, 4)]]))
    made = curves(found, "t", np.array([0.0, 1, 2]))["a"]
    expected = [[NAN, NAN, 5], [NAN, NAN, 4]]
    np.testing.assert_array_equal(begin(made, "wait").values, expected)
    assert start_rule(None) == "wait"
    assert start_rule(0.5) == "impute"
    with pytest.raises(ValueError, match="no known median"):
        begin(made, "impute")
    with pytest.raises(ValueError, match="rule='guess'"):
        begin(made, "guess")


def test_grids(synthetic):
    np.testing.assert_allclose(fractions("linear", 3), [0, 0.5, 1])
    np.testing.assert_allclose(fractions("log", 4), [0.001, 0.01, 0.1, 1])
    with pytest.raises(ValueError, match="time='sqrt'"):
        fractions("sqrt")
    found = incumbents(study_of(synthetic, [[(1, 5)], [(2, 4)], [(4, 4)]]))
    grid = time_grid(found, "t", "log", 5)  # from where 2 of 3 runs have a value
    assert grid[0] == pytest.approx(2)
    assert grid[-1] == 10


def test_an_unknown_task_is_an_error(synthetic):
    with pytest.raises(ValueError, match="task 'u' is not in the study: it has t"):
        curves(incumbents(study_of(synthetic, [[(1, 5)]])), "u", np.array([1.0]))


def test_a_run_without_a_value_is_never_better_than_its_methods_others():
    nan = np.nan
    values = np.array([[9.0, 9.0, 2.0], [7.0, 1.0, 1.0], [nan, nan, nan]])
    # The means of the runs with a value are 8, 5, 1.5; the median configuration has 5.5.
    assert stand_in(values, 5.5).tolist() == [8, 5.5, 5.5]
    assert stand_in(np.full((2, 1), nan), 5.5).tolist() == [5.5]


@st.composite
def steps(draw):
    """Rising times, some equal, and a value at each."""
    times = sorted(draw(st.lists(st.integers(0, 20), max_size=8)))
    return np.array(times, dtype=float), draw(
        st.lists(st.integers(-9, 9), min_size=len(times), max_size=len(times)).map(np.array)
    ).astype(float)


@given(steps(), st.lists(st.floats(0, 21), max_size=8))
def test_what_is_resampled_is_the_last_value_known_by_then(step, grid):
    times, values = step
    naive = [
        next((v for t, v in reversed(list(zip(times, values, strict=True))) if t <= at), NAN)
        for at in grid
    ]
    np.testing.assert_array_equal(resample(times, values, np.array(grid)), naive)


@given(steps(), st.floats(0.5, 10), st.floats(10.5, 21), st.booleans())
def test_a_mean_over_time_is_that_of_what_is_resampled(step, begin_s, end_s, log):
    # The midpoints of 20,000 parts of equal weight; a step inside a part is off by a part at most.
    parts = (np.arange(20_000) + 0.5) / 20_000
    at = begin_s * (end_s / begin_s) ** parts if log else begin_s + (end_s - begin_s) * parts
    expected = np.nan_to_num(resample(*step, at), nan=5.0).mean()
    mean = mean_over_time(*step, begin_s, end_s, before=5.0, log=log)
    assert mean == pytest.approx(expected, abs=8 * 18 / 20_000)
