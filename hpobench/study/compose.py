"""From the command line to a plan: settings are merged as settings, and the grid is expanded here.

`conf/config.yaml`, then the study's YAML, then each chosen task's and method's as `tasks.NAME` and
`methods.NAME`, then what the study says of them, then the command line, in Hydra's grammar:
`key=value`, `+key=value` (adds), `++key=value` (either), `~key` (removes). Nothing that is given is
without effect: what is not known, or would not be read, is refused.
"""

import fnmatch
import logging
import re
import unicodedata
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hpobench.study import catalogue
from hpobench.system.moved import renamed
from hpobench.words import unknown

_NEEDED = (
    *("name", "seeds", "workers", "overhead", "replay_from", "budget", "runs_dir", "study_seed"),
    *("n_jobs", "backend", "shard", "part_runs", "retry_failed", "progress"),
    *("clock", "job_timeout_s", "worker_memory_mb", "engine", "engine_address", "oversubscribe"),
)
_GROUPS = ("task", "method", "study")
# Beside the settings of conf/config.yaml a study states these.
_OF_A_STUDY = ("about", "name", "seeds", "workers", "comparisons", "tasks", "methods")
# Taken as they are written: names and paths may look like numbers, or hold any letter.
_TEXTS = ("name", "runs_dir", "replay_from", "engine", "engine_address", "backend", "shard")


class ConfigError(ValueError):
    """What the user asked for cannot be run; the message says why and what would do."""


@dataclass(frozen=True)
class Composed:
    """All settings as plain containers, and the chosen (task, method) names in order.

    `notes`: what the user should know of how the settings were read.
    """

    settings: dict[str, Any]
    pairs: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


class _Change(NamedTuple):
    """One setting of the command line.

    `sign`: "" changes, "+" adds, "++" does either, "~" removes.
    """

    text: str
    sign: str
    path: tuple[str, ...]
    value: Any


def load(overrides: Sequence[str], folders: Sequence[Path] = ()) -> Composed:
    """Merge `conf/` with command-line overrides; `folders` hold YAML files of one's own."""
    chosen, changes, notes = _split(overrides)
    study = _match("study", chosen.pop("study", ["default"]), folders)
    if len(study) > 1:
        raise ConfigError(f"study={','.join(study)}: name one study")
    stated = _read("study", study[0], folders)
    _check_keys(study[0], stated)
    comparisons = _comparisons(study[0], stated, chosen, folders)
    pairs = tuple(
        dict.fromkeys(
            (task, method)
            for comparison in comparisons
            for task in comparison["task"]
            for method in comparison["method"]
        )
    )
    names = {
        "task": dict.fromkeys(t for t, _ in pairs),
        "method": dict.fromkeys(m for _, m in pairs),
    }
    own = {
        f"{group}s": {name: _read(group, name, folders) for name in chosen_names}
        for group, chosen_names in names.items()
    }
    settings, moves = renamed(_merge(study[0], stated, own, changes))
    _check_shape(settings)
    return Composed(settings, pairs, (*notes, *moves))


def _merge(
    study: str,
    stated: Mapping[str, Any],
    own: Mapping[str, Mapping[str, Any]],
    changes: Sequence[_Change],
) -> dict[str, Any]:
    """All settings, interpolations resolved; `own`: the YAML of tasks and methods by name."""
    said = {group: _chosen(study, group, stated.get(group), nodes) for group, nodes in own.items()}
    try:
        settings = OmegaConf.merge(_base(), dict(stated) | dict(own), said)
        assert isinstance(settings, DictConfig)
        for change in changes:
            _apply(settings, change)
        plain = OmegaConf.to_container(settings, resolve=True, throw_on_missing=True)
    except (OmegaConfBaseException, RecursionError) as error:
        raise ConfigError(f"cannot merge the settings: {error}") from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _base() -> dict[str, Any]:
    """What `conf/config.yaml` sets."""
    return catalogue.mapping(catalogue.CONF / "config.yaml")


def _check_keys(study: str, stated: Mapping[str, Any]) -> None:
    """Raise ConfigError for a key of a study that nothing reads."""
    known = [*_OF_A_STUDY, *_base()]
    for key in stated:
        if key not in known:
            raise ConfigError(unknown(f"key of study {study!r}:", key, known))


def _chosen(study: str, group: str, nodes: Any, names: Collection[str]) -> dict[str, Any]:
    """What the study says of the tasks or methods that were chosen."""
    if not isinstance(nodes or {}, dict):
        raise ConfigError(f"study {study!r}: {group} must be a mapping of names to settings")
    return {name: node for name, node in (nodes or {}).items() if name in names}


def _read(group: str, name: str, folders: Sequence[Path]) -> dict[str, Any]:
    """The YAML of one name; one that has a `defaults` list of others is composed by Hydra."""
    path = catalogue.path_of(group, name, folders)
    stated = catalogue.mapping(path)
    if not isinstance(stated.get("defaults"), list):
        return stated | _names_as_written(path) if group == "study" else stated
    logging.getLogger("hydra").setLevel(logging.ERROR)
    root = path.parents[name.count("/") + 1]
    others = [f"file://{folder.resolve()}" for folder in folders]
    searched = ",".join(["pkg://hpobench.conf", *map(_quoted, others)])
    try:
        with (
            warnings.catch_warnings(),
            initialize_config_dir(str(root.resolve()), version_base="1.3"),
        ):
            warnings.simplefilter("ignore")  # of a list without _self_, which goes last
            composed = compose(f"{group}/{name}", overrides=[f"hydra.searchpath=[{searched}]"])
        node: Any = OmegaConf.to_container(composed)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"{path}: its defaults cannot be composed: {error}") from error
    for part in f"{group}/{name}".split("/")[:-1]:
        node = node.get(part, node)
    return {str(key): value for key, value in node.items()}


def _names_as_written(path: Path) -> dict[str, Any]:
    """The names in a study's YAML as texts, whatever else they may look like: 007, 1e3, null."""
    written = catalogue.mapping(path, as_texts=True)
    return {key: written[key] for key in ("name", "comparisons") if key in written}


def _quoted(text: str) -> str:
    """A text in Hydra's grammar, where only backslashes before a quote are doubled."""
    return "'" + re.sub(r"(\\*)('|$)", _escaped, text) + "'"


def _escaped(found: re.Match[str]) -> str:
    return 2 * found[1] + (found[2] and "\\'")


def _check_shape(settings: Mapping[str, Any]) -> None:
    """Raise ConfigError if a node is missing, or is no mapping where one is needed."""
    for name in _NEEDED:
        if name not in settings:
            raise ConfigError(f"the study states no {name!r}: add it, or give {name}=VALUE")
    for group in ("tasks", "methods"):
        nodes = settings.get(group)
        for name, node in nodes.items() if isinstance(nodes, dict) else [(group, None)]:
            if not isinstance(node, dict) or "_target_" not in node:
                raise ConfigError(f"{group}.{name} must be a mapping with a _target_, not {node!r}")
    if not isinstance(settings["budget"], dict):
        raise ConfigError(f"budget={settings['budget']!r}: give budget.time_s= or another limit")


def _split(
    overrides: Sequence[str],
) -> tuple[dict[str, list[str]], list[_Change], list[str]]:
    """The choices of method, task and study by name, all other changes, and notes."""
    chosen: dict[str, list[str]] = {}
    changes: dict[tuple[str, ...], _Change] = {}
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
        changes[path] = _Change(text, sign, path, _value(text, sign, path, value))
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
    several = value.startswith("[") and value.endswith("]")
    words = value[1:-1].split(",") if several else [value]
    names = [re.sub(r"""^(['"])(.*)\1$""", r"\2", word.strip()) for word in words]
    if not several and "," in value:
        raise ConfigError(f"{text!r}: several values go into brackets: {group}=[{value}]")
    if not all(names):
        raise ConfigError(f"{text!r} names no {group}")
    return [unicodedata.normalize("NFC", name) for name in names]


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
    if parsed.is_sweep_override():
        raise ConfigError(f"{text!r}: only method=, task= and seeds= take several values: [a,b]")
    answer = parsed.value()
    # Hydra takes blanks and backslashes out of a text without quotes, as of \\server\share.
    as_written = isinstance(answer, str) and not structured and _less(answer) == _less(value)
    return value if as_written else answer


def _less(text: str) -> str:
    """A text without blanks at its ends and backslashes."""
    return text.replace("\\", "").strip()


def _apply(settings: DictConfig, change: _Change) -> None:
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


def _adds(change: _Change, above: Sequence[str]) -> bool:
    """Whether what is not there yet may be added: only tasks and methods take any key."""
    # Bounds are added by the name of a metric, which no YAML can list beforehand.
    free = change.sign in ("+", "++") or change.path[2:3] == ("constraints",)
    return free and change.path[0] in ("tasks", "methods") and len(above) > 1


def _step(node: Any, part: str, change: _Change, above: Sequence[str]) -> Any:
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


def _unknown(node: Any, key: str, change: _Change, above: Sequence[str]) -> ConfigError:
    place = ".".join(above) or "the settings"
    keys = [str(name) for name in node] if isinstance(node, DictConfig) else []
    told = unknown(f"key of {place}:", key, keys)
    added = f". To add it all the same: +{'.'.join(change.path)}=..." if len(above) > 1 else ""
    return ConfigError(told + added)


def _comparisons(
    study: str,
    stated: Mapping[str, Any],
    chosen: Mapping[str, list[str]],
    folders: Sequence[Path],
) -> list[dict[str, list[str]]]:
    """The blocks of tasks x methods of the study, with what the command line chose instead."""
    blocks = _blocks(study, stated)
    if {"task", "method"} <= set(chosen):
        blocks = [{}]
    comparisons = []
    for block in blocks:
        names = {}
        for group in ("task", "method"):
            wanted = chosen.get(group) or block.get(group)
            if not wanted:
                raise ConfigError(f"study {study!r} states no {group}: add {group}=NAME")
            wanted = [wanted] if isinstance(wanted, str) else wanted
            names[group] = _match(group, wanted, folders)
        comparisons.append(names)
    return comparisons


def _blocks(study: str, stated: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The comparisons that a study states."""
    blocks = stated.get("comparisons") or [{}]
    if isinstance(blocks, dict):
        blocks = [blocks]
    for block in blocks:
        if not isinstance(block, dict) or not set(block) <= {"task", "method"}:
            raise ConfigError(
                f"study {study!r}: comparisons hold {block!r}: write a list of mappings with "
                "task: [...] and method: [...]"
            )
    return list(blocks)


def _match(group: str, wanted: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """The names in `conf/GROUP/` that match names or patterns, in the order wanted."""
    choices = catalogue.names(group, folders)
    found: dict[str, None] = {}
    for name in wanted:
        matching = fnmatch.filter(choices, name)
        if not matching:
            raise ConfigError(unknown(group, name, choices))
        found |= dict.fromkeys(matching)
    return list(found)
