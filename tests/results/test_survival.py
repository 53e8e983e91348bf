"""Expected values: a published worked example, and SciPy's Kaplan-Meier."""

import numpy as np
import pytest
from scipy import stats

from hpobench.results.survival import followed_s, kaplan_meier, median_time_s, restricted_mean

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
    assert median_time_s(survival) == 23
    # the area under the published steps, up to 35 weeks
    edges, shares = [0, *PUBLISHED, 35], [1, *PUBLISHED.values()]
    area = np.diff(edges) @ shares
    assert restricted_mean(survival, 35) == pytest.approx(area, abs=0.01)
    assert restricted_mean(survival, 10) == pytest.approx(6 + 0.857 + 3 * 0.807, abs=0.005)


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
    got = restricted_mean(kaplan_meier(times, happened, weights / 8), 7.0)
    for mean, copies in zip(got, weights, strict=True):
        copied = kaplan_meier(np.repeat(times, copies), np.repeat(happened, copies))
        assert mean == pytest.approx(restricted_mean(copied, 7.0))


def test_with_censoring_at_the_horizon_it_is_the_mean_of_what_is_cut_there():
    times = np.array([1.0, 2, 2, 5, 9, 9])
    reached = times < 9
    assert restricted_mean(kaplan_meier(times, reached), 9.0) == pytest.approx(times.mean())


def test_nothing_happened():
    survival = kaplan_meier(np.array([3.0, 4.0]), np.zeros(2, dtype=bool))
    assert restricted_mean(survival, 10.0) == 10
    assert np.isnan(median_time_s(survival))


def test_half_is_enough_for_the_median():
    # thirds and sixths: products that are 1/2 up to rounding
    times, happened = np.arange(1.0, 7), np.array([1, 1, 1, 0, 0, 0], dtype=bool)
    assert median_time_s(kaplan_meier(times, happened, np.full(6, 1 / 6))) == 3


def test_up_to_when_it_is_known():
    """Once all have got there S is 0 for good; else up to the last time."""
    times = np.array([1.0, 2, 3])
    assert followed_s(kaplan_meier(times, np.array([True, False, True]))) == np.inf
    assert followed_s(kaplan_meier(times, np.array([True, True, False]))) == 3
