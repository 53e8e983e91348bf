"""What the report says first: expected words are worked out from studies made by hand."""

from dataclasses import replace

import pytest

from hpobench.plots.report.blocks import Choices, Paragraph, Table
from hpobench.plots.report.context import Context
from hpobench.plots.report.parts.summary import summary
from hpobench.storage.schema import TaskFacts

SEEDS = range(6)


def context(synthetic, values, *, failed=(), ends=None, budget=None, test=None, tasks="t"):
    """One observation a run, at time 1, of {method: value}; runs end at 100, or as `ends` says.

    `failed`: (task, method, seed). `test`: test values by method.
    """
    keys = [
        {"task": task, "method": method, "seed": seed}
        for task in tasks
        for method in values
        for seed in SEEDS
    ]
    bad = [key for key in keys if tuple(key.values()) in failed]
    rows = [
        key
        | {"time_s": 1.0, "value": values[key["method"]] + 0.01 * key["seed"]}
        | ({} if test is None else {"test_value": test[key["method"]] + 0.01 * key["seed"]})
        for key in keys
        if key not in bad
    ]
    runs = [
        key
        | {"end_time_s": (ends or {}).get(key["method"], 100.0)}
        | ({"status": "failed", "error": "crash"} if key in bad else {})
        for key in keys
    ]
    facts = {
        name: TaskFacts(name, name.upper(), "error", optimum=0.0, median=1.0) for name in tasks
    }
    settings = {"budget": budget or {"time_s": 100.0}}
    study = synthetic.hand_made(rows, runs=runs, tasks=facts, settings=settings)
    return Context(study, len(runs))


def said(blocks):
    """All texts, and the words and evidence of the choice for all of the horizon."""
    texts = [block.text for block in blocks if isinstance(block, Paragraph)]
    choices = [block.choices[-1] for block in blocks if isinstance(block, Choices)]
    return texts, [(choice.words, choice.evidence) for choice in choices]


def test_budgets_are_on_the_clock_of_the_task(synthetic):
    made = context(synthetic, {"a": 0.1, "b": 0.5}, tasks="tu")
    made.study.tasks = {
        "t": made.study.tasks["t"],
        "u": replace(made.study.tasks["u"], clock="evaluations"),
    }
    (shown,) = (block for block in summary(made) if isinstance(block, Table))
    assert [row[1].text for row in shown.rows] == ["100 s", "100 evaluations"]
    assert [row[1].key for row in shown.rows] == [100.0, 100.0]


def test_what_failed_is_said(synthetic):
    failed = [("t", "b", seed) for seed in SEEDS if seed < 1] + [("t", "c", seed) for seed in SEEDS]
    _, [(words, _)] = said(
        summary(context(synthetic, {"a": 0.5, "b": 0.2, "c": 0.1}, failed=failed))
    )
    assert words == (
        "b or a: the data do not tell them apart. b came out best. "
        "1 of 6 runs of b, 6 of 6 runs of c failed: from then on "
        "they count as the median configuration (or as their last incumbent or the mean of their "
        "method's other runs, if worse)."
    )


def test_of_several_tasks_what_failed_has_a_column(synthetic):
    failed = [("t", "b", 0), ("u", "b", 0), ("u", "b", 1)] + [
        ("v", m, s) for m in "ab" for s in SEEDS
    ]
    blocks = summary(context(synthetic, {"a": 0.5, "b": 0.2}, failed=failed, tasks="tuv"))
    [table] = [block for block in blocks if isinstance(block, Table)]
    assert [column.label for column in table.columns][-1] == "failed runs"
    assert [[cell.text for cell in row][-2:] for row in table.rows] == [
        ["b (1 of its 6 runs failed); or a", "1 of 6 runs of b"],
        ["b (2 of its 6 runs failed); or a", "2 of 6 runs of b"],
    ]
    assert "Failed runs: from then on they count as the median" in table.caption
    texts, _ = said(blocks)
    assert "Nothing is said of tasks on which all runs failed: V." in texts


def test_without_failures_there_is_no_such_column(synthetic):
    blocks = summary(context(synthetic, {"a": 0.5, "b": 0.2}, tasks="tu"))
    [table] = [block for block in blocks if isinstance(block, Table)]
    assert [[cell.text for cell in row][-1] for row in table.rows] == ["b", "b"]


@pytest.mark.parametrize(
    ("budget", "early"), [({"time_s": 100.0}, False), ({"trials": 10, "time_s": None}, True)]
)
def test_runs_that_ended_are_named_unless_time_alone_ends_them(synthetic, budget, early):
    made = context(synthetic, {"a": 0.5, "b": 0.2, "c": 0.3}, ends={"b": 20.0}, budget=budget)
    texts, [(_, evidence)] = said(summary(made))
    sentence = "All runs of b had ended before that, and keep their last incumbent."
    assert (sentence in evidence) == early
    assert any("Runs could end before their time" in text for text in texts) == early


def test_the_view_that_is_judged_is_named(synthetic):
    """By validation a is best, by test data, which is shown by default, b."""
    texts, [(words, _)] = said(
        summary(context(synthetic, {"a": 0.1, "b": 0.3}, test={"a": 0.6, "b": 0.4}))
    )
    assert "Judged by the incumbent's value on test data." in texts
    assert words.startswith("use b.")
    texts, [(words, _)] = said(summary(context(synthetic, {"a": 0.1, "b": 0.3})))
    assert "Judged by the validation value that the method saw." in texts
    assert words.startswith("use a.")
