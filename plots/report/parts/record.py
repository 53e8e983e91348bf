"""What went wrong, what it was run with, and how to run it again."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from hpobench.plots.report.blocks import Block, Code, Column, Paragraph, count, share, table
from hpobench.plots.report.context import Context, listed
from hpobench.plots.report.parts.scores import named
from hpobench.results.study import jobs
from hpobench.results.study.first_errors import Group, groups, lost_tasks
from hpobench.results.study.time_axis import charging

MOST_FAILURES, MOST_TRACES = 200, 10


def lost(context: Context) -> list[Block]:
    """Tasks of which no evaluation had a value, with the first error of each."""
    blocks: list[Block] = []
    for task, some in lost_tasks(context.study.runs).items():
        total = sum(group.failures for group in some)
        words = f"All {total:,} evaluations of {context.task_label(task)} failed; the first error:"
        blocks += [Paragraph(words, lead=True), Code(some[0].trace or some[0].reason)]
    return blocks


def failures(context: Context) -> list[Block]:
    """Runs that failed, or of which many evaluations did, and failed jobs by task and method."""
    runs = context.study.runs
    if not len(runs):
        return []
    made = groups(runs)
    mostly = sum(group.runs for group in made if group.fate == "mostly")
    blocks: list[Block] = [Paragraph(_how_many(context.failed, mostly, len(runs)))]
    for fate, title in [("failed", "Failed runs"), ("mostly", "Runs that mostly failed")]:
        some = [group for group in made if group.fate == fate]
        if some:
            blocks += _grouped(context, f"table-{fate}", title, some)
    return blocks + _failed_jobs(context)


def _grouped(context: Context, name: str, title: str, some: Sequence[Group]) -> list[Block]:
    rows = [{**group._asdict(), "words": group.in_words} for group in some[:MOST_FAILURES]]
    columns = {"task": Column("task"), "method": Column("method"), "seeds": Column("seeds")}
    columns |= {"runs": Column("runs", count), "words": Column("what happened")}
    caption = f"The first {MOST_FAILURES}." if len(some) > MOST_FAILURES else ""
    shown = table(named(context, pd.DataFrame(rows)), name, title, columns, caption)
    traced = dict.fromkeys(group.trace for group in some if "\n" in group.trace)
    traces = [
        Code(trace, title=f"In full: {trace.rpartition(chr(10))[2]}")
        for trace in list(traced)[:MOST_TRACES]
    ]
    return [shown, *traces]


def _how_many(failed: int, mostly: int, stored: int) -> str:
    if not failed and not mostly:
        return "No run failed."
    if not failed:
        return f"No run failed, but in {mostly:,} of {stored:,} most evaluations failed."
    return (
        f"Failed runs: {failed:,} of {stored:,}. What they count as in figures and tables is said "
        "below each; retry_failed=true runs them again."
    )


def _failed_jobs(context: Context) -> list[Block]:
    if "status" not in context.study.jobs:
        return []
    frame = jobs.failures(context.study)
    if not len(frame):
        return []
    columns = {
        "task": Column("task"),
        "method": Column("method"),
        "failed": Column("failed jobs", count),
        "share": Column("of its jobs", share, "share of all jobs of the method that failed"),
        "time_share": Column(
            "of its time", share, "share of the time of all its jobs that went to those that failed"
        ),
        "errors": Column("what they failed of"),
    }
    caption = (
        "A failed job costs its trial the time it took; the run goes on. How long a job is depends "
        "on the method: of its time compares across methods, of its jobs does not."
    )
    return [table(named(context, frame), "table-jobs", "Failed jobs", columns, caption)]


def environment(context: Context) -> list[Block]:
    """Versions, machine, data: what the numbers depend on besides the settings."""
    notes: list[Block] = [Paragraph(note) for note in context.study.settings.get("notes", [])]
    if not context.manifest:
        return notes
    frame = pd.DataFrame(_flat(context.manifest), columns=["what", "value"])
    columns = {"what": Column("what"), "value": Column("value")}
    caption = "As of the last call that wrote to the study."
    if source := context.study.settings.get("source"):
        caption = (
            f"Of the import. Logs of {source} do not say on what the runs were done: machine, "
            "versions, CPU time and the time of decisions were not measured."
        )
    title = "What the numbers depend on"
    return [*notes, table(frame, "table-environment", title, columns, caption)]


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name} ")
        elif name not in ("command", "calls"):
            yield f"{prefix}{name}", "–" if value is None else str(value)


def rerun(context: Context) -> list[Block]:
    """The commands, and the settings they were resolved to."""
    blocks: list[Block] = []
    manifest = context.manifest or {}
    calls = manifest.get("calls") or ([manifest] if manifest.get("command") else [])
    if calls:
        title = (
            "The calls of this study, in order:" if len(calls) > 1 else "The call of this study:"
        )
        blocks += [Paragraph(title), Code("\n".join(map(_call, calls)))]
    commit = manifest.get("git")
    if commit and context.study.settings.get("source"):
        blocks.append(Paragraph("Runs that were imported cannot be run again from here."))
    elif commit:
        blocks.append(
            Paragraph(_commit(str(commit), charging(context.study.settings), _repeats(context)))
        )
    if context.config:
        blocks.append(
            Code(context.config, title="All settings as they were resolved (config.yaml)")
        )
    return blocks


def _call(call: Mapping[str, Any]) -> str:
    """The command, with how often it was given and by which version, as a comment of the shell."""
    command = shlex.join(map(str, call["command"]))
    times = f", {call['times']} times until {call['last']}" if "times" in call else ""
    version = f", commit {call['git']}" if call.get("git") else ""
    return f"{command}  # {call.get('written', 'at an unknown time')}{times}{version}"


def _commit(commit: str, charged: str, repeats: str) -> str:
    changed = " with changes that were not committed" if commit.endswith("+") else ""
    same = {
        "real": "On the wall clock no run is exactly like another.",
        "measured": "Computing time was charged as measured: no run is exactly like another.",
    }.get(charged, repeats)
    return f"Code: commit {commit.removesuffix('+')}{changed}. {same}"


def _repeats(context: Context) -> str:
    """Whether the same settings give the same results, as far as the tasks state it."""
    stated = {
        context.task_label(name): facts.reproducible for name, facts in context.study.tasks.items()
    }
    if all(stated.values()):
        return "The same settings give the same results to the bit."
    others = listed(label for label, known in stated.items() if not known)
    return f"Whether the same settings give the same results to the bit is not known of {others}."
