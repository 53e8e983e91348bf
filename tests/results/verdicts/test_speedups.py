"""Expected values are worked out by hand; single speed-ups are tested in test_targets."""

import numpy as np
import pytest

from hpobench.results.verdicts.speedups import best_methods, pair_speedups
from tests.results.verdicts.test_time_to_target import made

STEPS = {"t": {"a": [{2: 1}, {4: 3}], "b": [{1: 2.5}, {2: 2, 9: 0}], "c": [{1: 9}, {1: 9}]}}


def test_each_pair_has_the_target_of_the_other(synthetic):
    """Final regrets are (0.1, 0.3) of a and (0.25, 0) of b; runs end at 10.

    To 0.2, the mean of a: a needs 2 and has not got there by 10, b likewise. To 0.125, the mean of
    b: a as before, b has not got there by 10 and needs 9. To 0.9, that of c: all at once.
    """
    table = pair_speedups(*made(synthetic, STEPS)).set_index(["method", "other"])
    assert len(table) == 6
    assert table["speedup"]["b", "a"] == pytest.approx(1)
    assert table["speedup"]["a", "b"] == pytest.approx(9 / 2)
    assert table["speedup"]["a", "c"] == pytest.approx(1 / np.sqrt(2 * 4))
    assert table["reached"]["a", "b"] == 0.5
    assert table["reached"]["c", "a"] == 0
    assert table["bound"]["c", "a"] == "<="


def test_of_many_methods_the_best_are_kept(synthetic):
    found, known = made(synthetic, STEPS)
    assert best_methods(found, known, 9) == ["b", "a", "c"]
    assert set(pair_speedups(found, known, most=2)["other"]) == {"a", "b"}


def test_methods_without_a_common_set_of_tasks_are_refused(synthetic):
    found, known = made(synthetic, {"t": {"a": [{2: 1}]}, "u": {"b": [{2: 1}]}})
    with pytest.raises(ValueError, match="compare those that share their tasks"):
        pair_speedups(found, known)


def test_a_single_method_has_no_pair(synthetic):
    found, known = made(synthetic, {"t": {"a": [{2: 1}]}})
    assert not len(pair_speedups(found, known))
