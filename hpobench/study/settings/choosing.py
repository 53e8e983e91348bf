"""What a call chooses: the study, and its tasks and methods by name or pattern, with their YAML."""

import fnmatch
import logging
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hpobench.study import catalogue
from hpobench.study.overrides import ConfigError, quoted
from hpobench.study.settings import families
from hpobench.words import unknown

Kept = Mapping[str, Mapping[str, Any]]
"""Of a stored study the settings of its tasks and methods, by group and name."""


def chosen_study(named: Sequence[str], folders: Sequence[Path]) -> tuple[str, dict[str, Any], Kept]:
    """The name of the chosen study, what it states, and what is kept of it if it is a stored one.

    It is chosen by its name, by the path of a YAML file, or by the folder of a stored study.
    """
    if len(named) > 1:
        raise ConfigError(f"study={','.join(named)}: name one study")
    nothing: Kept = {"task": {}, "method": {}}
    path = Path(named[0])
    if path.suffix in (".yaml", ".yml") or path.is_dir():
        file = catalogue.study_file(named[0], folders)
        if file.name == "config.yaml" and (file.parent / "study.json").is_file():
            return (named[0], *_stored(file))
        return named[0], catalogue.mapping(file) | _names_as_written(file), nothing
    (name,) = found if len(found := _match("study", named, folders)) == 1 else [""]
    if not name:
        raise ConfigError(f"study={','.join(found)}: name one study")
    return name, read("study", name, folders), nothing


def _stored(file: Path) -> tuple[dict[str, Any], Kept]:
    """What a stored study was asked for: its settings, and its pairs as comparisons."""
    from hpobench.storage.layout import read_plan

    stated = catalogue.mapping(file)
    kept = {"task": dict(stated.pop("tasks")), "method": dict(stated.pop("methods"))}
    methods: dict[str, list[str]] = {}
    for pair in read_plan(file.parent)["pairs"]:
        methods.setdefault(pair["task"], []).append(pair["method"])
    comparisons = [{"task": [task], "method": names} for task, names in methods.items()]
    stated |= {"comparisons": comparisons, "runs_dir": str(file.parent.parent)}
    return stated, kept


def members_asked(
    chosen: dict[str, list[str]], folders: Sequence[Path]
) -> dict[str, dict[str, list[str]]]:
    """Of tasks and methods that were asked for as members of a family, by its name, the patterns.

    `chosen` then holds the name of the family.
    """
    members: dict[str, dict[str, list[str]]] = {}
    for group in ("task", "method"):
        choices = catalogue.names(group, folders) if group in chosen else []
        for place, name in enumerate(chosen.get(group, [])):
            if fnmatch.filter(choices, name):
                continue
            of = [base for base in choices if name.startswith(f"{base}_")]
            of = [base for base in of if catalogue.read(group, base, folders).get(families.KEY)]
            if of and (base := max(of, key=len)) not in chosen[group][:place]:
                members.setdefault(f"{group}s", {}).setdefault(base, []).append(name)
            if of:
                chosen[group][place] = max(of, key=len)
    return members


def read(group: str, name: str, folders: Sequence[Path]) -> dict[str, Any]:
    """The YAML of one name; one that has a `defaults` list of others is composed by Hydra."""
    path = catalogue.path_of(group, name, folders)
    stated = catalogue.mapping(path)
    if not isinstance(stated.get("defaults"), list):
        return stated | _names_as_written(path) if group == "study" else stated
    logging.getLogger("hydra").setLevel(logging.ERROR)
    root = path.parents[name.count("/") + 1]
    others = [f"file://{folder.resolve()}" for folder in folders]
    searched = ",".join(["pkg://hpobench.conf", *map(quoted, others)])
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


def comparisons_of(
    study: str,
    stated: Mapping[str, Any],
    chosen: Mapping[str, list[str]],
    folders: Sequence[Path],
    kept: Kept,
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
            names[group] = _match(group, wanted, folders, kept[group])
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


def _match(
    group: str, wanted: Sequence[str], folders: Sequence[Path], kept: Collection[str] = ()
) -> list[str]:
    """The names in `conf/GROUP/` that match names or patterns, in the order wanted.

    What begins with ! is left out; `kept` are the names of a stored study.
    """
    choices = sorted({*catalogue.names(group, folders), *kept})
    without = [name.removeprefix("!") for name in wanted if name.startswith("!")]
    wanted = [name for name in wanted if not name.startswith("!")]
    found: dict[str, None] = {}
    for name in wanted:
        matching = fnmatch.filter(choices, name)
        if not matching:
            raise ConfigError(unknown(group, name, choices))
        found |= dict.fromkeys(matching)
    left = [name for name in found if not any(fnmatch.fnmatch(name, word) for word in without)]
    if not left:
        raise ConfigError(f"{group}={','.join(wanted)}: nothing is left but what is excluded")
    return left
