"""Measuring CPU time, and printing it as ratios."""

import heapq
import time
from collections.abc import Callable, Sequence
from typing import Any


def cpu_of_each(functions: Sequence[Callable[[], Any]], rounds: int) -> list[float]:
    """Least CPU seconds of a call of each, taken in turn, so that all see the same machine."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, mine in zip(functions, times, strict=True):
            begin = time.process_time()
            function()
            mine.append(time.process_time() - begin)
    return [min(mine) for mine in times]


def cpu(function: Callable[[], Any], rounds: int = 5) -> float:
    """Least CPU seconds of one call over some rounds."""
    return cpu_of_each([function], rounds)[0]


def bare_loop(jobs: int) -> None:
    """The least a discrete-event simulation does a job: push, pop, look up, append."""
    heap: list[tuple[float, int]] = []
    table = [float(index % 97 + 1) for index in range(1000)]
    seen = []
    for worker in range(4):
        heapq.heappush(heap, (table[worker], worker))
    for job in range(jobs):
        now, worker = heapq.heappop(heap)
        seen.append(now)
        heapq.heappush(heap, (now + table[job * 7919 % 1000], worker))


def show(what: str, value: float, bar: float, unit: str, note: str = "") -> None:
    """One line: the value, and its ratio to the bar (1 or less is good)."""
    verdict = "ok" if value <= bar else "MISSED"
    print(f"{what:<58} {value:9.4g} {unit:<9} {value / bar:6.2f} x bar  {verdict}  {note}")


def compare(what: str, value: float, reference: float, note: str = "") -> None:
    """One line: a ratio without a bar."""
    print(f"{what:<58} {value / reference:9.3g} x         {note}")
