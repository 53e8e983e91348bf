"""What is said on stderr of the failures of a study that was run."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from textwrap import indent
from typing import TYPE_CHECKING

from hpobench.words import counted

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from hpobench.results.study.first_errors import Group
    from hpobench.study.study import Study

MOST_LINES, MOST_TRACES = 30, 3
MOST_PRINTED, MOST_CHARACTERS = 10, 200


def report_failures(study: "Study", runs: "pd.DataFrame", left: Sequence[str] = ()) -> int:
    """Say which runs of this call failed or mostly failed, and why; 1 if any failed, else 0.

    `runs`: the table of the runs of the study. `left`: why others were not run at all, as if they
    had failed.
    """
    words, status = failures(study, runs, left)
    print(words, end="", file=sys.stderr)
    return status


def failures(study: "Study", runs: "pd.DataFrame", left: Sequence[str] = ()) -> tuple[str, int]:
    """What `report_failures` says, nothing if all went well, and the exit status."""
    from hpobench.results.study.first_errors import groups, lost_tasks

    mine = {(key.task, key.method, key.seed) for key in study.keys()}  # noqa: SIM118
    keys = zip(runs["task"], runs["method"], runs["seed"], strict=True)
    runs = runs[[key in mine for key in keys]]
    made = groups(runs)
    failed = [group for group in made if group.fate == "failed"]
    logs = _logs(study)
    said = (
        _lost(lost_tasks(runs)),
        _listed("failed (retry with retry_failed=true)", failed),
        _listed("mostly failed", [group for group in made if group.fate == "mostly"]),
        _partly(group for group in made if group.fate == "partly"),
        _printed(logs, failed),
        _left(left),
    )
    return "".join(line for lines in said for line in lines), 1 if failed or left else 0


def _lost(tasks: "dict[str, list[Group]]") -> Iterator[str]:
    for task, some in islice(tasks.items(), MOST_TRACES):
        failures = sum(group.failures for group in some)
        yield f"\nall {failures:,} evaluations of {task} failed; the first error:\n"
        yield f"{indent(some[0].trace or some[0].reason, '  ')}\n"


def _left(reasons: Sequence[str]) -> Iterator[str]:
    if reasons:
        one = len(reasons) == 1
        yield f"\n{len(reasons)} {'run was left as it is' if one else 'runs were left as they are'}"
        yield ":\n"
        yield from (f"  {reason}\n" for reason in reasons[:MOST_LINES])


def _listed(fate: str, some: "list[Group]") -> Iterator[str]:
    if not some:
        return
    total = sum(group.runs for group in some)
    yield f"\n{counted(total, 'runs')} {fate}:\n"
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


def _logs(study: "Study") -> "dict[tuple[str, str], list[Path]]":
    """What was printed in runs of this call, by task and method."""
    from hpobench.system import output

    found: dict[tuple[str, str], list[Path]] = {}
    kept = sorted((study.folder / output.FOLDER).glob("*.log"))
    for pair in study.pairs:
        mine = [path for path in kept if f".{pair.fingerprint}." in path.name and _said(path)]
        if mine:
            found[pair.task, pair.method] = mine
    return found


def _printed(logs: "dict[tuple[str, str], list[Path]]", failed: "list[Group]") -> Iterator[str]:
    """Where it is kept, and the end of it for the first runs that failed."""
    for group in failed:
        if paths := logs.get((group.task, group.method)):
            lines = _said(paths[0])[-MOST_PRINTED:]
            last = "\n".join(line[:MOST_CHARACTERS] for line in lines)
            yield f"\n{group.task} {group.method} last printed:\n{indent(last, '  | ')}\n"
            break
    folders = {path.parent for paths in logs.values() for path in paths}
    for folder in folders:
        yield f"\nWhat tasks and methods printed is kept in {folder}\n"


def _said(path: "Path") -> list[str]:
    """The lines of a log less its headings, which is all that a worker leaves that died silent."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if not line.startswith("== ")]
