"""What could end the runs of a study: the limits of its budget."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from hpobench import layout
from hpobench.results.study import Study

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


def limits(settings: Mapping[str, Any], task: str) -> set[str]:
    """The names of the limits of a task's runs: time_s, trials, resource, cost; none: not known."""
    stated = settings.get("budget") or {}
    own = settings.get(TASK_BUDGETS, {}).get(task, {})
    for budget in (stated, own):
        names = {name for name, limit in budget.items() if limit is not None}
        if names:
            return names
    return set()


def early_rule(settings: Mapping[str, Any], tasks: Collection[str]) -> str:
    """What runs count as that ended early (see `targets`): never if nothing but time limits them.

    Such a run ends before its time only if there is nothing left to try.
    """
    return "never" if all(limits(settings, task) == {"time_s"} for task in tasks) else "censored"
