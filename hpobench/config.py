"""From the command line to a plan: Hydra composes once, the grid is expanded here.

`method=` and `task=` choose names; each chosen YAML becomes the node `methods.NAME` or
`tasks.NAME`, where its settings can be overridden. Everything is checked before any run starts.
"""

import fnmatch
import json
import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hpobench import catalogue

_NEEDED = (
    *("name", "seeds", "workers", "overhead", "replay_from", "budget", "runs_dir", "study_seed"),
    *("n_jobs", "backend", "shard", "part_runs", "retry_failed", "progress"),
    *("clock", "job_timeout_s", "worker_memory_mb", "engine", "engine_address", "oversubscribe"),
)


class ConfigError(ValueError):
    """What the user asked for cannot be run; the message says why and what would do."""


@dataclass(frozen=True)
class Composed:
    """All settings as plain containers, and the chosen (task, method) names in order."""

    settings: dict[str, Any]
    pairs: tuple[tuple[str, str], ...]


def load(overrides: Sequence[str], folders: Sequence[Path] = ()) -> Composed:
    """Compose `conf/` with command-line overrides; `folders` hold YAML files of one's own."""
    chosen, others = _split(overrides)
    study = _match("study", chosen.pop("study", ["default"]), folders)
    if len(study) > 1:
        raise ConfigError(f"study={','.join(study)}: name one study")
    comparisons = _comparisons(study[0], chosen, folders)
    pairs = tuple(
        dict.fromkeys(
            (task, method)
            for comparison in comparisons
            for task in comparison["task"]
            for method in comparison["method"]
        )
    )
    groups = [f"study={study[0]}"]
    groups += [f"+task@tasks.{name}={name}" for name in dict.fromkeys(t for t, _ in pairs)]
    groups += [f"+method@methods.{name}={name}" for name in dict.fromkeys(m for _, m in pairs)]
    if folders:
        paths = ",".join(f"file://{folder.resolve()}" for folder in folders)
        groups.append(f"hydra.searchpath=[{paths}]")
    names = {"tasks": {task for task, _ in pairs}, "methods": {method for _, method in pairs}}
    settings = _compose(groups, [*_settings_of(study[0], names, folders), *others])
    for group, own in names.items():
        nodes = settings.get(group)
        if isinstance(nodes, dict):  # what the study says of others that were not chosen
            settings[group] = {name: node for name, node in nodes.items() if name in own}
    _check_shape(settings, study[0])
    return Composed(settings, pairs)


def _check_shape(settings: Mapping[str, Any], study: str) -> None:
    """Raise ConfigError if a node is missing, or is no mapping where one is needed."""
    if isinstance(settings.get("study"), dict):
        raise ConfigError(f"study {study!r}: begin its YAML with the line '# @package _global_'")
    for name in _NEEDED:
        if name not in settings:
            raise ConfigError(f"the setting {name!r} is missing: do not delete it")
    for group in ("tasks", "methods"):
        nodes = settings.get(group)
        for name, node in nodes.items() if isinstance(nodes, dict) else [(group, None)]:
            if not isinstance(node, dict) or "_target_" not in node:
                raise ConfigError(f"{group}.{name} must be a mapping with a _target_, not {node!r}")
    if not isinstance(settings["budget"], dict):
        raise ConfigError(f"budget={settings['budget']!r}: give budget.time_s= or another limit")


def _split(overrides: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """The choices of method, task and study, as lists of names, and all other overrides."""
    chosen: dict[str, list[str]] = {}
    others = []
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        raise ConfigError(f"cannot read the command line: {error}") from error
    for text, override in zip(overrides, parsed, strict=True):
        if override.is_sweep_override():
            raise ConfigError(
                f"{text!r}: only method=, task= and seeds= take several values: [a,b]"
            )
        if override.key_or_group not in ("method", "task", "study"):
            # Bounds are added by the name of a metric, which no YAML can list beforehand.
            adds = re.match(r"tasks\.[^.=]+\.constraints[.=]", text)
            others.append(f"++{text}" if adds else text)
            continue
        value: Any = override.value()
        names = [str(name) for name in (value if isinstance(value, list) else [value])]
        if not names:
            raise ConfigError(f"{text!r} names no {override.key_or_group}")
        chosen[override.key_or_group] = names
    return chosen, others


def _comparisons(
    study: str, chosen: Mapping[str, list[str]], folders: Sequence[Path]
) -> list[dict[str, list[str]]]:
    """The blocks of tasks x methods of the study, with what the command line chose instead."""
    stated = catalogue.read("study", study, folders).get("comparisons") or [{}]
    if {"task", "method"} <= set(chosen):
        stated = [{}]
    comparisons = []
    for block in stated:
        names = {}
        for group in ("task", "method"):
            wanted = chosen.get(group) or block.get(group)
            if not wanted:
                raise ConfigError(f"study {study!r} states no {group}: add {group}=NAME")
            wanted = [wanted] if isinstance(wanted, str) else wanted
            names[group] = _match(group, wanted, folders)
        comparisons.append(names)
    return comparisons


def _settings_of(
    study: str, names: Mapping[str, Collection[str]], folders: Sequence[Path]
) -> list[str]:
    """What the study's YAML sets of its tasks and methods, as overrides of their own YAML."""
    stated = catalogue.read("study", study, folders)
    return [
        f"++{group}.{name}.{key}={json.dumps(value)}"
        for group, own in names.items()
        for name, node in (stated.get(group) or {}).items()
        if name in own
        for key, value in _leaves(node)
    ]


def _leaves(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Dotted keys of nested mappings with their values."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{rest}", leaf) for rest, leaf in _leaves(value))
        else:
            yield key, value


def _match(group: str, wanted: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """The names in `conf/GROUP/` that match names or patterns, in the order wanted."""
    choices = catalogue.names(group, folders)
    found: dict[str, None] = {}
    for name in wanted:
        matching = fnmatch.filter(choices, name)
        if not matching:
            raise ConfigError(catalogue.unknown(group, name, choices))
        found |= dict.fromkeys(matching)
    return list(found)


def _compose(groups: list[str], overrides: list[str]) -> dict[str, Any]:
    logging.getLogger("hydra").setLevel(logging.ERROR)
    with initialize_config_module("hpobench.conf", version_base="1.3"):
        try:
            settings = compose("config", overrides=[*groups, *overrides])
        except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            raise ConfigError(_explain(str(error), groups)) from error
    try:
        plain = OmegaConf.to_container(settings, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(str(error)) from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _explain(message: str, groups: list[str]) -> str:
    """Hydra's message, or, for a key that does not exist, the keys that do."""
    found = re.search(r"Could not override '([^']+)'", message)
    if found is None:
        return message
    settings = compose("config", groups)
    path = found.group(1).split(".")
    node: Any = settings
    for depth, key in enumerate(path):
        if not isinstance(node, DictConfig) or key not in node:
            place = ".".join(path[:depth]) or "the settings"
            keys = [str(key) for key in node] if isinstance(node, DictConfig) else []
            added = f"To add it all the same: +{found.group(1)}=..."
            return f"{catalogue.unknown(f'key of {place}:', key, keys)}. {added}"
        node = node[key]
    return message
