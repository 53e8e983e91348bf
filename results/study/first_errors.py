"""What went wrong in the runs of a study and why, grouped by task, method and reason."""

from typing import NamedTuple

import pandas as pd

from hpobench.results.study.failed_runs import has_failed
from hpobench.words import seeds_in_words

MOSTLY = 0.5
"""A run of whose evaluations such a share failed has mostly failed, though it has a value."""
COUNTS = ["evaluations", "failed_evaluations"]


class Group(NamedTuple):
    """Runs of one method on one task of which evaluations failed for one reason.

    `fate`: "failed" if the runs did, "mostly" if most of their evaluations did, else "partly".
    `evaluations` and `failures` are sums over the runs, 0 where the study does not say; `trace` is
    the first error in full.
    """

    task: str
    method: str
    fate: str
    reason: str
    seeds: str
    runs: int
    evaluations: int
    failures: int
    trace: str

    @property
    def lost(self) -> bool:
        """Whether no evaluation had a value."""
        return self.fate == "failed" and self.failures == self.evaluations > 0

    @property
    def in_words(self) -> str:
        """What happened to the evaluations, and why."""
        if self.fate == "failed" and not self.lost:
            return self.reason
        share = "all" if self.lost else f"{self.failures:,} of"
        return f"{share} {self.evaluations:,} evaluations failed: {self.reason}"


def groups(runs: pd.DataFrame) -> list[Group]:
    """The groups of runs with errors, in the order of the table."""
    later = [name for name in (*COUNTS, "first_error") if name not in runs]
    table = runs.reindex(columns=[*runs.columns, *later])
    table = table.astype({"task": str, "method": str})
    table[COUNTS] = table[COUNTS].astype(float).fillna(0.0)
    table["first_error"] = table["first_error"].astype(object).fillna("")
    table = table[has_failed(table) | (table["failed_evaluations"] > 0)]
    table = table.assign(fate=_fates(table), reason=_reasons(table))
    keys = ["task", "method", "fate", "reason"]
    return [_group([*map(str, key)], rows) for key, rows in table.groupby(keys, sort=False)]


def _fates(table: pd.DataFrame) -> "pd.Series[str]":
    mostly = table["failed_evaluations"] >= MOSTLY * table["evaluations"]
    fates = mostly.map({True: "mostly", False: "partly"})
    return fates.mask(has_failed(table), "failed")


def _reasons(table: pd.DataFrame) -> "pd.Series[str]":
    """The last lines of the first errors; of runs that ended by something else, that."""
    first = table["first_error"].map(lambda error: error.strip().rpartition("\n")[2])
    first = first.replace("", "a value that is not finite")
    otherwise = has_failed(table) & ~_lost(table)
    return first.mask(otherwise, table["error"].fillna("").replace("", "no reason is known"))


def _lost(table: pd.DataFrame) -> "pd.Series[bool]":
    failures = table["failed_evaluations"]
    return (failures > 0) & (failures == table["evaluations"])


def _group(key: list[str], rows: pd.DataFrame) -> Group:
    task, method, fate, reason = key
    evaluations, failures = (int(rows[name].sum()) for name in COUNTS)
    trace = str(rows["first_error"].iloc[0])
    seeds = seeds_in_words(rows["seed"])
    return Group(task, method, fate, reason, seeds, len(rows), evaluations, failures, trace)


def lost_tasks(runs: pd.DataFrame) -> dict[str, list[Group]]:
    """Tasks of which no evaluation had a value in any run, with all their groups."""
    stored = runs["task"].astype(str).value_counts()
    found: dict[str, list[Group]] = {}
    for group in groups(runs):
        found.setdefault(group.task, []).append(group)
    return {
        task: some
        for task, some in found.items()
        if all(group.lost for group in some) and sum(g.runs for g in some) == stored[task]
    }
