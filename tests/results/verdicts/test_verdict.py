"""Verdicts. Expected values: worked out by hand, or by scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, ttest_ind, ttest_rel
from scipy.stats import t as student_t

from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.ranks import average_ranks
from hpobench.results.anytime.regret import references
from hpobench.results.statistics.correction import benjamini_hochberg, holm
from hpobench.results.study.failed_runs import RULES, Failed
from hpobench.results.text.verdict_words import ended_early, evidence, in_words, to_tell
from hpobench.results.verdicts.final import probability_of_improvement
from hpobench.results.verdicts.more_seeds import more_seeds
from hpobench.results.verdicts.scores import scores
from hpobench.results.verdicts.verdict import corrected, fresh_mean, judge, table, verdicts
from hpobench.storage.schema import MethodFacts, TaskFacts

METHODS = {name: MethodFacts(name, name.upper()) for name in "abcd"}


def frame(**columns):
    return pd.DataFrame(columns, dtype=float)


def test_the_lowest_mean_over_tasks_is_best():
    """By hand: a has (0.1 + 0.5) / 2 = 0.3, b has (0.2 + 0.2) / 2 = 0.2, whatever the seeds."""
    regrets = {
        "s": frame(a=[0.1, 0.1], b=[0.2, 0.2]),
        "t": frame(a=[0.4, 0.5, 0.6], b=[0.2, 0.2, 0.2]),
    }
    verdict = judge(regrets)
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
    verdict = judge({"t": frame(a=seeds, b=seeds + 0.01)})
    other = verdict.standings[1]
    assert verdict.best.high > other.low
    assert (other.difference_low, other.difference_high) == pytest.approx((0.01, 0.01))
    assert not other.within_error
    assert in_words(verdict, METHODS) == "use A. No other method is within error of it."
    assert "B, is 0.01 [0.01, 0.01] worse" in evidence(verdict, METHODS)


def test_a_difference_around_zero_is_within_error():
    """Differences -0.1 and 0.12 in turn: their mean is 0.01, its standard error about 0.025."""
    base = np.full(20, 0.5)
    verdict = judge({"t": frame(a=base, b=base + np.tile([-0.1, 0.12], 10), c=base + 0.3)})
    assert [each.method for each in verdict.rivals] == ["b"]
    assert in_words(verdict, METHODS) == (
        "A or B: the data do not tell them apart. A came out best."
    )
    assert "C, is 0.3 [0.3, 0.3] worse" in evidence(verdict, METHODS)


def test_the_p_value_is_that_of_scipy_times_the_number_of_pairs():
    """Holm: the smallest of three p-values is multiplied by 3."""
    draw = np.random.default_rng(0)
    a, c = draw.normal(0.3, 0.1, 20), draw.normal(0.7, 0.1, 20)
    verdict = judge({"t": frame(a=a, b=a + draw.normal(0, 0.01, 20), c=c)})
    worst = verdict.standings[-1]
    assert worst.method == "c"
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    assert verdict.p_values[frozenset("ac")] == pytest.approx(ttest_rel(a, c).pvalue)
    raw = sorted(verdict.p_values[frozenset(pair)] for pair in pairs)
    expected = np.maximum.accumulate(np.array(raw) * [3, 2, 1])
    mine = verdict.p_values[frozenset((verdict.best.method, "c"))]
    assert worst.p_value == pytest.approx(expected[raw.index(mine)])


def test_exact_ties_are_within_error():
    seeds = [0.1, 0.2, 0.3, 0.4, 0.5]
    verdict = judge({"t": frame(a=seeds, b=seeds)})
    assert [each.method for each in verdict.rivals] == ["b"]
    assert "A or B: the data do not tell them apart." in in_words(verdict, METHODS)
    verdict = judge({"t": frame(a=seeds, b=seeds, c=seeds, d=seeds)})
    assert in_words(verdict, METHODS).startswith("no clear winner: all 4 methods are within error")
    assert to_tell(verdict, METHODS) == ""  # no number of seeds would


def test_of_many_that_are_tied_none_is_named_and_the_worst_are():
    """Differences of 0.01 in the mean with a standard deviation of 0.1; d is worse by 0.5."""
    rng = np.random.default_rng(0)
    base, noise = rng.uniform(0.2, 0.4, 30), rng.normal(0, 0.1, (2, 30))
    noise = 0.1 * (noise - noise.mean(axis=1)[:, None]) / noise.std(axis=1, ddof=1)[:, None]
    frames = {"a": base, "b": base + 0.01 + noise[0], "c": base + 0.02 + noise[1], "e": base + 0.03}
    verdict = judge({"t": frame(**{**frames, "e": base + 0.03 + noise[0], "d": base + 0.5})})
    methods = {name: MethodFacts(name, name.upper()) for name in "abcde"}
    assert verdict.marks == {"a": "best", "b": "tied", "c": "tied", "e": "tied", "d": "worse"}
    assert in_words(verdict, methods) == (
        "no clear winner among 4 methods; avoid D. A came out best."
    )
    more = more_seeds(verdict)
    # Dunn: Student's t at 0.05 / 10 pairs for 29 degrees of freedom; d = 0.01, s = 0.1.
    reached = student_t.ppf(1 - 0.025 / 10, 29)
    assert (more.best, more.other) == ("a", "b")
    assert more.seeds == np.ceil(((reached + norm.ppf(0.8)) * 0.1 / 0.01) ** 2)
    assert "About 1,600 seeds instead of 30 would tell A from B" in to_tell(verdict, methods)


def test_an_interval_keeps_to_what_regrets_can_be():
    """Of two seeds, 0 and 1, the stretched interval of the mean is wider than [0, 1]."""
    best = judge({"t": frame(a=[0.0, 1.0])}).best
    assert (best.low, best.high) == (0, 1)
    assert judge({"t": frame(a=[-0.1, 1.0])}).best.low == -0.1


def test_a_skewed_mean_is_less_sure_than_its_interval_says():
    some = [0.01] * 4 + [0.02] * 3 + [0.9]
    skewed = judge({"t": frame(a=some, b=some)})
    assert "(regrets are very skewed: rather less sure than that), 8 runs" in evidence(
        skewed, METHODS
    )
    even = frame(a=[0.1, 0.2, 0.3, 0.4, 0.5], b=[0.2, 0.3, 0.4, 0.5, 0.6])
    for regrets in ({"t": even}, {"t": frame(a=some, b=some), "u": even}):
        assert "skewed" not in evidence(judge(regrets), METHODS)


def test_a_single_seed_has_no_interval():
    verdict = judge({"t": frame(a=[0.1], b=[0.2])})
    assert np.isnan(verdict.best.low)
    assert "with 1 seed that may be chance" in in_words(verdict, METHODS)
    assert "[" not in evidence(verdict, METHODS)


def test_of_few_seeds_no_method_is_recommended():
    """b is worse by 0.5 on each of 4 seeds: its interval is without width, and seeds are few."""
    seeds = np.array([0.1, 0.2, 0.3, 0.4])
    verdict = judge({"t": frame(a=seeds, b=seeds + 0.5)})
    assert not verdict.rivals
    assert in_words(verdict, METHODS) == "A came out best; with 4 seeds that may be chance."
    more = np.append(seeds, 0.5)
    assert in_words(judge({"t": frame(a=more, b=more + 0.5)}), METHODS).startswith("use A.")


@pytest.mark.parametrize(
    ("methods", "seeds", "tasks", "studies"),
    [
        (2, 3, 1, 200),
        (2, 10, 1, 200),
        pytest.param(12, 10, 1, 100, marks=pytest.mark.slow),
        pytest.param(4, 5, 3, 200, marks=pytest.mark.slow),
    ],
)
def test_equal_methods_are_seldom_called_worse(methods, seeds, tasks, studies):
    """Regrets of all methods are drawn alike: a false alarm in 5 of 100 studies, or fewer.

    The share of 200 studies has a standard error of 0.015, that of 100 of 0.022: three above 0.05
    are allowed. With percentile intervals, one pair at a time, 0.29, 0.10, 0.91 and 0.42 were.
    """
    draw, alarms = np.random.default_rng(methods * seeds), 0
    for _ in range(studies):
        regrets = {
            str(task): frame(**{str(m): draw.lognormal(-2, 0.6, seeds) for m in range(methods)})
            for task in range(tasks)
        }
        verdict = judge(regrets)
        alarms += len(verdict.rivals) < methods - 1
    assert alarms / studies < 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)


def reports(draw, methods, tasks, seeds, budgets=3):
    """Final regrets of equal methods, for a report: by budget and task, correlated over budgets."""
    early = {t: draw.lognormal(-2, 0.6, (seeds, methods)) for t in map(str, range(tasks))}
    names = [str(number) for number in range(methods)]
    return [
        {t: pd.DataFrame(each * draw.lognormal(0, 0.3, each.shape), columns=names)
         for t, each in early.items()}
        for _ in range(budgets)
    ]  # fmt: skip


@pytest.mark.parametrize("correction", [holm, benjamini_hochberg])
@pytest.mark.parametrize("tasks", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_report_on_equal_methods_calls_none_worse(correction, tasks):
    """In 5 of 100 reports or fewer; of 100 of these that has a standard error of 0.022."""
    draw, alarms = np.random.default_rng(tasks), 0
    for _ in range(100):
        made = [
            judge({task: budget[task]}) for budget in reports(draw, 4, tasks, 10) for task in budget
        ]
        worse = [not each.within_error for one in corrected(made, correction)
                 for each in one.standings]  # fmt: skip
        alarms += any(worse)
    assert alarms / 100 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)


def test_the_mean_of_what_came_out_best_is_that_on_other_seeds():
    """Of 8 equal methods the best mean of 10 seeds is too low by 1.42 standard errors.

    That is the expected maximum of 8 standard normal values (Tippett 1925). On other seeds it is
    the true one, 0.5: over 300 studies with a standard error of 0.1 / sqrt(5 x 300), or less.
    """
    draw, best, fresh = np.random.default_rng(0), [], []
    for _ in range(300):
        table = draw.normal(0.5, 0.1, (10, 8))
        best.append(table.mean(axis=0).min())
        fresh.append(fresh_mean({"t": table}))
    assert np.mean(best) == pytest.approx(0.5 - 1.42 * 0.1 / np.sqrt(10), abs=0.005)
    assert np.mean(fresh) == pytest.approx(0.5, abs=4 * 0.1 / np.sqrt(5 * 300))


def test_of_few_seeds_there_are_no_halves():
    assert np.isnan(fresh_mean({"t": np.zeros((3, 2))}))
    words = evidence(judge({"t": frame(a=[0.1] * 6, b=[0.9] * 6)}), METHODS)
    assert "0.1 where half of the seeds choose the method and the others judge it" in words


def test_a_difference_that_is_there_is_found():
    """Differences of 1 standard deviation on 30 seeds: 5.5 standard errors, of 3.9 needed for 12.

    The t quantile of 29 degrees of freedom at 0.05 / 66 pairs is 3.77.
    """
    draw = np.random.default_rng(0)
    others = {name: draw.normal(0.6, 0.05, 30) for name in "bcdefghijkl"}
    verdict = judge({"t": frame(a=draw.normal(0.5, 0.05, 30), **others)})
    assert verdict.best.method == "a"
    assert not verdict.rivals


def test_failed_runs_are_named():
    """b fails on 13 of its 20 seeds, where it is hard; it is better only where it does not."""
    seeds = np.linspace(0.1, 0.9, 20)
    regrets = {"t": frame(a=seeds, b=np.where(seeds < 0.38, seeds - 0.05, 1.0), c=seeds + 0.1)}
    failed = {"t": {"b": Failed(13, 20), "c": Failed(1, 20)}}
    verdict = judge(regrets, failed=failed)
    assert (verdict.best.method, verdict.best.runs, verdict.best.failed) == ("a", 20, 0)
    assert in_words(verdict, METHODS) == (
        "use A. No other method is within error of it. 1 of 20 runs of C, 13 of 20 runs of B "
        f"failed: {RULES['median']}."
    )
    assert table([verdict]).set_index("method")["failed"].to_dict() == {"b": 13, "a": 0, "c": 1}


def test_failing_does_not_pay(synthetic):
    """b is worse on each seed, and fails on those that are hard: by any number a stays ahead."""
    rows, runs = [], []
    for seed, value in enumerate([0.1, 0.2, 0.3, 0.7, 0.8, 0.9]):
        for method, more in (("a", 0.0), ("b", 0.05)):
            hard = method == "b" and value > 0.5
            key = {"method": method, "seed": seed}
            runs.append(key | {"status": "failed", "end_time_s": 0.5} if hard else key)
            rows += [] if hard else [key | {"time_s": 1, "value": value + more}]
    tasks = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=1.0)}
    study = synthetic.hand_made(rows, runs=runs, tasks=tasks)
    found, known = incumbents(study), references(study, {"t": "observed"})
    final = scores(study).set_index("method")["final"]
    # b: 0.15, 0.25, 0.35, and three times the median configuration, 1.
    assert final.to_dict() == pytest.approx({"a": 0.5, "b": 3.75 / 6})
    [verdict] = verdicts(found, known, fractions=(1.0,))
    assert verdict.best.method == "a"
    better = probability_of_improvement(found, known).set_index("method")["probability"]
    # Of 36 pairs of runs a is better in all 18 with a failed one, and in 1 + 2 + 3 others.
    assert better["a"] == pytest.approx((18 + 6) / 36)
    assert average_ranks(found).lines["a"].centre[-1] == 1


def test_one_method():
    words = in_words(judge({"t": frame(a=[0.1, 0.2])}), METHODS)
    assert words == "A is the only method there is to judge."


def test_nothing_found_yet():
    """Runs without a value count as the median configuration, whose normalised regret is 1."""
    verdict = judge({"t": frame(a=[1.0, 1.0], b=[1.0, 1.0])})
    assert not verdict.useful
    assert "median configuration" in in_words(verdict, METHODS)


def test_runs_that_are_missing():
    """b lacks seed 2 of task t: paired on what both have; c lacks task t: not judged."""
    regrets = {
        "s": frame(a=[0.1, 0.2], b=[0.2, 0.3], c=[0.0, 0.0]),
        "t": frame(a=[0.1, 0.2, 0.9], b=[0.2, 0.3, np.nan]),
    }
    verdict = judge(regrets)
    by_name = {each.method: each for each in verdict.standings}
    assert set(by_name) == {"a", "b"}
    assert (by_name["a"].runs, by_name["b"].runs) == (5, 4)
    # a's mean is (0.15 + 0.4) / 2 = 0.275; b's 0.25 is lower, as it lacks the hard seed.
    assert verdict.best.method == "a"
    assert by_name["b"].value == pytest.approx(0.25)
    assert by_name["b"].difference == pytest.approx(0.1)


def test_methods_without_a_common_seed_are_compared_unpaired():
    """The interval of the difference of two independent means is that of Welch's t-test."""
    draw, missing = np.random.default_rng(2), np.full(30, np.nan)
    one, two = draw.normal(0.3, 0.1, 30), draw.normal(0.36, 0.05, 30)
    regrets = {"t": frame(a=np.append(one, missing), b=np.append(missing, two))}
    verdict = judge(regrets)
    other = verdict.standings[1]
    welch = ttest_ind(two, one, equal_var=False).confidence_interval(0.95)
    assert (other.method, other.pairs) == ("b", 0)
    assert (other.difference_low, other.difference_high) == pytest.approx(tuple(welch), rel=1e-9)
    assert other.p_value == pytest.approx(ttest_ind(two, one, equal_var=False).pvalue)
    assert not other.within_error
    assert "no common seeds with B: differences are unpaired" in evidence(verdict, METHODS)


def test_a_single_run_of_each_of_two_seeds_says_nothing():
    verdict = judge({"t": frame(a=[0.1, np.nan], b=[np.nan, 0.9])})
    assert verdict.standings[1].difference == pytest.approx(0.8)
    assert verdict.standings[1].within_error


def test_no_method_on_every_task():
    assert judge({"s": frame(a=[0.1]), "t": frame(b=[0.1])}) is None
    assert judge({}) is None


def test_verdicts_of_a_study(synthetic):
    """Methods of this study are the more lucky the higher their number."""
    study = synthetic.random_study(tasks=2, methods=4, seeds=20)
    found = incumbents(study)
    made = verdicts(found, references(study, found.views))
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
    assert verdicts(found, references(study, found.views)) == []


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
    made = verdicts(found, references(study, found.views), fractions=(1.0,))
    assert [verdict.tasks for verdict in made] == [("s",), ("t",)]


def timed(synthetic, values, ends=None):
    """Verdicts at 0.1 and 1 of a horizon of 100: {method: (time, value)}, on 5 seeds each."""
    keys = [{"method": method, "seed": seed} for method in values for seed in range(5)]
    rows = [
        key | {"time_s": values[key["method"]][0], "value": values[key["method"]][1]}
        for key in keys
    ]
    runs = [key | {"end_time_s": (ends or {}).get(key["method"], 100.0)} for key in keys]
    tasks = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=1.0)}
    settings = {"budget": {"time_s": 100}}
    study = synthetic.hand_made(rows, runs=runs, tasks=tasks, settings=settings)
    found = incumbents(study)
    return verdicts(found, references(study, found.views), fractions=(0.1, 1.0))


def test_before_any_value_nothing_is_known(synthetic):
    early, late = timed(synthetic, {"a": (20, 0.5), "b": (30, 0.6)})
    assert (early.known, late.known) == (False, True)
    words = in_words(early, METHODS)
    assert words == "no run has found anything by then: no value is known yet."


def test_methods_whose_runs_had_all_ended_are_named(synthetic):
    """By 10 none had ended; by 100 the runs of a and b had, at 20 and 60."""
    values = {"a": (5, 0.1), "b": (5, 0.2), "c": (5, 0.3), "d": (5, 0.4)}
    early, late = timed(synthetic, values, {"a": 20.0, "b": 60.0})
    assert (early.ended, late.ended) == ((), ("a", "b"))
    assert ended_early(early, METHODS) == ""
    assert ended_early(late, METHODS) == (
        "All runs of A, B had ended before that, and keep their last incumbent."
    )
    _, late = timed(synthetic, values, {"a": 20.0, "b": 60.0, "d": 99.0})
    assert ended_early(late, METHODS) == (
        "Only runs of C lasted as long: the others keep their last incumbent."
    )
