"""Scores: one row per method and task, and their mean over tasks.

final            normalised regret at the horizon, mean over seeds; as in curves and verdicts, what
                 is worse than the median configuration counts as it does (1)
final_sem        its standard error
anytime_log      mean of the normalised regret over the logarithm of time, in its last three decades
anytime_linear   mean of the normalised regret over time
                 Both are the exact area under the steps of each run, divided by its width. In both,
                 what is worse than the median configuration counts as it does (1): one early
                 disaster of one seed would outweigh all the rest.
regret           value at the horizon less the optimum (NaN: unknown), mean over seeds
regret_sem       its standard error
comparable       `final` as if all methods of the task had run on the same seeds (see `pairing`): by
                 it the best is found (NaN: they share none, and none is the best)
within_error     whether it is the best, or the data cannot tell it from the best (see `verdict`)
all_seeds        how many seeds there are of any method
seeds, failed    how many runs, and how many of them failed: those count as `failed_runs` says
failures         share of their evaluations that failed (NaN: unknown, or there are none)
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from hpobench.arrays import IntArray
from hpobench.results.anytime.curves import (
    SHORTEST_FRACTION,
    completed,
    curves,
    horizon_s,
    mean_over_time,
    runs_by_method,
)
from hpobench.results.anytime.incumbents import Incumbents, incumbents
from hpobench.results.anytime.notes import contradicted, horizon_notes, unequal_seeds
from hpobench.results.anytime.regret import OBSERVED, Reference, capped_regret, references
from hpobench.results.statistics.blocks import comparable_means
from hpobench.results.statistics.summary import skewed, standard_error, summarise
from hpobench.results.study.failed_runs import in_words
from hpobench.results.study.study import Study
from hpobench.results.verdicts.verdict import Verdict, verdicts
from hpobench.shown import one_line

MEAN = "mean over tasks"
COLUMNS = (
    "final",
    "final_sem",
    "anytime_log",
    "anytime_linear",
    "regret",
    "regret_sem",
    "comparable",
)
COUNTED = ("seeds", "all_seeds", "failed", "failures")

SKEWED_WORD = "skewed"
SKEWED = (
    "Skewed: {tasks}. Single runs are far worse than most there, so that means are off by more "
    "than their errors say; the median is safer."
)


def scores(study: Study, *, view: str | None = None, rule: str | None = None) -> pd.DataFrame:
    """The table of scores; lower is better.

    A run without a value counts as the median configuration (normalised regret 1) or as the mean
    of its method's other runs if that is worse, as in curves; one that ended early keeps its last
    incumbent. Tasks that cannot be normalised are left out. The column `reference` says what each
    task was normalised by; the rows of `MEAN` average the tasks (each group of tasks on which the
    same methods were run, if there are several groups), for the methods that have a score on all.
    `skewed`: whether final regrets on the task are so skewed that errors say too little (see
    `summary.skewed`).
    """
    found = incumbents(study, view=view, rule=rule)
    return scores_of(found, references(study, found.views))


def scores_of(
    found: Incumbents,
    known: Mapping[str, Reference],
    judged: Sequence[Verdict] | None = None,
) -> pd.DataFrame:
    """The table of scores of incumbents that are known already, by the references of `known`.

    `judged`: their verdicts, if these are known as well.
    """
    rows = []
    for task, reference in known.items():
        rows += _task_rows(found, task, reference)
    columns = ["task", "method", *COLUMNS, *COUNTED, "skewed", "reference"]
    table = pd.DataFrame(rows, columns=columns)
    whose = {task: frozenset([task]) for task in known}
    groups = found.groups()
    for group in groups:
        tasks = [task for task in group if task in set(table["task"])]
        if len(tasks) > 1:
            name = MEAN if len(groups) == 1 else f"mean over {', '.join(tasks)}"
            of_group = table[table["task"].isin(tasks)]
            means = pd.DataFrame(_mean_rows(found.only(tasks), of_group, tasks), columns=columns)
            means = means.assign(task=name)
            whose[name] = frozenset(tasks)
            table = pd.concat([table, means], ignore_index=True)
    judged = verdicts(found, known) if judged is None else judged
    return table.assign(within_error=_within_error(table, whose, judged))


def _within_error(
    table: pd.DataFrame, whose: Mapping[str, frozenset[str]], judged: Sequence[Verdict]
) -> list[bool]:
    """Of each row, whether its method is not told from the best on those tasks in the end."""
    near = {
        (frozenset(verdict.tasks), each.method)
        for verdict in judged
        if verdict.fraction == 1
        for each in verdict.standings
        if each.within_error
    }
    rows = zip(table["task"], table["method"], table["comparable"], strict=True)
    return [(whose[task], name) in near and value == value for task, name, value in rows]


def _task_rows(found: Incumbents, task: str, reference: Reference) -> list[dict[str, object]]:
    end = horizon_s(found, task)
    ends = curves(found, task, np.array([end]), keep_ended=True)
    failed = found.failures([task])
    optimum = found.tasks[task].optimum if found.views[task] != "test" else None
    rows: list[dict[str, object]] = []
    by_method, finals = runs_by_method(found, task), {}
    for method, runs in by_method.items():
        values = completed(ends[method].values, reference.median)
        final = capped_regret(values, reference)
        finals[method] = final[:, 0]
        to_optimum = values - (np.nan if optimum is None else optimum)
        rows.append(
            {
                "task": task,
                "method": method,
                "final": final.mean(),
                "final_sem": standard_error([final])[0],
                "anytime_log": _anytime(found, runs, reference, end, log=True),
                "anytime_linear": _anytime(found, runs, reference, end, log=False),
                "regret": to_optimum.mean(),
                "regret_sem": standard_error([to_optimum])[0],
                "seeds": len(values),
                "failed": failed[method].failed,
                "failures": failures(found.runs.iloc[runs]),
                "reference": reference.source,
            }
        )
    seeds = {name: found.runs["seed"].to_numpy()[runs] for name, runs in by_method.items()}
    columns = {name: pd.Series(some, index=seeds[name]) for name, some in finals.items()}
    table = pd.DataFrame(columns)
    means = comparable_means(table)
    every = {
        "all_seeds": len(table),
        "skewed": skewed(summarise(some[:, None]) for some in finals.values()),
    }
    return [row | every | {"comparable": means[str(row["method"])]} for row in rows]


def failures(runs: pd.DataFrame) -> float:
    """The share of the evaluations of some runs that failed; NaN if it is not known."""
    if not {"evaluations", "failed_evaluations"} <= set(runs.columns):
        return np.nan
    known = runs[["evaluations", "failed_evaluations"]].dropna().sum()
    return float(known["failed_evaluations"] / known["evaluations"]) if known.iloc[0] else np.nan


def _anytime(
    found: Incumbents, runs: IntArray, reference: Reference, end: float, *, log: bool
) -> float:
    """Mean over runs and time of the normalised regret, at most 1.

    That is also what counts before the first value, and of a run that is lost.
    """
    begin = SHORTEST_FRACTION * end if log else 0.0
    means = []
    for run in runs:
        time_s, value = found.steps(run)
        regret = capped_regret(value, reference)
        if found.lost_s[run] < end:
            time_s, regret = np.append(time_s, found.lost_s[run]), np.append(regret, 1.0)
        means.append(mean_over_time(time_s, regret, begin, end, before=1.0, log=log))
    return float(np.mean(means))


def _mean_rows(found: Incumbents, table: pd.DataFrame, tasks: list[str]) -> list[dict[str, object]]:
    """Means over tasks; the error of a mean of T means is sqrt(sum of squared errors) / T."""
    failed = found.failures(tasks)
    rows: list[dict[str, object]] = []
    for method in found.methods:
        part = table[table["method"] == method]
        if len(part) != len(tasks):
            continue
        row: dict[str, object] = {name: part[name].mean(skipna=False) for name in COLUMNS}
        row["final_sem"] = float(np.sqrt((part["final_sem"] ** 2).sum(skipna=False)) / len(tasks))
        # Regrets of different tasks have different units.
        row["regret"] = row["regret_sem"] = np.nan
        row |= {"task": MEAN, "method": method, "seeds": int(part["seeds"].sum())}
        row["all_seeds"] = int(part["all_seeds"].sum())
        row |= {"failed": failed[method].failed, "skewed": False, "reference": ""}
        mine = (found.runs["method"] == method) & found.runs["task"].isin(tasks)
        row["failures"] = failures(found.runs[mine])
        rows.append(row)
    return rows


def notes(found: Incumbents, tasks: Iterable[str]) -> tuple[str, ...]:
    """Sentences below a table: on stated optima, unequal seeds, failed runs, the horizon."""
    names = list(tasks)
    failed = in_words(found.failures(names), found.failed_as, found.methods)
    flags = (*contradicted(found, names), *unequal_seeds(found, names))
    return (*flags, *failed, *horizon_notes(found, names))


def skewed_notes(table: pd.DataFrame, labels: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence on the tasks of a table of scores of which errors say too little, if any."""
    names = table.loc[table["skewed"].astype(bool), "task"].unique()
    shown = [labels.get(name, str(name)) for name in names]
    return (SKEWED.format(tasks=", ".join(shown)),) if shown else ()


class Listing(NamedTuple):
    """The scores as they are printed, in texts: the lines (of `HEADER`) of each task, best first.

    The first cell of a line marks the best of its task, and those within error of it, by *.
    `remarks` stand below.
    """

    title: str
    tasks: Sequence[tuple[str, Sequence[list[str]]]]
    remarks: Sequence[str]


HEADER = [
    *("", "method", "final", "± SEM", "anytime (log)", "(linear)", "regret"),
    *("seeds", "failed", "failures"),
]
_TITLE = "normalised regret, lower is better (* best per task, or not told from it)"
_NONE = (
    "no scores: on every task at least half of the values are as good as the best one, or there "
    "are none"
)


def listing(table: pd.DataFrame, notes: Sequence[str] = ()) -> Listing:
    """The table and what is to be said of it."""
    if not len(table):
        return Listing(_NONE, (), ())
    very = set(table.loc[table["skewed"].astype(bool), "task"])
    tasks = [
        (one_line(f"{task}, {SKEWED_WORD}" if task in very else str(task)), _lines(part))
        for task, part in table.groupby("task", sort=False)
    ]
    observed = table.loc[table["reference"] == OBSERVED, "task"].unique()
    remarks = [f"normalised by {OBSERVED}: {', '.join(observed)}"] if len(observed) else []
    remarks += [*skewed_notes(table, {}), *notes]
    return Listing(_TITLE, tasks, [*map(one_line, remarks)])


def as_text(table: pd.DataFrame, notes: Sequence[str] = ()) -> str:
    """The listing in lines of letters: tasks one after the other, the notes below them."""
    made = listing(table, notes)
    if not made.tasks:
        return made.title
    cells = [HEADER, *(line for _, lines in made.tasks for line in lines)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADER))]
    parts = [f"{made.title}\n\n{_aligned(HEADER, widths)}"]
    for heading, lines in made.tasks:
        parts.append("\n".join([heading, *(_aligned(line, widths) for line in lines)]))
    return "\n\n".join([*parts, *made.remarks]) + "\n"


def _lines(part: pd.DataFrame) -> list[list[str]]:
    part = part.sort_values(["comparable", "final"], kind="stable")
    best = (part["comparable"] == part["comparable"].min()) | part["within_error"]
    return [
        _cells(row, best=bool(mark)) for (_, row), mark in zip(part.iterrows(), best, strict=True)
    ]


def _cells(row: "pd.Series[float]", *, best: bool) -> list[str]:
    numbers = ["final", "final_sem", "anytime_log", "anytime_linear"]
    regret = "-" if np.isnan(row["regret"]) else f"{row['regret']:.4g}"
    shown = ["-" if np.isnan(row[name]) else f"{row[name]:.4f}" for name in numbers]
    every = row["all_seeds"]
    seeds = f"{row['seeds']} of {every}" if row["seeds"] < every else str(row["seeds"])
    share = row["failures"]
    counts = [seeds, str(row["failed"]), "-" if np.isnan(share) else f"{100 * share:.3g} %"]
    return ["*" if best else "", one_line(str(row["method"])), *shown, regret, *counts]


def _aligned(line: list[str], widths: list[int]) -> str:
    mark, method, *numbers = line
    words = [mark.rjust(widths[0] + 2), method.ljust(widths[1])]
    words += [number.rjust(width) for number, width in zip(numbers, widths[2:], strict=True)]
    return "  ".join(words).rstrip()
