"""A study in memory: the long tables of `hpobench.storage.schema`, and the facts beside them."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, TypeVar

import pandas as pd

from hpobench.storage.schema import SLACK, MethodFacts, TaskFacts

WALL_CLOCK = "wall_clock"
Facts = TypeVar("Facts", TaskFacts, MethodFacts)
_ROUNDING = 1e-6
"""Of the scale of a task's values: tables in single precision differ by so much."""

Source = pd.DataFrame | Callable[[], pd.DataFrame]
"""A table, or a function that reads it: it is called when the table is first looked at."""


class Study:
    """All runs of one comparison; columns of the tables as in `hpobench.storage.schema`.

    `tasks` and `methods` hold the facts by name, in the order in which they are shown; their labels
    differ.
    `settings` says how the study was run: workers, budget, overhead, ... `budgets`: by task, its
    own limits, which hold where the settings state none. `axis`: what times of observations and
    ends of runs are measured on, a name of `time_axis.AXES`.
    """

    def __init__(
        self,
        observations: Source,
        trials: Source,
        decisions: Source,
        runs: Source,
        tasks: Mapping[str, TaskFacts],
        methods: Mapping[str, MethodFacts],
        settings: Mapping[str, Any] | None = None,
        jobs: Source | None = None,
        budgets: Mapping[str, Mapping[str, Any]] | None = None,
        axis: str = WALL_CLOCK,
    ) -> None:
        self._observations = observations
        self._trials = trials
        self._decisions = decisions
        self._runs = runs
        self._jobs = jobs
        self.tasks = _told_apart(tasks)
        self.methods = _told_apart(methods)
        self.settings = dict(settings or {})
        self.budgets = dict(budgets or {})
        self.axis = axis

    def changed(self, **parts: Any) -> "Study":
        """The same study but for some parts, which are called as when one is made."""
        tables = ("observations", "trials", "decisions", "runs", "jobs")
        same: dict[str, Any] = {name: partial(getattr, self, name) for name in tables}
        same |= {name: getattr(self, name) for name in ("tasks", "methods", "settings")}
        return Study(**same | {"budgets": self.budgets, "axis": self.axis} | parts)

    def limits(self, task: str) -> dict[str, float]:
        """Limits that could end a task's runs: time_s, trials, resource, cost; none: not known."""
        for budget in (self.settings.get("budget") or {}, self.budgets.get(task, {})):
            if any(limit is not None for limit in budget.values()):
                return {name: limit for name, limit in budget.items() if _limits(limit)}
        return {}

    @cached_property
    def observations(self) -> pd.DataFrame:
        """One row per value that became known."""
        return _read(self._observations)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per trial, with its configuration."""
        return _read(self._trials)

    @cached_property
    def jobs(self) -> pd.DataFrame:
        """One row per job that a worker was given; empty if the study was not stored with any."""
        return pd.DataFrame() if self._jobs is None else _read(self._jobs)

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """One row per `ask` or `tell` of a method."""
        return _read(self._decisions)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row per run."""
        return _read(self._runs)

    @cached_property
    def below_optimum(self) -> dict[str, float]:
        """The lowest value below the stated optimum, by task whose optimum cannot be one.

        Of feasible values at the highest resource: the true ones where the task has any, since
        noise alone takes observed ones below a true optimum.
        """
        table, found = self.observations, {}
        for name, facts in self.tasks.items():
            if facts.optimum is None:
                continue
            rows = table[(table["task"] == name) & (table["status"] == "ok")]
            rows = rows[rows["resource"] >= facts.r_max]
            slacks = [column for column in map(str, rows) if column.startswith(SLACK)]
            rows = rows[~(rows[slacks] < 0).any(axis=1)]
            values = rows["true_value" if rows["true_value"].notna().any() else "value"]
            lowest = float(values.min())
            spread = abs((facts.median or 0.0) - facts.optimum) + abs(facts.optimum)
            if lowest < facts.optimum - _ROUNDING * spread:
                found[name] = lowest
        return found

    def __repr__(self) -> str:
        return f"Study(tasks={list(self.tasks)}, methods={list(self.methods)})"


def _told_apart(facts: Mapping[str, Facts]) -> dict[str, Facts]:
    """The same with the name beside labels that several have: Mine (a), Mine (b)."""
    counts = Counter(each.label for each in facts.values())
    return {
        name: replace(each, label=f"{each.label} ({name})") if counts[each.label] > 1 else each
        for name, each in facts.items()
    }


def _limits(limit: object) -> bool:
    return isinstance(limit, int | float) and limit < math.inf


def _read(source: Source) -> pd.DataFrame:
    return source if isinstance(source, pd.DataFrame) else source()
