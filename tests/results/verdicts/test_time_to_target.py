"""Expected values are worked out by hand; survival itself is tested in test_survival."""

import numpy as np
import pytest
from scipy import stats

from hpobench.results.anytime.curves import first_times
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import known_reference, references
from hpobench.results.verdicts.time_to_target import (
    ALL_TASKS,
    best_methods,
    pair_speedups,
    time_to_target,
)
from hpobench.storage.schema import TaskFacts

NAN = np.nan


def made(synthetic, steps, ends=None):
    """Incumbents of {task: {method: [{time: value} of each seed]}}; regret is a tenth of a value.

    Runs end at 10, or as `ends` says by (task, method, seed).
    """
    runs, rows = [], []
    for task, methods in steps.items():
        for method, by_seed in methods.items():
            for seed, some in enumerate(by_seed):
                key = {"task": task, "method": method, "seed": seed}
                end = (ends or {}).get((task, method, seed), 10.0)
                runs.append(key | {"end_time_s": end})
                rows += [key | {"time_s": time, "value": value} for time, value in some.items()]
    tasks = {name: TaskFacts(name, name, "error", optimum=0.0, median=10.0) for name in steps}
    study = synthetic.hand_made(rows, runs=runs, tasks=tasks)
    return incumbents(study), {name: known_reference(facts) for name, facts in tasks.items()}


def numbers(table, task, method):
    row = table[(table["task"] == task) & (table["method"] == method)].iloc[0]
    return tuple(row[["target", "reached", "time_s", "median_time_s", "speedup"]])


def widened(low, high, centre, n):
    """The ends of an interval moved away from the centre, by the formula in `bootstrap`."""
    factor = stats.t.ppf(0.975, n - 1) / stats.norm.ppf(0.975) * np.sqrt(n / (n - 1))
    logs = np.log(centre) + factor * np.log([low / centre, high / centre])
    return tuple(np.exp(logs))


def test_first_times(synthetic):
    found, known = made(synthetic, {"t": {"a": [{1: 8, 3: 5, 7: 2}, {2: 5}, {}]}})
    times = first_times(found, np.arange(3), known["t"], np.array([0.2, 0.5, 0.6, 0.9, 0.1]))
    inf = np.inf
    expected = [[7, 3, 3, 1, inf], [inf, 2, 2, 2, inf], [inf] * 5]
    np.testing.assert_array_equal(times, expected)


def test_an_incumbent_that_became_worse_had_reached_the_target(synthetic):
    """What was chosen by its observed value may have a worse true one."""
    tasks = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=10.0)}
    rows = [
        {"time_s": 1, "value": 5, "true_value": 2},
        {"time_s": 2, "value": 4, "true_value": 6},
        {"time_s": 3, "value": 3, "true_value": 1},
    ]
    found = incumbents(synthetic.hand_made(rows, tasks=tasks))
    times = first_times(found, np.array([0]), known_reference(tasks["t"]), np.array([0.2, 0.1]))
    np.testing.assert_array_equal(times, [[1, 3]])


def test_time_to_a_level(synthetic):
    steps = {
        "t": {"a": [{2: 1}, {4: 1}, {6: 9}], "b": [{1: 1}, {2: 1}, {3: 1}]},
        "u": {"a": [{8: 1}] * 2, "b": [{2: 1}, {6: 0}]},
    }
    found, known = made(synthetic, steps)
    table = time_to_target(found, known, "a", level=0.1)
    root = np.sqrt(2)  # the geometric means of 2 and 4, and of the fastest two of 1, 2, 3
    assert numbers(table, "t", "a") == pytest.approx((0.1, 2 / 3, 2 * root, 4, 1))
    assert numbers(table, "t", "b") == pytest.approx((0.1, 1, root, 2, 2))
    assert numbers(table, "u", "b") == pytest.approx((0.1, 1, np.sqrt(12), 2, 8 / np.sqrt(12)))
    # Of a 2, 4 (a sixth of all runs each) and 8, 8 (a quarter each); of b 1, 2, 2, 3 and, up to
    # 5/6 of all, 1/12 of that at 6: sixths, but a quarter of those of u.
    log_a = (np.log(2 * 4) / 6 + np.log(8 * 8) / 4) / (5 / 6)
    log_b = (np.log(1 * 2 * 3) / 6 + np.log(2) / 4 + np.log(6) / 12) / (5 / 6)
    assert numbers(table, ALL_TASKS, "b") == pytest.approx(
        (0.1, 1, NAN, NAN, np.exp(log_a - log_b)), nan_ok=True
    )
    assert numbers(table, ALL_TASKS, "a")[1] == pytest.approx(5 / 6)
    assert list(table) == [
        "task", "method", "target", "reached", "time_s", "median_time_s", "share",
        "speedup", "low", "high", "bound",
    ]  # fmt: skip


def test_the_target_is_the_mean_final_value_of_the_reference(synthetic):
    steps = {"t": {"a": [{2: 1}, {4: 3}], "b": [{1: 2.5}, {2: 2, 9: 0}]}}
    table = time_to_target(*made(synthetic, steps), "a")
    assert numbers(table, "t", "a") == pytest.approx((0.2, 0.5, 2, 2, 1))
    assert numbers(table, "t", "b") == pytest.approx((0.2, 0.5, 2, 2, 1))
    assert np.isnan(numbers(table, ALL_TASKS, "b")[0])


def test_equal_runs_reach_their_mean(synthetic):
    steps = {"t": {"a": [{2: 1}] * 3, "b": [{4: 1}] * 3}}  # 0.1 + 0.1 + 0.1 is not 0.3
    table = time_to_target(*made(synthetic, steps), "a")
    assert (table["reached"] == 1).all()
    assert table.set_index(["task", "method"]).loc[("t", "b"), "speedup"] == pytest.approx(0.5)


def test_runs_that_ended_early(synthetic):
    steps = {"t": {"a": [{2: 1}, {3: 9}, {6: 1}, {1: 9}]}}
    found, known = made(synthetic, steps, {("t", "a", 1): 4.0})
    # censored: S falls to 3/4 at 2, and to 3/4 x 1/2 at 6, as two runs are left by then
    censored = time_to_target(found, known, "a", level=0.1)
    log_time = (0.25 * np.log(2) + 0.375 * np.log(6)) / 0.625
    assert numbers(censored, "t", "a")[1:4] == pytest.approx((0.5, np.exp(log_time), 6))
    # never: to 1/2 at 6
    never = time_to_target(found, known, "a", level=0.1, early="never")
    assert numbers(never, "t", "a")[1:4] == pytest.approx((0.5, np.sqrt(12), 6))


def test_a_failed_run_never_reaches_what_it_had_not_reached(synthetic):
    """As if it would never have improved: failing at 4 is not being censored then."""
    steps = {"t": {"a": [{2: 1}, {3: 9}, {6: 1}, {1: 9}]}}
    found, known = made(synthetic, steps, {("t", "a", 1): 4.0})
    found.runs["status"] = ["ok", "failed", "ok", "ok"]
    failed = time_to_target(found, known, "a", level=0.1)
    assert numbers(failed, "t", "a")[1:4] == pytest.approx((0.5, np.sqrt(12), 6))
    # Nor does it by counting as the median configuration, whose regret is 1.
    assert first_times(found, np.array([3]), known["t"], np.array([1.0, 0.5])).tolist() == [
        [1, np.inf]
    ]


def test_runs_of_one_method_that_all_ended_early_make_up_no_speed(synthetic):
    """Runtimes of both are exponential with the same rate: the speed-up is 1.

    Runs of a are cut at 10, those of b at 100; about half of a's get there. The logarithm of an
    exponential runtime below its median has a standard deviation of about 1: of 50 runs each the
    mean difference has a standard error of about sqrt(2 / 50) = 0.2.
    """
    draw, steps, ends = np.random.default_rng(3), {"a": [], "b": []}, {}
    for method, end in (("a", 10.0), ("b", 100.0)):
        for seed, time in enumerate(draw.exponential(14.43, 100)):
            steps[method].append({0.01: 9} | ({time: 1} if time <= end else {}))
            ends["t", method, seed] = end
    found, known = made(synthetic, {"t": steps}, ends)
    for early in ("censored", "never"):
        row = time_to_target(found, known, "a", level=0.1, early=early).iloc[1]
        assert row["share"] == pytest.approx(0.5, abs=0.15)
        assert np.log(row["speedup"]) == pytest.approx(0, abs=3 * 0.2)
        assert row["low"] < 1 < row["high"]


def test_a_speed_up_over_or_of_a_method_that_never_got_there_is_a_bound(synthetic):
    steps = {
        "t": {"a": [{2: 1}] * 2, "b": [{1: 9}] * 2, "c": [{4: 1}] * 2},
        "u": {"a": [{2: 1}] * 2, "b": [{5: 1}] * 2, "c": [{4: 1}] * 2},
    }
    found, known = made(synthetic, steps)
    table = time_to_target(found, known, "a", level=0.1).set_index(["task", "method"])
    # runs end at 10: a needs 2, b more than 10
    assert table.loc[("t", "b"), ["speedup", "bound"]].tolist() == pytest.approx([0.2, "<="])
    # Over tasks: the runs of u are known of both, half of all; a is 2.5 times as fast there.
    assert table["bound"].tolist() == ["", "<=", ""] + [""] * 6
    assert table.loc[(ALL_TASKS, "b"), ["speedup", "share"]].tolist() == pytest.approx([0.4, 0.5])
    other = time_to_target(found, known, "b", level=0.1).set_index(["task", "method"])
    assert other.loc[("t", "a"), ["speedup", "bound"]].tolist() == pytest.approx([5, ">="])


def test_several_levels(synthetic):
    steps = {task: {"a": [{1: 5, 4: 1}], "b": [{2: 5, 8: 1}]} for task in "tu"}
    found, known = made(synthetic, steps)
    table = time_to_target(found, known, "a", level=[0.5, 0.1])
    assert table["task"].tolist() == ["t"] * 4 + ["u"] * 4 + [ALL_TASKS] * 4
    assert table["target"].tolist() == [0.5, 0.5, 0.1, 0.1] * 3
    assert table["time_s"].tolist()[:4] == pytest.approx([1, 2, 4, 8])
    assert table["speedup"].tolist() == pytest.approx([1, 0.5] * 6)
    assert table[["low", "high"]].isna().all().all()  # a single seed


def test_a_target_that_neither_reached_says_nothing(synthetic):
    steps = {
        "t": {"a": [{1: 5}] * 2, "b": [{1: 5}] * 2, "c": [{5: 0}] * 2},
        "u": {"a": [{1: 0}] * 2, "b": [{4: 0}] * 2, "c": [{1: 0}] * 2},
    }
    found, known = made(synthetic, steps)
    table = time_to_target(found, known, "a", level=0.1).set_index(["task", "method"])
    assert table.loc["t", "speedup"].tolist() == pytest.approx([NAN, NAN, 2], nan_ok=True)
    # over tasks the runs are pooled: the fastest half of all is that of u
    assert table.loc[ALL_TASKS, "speedup"].tolist() == pytest.approx([1, 0.25, 1])
    alone = time_to_target(found.only(["t"]), {"t": known["t"]}, "a", level=0.1)
    assert np.isnan(numbers(alone, ALL_TASKS, "b")[-1])


def test_the_interval_draws_seeds_together(synthetic):
    draw = np.random.default_rng(5)
    a = draw.uniform(1, 9, 20)
    b = a / 2 * draw.uniform(0.9, 1.1, 20)
    steps = {"t": {name: [{time: 0} for time in some] for name, some in {"a": a, "b": b}.items()}}
    found, known = made(synthetic, steps)
    row = time_to_target(found, known, "a", level=0.1).iloc[1]
    picks = draw.integers(20, size=(4000, 20))
    drawn = np.exp((np.log(a) - np.log(b))[picks].mean(axis=1))
    tolerance = 0.3 * drawn.std()
    assert row["speedup"] == pytest.approx(np.exp(np.log(a / b).mean()))
    low, high = widened(*np.quantile(drawn, [0.025, 0.975]), row["speedup"], 20)
    assert row["low"] == pytest.approx(low, abs=tolerance)
    assert row["high"] == pytest.approx(high, abs=tolerance)


def test_the_interval_over_tasks_resamples_each(synthetic):
    draw = np.random.default_rng(6)
    times = draw.uniform(1, 9, (2, 2, 15))
    steps = {
        task: {name: [{time: 0} for time in some] for name, some in zip("ab", of_task, strict=True)}
        for task, of_task in zip("tu", times, strict=True)
    }
    found, known = made(synthetic, steps)
    row = time_to_target(found, known, "a", level=0.1).iloc[-1]
    # Seeds are drawn together, and here have nothing in common.
    picks = draw.integers(15, size=(2, 4000, 15))
    logs = [
        (np.log(a) - np.log(b))[some].mean(axis=1)
        for (a, b), some in zip(times, picks, strict=True)
    ]
    drawn = np.exp((logs[0] + logs[1]) / 2)
    tolerance = 0.3 * drawn.std()
    # both tasks vary about as much: 14 degrees of freedom each, 28 together
    factor = stats.t.ppf(0.975, 28) / stats.norm.ppf(0.975) * np.sqrt(15 / 14)
    ends = np.log(np.quantile(drawn, [0.025, 0.975]) / row["speedup"])
    low, high = row["speedup"] * np.exp(factor * ends)
    assert row["low"] == pytest.approx(low, abs=tolerance)
    assert row["high"] == pytest.approx(high, abs=tolerance)


def test_tasks_without_the_reference_method_and_methods_without_a_task(synthetic):
    steps = {
        "t": {"a": [{1: 0}] * 2, "b": [{2: 0}] * 2},
        "u": {"a": [{1: 0}] * 2},
        "v": {"b": [{1: 0}] * 2},
    }
    table = time_to_target(*made(synthetic, steps), "a", level=0.1)
    assert list(zip(table["task"], table["method"], strict=True)) == [
        ("t", "a"), ("t", "b"), ("u", "a"), (ALL_TASKS, "a"),
    ]  # fmt: skip


def test_reached_at_once(synthetic):
    steps = {"t": {"a": [{0: 0}] * 3, "b": [{0: 0}] * 3}}
    table = time_to_target(*made(synthetic, steps), "a", level=0.1)
    np.testing.assert_array_equal(table[["speedup", "low", "high"]], 1)


def test_bad_arguments(synthetic):
    found, known = made(synthetic, {"t": {"a": [{1: 0}]}})
    with pytest.raises(ValueError, match="reference_method='z' has no runs"):
        time_to_target(found, known, "z")
    with pytest.raises(ValueError, match="early='later': use one of censored, never"):
        time_to_target(found, known, "a", early="later")
    for level in ([], NAN, [0.1, np.inf]):
        with pytest.raises(ValueError, match="give one normalised regret or more"):
            time_to_target(found, known, "a", level=level)


def test_the_target_is_found_anew_in_each_resample(synthetic):
    """Nobody knows the true mean of the reference: that is in the interval too.

    Values of a fall by 1 each second, until 5 or 9 (a mean of 3, reached at 7); what a has at t, b
    has at t^2 / 9. So the speed-up to a known target is the same in all resamples, to a mean not.
    """
    curve = {float(t): 10.0 - t for t in range(1, 10)}
    late = {float(t): 10.0 - t for t in range(1, 6)}
    quick = {t * t / 9: value for t, value in curve.items()}
    found, known = made(synthetic, {"t": {"a": [curve, late] * 8, "b": [quick] * 16}})
    row = time_to_target(found, known, "a").iloc[1]
    fixed = time_to_target(found, known, "a", level=0.3).iloc[1]
    assert (row["target"], row["share"]) == (pytest.approx(0.3), 0.5)
    assert fixed[["speedup", "low", "high"]].tolist() == pytest.approx([9 / 7] * 3)
    assert row["speedup"] == pytest.approx(9 / 7)
    assert row["low"] < 9 / 7 < row["high"]


def test_seeds_that_differ(synthetic):
    study = synthetic.random_study(seeds=12)
    study.runs["status"] = study.runs["status"].where(np.arange(len(study.runs)) % 5 > 0, "failed")
    found = incumbents(study)
    table = time_to_target(found, references(study, found.views), "method_0")
    assert len(table) == 16
    assert np.isfinite(table[["speedup", "low", "high"]]).all().all()
    assert (table["low"] <= table["high"]).all()


def simulated(draw, seeds, tasks, censored, speed):
    """A study of log-normal runtimes in which b is `speed` times as fast as a, on every task.

    Tasks differ in their scale. The horizon of each is where so large a share of the reference's
    runtimes, as they are distributed, lies beyond it.
    """
    quantile = stats.norm.ppf(1 - censored) if censored else 5.0
    steps, ends = {}, {}
    for task in map(str, range(tasks)):
        scale = np.exp(draw.normal(0, 1.0))
        end = scale * np.exp(0.8 * quantile)
        steps[task] = {}
        for method, by in (("a", 1.0), ("b", speed)):
            times = scale / by * np.exp(0.8 * draw.normal(size=seeds))
            steps[task][method] = [{t: 1} if t <= end else {} for t in times]
            ends |= {(task, method, seed): end for seed in range(seeds)}
    return steps, ends


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [5, 10, 30])
@pytest.mark.parametrize("tasks", [1, 6, 15])
@pytest.mark.parametrize("censored", [0.0, 0.3, 0.7])
def test_intervals_of_speed_ups_hold_the_truth(synthetic, seeds, tasks, censored):
    """90 of 100 hold it or more, and less than 98.5 where nothing is censored.

    Of 200 studies a share of 0.95 has a standard error of 0.015. Of few runs that got there
    intervals are wider than they need be, or there is none.
    """
    draw, held, known, logs = np.random.default_rng(seeds * tasks), 0, 0, []
    for _ in range(200):
        steps, ends = simulated(draw, seeds, tasks, censored, 2.0)
        found, references_ = made(synthetic, steps, ends)
        table = time_to_target(found, references_, "a", level=0.1, early="never")
        row = table[(table["task"] == ALL_TASKS) & (table["method"] == "b")].iloc[0]
        if not row["bound"] and np.isfinite(row["speedup"]):
            logs.append(np.log(row["speedup"]))
        if np.isfinite(row["low"]):
            known += 1
            held += row["low"] <= 2 <= row["high"]
    if seeds * tasks * (1 - censored) < 5:
        return
    assert held / known > 0.9
    if not censored:
        assert held / known < 0.985
    assert np.mean(logs) == pytest.approx(np.log(2), abs=0.05 + 4 * np.std(logs) / np.sqrt(200))


PAIRS = {"t": {"a": [{2: 1}, {4: 3}], "b": [{1: 2.5}, {2: 2, 9: 0}], "c": [{1: 9}, {1: 9}]}}


def test_each_pair_has_the_target_of_the_other(synthetic):
    """Final regrets are (0.1, 0.3) of a and (0.25, 0) of b; runs end at 10.

    To 0.2, the mean of a: a needs 2 and has not got there by 10, b likewise. To 0.125, the mean of
    b: a as before, b has not got there by 10 and needs 9. To 0.9, that of c: all at once.
    """
    table = pair_speedups(*made(synthetic, PAIRS)).set_index(["method", "other"])
    assert len(table) == 6
    assert table["speedup"]["b", "a"] == pytest.approx(1)
    assert table["speedup"]["a", "b"] == pytest.approx(9 / 2)
    assert table["speedup"]["a", "c"] == pytest.approx(1 / np.sqrt(2 * 4))
    assert table["reached"]["a", "b"] == 0.5
    assert table["reached"]["c", "a"] == 0
    assert table["bound"]["c", "a"] == "<="


def test_of_many_methods_the_best_are_kept(synthetic):
    found, known = made(synthetic, PAIRS)
    assert best_methods(found, known, 9) == ["b", "a", "c"]
    assert set(pair_speedups(found, known, most=2)["other"]) == {"a", "b"}


def test_methods_without_a_common_set_of_tasks_are_refused(synthetic):
    found, known = made(synthetic, {"t": {"a": [{2: 1}]}, "u": {"b": [{2: 1}]}})
    with pytest.raises(ValueError, match="compare those that share their tasks"):
        pair_speedups(found, known)


def test_a_single_method_has_no_pair(synthetic):
    found, known = made(synthetic, {"t": {"a": [{2: 1}]}})
    assert not len(pair_speedups(found, known))
