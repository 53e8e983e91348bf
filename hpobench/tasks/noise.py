"""Noise that is a function of (seed, configuration, resource): the same in every process.

A configuration is hashed with BLAKE2b, never with Python's own `hash`. The hash, mixed with the
seed, is the key of a SplitMix64 stream (`run.randomness.mix`); its outputs 2r and 2r + 1
give the standard normal number of resource r by the transform of Box and Muller (1958).
"""

import hashlib
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.loop.randomness import mix

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53


def stable_hash(values: Sequence[Any]) -> int:
    """A 64-bit hash of hyperparameter values: 1, 1.0 and `np.float64(1)` are the same value."""
    try:
        content = struct.pack(f"<{len(values)}d", *values)
    except struct.error:  # they are not all numbers
        content = "\0".join(map(_text, values)).encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _text(value: Any) -> str:
    try:
        return repr(float(value))
    except (TypeError, ValueError):
        return str(value)


def normal(key: int, number: int) -> float:
    """The standard normal number `number` (>= 0) of the stream `key`."""
    first = (mix(key, 2 * number) >> 11) + 0.5
    second = mix(key, 2 * number + 1) >> 11
    radius = math.sqrt(-2.0 * math.log(first * _UNIT))
    return radius * math.cos(2.0 * math.pi * (second * _UNIT))


def counters(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """What `normals` adds to its key, (2, k), for the numbers (k,): made once, used often."""
    outputs = np.stack([2 * numbers + 1, 2 * numbers + 2]).astype(np.uint64)
    return outputs * _GOLDEN


def normals(key: int, added: NDArray[np.uint64]) -> FloatArray:
    """`normal` for many numbers at once, (k,)."""
    state = np.uint64(key) + added
    state = (state ^ (state >> _30)) * _FIRST
    state = (state ^ (state >> _27)) * _SECOND
    uniform = ((state ^ (state >> _31)) >> _11).astype(np.float64)
    radius = np.sqrt(-2.0 * np.log((uniform[0] + 0.5) * _UNIT))
    normal_numbers: FloatArray = radius * np.cos((2.0 * np.pi * _UNIT) * uniform[1])
    return normal_numbers
