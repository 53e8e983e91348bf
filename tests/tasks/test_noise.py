"""Noise streams: the scalar and the array form agree; moments are those of a standard normal."""

import numpy as np
import pytest
from scipy import stats

from hpobench.tasks.noise import counters, normal, normals, stable_hash


@pytest.mark.parametrize("key", [0, 1, 2**64 - 1, 0x123456789ABCDEF0])
def test_array_form_is_the_scalar_form(key):
    expected = [normal(key, number) for number in range(1, 60)]
    assert normals(key, counters(np.arange(1, 60))) == pytest.approx(expected, rel=1e-12)


def test_distribution():
    drawn = normals(7, counters(np.arange(20_000)))
    assert stats.kstest(drawn, "norm").pvalue > 0.01
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 4 / np.sqrt(20_000)


def test_equal_values_have_equal_hashes():
    assert stable_hash((1, 2.5)) == stable_hash((1.0, np.float64(2.5)))
    assert stable_hash((1, "a")) == stable_hash((np.int64(1), np.str_("a")))
    assert stable_hash((1, "a")) != stable_hash((1, "b"))
    assert stable_hash((1, None)) != stable_hash((1, "relu"))
    assert stable_hash((1, 2)) != stable_hash((2, 1))
