"""Verdicts. Expected values: worked out by hand, or the same bootstrap by scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from hpobench.results.incumbents import incumbents
from hpobench.results.normalise import references
from hpobench.results.verdict import evidence, in_words, interval, judge, table, verdicts
from hpobench.schema import MethodFacts

METHODS = {name: MethodFacts(name, name.upper()) for name in "abc"}


def frame(**columns):
    return pd.DataFrame(columns, dtype=float)


def rng():
    return np.random.default_rng(1)


def test_the_lowest_mean_over_tasks_is_best():
    """By hand: a has (0.1 + 0.5) / 2 = 0.3, b has (0.2 + 0.2) / 2 = 0.2, whatever the seeds."""
    regrets = {
        "s": frame(a=[0.1, 0.1], b=[0.2, 0.2]),
        "t": frame(a=[0.4, 0.5, 0.6], b=[0.2, 0.2, 0.2]),
    }
    verdict = judge(regrets, rng())
    assert verdict.best.method == "b"
    assert verdict.best.value == pytest.approx(0.2)
    assert verdict.standings[1].value == pytest.approx(0.3)
    assert verdict.standings[1].difference == pytest.approx(0.1)
    assert (verdict.standings[1].runs, verdict.seeds) == (5, 2)


def test_pairing_by_seed_tells_apart_what_overlaps():
    """b is worse than a by 0.01 on each seed; seeds differ by much more.

    The difference is constant, so its interval is [0.01, 0.01]; those of the means overlap.
    """
    seeds = np.linspace(0.1, 0.9, 20)
    verdict = judge({"t": frame(a=seeds, b=seeds + 0.01)}, rng())
    other = verdict.standings[1]
    assert verdict.best.high > other.low
    assert (other.difference_low, other.difference_high) == pytest.approx((0.01, 0.01))
    assert not other.within_error
    assert in_words(verdict, METHODS) == "use A. No other method is within error of it."
    assert "B, is 0.01 [0.01, 0.01] worse" in evidence(verdict, METHODS)


def test_a_difference_around_zero_is_within_error():
    """Differences -0.1 and 0.12 in turn: their mean is 0.01, its standard error about 0.025."""
    base = np.full(20, 0.5)
    verdict = judge({"t": frame(a=base, b=base + np.tile([-0.1, 0.12], 10), c=base + 0.3)}, rng())
    assert [each.method for each in verdict.rivals] == ["b"]
    assert in_words(verdict, METHODS) == "use A. Within error of it: B."
    assert "C, is 0.3 [0.3, 0.3] worse" in evidence(verdict, METHODS)


def test_the_interval_is_that_of_scipy():
    """One group: scipy.stats.bootstrap, percentile; both are random, to a few per cent."""
    values = np.random.default_rng(0).gamma(2.0, size=40)
    theirs = bootstrap((values,), np.mean, method="percentile", rng=rng()).confidence_interval
    assert interval([values], rng()) == pytest.approx(tuple(theirs), rel=0.03)


def test_the_interval_of_two_tasks_is_stratified():
    """Groups without spread have none together, however far apart they are."""
    low, high = interval([np.full(5, 0.1), np.full(5, 0.9)], rng())
    assert (low, high) == pytest.approx((0.5, 0.5))


def test_exact_ties_are_within_error():
    verdict = judge({"t": frame(a=[0.1, 0.2, 0.3], b=[0.1, 0.2, 0.3])}, rng())
    assert [each.method for each in verdict.rivals] == ["b"]
    assert "all other methods are within error" in in_words(verdict, METHODS)


def test_a_single_seed_has_no_interval():
    verdict = judge({"t": frame(a=[0.1], b=[0.2])}, rng())
    assert np.isnan(verdict.best.low)
    assert "single seed" in in_words(verdict, METHODS)
    assert "[" not in evidence(verdict, METHODS)


def test_few_seeds_are_said_to_be_few():
    assert "3 seeds are few" in evidence(judge({"t": frame(a=[0.1, 0.2, 0.3])}, rng()), METHODS)


def test_one_method():
    words = in_words(judge({"t": frame(a=[0.1, 0.2])}, rng()), METHODS)
    assert words == "A is the only method there is to judge."


def test_nothing_found_yet():
    """Runs without a value count as the median configuration, whose normalised regret is 1."""
    verdict = judge({"t": frame(a=[1.0, 1.0], b=[1.0, 1.0])}, rng())
    assert not verdict.useful
    assert "median configuration" in in_words(verdict, METHODS)


def test_runs_that_are_missing():
    """b lacks seed 2 of task t: paired on what both have; c lacks task t: not judged."""
    regrets = {
        "s": frame(a=[0.1, 0.2], b=[0.2, 0.3], c=[0.0, 0.0]),
        "t": frame(a=[0.1, 0.2, 0.9], b=[0.2, 0.3, np.nan]),
    }
    verdict = judge(regrets, rng())
    by_name = {each.method: each for each in verdict.standings}
    assert set(by_name) == {"a", "b"}
    assert (by_name["a"].runs, by_name["b"].runs) == (5, 4)
    # a's mean is (0.15 + 0.4) / 2 = 0.275; b's 0.25 is the lowest, though never better by seed.
    assert verdict.best.method == "b"
    assert by_name["a"].difference == pytest.approx(-0.1)
    assert by_name["a"].within_error


def test_methods_without_a_common_seed_cannot_be_told_apart():
    verdict = judge({"t": frame(a=[0.1, 0.1, np.nan, np.nan], b=[np.nan, np.nan, 0.9, 0.9])}, rng())
    assert verdict.standings[1].pairs == 0
    assert np.isnan(verdict.standings[1].difference)
    assert verdict.standings[1].within_error


def test_no_method_on_every_task():
    assert judge({"s": frame(a=[0.1]), "t": frame(b=[0.1])}, rng()) is None
    assert judge({}, rng()) is None


def test_verdicts_of_a_study(synthetic):
    """Methods of this study are the more lucky the higher their number."""
    study = synthetic.random_study(tasks=2, methods=4, seeds=20)
    found = incumbents(study)
    made = verdicts(found, references(study, found.views), rng())
    assert [(len(verdict.tasks), verdict.fraction) for verdict in made] == [
        (tasks, part) for tasks in (2, 1, 1) for part in (0.01, 0.1, 1.0)
    ]
    whole = made[2]
    assert whole.time_s is None
    assert whole.standings[-1].method == "method_0"
    assert not whole.standings[-1].within_error
    ends = found.runs.groupby("task", observed=True)["end_time_s"].max()
    assert made[4].time_s == pytest.approx(0.1 * ends.iloc[0])
    rows = table(made)
    assert len(rows) == len(made) * 4
    assert rows.loc[rows["difference"] == 0, "within_error"].all()


def test_no_runs_no_verdicts(synthetic):
    study = synthetic.hand_made([{"time_s": 1, "value": 1}], runs=[{"status": "failed"}])
    found = incumbents(study)
    assert verdicts(found, references(study, found.views), rng()) == []


def test_groups_are_judged_apart(synthetic):
    """Tasks s and t have different methods: no verdict goes over both."""
    rows = [
        {"task": task, "method": method, "seed": seed, "time_s": time, "value": value}
        for task, method in [("s", "a"), ("s", "b"), ("t", "a"), ("t", "c")]
        for seed in (0, 1)
        for time, value in [(1, 2.0), (2, 1.0 + seed), (3, 0.5)]
    ]
    study = synthetic.hand_made(rows)
    found = incumbents(study)
    made = verdicts(found, references(study, found.views), rng(), fractions=(1.0,))
    assert [verdict.tasks for verdict in made] == [("s",), ("t",)]
