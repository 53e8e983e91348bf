"""Python's objects as settings, as YAML has them."""

import math
import os
import textwrap
from collections.abc import Mapping
from typing import Any

from hpobench.study import sources
from hpobench.system import carried


def setting(name: str, value: Any, where: str) -> Any:
    """A setting as YAML has it; raises ValueError, naming `where` it stands, if YAML has none.

    `name`: what a function or a class is called that stands there.
    """
    value = _python(value)
    if isinstance(value, Mapping):
        return {
            str(key): setting(f"{name}_{key}", item, f"{where}.{key}")
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | range):
        return [setting(name, item, where) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((setting(name, item, where) for item in value), key=_rank)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise ValueError(f"{where} is {value}: it must be finite")
    if callable(value):
        return path_of(name, value)
    shown = textwrap.shorten(repr(value), 80)
    raise ValueError(
        f"{where} is {shown}, of type {type(value).__name__}, which is no setting: give a text, "
        "a number, a truth value, a list or a dict of these, a function or a class"
    )


def _python(value: Any) -> Any:
    """The same of Python's own types: numbers, arrays and columns of others, paths, spaces."""
    from hpobench.space import statement
    from hpobench.space.hyperparameters import Categorical, Float, Integer, Ordinal
    from hpobench.space.space import Space

    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Space):
        return value.specification()
    if isinstance(value, Float | Integer | Ordinal | Categorical) or is_frozen(value):
        return statement.plain(statement.stated("it", value), None)
    # Of NumPy, pandas, torch; a class of theirs is none of its objects.
    if hasattr(value, "tolist") and not isinstance(value, type):
        return value.tolist()
    return value


def _rank(value: Any) -> tuple[str, Any]:
    """Where a value of a set comes, whatever the seed of hashes."""
    plain = isinstance(value, int | float | str)
    return (type(value).__name__, value if plain else repr(value))


def is_frozen(thing: Any) -> bool:
    """Whether it is a distribution of SciPy's with its parameters."""
    return hasattr(thing, "support") and hasattr(thing, "dist")


def path_of(name: str, thing: Any) -> str:
    """The dotted path by which settings name an object."""
    path = carried.path_of(thing)
    return carried.carry(thing, name, sources.digest).path if path is None else path
