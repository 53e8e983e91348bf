"""From the command line to a plan: settings are merged as settings, and the grid is expanded here.

`conf/config.yaml`, then the study's YAML, then each chosen task's and method's as `tasks.NAME` and
`methods.NAME`, then what the study says of them, then the command line (see `overrides`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hpobench.cluster.settings import LOCAL
from hpobench.storage.rule import AUTO
from hpobench.study import catalogue
from hpobench.study.overrides import Change, ConfigError, Sweep, apply, split
from hpobench.study.settings import families
from hpobench.study.settings.choosing import chosen_study, comparisons_of, members_asked, read
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
# Without a default: the study states them, or the command line.
_BY_STUDIES = ("name", "seeds", "workers")
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
    members = members_asked(chosen, folders)
    study, stated, kept = chosen_study(chosen.pop("study", ["default"]), folders)
    _check_keys(study, stated)
    comparisons = comparisons_of(study, stated, chosen, folders, kept)
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
            name: kept[group].get(name) or read(group, name, folders) for name in chosen_names
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
        node = read("engine", name, folders)
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
        unsaid = dict.fromkeys(_BY_STUDIES)
        settings = OmegaConf.merge(unsaid, _base(), dict(stated) | dict(own), said)
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


def _base() -> dict[str, Any]:
    """What `conf/config.yaml` sets."""
    return catalogue.mapping(catalogue.CONF / "config.yaml")


def _check_keys(study: str, stated: Mapping[str, Any]) -> None:
    """Raise ConfigError for a key of a study that nothing reads."""
    known = [*_OF_A_STUDY, *_base()]
    for key in stated:
        if key in ("task", "method"):
            raise ConfigError(
                f"study {study!r} states {key}: write what is compared as comparisons: "
                "[{task: [NAME, ...], method: [NAME, ...]}]"
            )
        if key not in known:
            raise ConfigError(unknown(f"key of study {study!r}:", key, known))


def _chosen(study: str, group: str, nodes: Any, names: Collection[str]) -> dict[str, Any]:
    """What the study says of the tasks or methods that were chosen."""
    if not isinstance(nodes or {}, dict):
        raise ConfigError(f"study {study!r}: {group} must be a mapping of names to settings")
    return {name: node for name, node in (nodes or {}).items() if name in names}


def _check_shape(settings: Mapping[str, Any]) -> None:
    """Raise ConfigError if a node is missing, or is no mapping where one is needed."""
    for name in _NEEDED:
        if name not in settings or (name in _BY_STUDIES and settings[name] is None):
            raise ConfigError(f"the study states no {name!r}: add it, or give {name}=VALUE")
    for group in ("tasks", "methods"):
        nodes = settings.get(group)
        for name, node in nodes.items() if isinstance(nodes, dict) else [(group, None)]:
            if not isinstance(node, dict) or "_target_" not in node:
                raise ConfigError(f"{group}.{name} must be a mapping with a _target_, not {node!r}")
    if not settings["runs_dir"]:
        raise ConfigError("runs_dir is empty: name the folder of studies, or leave it out")
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
