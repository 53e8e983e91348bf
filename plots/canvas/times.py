"""Times as they are read: in the unit that suits them, and as ticks of a log axis."""

import math
from collections.abc import Sequence

UNITS = ((86_400.0, "days", 2.0), (3_600.0, "h", 2.0), (60.0, "min", 2.0), (1.0, "s", 0.0))
MOST_TICKS = 6
NEAREST = 0.12
"""The share of the axis that two ticks are apart, at least."""
_STEPS_S = {
    **{10.0**power: f"{10.0**power:g} s" for power in range(-6, 0)},
    **{1.0: "1 s", 3.0: "3 s", 10.0: "10 s", 30.0: "30 s"},
    **{60.0: "1 min", 180.0: "3 min", 600.0: "10 min", 1_800.0: "30 min"},
    **{3_600.0: "1 h", 10_800.0: "3 h", 36_000.0: "10 h"},
    **{86_400.0: "1 day", 259_200.0: "3 days", 864_000.0: "10 days", 2_592_000.0: "30 days"},
    **{8_640_000.0: "100 days", 31_536_000.0: "1 year", 315_360_000.0: "10 years"},
}
"""Where a log axis of time may have ticks, in seconds, and how they are called."""
_MAIN_S = (
    *(1e-6, 1e-4, 1e-2, 1.0, 10.0, 60.0, 600.0, 3_600.0, 36_000.0, 86_400.0, 864_000.0),
    *(8_640_000.0, 31_536_000.0, 315_360_000.0),
)
_FEW_S = (1e-6, 1e-3, 1.0, 60.0, 3_600.0, 86_400.0, 2_592_000.0, 31_536_000.0)


def time_unit(longest_s: float, clock: str = "seconds") -> tuple[float, str]:
    """Seconds in the unit that suits times up to `longest_s`, and its name.

    `clock`: what times are counted in (see `TaskFacts`), which is their unit if it is not seconds.
    """
    if clock != "seconds":
        return 1.0, clock
    return next((size, name) for size, name, least in UNITS if longest_s >= least * size)


def duration(time_s: float, clock: str = "seconds") -> str:
    """A time in the unit that suits it, or in what else the clock counts."""
    if clock != "seconds":
        return f"{time_s:.3g} {clock.removesuffix('s') if time_s == 1 else clock}"
    size, name = time_unit(time_s) if time_s >= 1 else (1.0, "s")
    return f"{time_s / size:.3g} {name}"


def span(times_s: Sequence[float], clock: str = "seconds") -> str:
    """Such as: 3.2 min to 2.4 h, 2 to 11 h, or one time if all are the same; to two digits."""
    low, high = (_short(time_s, clock) for time_s in (min(times_s), max(times_s)))
    if low == high:
        return " ".join(high)
    return (
        f"{low[0]} to {' '.join(high)}"
        if low[1] == high[1]
        else f"{' '.join(low)} to " + (" ".join(high))
    )


def _short(time_s: float, clock: str) -> tuple[str, str]:
    size, unit = time_unit(time_s, clock) if time_s >= 1 else (1.0, time_unit(0.0, clock)[1])
    number = time_s / size
    return (f"{number:.0f}" if number >= 10 else f"{number:.2g}"), unit


def log_ticks_s(
    first_s: float, last_s: float, most: int = MOST_TICKS
) -> list[tuple[float, str]] | None:
    """Ticks, in seconds, of a log axis of times that need several units; None: one unit is enough.

    As many as `most`, and two or more, none so near to the one before that their names would touch.
    """
    if not (first_s > 0 and last_s >= 60 and last_s / first_s > 100):
        return None
    chosen: list[float] = []
    for steps in (tuple(_STEPS_S), _MAIN_S, _FEW_S):
        chosen = [step for step in steps if first_s <= step * (1 + 1e-9) and step <= last_s]
        if len(chosen) <= most:
            break
    chosen = chosen[:: math.ceil(len(chosen) / most)] if len(chosen) > most else chosen
    least = NEAREST * math.log(last_s / first_s)
    apart: list[float] = []
    for step in chosen:
        if not apart or math.log(step / apart[-1]) >= least:
            apart.append(step)
    return [(step, _STEPS_S[step]) for step in apart] if len(apart) > 1 else None
