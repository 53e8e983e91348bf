"""One YAML, many tasks or methods: what a `family` lists, and what sweeps on the command line do.

    # conf/task/bbob.yaml
    family: {function: [1, 8, 15], dimension: [5, 20]}   # six tasks
    # or, of more than one setting each, by name
    family: {dataset: {adult: {table: adult.parquet}, car: {table: car.parquet}}}

`methods.asha.scheduler.eta=2,3,4` makes three methods of one, `tasks.bbob.function=8` leaves of a
family what has that. Names and labels say so: `asha_eta_2` is "ASHA, eta 2".
"""

import fnmatch
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from hpobench.study.overrides import Change, ConfigError, Sweep
from hpobench.words import unknown

KEY = "family"


class _Member(NamedTuple):
    """One choice on one axis: what is added to name and label, and what is set by dotted path."""

    suffix: str
    label: str
    settings: Mapping[str, Any]


class _Axis(NamedTuple):
    """`named`: members are called by their own names, without that of the axis."""

    name: str
    members: list[_Member]


def narrowed(node: Any, change: Change) -> bool:
    """Whether a change of the command line chooses from a family, which it then does in `node`.

    Raises ConfigError for a choice that is not there.
    """
    axis = ".".join(change.path[2:])
    family = node.get(KEY) if node is not None and len(change.path) > 2 else None
    if not family or axis not in family or change.sign not in ("", "++"):
        return False
    wanted = change.value.values if isinstance(change.value, Sweep) else change.value
    wanted = list(wanted) if isinstance(wanted, list | tuple) else [wanted]
    plain = OmegaConf.to_container(family[axis], resolve=False)
    if isinstance(plain, dict):
        if strange := [name for name in wanted if str(name) not in plain]:
            raise ConfigError(f"{change.text!r}: {unknown(axis, str(strange[0]), map(str, plain))}")
        family[axis] = {str(name): plain[str(name)] for name in wanted}
    else:
        family[axis] = wanted
    return True


def expanded(
    settings: dict[str, Any],
    pairs: Sequence[tuple[str, str]],
    sweeps: Sequence[Change],
    members: Mapping[str, Mapping[str, Sequence[str]]],
) -> tuple[dict[str, Any], tuple[tuple[str, str], ...]]:
    """Settings and pairs with every family in place of its name, in the order of its lists.

    `members`: by group and family the patterns of those that were asked for by their own name.
    """
    names: dict[str, dict[str, list[str]]] = {}
    for group in ("tasks", "methods"):
        names[group] = {}
        made: dict[str, Any] = {}
        for name, node in settings[group].items():
            mine = [change for change in sweeps if change.path[:2] == (group, name)]
            found = dict(_members(name, node, mine)) if node.get(KEY) or mine else {name: node}
            patterns = members.get(group, {}).get(name, ["*"])
            found = {k: v for k, v in found.items() if any(fnmatch.fnmatch(k, p) for p in patterns)}
            others = {*settings[group], *made} - {name}
            if clash := [one for one in found if one in others]:
                raise ConfigError(
                    f"{name}: one of its family is called {clash[0]!r}, as another is"
                )
            names[group][name] = list(found)
            made |= found
        settings = settings | {group: made}
    every = [
        (task, method)
        for base, other in pairs
        for task in names["tasks"][base]
        for method in names["methods"][other]
    ]
    return settings, tuple(dict.fromkeys(every))


def _members(
    name: str, node: Mapping[str, Any], sweeps: Sequence[Change]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the settings of each member of a family."""
    axes = list(_axes(name, node, sweeps))
    for chosen in itertools.product(*(axis.members for axis in axes)):
        own = {key: value for key, value in node.items() if key != KEY}
        about = dict(own.get("about") or {})
        label = ", ".join([str(about.get("label", name)), *(each.label for each in chosen)])
        if len(chosen) and sum(len(axis.members) for axis in axes) > len(axes):
            about.pop("color", None)  # a colour stands for one
        made = json.loads(json.dumps(own | {"about": about | {"label": label}}))
        for each in chosen:
            for path, value in each.settings.items():
                _set(made, path.split("."), value, f"{name}: family {path}")
        yield "_".join([name, *(each.suffix for each in chosen)]), made


def _axes(name: str, node: Mapping[str, Any], sweeps: Sequence[Change]) -> Iterator[_Axis]:
    family = node.get(KEY) or {}
    if not isinstance(family, dict) or not all(
        isinstance(some, list | dict) and some for some in family.values()
    ):
        raise ConfigError(f"{name}: family: write for each setting a list of values")
    swept = {".".join(change.path[2:]): list(change.value.values) for change in sweeps}
    axes: dict[str, Any] = swept | family  # of a family the values were chosen already
    paths = [*family, *(path for path in swept if path not in family)]
    for path in paths:
        some = axes[path]
        short = _short(path, paths)
        if isinstance(some, dict):
            members = [_Member(_plain(key), str(key), _flat(key, own)) for key, own in some.items()]
        else:
            members = [
                _Member(f"{_plain(short)}_{_plain(_text(v))}", f"{short} {_text(v)}", {path: v})
                for v in some
            ]
        if len({member.suffix for member in members}) < len(members):
            raise ConfigError(f"{name}: two of {path} have one name: {[m.suffix for m in members]}")
        yield _Axis(path, members)


def _flat(key: Any, settings: Any) -> dict[str, Any]:
    if not isinstance(settings, dict):
        raise ConfigError(f"family: {key}: write a mapping of settings, not {settings!r}")
    return {str(name): value for name, value in settings.items()}


def _short(path: str, paths: Sequence[str]) -> str:
    """The last word of a path, with more of them where two paths end alike."""
    words = path.split(".")
    for count in range(1, len(words) + 1):
        short = ".".join(words[-count:])
        if sum(("." + other).endswith("." + short) for other in paths) == 1:
            return short
    return path


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def _plain(text: Any) -> str:
    return re.sub(r"[^\w.+-]+", "_", str(text)).strip("_") or "_"


def _set(node: Any, path: Sequence[str], value: Any, where: str) -> None:
    """Set one setting, which must be there unless it is the task's or method's own."""
    *above, key = path
    for part in above:
        if not isinstance(node, dict) or part not in node:
            raise ConfigError(f"{where}: there is no {part!r}")
        node = node[part]
    node[key] = value
