"""Views: which value of an incumbent is reported; chosen it is by the observed one.

By default that is the true value where a task has one, else the test value where it has one, else
the observed. True comes first, as it is what the known optimum is of: regret against a noise-free
optimum needs it. Without it, values on data that chose nothing do not flatter as observed ones do.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hpobench.arrays import BoolArray, FloatArray, IntArray
from hpobench.results.anytime.reevaluation import reevaluated
from hpobench.results.study.index import codes
from hpobench.results.study.study import Study
from hpobench.storage.schema import SLACK

REEVALUATED = "reevaluated"
STORED = {"observed": "value", "true": "true_value", "test": "test_value"}
VIEWS = STORED | {REEVALUATED: "value"}
"""By view, the column of the observations that it is made of."""
VIEW_WORDS = {
    "observed": "the validation value that the method saw",
    "true": "the incumbent's true (noise-free) value",
    "test": "the incumbent's value on test data",
    REEVALUATED: "the mean of the other, independent evaluations of the incumbent's configuration "
    "at its resource, under other seeds or later in the run",
}
VIEW_SENTENCES = {view: f"Shown: {words}." for view, words in VIEW_WORDS.items()}
DEFAULT_ORDER = ("true", "test", "observed")


def feasible(table: pd.DataFrame) -> BoolArray:
    """Flags (n,) of the observations that meet all constraints of their task."""
    may = np.ones(len(table), dtype=bool)
    for column in table.columns[table.columns.str.startswith(SLACK)]:
        # NaN: the constraint belongs to another task.
        may &= ~(table[column].to_numpy() < 0)
    return may


def available_views(study: Study) -> dict[str, tuple[str, ...]]:
    """Stored views for which every ok observation has a value, by task; observed always is one."""
    table = study.observations
    ok = (table["status"] == "ok").to_numpy()
    task = codes(table["task"], study.tasks, "task")[ok]
    total = np.bincount(task, minlength=len(study.tasks))
    complete = {"observed": np.ones(len(study.tasks), dtype=bool)}
    for view in ("true", "test"):
        finite = np.isfinite(table[VIEWS[view]].to_numpy()[ok])
        complete[view] = (total > 0) & (np.bincount(task[finite], minlength=len(total)) == total)
    return {
        name: tuple(view for view in STORED if complete[view][number])
        for number, name in enumerate(study.tasks)
    }


def views_by_task(study: Study, view: str | None) -> dict[str, str]:
    """The view of each task: the one asked for; None: true, else test, else observed, as there is.

    Raises ValueError if it is unknown, or if a task with runs lacks it.
    """
    if view is not None and view not in VIEWS:
        raise ValueError(f"view={view!r}: use one of {', '.join(VIEWS)}")
    if view == REEVALUATED:
        return dict.fromkeys(study.tasks, view)
    available = available_views(study)
    if view is None:
        return {
            task: next(name for name in DEFAULT_ORDER if name in views)
            for task, views in available.items()
        }
    with_runs = set(study.runs["task"].astype(str))
    for task, views in available.items():
        if view not in views and task in with_runs:
            raise ValueError(f"task {task!r} lacks {view} values: it has {', '.join(views)}")
    return dict.fromkeys(available, view)


def reported(study: Study, rows: IntArray, views: Mapping[str, str]) -> FloatArray:
    """The values (k,) of the observations at `rows`, in the view of their task."""
    table = study.observations
    numbers = [list(VIEWS).index(views.get(name, "observed")) for name in study.tasks]
    which = np.array(numbers, dtype=np.int64)[codes(table["task"].iloc[rows], study.tasks, "task")]
    values = np.choose(which, [table[column].to_numpy()[rows] for column in VIEWS.values()])
    again = which == list(VIEWS).index(REEVALUATED)
    if again.any():
        values[again] = reevaluated(study, rows[again])
    return values
