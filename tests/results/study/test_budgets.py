"""What could end a run, from the settings of a study."""

import math

import pytest

from hpobench.results.study.budgets import TASK_BUDGETS, early_rule, limits, note_task_budgets

NOTHING = {"time_s": None, "trials": None}


@pytest.mark.parametrize(
    ("stated", "own", "expected"),
    [
        (NOTHING, {"time_s": 20}, {"time_s": 20}),
        (NOTHING, {"time_s": 20, "trials": 9}, {"time_s": 20, "trials": 9}),
        ({"time_s": None, "trials": 5}, {"time_s": 20}, {"trials": 5}),  # stated ones are all
        ({"time_s": 3, "trials": None}, {"trials": 9}, {"time_s": 3}),
        ({"time_s": math.inf, "trials": 5}, {}, {"trials": 5}),
        (NOTHING, {}, {}),
    ],
)
def test_what_the_study_states_stands_for_the_tasks_own(stated, own, expected):
    settings = {"budget": stated, TASK_BUDGETS: {"t": own}}
    assert limits(settings, "t") == expected
    assert early_rule(settings, ["t"]) == ("never" if set(expected) == {"time_s"} else "censored")


def test_one_task_that_may_end_otherwise_is_enough():
    settings = {"budget": NOTHING, TASK_BUDGETS: {"t": {"time_s": 1}, "u": {"trials": 1}}}
    assert early_rule(settings, ["t"]) == "never"
    assert early_rule(settings, ["t", "u"]) == "censored"
    assert early_rule(settings, ["t", "unknown"]) == "censored"
    assert early_rule({}, ["t"]) == "censored"


def test_budgets_of_tasks_are_read_from_the_settings_beside_the_study(synthetic, tmp_path):
    study = synthetic.random_study(tasks=1, methods=1, seeds=2)
    note_task_budgets(study, tmp_path)
    assert study.settings[TASK_BUDGETS] == {}
    text = "tasks:\n  t:\n    budget: {time_s: 7}\n  u: {noise: 1}\n"
    (tmp_path / "config.yaml").write_text(text)
    note_task_budgets(study, tmp_path)
    assert study.settings[TASK_BUDGETS] == {"t": {"time_s": 7}, "u": {}}
