"""From the command line to a plan: settings are merged as settings, and the grid is expanded here.

`conf/config.yaml`, then the study's YAML, then each chosen task's and method's as `tasks.NAME` and
`methods.NAME`, then what the study says of them, then the command line (see `overrides`).
"""

import fnmatch
import logging
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hpobench.cluster.settings import LOCAL
from hpobench.storage.rule import AUTO
from hpobench.study import catalogue
from hpobench.study.overrides import Change, ConfigError, Sweep, apply, quoted, split
from hpobench.study.settings import families
from hpobench.system.moved import renamed
from hpobench.words import unknown

_NEEDED = (
    *(
        "name",
        "seeds",
        "objective_seeds",
        "workers",
        "overhead",
        "replay_from",
        "budget",
        "runs_dir",
        "study_seed",
    ),
    *("n_jobs", "backend", "shard", "part_runs", "retry_failed", "progress"),
    *("clock", "job_timeout_s", "worker_memory_mb", "engine", "engine_address", "oversubscribe"),
    *("engine_settings", "faults", "failed_trials"),
)
# Beside the settings of conf/config.yaml a study states these.
_OF_A_STUDY = ("about", "name", "seeds", "workers", "comparisons", "tasks", "methods")


@dataclass(frozen=True)
class Composed:
    """All settings as plain containers, and the chosen (task, method) names in order.

    `notes`: what the user should know of how the settings were read.
    """

    settings: dict[str, Any]
    pairs: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


def load(overrides: Sequence[str], folders: Sequence[Path] = ()) -> Composed:
    """Merge `conf/` with command-line overrides; `folders` hold YAML files of one's own."""
    chosen, changes, notes = split(overrides)
    members = _members_asked(chosen, folders)
    study, stated, kept = _study(chosen.pop("study", ["default"]), folders)
    _check_keys(study, stated)
    comparisons = _comparisons(study, stated, chosen, folders, kept)
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
        f"{group}s": {
            name: kept[group].get(name) or _read(group, name, folders) for name in chosen_names
        }
        for group, chosen_names in names.items()
    }
    of_engine = [change for change in changes if change.path[0] == "engine" and change.path[1:]]
    others = [change for change in changes if change not in of_engine]
    settings, moves = renamed(_merge(study, stated, own, others))
    engine_stated = str(stated.get("engine", "local"))
    said = _with_engine(settings, engine_stated, of_engine, folders)
    _check_shape(settings)
    _check_decide(settings, changes)
    sweeps = [change for change in changes if isinstance(change.value, Sweep)]
    settings, pairs = families.expanded(settings, pairs, sweeps, members)
    return Composed(settings, pairs, (*notes, *moves, *said))


Kept = Mapping[str, Mapping[str, Any]]
"""Of a stored study the settings of its tasks and methods, by group and name."""


def _study(named: Sequence[str], folders: Sequence[Path]) -> tuple[str, dict[str, Any], Kept]:
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
    return name, _read("study", name, folders), nothing


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


def _with_engine(
    settings: dict[str, Any], stated: str, changes: Sequence[Change], folders: Sequence[Path]
) -> list[str]:
    """Put in place what is known of the engine: the YAML of its name, and what is said beside it.

    `engine` becomes the name that counts in fingerprints, `engine_settings` the rest; what the
    study says of the engine that it has `stated` is not of another one. Returns what is to be said
    of older settings.
    """
    notes, older, said = [], settings["engine_address"], settings["engine_settings"] or {}
    if settings["backend"] == "dask":
        notes.append("backend=dask is now engine=dask, which see in `hpobench list engine`")
        settings |= {"backend": "loky", "engine": "dask"}
    name = "local" if settings["engine"] == LOCAL else str(settings["engine"])
    if (chosen := name) in catalogue.names("engine", folders):
        node = _read("engine", name, folders)
        needs = (node.pop("about", None) or {}).get("needs")
        node |= {"needs": needs} if needs else {}
    elif name == "loky" or "." in name:
        node = {}
    else:
        choices = [*catalogue.names("engine", folders), "loky"]
        words = "or the dotted path of a function that gives an executor"
        raise ConfigError(f"{unknown('engine', chosen, choices)}, {words}")
    if older is not None and "address" in node:
        notes.append(f"engine_address={older} is now engine.address={older}")
        node["address"] = older
    try:
        own = OmegaConf.merge(node, said if stated in (name, settings["engine"]) else {})
        made = OmegaConf.create({"engine": own})
        for change in changes:
            apply(made, change)
        plain = OmegaConf.to_container(made.engine, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"engine={name}: its settings cannot be merged: {error}") from error
    settings |= {"engine": LOCAL if name == "local" else name, "engine_settings": plain}
    return notes


def _merge(
    study: str,
    stated: Mapping[str, Any],
    own: Mapping[str, Mapping[str, Any]],
    changes: Sequence[Change],
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


def _apply(settings: DictConfig, change: Change) -> None:
    """Apply a change; one that chooses from a family, or sweeps, is for `families` to expand."""
    group = settings.get(change.path[0])
    node = group.get(change.path[1]) if isinstance(group, DictConfig) and change.path[1:] else None
    if isinstance(node, DictConfig) and families.narrowed(node, change):
        return
    if isinstance(change.value, Sweep):
        change = change._replace(value=change.value.values[0])
    apply(settings, change)


def _members_asked(
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


def _check_decide(settings: Mapping[str, Any], changes: Sequence[Change]) -> None:
    """Raise ConfigError if the command line says how seeds are to be found where they are given."""
    for change in changes:
        if change.path[0] == "decide" and settings["seeds"] != AUTO:
            raise ConfigError(
                f"{change.text} has no effect with seeds={settings['seeds']}: add seeds=auto, or "
                "leave it out"
            )


def _comparisons(
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
