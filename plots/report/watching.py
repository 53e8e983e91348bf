"""Following a study that is running: a status line and a fresh report, time and again."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from hpobench.plots.canvas.times import duration
from hpobench.plots.report import page
from hpobench.plots.report.context import Context, read
from hpobench.results.conduct.progress import left_s
from hpobench.results.conduct.under_way import UnderWay, best_so_far
from hpobench.results.study.load import Kept
from hpobench.words import counted

MOST_TASKS = 3
PATIENCE = 4.0
"""So many times as long as a report took to make, nothing is done: the runs need the cores."""


def follow(
    folder: Path,
    output: Path,
    every_s: float,
    *,
    once: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """Yields a status line at each look, and one for each real run under way, until all is stored.

    The report is written anew when something has happened. It is a short form that loads itself
    anew; at the end of the study it is the whole report.
    """
    stored: tuple[int, int] | None = None
    looks: list[tuple[float, int]] = []
    best, kept = "", Kept()
    made: page.Made | None = None
    shown: list[tuple[str, str, int, float]] | None = None
    while True:
        began = time.perf_counter()
        context = read(folder, kept=kept)
        whole = len(context.study.runs) >= context.planned and not context.under_way
        now = (len(context.study.runs), context.failed)
        looks.append((time.monotonic(), now[0]))
        if now != stored:  # to find the best takes longer than all else of a look
            best = in_words(context)
        standing = [(run.task, run.method, run.seed, run.last_s) for run in context.under_way]
        if now != stored or standing != shown or whole:
            if now != stored or made is None or whole:
                made = page.make(context, short=not whole)
            refresh_s = None if whole else every_s
            page.write_page(context, output, refresh_s=refresh_s, made=made)
            stored, shown = now, standing
        yield "\n".join([status(context, looks, best), *grid(context)])
        yield from (standing_of(context, run) for run in context.under_way)
        if whole or once:
            return
        sleep(max(every_s, PATIENCE * (time.perf_counter() - began)))


def standing_of(context: Context, run: UnderWay) -> str:
    """Such as: bowl, ASHA, seed 3: 125 s, 14 trials, 2 jobs running, best 0.01; last event ..."""
    best = "-" if math.isnan(run.best) else f"{run.best:.4g}"
    names = f"{context.task_label(run.task)}, {context.method_label(run.method)}, seed {run.seed}"
    jobs, trials = counted(len(run.running), "jobs"), counted(run.trials, "trials")
    return (
        f"  {names}: {run.elapsed_s:.0f} s, {trials}, {jobs} running, best {best}; "
        f"last event {run.silent_s:.0f} s ago"
    )


def status(
    context: Context, looks: Sequence[tuple[float, int]] = (), best: str | None = None
) -> str:
    """Such as: 12:03:05 mine: 30 of 90 runs stored, 1 failed; best so far: bowl 0.0123 (ASHA).

    `looks`: see `progress.left_s`. `best`: what was best, if that is known already.
    """
    stored, failed = len(context.study.runs), context.failed
    words = f"{datetime.now():%H:%M:%S} {context.name}: {stored} of {context.planned} runs stored"
    words += f", {failed} failed" if failed else ""
    left = left_s(looks, context.planned)
    words += f", about {duration(left)} left" if left else ""
    return words + (in_words(context) if best is None else best)


def grid(context: Context) -> list[str]:
    """A line a task, a character a method: all runs stored, so many tenths, none; none if all are.

    Nothing for the pairs that the plan does not have.
    """
    shares = context.progress
    if not shares or all(share >= 1 for share in shares.values()):
        return []
    tasks = list(dict.fromkeys(task for task, _ in shares))
    names = {task: context.task_label(task) for task in tasks}
    width = max(map(len, names.values()))
    lines = [f"  {names[task]:<{width}}  {_cells(context, task)}" for task in tasks]
    labels = ", ".join(facts.label for facts in context.study.methods.values())
    return [*lines, f"  # all stored, 1 to 9 tenths, . none; methods: {labels}"]


def _cells(context: Context, task: str) -> str:
    shares = [context.progress.get((task, method)) for method in context.study.methods]
    return "".join(map(_cell, shares)).rstrip()


def _cell(share: float | None) -> str:
    if share is None:
        return " "
    if share >= 1:
        return "#"
    return str(max(int(10 * share), 1)) if share > 0 else "."


def in_words(context: Context) -> str:
    """What is best so far, by task."""
    stored = len(context.study.runs)
    best = best_so_far(context.found) if stored else []
    named = [
        f"{context.task_label(each.task)} {each.value:.4g} ({context.method_label(each.method)})"
        for each in best[:MOST_TASKS]
    ]
    if len(best) > MOST_TASKS:
        named.append(f"and {len(best) - MOST_TASKS} more tasks")
    return f"; best so far: {', '.join(named)}" if named else ""
