"""The evidence of `method=auto`, and whether its advice holds on tasks that it has not seen.

    hpobench run study=advice                               # with other workers= under other names
    python -m tests.bench.advice runs/advice runs/advice8   # writes results/advice/evidence.jsonl
    python -m tests.bench.advice                            # leaves one task out after the other

For each task, advice is asked for without its evidence; the regret of the advised method on it is
compared with that of the best single method: the one with the lowest mean regret over the other
tasks that have it, at the same budget.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats

from hpobench.results import load
from hpobench.results.advice.advisor import Question, _at_budget, advise
from hpobench.results.advice.evidence import SHIPPED, Row, of_study, read, write

BUDGETS = (10.0, 25.0, 50.0)


class Case(NamedTuple):
    """One task at one budget: regrets of the method advised and of the best single one."""

    task: str
    workers: int
    trainings: float
    advised: str
    single: str
    regret: float
    regret_single: float


def cases(rows: Sequence[Row]) -> list[Case]:
    """All tasks, numbers of workers that they were run with, and budgets, each left out once."""
    found = []
    kinds = {row.task: row.kind for row in rows}
    for task, workers in sorted({(row.task, row.workers) for row in rows}):
        others = [row for row in rows if row.task != task]
        for trainings in BUDGETS:
            question = Question(kinds[task], workers, trainings)
            own = [row for row in rows if (row.task, row.workers) == (task, workers)]
            mine = _at_budget(own, question)[0][task]
            advice = advise(others, question)
            ranked = [name for name in advice.regrets if name in mine]
            single = _single(_at_budget(others, question)[0], set(mine))
            if ranked:
                chosen = ranked[0]
                regrets = mine[chosen], mine[single]
                found.append(Case(task, workers, trainings, chosen, single, *regrets))
    return found


def _single(regrets: dict[str, dict[str, float]], methods: set[str]) -> str:
    """The method with the lowest mean over the tasks that have all of the methods."""
    tasks = [found for found in regrets.values() if methods <= set(found)]
    tasks = tasks or list(regrets.values())
    shared = set.intersection(methods, *map(set, tasks)) or methods
    return min(shared, key=lambda name: np.mean([found[name] for found in tasks]))


def difference(found: Sequence[Case]) -> tuple[float, float, float]:
    """Mean over tasks of (advised - single), and its 95 % interval by Student's t."""
    by_task: dict[str, list[float]] = {}
    for case in found:
        by_task.setdefault(case.task, []).append(case.regret - case.regret_single)
    means = np.array([np.mean(values) for values in by_task.values()])
    half = stats.t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return float(means.mean()), float(means.mean() - half), float(means.mean() + half)


def main(folders: Sequence[str]) -> None:
    """Write evidence of stored studies, or check what is shipped."""
    if folders:
        write(SHIPPED, [row for folder in folders for row in of_study(load(Path(folder)))])
    found = cases(read())
    for case in found:
        print(
            f"{case.task:<26} {case.workers} workers {case.trainings:>4.0f} trainings: "
            f"{case.advised:<14} {case.regret:.3f}, single best {case.single:<14} "
            f"{case.regret_single:.3f}"
        )
    mean, low, high = difference(found)
    print(f"advised less single best: {mean:+.4f} [{low:+.4f}, {high:+.4f}]")


if __name__ == "__main__":
    main(sys.argv[1:])
