"""Words that messages everywhere are made of."""

import difflib
import math
from collections.abc import Iterable, Sequence


def unknown(what: str, name: str, choices: Iterable[str]) -> str:
    """The message for a mistyped name: the nearest names and all choices."""
    choices = list(choices)
    nearest = difflib.get_close_matches(name, choices, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
    return f"unknown {what} {name!r}.{hint} Choices: {', '.join(choices)}"


def counted(numbers: float | Iterable[float], what: str) -> str:
    """Such as: 9 tasks, 1 task, or 7 to 9 tasks. `what` is in the plural."""
    some = [int(n) for n in numbers] if isinstance(numbers, Iterable) else [int(numbers)]
    low, high = min(some, default=0), max(some, default=0)
    many = f"{high}" if low == high else f"{low} to {high}"
    return f"{many} {what.removesuffix('s') if high == 1 else what}"


def either(names: Sequence[str]) -> str:
    """Such as: a, b or c."""
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def both(names: Sequence[str]) -> str:
    """Such as: a, b and c."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def first_of(names: Sequence[str], most: int) -> str:
    """Such as: a, b and 3 more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def p_value(value: float, decimals: int = 3) -> str:
    """Such as: 0.012, < 0.001, or - where it is not known."""
    if math.isnan(value):
        return "-"
    least = 10.0**-decimals
    return f"< {least:.{decimals}f}" if value < least else f"{value:.{decimals}f}"


def seeds_in_words(seeds: Iterable[int]) -> str:
    """Such as: seed 3, or seeds 0 to 9."""
    numbers = sorted(seeds)
    if len(numbers) == 1:
        return f"seed {numbers[0]}"
    if numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"seeds {numbers[0]} to {numbers[-1]}"
    return f"{len(numbers)} seeds from {numbers[0]} to {numbers[-1]}"
