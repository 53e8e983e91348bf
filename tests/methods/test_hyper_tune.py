"""Hyper-Tune: delayed promotion, and brackets by the precision of cheap levels."""

import math

import numpy as np
import pytest

from hpobench.methods.models.gp.kernels import Matern52
from hpobench.methods.models.precision import Precision, bracket_weights, precisions, ranking_losses
from hpobench.methods.schedulers.hyper_tune import HyperTune
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Space

TO_9 = Fidelity("epochs", 1, 9)
LINE = Space({"x": {"type": "float", "low": 0, "high": 1}})


def scheduler(fidelity=TO_9, seed=0, **settings):
    return HyperTune(fidelity, 3, LINE, np.random.default_rng(seed), **settings)


def end(hyper_tune, step, x, value):
    """A step of configuration x ended with a value."""
    resources = np.array([step.to_resource], dtype=float)
    job = Job(step.trial, {"x": x}, 0, step.to_resource)
    hyper_tune.observe(job, Evaluation(resources, np.ones(1), np.array([value]), 1.0))
    hyper_tune.report(step.trial, step.to_resource, value)


def test_new_trials_begin_in_hyperbands_proportions():
    """Levels 1, 3, 9: brackets of 9, 5 and 3 (Li et al. 2018: ceil(3 / (s + 1) * 3^s))."""
    found = scheduler()
    begun = [found.next().to_resource for _ in range(17)]
    assert [begun.count(level) for level in (1, 3, 9)] == [9, 5, 3]


def test_promotion_is_delayed_until_there_are_three_for_each():
    """Of n results of rung 1 at most n / 3 are ever promoted; ASHA would promote a fourth of ten.

    Trials come in as 5, 4, 3: the best of 3 is promoted. Then 2, 1, 0, each better than all
    before: among the best floor(n / 3) is always the newest. ASHA promotes it at once, as it is in
    the top and was not promoted: at n = 4 and n = 5 as well. Here the next goes at n = 6.
    """
    found = scheduler(Fidelity("epochs", 1, 3))
    steps = [step for step in (found.next() for _ in range(30)) if step.to_resource == 1]
    promoted = []
    for count, (step, value) in enumerate(zip(steps[:9], range(9, 0, -1), strict=False), 1):
        end(found, step, 0.5, value)
        upward = found.next()
        if upward.trial <= step.trial:
            promoted.append((count, upward))
    assert promoted == [
        (3, (steps[2].trial, 3)),
        (6, (steps[5].trial, 3)),
        (9, (steps[8].trial, 3)),
    ]


def test_losses_are_pairs_ranked_otherwise():
    """Values 1, 2, 3. Samples 1, 3, 2: one pair of three is wrong; 3, 2, 1: all."""
    samples = np.array([[1.0, 3.0], [3.0, 2.0], [2.0, 1.0]])
    assert ranking_losses(samples, np.array([1.0, 2.0, 3.0])).tolist() == [1 / 3, 1.0]


def test_theta_by_hand():
    """Three levels, four samples. The least: level 1; levels 1 and 2; level 3; level 2.

    Counts 2, 2, 1 of 5 in all.
    """
    losses = [
        np.array([0.1, 0.2, 0.9, 0.5]),
        np.array([0.3, 0.2, 0.8, 0.1]),
        np.array([0.4, 0.6, 0.0, 0.7]),
    ]
    theta = precisions(losses)
    assert theta.tolist() == [0.4, 0.4, 0.2]
    # w ~ 0.4 / 1, 0.4 / 3, 0.2 / 9 = (18, 6, 1) / 45.
    assert bracket_weights(theta, [1, 3, 9]) == pytest.approx([18 / 25, 6 / 25, 1 / 25])


def levels_of(useful, count=24, seed=0):
    """Three levels of a function of x, of which those not `useful` hold noise alone."""
    rng = np.random.default_rng(seed)
    levels = []
    for level in range(3):
        x = rng.random((count, 1))
        y = (x[:, 0] - 0.3) ** 2 if level in useful else rng.random(count)
        levels.append((x, y))
    return levels


def test_a_cheap_level_that_ranks_alike_is_preferred_to_noise():
    precision = Precision(Matern52([0]), 100, np.random.default_rng(0))
    assert precision.estimate(levels_of({0, 2}))[1] < 0.1
    assert precision.estimate(levels_of({1, 2}))[0] < 0.1
    theta = precision.estimate(levels_of({0, 1, 2}))
    assert (theta > 0.1).all()
    assert theta.sum() == pytest.approx(1)


def test_a_level_without_results_has_no_precision():
    levels = levels_of({0, 1, 2})
    levels[1] = levels[1][0][:1], levels[1][1][:1]
    precision = Precision(Matern52([0]), 50, np.random.default_rng(0))
    assert precision.estimate(levels)[1] == 0


@pytest.mark.parametrize("misleading", [False, True])
def test_brackets_follow_the_precision(misleading):
    """Early values that tell nothing move new trials from epoch 1 to higher rungs."""
    rng = np.random.default_rng(1)
    found = scheduler(Fidelity("epochs", 1, 3), samples=100)
    begun = []
    for _ in range(300):
        step = found.next()
        x = float(rng.random())
        known = step.to_resource == 3 or not misleading
        end(found, step, x, (x - 0.3) ** 2 if known else float(rng.random()))
        begun.append(step.to_resource)
    assert found.theta is not None
    cheap = found.theta[0]
    assert cheap < 0.1 if misleading else cheap > 0.3


def test_failed_trials_are_neither_promoted_nor_learnt_from():
    found = scheduler(Fidelity("epochs", 1, 3))
    for trial in range(40):
        step = found.next()
        assert step.trial == trial
        end(found, step, 0.5, math.nan)
    assert found.theta is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"minimum": 3}, "minimum=3: .* at least 4"),
        ({"samples": 0}, "samples=0: .* at least 1"),
        ({"most": 5}, "most=5: .* at least 10"),
        ({"refit": -1}, "refit=-1 must not be negative"),
    ],
)
def test_nonsense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        scheduler(**settings)
