"""Evidence that is valid under looking: exact sums over all signs, closed forms, inversions."""

from itertools import product

import numpy as np
import pytest

from hpobench.results.statistics.sequential import (
    betting,
    evidence,
    interval,
    least,
    unseen,
)

SIGNS = np.array(list(product([-1.0, 1.0], repeat=12)))
RNG = np.random.default_rng(3)


@pytest.mark.parametrize("sizes", [np.ones(12), RNG.lognormal(0, 2, 12), np.arange(12) % 4])
def test_nobody_gains_by_betting_on_signs_that_are_fair(sizes):
    """Of values as likely on either side the expected evidence is 1: the sum over all signs."""
    made = np.exp(evidence(SIGNS * sizes, first=5))
    assert made.mean(axis=0)[4:] == pytest.approx(np.ones(8))  # from the first look on


def test_nobody_gains_by_bets_on_bounded_values_with_that_mean():
    """Fair coins of -1 and 1, and all values of a coin with the mean 0.5."""
    assert np.exp(betting(SIGNS)).mean(axis=0) == pytest.approx(np.ones(12))
    share = np.where(SIGNS > 0, 0.75, 0.25).prod(axis=1)
    assert share @ np.exp(betting(SIGNS, 0.5)) == pytest.approx(np.ones(12))


def test_what_was_known_earlier_does_not_change():
    x = RNG.normal(size=60)
    assert evidence(x)[:30] == pytest.approx(evidence(x[:30]))
    assert betting(x / 9)[:30] == pytest.approx(betting(x[:30] / 9))


def test_evidence_does_not_depend_on_the_unit():
    x = RNG.normal(0.5, 1, 40)
    assert evidence(1e6 * x, 2e5) == pytest.approx(evidence(x, 0.2))


def test_ties_with_the_value_say_nothing():
    assert evidence(np.zeros(30)) == pytest.approx(np.zeros(30))
    assert betting(np.zeros(30)) == pytest.approx(np.zeros(30))


def test_the_same_difference_every_time_is_as_strong_as_so_many_coins():
    """n signs alike have a probability of 2^-n: no evidence from signs is more than 2^n."""
    made = evidence(np.full(20, 0.3))[-1]
    assert 0.8 * 20 * np.log(2) < made < 20 * np.log(2)


def test_normal_values_are_told_from_zero_about_as_soon_as_the_likelihood_allows():
    """At 40 values of mean 0.5 the log-likelihood ratio is 40 * 0.5^2 / 2 = 5 in the mean."""
    x = np.random.default_rng(0).normal(0.5, 1.0, (400, 40))
    assert 3.0 < evidence(x)[:, -1].mean() < 5.0


def test_bets_on_bounded_values_need_as_many_seeds_as_what_is_unseen():
    """All differences 0.05: no bet wins more than log(1.05) a seed."""
    x = np.full(200, 0.05)
    won = betting(x)
    assert (won <= np.log1p(0.05) * np.arange(1, 201)).all()
    assert won[-1] > 0.7 * 200 * np.log1p(0.05)


def test_what_is_unseen():
    """With 10 differences of 0.1, one of -0.1 in every second seed would make the mean 0."""
    count, bound = 10, 0.1
    assert unseen(count, 0.1, 0.0, bound) == pytest.approx(10 * np.log(2))
    # To be 0.01 with a mean of 0, a difference of 0.1 must come in a tenth of the seeds.
    assert unseen(count, 0.0, 0.01, bound) == pytest.approx(-10 * np.log(0.9))
    assert unseen(count, 0.0, 0.2, bound) == np.inf  # even all of them would not do
    assert unseen(count, -0.1, 0.0, bound) == unseen(count, 0.1, 0.0, bound)


def test_the_confidence_sequence_holds_what_is_not_ruled_out():
    x = np.random.default_rng(1).normal(0.2, 1.0, 80)
    counts, nats = np.array([10, 40, 80]), np.full(3, np.log(40.0))
    low, high = interval(x, counts, nats)
    assert (low < high).all()
    assert (np.diff(high - low) < 0).all()
    for n, start, end in zip(counts, low, high, strict=True):
        assert evidence(x[:n], start)[-1] == pytest.approx(np.log(40.0), abs=0.01)
        assert evidence(-x[:n], -end)[-1] == pytest.approx(np.log(40.0), abs=0.01)


def test_the_least_mean_that_seeds_can_show_is_where_what_is_unseen_is_enough():
    for m in (0.0, -0.01):
        mean = least(50, m, 0.5, 3.0)
        assert mean > m
        assert unseen(50, mean, m, 0.5) == pytest.approx(3.0)
