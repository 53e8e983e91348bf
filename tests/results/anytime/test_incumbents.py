"""Expected values are worked out by hand, or by a naive loop."""

import numpy as np
import pytest

from hpobench.results.anytime.incumbents import FEASIBLE_SENTENCE, in_view, incumbents
from hpobench.results.anytime.notes import rule_notes
from hpobench.results.anytime.views import available_views
from hpobench.storage.schema import TaskFacts


def rows(*triples, **more):
    return [
        {"time_s": time_s, "value": value, "resource": resource, **more}
        for time_s, value, resource in triples
    ]


def steps(study, run=0, **options):
    time_s, value = incumbents(study, **options).steps(run)
    return list(zip(time_s.tolist(), value.tolist(), strict=True))


def test_best_keeps_improvements_only(synthetic):
    study = synthetic.hand_made(rows((1, 5, 1), (2, 6, 1), (3, 4, 1), (4, 4, 1), (5, 3, 1)))
    assert steps(study) == [(1, 5), (3, 4), (5, 3)]


def test_highest_moves_to_a_higher_resource_though_its_value_is_worse(synthetic):
    study = synthetic.hand_made(
        rows((1, 5, 1), (2, 3, 1), (3, 4, 2), (4, 1, 1), (5, 6, 2), (6, 2, 2))
    )
    assert steps(study, rule="highest") == [(1, 5), (2, 3), (3, 4), (6, 2)]
    assert steps(study, rule="best") == [(1, 5), (2, 3), (4, 1)]


@pytest.mark.parametrize(("comparable", "rule"), [(True, "best"), (False, "highest")])
def test_the_rule_follows_the_fidelity_and_is_recorded(synthetic, comparable, rule):
    facts = {"t": TaskFacts("t", "t", "error", comparable=comparable)}
    study = synthetic.hand_made(rows((1, 5, 1)), tasks=facts)
    assert incumbents(study).rules == {"t": rule}


def test_failed_and_infeasible_observations_are_never_chosen(synthetic):
    table = rows((1, np.nan, 9)) + rows((2, 1, 1), (3, 5, 1)) + rows((4, 0, 1))
    table[0]["status"] = "failed"
    for row, slack in zip(table, [0, -0.1, 0, np.nan], strict=True):
        row["slack.size"] = slack
    study = synthetic.hand_made(table)
    assert steps(study) == [(3, 5), (4, 0)]
    assert steps(study, rule="highest") == [(3, 5), (4, 0)]
    assert FEASIBLE_SENTENCE in rule_notes(incumbents(study), ["t"])
    free = synthetic.hand_made(rows((1, 5, 1)))
    assert FEASIBLE_SENTENCE not in rule_notes(incumbents(free), ["t"])


def test_at_one_time_the_last_incumbent_counts(synthetic):
    study = synthetic.hand_made(rows((1, 5, 1), (1, 4, 1), (2, 3, 1), (2, 3.5, 1)))
    assert steps(study) == [(1, 4), (2, 3)]


def test_a_run_without_observations_has_no_steps(synthetic):
    runs = [{"seed": 0}, {"seed": 1}, {"seed": 2}]
    table = rows((1, 5, 1), seed=0) + rows((2, 4, 1), seed=2)
    study = synthetic.hand_made(table, runs=runs)
    assert [steps(study, run) for run in range(3)] == [[(1, 5)], [], [(2, 4)]]


def test_rows_out_of_order_are_put_in_order(synthetic):
    table = rows((3, 1, 1), seed=1) + rows((2, 5, 1), seed=0) + rows((1, 2, 1), seed=1)
    study = synthetic.hand_made(table, runs=[{"seed": 0}, {"seed": 1}])
    assert steps(study, 0) == [(2, 5)]
    assert steps(study, 1) == [(1, 2), (3, 1)]


def test_views_report_other_columns_of_the_observation_chosen_by_the_observed(synthetic):
    table = rows((1, 5, 1), (2, 4, 1), (3, 6, 1))
    for row, true, test in zip(table, [1, 2, 0], [10, 20, 0], strict=True):
        row |= {"true_value": true, "test_value": test}
    study = synthetic.hand_made(table)
    assert steps(study, view="observed") == [(1, 5), (2, 4)]
    assert steps(study, view="true") == steps(study) == [(1, 1), (2, 2)]
    assert steps(study, view="test") == [(1, 10), (2, 20)]
    found = in_view(incumbents(study), study, {"t": "test"})
    assert found.value.tolist() == [10, 20]
    assert found.views == {"t": "test"}


def test_a_view_that_a_task_lacks_is_an_error(synthetic):
    study = synthetic.hand_made(rows((1, 5, 1)))
    assert available_views(study) == {"t": ("observed",)}
    with pytest.raises(ValueError, match="task 't' lacks test values: it has observed"):
        incumbents(study, view="test")
    with pytest.raises(ValueError, match="view='oracle'"):
        incumbents(study, view="oracle")
    with pytest.raises(ValueError, match="rule='last'"):
        incumbents(study, rule="last")


def test_observations_of_an_unknown_run_are_an_error(synthetic):
    with pytest.raises(ValueError, match="does not list"):
        incumbents(synthetic.hand_made(rows((1, 5, 1), seed=7), runs=[{"seed": 0}]))
    with pytest.raises(ValueError, match="twice"):
        incumbents(synthetic.hand_made(rows((1, 5, 1)), runs=[{"seed": 0}, {"seed": 0}]))


def naive(time_s, value, resource, rule):
    """The incumbent after each observation, one at a time."""
    best, top, found = np.inf, -np.inf, {}
    for t, v, r in zip(time_s, value, resource, strict=True):
        if rule == "highest" and r < top:
            continue
        if rule == "highest" and r > top:
            best, top = np.inf, r
        if v < best:
            best = v
            found[t] = v
    return list(found.items())


@pytest.mark.parametrize("rule", ["best", "highest"])
def test_random_runs_agree_with_a_naive_loop(synthetic, rule):
    rng = np.random.default_rng(1)
    table = []
    for seed in range(20):
        time_s = np.sort(rng.integers(0, 30, 25)).astype(float)
        values, resources = rng.integers(0, 50, 25) / 8, rng.integers(1, 4, 25)
        table += rows(*zip(time_s, values, resources, strict=True), seed=seed)
    study = synthetic.hand_made(table)
    found = incumbents(study, rule=rule)
    for seed in range(20):
        run = [row for row in table if row["seed"] == seed]
        columns = ([row[name] for row in run] for name in ("time_s", "value", "resource"))
        got = list(zip(*(part.tolist() for part in found.steps(seed)), strict=True))
        assert got == naive(*columns, rule)


def test_only_keeps_the_runs_of_some_tasks(synthetic):
    study = synthetic.random_study(tasks=3, methods=2, seeds=2)
    whole = incumbents(study)
    part = whole.only(["t1"] if "t1" in whole.tasks else [list(whole.tasks)[1]])
    name = next(iter(part.tasks))
    numbers = np.flatnonzero(whole.runs["task"] == name)
    assert len(part.runs) == len(numbers) == 4
    for mine, number in enumerate(numbers):
        for one, other in zip(part.steps(mine), whole.steps(number), strict=True):
            np.testing.assert_array_equal(one, other)


def test_groups_are_tasks_on_which_the_same_methods_were_run(synthetic):
    keys = [("t", "a"), ("t", "b"), ("u", "a"), ("v", "b"), ("v", "a"), ("w", "a")]
    rows = [{"task": t, "method": m, "time_s": 1, "value": 1} for t, m in keys]
    assert incumbents(synthetic.hand_made(rows)).groups() == [["t", "v"], ["u", "w"]]


def test_by_default_true_values_then_test_values_are_shown(synthetic):
    """Task s has both, t test values alone, u lacks one of them, v has neither."""
    rows = [
        {"task": task, "time_s": time, "value": 1.0, "true_value": true, "test_value": test}
        for task, true, tests in [
            ("s", 2.0, [3, 3]),
            ("t", np.nan, [3, 3]),
            ("u", np.nan, [3, np.nan]),
        ]
        for time, test in enumerate(tests)
    ]
    found = incumbents(synthetic.hand_made([*rows, {"task": "v", "time_s": 0, "value": 1.0}]))
    assert found.views == {"s": "true", "t": "test", "u": "observed", "v": "observed"}
    assert [found.steps(run)[1].tolist() for run in range(4)] == [[2], [3], [1], [1]]
