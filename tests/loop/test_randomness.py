"""The tree of seeds."""

import subprocess
import sys

import numpy as np
from scipy import stats

from hpobench.loop.randomness import derive_seed, method_rng, mix, objective_seed


def test_streams_differ_by_every_part_of_their_path():
    seeds = {
        objective_seed(0, "a", 0),
        objective_seed(1, "a", 0),
        objective_seed(0, "b", 0),
        objective_seed(0, "a", 1),
        derive_seed(0, "ab", "c"),
        derive_seed(0, "a", "bc"),
    }
    assert len(seeds) == 6
    draws = {method_rng(0, "t", method, 0).random() for method in ("a", "b")}
    assert len(draws) == 2


def test_seeds_are_the_same_in_another_process():
    code = (
        "from hpobench.loop.randomness import *;print(objective_seed(3, 'phoneme', 5), mix(9, 4))"
    )
    run = [sys.executable, "-c", code]
    out = subprocess.run(run, env={"PYTHONHASHSEED": "77"}, capture_output=True, text=True)
    assert out.stdout.split() == [str(objective_seed(3, "phoneme", 5)), str(mix(9, 4))]


def test_mix_is_splitmix64():
    # First outputs of the reference generator for seed 1234567 (Vigna's splitmix64.c).
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [mix(1234567, number) for number in range(3)] == expected


def test_mix_is_uniform_over_rows_and_seeds():
    for values in ([mix(s, 5) % 5 for s in range(5000)], [mix(3, r) % 5 for r in range(5000)]):
        assert stats.chisquare(np.bincount(values, minlength=5)).pvalue > 1e-3
