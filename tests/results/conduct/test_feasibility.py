"""Shares and times worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from hpobench.results.anytime.comparison import anytime
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.conduct.feasibility import feasibility, feasibility_curves

NAN = np.nan


def rows_of(*steps, seed=0, method="a"):
    """Observations from (time, value, slack of the first constraint, of the second)."""
    return [
        {"time_s": time, "value": value, "slack.x": x, "slack.y": y, "seed": seed, "method": method}
        for time, value, x, y in steps
    ]


def study_of(synthetic, **options):
    """Method a: feasible from 3, from 5, never. Method b: a failed evaluation, then one at 0."""
    table = [
        *rows_of((1, 1.0, -1, 1), (3, 5.0, 0, 0), (4, 4.0, 2, 1), (6, 2.0, 1, -1)),
        *rows_of((2, 9.0, 1, -2), (5, 8.0, 1, 1), seed=1),
        *rows_of((2, 1.0, -1, -1), seed=2),
        *[row | {"status": "failed"} for row in rows_of((1, NAN, 1, 1), method="b")],
        *rows_of((4, 3.0, 0, 0), method="b"),
        {"task": "free", "time_s": 1, "value": 1.0},
    ]
    return synthetic.hand_made(table, **options)


def test_the_table_by_hand(synthetic):
    table = feasibility(study_of(synthetic)).set_index(["task", "method"])
    assert list(table.index) == [("t", "a"), ("t", "b")]
    a, b = table.loc[("t", "a")], table.loc[("t", "b")]
    assert a["feasible_share"] == pytest.approx((2 / 4 + 1 / 2 + 0) / 3)
    assert (a["runs_with_feasible"], a["first_feasible_s"], a["seeds"]) == (2, 5, 3)
    assert (b["feasible_share"], b["runs_with_feasible"], b["first_feasible_s"]) == (0.5, 1, 4)


@pytest.mark.parametrize(
    ("firsts", "expected"),
    [([1, 2], 1.5), ([1, None], NAN), ([1, 2, None], 2), ([1, None, None], NAN),
     ([1, 3, None, None], NAN), ([1, 3, 4, None], 3.5)],
)  # fmt: skip
def test_the_median_of_first_times_with_runs_that_never_got_there(synthetic, firsts, expected):
    table = [
        row
        for seed, first in enumerate(firsts)
        for row in rows_of((first or 9, 1.0, 1 if first else -1, 1), seed=seed)
    ]
    found = feasibility(synthetic.hand_made(table))["first_feasible_s"].iloc[0]
    np.testing.assert_equal(found, expected)


def test_failed_runs_keep_what_they_found_and_are_counted(synthetic):
    whole = feasibility(study_of(synthetic)).drop(columns="failed")
    study = study_of(synthetic)
    study.runs["status"] = ["failed", *["ok"] * (len(study.runs) - 1)]
    table = feasibility(study)
    pd.testing.assert_frame_equal(table.drop(columns="failed"), whole)
    assert table["failed"].tolist() == [1, *[0] * (len(table) - 1)]
    assert feasibility_curves(study, "t").failed["a"] == (1, 3)
    study.runs["status"] = "failed"
    assert feasibility_curves(study, "t").lines == {}


def test_the_share_of_runs_by_hand(synthetic):
    panel = feasibility_curves(study_of(synthetic), "t", time="linear", points=11)
    a, b = panel.lines["a"].centre, panel.lines["b"].centre
    np.testing.assert_allclose(a, [0, 0, 0, 1 / 3, 1 / 3, *[2 / 3] * 6])
    np.testing.assert_array_equal(b, [0, 0, 0, 0, *[1] * 7])
    assert panel.label == "share of runs with a feasible configuration"
    has = np.isfinite(panel.lines["a"].low)
    assert has.any()
    assert (panel.lines["a"].low[has] >= 0).all()


def test_the_share_of_evaluations_by_hand(synthetic):
    panel = feasibility_curves(
        study_of(synthetic), "t", quantity="evaluations", time="linear", points=11
    )
    # From 2 on all runs have a value. Seed 0: 0/1, 1/2, 2/3, .., 2/4; seed 1: 0/1, .., 1/2.
    expected = [NAN, NAN, 0, 1 / 6, 2 / 9, (2 / 3 + 1 / 2) / 3, *[1 / 3] * 5]
    np.testing.assert_allclose(panel.lines["a"].centre, expected)
    np.testing.assert_allclose(panel.lines["b"].centre, [NAN, 0, 0, 0, *[0.5] * 7])


def test_incumbents_are_feasible_so_anytime_curves_are_those_of_the_best_feasible(synthetic):
    found = incumbents(study_of(synthetic))
    panel = anytime(found.only(["t"]), "t", time="linear", points=11, statistic="median")
    assert found.steps(0)[1].tolist() == [5, 4]  # not 1 at 1, nor 2 at 6
    assert panel.lines["b"].centre[-1] == 3


def test_the_logarithmic_axis_and_a_single_seed(synthetic):
    study = synthetic.hand_made(rows_of((1, 1.0, -1, 1), (5, 1.0, 1, 1)))
    for quantity, last in (("runs", 1), ("evaluations", 0.5)):
        panel = feasibility_curves(study, "t", quantity=quantity)
        assert panel.lines["a"].centre[-1] == last
        assert np.isnan(panel.lines["a"].low).all()


def test_refusals(synthetic):
    study = study_of(synthetic)
    with pytest.raises(ValueError, match="'free' has no constraints"):
        feasibility_curves(study, "free")
    with pytest.raises(ValueError, match="task 'u' is not in the study: it has t, free"):
        feasibility_curves(study, "u")
    with pytest.raises(ValueError, match="quantity='x': use one of runs, evaluations"):
        feasibility_curves(study, "t", quantity="x")
    with pytest.raises(ValueError, match="no task of the study has constraints"):
        feasibility(synthetic.hand_made([{"time_s": 1, "value": 1.0}]))
