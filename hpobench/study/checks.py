"""Settings of a study: what is wrong with them, and what is meant by short forms of them."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from hpobench.cluster.settings import LOCAL, is_cluster
from hpobench.cluster.settings import check as check_engine
from hpobench.loop import overhead
from hpobench.loop.budget import Budget
from hpobench.loop.faults import Faults, Policy
from hpobench.real.engines import Engine
from hpobench.storage.rule import AUTO, Rule
from hpobench.storage.schema import FAILED_RULES
from hpobench.study import catalogue
from hpobench.study.overrides import ConfigError
from hpobench.study.pairs import Config
from hpobench.system import names
from hpobench.words import unknown

T = TypeVar("T")

_LIMITS = {"time_s": "time_s", "trials": "trials", "resource": "resource", "cost": "cost_s"}


def check(settings: Mapping[str, Any]) -> None:
    """Raise ConfigError for settings that are wrong whatever the tasks and methods."""
    _whole(settings, "workers", at_least=1)
    _whole(settings, "part_runs", at_least=1)
    _whole(settings, "study_seed", at_least=0)
    if not isinstance(settings["n_jobs"], int) or settings["n_jobs"] == 0:
        raise ConfigError(f"n_jobs={settings['n_jobs']!r}: use a number of processes, or -1")
    if settings["overhead"] not in overhead.POLICIES:
        choices = ", ".join(overhead.POLICIES)
        raise ConfigError(f"overhead={settings['overhead']!r}: use one of {choices}")
    if (settings["overhead"] == "replay") != bool(settings["replay_from"]):
        raise ConfigError("overhead=replay and replay_from=STUDY go together: give both or none")
    try:
        names.check_study(str(settings["name"]))
    except ValueError as error:
        raise ConfigError(str(error)) from error
    for name in ("retry_failed", "progress", "oversubscribe", "check_first"):
        if not isinstance(settings[name], bool):
            raise ConfigError(f"{name}={settings[name]!r}: use true or false")
    if settings["failed"] not in FAILED_RULES:
        raise ConfigError(f"failed={settings['failed']!r}: use {' or '.join(FAILED_RULES)}")
    known = sorted({*settings["methods"], *catalogue.names("method")})
    if (reference := settings["reference"]) not in known:
        raise ConfigError(f"reference= names an {unknown('method', str(reference), known)}")
    _check_faults(settings)
    _check_backend(settings["backend"])
    _check_clock(settings)
    shard(settings["shard"])
    _check_crossed(settings)
    if settings["seeds"] == AUTO:
        _check_auto(settings)


def _check_crossed(settings: Mapping[str, Any]) -> None:
    """Raise ConfigError for seeds of the objective that cannot be crossed with the methods'."""
    if settings["objective_seeds"] is None:
        return
    if type(count := settings["objective_seeds"]) is not int or count < 2:
        raise ConfigError(
            f"objective_seeds={count!r}: use a whole number of at least 2, or null where each run "
            "has a seed of its own for both"
        )
    if settings["seeds"] == AUTO:
        raise ConfigError(
            f"objective_seeds={count} needs a number of seeds to be crossed with: give seeds=N, "
            "not auto"
        )


def _check_auto(settings: Mapping[str, Any]) -> None:
    """Raise ConfigError for what cannot be where the number of seeds is found on the way."""
    rule(settings)
    if shard(settings["shard"]) != (1, 1):
        raise ConfigError(
            f"shard={settings['shard']}: seeds=auto decides when all runs of a round are there. "
            "Start the same command several times instead: calls share the runs of each round"
        )
    if settings["overhead"] == "replay":
        raise ConfigError(
            "overhead=replay has decision times of the seeds of another study only: give seeds= as "
            "many as it has, not seeds=auto"
        )


def rule(settings: Mapping[str, Any]) -> Rule:
    """By what a study with seeds=auto decides how many it needs."""
    try:
        return Rule.of(settings["decide"])
    except ValueError as error:
        raise ConfigError(str(error)) from error


_ONLY_REAL = {"worker_memory_mb": None, "oversubscribe": False}


def _in_yaml(value: Any) -> str:
    return {None: "null", False: "false"}.get(value, str(value))


def _check_faults(settings: Mapping[str, Any]) -> None:
    """Raise ConfigError for faults that cannot be, or would have runs wait for ever."""
    try:
        made = Faults.of(settings["faults"] or {})
        Policy(**failed_trials(settings))
    except (ValueError, TypeError) as error:
        raise ConfigError(str(error)) from error
    if settings["clock"] == "real" and (made != Faults() or failed_trials(settings)):
        raise ConfigError(
            "faults= and failed_trials= are for the simulated clock: leave them out with clock=real"
        )
    if made.hang and not settings["job_timeout_s"] and settings["budget"].get("time_s") is None:
        raise ConfigError(
            f"faults.hang={made.hang}: jobs that hang need job_timeout_s=, or budget.time_s="
        )


def failed_trials(settings: Mapping[str, Any]) -> Config:
    """What failed trials count as, where that is not as usual."""
    usual = asdict(Policy())
    stated = settings["failed_trials"] or {}
    if unknown := set(stated) - set(usual):
        raise ConfigError(f"unknown key failed_trials.{min(unknown)}: use {', '.join(usual)}")
    return {name: value for name, value in stated.items() if value != usual[name]}


def faults(settings: Mapping[str, Any]) -> Config:
    """The faults that are made: one way of stating them is as good as another."""
    made = asdict(Faults.of(settings["faults"] or {}))
    return {name: float(value) for name, value in made.items() if value}


def _check_backend(name: Any) -> None:
    """Raise ConfigError for a backend that joblib does not have, also where one process is used."""
    if name == "loky":  # as usual: to import joblib takes a while
        return
    from joblib.parallel import BACKENDS, EXTERNAL_BACKENDS

    if name not in (known := {**BACKENDS, **EXTERNAL_BACKENDS}):
        choices = ", ".join(sorted(known))
        raise ConfigError(f"backend={name!r}: joblib has {choices}")


def _check_clock(settings: Mapping[str, Any]) -> None:
    clock, timeout = settings["clock"], settings["job_timeout_s"]
    if clock not in ("simulated", "real"):
        raise ConfigError(f"clock={clock!r}: use simulated or real")
    if timeout is not None and (isinstance(timeout, bool | str) or not timeout > 0):
        raise ConfigError(f"job_timeout_s={timeout!r}: use a number above 0, or null")
    where = engine(settings)
    if clock == "simulated":
        _check_simulated(settings)
        for name, usual in _ONLY_REAL.items():
            if settings[name] != usual:
                raise ConfigError(
                    f"{name}={settings[name]!r} has no effect on the simulated clock: add "
                    f"clock=real, or leave it at {_in_yaml(usual)}"
                )
        return
    if settings["backend"] != "loky":
        raise ConfigError("backend= has no effect on the real clock: use engine=")
    if (fewest := settings["engine_settings"].get("minimum_jobs")) is not None:
        raise ConfigError(
            f"engine.minimum_jobs={fewest} has no use on the real clock, where slots of a run stay "
            "as long as it lasts: leave it out"
        )
    if settings["overhead"] != "none":
        raise ConfigError("clock=real: decisions take the time they take; leave overhead at none")
    try:
        where.check(settings["workers"], settings["oversubscribe"])
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _check_simulated(settings: Mapping[str, Any]) -> None:
    """Raise ConfigError for an engine that does nothing, or a backend beside one that is used."""
    name, own = settings["engine"], settings["engine_settings"]
    if not is_cluster(own) and name != LOCAL:
        raise ConfigError(
            f"engine={name} has no effect on the simulated clock: add clock=real, or leave it out"
        )
    if is_cluster(own) and (settings["backend"] != "loky" or settings["n_jobs"] != -1):
        raise ConfigError(
            f"backend= and n_jobs= have no effect with engine={name}: engine.jobs= says how many "
            "workers it is to have"
        )
    used = [key for key in ("slots", "devices", "runs") if own.get(key) not in (None, "cores")]
    if used:
        raise ConfigError(
            f"engine.{used[0]}={own[used[0]]!r} has no effect on the simulated clock: add "
            "clock=real, or leave it out"
        )


def engine(settings: Mapping[str, Any]) -> Engine:
    """Where jobs run with the wall clock running."""
    own, memory_mb = settings["engine_settings"], settings["worker_memory_mb"]
    if not is_cluster(own) and (strange := set(own) - {"runs", "slots", "devices"}):
        raise ConfigError(
            f"engine.{min(strange)} is no setting of engine={settings['engine']}: choose a cluster "
            "(hpobench list engine)"
        )
    if settings["engine_address"] is not None and "address" not in own:
        raise ConfigError(
            f"engine_address={settings['engine_address']!r} is for engine=dask only: it is now "
            "engine.address"
        )
    try:
        check_engine(str(settings["engine"]), own)
        return Engine(settings["engine"], own, memory_mb)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _whole(settings: Mapping[str, Any], name: str, at_least: int) -> None:
    value = settings[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise ConfigError(f"{name}={value!r}: use a whole number of at least {at_least}")


def shard(text: str) -> tuple[int, int]:
    """`i/n` as numbers, 1 <= i <= n."""
    found = re.fullmatch(r"(\d+)/(\d+)", str(text))
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise ConfigError(f"shard={text!r}: use i/n with 1 <= i <= n")
    return int(found[1]), int(found[2])


def seeds(stated: Any) -> tuple[int, ...]:
    """A count n (0, ..., n-1) or a list, as a tuple of different seeds."""
    if isinstance(stated, int) and not isinstance(stated, bool) and stated >= 1:
        return tuple(range(stated))
    whole = isinstance(stated, list) and all(
        type(seed) is int and 0 <= seed < 2**31 for seed in stated
    )
    if not whole or not stated or len(set(stated)) < len(stated):
        raise ConfigError(
            f"seeds={stated!r}: use a count of at least 1, or a list of different "
            "whole numbers from 0 to 2147483647, such as [0,1,7]; or, for a study, auto"
        )
    return tuple(stated)


def crossed_seeds(settings: Mapping[str, Any]) -> tuple[int, ...]:
    """The seeds of runs: as stated, or J for each of them where J seeds of the objective are.

    Run s * J + j has the method's seed s and the objective's seed j.
    """
    numbers, count = seeds(settings["seeds"]), settings["objective_seeds"]
    made = tuple(seed * (count or 1) + noise for seed in numbers for noise in range(count or 1))
    if max(made) >= 2**31:
        raise ConfigError(
            f"seeds={settings['seeds']} with objective_seeds={count} make runs with seeds above "
            "2147483647: use smaller ones"
        )
    return made


def budget(study: Mapping[str, Any], own: Mapping[str, Any] | None) -> Budget:
    """The study's limits if it states any, else the task's own."""
    stated = {name: limit for name, limit in study.items() if limit is not None}
    limits = stated or {name: limit for name, limit in (own or {}).items() if limit is not None}
    for name, limit in limits.items():
        if name not in _LIMITS:
            raise ConfigError(f"unknown limit budget.{name}: use one of {', '.join(_LIMITS)}")
        if isinstance(limit, bool) or not isinstance(limit, int | float):
            raise ConfigError(f"budget.{name}={limit!r}: use a number")
        if name == "trials" and not float(limit).is_integer():
            raise ConfigError(f"budget.trials={limit!r}: use a whole number")
    try:
        return Budget(**{_LIMITS[name]: limit for name, limit in limits.items()})
    except ValueError as error:
        raise ConfigError(str(error)) from error


def study_folder(name: str, runs_dir: str = "runs") -> Path:
    """The folder of a study given by name or path; raises ConfigError if there is none."""
    for folder in (Path(name), Path(runs_dir) / name):
        if (folder / "study.json").exists():
            return folder
    known = sorted(path.parent.name for path in Path(runs_dir).glob("*/study.json"))
    raise ConfigError(f"no study {name!r}; studies in {runs_dir}/: {', '.join(known) or 'none'}")
