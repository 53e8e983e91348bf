"""Acquisitions against quadrature, mpmath and arithmetic by hand; value maps as promised."""

import math

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from hpobench.methods.models.value_transform import TRANSFORMS, signed
from hpobench.methods.search import acquisition

FAR = [6, 1, 0, -0.5, -1, -1.001, -5, -20, -38, -40, -199, -200, -201, -1e3, -1e5]


def exact_log_h(z):
    """log(φ(z) + z Φ(z)) with 100 digits."""
    with mpmath.workdps(100):
        z = mpmath.mpf(z)
        density = mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)
        tail = mpmath.erfc(-z / mpmath.sqrt(2)) / 2 if abs(z) < 1e3 else None
        if tail is None:  # Mills' ratio as a continued fraction
            ratio = mpmath.mpf(0)
            for k in range(60, 0, -1):
                ratio = k / (-z + ratio)
            tail = density / (-z + ratio)
        return float(mpmath.log(density + z * tail))


@pytest.mark.parametrize("z", FAR)
def test_log_h_against_mpmath(z):
    assert acquisition.log_h(np.array([float(z)]))[0] == pytest.approx(
        exact_log_h(z), rel=1e-13, abs=1e-11
    )


def test_log_ei_goes_on_where_ei_underflows():
    sd = np.array([0.5])
    mean = np.array([30.0])
    assert acquisition.expected_improvement(mean, sd, 0.0)[0] == 0
    expected = exact_log_h(-60) + math.log(0.5)
    assert acquisition.log_expected_improvement(mean, sd, 0.0)[0] == pytest.approx(expected)
    assert np.isfinite(acquisition.log_expected_improvement(np.array([1e60]), sd, 0.0)).all()


def test_ei_may_be_taken_as_it_is_computed():
    """The same where it does not underflow, and the same everywhere where it does."""
    mean, sd = np.array([0.3, -1.0, 30.0, 40.0]), np.full(4, 0.5)
    plain = acquisition.IMPROVEMENTS["ei"](mean, sd, 0.0)
    np.testing.assert_allclose(plain[:2], acquisition.log_expected_improvement(mean, sd, 0.0)[:2])
    assert plain[2] == plain[3]


def test_log_h_rises_without_a_break():
    z = np.sort(np.concatenate([np.linspace(-300, 5, 20_001), [-200 - 1e-9, -1 - 1e-9]]))
    assert (np.diff(acquisition.log_h(z)) > 0).all()


@pytest.mark.parametrize(("mean", "sd", "best"), [(0.0, 1.0, 0.0), (2.0, 0.7, 1.0), (-1.0, 0.1, 0)])
def test_expected_improvement_against_quadrature(mean, sd, best):
    def integrand(value):
        return (best - value) * norm.pdf(value, mean, sd)

    expected = quad(integrand, mean - 12 * sd, best, epsabs=1e-13)[0]
    found = acquisition.expected_improvement(np.array([mean]), np.array([sd]), best)[0]
    assert found == pytest.approx(expected, rel=1e-8)
    log = acquisition.log_expected_improvement(np.array([mean]), np.array([sd]), best)[0]
    assert log == pytest.approx(math.log(expected), abs=1e-8)


def test_feasibility_is_the_log_probability_of_a_slack():
    found = acquisition.log_feasibility(np.array([0.0, 1.0, -50.0]), np.array([1.0, 0.5, 1.0]))
    np.testing.assert_allclose(found, [math.log(0.5), norm.logcdf(2), norm.logcdf(-50)])


def test_cost_cools_from_one_to_zero():
    """Lee et al. (2020): (budget - spent) / (budget - initial) = (100 - 40) / (100 - 20)."""
    assert acquisition.cost_exponent(20, 20, 100) == 1
    assert acquisition.cost_exponent(40, 20, 100) == pytest.approx(0.75)
    assert acquisition.cost_exponent(150, 20, 100) == 0
    assert acquisition.cost_exponent(5, 5, 5) == 0


def test_the_weight_of_the_prior_falls_with_observations():
    assert [acquisition.prior_weight(10, n) for n in (0, 1, 20)] == [10, 10, 0.5]


@pytest.mark.parametrize("name", TRANSFORMS)
def test_maps_of_values_rise_and_are_standardised(name):
    values = np.random.default_rng(0).lognormal(0, 2, 50)
    mapped = TRANSFORMS[name](values)
    assert (np.diff(mapped[np.argsort(values)]) >= 0).all()
    assert mapped.mean() == pytest.approx(0, abs=1e-12)
    assert mapped.std() == pytest.approx(1)
    assert (TRANSFORMS[name](np.full(4, 3.0)) == 0).all()
    assert np.isfinite(TRANSFORMS[name](np.array([1.0, 1.0, 1.0, 2.0]))).all()


@pytest.mark.parametrize("name", ["log", "rank", "winsorised"])
def test_a_diverged_value_does_not_flatten_the_others(name):
    """With one of 1e7 times the others, the others keep at least 0.5 standard deviations."""
    values = np.append(np.random.default_rng(0).random(30), 1e7)
    assert np.ptp(TRANSFORMS[name](values)[:-1]) > 0.5
    assert np.ptp(TRANSFORMS["linear"](values)[:-1]) < 1e-6


def test_slacks_keep_their_zero():
    slacks = np.array([-1e6, -2.0, -0.1, 0.1, 3.0, 40.0])
    mapped, threshold = signed(slacks)
    assert ((mapped > threshold) == (slacks > 0)).all()
    assert signed(np.array([0.0, 1.0]))[1] == pytest.approx(signed(np.array([0.0, 1.0]))[0][0])
    assert np.isfinite(signed(np.zeros(3))[0]).all()
