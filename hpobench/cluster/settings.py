"""What settings say of an engine: where the work of a study is done.

`conf/engine/NAME.yaml` has a `_target_`, a class of Dask's clusters, some keys that are ours, and
arguments of the class. `local` has no class: it is this machine, by joblib or processes of our own.
Beside these names an engine may be `loky` or the dotted path of a function that takes the number of
workers and gives a `concurrent.futures` executor; both serve runs on the wall clock alone.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

LOCAL = "processes"
"""The name of `engine=local` in fingerprints, since before there were others."""
OURS = (
    *("address", "scheduler_file", "jobs", "minimum_jobs", "patience_s", "allow_versions"),
    *("on_lost", "runs", "slots", "devices"),
)
"""Keys of an engine that are not arguments of its class."""

_CHOICES = {"on_lost": ("rerun", "fail"), "slots": ("cores", "gpus")}
_COUNTS = {"jobs": 1, "minimum_jobs": 1, "runs": 1}

Settings = Mapping[str, Any]


def is_cluster(settings: Settings) -> bool:
    """Whether an engine is a cluster of Dask."""
    return "_target_" in settings


def arguments(settings: Settings) -> dict[str, Any]:
    """What the class of a cluster is called with: what is null is left to its defaults."""
    aside = {*OURS, "_target_", "needs"}
    return {key: value for key, value in settings.items() if key not in aside and value is not None}


def check(name: str, settings: Settings) -> None:
    """Raise ValueError for what cannot be; of a missing library, with the line that installs it."""
    check_values(settings)
    if is_cluster(settings):
        _check_cluster(name, settings)


def check_values(settings: Settings) -> None:
    """Raise ValueError for a value of ours that cannot be, whatever is installed."""
    for key, choices in _CHOICES.items():
        if settings.get(key, choices[0]) not in choices:
            raise ValueError(f"engine.{key}={settings[key]!r}: use {' or '.join(choices)}")
    for key, least in _COUNTS.items():
        value = settings.get(key)
        if value is not None and (type(value) is not int or value < least):
            raise ValueError(
                f"engine.{key}={value!r}: use a whole number of at least {least}, or null"
            )
    _check_devices(settings)


def _check_devices(settings: Settings) -> None:
    devices = settings.get("devices")
    if devices is None:
        return
    if not isinstance(devices, list) or not devices or len(set(map(str, devices))) < len(devices):
        raise ValueError(
            f"engine.devices={devices!r}: use a list of different GPUs, such as [0,1], or null"
        )
    if settings.get("slots") != "gpus":
        raise ValueError(f"engine.devices={devices!r} is for engine.slots=gpus: give both, or none")


def patience_s(settings: Settings) -> float:
    """How long a worker is waited for that was asked for, or was lost."""
    return float(settings.get("patience_s", 300.0))


def _check_cluster(name: str, settings: Settings) -> None:
    patience = settings.get("patience_s", 1)
    if isinstance(patience, bool) or not isinstance(patience, int | float) or not patience > 0:
        raise ValueError(f"engine.patience_s={patience!r}: use a number of seconds above 0")
    if not isinstance(settings.get("allow_versions", False), bool):
        raise ValueError(f"engine.allow_versions={settings['allow_versions']!r}: use true or false")
    fewest, most = settings.get("minimum_jobs"), settings.get("jobs")
    if fewest is not None and (most is None or fewest > most):
        raise ValueError(
            f"engine.minimum_jobs={fewest} and engine.jobs={most}: the cluster grows from the "
            "first to the second: give both, the second not smaller"
        )
    _check_installed(name, settings)


def _check_installed(name: str, settings: Settings) -> None:
    needs = str(settings.get("needs") or settings["_target_"].partition(".")[0])
    modules = {"distributed", settings["_target_"].partition(".")[0]}
    modules |= {word for word in needs.split() if "-" not in word}
    for module in sorted(modules):
        if find_spec(module) is None:
            raise ValueError(f"engine={name} needs {module}: pip install {needs}")
