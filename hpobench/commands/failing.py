"""What is said on stderr of the failures of a study that was run."""

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from textwrap import indent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpobench.results.failures import Group
    from hpobench.study import Study

MOST_LINES, MOST_TRACES = 30, 3


def report_failures(study: "Study") -> int:
    """Say which runs of this call failed or mostly failed, and why; 1 if any failed, else 0."""
    from hpobench.results import load
    from hpobench.results.failures import groups, lost_tasks

    runs = load(study.folder).runs
    mine = {(key.task, key.method, key.seed) for key in study.keys()}  # noqa: SIM118
    keys = zip(runs["task"], runs["method"], runs["seed"], strict=True)
    runs = runs[[key in mine for key in keys]]
    made = groups(runs)
    failed = [group for group in made if group.fate == "failed"]
    for lines in (
        _lost(lost_tasks(runs)),
        _listed("failed (retry with retry_failed=true)", failed),
        _listed("mostly failed", [group for group in made if group.fate == "mostly"]),
        _partly(group for group in made if group.fate == "partly"),
    ):
        print("".join(lines), end="", file=sys.stderr)
    return 1 if failed else 0


def _lost(tasks: "dict[str, list[Group]]") -> Iterator[str]:
    for task, some in islice(tasks.items(), MOST_TRACES):
        failures = sum(group.failures for group in some)
        yield f"\nall {failures:,} evaluations of {task} failed; the first error:\n"
        yield f"{indent(some[0].trace or some[0].reason, '  ')}\n"


def _listed(fate: str, some: "list[Group]") -> Iterator[str]:
    if not some:
        return
    total = sum(group.runs for group in some)
    yield f"\n{total} {'run' if total == 1 else 'runs'} {fate}:\n"
    for group in some[:MOST_LINES]:
        words = " ".join(group.in_words.split())
        yield f"  {group.task} {group.method} {group.seeds}: {words}\n"
    if len(some) > MOST_LINES:
        yield f"  ... and {sum(group.runs for group in some[MOST_LINES:])} more: see the report\n"


def _partly(some: "Iterable[Group]") -> Iterator[str]:
    tasks: dict[str, list[Group]] = {}
    for group in some:
        tasks.setdefault(group.task, []).append(group)
    for task, mine in tasks.items():
        failures, evaluations = (sum(g.failures for g in mine), sum(g.evaluations for g in mine))
        reason = " ".join(mine[0].reason.split())
        yield f"\n{failures:,} of {evaluations:,} evaluations of {task} failed, such as: {reason}\n"
