"""Randomness as a tree: study seed -> (task, seed) -> objective; -> (task, method, seed) -> method.

Every stream is derived from names through a fixed hash, so that it is the same in any process,
whatever the order of the runs. Nothing here reads or sets global random state.
"""

import hashlib

import numpy as np

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def derive_seed(study_seed: int, *path: str | int) -> int:
    """A 64-bit seed for the stream at `path` below the study seed."""
    text = "\0".join(map(str, (study_seed, *path)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def objective_seed(study_seed: int, task: str, seed: int) -> int:
    """The seed of a task's noise: common random numbers, the same for all methods."""
    return derive_seed(study_seed, "objective", task, seed)


def method_rng(study_seed: int, task: str, method: str, seed: int) -> np.random.Generator:
    """The generator of one method in one run."""
    return np.random.Generator(
        np.random.PCG64(derive_seed(study_seed, "method", task, method, seed))
    )


def mix(seed: int, number: int) -> int:
    """The 64-bit hash of `number` under `seed`: output `number` of SplitMix64 (Steele 2014)."""
    state = (seed + (number + 1) * _GOLDEN) & _MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)
