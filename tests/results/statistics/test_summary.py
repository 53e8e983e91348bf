"""Expected values: closed forms, and SciPy."""

import numpy as np
import pytest
from scipy import stats

from hpobench.results.statistics.contrasts import mean_contrast
from hpobench.results.statistics.summary import BANDS, default_band, describe, skewed, summarise

VALUES = np.array([[1.0, 2], [2, 2], [3, 2], [6, 2]])


def test_mean_and_standard_error():
    summary = summarise(VALUES, band="sem")
    error = stats.sem(VALUES)  # of 1, 2, 3, 6: sqrt(14 / 3) / 2
    assert error[0] == pytest.approx(np.sqrt(14 / 3) / 2)
    np.testing.assert_allclose(summary.centre, [3, 2])
    np.testing.assert_allclose(summary.low, [3 - error[0], 2])
    np.testing.assert_allclose(summary.high, [3 + error[0], 2])
    assert summary.description == "mean over 4 seeds, band: ± standard error"


def test_mean_and_standard_deviation():
    summary = summarise(VALUES, band="sd")
    np.testing.assert_allclose(summary.high - summary.centre, [np.sqrt(14 / 3), 0])


def test_the_default_band_of_a_mean_is_the_interval_of_contrasts():
    summary = summarise(VALUES, limits=(0.0, 5.0))
    low, high = mean_contrast([VALUES]).interval()
    np.testing.assert_array_equal([summary.low, summary.high], np.clip([low, high], 0, 5))
    assert summary.description == (
        "mean over 4 seeds, band: 95 % interval (Student's t, corrected for skewness)"
    )


def test_median_and_quartiles():
    summary = summarise(VALUES, "median")
    np.testing.assert_allclose(summary.centre, [2.5, 2])
    # linear interpolation between order statistics, at (n - 1) q
    np.testing.assert_allclose([summary.low[0], summary.high[0]], [1.75, 3.75])
    assert summary.description == "median over 4 seeds, band: quartiles"


def test_interquartile_mean():
    values = np.random.default_rng(0).exponential(size=(11, 3))
    summary = summarise(values, "iqm")
    np.testing.assert_allclose(summary.centre, stats.trim_mean(values, 0.25))
    assert (summary.low < summary.centre).all()
    assert (summary.centre < summary.high).all()
    assert summary.description == (
        "interquartile mean over 11 seeds, band: 95 % bootstrap interval (percentile, stretched "
        "for few seeds)"
    )
    two = summarise([values, 10 + values[:5]], "iqm")
    pooled = np.concatenate([values, 10 + values[:5]])
    np.testing.assert_allclose(two.centre, stats.trim_mean(pooled, 0.25))


def test_default_bands():
    assert [default_band(name) for name in BANDS] == ["interval", "quartiles", "bootstrap"]


def test_several_groups_are_strata():
    one, two = np.array([[1.0], [3.0]]), np.array([[10.0], [20.0], [30.0]])
    summary = summarise([one, two], band="sem")
    assert summary.centre[0] == 11  # of the means 2 and 20, not of the five values
    error = np.hypot(stats.sem(one)[0], stats.sem(two)[0]) / 2
    assert summary.high[0] - 11 == pytest.approx(error)
    assert summary.description == "mean over 5 task-seed pairs, band: ± standard error"


@pytest.mark.parametrize("groups", [1, 3])
def test_the_bootstrap_is_near_the_normal_interval_for_many_seeds(groups):
    rng = np.random.default_rng(3)
    values = [rng.exponential(1 + group, (400, 2)) for group in range(groups)]
    summary = summarise(values, band="bootstrap")
    sem = summarise(values, band="sem")
    half = 1.96 * (sem.high - sem.centre)
    # the quantiles of 1000 resamples have an error of about 0.09 standard errors
    np.testing.assert_allclose(summary.low, sem.centre - half, atol=0.15 * half.max())
    np.testing.assert_allclose(summary.high, sem.centre + half, atol=0.15 * half.max())


def test_the_bootstrap_depends_on_the_names_of_the_tasks_and_their_numbers_of_seeds_only():
    """Whatever was summarised before, in whatever order the tasks are; others are drawn anew."""
    groups = list(np.random.default_rng(5).random((2, 20, 50)))

    def band(tasks, groups=groups):
        summary = summarise(groups, "iqm", "bootstrap", tasks)
        return np.array([summary.low, summary.high])

    first = band(["s", "t"])
    np.testing.assert_array_equal(band(["s", "t"]), first)
    np.testing.assert_allclose(band(["t", "s"], groups[::-1]), first, rtol=1e-12)
    assert (band(["s", "u"]) != first).any()
    np.testing.assert_array_equal(band([]), band(["0", "1"]))
    assert (band([], [groups[0]] * 2) != band(["s", "s"], [groups[0]] * 2)).any()


@pytest.mark.parametrize("band", ["interval", "sem", "sd", "bootstrap"])
def test_one_seed_has_no_band(band):
    summary = summarise(VALUES[:1], band=band)
    np.testing.assert_array_equal(summary.centre, VALUES[0])
    assert np.isnan(summary.low).all()
    assert np.isnan(summary.high).all()
    assert summary.description == "mean over 1 seed, no band"


@pytest.mark.parametrize("statistic", ["mean", "median", "iqm"])
@pytest.mark.parametrize("groups", [1, 2])
def test_no_value_where_a_run_has_none(statistic, groups):
    values = np.array([[np.nan, 1], [np.nan, 3.0]])
    for band in BANDS[statistic]:
        summary = summarise([values] * groups, statistic, band)
        np.testing.assert_array_equal(summary.centre, [np.nan, 2])
        assert np.isnan([summary.low[0], summary.high[0]]).all()
        assert summary.low[1] < 2 < summary.high[1]


@pytest.mark.parametrize("statistic", ["mean", "median", "iqm"])
def test_one_missing_value_is_enough(statistic):
    values = np.ones((20, 1))
    values[3] = np.nan
    summary = summarise(values, statistic, "bootstrap")
    assert np.isnan([summary.centre, summary.low, summary.high]).all()


def test_counts_that_differ():
    assert (
        describe("mean", "sd", [28, 30]) == "mean over 28 to 30 seeds, band: ± standard deviation"
    )


def test_errors():
    with pytest.raises(ValueError, match="statistic='mode'"):
        summarise(VALUES, "mode")
    with pytest.raises(ValueError, match="band='quartiles' does not go with statistic='mean'"):
        summarise(VALUES, band="quartiles")
    with pytest.raises(ValueError, match="no runs"):
        summarise(np.empty((0, 3)))


@pytest.mark.parametrize(
    ("sigma", "seeds", "methods", "often"),
    [(0, 5, 5, False), (0, 30, 2, False), (1.5, 10, 5, True), (1.5, 30, 2, True)],
)
def test_bands_of_skewed_runs_are_flagged_and_those_of_normal_runs_are_not(
    sigma, seeds, methods, often
):
    """In at most 5 and in at least 80 of 100 draws; a sigma of 0 stands for normal values."""
    rng, flagged = np.random.default_rng(0), 0
    for _ in range(100):
        drawn = rng.normal(size=(methods, seeds, 1))
        values = np.exp(sigma * drawn) if sigma else drawn
        flagged += skewed([summarise(each) for each in values])
    assert flagged >= 80 if often else flagged <= 5


def test_skewness_is_judged_only_where_a_band_corrects_for_it():
    outlier = np.array([[0.1], [0.1], [0.1], [0.2], [0.1], [0.15], [9.0]])
    assert skewed([summarise(outlier)])
    assert not skewed([summarise(outlier, band="sem")])
    assert not skewed([summarise([outlier, outlier])])  # several tasks
    assert not skewed([summarise(np.ones((5, 1))), summarise(outlier[:1])])
    assert not skewed([])
