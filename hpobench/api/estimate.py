"""How long a study will take: by its stored runs, else by its first ones, which are tried out.

Of a pair (task, method) that has runs stored under the same settings, a run takes what these took
on average. Of others some are run once, and thrown away: as many as there is patience for, spread
over tasks and methods. The rest are taken to be a product, seconds = task x method (least squares
of the logarithms). Chunks then go to as many processes as there are, in order. The first run of a
task or method is made twice: what the second takes less, imports and tables that are read, each
process pays once.
"""

import heapq
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hpobench.loop import overhead
from hpobench.storage import parts
from hpobench.study import simulated
from hpobench.words import counted

if TYPE_CHECKING:
    from hpobench.study.pairs import Chunk, Pair
    from hpobench.study.study import Study

PATIENCE_S = 12.0
_START_S = 2.5
"""What a process of ours takes to begin; they begin together."""
_PART_S = 0.1
"""What a chunk takes beside its runs: it is sent, checked, written and synced."""
Cell = tuple[str, str]


@dataclass(frozen=True)
class Estimate:
    """Seconds that a study will take, and what that is known from."""

    seconds: float
    source: str

    def in_words(self) -> str:
        """Such as: takes about 4 minutes (...)."""
        if math.isinf(self.seconds):
            return f"how long it takes is not known: {self.source}"
        return f"takes about {_duration(self.seconds)} ({self.source})"


def _duration(seconds: float) -> str:
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {name}"
    return f"{max(seconds, 1):.0f} s"


def estimate(study: "Study", beside_s: float = 0.0) -> Estimate | None:
    """The estimate for what is pending of a study; None if nothing is.

    `beside_s`: what a call takes beside its runs: imports, the plan, scores in the end.
    """
    pending = study.pending()
    if not pending:
        return None
    if study.settings["clock"] == "real":
        return _real(pending)
    known = _stored(study)
    pairs = {(chunk.pair.task, chunk.pair.method): chunk.pair for chunk in pending}
    missing = {cell: pair for cell, pair in pairs.items() if cell not in known}
    tried, once_s = _tried(missing)
    seconds = _all(list(pairs), known | tried)
    sources = [f"{counted(len(known), 'pairs')} by stored runs"] if known else []
    if tried:
        sources.append(f"{len(tried)} of {counted(len(missing), 'pairs')} tried once")
    return Estimate(beside_s + _makespan(study, pending, seconds, once_s), ", ".join(sources))


def _real(pending: "Sequence[Chunk]") -> Estimate:
    total = 0.0
    for chunk in pending:
        limits = chunk.pair.budget.limits()
        total += len(chunk.seeds) * min(
            limits["time_s"], limits["cost_s"] / max(chunk.pair.workers, 1)
        )
    if math.isinf(total):
        return Estimate(math.inf, "nothing limits its time: give budget.time_s=")
    return Estimate(total, "its budget on the wall clock, at most")


def _stored(study: "Study") -> dict[Cell, float]:
    """Mean CPU seconds of a run by pair, of those that are stored under the same settings."""
    planned = {pair.fingerprint: (pair.task, pair.method) for pair in study.pairs}
    selection = parts.select(study.folder, lambda key: key.fingerprint in planned)
    found: dict[Cell, list[float]] = {}
    for table in parts.read(selection, "runs"):
        for row in table.select(["task", "method", "cpu_s"]).to_pylist():
            found.setdefault((row["task"], row["method"]), []).append(row["cpu_s"])
    return {cell: float(np.mean(seconds)) for cell, seconds in found.items()}


def _tried(pairs: "Mapping[Cell, Pair]") -> tuple[dict[Cell, float], float]:
    """Seconds of one run of some pairs, and what their first runs took longer, together.

    What the runs find is thrown away.
    """
    found: dict[Cell, float] = {}
    met: set[str] = set()
    once_s, until = 0.0, time.monotonic() + PATIENCE_S
    for cell in _spread(list(pairs)):
        first = again = _timed(pairs[cell])
        if not met.issuperset(cell) and time.monotonic() + first < until:
            again = min(_timed(pairs[cell]), first)
        met.update(cell)
        found[cell], once_s = again, once_s + first - again
        if time.monotonic() > until:
            break
    return found, once_s


def _timed(pair: "Pair") -> float:
    charge = overhead.policy(pair.overhead if pair.overhead != "replay" else "none")
    began = time.perf_counter()
    simulated.run_one(pair, pair.seeds[0], charge)
    return time.perf_counter() - began


def _spread(cells: Sequence[Cell]) -> list[Cell]:
    """The cells in an order in which each task and each method come early and evenly."""
    tasks = list(dict.fromkeys(task for task, _ in cells))
    methods = list(dict.fromkeys(method for _, method in cells))
    diagonals = len(methods)
    return sorted(
        cells, key=lambda c: ((methods.index(c[1]) - tasks.index(c[0])) % diagonals, cells.index(c))
    )


def _all(cells: Sequence[Cell], known: Mapping[Cell, float]) -> dict[Cell, float]:
    """Seconds of all cells; of those that are not known task x method, by least squares."""
    tasks = sorted({task for task, _ in known})
    methods = sorted({method for _, method in known})
    rows = np.zeros((len(known), 1 + len(tasks) + len(methods)))
    for row, (task, method) in zip(rows, known, strict=True):
        row[[0, 1 + tasks.index(task), 1 + len(tasks) + methods.index(method)]] = 1
    logs = np.log(np.maximum(list(known.values()), 1e-4))
    # Of many solutions the shortest: a task that was not tried is as tasks are on average.
    solved = np.linalg.lstsq(rows - rows.mean(axis=0), logs - logs.mean(), rcond=None)[0]
    base = float(logs.mean() - rows.mean(axis=0) @ solved)
    of_task = dict(zip(tasks, solved[1:], strict=False))
    of_method = dict(zip(methods, solved[1 + len(tasks) :], strict=True))
    usual = {
        "task": float(np.mean(list(of_task.values()))),
        "method": float(np.mean(list(of_method.values()))),
    }
    return {
        (task, method): known.get((task, method))
        or math.exp(
            base + of_task.get(task, usual["task"]) + of_method.get(method, usual["method"])
        )
        for task, method in cells
    }


def _makespan(
    study: "Study", pending: "Sequence[Chunk]", seconds: Mapping[Cell, float], once_s: float
) -> float:
    """Seconds until the last chunk has ended."""
    asked = study.settings["n_jobs"]
    processes = asked if asked > 0 else max((os.cpu_count() or 1) + 1 + asked, 1)
    free = [once_s + (0.0 if asked == 1 else _START_S)] * processes
    for chunk in pending:
        each = seconds[chunk.pair.task, chunk.pair.method]
        heapq.heappush(free, heapq.heappop(free) + _PART_S + len(chunk.seeds) * each)
    return max(free)
