"""Whether what was read from a JSON or YAML file has the shape that it must have.

A shape is a type or a union of types; `[shape]`: a list of it; `{"a": shape, "b?": shape}`: a
mapping with `a`, and with `b` if it has one; `{...: shape}`: a mapping with any names.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, get_type_hints


def misfit(value: Any, shape: Any, where: str = "") -> str:
    """What does not fit, in words; empty if all does."""
    if isinstance(shape, Mapping):
        return _mapping_misfit(value, shape, where)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return _wrong(value, "a list", where)
        found = (misfit(item, shape[0], f"{where}[{i}]") for i, item in enumerate(value))
        return next(filter(None, found), "")
    # Whole numbers are written without a point, and in Python truth values are numbers.
    fits = isinstance(value, shape | int if shape in (float, float | None) else shape)
    if fits and (not isinstance(value, bool) or shape in (bool, object)):
        return ""
    return _wrong(value, getattr(shape, "__name__", str(shape)), where)


def _mapping_misfit(value: Any, shape: Mapping[Any, Any], where: str) -> str:
    if not isinstance(value, Mapping):
        return _wrong(value, "a mapping", where)
    for name, inner in shape.items():
        if name is ...:
            found = (misfit(item, inner, f"{where}.{key}") for key, item in value.items())
            words = next(filter(None, found), "")
        elif name.rstrip("?") in value:
            words = misfit(value[name.rstrip("?")], inner, f"{where}.{name.rstrip('?')}")
        else:
            words = "" if name.endswith("?") else f"{name} is missing{_in(where)}"
        if words:
            return words
    return ""


def _wrong(value: Any, wanted: str, where: str) -> str:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return f"{where.lstrip('.') or 'it'} is {shown}, not {wanted}"


def _in(where: str) -> str:
    return f" in {where.lstrip('.')}" if where else ""


def of_record(record: type) -> dict[str, Any]:
    """The shape of a dataclass as a mapping: what has a default may be missing."""
    hints = get_type_hints(record)
    shape = {}
    for field in fields(record):
        needed = field.default is MISSING and field.default_factory is MISSING
        simple = hints[field.name] in (str, bool, int, float, str | None, float | None, int | None)
        shape[field.name + ("" if needed else "?")] = hints[field.name] if simple else object
    return shape
