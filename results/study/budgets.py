"""What could end the runs of a study: the limits of its budget."""

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from hpobench.results.study.study import Study
from hpobench.storage import layout

TASK_BUDGETS = "task_budgets"
"""Setting of a study: by task, the limits that hold where the study states none."""


def note_task_budgets(study: Study, folder: Path) -> None:
    """Add the tasks' own budgets to the settings of a stored study, as far as config.yaml has them.

    Earlier versions left there the tasks of the last call alone: of others nothing is known then.
    """
    tasks = layout.read_config(folder).get("tasks", {})
    study.settings[TASK_BUDGETS] = {
        name: dict(task.get("budget") or {}) for name, task in tasks.items()
    }


def limits(settings: Mapping[str, Any], task: str) -> dict[str, float]:
    """The limits of a task's runs: time_s, trials, resource, cost; none: not known."""
    stated = settings.get("budget") or {}
    own = settings.get(TASK_BUDGETS, {}).get(task, {})
    for budget in (stated, own):
        if any(limit is not None for limit in budget.values()):
            return {name: limit for name, limit in budget.items() if _limits(limit)}
    return {}


def _limits(limit: object) -> bool:
    return isinstance(limit, int | float) and limit < math.inf


def time_alone(settings: Mapping[str, Any], task: str) -> bool:
    """Whether nothing but time limits a task's runs."""
    return limits(settings, task).keys() == {"time_s"}


def early_rule(settings: Mapping[str, Any], tasks: Collection[str]) -> str:
    """What runs count as that ended early (see `targets`): never if nothing but time limits them.

    Such a run ends before its time only if there is nothing left to try.
    """
    return "never" if all(time_alone(settings, task) for task in tasks) else "censored"
