"""Scores: the numbers behind the curves."""

import pandas as pd

from hpobench.plots.report.blocks import Block, Column, count, number, share, table
from hpobench.plots.report.context import Context
from hpobench.results.verdicts.scores import SKEWED_WORD, notes, skewed_notes


def error(value: float, skewed: bool) -> str:
    """A standard error, and whether it says too little."""
    return f"{value:.2g}, {SKEWED_WORD}" if skewed else f"{value:.2g}"


COLUMNS = {
    "task": Column("task"),
    "method": Column("method"),
    "final": Column("final", number(), "normalised regret at the horizon, mean over seeds"),
    "final_sem": Column("± SEM", error, "its standard error", beside="skewed"),
    "anytime_log": Column(
        "anytime (log)", number(), "mean normalised regret over the last three decades of time"
    ),
    "anytime_linear": Column("anytime (linear)", number(), "mean normalised regret over time"),
    "regret": Column("regret", number(), "value at the horizon less the optimum, mean over seeds"),
    "regret_sem": Column("± SEM", number(2), "its standard error"),
    "seeds": Column("runs", count, "runs that went in"),
    "failed": Column("failed", count, "how many of the runs failed"),
    "failures": Column("failures", share, "share of the evaluations that failed"),
}
CAPTION = (
    "Lower is better. Final: normalised regret at the horizon, at most 1, mean over seeds. "
    "Anytime: its mean over time, log or evenly spaced. Regret: in the task's own unit."
)


def scores(context: Context) -> list[Block]:
    """All tasks and their means."""
    frame = context.scores
    if not len(frame):
        return []
    flags = skewed_notes(frame, context.task_labels)
    caption = " ".join([CAPTION, *flags, *notes(context.found, context.tasks)])
    return [table(named(context, frame), "table-scores", "Scores", COLUMNS, caption)]


def of_task(context: Context, task: str) -> list[Block]:
    """Those of one task, best first."""
    frame = context.scores[context.scores["task"] == task].sort_values("comparable", kind="stable")
    if not len(frame):
        return []
    columns = {name: column for name, column in COLUMNS.items() if name != "task"}
    name = f"table-scores-{context.number(task)}"
    title = f"Scores on {context.task_label(task)}"
    flags = skewed_notes(frame, context.task_labels)
    caption = " ".join([*flags, *notes(context.found, [task])])
    return [table(named(context, frame), name, title, columns, caption)]


def named(context: Context, frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows with tasks and methods as they are called, and the clock of each task."""
    if "task" in frame:
        clocks = {name: facts.clock for name, facts in context.study.tasks.items()}
        frame = frame.assign(clock=[clocks.get(task, "seconds") for task in frame["task"]])
    labels = {
        "task": context.task_label,
        "method": context.method_label,
        "other": context.method_label,
    }
    return frame.assign(
        **{
            name: [label(each) for each in frame[name]]
            for name, label in labels.items()
            if name in frame
        }
    )
