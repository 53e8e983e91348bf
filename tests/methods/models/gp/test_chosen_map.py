"""The map of values that the data choose: left-out densities by brute force, slopes numerically."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from hpobench.methods.models.gp.gaussian_process import Posterior
from hpobench.methods.models.gp.kernels import Matern52
from hpobench.methods.models.value_transform import TRANSFORMS, log_slopes
from hpobench.methods.searchers.bayesian import likelier

KERNEL = Matern52([0])
THETA = np.array([math.log(0.3), 0.0, math.log(1e-3), 0.1])  # length, scale, noise, mean


def given(x, y):
    return Posterior.empty(KERNEL, THETA, 1, 1).extended(x, y[:, None])


def test_left_out_densities_are_those_of_processes_without_the_point():
    rng = np.random.default_rng(0)
    x, y = rng.random((8, 1)), rng.normal(size=8)
    found = given(x, y).left_out()[:, 0]
    for place in range(8):
        rest = np.arange(8) != place
        mean, variance = given(x[rest], y[rest]).predict(x[[place]])
        sd = math.sqrt(variance[0] + 1e-3)
        assert found[place] == pytest.approx(norm.logpdf(y[place], mean[0, 0], sd), rel=1e-6)


@pytest.mark.parametrize("name", ["log", "winsorised"])
def test_slopes_are_differences_of_the_map(name):
    """Between values that are close to each other the slope of the map is that of the secant."""
    values = np.array([0.0, 1.0, 2.0, 4.0, 7.0, 9.0, 3.0, 5.0, 400.0, 1e4])
    slopes = log_slopes(name, values)
    dense = np.sort(np.concatenate([values, values[1:6] + 1e-4]))
    mapped = TRANSFORMS[name](dense)
    exact = log_slopes(name, dense)
    for value in values[1:6]:
        place = int(np.searchsorted(dense, value))
        secant = (mapped[place + 1] - mapped[place]) / (dense[place + 1] - dense[place])
        assert math.exp(exact[place]) == pytest.approx(secant, rel=1e-3)
    assert slopes[-1] == -math.inf  # pulled in by both


def test_of_two_maps_the_one_that_made_the_process_is_chosen():
    """A draw of a process is likelier as it is; its exponential under a logarithm."""
    x = np.linspace(0, 1, 40)[:, None]
    draw = Posterior.empty(KERNEL, THETA, 1, 1).sample(x, np.random.default_rng(1))[:, 0]
    for values, expected in ((draw, "winsorised"), (np.exp(4 * draw), "log")):
        models = {name: given(x, TRANSFORMS[name](values)) for name in ("log", "winsorised")}
        assert likelier(models, values) == expected


def test_values_that_are_all_the_same_choose_something():
    x, values = np.linspace(0, 1, 5)[:, None], np.ones(5)
    models = {name: given(x, TRANSFORMS[name](values)) for name in ("log", "winsorised")}
    assert likelier(models, values) in models


def test_what_is_not_clear_is_the_first_of_the_maps():
    """Of chance alone, nothing fits: the other map is chosen about as often as its level says."""
    rng = np.random.default_rng(5)
    chosen = []
    for _ in range(40):
        x, values = rng.random((15, 1)), rng.random(15)
        models = {name: given(x, TRANSFORMS[name](values)) for name in ("log", "winsorised")}
        chosen.append(likelier(models, values))
    assert chosen.count("log") >= 34
    few = np.array([0.0, 1.0, 1e9])  # what a map pulls in does not count: nothing is left
    models = {name: given(x[:3], TRANSFORMS[name](few)) for name in ("log", "winsorised")}
    assert likelier(models, few) == "log"
