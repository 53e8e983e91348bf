"""What the head of `hpobench.tasks.learning_curves` proves, found again in numbers."""

import numpy as np
import pytest
from scipy import optimize, stats

from hpobench.records import Job
from hpobench.tasks.learning_curves import BEST, ERROR_MAX, ERROR_MIN, LearningCurves

CROSSINGS = (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.fixture(scope="module")
def configs():
    return LearningCurves().space.sample(np.random.default_rng(0), 300)


def true_curves(task, configs):
    r_max = task.fidelity.r_max
    return np.array([task.evaluate(Job(0, c, 0, r_max), 0, None).true_values for c in configs])


def rank_correlation(left, right):
    return stats.spearmanr(left, right).statistic


@pytest.mark.parametrize("crossing", CROSSINGS)
@pytest.mark.parametrize("epochs", [3, 50, 81])
def test_final_value_rises_with_the_asymptotic_error(crossing, epochs):
    task = LearningCurves(crossing, epochs=epochs)
    errors = np.linspace(ERROR_MIN, ERROR_MAX, 10_000)
    final = task.curve(errors, epochs)
    assert (np.diff(final) > 0).all()
    assert final[0] == pytest.approx(task.optimum, rel=1e-14)


@pytest.mark.parametrize("crossing", CROSSINGS)
def test_optimum_is_known_exactly(crossing):
    task = LearningCurves(crossing, noise=0.0)
    job = Job(0, BEST, 0, 81)
    task.space.validate(BEST)
    assert task.evaluate(job, 0, None).value == pytest.approx(task.optimum, rel=1e-14)
    unit = np.random.default_rng(1).random((200_000, 4))
    found = task.curve(task.final_errors(unit.T), 81)
    assert found.min() >= task.optimum
    best = unit[found.argmin()]

    def final(position):
        return float(task.curve(task.final_errors(position), 81))

    polished = optimize.minimize(final, best, bounds=[(0, 1)] * 4, tol=1e-12)
    assert task.optimum <= polished.fun < task.optimum + 1e-6


def test_ranks_are_stable_without_crossing(configs):
    curves = true_curves(LearningCurves(0.0), configs)
    for epoch in range(81):
        assert rank_correlation(curves[:, epoch], curves[:, -1]) == pytest.approx(1)


def test_ranks_are_reversed_with_crossing(configs):
    curves = true_curves(LearningCurves(1.0), configs)
    # Below a_2 T s_min^2 = r_max / 6 every pair is in the wrong order.
    for epoch in range(13):
        assert rank_correlation(curves[:, epoch], curves[:, -1]) == pytest.approx(-1)
    assert curves[:, 0].argmax() == curves[:, -1].argmin()


def test_early_values_tell_little_in_between(configs):
    """The spread of the values after the first epoch, relative to that at the end."""
    spread = {}
    for crossing in (0.0, 0.5):
        curves = true_curves(LearningCurves(crossing), configs)
        spread[crossing] = curves[:, 0].std() / curves[:, -1].std()
    assert spread[0.5] < spread[0.0] / 20


def test_median(configs):
    for crossing in (0.0, 1.0):
        task = LearningCurves(crossing)
        below = np.mean(true_curves(task, configs)[:, -1] < task.median)
        assert below == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(300))


def test_noise_has_the_stated_deviation(configs):
    task = LearningCurves(0.5, noise=0.02)
    found = [task.evaluate(Job(0, c, 0, 81), 5, None) for c in configs]
    errors = np.array([e.values - e.true_values for e in found]).ravel() / 0.02
    assert stats.kstest(errors, "norm").pvalue > 0.01
    paused = task.evaluate(Job(0, configs[0], 0, 27), 5, None).checkpoint
    part = task.evaluate(Job(0, configs[0], 27, 54), 5, paused)
    assert part.values == pytest.approx(found[0].values[27:54], rel=1e-14)
    assert task.evaluate(Job(0, configs[0], 0, 81), 6, None).value != found[0].value


def test_costs(configs):
    task = LearningCurves(cost_s=2.0, cost_spread=1.0)
    per_epoch = [task.evaluate(Job(0, c, 0, 1), 0, None).duration_s for c in configs]
    # Factors from 1/e to e around 2 / sinh(1); the mean over random configurations is 2.
    assert max(per_epoch) / min(per_epoch) == pytest.approx(np.e**2, rel=0.1)
    assert np.mean(per_epoch) == pytest.approx(2.0, abs=4 * np.std(per_epoch) / np.sqrt(300))
    flat = LearningCurves(cost_s=2.0, cost_spread=0.0)
    assert flat.evaluate(Job(0, configs[0], 0, 3), 0, None).seconds.tolist() == [2, 4, 6]


def test_costs_may_have_a_heavy_tail():
    """Log-normal factors of mean 1: their logarithms have the mean -t^2 / 2 and the deviation t."""
    task = LearningCurves(noise=0.0, cost_spread=0.0, cost_tail=1.5)
    drawn = task.space.sample(np.random.default_rng(1), 4000)
    logs = np.log([task.evaluate(Job(0, c, 0, 1), 0, None).duration_s for c in drawn])
    assert logs.mean() == pytest.approx(-1.125, abs=4 * 1.5 / np.sqrt(4000))
    assert logs.std() == pytest.approx(1.5, abs=4 * 1.5 / np.sqrt(8000))
    again = [task.evaluate(Job(0, drawn[0], 0, 81), seed, None).duration_s for seed in (0, 0, 1)]
    assert again[0] == again[1] != again[2]
    assert again[0] == pytest.approx(81 * np.exp(logs[0]))


@pytest.mark.parametrize("job", [(0, 82), (5, 5), (-1, 3)])
def test_wrong_jobs(job):
    with pytest.raises(ValueError, match="trains from 0 to 81 epochs"):
        LearningCurves().evaluate(Job(0, BEST, *job), 0, None)


def test_wrong_settings():
    with pytest.raises(ValueError, match=r"crossing=1.5 must lie in \[0, 1\]"):
        LearningCurves(1.5)
    with pytest.raises(ValueError, match="cost_s=0 above"):
        LearningCurves(cost_s=0)
    with pytest.raises(ValueError, match="cost_tail=-1 must be at least 0"):
        LearningCurves(cost_tail=-1)
