"""The settings of all of `conf/` give the fingerprints under which studies are stored already.

`fingerprints.json` was written by the version of 30 November 2026, before settings were merged
instead of pasted into overrides: a digest of the settings of each task and method, of which the
fingerprint of a pair is made, and one of all pairs of each study.
What is changed in `conf/` on purpose is written anew by `python -m tests.test_fingerprints`.
"""

import json
from pathlib import Path
from typing import Any

from hpobench.identity import digest
from hpobench.study import catalogue, checks, compose
from hpobench.study.pairs import REAL_SETTINGS, Pair

FILE = Path(__file__).parent / "fingerprints.json"
SHARED = ("workers", "study_seed", "overhead", *REAL_SETTINGS)


def of_study(name: str) -> str:
    """The digest of the fingerprints of all pairs, as far as settings decide on them."""
    composed = compose.load([f"study={name}"])
    settings = composed.settings
    tasks, methods = settings["tasks"], settings["methods"]
    return digest(
        [
            Pair(
                task=task,
                method=method,
                task_config=own(tasks[task]),
                method_config=own(methods[method]),
                budget=checks.budget(settings["budget"], tasks[task].get("budget")),
                seeds=checks.seeds(settings["seeds"]),
                **{key: settings[key] for key in SHARED},
            ).fingerprint
            for task, method in composed.pairs
        ]
    )


def own(node: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in ("about", "budget")}


def of_conf() -> dict[str, dict[str, str]]:
    """The digests of everything in `conf/`, by group and name."""
    settings = compose.load(["task=*", "method=*"]).settings
    return {
        "studies": {name: of_study(name) for name in catalogue.names("study")},
        "tasks": {
            n: digest([own(node), node.get("budget")]) for n, node in settings["tasks"].items()
        },
        "methods": {name: digest(own(node)) for name, node in settings["methods"].items()},
    }


def test_fingerprints_are_those_of_stored_studies():
    now = of_conf()
    for group, before in json.loads(FILE.read_text()).items():
        assert {name: now[group].get(name) for name in before} == before


if __name__ == "__main__":
    FILE.write_text(json.dumps(of_conf(), indent=1) + "\n")
