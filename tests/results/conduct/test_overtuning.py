"""Values worked out by hand from the definitions of Schneider, Bischl and Feurer 2025."""

import numpy as np
import pandas as pd
import pytest

from hpobench.results.conduct.overtuning import gaps, mean_of_runs, overtuning_curves

NAN = np.nan


def rows_of(*steps, column="true_value", **key):
    """Observations from (time, observed, reported)."""
    return [{"time_s": time, "value": value, column: own, **key} for time, value, own in steps]


# Incumbents at 1, 2 and 4; what is observed at 3 is no improvement, however good it really is.
STEPS = [(1, 9.0, 10.0), (2, 5.0, 6.0), (3, 7.0, 1.0), (4, 3.0, 7.0)]


def test_the_end_of_a_run_by_hand(synthetic):
    row = gaps(synthetic.hand_made(rows_of(*STEPS))).iloc[0]
    assert row["time_s"] == 10
    assert (row["observed"], row["true"]) == (3, 7)
    assert np.isnan(row["test"])
    assert row["gap"] == 7 - 3
    assert row["overtuning"] == 7 - 6
    assert row["relative_overtuning"] == (7 - 6) / (10 - 6)


def test_relative_overtuning_at_its_edges(synthetic):
    cases = {
        0: [(1, 9, 5.0), (2, 8, 4.0)],  # nothing lost
        1: [(1, 9, 5.0), (2, 8, 4.0), (3, 7, 5.0)],  # back at the first
        2: [(1, 9, 5.0), (2, 8, 6.0)],  # nothing gained, something lost
        3: [(1, 9, 5.0)],  # one incumbent
        4: [(1, 9, 5.0), (2, 8, 4.0), (3, 7, 7.0)],  # worse than the first
    }
    table = [row for seed, steps in cases.items() for row in rows_of(*steps, seed=seed)]
    found = gaps(synthetic.hand_made(table)).set_index("seed")["relative_overtuning"]
    assert found.to_dict() == {0: 0, 1: 1, 2: np.inf, 3: 0, 4: 3}


def test_true_values_come_before_test_values_and_tasks_without_either_are_left_out(synthetic):
    both = [row | {"test_value": row["true_value"] + 100} for row in rows_of(*STEPS, task="both")]
    tested = rows_of(*STEPS, task="tested", column="test_value")
    neither = [{"task": "neither", "time_s": 1, "value": 1.0}]
    table = gaps(synthetic.hand_made(both + tested + neither)).set_index("task")
    assert list(table.index) == ["both", "tested"]
    assert table.loc["both", ["true", "test", "gap"]].tolist() == [7, 107, 4]
    assert np.isnan(table.loc["tested", "true"])
    assert table.loc["tested", ["test", "gap", "overtuning"]].tolist() == [7, 4, 1]


def test_curves_by_hand(synthetic):
    other = [(2, 4.0, 4.5)]
    study = synthetic.hand_made(rows_of(*STEPS) + rows_of(*other, seed=1))
    panel = overtuning_curves(study, "t", time="linear", points=11)
    np.testing.assert_allclose(panel.time, np.arange(11))
    # Seed 0 loses 1 from 4 on, seed 1 never: the mean is 0, then 0.5.
    expected = [NAN, NAN, 0, 0, *[0.5] * 7]
    np.testing.assert_array_equal(panel.lines["a"].centre, expected)
    panel = overtuning_curves(study, "t", quantity="gap", time="linear", points=11)
    expected = [NAN, NAN, (1 + 0.5) / 2, 0.75, *[(4 + 0.5) / 2] * 7]
    np.testing.assert_array_equal(panel.lines["a"].centre, expected)
    assert panel.label == "gap: validation error"


def test_runs_without_an_incumbent_and_failed_runs(synthetic):
    study = synthetic.hand_made(
        [*rows_of(*STEPS), {"seed": 1, "time_s": 1, "value": NAN, "status": "failed"}],
        runs=[{"seed": 0}, {"seed": 1}, {"seed": 2, "status": "failed"}],
    )
    # A failed observation has no true value; the task has all the same.
    table = gaps(study)
    assert table["seed"].tolist() == [0, 1, 2]
    assert table.iloc[1][["observed", "true", "gap", "overtuning"]].isna().all()
    panel = overtuning_curves(study, "t", time="linear", points=11)
    assert panel.lines["a"].count == 1
    assert panel.lines["a"].centre[-1] == 1
    assert "Runs without an incumbent are left out: 2." in panel.notes
    assert panel.failed == {"a": (1, 3)}


def test_all_values_noise_free_means_nothing_is_lost(synthetic):
    study = synthetic.random_study(tasks=2, methods=2, seeds=3)
    study.observations["value"] = study.observations["true_value"]
    table = gaps(study)
    assert len(table) == 12
    assert (table[["gap", "overtuning", "relative_overtuning"]].fillna(0) == 0).all(axis=None)


def test_refusals(synthetic):
    study = synthetic.hand_made([{"time_s": 1, "value": 1.0}])
    with pytest.raises(ValueError, match="no task of the study has true or test values"):
        gaps(study)
    with pytest.raises(ValueError, match="'t' has neither true nor test values"):
        overtuning_curves(study, "t")
    with pytest.raises(ValueError, match="task 'u' is not in the study: it has t"):
        overtuning_curves(study, "u")
    with pytest.raises(ValueError, match="quantity='x': use one of gap, overtuning"):
        overtuning_curves(study, "t", quantity="x")


def test_means_of_runs_with_their_standard_error():
    """Of 1, 2, 3: 2, and 1 / sqrt(3); what is not finite is left out."""
    rows = [("a", 2, 3.0), ("a", 0, 1.0), ("a", 1, 2.0), ("b", 0, 5.0), ("c", 0, np.inf)]
    means = mean_of_runs(pd.DataFrame(rows, columns=["method", "seed", "gap"]), "gap")
    assert sorted(means.index) == ["a", "b"]
    error = 1 / np.sqrt(3)
    np.testing.assert_allclose(means.loc["a"], [2, 2 - error, 2 + error])
    assert means.loc["b", "centre"] == 5
    assert np.isnan(means.loc["b", ["low", "high"]].to_numpy(float)).all()
