"""Parallel scaling: how many times sooner a method reaches a target with more workers.

    speed-up    S(w), as `survival` defines it, of the runs with w workers over those with the
                fewest, w0: the same quantity as between methods
    efficiency  E(w) = S(w) w0 / w

The target of a task and method is what it reaches in the end with the fewest workers: the mean
final normalised regret of those runs. The studies are read as one, in which a method with another
number of workers is another method, so that censoring, failed runs, resampling and bounds are as in
`targets`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hpobench.results.anytime.incumbents import Incumbents, incumbents
from hpobench.results.anytime.notes import horizon_notes, rule_notes
from hpobench.results.anytime.regret import Reference, references
from hpobench.results.study.failed_runs import fine, in_words
from hpobench.results.study.horizon import Horizon, horizons
from hpobench.results.study.jobs import jobs_of, workers_of
from hpobench.results.study.study import Study
from hpobench.results.study.timeline import Timeline
from hpobench.results.verdicts.time_to_target import early_notes, time_to_target

COLUMNS = (
    "task",
    "method",
    "workers",
    "time_s",
    "share",
    "speedup",
    "low",
    "high",
    "efficiency",
    "efficiency_low",
    "efficiency_high",
    "bound",
    "reached",
    "throughput",
    "seeds",
)

NOTHING = "the studies have no task and method in common to compare: there is no scaling"


@dataclass(frozen=True)
class Scaling:
    """The `table`; by task, what a caption has to say; by task that is left out, why."""

    table: pd.DataFrame
    notes: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, str]


def scaling(studies: Mapping[int, Study], *, task: str | None = None) -> Scaling:
    """One row per task, method and number of workers, for what all the studies have.

    time_s, share, speedup, low, high, bound, reached: as in `targets`, over the fewest workers.
    efficiency   the speed-up per worker, with its interval; a bound where that is one
    throughput   jobs that ended, per second, mean over runs: how much more was trained, also where
                 the target was never reached (NaN: jobs were not stored)
    seeds        how many runs went in

    Runs that share a seed are resampled together. `studies` by number of workers; `task`: only that
    one. Raises ValueError with fewer than two studies, if they have no task and method in common
    that can be compared, or if their settings say otherwise about the workers.
    """
    _check(studies)
    counts = sorted(studies)
    tasks = _common([*(each.tasks for each in studies.values()), *([[task]] if task else [])])
    methods = _common(each.methods for each in studies.values())
    if not (tasks and methods):
        raise ValueError(NOTHING)
    found, scale = _together(studies, tasks, methods)
    throughput = {count: _throughput(study) for count, study in studies.items()}
    tables = [_of_method(found, scale, method, counts) for method in methods]
    if not any(map(len, tables)):
        raise ValueError(NOTHING)
    table = pd.concat([each for each in tables if len(each)], ignore_index=True)
    keys = zip(table["workers"], table["method"], strict=True)
    table["throughput"] = [throughput[count].get(method, np.nan) for count, method in keys]
    order = {name: place for place, name in enumerate(tasks)}
    table = table.sort_values("task", key=lambda names: names.map(order), kind="stable")
    shown = dict.fromkeys(table["task"])
    return Scaling(
        table=table[list(COLUMNS)].reset_index(drop=True),
        notes={name: _notes(found, name) for name in shown},
        left_out={name: _why_not(found, scale, name) for name in tasks if name not in shown},
    )


def _check(studies: Mapping[int, Study]) -> None:
    if len(studies) < 2:
        raise ValueError(f"{len(studies)} study: scaling compares two numbers of workers or more")
    for count, study in studies.items():
        if workers_of(study) != count:
            raise ValueError(f"a study given for {count} workers ran with {workers_of(study)}")


def _common(names: Iterable[Iterable[str]]) -> list[str]:
    """The names that all have, in the order of the first."""
    first, *others = [list(some) for some in names]
    return [name for name in first if all(name in other for other in others)]


def _together(
    studies: Mapping[int, Study], tasks: Sequence[str], methods: Sequence[str]
) -> tuple[Incumbents, dict[str, Reference]]:
    """The incumbents of all runs, as of one study, and what its tasks are normalised by.

    The horizons are those of the fewest workers: these set the target.
    """
    fewest = studies[min(studies)]

    def stacked(tables: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
        parts = [_named(table, count, tasks, methods) for count, table in tables.items()]
        return pd.concat(parts, ignore_index=True)

    both = Study(
        observations=stacked({count: each.observations for count, each in studies.items()}),
        trials=pd.DataFrame(),
        decisions=pd.DataFrame(),
        runs=stacked({count: each.runs for count, each in studies.items()}),
        tasks={name: fewest.tasks[name] for name in tasks},
        methods={
            _with(name, count): replace(facts, label=f"{facts.label} (workers: {count})")
            for count, study in sorted(studies.items())
            for name, facts in study.methods.items()
            if name in methods or count == min(studies)  # one of those may set a horizon
        },
        settings=fewest.settings,
        budgets=fewest.budgets,
    )
    found = incumbents(both)
    ends = {name: _renamed(each, min(studies)) for name, each in horizons(fewest).items()}
    return replace(found, horizons=ends), {
        name: each for name, each in references(both, found.views).items() if name in ends
    }


def _with(method: str, workers: int) -> str:
    return f"{method}@{workers}"


def _named(
    table: pd.DataFrame, workers: int, tasks: Sequence[str], methods: Sequence[str]
) -> pd.DataFrame:
    """The rows of these tasks and methods, with the number of workers in the method's name."""
    mine = table[table["task"].isin(tasks) & table["method"].isin(methods)]
    names = [_with(name, workers) for name in mine["method"].astype(str)]
    return mine.assign(task=mine["task"].astype(str), method=names)


def _renamed(horizon: Horizon, workers: int) -> Horizon:
    beyond = {_with(name, workers): times for name, times in horizon.beyond.items()}
    return replace(horizon, method=horizon.method and _with(horizon.method, workers), beyond=beyond)


def _of_method(
    found: Incumbents,
    scale: Mapping[str, Reference],
    method: str,
    counts: Sequence[int],
) -> pd.DataFrame:
    """The rows of one method, on the tasks with runs of each number of workers."""
    names = {_with(method, count): count for count in counts}
    known = {
        task: each
        for task, each in scale.items()
        if all((task, name) in found.counted for name in names)
    }
    if not known:
        return pd.DataFrame()
    some = replace(found, methods={name: found.methods[name] for name in names})
    table = time_to_target(some, known, next(iter(names)))
    table["workers"] = table["method"].map(names)
    table["seeds"] = [
        len(found.counted.get(key, ())) for key in zip(table["task"], table["method"], strict=True)
    ]
    for name, column in (("", "speedup"), ("_low", "low"), ("_high", "high")):
        table[f"efficiency{name}"] = table[column] * counts[0] / table["workers"]
    return table[table["task"].isin(known)].assign(method=method)


def _notes(found: Incumbents, task: str) -> tuple[str, ...]:
    failed = in_words(found.failures([task]), found.failed_as, found.methods)
    return (
        *early_notes(found, [task]),
        *rule_notes(found, [task]),
        *horizon_notes(found, [task]),
        *failed,
    )


def _why_not(found: Incumbents, scale: Mapping[str, Reference], task: str) -> str:
    if any(name == task for name, _ in found.counted) and task not in scale:
        return "it has no values that differ, or no run with the fewest workers"
    return "no method has runs with each number of workers"


def _throughput(study: Study) -> dict[str, float]:
    """Jobs that ended per second, mean over the runs that did not fail, by method."""
    try:
        jobs = jobs_of(study)
    except ValueError:
        return {}
    run = Timeline.run_numbers(study, jobs)[(jobs["status"] != "cut").to_numpy()]
    ended = np.bincount(run, minlength=len(study.runs))
    end_s = study.runs["end_time_s"]
    runs = fine(study.runs.assign(rate=ended / end_s.where(end_s > 0)))
    return {
        method: float(runs.loc[runs["method"] == method, "rate"].mean()) for method in study.methods
    }
