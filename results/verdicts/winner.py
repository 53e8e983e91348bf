"""The best configuration of a task: the one to use, where it comes from, and how sure its value is.

It is chosen as incumbents are, by the observed value among what is feasible: of the runs' last
incumbents the lowest, and where values at different resources do not compare, of those at the
highest resource alone. The best of many noisy values flatters: the true and the test value of the
same configuration stand beside it, and what its other evaluations in the study gave.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.study.failed_runs import has_failed
from hpobench.results.study.selection import of_task
from hpobench.results.study.study import Study


@dataclass(frozen=True)
class Winner:
    """A configuration; values are minimised, and NaN where they are not known.

    `time_s`: when its value was known, on the clock of its run, which went on until `end_s`.
    `runs`: how many runs of the task there were to choose from. `again`: the mean of its other
    evaluations at this resource, of which there are `again_count`, with their standard error.
    """

    task: str
    method: str
    seed: int
    trial: int
    config: Mapping[str, Any]
    value: float
    true_value: float
    test_value: float
    resource: float
    time_s: float
    end_s: float
    runs: int
    again: float
    again_sem: float
    again_count: int

    def plain(self) -> dict[str, Any]:
        """The same for YAML and JSON: without what is not known."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: dict(value) if name == "config" else value
            for name, value in fields.items()
            if not (isinstance(value, float) and math.isnan(value))
        }


def winners(study: Study, task: str | None = None, method: str | None = None) -> list[Winner]:
    """The best configuration of each task that has any, or of one; `method`: of its runs alone.

    Raises ValueError if the study has no such task or method, or none of these runs has a value.
    """
    for name, known in ((task, study.tasks), (method, study.methods)):
        if name is not None and name not in known:
            raise ValueError(f"{name!r} is not in the study: it has {', '.join(known)}")
    tasks = [task] if task is not None else list(study.tasks)
    found = [winner for name in tasks if (winner := _winner(study, name, method)) is not None]
    if not found:
        raise ValueError("no run has found anything yet: no value is known")
    return found


def _winner(study: Study, task: str, method: str | None) -> Winner | None:
    if task not in set(study.runs["task"].astype(str)):
        return None
    study = of_task(study, task)
    found = incumbents(study, view="observed")
    runs = found.runs.reset_index(drop=True)
    has = np.diff(found.starts) > 0
    if method is not None:
        has &= (runs["method"].astype(str) == method).to_numpy()
    if not has.any():
        return None
    rows = study.observations.iloc[found.row[found.starts[1:][has] - 1]]
    ends = runs["end_time_s"].to_numpy(float)[has]
    compares = np.ones(len(rows), dtype=bool)
    if found.rules[task] == "highest":
        compares = (rows["resource"] == rows["resource"].max()).to_numpy()
    place = int(np.argmin(np.where(compares, rows["value"].to_numpy(float), np.inf)))
    row, trials = rows.iloc[place], study.trials
    mine = _of_run(trials, row) & (trials["trial"] == row["trial"])
    text = str(trials.loc[mine, "config"].iloc[0])
    again = _again(study, row, text)
    count = len(again)
    return Winner(
        task=task,
        method=str(row["method"]),
        seed=int(row["seed"]),
        trial=int(row["trial"]),
        config=json.loads(text),
        value=float(row["value"]),
        true_value=float(row["true_value"]),
        test_value=float(row["test_value"]),
        resource=float(row["resource"]),
        time_s=float(row["time_s"]),
        end_s=float(ends[place]),
        runs=int((has & ~has_failed(runs)).sum()),
        again=float(again.mean()) if count else math.nan,
        again_sem=float(again.std(ddof=1) / math.sqrt(count)) if count > 1 else math.nan,
        again_count=count,
    )


def _of_run(table: pd.DataFrame, row: "pd.Series[Any]") -> "pd.Series[bool]":
    same: pd.Series[bool] = (table["method"] == row["method"]) & (table["seed"] == row["seed"])
    return same


def _again(study: Study, row: "pd.Series[Any]", config: str) -> "pd.Series[float]":
    """The values of the same configuration at the same resource, each draw of its noise once.

    Methods share the noise of a seed: a value that one seed gave twice is one draw. Where they do
    not, as in logs of others, the values of a seed differ, and all count.
    """
    trials = study.trials[["method", "seed", "trial", "config"]]
    same = trials.loc[trials["config"] == config, ["method", "seed", "trial"]]
    table = study.observations
    table = table[(table["resource"] == row["resource"]) & (table["status"] == "ok")]
    rows = table.merge(same, on=["method", "seed", "trial"])
    own = (rows["seed"] == row["seed"]) & (rows["value"] == row["value"])
    values: pd.Series[float] = rows[~own].drop_duplicates(["seed", "value"])["value"]
    return values
