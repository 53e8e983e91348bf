"""The incumbent of every run over time, by a stated rule, as steps.

The incumbent is chosen by the *observed* validation value among the observations that are ok and
feasible. What is reported of it is a matter of the view: its observed, true, test or re-evaluated
value.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from hpobench.arrays import BoolArray, FloatArray, IntArray
from hpobench.results.anytime.regret import contradictions, medians
from hpobench.results.anytime.views import REEVALUATED, feasible, reported, views_by_task
from hpobench.results.study.failed_runs import DEFAULT, Failed, has_failed, rule_of
from hpobench.results.study.horizon import Horizon, horizons, stated_reference
from hpobench.results.study.index import codes, run_numbers
from hpobench.results.study.study import WALL_CLOCK, Study
from hpobench.storage.schema import SLACK, MethodFacts, TaskFacts

RULE_SENTENCES = {
    "best": "Incumbent: best observed validation value at any resource.",
    "highest": "Incumbent: best observed validation value at the highest resource reached so far.",
}
FEASIBLE_SENTENCE = (
    "Of tasks with constraints only configurations that meet them all are incumbents: before its "
    "first one a run has no value."
)


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
    known: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """By task in the re-evaluated view, how many steps have a value, of how many; only these are
    kept."""
    failed_as: str = DEFAULT
    """What failed runs count as: a name of `failed_runs.RULES`."""
    contradictions: Mapping[str, str] = field(default_factory=dict)
    """By task whose stated optimum cannot be one, a sentence on it; it counts as unknown."""
    medians: Mapping[str, float] = field(default_factory=dict)
    """By task with failed runs, what its median configuration is worth in its view."""
    objective_seeds: int = 1
    """With how many seeds of the objective each seed of a method was run: these are averaged."""
    horizons: Mapping[str, Horizon] = field(default_factory=dict)
    """By task with a run that did not fail, when methods are compared."""
    reference: str = ""
    """The name of the method that others are compared with, whether it was run."""
    axis: str = WALL_CLOCK
    """What times are measured on: that of the study."""
    time_alone: frozenset[str] = frozenset()
    """The tasks of which nothing but time ends runs: none on another axis, where time may."""

    constrained: frozenset[str] = frozenset()
    """The tasks with constraints, all of which an incumbent meets."""

    chosen_of: int = 0
    """Where some methods were left out, how many there are with them."""

    @cached_property
    def failed(self) -> BoolArray:
        """Flags (n,) of the runs that failed."""
        return has_failed(self.runs)

    @cached_property
    def lost_s(self) -> FloatArray:
        """The times (n,) from which runs count as the median configuration; infinite: never."""
        counts = self.failed & (self.failed_as == "median")
        return np.where(counts, self.runs["end_time_s"].to_numpy(float), np.inf)

    @cached_property
    def counted(self) -> dict[tuple[str, str], IntArray]:
        """Numbers of the runs, failed ones too, by task and method, in order of the seed.

        Without the tasks on which every run failed.
        """
        runs = self.runs.reset_index(drop=True)
        known = set(runs.loc[~self.failed, "task"].astype(str))
        runs = runs[runs["task"].isin(known)].sort_values("seed", kind="stable")
        groups: Any = runs.groupby(["task", "method"], observed=True).indices
        numbers = runs.index.to_numpy(np.int64)
        return {(str(key[0]), str(key[1])): numbers[at] for key, at in groups.items()}

    def failures(self, tasks: Iterable[str]) -> dict[str, Failed]:
        """Counts of failed runs, and of all, by method with runs on any of the tasks."""
        mine = self.runs["task"].isin(list(tasks)).to_numpy()
        all_runs = self.runs.loc[mine, "method"].value_counts()
        failed = self.runs.loc[mine & self.failed, "method"].value_counts()
        return {
            name: Failed(int(failed.get(name, 0)), int(all_runs[name]))
            for name in self.methods
            if all_runs.get(name, 0)
        }

    def steps(self, run: int) -> tuple[FloatArray, FloatArray]:
        """Times and values (k,) of the steps of one run: what it found, before any failure."""
        part = slice(self.starts[run], self.starts[run + 1])
        return self.time_s[part], self.value[part]

    def only(self, tasks: Collection[str]) -> "Incumbents":
        """The runs of these tasks, and the methods that have any there."""
        some = self._with_runs(self.runs["task"].isin(list(tasks)).to_numpy())
        present = set(some.runs["method"].astype(str))
        return replace(
            some,
            tasks={name: facts for name, facts in self.tasks.items() if name in tasks},
            methods={name: facts for name, facts in self.methods.items() if name in present},
            rules={name: rule for name, rule in self.rules.items() if name in tasks},
            views={name: view for name, view in self.views.items() if name in tasks},
            known={name: counts for name, counts in self.known.items() if name in tasks},
        )

    def _with_runs(self, keep: BoolArray) -> "Incumbents":
        counts = np.diff(self.starts)
        rows = np.repeat(keep, counts)
        return replace(
            self,
            runs=self.runs[keep].reset_index(drop=True),
            starts=np.concatenate(([0], np.cumsum(counts[keep]))),
            time_s=self.time_s[rows],
            value=self.value[rows],
            row=self.row[rows],
        )

    def ordered(self, methods: Sequence[str]) -> "Incumbents":
        """The runs of these methods, which are shown in this order."""
        some = [name for name in methods if name in self.methods]
        keep = self.runs["method"].isin(some).to_numpy()
        facts = {name: self.methods[name] for name in some}
        fewer = len(some) < len(self.methods)
        of = max(len(self.methods), self.chosen_of) if fewer else self.chosen_of
        return replace(self._with_runs(keep), methods=facts, chosen_of=of)

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

    `view`: observed, true, test or reevaluated; None: true where the task has true values, else
    test where it has those, else observed. `rule`: best or highest; None: as the task's fidelity
    asks. Re-evaluated, a run passes over incumbents that were evaluated once only, and tasks that
    have no others are left out. Raises ValueError if either is unknown, or if a task (re-evaluated:
    every task) lacks the view.
    """
    if rule is not None and rule not in RULE_SENTENCES:
        raise ValueError(f"rule={rule!r}: use one of {', '.join(RULE_SENTENCES)}")
    rules = {name: rule or default_rule(facts) for name, facts in study.tasks.items()}
    views = views_by_task(study, view)
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
    found = Incumbents(
        runs=study.runs,
        starts=np.searchsorted(run, np.arange(len(study.runs) + 1)),
        time_s=time_s,
        value=reported(study, rows, views),
        row=rows,
        rules=rules,
        views=views,
        tasks=_believed(study),
        objective_seeds=int(study.settings.get("objective_seeds") or 1),
        contradictions=contradictions(study),
        methods=study.methods,
        failed_as=rule_of(study.settings),
        medians=_medians(study, views),
        horizons=horizons(study),
        reference=stated_reference(study),
        axis=study.axis,
        time_alone=_time_alone(study),
        constrained=_constrained(study),
    )
    return _those_known(found) if view == REEVALUATED else found


def _believed(study: Study) -> dict[str, TaskFacts]:
    """The tasks, without an optimum and a median where what was seen contradicts them."""
    return {
        name: replace(facts, optimum=None, median=None) if name in study.below_optimum else facts
        for name, facts in study.tasks.items()
    }


def in_view(found: Incumbents, study: Study, view: Mapping[str, str]) -> Incumbents:
    """The same incumbents reported in other views, by task; they are chosen as before.

    Re-evaluated, those that were evaluated once only are NaN.
    """
    views = {**found.views, **view}
    value = reported(study, found.row, views)
    return replace(found, value=value, views=views, medians=_medians(study, views))


def _time_alone(study: Study) -> frozenset[str]:
    if study.axis != WALL_CLOCK:
        return frozenset()
    return frozenset(task for task in study.tasks if study.limits(task).keys() == {"time_s"})


def _constrained(study: Study) -> frozenset[str]:
    table = study.observations
    slacks = table.columns[table.columns.str.startswith(SLACK)]
    if slacks.empty:
        return frozenset()
    return frozenset(table.loc[table[slacks].notna().any(axis=1), "task"].astype(str))


def _medians(study: Study, views: Mapping[str, str]) -> dict[str, float]:
    """The values of the median configurations of the tasks with failed runs."""
    tasks = study.runs.loc[has_failed(study.runs), "task"]
    return medians(study, views, set(tasks.astype(str)))


def _eligible(study: Study) -> tuple[IntArray, IntArray, IntArray]:
    """Rows that may become incumbents, in order of (run, time), with their runs and tasks."""
    table = study.observations
    may = (table["status"] == "ok").to_numpy() & np.isfinite(table["value"].to_numpy())
    may &= feasible(table)
    rows = np.flatnonzero(may)
    run = run_numbers(study, table)[rows]
    time_s = table["time_s"].to_numpy()[rows]
    if (np.diff(run) < 0).any() or ((np.diff(time_s) < 0) & (np.diff(run) == 0)).any():
        order = np.lexsort((time_s, run))  # stable: ties in time keep their stored order
        rows, run = rows[order], run[order]
    return rows, run, codes(table["task"], study.tasks, "task")[rows]


def _segments(
    run: IntArray, resource: FloatArray, highest: BoolArray
) -> tuple[IntArray, BoolArray]:
    """Rising numbers of the stretches in which values compare, and which rows take part.

    Rule best: the run is one stretch. Rule highest: a new one begins at each new highest resource,
    and rows below the highest resource so far take no part.
    """
    if not highest.any():
        return run, np.ones(len(run), dtype=bool)
    levels, level = np.unique(resource, return_inverse=True)
    reach = run * len(levels) + np.where(highest, level, 0)
    return reach, reach == np.maximum.accumulate(reach)


def _improvements(value: FloatArray, segment: IntArray) -> BoolArray:
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


def _those_known(found: Incumbents) -> Incumbents:
    """The incumbents that have a value, of tasks that have any; numbers of steps by task."""
    known = np.isfinite(found.value)
    run = np.repeat(np.arange(len(found.runs)), np.diff(found.starts))
    task = found.runs["task"].astype(str).to_numpy()[run]
    counts = {
        name: (int(known[task == name].sum()), int((task == name).sum())) for name in found.tasks
    }
    if not known.any():
        raise ValueError(
            "no incumbent has a re-evaluated value: no run tried its configuration again"
        )
    kept = replace(
        found,
        starts=np.searchsorted(run[known], np.arange(len(found.runs) + 1)),
        time_s=found.time_s[known],
        value=found.value[known],
        row=found.row[known],
        known=counts,
    )
    return kept.only([name for name, (having, _) in counts.items() if having])
