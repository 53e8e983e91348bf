"""Expected values: SciPy, formulas of the sources, and experiments with known truth."""

import numpy as np
import pytest
from scipy import stats

from hpobench.results.statistics.contrasts import Contrast, mean_contrast
from hpobench.results.statistics.correction import benjamini_hochberg


def test_a_difference_is_the_paired_t_test():
    values = np.random.default_rng(0).gamma(2.0, size=(12, 3)) - 1.5
    made = Contrast([values], [1.0])
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    np.testing.assert_allclose(made.interval(), expected)
    one = Contrast([values[:, 1]], [1.0])
    assert one.p_value(0.2) == pytest.approx(stats.ttest_1samp(values[:, 1], 0.2).pvalue)


def test_two_groups_are_welch():
    draw = np.random.default_rng(1)
    one, two = draw.normal(0, 1, 8), draw.normal(1, 3, 20)
    made, expected = Contrast([one, two], [1, -1]), stats.ttest_ind(one, two, equal_var=False)
    assert made.interval() == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert made.p_value() == pytest.approx(expected.pvalue)
    assert made.freedom == pytest.approx(expected.df)


def test_the_correction_for_skewness_is_that_of_hall():
    """An end is where g(T) is Student's quantile; skewness as SciPy has it, without bias."""
    values = np.random.default_rng(2).lognormal(size=15)
    made = mean_contrast([values])
    k = stats.skew(values, bias=False) / np.sqrt(15)
    for end, quantile in zip(made.interval(), stats.t.ppf([0.975, 0.025], 14), strict=True):
        t = (values.mean() - end) / stats.sem(values)
        assert t + k * t**2 / 3 + k**2 * t**3 / 27 + k / 6 == pytest.approx(quantile)
        assert made.p_value(float(end)) == pytest.approx(0.05)
    low, high = made.interval()
    assert high - values.mean() > values.mean() - low


def test_strata():
    """The variance of a mean of means, and its third moment, are sums over the groups."""
    draw = np.random.default_rng(3)
    groups = [draw.gamma(1.0, size=(5, 2)), draw.gamma(2.0, size=(9, 2))]
    made = mean_contrast(groups)
    np.testing.assert_allclose(made.value, np.mean([group.mean(axis=0) for group in groups], 0))
    variance = sum(stats.sem(group) ** 2 for group in groups) / 4
    np.testing.assert_allclose(made.error, np.sqrt(variance))
    third = sum(stats.kstat(group[:, 0], 3) / len(group) ** 2 for group in groups) / 8
    assert made.skewness[0] == pytest.approx(third / variance[0] ** 1.5)


def test_values_without_spread_and_single_ones():
    still = mean_contrast([np.full(5, 0.1), np.full(5, 0.9)])
    assert still.interval() == pytest.approx((0.5, 0.5))
    assert (still.p_value(0.4), still.p_value(0.5)) == (0, 1)
    alone = Contrast([np.array([1.0]), np.array([1.0, 2.0])], [1, 1])
    assert np.isnan(alone.interval()).all()
    assert alone.p_value() == 1
    assert mean_contrast([np.array([0.2, 0.4])]).skewness == 0


@pytest.mark.parametrize(
    ("sigma", "seeds", "tasks", "least"),
    [(0.5, 5, 1, 0.92), (1.0, 30, 1, 0.92), (1.5, 10, 1, 0.86), (1.5, 10, 6, 0.91)],
)
def test_intervals_of_skewed_means(sigma, seeds, tasks, least):
    """Log-normal regrets; Student's t has 0.92, 0.90, 0.70 and 0.85."""
    values = np.random.default_rng(0).lognormal(0, sigma, (tasks, seeds, 4000))
    low, high = mean_contrast(list(values)).interval()
    mean = np.exp(sigma**2 / 2)
    assert least < ((low <= mean) & (mean <= high)).mean() < 0.97


@pytest.mark.parametrize(("methods", "level"), [(2, 0.05), (12, 0.05 / 66)])
def test_differences_of_equal_skewed_methods_are_seldom_significant(methods, level):
    draw = np.random.default_rng(0)
    values = draw.lognormal(0, 1.5, (10, 4000)) - draw.lognormal(0, 1.5, (10, 4000))
    low, high = Contrast([values], [1.0]).interval(methods)
    assert ((low > 0) | (high < 0)).mean() < level + 3 * np.sqrt(level / 4000)


def test_benjamini_and_hochberg_as_scipy_has_it():
    p_values = np.random.default_rng(0).random(20) ** 3
    with_gap = np.insert(p_values, 4, np.nan)
    corrected = benjamini_hochberg(with_gap)
    assert np.isnan(corrected[4])
    np.testing.assert_allclose(
        np.delete(corrected, 4), stats.false_discovery_control(p_values, method="bh")
    )
