"""The space that a table of configurations seems to be of: types, scales and conditions.

A guess is stated in the task's YAML, where it can be corrected.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hpobench.tables.reading import is_like_number

MOST_LEVELS = 12
"""Numbers of a grid: so many different ones at most, each of them in several configurations."""
NONE = "none"
"""What an empty cell is called where that is a value."""


class Guess(NamedTuple):
    """The statement of one hyperparameter, its column as it is to be stored, and what was seen."""

    spec: dict[str, Any]
    column: list[Any]
    why: str


def space_of(configs: pd.DataFrame) -> tuple[dict[str, dict[str, Any]], pd.DataFrame, list[str]]:
    """The space of some configurations, a row each, None where a hyperparameter is not active.

    With it the rows as they are to be stored, and a line of words for each hyperparameter. Raises
    ValueError if empty cells cannot be told from a hyperparameter that is not active.
    """
    guesses: dict[str, Guess] = {}
    different = configs.drop_duplicates()
    for name in configs:
        guesses[str(name)] = guess(str(name), configs[name].tolist(), different[name].tolist())
    stored = pd.DataFrame({name: one.column for name, one in guesses.items()}, dtype=object)
    whens = _conditions(stored)
    for name, column in stored.items():
        if name in whens or not column.isna().any():
            continue
        guesses[str(name)] = made = _with_none(str(name), column.tolist())
        stored[name] = pd.Series(made.column, dtype=object)
    space, words = {}, []
    for name in _in_order(list(guesses), whens):
        one = guesses[name]
        when = {"when": whens[name]} if name in whens else {}
        space[name] = one.spec | when
        tail = "".join(f"; active for {parent} in {v}" for parent, v in whens.get(name, {}).items())
        words.append(f"{name}: {one.why}{tail}")
    return space, stored, words


def guess(name: str, column: Sequence[Any], different: Sequence[Any]) -> Guess:
    """The hyperparameter of a column; None is left out of account.

    `different`: its value in each configuration, where the column may have one several times.
    """
    known = [value for value in different if value is not None]
    if not known:
        raise ValueError(f"the column {name} is empty: leave it out of --config")
    if all(isinstance(value, bool) for value in known):
        levels = sorted(set(known))
        return Guess({"type": "categorical", "values": levels}, list(column), f"one of {levels}")
    if not all(_is_number(value) for value in known):
        texts = [value if value is None else _text(value) for value in column]
        levels = sorted({text for text in texts if text is not None})
        shown = f"one of {len(levels)}: {', '.join(levels[:6])}{', ..' * (len(levels) > 6)}"
        if all(_is_number(value) or is_like_number(value) for value in known):
            odd = next(filter(is_like_number, known))
            shown += f"; {odd!r} is a text, so that they have no order: write numbers if they are"
        return Guess({"type": "categorical", "values": levels}, texts, shown)
    _check_exact(name, known)
    return _of_numbers(column, known)


def _check_exact(name: str, known: Sequence[float]) -> None:
    """Raise ValueError for a whole number that double precision does not hold."""
    for value in known:
        if isinstance(value, int) and (abs(value) >= 2**1023 or int(float(value)) != value):
            raise ValueError(
                f"the column {name} holds {value}, a whole number that double precision does not "
                "tell from its neighbours: write it as a text, such as "
                f"n{value}, or leave the column out of --config"
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _of_numbers(column: Sequence[Any], known: Sequence[float]) -> Guess:
    whole = all(float(value).is_integer() and abs(value) < 2**44 for value in known)
    kind: type[int] | type[float] = int if whole else float
    stored = [None if value is None else kind(value) for value in column]
    levels = sorted({kind(value) for value in known})
    few = len(levels) <= MOST_LEVELS and len(known) >= 2 * len(levels)
    log = _is_log(levels, 4) if few else _is_log(known, 8)
    scale = "log" if log else "linear"
    if few:
        spec: dict[str, Any] = {"type": "ordinal", "values": levels, "scale": scale}
        return Guess(spec, stored, f"one of {levels}, on a {scale} scale")
    spec = {"type": "integer" if whole else "float", "low": levels[0], "high": levels[-1]}
    words = f"{spec['type']} from {levels[0]:g} to {levels[-1]:g}, on a {scale} scale"
    return Guess(spec | ({"log": True} if log else {}), stored, words)


def _is_log(values: Sequence[float], least: float) -> bool:
    """Whether values lie more evenly on a log scale, of a factor of `least` at least."""
    some = np.sort(np.array(values, dtype=float))
    if len(some) < 2 or some[0] <= 0 or some[-1] / some[0] < least:
        return False
    even = np.linspace(0, 1, len(some))
    gaps = [
        np.abs((scaled - scaled[0]) / (scaled[-1] - scaled[0]) - even).max()
        for scaled in (some, np.log(some))
    ]
    return bool(gaps[1] < gaps[0]) or (len(some) == 2 and some[1] / some[0] >= 10)


def _with_none(name: str, column: Sequence[Any]) -> Guess:
    """A hyperparameter for which an empty cell is a value of its own."""
    levels = {value for value in column if value is not None}
    if len(levels) > MOST_LEVELS and all(map(_is_number, levels)):
        empty = sum(value is None for value in column)
        raise ValueError(
            f"the column {name} is empty in {empty} of {len(column)} rows, and no other "
            "hyperparameter says when: write there what an empty cell stands for, or choose the "
            f"rows that have one, by --where"
        )
    texts = [NONE if value is None else _text(value) for value in column]
    ordered = sorted(levels, key=lambda value: (isinstance(value, str), value))
    values = [NONE, *map(_text, ordered)]
    words = f"one of {values}; an empty cell is {NONE!r}, since no other hyperparameter says when"
    return Guess({"type": "categorical", "values": values}, texts, words)


def _conditions(configs: pd.DataFrame) -> dict[str, dict[str, list[Any]]]:
    """By hyperparameter that is not always active, the parent that says when, and its values.

    A parent has few values, and by each of them the child is either always active or never.
    """
    names = [str(name) for name in configs]
    some = {name for name in names if configs[name].isna().any()}
    parents = [name for name in names if configs[name].dropna().nunique() <= MOST_LEVELS]
    found: dict[str, dict[str, list[Any]]] = {}
    for name in names:
        if name not in some:
            continue
        active = configs[name].notna()
        # Parents that are always active come first; fewer values explain more.
        for parent in sorted(parents, key=lambda p: (p in some, configs[p].nunique())):
            values = _explains(configs[parent], active)
            if parent != name and values and not _circular(name, parent, found):
                found[name] = {parent: values}
                break
    return found


def _explains(parent: "pd.Series[Any]", active: "pd.Series[bool]") -> list[Any]:
    """The values of the parent for which the child is active; [] if they do not say."""
    by_value: dict[Any, set[bool]] = {}
    for value, is_active in zip(parent, active, strict=True):
        by_value.setdefault(value, set()).add(bool(is_active))
    if any(len(each) > 1 for each in by_value.values()) or by_value.get(None) == {True}:
        return []
    values = [value for value, each in by_value.items() if True in each and value is not None]
    return sorted(values, key=lambda value: (str(type(value)), value))


def _circular(name: str, parent: str, found: Mapping[str, Mapping[str, Any]]) -> bool:
    while parent in found:
        (parent,) = found[parent]
        if parent == name:
            return True
    return False


def _in_order(names: Sequence[str], whens: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The names, each after its parent."""
    ordered: dict[str, None] = {}

    def place(name: str) -> None:
        for parent in whens.get(name, {}):
            place(parent)
        ordered.setdefault(name)

    for name in names:
        place(name)
    return list(ordered)
