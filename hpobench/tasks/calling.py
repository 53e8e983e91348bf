"""The user's own functions: how they are found and called, and what they may return.

A function returns one finite number, or a mapping of

    value           what is optimised, in the user's direction
    test, train     the same on test data, and on the data that were trained on
    true            the same free of noise
    cost_s          seconds that it took, on the simulated clock
    resource        what it was trained for, if less than it was asked for
    save            of a training loop: a function that writes its state into a folder

and the metrics that the task constrains, by name. Other names are left alone, unless they look like
one of these.
"""

import difflib
import inspect
import math
import reprlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hpobench.records import Constraint, EvaluationError, Fidelity
from hpobench.system.dotted import locate

Function = Callable[..., Any]

NONE, ADDED, SEEDED, UNKNOWN = "none", "added", "seeded", "unknown"
LARGEST_SEED = 2**31
KEYS = ("value", "test", "train", "true", "cost_s", "resource", "save")


class Measured(NamedTuple):
    """What a function returned, checked; in the user's direction. NaN: not measured."""

    value: float
    test: float = math.nan
    train: float = math.nan
    true: float = math.nan
    cost_s: float = math.nan
    resource: float = math.nan
    save: Callable[[Path], Any] | None = None
    metrics: Mapping[str, float] = {}


def measured(returned: Any, bounds: Sequence[Constraint], what: str = "the function") -> Measured:
    """What a function returned; raises EvaluationError, naming it, if it is none of the above."""
    if not isinstance(returned, Mapping):
        found = Measured(number(returned, what))
    else:
        _check_keys(returned, {bound.metric for bound in bounds}, what)
        found = Measured(
            number(returned["value"], what, "'value' must be"),
            **{key: _beside(returned, key, what) for key in ("test", "train", "true")},
            cost_s=_cost(returned, what),
            resource=_optional(returned, "resource", what),
            save=_save(returned, what),
            metrics={
                bound.metric: number(returned[bound.metric], what, f"{bound.metric!r} must be")
                for bound in bounds
                if bound.metric in returned
            },
        )
    lacking = [bound.metric for bound in bounds if bound.metric not in found.metrics]
    if lacking:
        raise EvaluationError(
            f"the task constrains {', '.join(lacking)}, and {what} returned no such number: return "
            f"a dict with value and {', '.join(lacking)}"
        )
    return found


def _check_keys(returned: Mapping[Any, Any], metrics: Collection[str], what: str) -> None:
    if "value" not in returned:
        names = ", ".join(map(repr, returned)) or "nothing"
        raise EvaluationError(
            f"{what} returned a dict that has {names} and no 'value', which is what is optimised"
        )
    for key in returned:
        if key in KEYS or key in metrics or not isinstance(key, str):
            continue
        if near := difflib.get_close_matches(key, [*KEYS, *metrics], n=1, cutoff=0.75):
            raise EvaluationError(
                f"{what} returned a dict with {key!r}: did you mean {near[0]!r}? Of other numbers "
                "choose a name that is less like it"
            )


def _optional(returned: Mapping[str, Any], key: str, what: str) -> float:
    value = returned.get(key)
    return math.nan if value is None else number(value, what, f"{key!r} must be")


def _beside(returned: Mapping[str, Any], key: str, what: str) -> float:
    """As `_optional`; what is not finite was not measured."""
    value = returned.get(key)
    found = math.nan if value is None else _plain(value)
    if found is None:
        return number(value, what, f"{key!r} must be")
    return found if math.isfinite(found) else math.nan


def _cost(returned: Mapping[str, Any], what: str) -> float:
    seconds = _optional(returned, "cost_s", what)
    if seconds < 0:
        raise EvaluationError(f"{what} returned cost_s={seconds}: seconds are at least 0")
    return seconds


def _save(returned: Mapping[str, Any], what: str) -> Callable[[Path], Any] | None:
    save = returned.get("save")
    if save is not None and not callable(save):
        raise EvaluationError(
            f"{what} returned save={reprlib.repr(save)}: give a function of a folder, which writes "
            "the state of the training there"
        )
    return save


def number(returned: Any, what: str = "the function", wanted: str = "it must return") -> float:
    """What a function returned as a finite number; raises EvaluationError if it is none.

    Numbers of any kind will do: of NumPy, torch or `decimal`, and arrays of one element.
    """
    if type(returned) is float and math.isfinite(returned):
        return returned
    found = _plain(returned)
    if found is not None and math.isfinite(found):
        return found
    shown = reprlib.repr(returned)
    if returned is not None and not isinstance(returned, float):
        shown = f"{shown}, which is of type {type(returned).__name__}"
    raise EvaluationError(f"{what} returned {shown}: {wanted} one finite number")


def _plain(returned: Any) -> float | None:
    item = getattr(returned, "item", None)
    try:
        plain = item() if callable(item) else returned
        return None if isinstance(plain, str | bytes) else float(plain)
    except Exception:
        return None


def resolve(function: Function | str, setting: str = "function") -> Function:
    """The function itself, or what stands at its dotted path."""
    if not isinstance(function, str):
        return function
    resolved = locate(function)
    if not callable(resolved):
        raise ValueError(f"{setting}={function!r} is {resolved!r}, which cannot be called")
    made: Function = resolved
    return made


def check_returns(function: Function) -> None:
    """Raise ValueError for a function that yields, or is awaited: it returns no value."""
    if inspect.isgeneratorfunction(function):
        raise ValueError(
            "the function yields: what trains step by step is a training loop: _target_: "
            "hpobench.tasks.loops.TrainingLoop, with loop: and epochs: in the place of function:"
        )
    if inspect.iscoroutinefunction(function):
        raise ValueError(
            "the function is async, and would not be awaited: give one that calls asyncio.run"
        )


def takes(function: Function, name: str) -> bool:
    """Whether a function has a parameter of that name."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # some functions in C have none
        return False


def stated_noise(
    stated: float | str | None, function: Function, names: Sequence[str]
) -> tuple[str, float]:
    """What is known of a function's noise, and the standard deviation of what is added to it."""
    if stated is None:
        return (SEEDED if "seed" not in names and takes(function, "seed") else UNKNOWN), 0.0
    if stated in (NONE, SEEDED, UNKNOWN):
        return str(stated), 0.0
    if isinstance(stated, bool | str) or not 0 <= stated < math.inf:
        raise ValueError(
            f"noise={stated}: use none, seeded or unknown, or the standard deviation, at least 0, "
            "of noise that is to be added"
        )
    return (ADDED if stated else NONE), float(stated)


COMPARABLE = frozenset({"epochs", "iterations", "rounds", "steps", "trees"})
"""Resources of which more is more of the same training."""


def stated_fidelity(stated: Mapping[str, Any]) -> Fidelity:
    """The fidelity that a YAML states as `{name: epochs, r_min: 1, r_max: 27}`.

    Raises ValueError if it does not say whether values at different resources compare, and the name
    does not either.
    """
    known = {"name", "r_min", "r_max", "comparable", "integer", "levels"}
    if strange := sorted(set(stated) - known):
        raise ValueError(f"fidelity has no {strange[0]}: it takes {', '.join(sorted(known))}")
    if "name" not in stated or "r_max" not in stated:
        raise ValueError("fidelity needs a name and r_max: {name: epochs, r_min: 1, r_max: 27}")
    if "comparable" not in stated and stated["name"] not in COMPARABLE:
        raise ValueError(
            f"fidelity {stated['name']!r}: state comparable: true if what was trained for less is "
            "a model in its own right, so that values at different resources compare (iterations), "
            "false if they do not (subsets, folds)"
        )
    r_min, r_max = stated.get("r_min", 1), stated["r_max"]
    whole = all(float(level).is_integer() for level in (r_min, r_max))
    return Fidelity(
        str(stated["name"]),
        r_min,
        r_max,
        integer=stated.get("integer", whole),
        comparable=stated.get("comparable", True),
        levels=tuple(map(float, stated.get("levels", ()))),
    )


def check_call(function: Function, names: Sequence[str]) -> None:
    """Raise ValueError if a function cannot be called with these names."""
    try:
        # Not of what a decorator wraps: it may add arguments of its own.
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):  # some functions in C have none
        return
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        name = getattr(function, "__qualname__", repr(function))
        raise ValueError(
            f"{name}{signature} cannot be called with the hyperparameters of the space "
            f"({', '.join(names)}): {error}"
        ) from None


def stated_bounds(bounds: Mapping[str, Any] | None) -> tuple[Constraint, ...]:
    """Bounds on what a function measures: `{latency_s: 0.02}` or `{latency_s: {lower: 0.01}}`."""
    return tuple(
        Constraint(name, **(bound if isinstance(bound, Mapping) else {"upper": bound}))
        for name, bound in (bounds or {}).items()
    )
