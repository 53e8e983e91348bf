"""Times in the cells of a table: seconds in any unit, times of day, and moments since 1970."""

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

UNITS = {"s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
UNITS |= {"min": 60.0, "mins": 60.0, "minutes": 60.0, "h": 3600.0, "hours": 3600.0}
"""By its name, a unit of time in seconds."""
EPOCH = 1e9
"""Seconds that are counted from 1970, not from the beginning of a run."""


def scale(moments: "pd.Series[float]") -> float:
    """Seconds in the unit of moments: of milli-, micro- and nanoseconds since 1970, less than 1."""
    for power in (3, 2, 1):
        least = 100 * EPOCH * 1e3 ** (power - 1)
        if moments.max() > least:
            if moments.min() > least:
                return float(1e-3**power)
            raise ValueError(
                f"times from {moments.min():g} to {moments.max():g} are no seconds, nor counted "
                "from 1970: name their unit (time_ms, time_us, time_ns)"
            )
    return 1.0


def moments(column: "pd.Series[Any]", unit: float, where: str) -> "pd.Series[float]":
    """Cells as seconds, times of day since 1970; numbers are in `unit` seconds, empty ones NaN.

    Raises ValueError, which says `where`, for a cell that is neither.
    """
    return column.map(lambda cell: _moment(cell, unit, where)).astype(float)


def _moment(cell: Any, unit: float, where: str) -> float:
    if cell is None:
        return np.nan
    if isinstance(cell, int | float):
        return float(cell) * unit
    try:
        if re.match(r"\d+ days?", str(cell)):  # as pandas writes durations
            return float(pd.Timedelta(str(cell)).total_seconds())
        moment = datetime.fromisoformat(str(cell))
    except ValueError:
        raise ValueError(
            f"{where}: {cell!r} is neither seconds nor a time: write 2026-01-31 12:00:00, or "
            "seconds"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
