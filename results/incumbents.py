"""The incumbent of every run over time, by a stated rule, as steps.

The incumbent is chosen by the *observed* validation value among the observations that are ok and
feasible. What is reported of it is a matter of the view: its observed, true or test value.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpobench.hyperparameters import FloatArray
from hpobench.results.study import Study
from hpobench.schema import SLACK, MethodFacts, TaskFacts

IntArray = npt.NDArray[np.int64]

VIEWS = {"observed": "value", "true": "true_value", "test": "test_value"}
VIEW_SENTENCES = {
    "observed": "Shown: the validation value that the method saw.",
    "true": "Shown: the incumbent's true (noise-free) value.",
    "test": "Shown: the incumbent's value on test data.",
}
RULE_SENTENCES = {
    "best": "Incumbent: best observed validation value at any resource.",
    "highest": "Incumbent: best observed validation value at the highest resource reached so far.",
}


@dataclass(frozen=True)
class Incumbents:
    """Steps of all runs end to end; those of run i lie in `starts[i]:starts[i + 1]`.

    `time_s`, `value` and `row` (k,): when the incumbent changed, what it became in the view of its
    task, and its row in the table of observations. `runs` is the table of the runs, in order;
    `rules` and `views` say by task what was done.
    """

    runs: pd.DataFrame
    starts: IntArray
    time_s: FloatArray
    value: FloatArray
    row: IntArray
    rules: Mapping[str, str]
    views: Mapping[str, str]
    tasks: Mapping[str, TaskFacts]
    methods: Mapping[str, MethodFacts]

    @cached_property
    def fine(self) -> dict[tuple[str, str], IntArray]:
        """By task and method, the numbers of the runs that did not fail, in order of the seed."""
        runs = self.runs.reset_index(drop=True)
        runs = runs[runs["status"] != "failed"].sort_values("seed", kind="stable")
        groups: Any = runs.groupby(["task", "method"], observed=True).indices
        numbers = runs.index.to_numpy(np.int64)
        return {(str(key[0]), str(key[1])): numbers[at] for key, at in groups.items()}

    def steps(self, run: int) -> tuple[FloatArray, FloatArray]:
        """Times and values (k,) of the steps of one run."""
        part = slice(self.starts[run], self.starts[run + 1])
        return self.time_s[part], self.value[part]

    def only(self, tasks: Collection[str]) -> "Incumbents":
        """The runs of these tasks, and the methods that have any there."""
        keep = self.runs["task"].isin(list(tasks)).to_numpy()
        counts = np.diff(self.starts)
        rows = np.repeat(keep, counts)
        runs = self.runs[keep].reset_index(drop=True)
        present = set(runs["method"].astype(str))
        return replace(
            self,
            runs=runs,
            starts=np.concatenate(([0], np.cumsum(counts[keep]))),
            time_s=self.time_s[rows],
            value=self.value[rows],
            row=self.row[rows],
            tasks={name: facts for name, facts in self.tasks.items() if name in tasks},
            methods={name: facts for name, facts in self.methods.items() if name in present},
        )

    def groups(self) -> list[list[str]]:
        """The tasks with runs, together with those on which the same methods were run."""
        methods = self.runs.groupby("task", observed=True)["method"].unique()
        groups: dict[frozenset[str], list[str]] = {}
        for task in self.tasks:
            if task in methods.index:
                groups.setdefault(frozenset(methods[task]), []).append(task)
        return list(groups.values())


def default_rule(facts: TaskFacts) -> str:
    """Values at different resources compare: the best of all; else only those at the highest."""
    return "best" if facts.comparable else "highest"


def incumbents(study: Study, *, view: str | None = None, rule: str | None = None) -> Incumbents:
    """The incumbents of all runs.

    `view`: observed, true or test; None: true where the task has true values, else observed.
    `rule`: best or highest; None: as the task's fidelity asks. Raises ValueError if either is
    unknown, or if a task lacks the view.
    """
    if rule is not None and rule not in RULE_SENTENCES:
        raise ValueError(f"rule={rule!r}: use one of {', '.join(RULE_SENTENCES)}")
    rules = {name: rule or default_rule(facts) for name, facts in study.tasks.items()}
    views = _views_by_task(study, view)
    rows, run, task = _eligible(study)
    resource = study.observations["resource"].to_numpy()[rows]
    highest = np.array([rules[name] == "highest" for name in study.tasks], dtype=bool)[task]
    segment, compares = _segments(run, resource, highest)
    rows, run, segment = rows[compares], run[compares], segment[compares]
    chosen = _improvements(study.observations["value"].to_numpy()[rows], segment)
    rows, run = rows[chosen], run[chosen]
    time_s = study.observations["time_s"].to_numpy()[rows]
    # At one time there is one incumbent: the last.
    last = np.ones(len(run), dtype=bool)
    last[:-1] = (np.diff(run) != 0) | (np.diff(time_s) != 0)
    rows, run, time_s = rows[last], run[last], time_s[last]
    return Incumbents(
        runs=study.runs,
        starts=np.searchsorted(run, np.arange(len(study.runs) + 1)),
        time_s=time_s,
        value=_reported(study, rows, views),
        row=rows,
        rules=rules,
        views=views,
        tasks=study.tasks,
        methods=study.methods,
    )


def in_view(found: Incumbents, study: Study, view: Mapping[str, str]) -> Incumbents:
    """The same incumbents reported in other views, by task; they are chosen as before."""
    views = {**found.views, **view}
    return replace(found, value=_reported(study, found.row, views), views=views)


def available_views(study: Study) -> dict[str, tuple[str, ...]]:
    """By task, the views for which every ok observation has a value; observed always is."""
    table = study.observations
    ok = (table["status"] == "ok").to_numpy()
    task = _codes(table["task"], study.tasks, "task")[ok]
    total = np.bincount(task, minlength=len(study.tasks))
    known = {"observed": np.ones(len(study.tasks), dtype=bool)}
    for view in ("true", "test"):
        finite = np.isfinite(table[VIEWS[view]].to_numpy()[ok])
        known[view] = (total > 0) & (np.bincount(task[finite], minlength=len(total)) == total)
    return {
        name: tuple(view for view in VIEWS if known[view][number])
        for number, name in enumerate(study.tasks)
    }


def _views_by_task(study: Study, view: str | None) -> dict[str, str]:
    if view is not None and view not in VIEWS:
        raise ValueError(f"view={view!r}: use one of {', '.join(VIEWS)}")
    available = available_views(study)
    if view is None:
        return {
            task: "true" if "true" in views else "observed" for task, views in available.items()
        }
    with_runs = set(study.runs["task"].astype(str))
    for task, views in available.items():
        if view not in views and task in with_runs:
            raise ValueError(f"task {task!r} lacks {view} values: it has {', '.join(views)}")
    return dict.fromkeys(available, view)


def _codes(names: "pd.Series[str]", known: Mapping[str, object], what: str) -> IntArray:
    """Positions of the names among the known ones."""
    given = names.astype("category").cat
    places = pd.Index(list(known), dtype=object).get_indexer(given.categories.astype(object))
    codes = np.append(places, -1)[given.codes.to_numpy()].astype(np.int64)
    if len(codes) and codes.min() < 0:
        strange = sorted(set(names.astype(str)) - set(known))
        raise ValueError(f"the tables name {what}s that the study does not describe: {strange}")
    return codes


def _run_keys(study: Study, table: pd.DataFrame) -> IntArray:
    """One number for each (task, method, seed)."""
    with_method = _codes(table["task"], study.tasks, "task") * len(study.methods)
    with_method += _codes(table["method"], study.methods, "method")
    return (with_method << 32) + (table["seed"].to_numpy(np.int64) & 0xFFFFFFFF)


def _run_numbers(study: Study, table: pd.DataFrame) -> IntArray:
    """For each row of `table`, the number of its run in the table of runs."""
    keys = _run_keys(study, study.runs)
    order = np.argsort(keys)
    if (np.diff(keys[order]) == 0).any():
        raise ValueError("the table of runs names a (task, method, seed) twice")
    row_keys = _run_keys(study, table)
    place = np.searchsorted(keys[order], row_keys)
    if not np.isin(row_keys, keys).all():
        raise ValueError("there are observations of runs that the table of runs does not list")
    return order[place]


def _eligible(study: Study) -> tuple[IntArray, IntArray, IntArray]:
    """Rows that may become incumbents, in order of (run, time), with their runs and tasks."""
    table = study.observations
    may = (table["status"] == "ok").to_numpy() & np.isfinite(table["value"].to_numpy())
    for column in table.columns[table.columns.str.startswith(SLACK)]:
        # NaN: the constraint belongs to another task.
        may &= ~(table[column].to_numpy() < 0)
    rows = np.flatnonzero(may)
    run = _run_numbers(study, table)[rows]
    time_s = table["time_s"].to_numpy()[rows]
    if (np.diff(run) < 0).any() or ((np.diff(time_s) < 0) & (np.diff(run) == 0)).any():
        order = np.lexsort((time_s, run))  # stable: ties in time keep their stored order
        rows, run = rows[order], run[order]
    return rows, run, _codes(table["task"], study.tasks, "task")[rows]


def _segments(
    run: IntArray, resource: FloatArray, highest: npt.NDArray[np.bool_]
) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Rising numbers of the stretches in which values compare, and which rows take part.

    Rule best: the run is one stretch. Rule highest: a new one begins at each new highest resource,
    and rows below the highest resource so far take no part.
    """
    levels, level = np.unique(resource, return_inverse=True)
    level = np.where(highest, level, 0)
    reach = run * max(len(levels), 1) + level
    return reach, reach == np.maximum.accumulate(reach)


def _improvements(value: FloatArray, segment: IntArray) -> npt.NDArray[np.bool_]:
    """Where a value is smaller than all that came before it in its segment; ties are not.

    A running minimum over all segments at once: of ranks, less an amount for each segment that
    exceeds any rank, so that the first of a segment always lies below everything before it.
    """
    rank = np.empty(len(value), dtype=np.int64)
    rank[np.argsort(value, kind="stable")] = np.arange(len(value))
    lowest = np.minimum.accumulate(rank - segment * len(value))
    improves = np.ones(len(value), dtype=bool)
    improves[1:] = np.diff(lowest) < 0
    return improves


def _reported(study: Study, rows: IntArray, views: Mapping[str, str]) -> FloatArray:
    """The values (k,) of the observations at `rows`, in the view of their task."""
    table = study.observations
    view = np.array([list(VIEWS).index(views[name]) for name in study.tasks], dtype=np.int64)
    which = view[_codes(table["task"].iloc[rows], study.tasks, "task")]
    return np.choose(which, [table[column].to_numpy()[rows] for column in VIEWS.values()])
