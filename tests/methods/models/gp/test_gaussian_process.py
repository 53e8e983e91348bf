"""Posterior, marginal likelihood, gradient: against scikit-learn, differences, closed forms."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from hpobench.methods.models.gp.gaussian_process import Posterior, fit, log_posterior, priors
from hpobench.methods.models.gp.kernels import Matern52
from hpobench.methods.search.surrogate import Liar, Surrogate

LENGTHS = np.array([0.3, 0.8, 2.0])
SCALE, NOISE, MEAN = 1.7, 0.02, 0.4
THETA = np.concatenate([np.log(LENGTHS), [np.log(SCALE), np.log(NOISE), MEAN]])


def data(n, columns=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.random((n, columns))
    return x, np.sin(4 * x[:, 0]) + x[:, 1] + 0.1 * rng.standard_normal(n)


@pytest.fixture
def reference():
    """scikit-learn's regression with the same parameters; its targets are centred by hand."""
    kernel = ConstantKernel(SCALE) * Matern(length_scale=LENGTHS, nu=2.5)
    return GaussianProcessRegressor(kernel, alpha=NOISE, optimizer=None)


def conditioned(kernel, theta, x, y):
    return Posterior.empty(kernel, theta, x.shape[1], 1).extended(x, y[:, None])


def test_kernel_is_that_of_scikit_learn(reference):
    a, b = data(20)[0], data(7, seed=1)[0]
    kernel = Matern52([0, 1, 2])
    np.testing.assert_allclose(kernel.cross(THETA[:4], a, b), reference.kernel(a, b), atol=1e-9)
    np.testing.assert_allclose(kernel.diagonal(THETA[:4], a), SCALE)
    packed, _ = kernel.gram(THETA[:4], kernel.pairs(a))
    np.testing.assert_allclose(packed, reference.kernel(a)[np.tril_indices(20)], atol=1e-12)


def test_posterior_is_that_of_scikit_learn(reference):
    (x, y), candidates = data(40), data(15, seed=1)[0]
    reference.fit(x, y - MEAN)
    mean, sd = reference.predict(candidates, return_std=True)
    found, variance = conditioned(Matern52([0, 1, 2]), THETA, x, y).predict(candidates)
    np.testing.assert_allclose(found[:, 0], mean + MEAN, atol=1e-9)
    np.testing.assert_allclose(np.sqrt(variance), sd, atol=1e-7)


def test_marginal_likelihood_is_that_of_scikit_learn(reference):
    x, y = data(40)
    kernel = Matern52([0, 1, 2])
    reference.fit(x, y - MEAN)
    value, _ = log_posterior(THETA, kernel, kernel.pairs(x), y)
    prior = priors(kernel)
    weight = norm.logpdf(THETA, prior.means, prior.deviations)
    weight -= norm.logpdf(prior.means, prior.means, prior.deviations)
    expected = reference.log_marginal_likelihood(reference.kernel_.theta) + weight.sum()
    assert value == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("groups", [[0, 1, 2], [0, 1, 1]])
def test_gradient_against_central_differences(groups):
    x, y = data(30)
    kernel = Matern52(groups)
    pairs = kernel.pairs(x)
    theta = np.concatenate([THETA[: max(groups) + 1], THETA[3:]])
    _, gradient = log_posterior(theta, kernel, pairs, y)
    step = 1e-5
    expected = [
        (
            log_posterior(theta + step * unit, kernel, pairs, y)[0]
            - log_posterior(theta - step * unit, kernel, pairs, y)[0]
        )
        / (2 * step)
        for unit in np.eye(len(theta))
    ]
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6)


def test_priors_scale_with_the_dimension():
    """Hvarfner et al. (2024): the median lengthscale is exp(√2) √d."""
    for d in (1, 4, 25):
        medians = np.exp(Matern52(range(d)).prior.means[:d])
        np.testing.assert_allclose(medians, np.exp(np.sqrt(2)) * np.sqrt(d))


def test_fit_ends_where_the_gradient_vanishes():
    x, y = data(60)
    kernel = Matern52([0, 1, 2])
    theta = fit(kernel, x, y, steps=200)
    prior = priors(kernel)
    inside = (theta > prior.lower) & (theta < prior.upper)
    _, gradient = log_posterior(theta, kernel, kernel.pairs(x), y)
    assert np.abs(gradient[inside]).max() < 0.1
    assert theta[0] < theta[2]  # the third input has no influence


def test_fit_leaves_the_optimum_in_which_all_is_noise():
    x = data(40, columns=6)[0]
    y = np.exp(-20 * ((x - 0.5) ** 2).sum(axis=1))
    y = (y - y.mean()) / y.std()
    kernel = Matern52(range(6))
    noise = np.concatenate([np.full(6, np.log(90.0)), [np.log(0.1), -0.1, 0.0]])
    theta = fit(kernel, x, y, start=noise)
    pairs = kernel.pairs(x)
    assert theta[-2] < np.log(0.5)
    assert log_posterior(theta, kernel, pairs, y)[0] > log_posterior(noise, kernel, pairs, y)[0] + 5


def test_a_grown_factor_is_that_of_all_at_once():
    (x, y), candidates = data(30), data(9, seed=1)[0]
    kernel = Matern52([0, 1, 2])
    whole = conditioned(kernel, THETA, x, y)
    grown = conditioned(kernel, THETA, x[:10], y[:10])
    for row in range(10, 25):
        grown = grown.extended(x[row : row + 1], y[row : row + 1, None])
    grown = grown.extended(x[25:], y[25:, None])
    for one, other in zip(whole.predict(candidates), grown.predict(candidates), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)
    np.testing.assert_allclose(grown.factor @ grown.whitener, np.eye(30), atol=1e-9)
    np.testing.assert_allclose(
        grown.given(y[:, None] + 1).whitened, whole.given(y[:, None] + 1).whitened, atol=1e-9
    )


def test_fitted_means_are_predictions_at_the_inputs():
    x, y = data(30)
    posterior = conditioned(Matern52([0, 1, 2]), THETA, x, y)
    np.testing.assert_allclose(posterior.fitted(), posterior.predict(x)[0], atol=1e-9)


def test_draws_have_the_moments_of_the_posterior():
    (x, y), candidates = data(10), data(3, seed=1)[0]
    posterior = conditioned(Matern52([0, 1, 2]), THETA, x, y)
    mean, variance = posterior.predict(candidates)
    count = 20_000
    draws = posterior.repeated(count).sample(candidates, np.random.default_rng(0))
    error = np.sqrt(variance / count)
    assert (np.abs(draws.mean(axis=1) - mean[:, 0]) < 5 * error).all()
    np.testing.assert_allclose(draws.var(axis=1), variance, rtol=5 * np.sqrt(2 / count))


def test_the_believer_keeps_the_mean_and_loses_the_doubt():
    (x, y), candidates = data(12), data(8, seed=1)[0]
    before = conditioned(Matern52([0, 1, 2]), THETA, x, y)
    after = Liar("believer").assume(before, candidates[:2], 0.0, np.random.default_rng(0))
    np.testing.assert_allclose(after.predict(candidates)[0], before.predict(candidates)[0])
    shrunk = before.predict(candidates)[1] - after.predict(candidates)[1]
    assert (shrunk > 0).all()
    assert after.predict(candidates)[1][:2].max() < NOISE


def test_the_liar_pulls_towards_the_lie_and_fantasies_differ():
    (x, y), pending = data(12), data(2, seed=1)[0]
    before = conditioned(Matern52([0, 1, 2]), THETA, x, y)
    rng = np.random.default_rng(0)
    lied = Liar("constant_liar").assume(before, pending, -9.0, rng)
    assert (lied.predict(pending)[0] < before.predict(pending)[0]).all()
    dreamt = Liar("fantasies", 4).assume(before, pending, 0.0, rng)
    assert dreamt.predict(pending)[0].shape == (2, 4)
    assert dreamt.predict(pending)[0].std(axis=1).min() > 0.01
    with pytest.raises(ValueError, match="believer"):
        Liar("optimist")


def test_fantasies_are_as_uncertain_as_what_they_stand_for():
    """Law of total variance: Var f = E Var(f | fantasy) + Var E(f | fantasy)."""
    (x, y), pending = data(12), data(3, seed=1)[0]
    before = conditioned(Matern52([0, 1, 2]), THETA, x, y)
    count = 20_000
    dreamt = Liar("fantasies", count).assume(before, pending, 0.0, np.random.default_rng(0))
    means, variance = dreamt.predict(pending)
    explained = means.var(axis=1)
    error = 5 * explained * np.sqrt(2 / count)
    assert (np.abs(variance + explained - before.predict(pending)[1]) < error).all()


def test_a_surrogate_between_refits_is_exact_for_its_parameters():
    x, y = data(45)
    surrogate = Surrogate(Matern52([0, 1, 2]), refit=0.5)
    first = surrogate.update(x[:40], y[:40])
    grown = surrogate.update(x[:42], y[:42] + 1)
    assert grown.theta is first.theta
    whole = conditioned(Matern52([0, 1, 2]), first.theta, x[:42], y[:42] + 1)
    np.testing.assert_allclose(grown.predict(x)[0], whole.predict(x)[0], atol=1e-8)
    assert surrogate.update(x[:42], y[:42] + 1) is grown
    assert surrogate.update(x[5:], y[5:]).theta is not first.theta  # other rows: fitted anew


def test_a_surrogate_begins_afresh_when_there_is_half_as_much_again(monkeypatch):
    """Refits are due at 6, 7, 8, 9, 11, ...; of them 9 and 16 are the first past 9 and 13.5."""
    flags = {}

    def fitted(kernel, x, y, start, steps, afresh):
        flags[len(y)] = afresh
        return THETA

    monkeypatch.setattr("hpobench.methods.search.surrogate.fit", fitted)
    x, y = data(24)
    surrogate = Surrogate(Matern52([0, 1, 2]), refit=0.2, afresh=0.5)
    for n in range(6, 25):
        surrogate.update(x[:n], y[:n])
    assert list(flags) == [6, 7, 8, 9, 11, 13, 16, 19, 23]
    assert [n for n, afresh in flags.items() if afresh] == [6, 9, 16]


def test_a_fit_from_where_the_last_ended_is_no_worse_than_there():
    x, y = data(30)
    kernel = Matern52([0, 1, 2])
    start = fit(kernel, x[:20], y[:20])
    theta = fit(kernel, x, y, start, afresh=False)
    pairs = kernel.pairs(x)
    assert log_posterior(theta, kernel, pairs, y)[0] >= log_posterior(start, kernel, pairs, y)[0]
