"""What could end a run: limits of the study, or else of its tasks, the same whoever loaded it."""

import math

import numpy as np
import pytest

from hpobench.results import load
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import references
from hpobench.results.verdicts.time_to_target import EARLY, early_notes, early_rule, time_to_target
from tests.studies import execute, plan

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
def test_what_the_study_states_stands_for_the_tasks_own(synthetic, stated, own, expected):
    study = synthetic.random_study(tasks=1, methods=2, seeds=2)
    study = study.changed(settings={"budget": stated}, budgets={"task_0": own})
    assert study.limits("task_0") == expected
    rule = "never" if set(expected) == {"time_s"} else "censored"
    assert early_rule(incumbents(study), "task_0") == rule
    # A limit of time ends runs at other places of another axis: there they might have gone on.
    assert early_rule(incumbents(study.changed(axis="evaluations")), "task_0") == "censored"


def test_each_task_has_its_own_rule_and_a_caption_says_which_is_whose(synthetic):
    """So that what is said of a task does not depend on those beside it."""
    budgets = {"task_0": {"time_s": 1}, "task_1": {"trials": 1}}
    study = synthetic.random_study(tasks=2, methods=2, seeds=4)
    ends_s = study.runs["end_time_s"] * np.tile([0.1, 1.0, 0.1, 1.0], 4)
    study = study.changed(runs=study.runs.assign(end_time_s=ends_s), budgets=budgets)
    found = incumbents(study)
    assert early_notes(found, ["task_0"]) == (EARLY["never"],)
    assert early_notes(found, study.tasks) == tuple(
        f"{EARLY[rule]} (1 of 2 tasks.)" for rule in ("never", "censored")
    )
    known = references(study, found.views)
    both, never, censored = (
        time_to_target(found, known, "method_0", level=0.05, early=early).set_index("task")
        for early in (None, "never", "censored")
    )
    assert both.loc["task_0"].equals(never.loc["task_0"])
    assert both.loc["task_1"].equals(censored.loc["task_1"])
    assert not any(never.loc[task].equals(censored.loc[task]) for task in study.tasks)


def test_a_loaded_study_has_the_budgets_of_its_tasks(tmp_path):
    """As its config.yaml has them; a task that states none, and another folder, have none."""
    planned = plan(tmp_path, "method=random", "task=bowl", "seeds=1")
    execute(planned)
    study = load(planned.folder)
    assert study.budgets == {"bowl": {"time_s": 20}}
    assert incumbents(study).time_alone == {"bowl"}
    assert study.axis == "wall_clock"
    planned.folder.joinpath("config.yaml").write_text(
        "tasks:\n  t: {budget: {time_s: 7}}\n  u: {}\n"
    )
    assert load(planned.folder).budgets == {"t": {"time_s": 7}, "u": {}}
