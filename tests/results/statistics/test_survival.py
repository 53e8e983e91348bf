"""Expected values: a published worked example, and SciPy's Kaplan-Meier."""

import numpy as np
import pytest
from scipy import stats

from hpobench.results.statistics.bootstrap import run_weights
from hpobench.results.statistics.survival import Observed, Survival, kaplan_meier, pooled, speed_up

# Weeks of remission of 21 patients on 6-MP: Freireich et al. 1963, Blood 21. The estimate is worked
# out in Kleinbaum & Klein, Survival analysis, chapter 2.
WEEKS = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35.0])
RELAPSE = np.arange(21) < 9
PUBLISHED = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}


def at(survival, time):
    return survival.share[..., np.searchsorted(survival.time_s, time, side="right") - 1]


def test_remission_of_leukemia():
    survival = kaplan_meier(WEEKS, RELAPSE)
    for week, share in PUBLISHED.items():
        assert at(survival, week) == pytest.approx(share, abs=5e-4)


@pytest.mark.parametrize("seed", range(5))
def test_as_scipy_has_it(seed):
    rng = np.random.default_rng(seed)
    times, happened = rng.integers(1, 12, 25).astype(float), rng.random(25) < 0.6
    order = rng.permutation(25)
    survival = kaplan_meier(times[order], happened[order])
    data = stats.CensoredData.right_censored(times, ~happened)
    expected = stats.ecdf(data).sf.evaluate(np.arange(1, 12))
    np.testing.assert_allclose(at(survival, np.arange(1, 12)), expected, atol=1e-12)


def test_weights_are_copies():
    rng = np.random.default_rng(0)
    times, happened = rng.integers(1, 6, 8).astype(float), rng.random(8) < 0.7
    weights = np.array([rng.multinomial(8, np.full(8, 1 / 8)) for _ in range(20)])
    got = kaplan_meier(times, happened, weights / 8)
    for number, copies in enumerate(weights):
        copied = kaplan_meier(np.repeat(times, copies), np.repeat(happened, copies))
        one = Survival(got.time_s[number], got.share[number])
        for time in times[copies > 0]:
            assert at(one, time) == pytest.approx(at(copied, time))


def test_each_resample_may_have_times_of_its_own():
    rng = np.random.default_rng(0)
    times, happened = rng.integers(1, 6, (3, 8)).astype(float), rng.random((3, 8)) < 0.7
    weights = rng.integers(1, 4, (3, 8)).astype(float)
    got = kaplan_meier(times, happened, weights)
    for number in range(3):
        one = kaplan_meier(times[number], happened[number], weights[number])
        np.testing.assert_array_equal(got.time_s[number], one.time_s)
        np.testing.assert_allclose(got.share[number], one.share)


def runtimes(*by_task, end=10.0, seed=0):
    """Of one method with these times by task; what is later than the end was not seen."""
    made = []
    for task, times in enumerate(by_task):
        each = np.array(times, dtype=float)
        weights = run_weights(np.ones((len(each), 1), dtype=bool), f"{task} of {seed}")[..., 0]
        made.append(Observed(np.minimum(each, end), each <= end, weights))
    return pooled(made, [end] * len(made))


def test_the_median_needs_half_of_the_runs():
    # thirds and sixths: sums that are 1/2 up to rounding
    assert runtimes([1, 2, 3, 99, 99, 99]).median == pytest.approx(0.3)
    assert np.isnan(runtimes([1, 2, 99, 99, 99]).median)


def test_who_is_lost_before_others_get_there_counts_as_they_do():
    """Got there at 2, lost at 3, got there at 6: by Kaplan-Meier 1/3, and 2/3 at 6."""
    weights = np.full((1, 3), 1 / 3)
    made = pooled([Observed(np.array([2.0, 3, 6]), np.array([True, False, True]), weights)], [10.0])
    np.testing.assert_allclose(made.gained, [[1 / 3, 0, 2 / 3]])
    assert made.median == pytest.approx(0.6)


def test_a_speed_up_compares_the_same_share_of_both():
    """3 of 4 runs of one got there, 2 of 4 of the other: its fastest 2 against these 2.

    Geometric means sqrt(1 x 2) and sqrt(4 x 9).
    """
    made = speed_up(runtimes([2, 1, 5, 99]), runtimes([9, 99, 4, 99]))
    assert (made.speed, made.share, made.bound) == (pytest.approx(6 / np.sqrt(2)), 0.5, "")
    assert made.reached == ((3, 1), (2, 2))
    assert np.exp(made.log_time) == pytest.approx(np.sqrt(2) / 10)
    assert made.freedom == 1  # two runs of one task
    assert np.isnan(made.low)


def test_part_of_a_run_is_compared_where_shares_do_not_meet():
    """The only one of 2 is their fastest half; of 3 runs that is one and a half."""
    made = speed_up(runtimes([1, 2, 99]), runtimes([8, 99]))
    assert made.speed == pytest.approx(8 / np.exp((1 * 0 + 0.5 * np.log(2)) / 1.5))


def test_tasks_are_pooled_and_weigh_the_same():
    """Each run of one of two tasks is a quarter of all, of the other a half."""
    made = speed_up(runtimes([1, 4], [2]), runtimes([1, 1], [1]))
    assert made.speed == pytest.approx(1 / np.exp(0.25 * np.log(4) + 0.5 * np.log(2)))
    # Tasks of one run each have no variance of their own.
    alone = speed_up(runtimes([1], [2]), runtimes([1], [1]))
    assert (alone.freedom, np.isnan(alone.low)) == (0, True)


def test_what_one_method_alone_was_seen_to_reach_is_a_bound():
    """None by 10 against runs of 2 and 8. All got there against none: p = 2 / (4 over 2)."""
    made = speed_up(runtimes([99, 99]), runtimes([2, 8]))
    assert (made.speed, made.bound) == (pytest.approx(4 / 10), "<=")
    assert made.p_value(1.0) == pytest.approx(1 / 3)
    assert made.p_value(0.3) == 1
    made = speed_up(runtimes([2, 8]), runtimes([99, 99]))
    assert (made.speed, made.bound) == (pytest.approx(10 / 4), ">=")
    assert np.isnan(speed_up(runtimes([99, 99]), runtimes([99, 99])).speed)


def test_the_p_value_is_that_of_the_logarithm():
    """Of the same runs in all resamples: the t-test of paired logarithms, but for n - 1."""
    draw = np.random.default_rng(3)
    slow = draw.uniform(1, 9, 30)
    quick = slow / draw.uniform(1.0, 1.4, 30)
    made = speed_up(runtimes(quick), runtimes(slow))
    expected = stats.ttest_1samp(np.log(slow / quick), np.log(1.15)).pvalue
    assert made.p_value(1.15) == pytest.approx(expected, abs=0.03)
    assert made.p_value(made.speed) == 1


@pytest.mark.parametrize("censored", [0.0, 0.3, 0.7])
def test_censoring_pulls_a_speed_up_nowhere(censored):
    """Log-normal times of 400 runs, one method twice as fast; sd of a mean of 120: 0.8 / 11."""
    draw = np.random.default_rng(7)
    slow, quick = np.exp(0.8 * draw.normal(size=(2, 400)))
    end = np.quantile(slow, 1 - censored)
    made = speed_up(runtimes(quick / 2, end=end), runtimes(slow, end=end))
    assert np.log(made.speed) == pytest.approx(np.log(2), abs=4 * 0.8 * np.sqrt(2 / 120))
    assert made.low < 2 < made.high
