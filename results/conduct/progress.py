"""How far a study is: shares of planned runs that are stored, and how long the rest takes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

Pair = tuple[str, str]
"""Task and method."""


def shares(pairs: Sequence[Mapping[str, Any]], runs: pd.DataFrame) -> dict[Pair, float]:
    """By task and method of a stored plan, the share of its runs that is stored, from 0 to 1."""
    planned: dict[Pair, int] = {}
    for pair in pairs:
        key = str(pair["task"]), str(pair["method"])
        planned[key] = planned.get(key, 0) + len(pair["seeds"])
    columns = (runs[name].astype(str) for name in ("task", "method"))
    stored = Counter(zip(*columns, strict=True))
    return {key: min(stored[key] / count, 1.0) if count else 1.0 for key, count in planned.items()}


def left_s(looks: Sequence[tuple[float, int]], planned: int) -> float | None:
    """Seconds until all planned runs are stored, at the pace of the last looks; None: not known.

    `looks`: at what time, in seconds, how many were stored, in order. Runs that take longer than
    others may be among those that are missing, so that it is an estimate.
    """
    if len(looks) < 2:
        return None
    (began_s, first), (now_s, last) = looks[0], looks[-1]
    if not (last > first and now_s > began_s):
        return None
    return (planned - last) * (now_s - began_s) / (last - first)
