"""A study in memory: the long tables of `hpobench.schema`, and the facts beside them."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import pandas as pd

from hpobench.schema import MethodFacts, TaskFacts

Source = pd.DataFrame | Callable[[], pd.DataFrame]
"""A table, or a function that reads it: it is called when the table is first looked at."""


class Study:
    """All runs of one comparison; columns of the tables as in `hpobench.schema`.

    `tasks` and `methods` hold the facts by name, in the order in which they are shown.
    `settings` says how the study was run: workers, budget, overhead, ...
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
    ) -> None:
        self._observations = observations
        self._trials = trials
        self._decisions = decisions
        self._runs = runs
        self._jobs = jobs
        self.tasks = dict(tasks)
        self.methods = dict(methods)
        self.settings = dict(settings or {})

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

    def __repr__(self) -> str:
        return f"Study(tasks={list(self.tasks)}, methods={list(self.methods)})"


def _read(source: Source) -> pd.DataFrame:
    return source if isinstance(source, pd.DataFrame) else source()
