"""Methods and tasks that are given as Python objects, as the settings that name them."""

import inspect
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from hpobench.api.settings import is_frozen, path_of, setting
from hpobench.system.names import as_file_name

Node = dict[str, Any]

_STATED = "__hpobench_task__"
_COMPOSITE = "hpobench.methods.composite.Composite"
_SCHEDULER = "hpobench.methods.schedulers.fifo.FIFO"
_SEARCHER = "hpobench.methods.searchers.random_search.RandomSearch"
_FUNCTION = "hpobench.tasks.functions.FunctionTask"


def task(
    function: Callable[..., Any] | None = None,
    /,
    space: Mapping[str, Any] | None = None,
    budget: Mapping[str, float] | None = None,
    **settings: Any,
) -> Any:
    """The function itself, which now says what space it is defined on: a task for `run`.

    `space`: as of `hpobench.Space`; None: the annotations of the parameters say it, such as
    `lr: loguniform(1e-4, 1)`. `budget`: when a run ends, such as {"trials": 50}, unless the study
    says it. `settings` are those of `hpobench.tasks.functions.FunctionTask`: noise, cost_s, label,
    goal, optimum, ... Without a function, a decorator:

    >>> @hpobench.task(space={"x": {"type": "float", "low": 0, "high": 1}}, noise="none")
    ... def bowl(x): return (x - 0.3) ** 2

    A bound method, or a function of C, cannot say anything of itself: a partial of it does.
    """
    if function is None:
        return lambda given: task(given, space, budget, **settings)
    stated = {"space": space, "budget": budget, **settings}
    try:
        setattr(function, _STATED, stated)
    except AttributeError:
        function = partial(function)
        setattr(function, _STATED, stated)
    return function


def aside(
    function: Callable[..., Any], space: Mapping[str, Any] | None, settings: Mapping[str, Any]
) -> Node:
    """A task by its name, for one call: the function itself does not learn of it."""
    try:
        name = _name("task", function)
    except ValueError:  # a lambda
        name = "function"
    return {name: _Stated(function, {"space": space, **settings})}


@dataclass(frozen=True)
class _Stated:
    function: Callable[..., Any]
    settings: Mapping[str, Any]


def nodes(group: str, things: Any) -> tuple[list[str], dict[str, Node]]:
    """The names that are chosen, and the settings of those that were given as objects.

    `group`: task or method. `things`: a name, an object, a list of them, or objects by name.
    """
    make = {"task": _task, "method": _method}[group]
    names: list[str] = []
    made: dict[str, Node] = {}
    for name, thing in _by_name(group, things):
        if isinstance(thing, str) and name is None:
            names.append(thing)
            continue
        called = name or _name(group, thing)
        if called in made:
            raise ValueError(
                f"{group}s has two objects called {called!r}: give them names, "
                f"{group}s={{'a': ..., 'b': ...}}"
            )
        made[called] = make(called, thing)
        names.append(called)
    if not names:
        raise ValueError(f"{group}s={things!r} names no {group}")
    return names, made


def _by_name(group: str, things: Any) -> Iterable[tuple[str | None, Any]]:
    if isinstance(things, Mapping) and "_target_" not in things:
        return [(_checked(group, name), thing) for name, thing in things.items()]
    if isinstance(things, list | tuple | set | frozenset):
        flat: list[tuple[str | None, Any]] = []
        for thing in things:
            flat += _by_name(group, thing) if _are_names(thing) else [(None, thing)]
        return flat
    return [(None, things)]


def _checked(group: str, name: Any) -> str:
    """The name that a user gives, a whole number as its text; raises ValueError if none can be."""
    whole = isinstance(name, int | np.integer) and not isinstance(name, bool)
    text = unicodedata.normalize("NFC", str(name))
    if (whole or isinstance(name, str)) and _can_be_name(text):
        return text
    other = re.sub(r"[^\w-]+", "_", text).strip("_-")
    raise ValueError(
        f"{group} {name!r}: a name has letters, digits, _ and - only, 60 bytes at most, and is no "
        "device of Windows, since files and settings are called so: choose another, such as "
        f"{other if _can_be_name(other) else 'mine'!r}"
    )


def _can_be_name(text: str) -> bool:
    return re.fullmatch(r"[\w-]+", text) is not None and as_file_name(text) == text


def _are_names(thing: Any) -> bool:
    return isinstance(thing, Mapping) and "_target_" not in thing


def _name(group: str, thing: Any) -> str:
    plain = getattr(thing, "func", thing)  # of a partial
    name = getattr(plain, "__name__", None) or type(plain).__name__
    if not re.fullmatch(r"[\w-]+", name) or isinstance(thing, Mapping):
        raise ValueError(f"{thing!r} has no name: give it one, {group}s={{'mine': ...}}")
    return as_file_name(name)


def _about(name: str, thing: Any) -> Node:
    words = (inspect.getdoc(thing) or "").partition("\n")[0] if callable(thing) else ""
    return {"label": name, "summary": words, "source": "given from Python"}


def _task(name: str, thing: Any) -> Node:
    if isinstance(thing, Mapping):
        return _settings("task", name, thing)
    stated = dict(getattr(thing, _STATED, {}))
    if isinstance(thing, _Stated):
        thing, stated = thing.function, stated | thing.settings
    about = {"about": _about(name, thing)}
    if _has(thing, "evaluate", "space") and not isinstance(thing, type):
        return about | {"_target_": path_of(name, _Gives(thing))}
    if not callable(thing):
        raise ValueError(
            f"task {name!r} is {thing!r}: give the name of a task, a function, or an object with "
            "`space` and `evaluate`"
        )
    if isinstance(thing, type) and hasattr(thing, "evaluate"):
        return about | {"_target_": path_of(name, thing)}
    space = stated.pop("space", None) or _annotated(thing)
    if not space:
        raise ValueError(
            f"task {name!r}: the function states no search space: give it as "
            f"hpobench.task({name}, space={{...}}), or annotate its parameters, such as "
            "lr: loguniform(1e-4, 1)"
        )
    if not stated.get("budget", True):
        del stated["budget"]
    made = about | {"_target_": _FUNCTION}
    others = {
        key: setting(f"{name}_{key}", value, f"task {name!r}: {key}")
        for key, value in stated.items()
    }
    return made | {"function": path_of(name, thing), "space": _plain(name, space)} | others


class _Gives:
    """What gives an object when it is called, as settings want it."""

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __call__(self) -> Any:
        return self._thing


def _annotated(function: Callable[..., Any]) -> Node:
    """The search space that the annotations of parameters state."""
    try:
        hints = inspect.get_annotations(getattr(function, "func", function), eval_str=True)
    except Exception:  # names that are not there, or no function
        return {}
    found = {}
    for name, hint in hints.items():
        said = getattr(hint, "__metadata__", [hint])[0]  # of Annotated
        is_class = isinstance(said, type)
        if name != "return" and not is_class and (_has(said, "contains") or _is_stated(said)):
            found[name] = said
    return found


def _is_stated(hint: Any) -> bool:
    return isinstance(hint, Mapping) or is_frozen(hint)


def _plain(name: str, space: Any) -> Node:
    from hpobench.space.space import Space

    try:
        stated = space if isinstance(space, Space) else Space(space)
        return dict(json.loads(json.dumps(stated.specification(), default=_number)))
    except (TypeError, ValueError) as error:
        raise ValueError(f"task {name!r}: {error}") from error


def _number(value: Any) -> Any:
    item = getattr(value, "item", None)
    if item is None:
        raise ValueError(f"the value {value!r} of its space must be a text, a number or a truth")
    return item()


def _method(name: str, thing: Any) -> Node:
    if isinstance(thing, Mapping):
        return _settings("method", name, thing)
    kind = getattr(thing, "func", thing)
    about = {"about": _about(name, kind)}
    if callable(thing) and not (isinstance(kind, type) or inspect.isfunction(kind)):
        kind = type(kind)
    if not callable(thing):
        raise ValueError(
            f"method {name!r} is {thing!r}: give the class, not an object of it, since each run "
            "has a searcher of its own; settings by functools.partial"
        )
    if _has(kind, "ask", "tell") or inspect.isfunction(kind):
        return about | {"_target_": path_of(name, thing)}
    if not (searches := _has(kind, "suggest", "observe")) and not _has(kind, "next", "report"):
        raise ValueError(
            f"method {name!r}: {kind!r} has neither `suggest` and `observe` (a searcher), nor "
            "`next` and `report` (a scheduler), nor `ask` and `tell` (a method)"
        )
    own = {"_target_": path_of(name, thing), "_partial_": True}
    other = {"_target_": _SCHEDULER if searches else _SEARCHER, "_partial_": True}
    searcher, scheduler = (own, other) if searches else (other, own)
    return about | {"_target_": _COMPOSITE, "searcher": searcher, "scheduler": scheduler}


def _has(thing: Any, *names: str) -> bool:
    return all(hasattr(thing, name) for name in names)


def _settings(group: str, name: str, given: Mapping[str, Any]) -> Node:
    """Settings as of a YAML file; classes and functions among them are named."""
    if "_target_" not in given:
        raise ValueError(f"{group} {name!r}: settings need a _target_, as in a YAML file")
    return {"about": {"label": name, "summary": "", "source": "given from Python"}} | {
        str(key): setting(f"{name}_{key}", value, f"{group} {name!r}: {key}")
        for key, value in given.items()
    }
