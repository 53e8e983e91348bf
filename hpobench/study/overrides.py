"""The command line in Hydra's grammar: what it chooses, and what it changes in settings.

`key=value` changes, `+key=value` adds, `++key=value` does either, `~key` removes. Nothing that is
given is without effect: what is not known, or would not be read, is refused.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, Transformer
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf

from hpobench.words import unknown

_GROUPS = ("task", "method", "study")
# Taken as they are written: names and paths may look like numbers, or hold any letter.
_TEXTS = ("name", "runs_dir", "replay_from", "engine", "engine_address", "backend", "shard")


class ConfigError(ValueError):
    """What the user asked for cannot be run; the message says why and what would do."""


class Sweep(NamedTuple):
    """Several values of one setting, `a,b`: as many tasks or methods."""

    values: tuple[Any, ...]


class Change(NamedTuple):
    """One setting of the command line.

    `sign`: "" changes, "+" adds, "++" does either, "~" removes.
    """

    text: str
    sign: str
    path: tuple[str, ...]
    value: Any


def split(
    overrides: Sequence[str],
) -> tuple[dict[str, list[str]], list[Change], list[str]]:
    """The choices of method, task and study by name, all other changes, and notes."""
    chosen: dict[str, list[str]] = {}
    changes: dict[tuple[str, ...], Change] = {}
    last: dict[str, str] = {}
    notes = []
    for text in overrides:
        sign, key, value = _parts(text)
        if key in last:
            notes.append(f"{text} counts, not {last[key]} before it")
        last[key] = text
        if key in _GROUPS:
            chosen[key] = _names(text, sign, key, value)
            continue
        path = tuple(key.split("."))
        _check_path(text, sign, path)
        changes.pop(path, None)
        changes[path] = Change(text, sign, path, _value(text, sign, path, value))
    return chosen, list(changes.values()), notes


def _parts(text: str) -> tuple[str, str, str]:
    """Sign, key and value of an override."""
    found = re.fullmatch(r"(\+\+|\+|~|)([^=]*?)(?:=(.*))?", text, re.DOTALL)
    assert found is not None
    sign, key, value = found[1], unicodedata.normalize("NFC", found[2].strip()), found[3]
    if (value is None) != (sign == "~"):
        raise ConfigError(f"cannot read {text!r}: write key=value, or ~key to remove a key")
    if "@" in key:
        raise ConfigError(f"{text!r}: write {key.partition('@')[0]}=NAME; settings: {_HELP}")
    if not key or not all(key.split(".")):
        raise ConfigError(f"cannot read {text!r}: write key=value")
    return sign, key, value or ""


_HELP = "tasks.NAME.key=value, methods.NAME.key=value"


def _check_path(text: str, sign: str, path: tuple[str, ...]) -> None:
    """Raise ConfigError for what would be without effect, or leave nothing to run."""
    if path[0] == "hydra":
        raise ConfigError(
            f"{text!r}: Hydra's own settings have no effect here; see conf/config.yaml"
        )
    if path[0] == "comparisons":
        raise ConfigError(f"{text!r}: choose with task= and method=, or write a study")
    if sign == "~" and len(path) < 3:
        raise ConfigError(
            f"{text!r}: the setting {'.'.join(path)!r} is needed; set it to null or a value"
        )


def _names(text: str, sign: str, group: str, value: str) -> list[str]:
    """The names in `NAME`, `[NAME,NAME]` or quotes, as they are written."""
    if sign:
        raise ConfigError(f"{text!r}: write {group}=NAME or {group}=[NAME,NAME]")
    value = value.strip()
    if group == "study" and not value.startswith("["):  # a path may hold any letter
        words = [value]
    elif re.match(r"(glob|choice)\(", value):
        words = _swept_names(text, value)
    else:
        several = value.startswith("[") and value.endswith("]")
        words = (value[1:-1] if several else value).split(",")
    names = [re.sub(r"""^(['"])(.*)\1$""", r"\2", word.strip()) for word in words]
    if not all(names):
        raise ConfigError(f"{text!r} names no {group}")
    return [unicodedata.normalize("NFC", name) for name in names]


def _swept_names(text: str, value: str) -> list[str]:
    """The names of `choice(a,b)`, the patterns of `glob(a*)`; what it excludes begins with !."""
    try:
        found: Any = OverridesParser.create().parse_override(f"key={value}").value()
    except HydraException as error:
        raise ConfigError(f"cannot read {text!r} ({error})") from error
    if isinstance(found, Glob):
        return [*found.include, *(f"!{name}" for name in found.exclude)]
    return [str(name) for name in found.list]


def _swept_seeds(text: str, override: Override) -> list[Any]:
    """The numbers of `0,1,2`, `choice(0,1)` or `range(0,30)`."""
    try:
        return [yaml.safe_load(str(word)) for word in override.sweep_string_iterator()]
    except HydraException as error:
        raise ConfigError(f"cannot read {text!r} ({error})") from error


def _value(text: str, sign: str, path: tuple[str, ...], value: str) -> Any:
    """What is written after the sign of equality, in Hydra's grammar, or else the text itself."""
    if sign == "~":
        return None
    if len(path) == 1 and path[0] in _TEXTS and not value.startswith(("'", '"')):
        return None if value == "null" else value
    structured = value.lstrip().startswith(("[", "{", "'", '"'))
    try:
        parsed = OverridesParser.create().parse_override(f"key={value}")
    except HydraException as error:
        if structured:
            words = "put texts with letters or signs of their own in quotes"
            raise ConfigError(f"cannot read {text!r}: {words} ({error})") from error
        return value
    if parsed.is_sweep_override() and path == ("seeds",):
        return _swept_seeds(text, parsed)
    if parsed.is_sweep_override():
        return _sweep(text, path, parsed)
    answer = parsed.value()
    # Hydra takes blanks and backslashes out of a text without quotes, as of \\server\share.
    as_written = isinstance(answer, str) and not structured and _less(answer) == _less(value)
    return value if as_written else answer


def _sweep(text: str, path: tuple[str, ...], parsed: Any) -> Sweep:
    """The values of a setting of one task or method, of which each is one of its own."""
    if path[0] not in ("tasks", "methods") or len(path) < 3:
        raise ConfigError(
            f"{text!r}: only settings of a task or method take several values, a,b; method=, task= "
            "and seeds= take [a,b]"
        )
    try:
        values = list(parsed.sweep_iterator(transformer=Transformer.identity))
    except HydraException as error:
        raise ConfigError(f"cannot read {text!r}: {error}") from error
    return Sweep(tuple(values))


def _less(text: str) -> str:
    """A text without blanks at its ends and backslashes."""
    return text.replace("\\", "").strip()


def apply(settings: DictConfig, change: Change) -> None:
    """Change, add or remove one setting; raises ConfigError if that cannot be."""
    *above, key = change.path
    node: Any = settings
    for depth, part in enumerate(above):
        node = _step(node, part, change, above[:depth])
    if isinstance(node, ListConfig):
        _step(node, key, change, above)
        node[int(key)] = change.value
        return
    if not isinstance(node, DictConfig):
        raise ConfigError(f"{change.text!r}: {'.'.join(above)} is {node!r}, no mapping of keys")
    present = key in node
    if not present and not _adds(change, above):
        raise _unknown(node, key, change, above)
    if change.sign == "~":
        del node[key]
        return
    if change.sign == "+" and present and not isinstance(change.value, dict):
        raise ConfigError(f"{change.text!r}: {key!r} is there already: leave out the +")
    old = node._get_node(key) if present else None
    merge = isinstance(old, DictConfig) and isinstance(change.value, dict) and not old._is_none()
    node[key] = OmegaConf.merge(old, change.value) if merge else change.value


def _adds(change: Change, above: Sequence[str]) -> bool:
    """Whether what is not there yet may be added: only tasks and methods take any key."""
    # Bounds are added by the name of a metric, which no YAML can list beforehand.
    free = change.sign in ("+", "++") or change.path[2:3] == ("constraints",)
    if change.path[0] == "engine":  # whatever the class of the cluster takes
        return free and len(above) > 0
    return free and change.path[0] in ("tasks", "methods") and len(above) > 1


def _step(node: Any, part: str, change: Change, above: Sequence[str]) -> Any:
    """The node below `node`."""
    if isinstance(node, ListConfig):
        if not part.isdecimal() or int(part) >= len(node):
            place = ".".join(above)
            raise ConfigError(f"{change.text!r}: {place} is a list of {len(node)}: use 0 and on")
        return node[int(part)]
    if isinstance(node, DictConfig) and part not in node and _adds(change, above):
        node[part] = {}
    if not isinstance(node, DictConfig) or part not in node:
        raise _unknown(node, part, change, above)
    return node[part]


def _unknown(node: Any, key: str, change: Change, above: Sequence[str]) -> ConfigError:
    place = ".".join(above) or "the settings"
    keys = [str(name) for name in node] if isinstance(node, DictConfig) else []
    told = unknown(f"key of {place}:", key, keys)
    added = f". To add it all the same: +{'.'.join(change.path)}=..." if len(above) > 1 else ""
    return ConfigError(told + added)


def quoted(text: str) -> str:
    """A text in Hydra's grammar, where only backslashes before a quote are doubled."""
    return "'" + re.sub(r"(\\*)('|$)", _escaped, text) + "'"


def _escaped(found: re.Match[str]) -> str:
    return 2 * found[1] + (found[2] and "\\'")
