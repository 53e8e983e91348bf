"""Parts of a study: one task as a study, and the runs of each task and method."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from hpobench.results.study.study import Study
from hpobench.words import unknown


def by_pair(study: Study, runs: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Task, method and rows of a table of runs, for those that have any, in the study's order."""
    for task in study.tasks:
        mine = runs[runs["task"] == task]
        for method in study.methods:
            part = mine[mine["method"] == method]
            if len(part):
                yield task, method, part


def chosen(
    study: Study,
    tasks: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Study:
    """The runs of some tasks and methods (None: of all), in that order, some with other labels.

    Raises ValueError, naming the choices, if the study does not have one of the names.
    """
    labels = labels or {}
    facts = {"tasks": _named("task", study.tasks, tasks), "methods": study.methods}
    facts["methods"] = _named("method", study.methods, methods)
    for name in labels:
        if name not in study.tasks and name not in study.methods:
            raise ValueError(unknown("task or method", name, [*study.methods, *study.tasks]))
    shown = {
        what: {
            name: replace(each, label=labels.get(name, each.label)) for name, each in some.items()
        }
        for what, some in facts.items()
    }
    if tasks is None and methods is None:
        return study.changed(**shown)

    def mine(table: pd.DataFrame) -> pd.DataFrame:
        for what, some in (("task", tasks), ("method", methods)):
            if some is not None and what in table:
                table = table[table[what].isin(list(some))].reset_index(drop=True)
        return table

    tables = ("observations", "trials", "decisions", "runs", "jobs")
    cut = {name: lambda name=name: mine(getattr(study, name)) for name in tables}
    return study.changed(**shown, **cut)


def _named(what: str, facts: Mapping[str, Any], names: Sequence[str] | None) -> dict[str, Any]:
    for name in names or ():
        if name not in facts:
            raise ValueError(unknown(what, name, facts))
    return {name: facts[name] for name in (facts if names is None else names)}


def of_task(study: Study, task: str) -> Study:
    """The runs of one task; its tables are cut out when first used.

    Raises ValueError, naming the choices, if the study does not have it.
    """
    if task not in study.tasks:
        raise ValueError(f"task {task!r} is not in the study: it has {', '.join(study.tasks)}")

    def mine(table: pd.DataFrame) -> pd.DataFrame:
        if "task" not in table:
            return table
        return table[table["task"] == task].reset_index(drop=True)

    tables = ("observations", "trials", "decisions", "runs", "jobs")
    return study.changed(
        tasks={task: study.tasks[task]},
        **{name: lambda name=name: mine(getattr(study, name)) for name in tables},
    )
