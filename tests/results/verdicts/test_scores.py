"""Expected values are worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from hpobench.results.anytime.comparison import anytime
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import references
from hpobench.results.statistics.blocks import comparable_means
from hpobench.results.study.failed_runs import counting_failed
from hpobench.results.text.tables import tables
from hpobench.results.verdicts.scores import MEAN, as_text, notes, scores, skewed_notes
from hpobench.results.verdicts.verdict import verdicts
from hpobench.storage.schema import TaskFacts


def study_of(synthetic):
    table = [
        {"task": task, "method": method, "seed": seed, "time_s": 5, "value": value}
        for task in ("t", "u")
        for method, values in {"a": (3, 5), "b": (2, 2)}.items()
        for seed, value in enumerate(values)
    ]
    tasks = {name: TaskFacts(name, name, "error", optimum=1.0, median=11.0) for name in ("t", "u")}
    return synthetic.hand_made(table, tasks=tasks)


def test_scores(synthetic):
    table = scores(study_of(synthetic)).set_index(["task", "method"])
    row = table.loc[("t", "a")]
    # normalised regret: 0.2 and 0.4 from half of the horizon on, 1 before
    assert row["final"] == pytest.approx(0.3)
    assert row["final_sem"] == pytest.approx(0.1)
    assert (row["regret"], row["regret_sem"]) == pytest.approx((3, 1))
    for kind, known in {"linear": 1 / 2, "log": np.log(2) / np.log(1000)}.items():
        assert row[f"anytime_{kind}"] == pytest.approx(0.3 * known + 1 - known)
    mean = table.loc[(MEAN, "a")]
    assert mean["final"] == pytest.approx(0.3)
    assert mean["final_sem"] == pytest.approx(0.1 / np.sqrt(2))
    assert mean["seeds"] == 4


def test_the_text_is_aligned_and_marks_the_best(synthetic):
    text = as_text(scores(study_of(synthetic)))
    assert text.count("*  b") == 3
    assert text.count("*  a") == 3  # two seeds tell nothing
    lines = [line for line in text.splitlines() if line.startswith("  ")]
    assert len({len(line) for line in lines}) == 1
    assert MEAN in text


def test_unknown_references_are_said(synthetic):
    study = synthetic.random_study(known=False, tasks=1, seeds=1)
    table = scores(study)
    assert table["regret"].isna().all()
    assert "normalised by the best and the median value observed" in as_text(table)


def test_skewed_scores_are_said_where_they_stand(synthetic):
    """t has one disaster in each method; on u regrets are even."""
    even = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    values = {"t": [0.01] * 4 + [0.02] * 3 + [0.9], "u": even}
    rows = [
        {"task": task, "method": method, "seed": seed, "time_s": 1, "value": value}
        for task, some in values.items()
        for method in "ab"
        for seed, value in enumerate(some)
    ]
    tasks = {n: TaskFacts(n, n.upper(), "error", optimum=0.0, median=1.0) for n in "tu"}
    study = synthetic.hand_made(rows, tasks=tasks)
    table = scores(study)
    assert table.groupby("task")["skewed"].unique().str[0].to_dict() == {
        "t": True,
        "u": False,
        "mean over tasks": False,
    }
    assert [note[:12] for note in skewed_notes(table, {"t": "T"})] == ["Skewed: T. S"]
    lines = as_text(table).splitlines()
    assert "t, skewed" in lines
    assert "u" in lines
    assert "Skewed: t. Single runs are far worse than most there" in as_text(table)
    assert skewed_notes(table[table["task"] == "u"], {}) == ()
    assert "Skewed: T." in tables(study)


def test_no_scores(synthetic):
    table = scores(synthetic.hand_made([{"time_s": 1, "value": 1}]))
    assert not len(table)
    assert "no scores" in as_text(table)


def test_anytime_scores_count_what_is_worse_than_the_median_as_the_median(synthetic):
    tasks = {"t": TaskFacts("t", "t", "error", optimum=1.0, median=11.0)}
    rows = [{"time_s": 0, "value": 1e6}, {"time_s": 5, "value": 6}]
    row = scores(synthetic.hand_made(rows, tasks=tasks)).iloc[0]
    assert row["anytime_linear"] == pytest.approx((1 + 0.5) / 2)
    assert row["final"] == pytest.approx(0.5)


def test_star_and_verdict_name_the_same_method_where_one_disaster_would_decide(synthetic):
    """a is better on nine seeds of ten and worse than the median on one, by ever so much.

    At most 1 each: a has (9 x 0.1 + 1) / 10 = 0.19, b 0.3. Without a cap a would have 10.09.
    """
    tasks = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=1.0)}
    values = {"a": [0.1] * 9 + [100.0], "b": [0.3] * 10}
    rows = [
        {"method": method, "seed": seed, "time_s": 1, "value": value}
        for method, some in values.items()
        for seed, value in enumerate(some)
    ]
    study = synthetic.hand_made(rows, tasks=tasks)
    table = scores(study)
    assert table["final"].tolist() == pytest.approx([0.19, 0.3])
    assert "*  a" in as_text(table)
    found = incumbents(study)
    [verdict] = verdicts(found, references(study, found.views), fractions=(1.0,))
    assert verdict.best.method == "a"


def test_stars_mark_all_that_the_verdict_cannot_tell_from_the_best(synthetic):
    """b is worse than a by 0.02 on the even seeds and better on the odd, c is worse by 0.5."""
    tasks = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=1.0)}
    rows = [
        {"method": method, "seed": seed, "time_s": 1, "value": 0.1 + more}
        for seed in range(10)
        for method, more in {"a": 0.0, "b": 0.02 if seed % 2 else -0.01, "c": 0.5}.items()
    ]
    study = synthetic.hand_made(rows, tasks=tasks)
    table = scores(study)
    assert table["within_error"].tolist() == [True, True, False]
    text = as_text(table)
    assert "*  a" in text
    assert "*  b" in text
    assert "*  c" not in text


def test_failed_runs_are_said_below_the_table(synthetic):
    study = study_of(synthetic)
    study.runs["status"] = ["failed", *["ok"] * (len(study.runs) - 1)]
    text = as_text(scores(study), notes(incumbents(study), "tu"))
    assert "1 of 4 runs of a failed: from then on they count as the median" in text
    text = as_text(scores(study), notes(incumbents(counting_failed(study, "last")), "tu"))
    assert "1 of 4 runs of a failed: from then on they keep their last incumbent" in text


def test_anytime_scores_are_exact_however_early_all_is_found(synthetic):
    """Regret 1 up to 0.5 of 1000 s, 0.001 after: linear 0.0005 + 0.9995 * 0.001. The log one
    begins at 1 s: 0.001.
    """
    tasks = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=1.0)}
    rows, runs = [{"time_s": 0.5, "value": 0.001}], [{"end_time_s": 1000.0}]
    row = scores(synthetic.hand_made(rows, runs=runs, tasks=tasks)).iloc[0]
    assert row["anytime_linear"] == pytest.approx(0.0005 + 0.9995 * 0.001)
    assert row["anytime_log"] == pytest.approx(0.001)


def test_means_are_over_tasks_with_the_same_methods(synthetic):
    rows = [
        {"task": task, "method": method, "time_s": 1, "value": value}
        for task, methods in {"t": "ab", "u": "ab", "v": "ac", "w": "ca"}.items()
        for value, method in enumerate(methods, start=2)
    ]
    tasks = {name: TaskFacts(name, name, "error", optimum=1.0, median=11.0) for name in "tuvw"}
    table = scores(synthetic.hand_made(rows, tasks=tasks))
    means = table[table["task"].str.startswith("mean")].set_index(["task", "method"])["final"]
    assert means.to_dict() == pytest.approx(
        {
            ("mean over t, u", "a"): 0.1,
            ("mean over t, u", "b"): 0.2,
            ("mean over v, w", "a"): 0.15,
            ("mean over v, w", "c"): 0.15,
        }
    )


def test_a_method_that_lacks_the_hard_seeds_is_flagged_and_has_no_star(synthetic):
    """b is worse on the seed that both have, and its mean the lower for lacking the other."""
    tasks = {"t": TaskFacts("t", "T", "error", optimum=0.0, median=1.0)}
    rows = [
        {"method": method, "seed": seed, "time_s": 1, "value": value}
        for method, some in {"a": [0.1, 0.9], "b": [0.3]}.items()
        for seed, value in enumerate(some)
    ]
    study = synthetic.hand_made(rows, tasks=tasks)
    table, found = scores(study).set_index("method"), incumbents(study)
    assert table["final"].to_dict() == pytest.approx({"a": 0.5, "b": 0.3})
    # On the same seeds b would have a's mean and what it differs by: 0.5 + 0.2.
    assert table["comparable"].to_dict() == pytest.approx({"a": 0.5, "b": 0.7})
    text = as_text(scores(study), notes(found, ["t"]))
    assert "*  a" in text
    assert "1 of 2" in text
    assert "Unequal seeds: b has 1 of 2 on T. Means are over each method's own seeds;" in text
    assert any("Unequal seeds: b has 1 of 2" in note for note in anytime(found, "t").notes)
    known = references(study, found.views)
    [verdict] = verdicts(found, known, fractions=(1.0,))
    assert verdict.best.method == "a"


def test_comparable_means_without_a_method_that_has_all_seeds():
    """Only seed 1 is shared; without a shared one each has its own mean."""
    frame = pd.DataFrame({"a": [0.1, 0.2, np.nan], "b": [np.nan, 0.3, 0.5]})
    assert comparable_means(frame).to_dict() == pytest.approx({"a": 0.2, "b": 0.3})
    assert comparable_means(frame.drop(1)).isna().all()


def test_no_method_is_the_best_where_they_share_no_seed(synthetic):
    """c ran on a seed of its own, a and b on two that c lacks: which is the easier is not known."""
    table = [
        {"task": "t", "method": method, "seed": seed, "time_s": 5, "value": value}
        for method, values in {"a": {0: 3, 1: 5}, "b": {0: 4, 1: 4}, "c": {2: 1.5}}.items()
        for seed, value in values.items()
    ]
    tasks = {"t": TaskFacts("t", "t", "error", optimum=1.0, median=11.0)}
    study = synthetic.hand_made(table, tasks=tasks)
    found = incumbents(study)
    text = as_text(scores(study), notes(found, ["t"]))
    assert "*  " not in text
    assert ("1 of 3" in text, text.count("2 of 3")) == (True, 4)
    assert "None is shared by all on t: none is marked as the best." in text
    [verdict] = verdicts(found, references(study, found.views))[-1:]
    assert verdict.best.method == "c"  # by its own mean: it is said that differences are unpaired
