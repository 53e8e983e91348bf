"""Expected values are worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from hpobench.results.anytime.comparison import anytime, average_regret
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import KNOWN, Reference
from hpobench.results.study.time_axis import on_axis
from hpobench.storage.schema import TaskFacts


def two_tasks(synthetic):
    table = [
        {"task": task, "seed": seed, "time_s": 5, "value": value}
        for task, seed, value in [("t", 0, 3), ("t", 1, 5), ("u", 0, 10), ("u", 1, 30)]
    ]
    tasks = {
        "t": TaskFacts("t", "T", "validation error", "%", optimum=1.0, median=11.0),
        "u": TaskFacts("u", "U", "loss", optimum=0.0, median=100.0, comparable=False),
    }
    return synthetic.hand_made(table, tasks=tasks)


def test_anytime_regret(synthetic):
    panel = anytime(incumbents(two_tasks(synthetic)), "t", time="linear", points=5, band="sem")
    np.testing.assert_allclose(panel.time, [0, 2.5, 5, 7.5, 10])
    line = panel.lines["a"]
    np.testing.assert_array_equal(line.centre, [np.nan, np.nan, 3, 3, 3])
    np.testing.assert_allclose(line.high[2:] - 3, 1)  # sd of 2, 4 is sqrt(2), over sqrt(2)
    assert panel.label == "regret: validation error (%)"
    assert panel.positive


def test_without_an_optimum_the_value_itself(synthetic):
    study = synthetic.hand_made([{"time_s": 5, "value": 3, "test_value": 4}])
    panel = anytime(incumbents(study, view="observed"), "t")
    assert (panel.label, panel.positive) == ("validation error", False)
    panel = anytime(incumbents(study), "t")  # by default what is on test data
    assert panel.label == "test error"
    assert panel.lines["a"].centre[-1] == 4


def test_average_regret_normalises_then_averages(synthetic):
    scale = {"t": Reference("t", 1.0, 11.0, KNOWN), "u": Reference("u", 0.0, 100.0, KNOWN)}
    found = incumbents(two_tasks(synthetic))
    average = average_regret(found, scale, time="linear", points=3, band="sem")
    line = average.lines["a"]
    # normalised: (0.2, 0.4) and (0.1, 0.3)
    np.testing.assert_allclose(line.centre, [np.nan, 0.25, 0.25])
    np.testing.assert_allclose(line.high[1] - 0.25, np.hypot(0.1, 0.1) / 2)
    assert line.count == 4
    assert any("highest resource" in note and "1 of 2 tasks" in note for note in average.notes)
    with pytest.raises(ValueError, match="no task"):
        average_regret(found, {})


def test_an_average_keeps_runs_that_ended(synthetic):
    """After a budget of trials a ends at 4 on t and at 2 on u, b at 10 on both.

    Half of the horizon is 5: a has ended on both tasks, and counts by its last regrets 0.2 and 0.4.
    """
    rows = [
        {"task": task, "method": method, "seed": seed, "time_s": 1, "value": value}
        for task, method, value in [("t", "a", 2), ("u", "a", 4), ("t", "b", 5), ("u", "b", 5)]
        for seed in (0, 1)
    ]
    ends = {("t", "a"): 4.0, ("u", "a"): 2.0}
    runs = [
        {"task": task, "method": method, "seed": seed, "end_time_s": ends.get((task, method), 10.0)}
        for task in "tu"
        for method in "ab"
        for seed in (0, 1)
    ]
    tasks = {name: TaskFacts(name, name, "error", optimum=0.0, median=10.0) for name in "tu"}
    found = incumbents(synthetic.hand_made(rows, runs=runs, tasks=tasks))
    scale = {name: Reference(name, 0.0, 10.0, KNOWN) for name in "tu"}
    average = average_regret(found, scale, time="linear", points=3)
    np.testing.assert_allclose(average.lines["a"].centre, [np.nan, 0.3, 0.3])
    assert "A run that ended early keeps its last incumbent." in average.notes
    assert not any("Not enough runs" in note for note in average.notes)


def test_a_method_without_values_is_named(synthetic):
    study = synthetic.hand_made(
        [{"time_s": 5, "value": 3}], runs=[{"method": "a"}, {"method": "b"}]
    )
    panel = anytime(incumbents(study), "t")
    assert list(panel.lines) == ["a"]
    assert "Not enough runs with a value for a curve: b." in panel.notes


def test_the_axis_of_the_study_is_that_of_the_comparison(synthetic):
    study = two_tasks(synthetic)
    study.jobs = study.observations[["task", "method", "seed", "trial", "worker"]].assign(
        from_resource=0.0, to_resource=1.0, start_s=0.0, end_s=5.0, status="ok"
    )
    scale = {"t": Reference("t", 1.0, 11.0, KNOWN), "u": Reference("u", 0.0, 100.0, KNOWN)}
    assert anytime(incumbents(study), "t").axis == "wall_clock"
    assert average_regret(incumbents(study), scale).axis == "wall_clock"
    found = incumbents(on_axis(study, "evaluations"))
    panel = anytime(found, "t", time="linear", points=3)
    assert (panel.axis, panel.axis_unit) == ("evaluations", "")
    np.testing.assert_allclose(panel.time, [0, 0.5, 1])
    np.testing.assert_array_equal(panel.lines["a"].centre, [np.nan, np.nan, 3])
    assert average_regret(found, scale).axis == "evaluations"
    study.tasks["t"] = replace(study.tasks["t"], fidelity="epochs")
    panel = anytime(incumbents(on_axis(study, "resource")), "t")
    assert (panel.axis, panel.axis_unit) == ("resource", "epochs")
