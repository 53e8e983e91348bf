"""The one row schema: four long tables, and the facts about tasks and methods beside them.

Parts of earlier versions lack columns that came later: what they hold is then unknown.

Every table begins with the key (`task`, `method`, `seed`) of the run. Values are minimised.

observations: one row per value that became known, in order of time
    trial        number of the trial in its run, in order of starting
    resource     resource the trial had when the value was taken (unit: the task's fidelity)
    time_s       seconds since the run began at which the value became known
    value        observed validation value: what the method saw (NaN: failed)
    true_value   noise-free value of the same configuration and resource (NaN: unknown)
    test_value   value on test data (NaN: the task has none)
    train_value  value on the data trained on (NaN: the task has none)
    worker       number of the worker, from 0
    status       ok, or failed: the value is not finite
    slack.NAME   one column a constraint, if any: feasible means >= 0
trials: one row per trial: trial, config (JSON), then one column a hyperparameter, called as it is
    but for names that are taken: `param.seed` holds a hyperparameter called seed. A category that
    is None or NaN is the text "None" or "nan"; not active is blank
jobs: one row per job that a worker was given, in order of ending
    trial, worker
    from_resource, to_resource   what was asked for
    source                       trial whose checkpoint a new trial goes on from; -1: none
    start_s, end_s               seconds since the run began
    status                       ok; failed: the job raised, or ended without a finite value;
                                 cut: by the end of the budget
    error                        what a job raised, else ""
    slot, lost                   of runs that have slots of their own only: where the job ran, and
                                 the slots that were lost under it before; "" if that is not known
    begun_unix_s, ended_unix_s   of the same, in seconds since 1970 by the clock of the driver
decisions: one row per decision of the method, in order
    kind         ask or tell
    time_s       simulated or real seconds since the run began at which it was begun
    seconds      how long it really took
    cpu_s        CPU seconds it took, of this process and of one that decides in its place; of
                 decisions of some microseconds the wall seconds (see `hooks.Stopwatch`)
runs: one row per run
    status       ok; failed: it ended by an error, or without any finite value
    error        last words of a failed run, else ""
    trials       number of trials started
    evaluations, failed_evaluations
                 number of jobs that were not cut by the end of the budget, and of those that failed
    first_error  the first error of a job, or what ended the run, with its traceback; else ""
    end_time_s   end of the run on its clock: nothing after it is known
    cpu_s        CPU seconds of the whole run
    setup_s      seconds that the method took to set itself up before its first decision: imports
    workers      how many workers an imported run had (null: as the settings of the study say)
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from hpobench.shown import one_line

VERSION = 1
SLACK = "slack."
KEY = ("task", "method", "seed")
FAILED_RULES = ("median", "last")
"""What failed runs may count as in results; `results.failed_runs` says what each means."""

_NAME = pa.dictionary(pa.int32(), pa.string())
_KEY_FIELDS = [("task", _NAME), ("method", _NAME), ("seed", pa.int32())]

OBSERVATIONS = pa.schema(
    [
        *_KEY_FIELDS,
        ("trial", pa.int32()),
        ("resource", pa.float64()),
        ("time_s", pa.float64()),
        ("value", pa.float64()),
        ("true_value", pa.float64()),
        ("test_value", pa.float64()),
        ("train_value", pa.float64()),
        ("worker", pa.int32()),
        ("status", _NAME),
    ]
)
TRIALS = pa.schema([*_KEY_FIELDS, ("trial", pa.int32())])
TAKEN = frozenset({*KEY, "trial", "config"})
"""Columns of the trials that are no hyperparameters."""
PARAM = "param."


def column_of(name: str, taken: Collection[str] = TAKEN) -> str:
    """The column of a hyperparameter in a table with these other columns."""
    return PARAM + name if name in taken or name.startswith(PARAM) else name


def hyperparameter_of(column: str) -> str:
    """The hyperparameter that a column is of; inverse of `column_of`, whatever was taken."""
    return column.removeprefix(PARAM)


JOBS = pa.schema(
    [
        *_KEY_FIELDS,
        ("trial", pa.int32()),
        ("worker", pa.int32()),
        ("from_resource", pa.float64()),
        ("to_resource", pa.float64()),
        ("source", pa.int32()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("status", _NAME),
        ("error", pa.string()),
    ]
)
PLACES = pa.schema(
    [
        ("slot", pa.string()),
        ("lost", pa.string()),
        ("begun_unix_s", pa.float64()),
        ("ended_unix_s", pa.float64()),
    ]
)
"""Columns that jobs have besides where runs have slots of their own."""
JOB_STATUS = ["ok", "failed", "cut"]
DECISIONS = pa.schema(
    [
        *_KEY_FIELDS,
        ("kind", _NAME),
        ("time_s", pa.float64()),
        ("seconds", pa.float32()),
        ("cpu_s", pa.float32()),
    ]
)
RUNS = pa.schema(
    [
        *_KEY_FIELDS,
        ("status", _NAME),
        ("error", pa.string()),
        ("trials", pa.int32()),
        ("evaluations", pa.int32()),
        ("failed_evaluations", pa.int32()),
        ("first_error", pa.string()),
        ("end_time_s", pa.float64()),
        ("cpu_s", pa.float64()),
        ("setup_s", pa.float64()),
        ("workers", pa.int32()),
    ]
)


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What results and figures need to know of a task, so that they never have to load it.

    `optimum` and `median` are true (minimised) values at full resource, None if unknown.
    `comparable`: values at different resources compare (see `Fidelity`).
    `reproducible`: the same configuration and seed give the same value and cost; None: not known.
    `clock`: what its times are counted in, seconds, or evaluations if its cost is not known.
    `remarks`: sentences that belong wherever the task is described.
    `control`: of a negative control, what must fail on it; "": it is none.
    `space`: the hyperparameters as they are stated (`Space.specification`); empty: not known.
    """

    name: str
    label: str
    value_label: str
    unit: str = ""
    optimum: float | None = None
    median: float | None = None
    fidelity: str = "none"
    r_min: float = 1
    r_max: float = 1
    comparable: bool = True
    reproducible: bool | None = None
    clock: str = "seconds"
    remarks: tuple[str, ...] = ()
    control: str = ""
    space: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _in_one_line(self, "label", "value_label", "unit", "fidelity", "control")

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "TaskFacts":
        """From the stored form."""
        return cls(**{**fields, "remarks": tuple(fields.get("remarks", ()))})


@dataclass(frozen=True, slots=True)
class MethodFacts:
    """How a method is named and drawn: the same in every figure.

    `multi_fidelity`: it decides how much resource a trial gets.
    """

    name: str
    label: str
    color: str | None = None
    line: str = "-"
    multi_fidelity: bool = False

    def __post_init__(self) -> None:
        _in_one_line(self, "label")

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "MethodFacts":
        """From the stored form."""
        return cls(**fields)


def _in_one_line(facts: TaskFacts | MethodFacts, *names: str) -> None:
    """What figures, tables and pages show of `facts` is shown within lines."""
    for name in names:
        object.__setattr__(facts, name, one_line(str(getattr(facts, name))))
