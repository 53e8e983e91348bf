"""What went wrong, what it was run with, and how to run it again."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from hpobench.plots.report.blocks import Block, Code, Column, Paragraph, count, table
from hpobench.plots.report.context import Context, listed
from hpobench.plots.report.parts.scores import named
from hpobench.results.time_axis import charging

MOST_FAILURES = 200


def failures(context: Context) -> list[Block]:
    """Failed runs with their last words, and failed jobs by task and method."""
    runs = context.study.runs
    failed = runs[runs["status"] == "failed"]
    if not len(runs):
        return []
    blocks: list[Block] = [Paragraph(_how_many(len(failed), len(runs)))]
    if len(failed):
        columns = {name: Column(name) for name in ("task", "method", "seed")}
        columns["error"] = Column("last words")
        shown = named(context, failed.astype({"task": str, "method": str}).head(MOST_FAILURES))
        caption = f"The first {MOST_FAILURES}." if len(failed) > MOST_FAILURES else ""
        blocks.append(table(shown, "table-failed", "Failed runs", columns, caption))
    return blocks + _failed_jobs(context)


def _how_many(failed: int, stored: int) -> str:
    if not failed:
        return "No run failed."
    return (
        f"Failed runs: {failed:,} of {stored:,}. They are left out of all figures and tables; "
        "retry_failed=true runs them again."
    )


def _failed_jobs(context: Context) -> list[Block]:
    jobs = context.study.jobs
    if "status" not in jobs:
        return []
    failed = jobs[jobs["status"] == "failed"].astype({"task": str, "method": str})
    if not len(failed):
        return []
    groups = failed.groupby(["task", "method"], sort=False)
    frame = groups.agg(jobs=("error", "size"), error=("error", _most_frequent)).reset_index()
    columns = {
        "task": Column("task"),
        "method": Column("method"),
        "jobs": Column("failed jobs", count),
        "error": Column("most frequent error"),
    }
    caption = "A failed job costs its trial the time it took; the run goes on."
    return [table(named(context, frame), "table-jobs", "Failed jobs", columns, caption)]


def _most_frequent(errors: "pd.Series[str]") -> str:
    return str(errors[errors != ""].mode().iloc[0]) if (errors != "").any() else "no finite value"


def environment(context: Context) -> list[Block]:
    """Versions, machine, data: what the numbers depend on besides the settings."""
    notes: list[Block] = [Paragraph(note) for note in context.study.settings.get("notes", [])]
    if not context.manifest:
        return notes
    frame = pd.DataFrame(_flat(context.manifest), columns=["what", "value"])
    columns = {"what": Column("what"), "value": Column("value")}
    caption = "As of the last call that wrote to the study."
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
    if commit:
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
