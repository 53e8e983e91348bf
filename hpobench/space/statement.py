"""How search spaces are stated: hyperparameters as mappings or SciPy distributions, conditions."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from hpobench.space.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal


def conditions(
    items: Mapping[str, Hyperparameter], specs: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[str, list[Any]]]]:
    """For each conditional hyperparameter: its parent, and the values of it that activate it."""
    before: list[str] = []
    for name, spec in specs.items():
        if isinstance(spec, Mapping) and spec.get("when"):
            if len(spec["when"]) != 1:
                raise ValueError(f"hyperparameter {name!r}: when={spec['when']!r} names one parent")
            ((parent, value),) = spec["when"].items()
            values = list(value) if isinstance(value, list | tuple) else [value]
            if parent not in before:
                raise ValueError(
                    f"hyperparameter {name!r} depends on {parent!r}, which must be stated before it"
                )
            if strange := [value for value in values if not items[parent].contains(value)]:
                raise ValueError(f"hyperparameter {name!r}: {parent} is never {strange[0]!r}")
            yield name, (parent, values)
        before.append(name)


def stated(name: str, spec: Any) -> Hyperparameter:
    """The hyperparameter that `spec` states; raises ValueError naming it."""
    if not isinstance(name, str) or not name:
        raise ValueError(f"hyperparameter {name!r}: a name must be a text: put it in quotes")
    try:
        if isinstance(spec, Float | Integer | Ordinal | Categorical):
            return spec
        if isinstance(spec, Mapping):
            return _from_mapping(spec)
        if hasattr(spec, "support") and hasattr(spec, "dist"):
            return _from_scipy(spec)
    except (TypeError, ValueError) as error:
        raise ValueError(f"hyperparameter {name!r}: {error}") from error
    raise ValueError(
        f"hyperparameter {name!r}: {spec!r} is neither a hyperparameter, a mapping with a type, "
        "nor a frozen scipy.stats distribution"
    )


def plain(item: Hyperparameter, when: Mapping[str, Sequence[Any]] | None) -> dict[str, Any]:
    """The mapping that states a hyperparameter and its condition; inverse of `stated`."""
    made: dict[str, Any] = {"type": type(item).__name__.lower()}
    for field in fields(item):  # type: ignore[arg-type]
        value = getattr(item, field.name)
        if field.name == "levels":
            made["values"] = list(value)
        elif value is not None:
            made[field.name] = value
    return made | ({"when": {name: list(values) for name, values in when.items()}} if when else {})


def _from_mapping(spec: Mapping[str, Any]) -> Hyperparameter:
    types = {"float": Float, "integer": Integer, "ordinal": Ordinal, "categorical": Categorical}
    settings = dict(spec)
    settings.pop("when", None)
    kind = settings.pop("type", None)
    if kind not in types:
        raise ValueError(f"type={kind!r}: use one of {', '.join(types)}")
    if "values" in settings:
        settings["levels"] = settings.pop("values")
    taken = [field.name for field in fields(types[kind])]
    needed = [name for name in taken if name in ("low", "high", "levels")]
    wrong = [name for name in settings if name not in taken]
    wrong += [name for name in needed if name not in settings]
    if wrong:
        shown = ", ".join(taken).replace("levels", "values")
        problem = "lacks" if wrong[0] in taken else "does not take"
        wanted = wrong[0].replace("levels", "values")
        raise ValueError(f"type {kind} {problem} {wanted!r}: it takes {shown}")
    made: Hyperparameter = types[kind](**settings)
    return made


def _from_scipy(frozen: Any) -> Hyperparameter:
    """From the distribution's support: mind that scipy's randint excludes its upper bound."""
    low, high = map(float, frozen.support())
    match frozen.dist.name:
        case "uniform":
            return Float(low, high)
        case "randint":
            return Integer(int(low), int(high))
        case "loguniform" | "reciprocal":
            if not math.isclose(frozen.median(), math.sqrt(low * high), rel_tol=1e-9):
                raise ValueError("a shifted loguniform (loc != 0) is not uniform on a log scale")
            return Float(low, high, log=True)
        case other:
            raise ValueError(f"scipy's {other} is not supported: use loguniform, uniform, randint")
