"""Words that messages everywhere are made of."""

import difflib
from collections.abc import Iterable


def unknown(what: str, name: str, choices: Iterable[str]) -> str:
    """The message for a mistyped name: the nearest names and all choices."""
    choices = list(choices)
    nearest = difflib.get_close_matches(name, choices, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
    return f"unknown {what} {name!r}.{hint} Choices: {', '.join(choices)}"


def seeds_in_words(seeds: Iterable[int]) -> str:
    """Such as: seed 3, or seeds 0 to 9."""
    numbers = sorted(seeds)
    if len(numbers) == 1:
        return f"seed {numbers[0]}"
    if numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"seeds {numbers[0]} to {numbers[-1]}"
    return f"{len(numbers)} seeds from {numbers[0]} to {numbers[-1]}"
