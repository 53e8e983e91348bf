"""Expected values: SciPy (`trim_mean`, `bootstrap`), and resampling written out."""

import time

import numpy as np
import pytest
from scipy import stats

from hpobench.results.aggregate import summarise
from hpobench.results.bootstrap import _resampled_middles, cut_of, drawn, run_weights

STATISTICS = {
    "median": lambda some, axis=0: np.median(some, axis=axis),
    "iqm": lambda some, axis=0: stats.trim_mean(some, 0.25, axis=axis),
}


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("sizes", [(2,), (7,), (12,), (5, 8), (3, 3, 3)])
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
    summary = summarise(values, statistic, "bootstrap", np.random.default_rng(2))
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
    summary = summarise(groups, statistic, "bootstrap", rng)
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
    rng = np.random.default_rng(0)
    summary = summarise([np.full((3, 2), 0.1)] * 2, statistic, "bootstrap", rng)
    np.testing.assert_allclose([summary.low, summary.high], 0.1, rtol=1e-14)
    alone = summarise([np.ones((3, 2)), np.ones((1, 2))], statistic, "bootstrap", rng)
    assert np.isnan([alone.low, alone.high]).all()
    np.testing.assert_array_equal(alone.centre, 1)


@pytest.mark.parametrize("count", range(1, 30))
def test_what_is_cut_off(count):
    values = np.arange(count) ** 2.0
    for statistic, function in STATISTICS.items():
        cut = cut_of(statistic, count)
        assert values[cut : count - cut].mean() == pytest.approx(function(values))


def test_counts_of_seeds():
    counts = drawn(5, np.random.default_rng(0))
    assert (counts.sum(axis=1) == 5).all()
    # binomial with n = 5 and p = 1/5
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=4 * np.sqrt(0.8 / 1000))
    np.testing.assert_allclose(counts.var(axis=0), 0.8, atol=0.2)


def test_weights_of_runs():
    has = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 0, 1]], dtype=bool)
    weights = run_weights(has, np.random.default_rng(0))
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


def test_bands_of_a_study_are_quick():
    """Curves of 200 points over 30 seeds: 0.05 s for each of nine tasks and twelve methods."""
    rng = np.random.default_rng(0)
    values = rng.random((30, 200))
    began = time.process_time()
    for _ in range(4):
        summarise(values, "iqm", "bootstrap", rng)
    assert (time.process_time() - began) / 4 < 0.05
