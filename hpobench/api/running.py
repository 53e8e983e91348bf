"""Running a study as everybody does who asks for one: a bar, notes, and what became of it."""

import math
import sys
import time
import warnings
from typing import TYPE_CHECKING

from hpobench.api import deciding

if TYPE_CHECKING:
    from typing import NoReturn

    from tqdm import tqdm

    from hpobench.real.live import Status
    from hpobench.study.merging import Change
    from hpobench.study.study import Study

IN_FILES_S = 10.0
"""Seconds between the lines of a bar that no terminal shows."""


def execute(study: "Study", extend: bool, replace: bool) -> "tuple[Study, list[str]]":
    """Run what is missing, and say what this does to a study that was there.

    Returns the study, which has more seeds now if it finds their number itself, and which runs were
    left, and why. What is said goes to standard error.
    """
    change = study.change()
    bar: tqdm[NoReturn]
    quiet = not study.settings["progress"]
    reports = deciding.reports(
        study,
        None if quiet else lambda status: _show(bar, status),
        extend=extend,
        replace=replace,
        tell=lambda current, words: _next_round(bar, current, words),
    )
    total = sum(len(chunk.seeds) for chunk in study.pending())
    stored = len(study.status())
    if stored:
        print(f"{stored} runs are stored already, {total} to run", file=sys.stderr)
    for note in _notes(study, change):
        print(note, file=sys.stderr)
    failed = 0
    left: list[str] = []
    with progress_bar(
        total, str(study.settings["name"]), quiet or not (total or deciding.is_auto(study))
    ) as bar:
        for report in reports:
            failed += len(report.errors)
            left += report.left
            pair = report.chunk.pair
            last = {"failed": failed} if failed else {}
            last |= {"workers": report.workers} if report.workers else {}
            bar.set_postfix(last | {"last": f"{pair.task} {pair.method}"}, refresh=False)
            bar.update(len(report.chunk.seeds) - len(report.left))
    return (deciding.grown(study) if deciding.is_auto(study) else study), left


def _next_round(bar: "tqdm[NoReturn]", study: "Study", words: str) -> None:
    """Say what was decided, and count the runs of the round that comes next."""
    if words:
        bar.write(words, file=sys.stderr)
        bar.total = bar.n + sum(len(chunk.seeds) for chunk in study.pending())
        bar.refresh()


def progress_bar(total: int, name: str, quiet: bool, unit: str = "run") -> "tqdm[NoReturn]":
    """A bar of tqdm, in a notebook one of its kind; its time left is by the mean speed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a notebook has no ipywidgets: the bar is of text
        from tqdm.auto import tqdm

        bar = tqdm(total=total, unit=unit, desc=name, disable=quiet, smoothing=0)
    if not (quiet or bar.gui or sys.stderr.isatty()):
        bar.mininterval = IN_FILES_S
    return bar


def remark(study: "Study") -> None:
    """Say what is to be said of the tasks, on standard error."""
    from hpobench.storage.layout import read_plan

    for name, facts in read_plan(study.folder)["tasks"].items():
        for words in facts.get("remarks", ()):
            print(f"Task {name}: {words}", file=sys.stderr)


def _notes(study: "Study", change: "Change") -> list[str]:
    """What a call is to the study that it writes to, where that is not plain."""
    notes = []
    if change.kind in ("extends", "replaces"):
        notes.append(f"this call {change.in_words()}")
    notes += [
        f"the source of {name} cannot be found: a change of it goes unnoticed"
        for name in study.unread()
    ]
    notes += filter(None, [study.one_level()])
    planned = study.planned_seeds()
    total, mine = sum(map(len, planned.values())), len(study.keys())
    if mine < total:
        notes.append(f"the study has {total} runs; this call asks for {mine} of them")
    for task in dict.fromkeys(task for task, _ in planned):
        counts = {method: len(n) for (of, method), n in planned.items() if of == task}
        if len(set(counts.values())) > 1:
            words = ", ".join(f"{method} {count}" for method, count in counts.items())
            notes.append(f"numbers of seeds differ on {task}: {words}")
    return notes + unplanned(study)


def unplanned(study: "Study") -> list[str]:
    """Stored runs that the study does not show, in words."""
    from hpobench.study.merging import listed

    hidden = study.unplanned()
    if not hidden:
        return []
    runs = sum(len(pair["seeds"]) for pair in hidden)
    return [
        f"not shown, {runs} stored runs that are of no plan: {listed(hidden)}. They were replaced, "
        "or their call was lost: the settings they had, with --extend or --replace, show them again"
    ]


def _show(bar: "tqdm[NoReturn]", status: "Status") -> None:
    """A run that really takes its time: what it does, and for how long it will."""
    best = "-" if math.isinf(status.best) else f"{status.best:.4g}"
    left = "" if math.isinf(status.left_s) else f", {status.left_s:.0f} s left"
    bar.set_postfix_str(
        f"{status.time_s:.0f} s, {len(status.running)} jobs running, {status.trials} trials, "
        f"best {best}{left}",
        refresh=False,
    )
    now = time.time()
    if now - bar.last_print_t >= bar.mininterval:
        bar.refresh()
        bar.last_print_t = now
