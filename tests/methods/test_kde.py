"""The searcher of BOHB: Algorithm 2 and Equation 3 of Falkner, Klein and Hutter (2018)."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm, truncnorm

from hpobench.methods.searchers.kde import KernelDensities
from hpobench.records import Evaluation, Job
from hpobench.space.space import Space

LINE = Space({"x": {"type": "float", "low": 0, "high": 1}})
CUBE = Space({name: {"type": "float", "low": 0, "high": 1} for name in "xyz"})
FINITE = Space(
    {
        "layers": {"type": "integer", "low": 1, "high": 3},
        "depth": {"type": "ordinal", "values": [10, 20]},
        "kind": {"type": "categorical", "values": ["a", "b"]},
    }
)


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def tell(searcher, trial, config, value, end=1.0):
    outcome = Evaluation(np.array([end]), np.ones(1), np.array([value]), 1.0)
    searcher.observe(Job(trial, config, 0, end), outcome)


@pytest.mark.parametrize(
    ("count", "good", "bad"), [(6, 4, 4), (20, 4, 16), (40, 6, 34), (100, 15, 85)]
)
def test_good_and_bad_are_the_best_and_the_worst(count, good, bad):
    """N_l = max(N_min, q N) and N_g = max(N_min, N - N_l), N_min = d + 1 = 4, q = 15 %."""
    values = rng().permutation(count).astype(float)
    best, worst = KernelDensities(CUBE, rng()).split(values)
    assert sorted(values[best]) == list(range(good))
    assert sorted(values[worst]) == list(range(count - bad, count))


def test_failures_are_never_good():
    """Of 40 configurations 6 would be good (15 %), but only 5 did not fail."""
    values = np.append(np.arange(5.0), np.full(35, np.inf))
    best, worst = KernelDensities(CUBE, rng()).split(values)
    assert best.tolist() == [0, 1, 2, 3, 4]
    assert worst.tolist() == list(range(5, 40))


def test_suggestions_are_the_best_ratio_of_the_draws():
    """All that can be drawn are the 9 untried points of a small space: the ratio decides.

    Their two kernels are as SciPy has them; one hyperparameter, so bandwidths are
    1.06 s n^(-1/5), integrated over cells of width 1/15 and truncated to the range.
    """
    space = Space({"x": {"type": "integer", "low": 0, "high": 14}})
    searcher = KernelDensities(space, rng(), random_fraction=0)
    tried = [0, 3, 7, 8, 11, 14]
    for trial, x in enumerate(tried):
        searcher.exclude({"x": x})
        tell(searcher, trial, {"x": x}, (x - 6.0) ** 2)
    ranked = sorted(tried, key=lambda x: (x - 6) ** 2)
    left = np.array([x for x in range(15) if x not in tried])

    def density(centres):
        positions = (np.array(centres) + 0.5) / 15
        width = 1.06 * positions.std() * len(positions) ** -0.2
        ends = (0 - positions) / width, (1 - positions) / width
        kernels = truncnorm(*ends, loc=positions, scale=width)
        return [(kernels.cdf((x + 1) / 15) - kernels.cdf(x / 15)).mean() for x in left]

    ratio = np.divide(density(ranked[:2]), density(ranked[2:]))
    assert searcher.suggest({})["x"] == left[ratio.argmax()]


def test_drawing_is_wider_than_the_model():
    """Without choice, a draw is from truncated normal kernels three times as wide."""
    found = []
    for seed in range(800):
        searcher = KernelDensities(LINE, rng(seed), random_fraction=0, samples=1)
        for trial, x in enumerate([0.48, 0.52, 0.9, 0.95]):
            tell(searcher, trial, {"x": x}, x)
        found.append(searcher.suggest({})["x"])
    width = 3 * 1.06 * 0.02 * 2**-0.2
    deviation = np.hypot(width, 0.02)
    assert abs(np.mean(found) - 0.5) < 4 * deviation / 800**0.5
    assert np.std(found) == pytest.approx(deviation, rel=4 / (2 * 800) ** 0.5)
    assert norm.sf(0.5 / deviation) < 1e-9  # so that the truncation does not show


def test_a_model_needs_two_more_than_the_fewest_points():
    """N_min + 2 = 4 in one dimension; failures do not count. A model draws near the good 0.5."""
    for count, modelled in ((3, False), (4, True)):
        searcher = KernelDensities(LINE, rng(), random_fraction=0)
        for trial in range(count):
            tell(searcher, trial, {"x": 0.5 + 0.01 * trial}, float(trial))
        tell(searcher, count, {"x": 0.1}, np.inf)
        draws = np.array([searcher.suggest({})["x"] for _ in range(30)])
        assert (np.abs(draws - 0.5).max() < 0.1) == modelled


def test_a_third_is_random():
    """Near the good ones otherwise: good ones all lie within 0.02 of 0.2, bad ones above 0.7."""
    searcher = KernelDensities(LINE, rng())
    for trial in range(40):
        x = 0.19 + 0.003 * trial if trial < 6 else 0.7 + 0.008 * (trial - 6)
        tell(searcher, trial, {"x": x}, float(trial))
    far = sum(abs(searcher.suggest({})["x"] - 0.2) > 0.1 for _ in range(400))
    assert binomtest(far, 400, 0.8 / 3).pvalue > 1e-3


def test_the_highest_resource_with_enough_data_decides():
    """At resource 1 small x is good, at 3 large x; 4 values are enough for a model."""
    for at_three, large in ((3, False), (4, True)):
        searcher = KernelDensities(LINE, rng(), random_fraction=0)
        for trial, x in enumerate(np.linspace(0.05, 0.95, 12)):
            tell(searcher, trial, {"x": x}, x)
        for trial in range(at_three):
            tell(searcher, trial, {"x": 0.3 + 0.2 * trial}, -0.2 * trial, end=3.0)
        draws = [searcher.suggest({})["x"] for _ in range(30)]
        assert (np.mean(draws) > 0.5) == large


def test_failures_are_bad_and_pending_ones_too():
    searcher = KernelDensities(LINE, rng(), random_fraction=0)
    for trial, x in enumerate(np.linspace(0.05, 0.95, 10)):
        tell(searcher, trial, {"x": x}, np.inf if x < 0.5 else x)
    draws = [searcher.suggest({})["x"] for _ in range(20)]
    assert np.mean(draws) > 0.5
    pending = {trial: Job(trial, {"x": 0.55}, 0, 1) for trial in range(10, 30)}
    apart = [searcher.suggest(pending)["x"] for _ in range(20)]
    gap = lambda found: np.abs(np.array(found) - 0.55).mean()  # noqa: E731
    assert gap(apart) > gap(draws)


def test_a_finite_space_is_never_repeated_unless_asked():
    for repeat in (False, True):
        searcher = KernelDensities(FINITE, rng(), repeat=repeat)
        found = []
        while len(found) < 30 and (config := searcher.suggest({})) is not None:
            tell(searcher, len(found), config, float(config["layers"]))
            found.append(FINITE.key(config))
        assert len(found) == 30 if repeat else sorted(set(found)) == sorted(found)
        assert len(found) in (12, 30)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_points": 0.5}, r"min_points=0\.5"),
        ({"samples": 0}, "samples=0"),
        ({"top": 0}, "top=0"),
        ({"random_fraction": 2}, "random_fraction=2"),
        ({"bandwidth_factor": 0}, "bandwidth_factor=0"),
        ({"min_bandwidth": 0}, "min_bandwidth=0"),
        ({"liar": "median"}, "liar='median'"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        KernelDensities(LINE, rng(), **settings)
