"""Whether the time that decisions take moves the simulated clock.

`none`: it does not, and runs are reproducible to the bit. `measured`: each decision is charged what
it really took. `replay`: each is charged what the same run of an earlier study recorded, the k-th
`ask` as the k-th `ask` there; beyond the record, the record's mean. Replaying is reproducible.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, repeat

import numpy as np

from hpobench.loop.events import Charge

POLICIES = ("none", "measured", "replay")


def measured(_kind: str, seconds: float) -> float:
    """Charge what the decision took."""
    return seconds


def replay(asks: Sequence[float], tells: Sequence[float]) -> Charge:
    """Charge recorded seconds, one after the other, then their mean."""
    recorded = {"ask": _then_mean(asks), "tell": _then_mean(tells)}
    return lambda kind, _seconds: next(recorded[kind])


def _then_mean(seconds: Sequence[float]) -> Iterator[float]:
    mean = float(np.mean(seconds)) if len(seconds) else 0.0
    return chain(map(float, seconds), repeat(mean))


def policy(name: str) -> Charge:
    """The charge of the policies that need no record."""
    return {"none": free_of_charge, "measured": measured}[name]


def free_of_charge(_kind: str, _seconds: float) -> float:
    """Decisions take no simulated time: the policy under which a run is reproducible."""
    return 0.0
