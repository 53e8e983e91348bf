"""Expected ranks are worked out by hand."""

import numpy as np
import pytest

from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.ranks import average_ranks, can_rank
from hpobench.results.anytime.summaries import rank_summaries
from hpobench.results.statistics.blocks import ranks
from hpobench.storage.schema import TaskFacts

NAN = np.nan


def test_ties_share_and_methods_without_a_value_are_last():
    values = np.array([[1.0, NAN, 2], [1, NAN, NAN], [3, 5, NAN]])
    np.testing.assert_array_equal(ranks(values), [[1.5, 2.5, 1], [1.5, 2.5, 2.5], [3, 1, 2.5]])


def runs_of(**by_method):
    """Rows of observations: for each method, a value at time 1 per seed (None: no run)."""
    return [
        {"method": method, "seed": seed, "time_s": 5, "value": value}
        for method, values in by_method.items()
        for seed, value in enumerate(values)
        if value is not None
    ]


def at_the_end(study):
    return {
        method: (line.centre[-1], line.high[-1] - line.centre[-1], line.count)
        for method, line in average_ranks(incumbents(study)).lines.items()
    }


def test_average_over_seeds_with_standard_error(synthetic):
    study = synthetic.hand_made(runs_of(a=[1, 1, 3], b=[2, 2, 2]))
    # ranks of a: 1, 1, 2
    error = np.std([1, 1, 2], ddof=1) / np.sqrt(3)
    expected = {"a": (4 / 3, error, 3), "b": (5 / 3, error, 3)}
    got = at_the_end(study)
    for method, numbers in expected.items():
        assert got[method] == pytest.approx(numbers)


def test_before_any_value_all_are_tied(synthetic):
    study = synthetic.hand_made(runs_of(a=[1, 1], b=[2, 2]))
    lines = average_ranks(incumbents(study)).lines
    assert lines["a"].centre[0] == lines["b"].centre[0] == 1.5


def test_tasks_weigh_the_same_and_seeds_pair(synthetic):
    one = [row | {"task": "t"} for row in runs_of(a=[1, 1, 1], b=[2, 2, 2])]
    two = [row | {"task": "u"} for row in runs_of(a=[2, None], b=[1, 0])]
    ranking = average_ranks(incumbents(synthetic.hand_made(one + two)))
    assert ranking.lines["a"].centre[-1] == 1.5
    assert ranking.lines["a"].count == 4
    assert any("Left out: 1 (task, seed)" in note for note in ranking.notes)


def test_a_run_that_ended_keeps_its_rank(synthetic):
    runs = [{"method": "a", "end_time_s": 5.0}, {"method": "b", "end_time_s": 100.0}]
    study = synthetic.hand_made(runs_of(a=[1], b=[2]), runs=runs)
    assert average_ranks(incumbents(study)).lines["a"].centre[-1] == 1


def test_failed_runs_are_ranked_as_the_median_configuration(synthetic):
    runs = [
        {"method": "a"}, {"method": "b"}, {"method": "c", "status": "failed"},
        {"method": "a", "seed": 1}, {"method": "b", "seed": 1, "status": "failed"},
    ]  # fmt: skip
    runs.append({"method": "c", "seed": 1})
    tasks = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=3.0)}
    rows = runs_of(a=[1, 1], b=[2, 0], c=[0, 5])
    found = incumbents(synthetic.hand_made(rows, runs=runs, tasks=tasks))
    ranking = average_ranks(found)
    # Seed 0: a 1, b 2, c 5 (the mean of its other runs). Seed 1: a 1, b 3 (the median), c 5.
    assert {name: line.centre[-1] for name, line in ranking.lines.items()} == {
        "a": 1, "b": 2, "c": 3
    }  # fmt: skip
    assert ranking.failed == {"a": (0, 2), "b": (1, 2), "c": (1, 2)}
    assert can_rank(found)


def test_nothing_in_common_is_an_error(synthetic):
    found = incumbents(synthetic.hand_made(runs_of(a=[1, None], b=[None, 1])))
    assert not can_rank(found)
    with pytest.raises(ValueError, match="no ranks"):
        average_ranks(found)


def test_ranks_of_two_grids_at_once_are_those_of_each(synthetic):
    found = incumbents(synthetic.random_study(tasks=2, methods=3, seeds=3))
    points = {"log": 7, "linear": 5}
    ((choice, both),) = rank_summaries(found, points).items()
    assert choice == ("mean", "sem")
    assert (np.diff(both.time) > 0).all()
    for time, count in points.items():
        alone = average_ranks(found, time=time, points=count)
        places = np.searchsorted(both.time, alone.time)
        np.testing.assert_array_equal(both.time[places], alone.time)
        for method, line in alone.lines.items():
            for part in ("centre", "low", "high"):
                whole = getattr(both.lines[method], part)[places]
                np.testing.assert_array_equal(whole, getattr(line, part))
