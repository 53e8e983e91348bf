"""Expected values: SciPy (`trim_mean`, `bootstrap`, `t`), and resampling written out."""

import numpy as np
import pytest
from scipy import stats

from hpobench.results.statistics.bootstrap import (
    SHARE,
    _resampled_middles,
    bootstrap,
    cut_of,
    drawn,
    interval,
    reach,
    run_weights,
    stretch,
)
from hpobench.results.statistics.summary import summarise

STATISTICS = {
    "median": lambda some, axis=0: np.median(some, axis=axis),
    "iqm": lambda some, axis=0: stats.trim_mean(some, 0.25, axis=axis),
}


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("sizes", [(2,), (7,), (12,), (5, 8), (3, 3, 3), (400, 701), (900, 2, 300)])
def test_counts_give_what_the_copied_runs_give(statistic, sizes):
    rng = np.random.default_rng(sum(sizes))
    groups = [rng.random((size, 4)).round(1) for size in sizes]  # with ties
    counts = [rng.multinomial(size, np.full(size, 1 / size), size=6).T for size in sizes]
    got = _resampled_middles(groups, counts, statistic)
    # with one group, the counts are along the order of its values
    pooled = np.concatenate(groups)
    if len(groups) == 1:
        pooled = np.sort(pooled, axis=0)
    for resample, copies in enumerate(np.concatenate(counts).T):
        expected = STATISTICS[statistic](np.repeat(pooled, copies, axis=0))
        np.testing.assert_allclose(got[:, resample], expected, rtol=1e-12)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_interval_is_that_of_scipy(statistic):
    values = np.random.default_rng(1).exponential(size=(60, 3))
    summary = summarise(values, statistic, "bootstrap")
    expected = stats.bootstrap(
        (values,), STATISTICS[statistic], n_resamples=9999, method="percentile",
        rng=np.random.default_rng(3),
    )  # fmt: skip
    # the quantiles of 1000 resamples have an error of about 0.09 standard errors
    tolerance = 0.3 * expected.standard_error.max()
    np.testing.assert_allclose(summary.low, expected.confidence_interval.low, atol=tolerance)
    np.testing.assert_allclose(summary.high, expected.confidence_interval.high, atol=tolerance)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_groups_are_resampled_on_their_own(statistic):
    rng = np.random.default_rng(4)
    groups = [rng.normal(centre, 1, (size, 1)) for centre, size in ((0, 20), (1, 30), (50, 10))]
    summary = summarise(groups, statistic, "bootstrap")
    picks = [rng.integers(len(group), size=(4000, len(group))) for group in groups]
    copied = [group[some, 0] for group, some in zip(groups, picks, strict=True)]
    means = STATISTICS[statistic](np.concatenate(copied, axis=1), axis=1)
    np.testing.assert_allclose(summary.centre, STATISTICS[statistic](np.concatenate(groups)))
    low, high = np.quantile(means, [0.025, 0.975])
    tolerance = 0.3 * np.std(means)
    assert summary.low[0] == pytest.approx(low, abs=tolerance)
    assert summary.high[0] == pytest.approx(high, abs=tolerance)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_equal_values_have_a_band_without_width_and_single_runs_none(statistic):
    summary = summarise([np.full((3, 2), 0.1)] * 2, statistic, "bootstrap")
    np.testing.assert_allclose([summary.low, summary.high], 0.1, rtol=1e-14)
    alone = summarise([np.ones((3, 2)), np.ones((1, 2))], statistic, "bootstrap")
    assert np.isnan([alone.low, alone.high]).all()
    np.testing.assert_array_equal(alone.centre, 1)


@pytest.mark.parametrize("count", range(1, 30))
def test_what_is_cut_off(count):
    values = np.arange(count) ** 2.0
    for statistic, function in STATISTICS.items():
        cut = cut_of(statistic, count)
        assert values[cut : count - cut].mean() == pytest.approx(function(values))


def test_counts_of_seeds():
    counts = drawn(5, "t")
    assert (counts.sum(axis=1) == 5).all()
    # binomial with n = 5 and p = 1/5
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=4 * np.sqrt(0.8 / 1000))
    np.testing.assert_allclose(counts.var(axis=0), 0.8, atol=0.2)


def test_weights_of_runs():
    has = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 0, 1]], dtype=bool)
    weights = run_weights(has, "t")
    np.testing.assert_allclose(weights[0], has / [4, 2, 1])
    np.testing.assert_allclose(weights[:, :, :2].sum(axis=1), 1)
    assert (weights[:, ~has[:, 1], 1] == 0).all()
    assert np.isnan(weights[1:, :, 2]).all()
    # seeds are drawn together: what was drawn of the first two seeds is in the same proportion
    both = weights[1:, :2, 0].sum(axis=1) > 0
    pairs = weights[1:, :2, 0][both]
    np.testing.assert_allclose(
        pairs / pairs.sum(axis=1, keepdims=True), weights[1:, :2, 1][both], atol=1e-12
    )
    np.testing.assert_allclose(weights[1:, :2, 1][~both], 0.5)


@pytest.mark.parametrize(("n", "plain"), [(2, 0.50), (3, 0.74), (5, 0.82), (10, 0.88), (30, 0.93)])
def test_a_stretched_interval_holds_the_truth_95_times_in_100(n, plain):
    """The mean of n normal values is 0: the intervals of 2000 samples of them.

    `plain` is what percentile intervals cover, found by the same experiment. The standard error of
    a share of 2000 is 0.005; with 2 and 3 seeds a few resamples make up the whole distribution, and
    the formula holds approximately. (Exactly with 2: the ends are the two values, and the interval
    covers if |t| of one degree of freedom is below its factor 9.2: in 93.1 %.)
    """
    values = np.random.default_rng(n).normal(size=(n, 2000))
    # Each hundred of them is drawn by another name: else all had the same 1000 resamples.
    bands = [
        bootstrap([some], "mean", [str(at)]) for at, some in enumerate(np.split(values, 20, axis=1))
    ]
    low, high = np.concatenate(bands, axis=1)
    covered = ((low <= 0) & (high >= 0)).mean()
    assert covered == pytest.approx(0.95, abs=0.025 if n < 5 else 0.015)
    factor = stretch([values.var(axis=0)], [n])
    low, high = (
        values.mean(axis=0) + (ends - values.mean(axis=0)) / factor for ends in (low, high)
    )
    assert ((low <= 0) & (high >= 0)).mean() == pytest.approx(plain, abs=0.025)


@pytest.mark.parametrize("statistic", ["mean", *STATISTICS])
@pytest.mark.parametrize("sizes", [(5, 5, 5), (4, 12), (10, 10)])
def test_of_several_tasks_it_does_too(statistic, sizes):
    """Tasks whose noise differs tenfold, all means, medians and IQMs 0; 1000 samples: 0.7 %."""
    rng = np.random.default_rng(sum(sizes))
    groups = [
        scale * rng.normal(size=(n, 1000)) for n, scale in zip(sizes, (1, 0.1, 1), strict=False)
    ]
    low, high = bootstrap(groups, statistic)
    assert ((low <= 0) & (high >= 0)).mean() > 0.92


def test_the_factor_by_hand():
    t, z = stats.t.ppf(0.975, [4, 8]), stats.norm.ppf(0.975)
    assert stretch([2.0], [5]) == pytest.approx(t[0] / z * np.sqrt(5 / 4))
    # two tasks that vary the same: their degrees of freedom add up
    assert stretch([2.0, 2.0], [5, 5]) == pytest.approx(t[1] / z * np.sqrt(5 / 4))
    # one of them does not vary: it adds none
    assert stretch([2.0, 0.0], [5, 5]) == pytest.approx(t[0] / z * np.sqrt(5 / 4))
    # at each time on its own
    np.testing.assert_allclose(
        stretch([np.array([2.0, 2.0]), np.array([2.0, 0.0])], [5, 5]), t[::-1] / z * np.sqrt(5 / 4)
    )
    assert stretch([2.0], [10_000]) == pytest.approx(1, abs=1e-3)
    assert np.isnan(stretch([2.0, 1.0], [1, 5]))


def test_how_far_an_interval_reaches():
    """By scipy: Student's t, at a level shared by all pairs; little more than Tukey's range."""
    assert reach(np.array(7.0)) == pytest.approx(stats.t.ppf(0.975, 7))
    assert reach(np.array([7.0]), 5)[0] == pytest.approx(stats.t.ppf(1 - 0.025 / 10, 7))
    tukey = stats.studentized_range.ppf(0.95, 12, 1000) / np.sqrt(2)
    assert reach(np.array(1000.0), 12) == pytest.approx(tukey, rel=0.04)
    assert reach(np.array(7.0), 1) == reach(np.array(7.0))


def test_ends_are_moved_away_from_the_centre_within_the_limits():
    resampled = np.repeat([0.2, 0.4, 0.9], 100)
    low, high = interval(resampled, 0.4, 2.0)
    assert (low, high) == pytest.approx((0.0, 1.4))
    assert interval(resampled, 0.4, 3.0, SHARE) == pytest.approx((0.0, 1.0))
    # never towards it, where the centre is not between them
    assert interval(resampled, 1.0, 2.0)[1] == pytest.approx(0.9)
