"""Public names of a package, imported when they are first asked for."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package.

    `homes`: by module below it, the names that it holds, with spaces between them; `NEW=OLD` is
    called otherwise there.
    """
    places: dict[str, tuple[str, str]] = {}
    for module, words in homes.items():
        for word in words.split():
            new, _, old = word.partition("=")
            places[new] = f"{package}.{module}", old or new

    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, there = places[name]
        value = getattr(import_module(module), there)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *places})

    return get, names
