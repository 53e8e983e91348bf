"""Arithmetic and rules of the schedulers, against tables and brute force."""

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpobench.methods.schedulers.asha import ASHA
from hpobench.methods.schedulers.asha_stopping import ASHAStopping
from hpobench.methods.schedulers.hyperband import Hyperband
from hpobench.methods.schedulers.median_stopping import MedianStopping, RunningMedian
from hpobench.methods.schedulers.one_epoch import OneEpoch
from hpobench.methods.schedulers.rungs import Rung, Turns, bracket_sizes, rung_levels
from hpobench.methods.schedulers.successive_halving import SuccessiveHalving
from hpobench.records import Fidelity

TO_81 = Fidelity("epochs", 1, 81)


@pytest.mark.parametrize(
    ("r_min", "r_max", "eta", "levels"),
    [
        (1, 81, 3, [1, 3, 9, 27, 81]),
        (2, 10, 2, [2, 4, 8, 10]),
        (1, 1, 3, [1]),
        (1, 2, 4, [1, 2]),
        # 1, 1.5, 2.25, 3.375, 5.0625: rounded down, 1 only once
        (1, 6, 1.5, [1, 2, 3, 5, 6]),
        (1, 3**30, 3, [3**k for k in range(31)]),
    ],
)
def test_rung_levels_of_integers(r_min, r_max, eta, levels):
    found = rung_levels(Fidelity("epochs", r_min, r_max), eta)
    assert found == levels
    assert all(isinstance(level, int) for level in found)


def test_rung_levels_of_fractions():
    part = Fidelity("part", 0.1, 1.0, integer=False)
    assert rung_levels(part, 3) == [0.1, 0.3, 0.9, 1.0]
    ninth = Fidelity("part", 1 / 9, 1.0, integer=False)
    assert rung_levels(ninth, 3) == pytest.approx([1 / 9, 1 / 3, 1.0], rel=1e-12)
    assert len(rung_levels(Fidelity("part", 1 / 81, 1, integer=False), 3)) == 5


def test_hyperband_sizes_of_the_paper():
    """R = 81, eta = 3: n = ceil(5/5*81), ceil(5/4*27), ceil(5/3*9), ceil(5/2*3), 5."""
    assert bracket_sizes(5, Fraction(3)) == [81, 34, 15, 8, 5]


def test_hyperband_runs_its_table():
    """Jobs by (bracket, resource): n_i = floor(n / 3^i), r_i = 81 / 3^(s - i)."""
    table = [
        {1: 81, 3: 27, 9: 9, 27: 3, 81: 1},
        {3: 34, 9: 11, 27: 3, 81: 1},
        {9: 15, 27: 5, 81: 1},
        {27: 8, 81: 2},
        {81: 5},
        {1: 81, 3: 27, 9: 9, 27: 3, 81: 1},  # and from the first again
    ]
    scheduler = Hyperband(TO_81, eta=3)
    for bracket in table:
        found = Counter()
        for _ in range(sum(bracket.values())):
            trial, resource = scheduler.next()
            found[resource] += 1
            scheduler.report(trial, resource, -trial)
        assert found == bracket


def test_halving_brackets_by_default_and_by_number():
    for configurations, size in ((None, 81), (6, 6)):
        scheduler = SuccessiveHalving(TO_81, eta=3, configurations=configurations)
        assert [scheduler.next().trial for _ in range(size)] == list(range(size))
        assert scheduler.next() is None


@pytest.mark.parametrize(
    ("fidelity", "best", "expected"),
    [
        (TO_81, 3, 243),  # 243 * 1 = 3 * 81
        (Fidelity("fraction", 0.1, 1, integer=False), 2, 20),  # 20 * 0.1 = 2 * 1
        (Fidelity("epochs", 2, 9), 1, 5),  # 4.5, rounded up
    ],
)
def test_one_epoch_spends_half_on_either(fidelity, best, expected):
    scheduler = OneEpoch(fidelity, best=best)
    steps = [scheduler.next() for _ in range(expected)]
    assert {step.to_resource for step in steps} == {fidelity.r_min}
    for trial in range(expected):
        scheduler.report(trial, fidelity.r_min, float(-trial))
    going_on = [scheduler.next() for _ in range(best)]
    assert going_on == [(expected - 1 - k, fidelity.r_max) for k in range(best)]
    assert scheduler.next() == (expected, fidelity.r_min)


def brute_top(reports, eta, at_least):
    """Trials in the best max(at_least, floor(n / eta)); equal values in order of arrival."""
    ranked = sorted((value, arrival) for arrival, value in enumerate(reports))
    size = max(at_least, math.floor(len(reports) / Fraction(str(eta))))
    return [arrival for value, arrival in ranked[:size] if value < math.inf]


@pytest.mark.parametrize("at_least", [0, 1])
@pytest.mark.parametrize("eta", [1.5, 2, 3, 4])
def test_rung_against_brute_force(eta, at_least):
    rng = np.random.default_rng(0)
    for _ in range(30):
        rung, reports, promoted = Rung(Fraction(str(eta)), at_least), [], set()
        for trial in range(60):
            value = float(rng.choice([*range(12), math.inf, math.nan]))
            reports.append(math.inf if math.isnan(value) else value)
            top = brute_top(reports, eta, at_least)
            assert rung.add(trial, value) == (trial in top)
            if rng.random() < 0.7:
                promotable = [one for one in top if one not in promoted]
                found = rung.promote()
                assert found == (promotable[0] if promotable else None)
                promoted.add(found)


@given(st.integers(1, 50), st.integers(0, 5000), st.integers(105, 2000), st.booleans())
def test_rung_levels_are_powers_of_eta_from_r_min_to_r_max(r_min, more, cents, integer):
    # By exact fractions: each level is r_min eta^k, rounded down for whole numbers.
    r_max, eta = r_min + more, cents / 100
    levels = rung_levels(Fidelity("epochs", r_min, r_max, integer=integer), eta)
    powers, level = [], Fraction(r_min)
    while level < r_max:
        powers.append(math.floor(level) if integer else float(level))
        level *= Fraction(str(eta))
    assert levels == sorted({*powers, r_max})
    assert levels[0] == r_min


@given(
    st.lists(st.tuples(st.sampled_from([*range(5), math.inf]), st.integers(0, 2)), max_size=40),
    st.sampled_from([1.5, 2, 3]),
)
def test_any_rung_promotes_the_best_of_its_top_and_none_twice(arrivals, eta):
    rung, reports, promoted = Rung(Fraction(str(eta))), [], []
    for trial, (value, promotions) in enumerate(arrivals):
        reports.append(value)
        rung.add(trial, value)
        for _ in range(promotions):
            left = [one for one in brute_top(reports, eta, 0) if one not in promoted]
            found = rung.promote()
            assert found == (left[0] if left else None)
            promoted += [] if found is None else [found]


def test_turns_are_dealt_in_proportion_and_evenly():
    weights = bracket_sizes(5, Fraction(3))
    turns = Turns(weights)
    dealt = [turns.next() for _ in range(sum(weights))]
    assert [dealt.count(bracket) for bracket in range(5)] == weights
    # Nobody is ever a whole turn or more away from its share, but for the number of brackets.
    for count in range(1, len(dealt) + 1):
        for bracket, weight in enumerate(weights):
            share = count * weight / sum(weights)
            assert abs(dealt[:count].count(bracket) - share) < 2


def test_asha_keeps_more_brackets_than_rungs_to_the_rungs():
    scheduler = ASHA(Fidelity("epochs", 1, 3), eta=3, brackets=9)
    assert {scheduler.next().to_resource for _ in range(10)} == {1, 3}


def test_running_median_is_numpys():
    numbers = np.random.default_rng(0).integers(0, 9, 200)
    median = RunningMedian()
    for count, number in enumerate(numbers, 1):
        median.add(float(number))
        assert (median.count, median.value) == (count, np.median(numbers[:count]))


def brute_stops(curve, ended, grace, min_trials):
    """The rule as it stands in the paper; `curve` holds the values of steps 1, 2, ..."""
    step = len(curve)
    averages = [sum(other[:step]) / step for other in ended if len(other) >= step]
    enough = step >= grace and len(averages) >= min_trials
    return enough and min(curve) > np.median(averages)


@pytest.mark.parametrize(("grace", "min_trials"), [(0, 1), (3, 1), (1, 4)])
def test_median_stopping_against_brute_force(grace, min_trials):
    rng = np.random.default_rng(0)
    rule = MedianStopping(Fidelity("epochs", 1, 6), interval=1, grace=grace, min_trials=min_trials)
    running, curves, ended, stopped = [], {}, [], 0
    for _ in range(2000):
        while len(running) < 4:
            running.append(rule.next())
        step = running.pop(int(rng.integers(4)))
        curve = curves.setdefault(step.trial, [])
        assert step.to_resource == len(curve) + 1
        failed = rng.random() < 0.02
        value = math.inf if failed else float(rng.integers(20)) - step.to_resource
        rule.report(*step, value)
        if not failed:
            curve.append(value)
        stops = not failed and len(curve) < 6 and brute_stops(curve, ended, grace, min_trials)
        stopped += stops
        if failed or stops or len(curve) == 6:
            ended.append(curve)
        running.append(rule.next())
        goes_on = (step.trial, len(curve) + 1)
        assert (running[-1] == goes_on) == (not (failed or stops or len(curve) == 6))
    assert 20 < stopped < 2000


def test_median_stopping_steps():
    def steps(interval, *, r_min=1, r_max=10, integer=True):
        rule = MedianStopping(Fidelity("r", r_min, r_max, integer=integer), interval=interval)
        levels = []
        while not levels or levels[-1] < r_max:
            levels.append(rule.next().to_resource)
            rule.report(0, levels[-1], 0.0)
        return levels

    assert steps(4) == [4, 8, 10]
    assert steps(4, r_min=5) == [8, 10]
    assert steps(99) == [10]
    assert steps(None, r_min=3) == [3, 6, 9, 10]
    assert steps(0.1, r_min=0.7, r_max=1.0, integer=False) == [0.7, 0.8, 0.9, 1.0]


@pytest.mark.parametrize("scheduler", [ASHA, ASHAStopping, SuccessiveHalving, Hyperband])
@pytest.mark.parametrize("eta", [1, 0.5, 0, -3, math.nan, math.inf])
def test_eta_must_reduce(scheduler, eta):
    with pytest.raises(ValueError, match=f"eta={eta} must be above 1.*3 is usual"):
        scheduler(TO_81, eta=eta)


@pytest.mark.parametrize(
    ("scheduler", "settings", "message"),
    [
        (ASHA, {"eta": 3, "brackets": 0}, "brackets=0: .* at least 1"),
        (ASHAStopping, {"eta": 3, "brackets": -1}, "brackets=-1: .* at least 1"),
        (SuccessiveHalving, {"eta": 3, "configurations": 0}, "configurations=0: .* at least 1"),
        (SuccessiveHalving, {"eta": 3, "configurations": 2.5}, "configurations=2.5: .* whole"),
        (OneEpoch, {"best": 0}, "best=0: a whole number .* at least 1"),
        (OneEpoch, {"best": 1.5}, "best=1.5: a whole number"),
        (OneEpoch, {"configurations": 2}, "configurations=2: .* at least the best=3"),
        (OneEpoch, {"configurations": 3.5}, "configurations=3.5: .* whole number"),
        (OneEpoch, {"idle": "sleep"}, "idle='sleep': use one of wait, next_bracket"),
        (MedianStopping, {"interval": 0}, "interval=0 must be a resource above 0"),
        (MedianStopping, {"interval": math.nan}, "interval=nan must be"),
        (MedianStopping, {"grace": -1}, "grace=-1: a resource of at least 0"),
        (MedianStopping, {"min_trials": 0}, "min_trials=0: .* at least 1"),
    ],
)
def test_nonsense_is_refused(scheduler, settings, message):
    with pytest.raises(ValueError, match=message):
        scheduler(TO_81, **settings)
