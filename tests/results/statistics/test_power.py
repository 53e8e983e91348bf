"""Power against statsmodels, and against the test itself on data with a known difference."""

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from hpobench.results.statistics.contrasts import Contrast
from hpobench.results.statistics.power import Pilot, power, seeds_needed

SURE = Pilot(4.0, 1.0, 1e7)
"""A standard deviation of 2, which is known."""


@pytest.mark.parametrize("seeds", [5, 20, 90])
@pytest.mark.parametrize("detect", [0.3, 0.6, 1.0])
def test_power_where_the_spread_is_known(detect, seeds):
    there = TTestPower().power(detect / 2, seeds, 0.025, alternative="larger")
    assert power(SURE, detect, seeds) == pytest.approx(there, abs=0.002)


def test_seeds_where_the_spread_is_known():
    for detect in (0.5, 1.0, 4.0):
        there = TTestPower().solve_power(detect / 2, power=0.8, alpha=0.05)
        assert seeds_needed(SURE, detect) == pytest.approx(np.ceil(there), abs=1)
        assert power(SURE, detect, seeds_needed(SURE, detect)) >= 0.8


def test_what_a_pilot_does_not_know_costs_seeds():
    pilots = [Pilot(4.0, 1.0, freedom) for freedom in (5, 20, 1e7)]
    needed = [seeds_needed(pilot, 1.0) for pilot in pilots]
    assert needed[0] > needed[1] > needed[2]


def test_a_pilot():
    """Of two tasks with variances 1 and 4 the mean has 5 / 4, with 25 / 17 times the freedom."""
    one = np.array([-1.0, 0.0, 1.0])
    pilot = Pilot.of([one, 2 * one])
    assert pilot.variance == pytest.approx(5 / 4)
    assert pilot.ratio == pytest.approx(25 / 17)
    assert pilot.freedom == pytest.approx(2 * 25 / 17)  # 2 each; no heavy tails
    heavy = Pilot.of([np.array([0.0] * 19 + [1.0])])
    assert heavy.freedom < 19 / 3
    assert power(Pilot.of([np.zeros(5)]), 0.1, 2) == 1.0


@pytest.mark.parametrize("tasks", [1, 4])
def test_the_power_that_is_realised_is_that_which_was_asked_for(tasks):
    """Pilots of 15 seeds, then studies of as many seeds as they ask for: within 5 points of 80 %.

    120 pilots with 60 studies each; the standard error over pilots is about one point.
    """
    rng = np.random.default_rng(tasks)
    realised = []
    for _ in range(120):
        seeds = seeds_needed(Pilot.of(list(rng.normal(size=(tasks, 15)))), 0.6)
        groups = list(rng.normal(0.6, 1.0, (tasks, seeds, 60)))
        low, high = Contrast(groups, [1 / tasks] * tasks).interval()
        realised.append(np.mean((low > 0) | (high < 0)))
    assert 0.75 <= np.mean(realised) <= 0.85


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match="detect=0: give a normalised regret above 0"):
        seeds_needed(SURE, 0)
    with pytest.raises(ValueError, match="give both between 0 and 1"):
        seeds_needed(SURE, 0.1, aim=1.0)
    assert seeds_needed(SURE, 1e-4) is None
