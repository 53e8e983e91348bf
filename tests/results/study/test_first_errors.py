"""Failed runs are grouped by reason; expected groups are read off the rows."""

import pandas as pd

from hpobench.results.study.first_errors import groups, lost_tasks

TRACE = '  File "mine.py", line 3, in f\nValueError: boom'
ROWS = [
    ("bad", "random", 0, "failed", "all 24 evaluations failed; the first: ...", 24, 24, TRACE),
    ("bad", "random", 1, "failed", "all 24 evaluations failed; the first: ...", 24, 24, TRACE),
    ("good", "random", 0, "ok", "", 50, 48, TRACE),
    ("good", "random", 1, "ok", "", 50, 3, TRACE),
    ("good", "random", 2, "ok", "", 50, 0, ""),
    ("good", "tpe", 0, "failed", "RuntimeError: mine (tpe.py:3)", 9, 1, "RuntimeError: mine"),
    ("short", "random", 0, "failed", "the budget ended before any evaluation did", 0, 0, ""),
    ("nan", "random", 0, "failed", "all 7 evaluations failed; the first: ...", 7, 7, ""),
]
NOT_FINITE = "a value that is not finite"
COLUMNS = ["task", "method", "seed", "status", "error"]
LATER = ["evaluations", "failed_evaluations", "first_error"]
RUNS = pd.DataFrame(ROWS, columns=[*COLUMNS, *LATER])


def test_failures_are_grouped_and_put_into_words():
    made = [(g.task, g.method, g.seeds, g.fate, g.in_words) for g in groups(RUNS)]
    assert made == [
        ("bad", "random", "seeds 0 to 1", "failed", "all 48 evaluations failed: ValueError: boom"),
        ("good", "random", "seed 0", "mostly", "48 of 50 evaluations failed: ValueError: boom"),
        ("good", "random", "seed 1", "partly", "3 of 50 evaluations failed: ValueError: boom"),
        ("good", "tpe", "seed 0", "failed", "RuntimeError: mine (tpe.py:3)"),
        ("short", "random", "seed 0", "failed", "the budget ended before any evaluation did"),
        (
            "nan",
            "random",
            "seed 0",
            "failed",
            "all 7 evaluations failed: a value that is not finite",
        ),
    ]


def test_a_task_is_lost_if_no_evaluation_of_it_has_a_value():
    assert list(lost_tasks(RUNS)) == ["bad", "nan"]
    one_is_fine = RUNS.assign(status=["ok", *RUNS["status"][1:]], failed_evaluations=3)
    assert list(lost_tasks(one_is_fine)) == []


def test_studies_that_counted_no_failures_keep_their_last_words():
    made = groups(RUNS[COLUMNS])
    assert [group.in_words for group in made if group.task == "short"] == [ROWS[6][4]]
    assert {group.fate for group in made} == {"failed"}
    none = RUNS.assign(**dict.fromkeys(LATER, None))
    assert groups(none) == made
