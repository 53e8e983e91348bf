"""Parts of a study: one task as a study, and the runs of each task and method."""

from collections.abc import Iterator

import pandas as pd

from hpobench.results.study.study import Study


def by_pair(study: Study, runs: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Task, method and rows of a table of runs, for those that have any, in the study's order."""
    for task in study.tasks:
        for method in study.methods:
            part = runs[(runs["task"] == task) & (runs["method"] == method)]
            if len(part):
                yield task, method, part


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
