"""Evidence: how methods did on tasks of a kind, as rows that can be kept and shipped.

task, method   names
workers        how many the runs had
kind           of the task (see `Kind`)
trainings      a moment of the run: the worker time that had passed, in full trainings of mean cost
regret         normalised regret then, mean over seeds, at most 1 (see `scores`)
seeds          of how many runs
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray
from hpobench.results.anytime.curves import completed, curves, horizon_s, runs_by_method
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import capped_regret, references
from hpobench.results.study.selection import of_task
from hpobench.results.study.study import Study
from hpobench.storage.schema import TAKEN
from hpobench.system import atomic

MOMENTS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Of the horizon, at which evidence is taken."""
SHIPPED = Path(__file__).parent / "evidence.jsonl"


@dataclass(frozen=True)
class Kind:
    """What is known of a task before it is run; two tasks are alike if these are.

    `dimensions`: hyperparameters; `choices`: the share of them that are categories;
    `conditional`: whether some are not always active; `partial`: whether a trial can be stopped
    before its full training, and `comparable`, whether values then compare with full ones.
    """

    dimensions: int
    choices: float
    conditional: bool
    partial: bool
    comparable: bool

    def distance(self, other: "Kind") -> float:
        """0 for alike; 1 is as far as twice the dimensions, or numbers against categories."""
        return (
            abs(math.log2(self.dimensions / other.dimensions))
            + abs(self.choices - other.choices)
            + 0.5 * (self.conditional != other.conditional)
            + 3.0 * (self.partial != other.partial)
            + 0.5 * (self.comparable != other.comparable)
        )


@dataclass(frozen=True)
class Row:
    """One row of evidence; fields as above."""

    task: str
    method: str
    workers: int
    kind: Kind
    trainings: float
    regret: float
    seeds: int


def kind_of(study: Study, task: str) -> Kind:
    """The kind of a task of a study, by the configurations that were tried."""
    trials, facts = of_task(study, task).trials, study.tasks[task]
    columns = [trials[name] for name in trials.columns if name not in TAKEN]
    columns = [column for column in columns if column.notna().any()]
    texts = sum(not pd.api.types.is_numeric_dtype(column.dtype) for column in columns)
    return Kind(
        dimensions=max(len(columns), 1),
        choices=texts / max(len(columns), 1),
        conditional=any(column.isna().any() for column in columns),
        partial=facts.r_min < facts.r_max,
        comparable=facts.comparable,
    )


def full_training_s(study: Study, task: str) -> float:
    """Mean seconds of a full training, by the jobs that ended: of a part, in proportion.

    NaN where there are none.
    """
    jobs, facts = study.jobs, study.tasks[task]
    jobs = jobs[(jobs["task"] == task) & (jobs["status"] == "ok")]
    resource = float((jobs["to_resource"] - jobs["from_resource"]).sum())
    seconds = float((jobs["end_s"] - jobs["start_s"]).sum())
    return seconds / resource * facts.r_max if resource > 0 else math.nan


def of_study(study: Study) -> Iterator[Row]:
    """The rows of a study, of its tasks that can be normalised and whose cost is known."""
    found = incumbents(study)
    workers = int(study.settings.get("workers") or 1)
    for task, reference in references(study, found.views).items():
        full_s = full_training_s(study, task)
        if not full_s > 0 or found.tasks[task].clock != "seconds":
            continue
        kind, end = kind_of(study, task), horizon_s(found, task)
        times: FloatArray = end * np.array(MOMENTS)
        by_method = curves(found, task, times, keep_ended=True)
        for method, runs in runs_by_method(found, task).items():
            values = completed(by_method[method].values, reference.median)
            regrets = capped_regret(values, reference).mean(axis=0)
            for time_s, regret in zip(times.tolist(), regrets.tolist(), strict=True):
                trainings = time_s * workers / full_s
                yield Row(task, method, workers, kind, trainings, regret, len(runs))


def read(path: Path = SHIPPED) -> list[Row]:
    """The rows that a file holds; of the shipped one by default."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return [Row(**row | {"kind": Kind(**row["kind"])}) for row in rows]


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as lines of JSON, numbers to 4 digits."""
    plain = [asdict(row) for row in rows]
    for row in plain:
        row |= {name: float(f"{row[name]:.4g}") for name in ("trainings", "regret")}
    atomic.write_text(path, "".join(f"{json.dumps(row)}\n" for row in plain))
