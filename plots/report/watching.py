"""Following a study that is running: a status line and a fresh report, time and again."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from hpobench.plots.report import page
from hpobench.plots.report.context import Context, read
from hpobench.results.progress import best_so_far

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
    """Yields a status line at each look, until all planned runs are stored.

    The report is written anew when runs were added; it loads itself anew until the study is whole.
    """
    known = -1
    while True:
        context = read(folder)
        whole = len(context.study.runs) >= context.planned
        began = time.perf_counter()
        if len(context.study.runs) != known:
            known = len(context.study.runs)
            page.write_page(context, output, refresh_s=None if whole else every_s)
        yield status(context)
        if whole or once:
            return
        sleep(max(every_s, PATIENCE * (time.perf_counter() - began)))


def status(context: Context) -> str:
    """Such as: 12:03:05 mine: 30 of 90 runs stored, 1 failed; best so far: bowl 0.0123 (ASHA)."""
    stored, failed = len(context.study.runs), context.failed
    words = f"{datetime.now():%H:%M:%S} {context.name}: {stored} of {context.planned} runs stored"
    words += f", {failed} failed" if failed else ""
    best = best_so_far(context.found) if stored else []
    named = [
        f"{context.task_label(each.task)} {each.value:.4g} ({context.method_label(each.method)})"
        for each in best[:MOST_TASKS]
    ]
    if len(best) > MOST_TASKS:
        named.append(f"and {len(best) - MOST_TASKS} more tasks")
    return words + (f"; best so far: {', '.join(named)}" if named else "")
