"""Expected values are worked out by hand."""

import numpy as np
import pytest
from scipy import stats

from hpobench.results.anytime.curves import fractions
from hpobench.results.anytime.ecdf import TARGETS, time_ecdf
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import known_reference, references
from hpobench.storage.schema import TaskFacts


def made(synthetic, rows, horizons):
    """Incumbents of observations; a task of optimum 0 and median 10 for each horizon."""
    tasks = {name: TaskFacts(name, name, "error", optimum=0.0, median=10.0) for name in horizons}
    keys = {(row["task"], row["method"], row.get("seed", 0)) for row in rows}
    runs = [
        {"task": task, "method": method, "seed": seed, "end_time_s": horizons[task]}
        for task, method, seed in sorted(keys)
    ]
    study = synthetic.hand_made(rows, runs=runs, tasks=tasks)
    return incumbents(study), {name: known_reference(facts) for name, facts in tasks.items()}


def test_share_of_targets_over_tasks_and_seeds(synthetic):
    rows = [
        {"task": "t", "method": "a", "seed": 0, "time_s": 2, "value": 4},
        {"task": "t", "method": "a", "seed": 0, "time_s": 6, "value": 1},
        {"task": "t", "method": "a", "seed": 1, "time_s": 5, "value": 20},
        {"task": "u", "method": "a", "time_s": 40, "value": 0},
        {"task": "u", "method": "a", "seed": 1, "time_s": 100, "value": 3},
    ]
    found, known = made(synthetic, rows, {"t": 10.0, "u": 100.0})
    ecdf = time_ecdf(found, known, targets=[0.1, 0.4, 1], time="linear", points=11)
    line = ecdf.lines["a"]
    # of 3 targets x 4 runs, by tenths of the horizon: 2 at 0.2, 3 at 0.4, 1 at 0.6 and 2 at 1
    np.testing.assert_allclose(line.centre * 12, [0, 0, 2, 2, 5, 5, 6, 6, 6, 6, 8])
    assert line.description.startswith("mean over 4 task-seed pairs, band: 95 % bootstrap")
    assert (ecdf.relative, ecdf.positive, ecdf.quantity) == (True, False, "share of targets")
    assert ecdf.label == "share of targets reached"
    assert ecdf.notes[0] == "Targets on each task: 3 normalised regrets from 1 to 0.1."


def test_the_band_resamples_seeds_within_tasks(synthetic):
    rows = [
        {"task": task, "method": "a", "seed": seed, "time_s": 5, "value": 0 if lucky else 20}
        for task, part in {"t": 4, "u": 10}.items()
        for seed, lucky in enumerate(np.arange(20) < part)
    ]
    found, known = made(synthetic, rows, {"t": 10.0, "u": 10.0})
    line = time_ecdf(found, known, targets=[0.5]).lines["a"]
    assert line.centre[-1] == pytest.approx((0.2 + 0.5) / 2)
    draws = np.random.default_rng(1).binomial(20, [0.2, 0.5], (20000, 2)).mean(axis=1) / 20
    # stretched by the formula in `bootstrap`: variances 0.16 and 0.25, 19 degrees of freedom each
    freedom = 19 * (0.16 + 0.25) ** 2 / (0.16**2 + 0.25**2)
    factor = stats.t.ppf(0.975, freedom) / stats.norm.ppf(0.975) * np.sqrt(20 / 19)
    low, high = 0.35 + factor * (np.quantile(draws, [0.025, 0.975]) - 0.35)
    # the shares are multiples of 1/40, before they are stretched
    assert line.low[-1] == pytest.approx(low, abs=0.027)
    assert line.high[-1] == pytest.approx(high, abs=0.027)


def test_default_targets(synthetic):
    assert len(TARGETS) == 51
    rows = [{"task": "t", "method": "a", "time_s": 1, "value": 1}]
    found, known = made(synthetic, rows, {"t": 10.0})
    ecdf = time_ecdf(found, known)
    # 0.1 is the 18th of 51 targets over three decades: 50 / 3 steps a decade
    assert ecdf.lines["a"].centre[-1] == pytest.approx(17 / 51)
    np.testing.assert_array_equal(ecdf.time, fractions("log"))
    assert ecdf.title == "t"
    assert "51 normalised regrets from 1 to 0.001, evenly spaced on a log scale." in ecdf.notes[0]
    assert np.isnan(ecdf.lines["a"].low).all()  # a single seed


def test_methods_without_a_task_are_left_out(synthetic):
    rows = [
        {"task": task, "method": method, "time_s": 1, "value": 1}
        for task, method in (("t", "a"), ("t", "b"), ("u", "a"))
    ]
    ecdf = time_ecdf(*made(synthetic, rows, {"t": 10.0, "u": 10.0}))
    assert list(ecdf.lines) == ["a"]
    assert "Left out, without runs on every task: b." in ecdf.notes


def test_a_better_method_is_above(synthetic):
    study = synthetic.random_study(seeds=10)
    found = incumbents(study)
    ecdf = time_ecdf(found, references(study, found.views), time="linear")
    # the methods of this study are the luckier the higher their number
    lines = list(ecdf.lines.values())
    assert lines[0].high.mean() < lines[-1].low.mean()
    for line in ecdf.lines.values():
        assert (np.diff(line.centre) >= 0).all()
        assert (line.low <= line.centre).all()
        assert (line.centre <= line.high).all()
        assert line.centre[0] == 0


def test_bad_arguments(synthetic):
    rows = [{"task": "t", "method": "a", "time_s": 1, "value": 1}]
    found, known = made(synthetic, rows, {"t": 10.0})
    for targets in ([], [0.1, np.nan]):
        with pytest.raises(ValueError, match="give one normalised regret or more"):
            time_ecdf(found, known, targets=targets)
    with pytest.raises(ValueError, match="no task"):
        time_ecdf(found, {})
    with pytest.raises(ValueError, match="use log or linear"):
        time_ecdf(found, known, time="never")
