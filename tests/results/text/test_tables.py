"""Expected text is written out by hand; the cells are those of `scores`."""

import re

import numpy as np
import pandas as pd
import pytest

from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import references
from hpobench.results.statistics.rank_tests import friedman, pairwise_tests
from hpobench.results.text.markup import note
from hpobench.results.text.tables import (
    Cell,
    latex,
    markdown,
    pair_table,
    rank_table,
    table,
    tables,
)
from hpobench.results.verdicts.scores import MEAN, scores
from hpobench.results.verdicts.verdict import verdicts
from hpobench.storage.schema import MethodFacts, TaskFacts

NASTY = r"50% of x_1 & {y}^2 #3 | ~$<a>\b*"


def small():
    made = pd.DataFrame(
        {"t_1": [Cell(0.5, 0.25, best=True), Cell(1, tied=True)], "n": [3, np.nan]},
        index=pd.Index(["a", "b|c"], name="method"),
    )
    return made.astype(object)


def test_markdown_as_written_by_hand():
    assert markdown(small(), "Scores of 2 methods.") == (
        "Scores of 2 methods.\n"
        "\n"
        "| method | t\\_1                | n   |\n"
        "| ------ | ------------------: | --: |\n"
        "| a      | **0.5000 ± 0.2500** | 3   |\n"
        "| b\\|c   | <u>1.0000</u>       | -   |\n"
    )


def test_latex_as_written_by_hand():
    assert latex(small(), "Two.", "x") == (
        "% needs \\usepackage{booktabs,graphicx}\n"
        "\\begin{table}\n\\centering\n\\caption{Two.}\n\\label{tab:x}\n"
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n"
        "\\begin{tabular}{lrr}\n\\toprule\nmethod & t\\_1 & n \\\\\n\\midrule\n"
        "a & \\textbf{0.5000 $\\pm$ 0.2500} & 3 \\\\\n"
        "b\\textbar{}c & \\underline{1.0000} & - \\\\\n"
        "\\bottomrule\n\\end{tabular}%\n}\n\\end{table}\n"
    )


def test_names_are_escaped():
    made = pd.DataFrame({NASTY: [NASTY]}, index=pd.Index([NASTY], name="method"))
    written = latex(made, NASTY)
    row = next(line for line in written.splitlines() if line.startswith("method"))
    assert len(re.findall(r"(?<!\\)&", row)) == 1
    assert not re.search(r"(?<!\\)(#|%.)", written.split("\n", 1)[1])  # a % ends a line
    plain = re.sub(r"\\[{}]", "", written)
    assert plain.count("{") == plain.count("}")
    line = markdown(made).splitlines()[2]
    assert len(re.findall(r"(?<!\\)\|", line)) == 3


BROKEN = [
    "a\n\\input{x}",
    "a\r\\input{x}",
    "a\u2028\\input{x}",
    "a\x0b\\input{x}",
    "a\x00b\x1b[31m",
]


@pytest.mark.parametrize("label", BROKEN)
def test_a_line_break_in_a_name_begins_no_line(label):
    """In LaTeX the rest of the name would be a command, or end a comment; in Markdown a table."""
    made = pd.DataFrame({label: [label]}, index=pd.Index([label], name="method"))
    lines = len(latex(pd.DataFrame({"a": ["a"]}, index=["a"]), "c").splitlines())
    assert r"\input" not in latex(made, label)
    for written in (latex(made, label), note(label, "latex")):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u2028]", written)
    assert len(latex(made, label).splitlines()) == lines
    assert len(note(label, "latex").splitlines()) == len(note(label, "markdown").splitlines()) == 1


def test_a_name_is_no_argument_of_the_end_of_the_row_before():
    made = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["[9cm]a", "*a"], name="method"))
    assert "\n{[}9cm]a & 1 \\\\\n{*}a & 2 \\\\\n" in latex(made)


def test_names_are_no_mathematics_nor_entities_in_markdown():
    made = pd.DataFrame({"n": [1]}, index=pd.Index(["$x$ &lt; y^2"], name="method"))
    assert r"| \$x\$ \&lt; y\^2 |" in markdown(made)


def test_wide_tables_are_shrunk():
    made = pd.DataFrame(np.zeros((1, 7)), index=pd.Index(["a"], name="method"))
    assert r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%" in latex(made)
    assert "graphicx" in latex(made)


def test_cells_are_the_scores(synthetic):
    study = synthetic.random_study(tasks=3, methods=4, seeds=8)
    made = table(study)
    expected = scores(study).set_index(["task", "method"])
    assert list(made.columns) == ["task 0", "task 1", "task 2", MEAN]
    for task, heading in zip([*study.tasks, MEAN], made.columns, strict=True):
        for method in study.methods:
            cell = made.loc[study.methods[method].label, heading]
            row = expected.loc[(task, method)]
            assert (cell.value, cell.error) == (row["final"], row["final_sem"])
            best = row["final"] == expected.loc[task]["final"].min()
            assert cell.best == best


def runs_of(task, **by_method):
    return [
        {"task": task, "method": method, "seed": seed, "time_s": 5, "value": value}
        for method, values in by_method.items()
        for seed, value in enumerate(values)
    ]


def test_what_is_tied_on_a_task(synthetic):
    rng = np.random.default_rng(0)
    base = 0.2 + 0.1 * rng.random(12)
    noise = base + rng.normal(0.001, 0.05, 12)
    rows = runs_of("t", best=base, alike=noise, worse=base + 0.3)
    facts = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=1.0)}
    made = table(synthetic.hand_made(rows, tasks=facts))["t"]
    leader, second = sorted(["best", "alike"], key=lambda name: made[name].value)
    assert (made[leader].best, made[leader].tied) == (True, False)
    assert made[second].tied
    # Worse by 0.3 on each of 12 seeds.
    assert not made["worse"].tied


def test_what_is_underlined_is_what_the_verdict_calls_within_error(synthetic):
    study = synthetic.random_study(tasks=2, methods=4, seeds=20)
    found = incumbents(study)
    made = verdicts(found, references(study, found.views))
    shown, labels = table(study), {name: facts.label for name, facts in study.methods.items()}
    checked = 0
    for verdict in made:
        if verdict.fraction < 1:
            continue
        heading = MEAN if len(verdict.tasks) > 1 else study.tasks[verdict.tasks[0]].label
        tied = {name for name in shown.index if shown.loc[name, heading].tied}
        assert tied == {labels[each.method] for each in verdict.rivals}
        checked += len(tied)
    assert 0 < checked < 9  # of 3 columns of 3


def test_groups_of_tasks_and_missing_methods(synthetic):
    rows = [
        *runs_of("t", a=[1, 2], b=[2, 3], c=[3, 5]),
        *runs_of("u", a=[1, 2], b=[2, 3], c=[3, 5]),
        *runs_of("v", a=[1, 2], d=[2, 3]),
    ]
    study = synthetic.hand_made(rows)
    made = table(study)
    assert list(made.columns) == ["t", "u", "v", "mean over t and 1 other"]
    assert str(made.loc["d", "t"]) == "-"
    text = tables(study)
    assert text.count("| method") == 5
    assert "Average ranks on t; u. Over 4 task-seed pairs" in text
    assert "No average ranks on v: Friedman's test compares 3 methods or more" in text
    assert "% No average ranks on v" in tables(study, "latex")
    assert r"\label{tab:pairs-2}" in tables(study, "latex")


def test_tables_of_tests(synthetic):
    values = np.random.default_rng(0).random((6, 3)) + np.array([0, 2, 0])
    regrets = {f"t{n}": pd.DataFrame([row], columns=list("abc")) for n, row in enumerate(values)}
    methods = {name: MethodFacts(name, name.upper()) for name in "abc"}
    ranked = rank_table(friedman(regrets), methods)
    assert set(ranked.index) == {"A", "B", "C"}
    assert ranked.loc["B", "average rank"] == "3.00"
    pairs = pair_table(pairwise_tests(regrets), methods)
    assert list(pairs["against"]) == ["B", "C", "C"]
    # p = 2 / 2^6 each; Holm: 3 times that.
    assert str(pairs["p (Holm)"].iloc[0]) == "0.094"
    assert not pairs["p (Holm)"].iloc[0].best
    # B lies 1 or more above both: the Bayesian test is as sure as six tasks let it be.
    assert list(pairs[["better", "practically equal", "worse"]].iloc[0]) == ["1.00", "0.00", "0.00"]


def test_one_seed_one_method_and_bad_arguments(synthetic):
    facts = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=1.0)}
    study = synthetic.hand_made(runs_of("t", a=[0.5]), tasks=facts)
    text = tables(study)
    assert "**0.5000**" in text
    assert "nothing to compare" in text
    with pytest.raises(ValueError, match="style='word'"):
        tables(study, "word")
    one_value = synthetic.hand_made(runs_of("t", a=[0.5]))
    with pytest.raises(ValueError, match="no task can be normalised"):
        tables(one_value)
    with pytest.raises(ValueError, match="no task of the study can be normalised"):
        table(one_value)


def test_scores_on_another_scale(synthetic):
    """Distance to the minimum 0, of the highest value that was seen: 8 at first, then 2 and 4."""
    facts = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=5.0)}
    rows = [
        {"task": "t", "method": name, "seed": seed, "time_s": time, "value": value}
        for name, last in (("a", 2.0), ("b", 4.0))
        for seed in (0, 1)
        for time, value in ((1, 8.0), (2, last))
    ]
    study = synthetic.hand_made(rows, tasks=facts)
    text = tables(study, scale="adtm")
    assert "| **0.2500 ± 0.0000** |" in text
    assert "| 0.5000 ± 0.0000     |" in text
    assert "Final average distance to the minimum (0 is the known minimum value" in text
    assert "Wilcoxon" not in text
    assert "| **0.4000 ± 0.0000** |" in tables(study)
    with pytest.raises(ValueError, match="scale='zscore'"):
        tables(study, scale="zscore")


def test_twenty_methods_with_long_names(synthetic):
    study = synthetic.random_study(tasks=2, methods=20, seeds=3, observations=10, long=True)
    lines = tables(study).splitlines()
    widths = {len(line) for line in lines if line.startswith("| method ")}
    assert len(widths) == 3
    assert "method 19 gaussian process with hyperband" in tables(study, "latex")


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        (1, "corrected for all pairs of methods: all tasks and budgets together after Holm)."),
        (2, "single tasks and budgets after Benjamini and Hochberg)."),
    ],
)
def test_the_correction_that_was_made_is_said(synthetic, tasks, words):
    """As in `verdicts`: without a mean over tasks single tasks are the family of Holm."""
    written = tables(synthetic.random_study(tasks=tasks, methods=2, seeds=3))
    assert words in written
    assert ("Hochberg" in written) == (tasks == 2)
