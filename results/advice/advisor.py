"""The advisor: of a kind of task, a budget and a number of workers to the method to use.

Tasks count by how much they are like the one that is asked about, by `WEIGHT ** distance`, and runs
by how near their number of workers is. Of each task that has evidence, a method's regret at the
budget is read off its rows (log-linear in the budget, at most the last row's). The method is that
with the lowest weighted mean regret over the tasks that it and all of its rivals were run on.

How sure: tasks are drawn anew, with their weights (Bayesian bootstrap: exponential weights on
tasks). A method is within error of the best if in more than 5 % of the draws it is as good. The
advisor says that it cannot tell if random search is within error of the best, or if fewer than
`FEWEST` tasks are like the one that is asked about.

Source of the bootstrap: Rubin 1981, The Bayesian Bootstrap, Annals of Statistics 9.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.results.advice.evidence import Kind, Row
from hpobench.results.statistics.bootstrap import generator
from hpobench.results.study.horizon import usual_reference
from hpobench.words import counted, either

WEIGHT = 0.5
FEWEST = 5
DRAWS = 2000
ALIKE = 1.5
"""Tasks at most so far away are called alike."""
LEVEL = 0.05


@dataclass(frozen=True)
class Question:
    """What is asked about; `trainings`: worker time of the budget, in full trainings."""

    kind: Kind
    workers: int
    trainings: float


@dataclass(frozen=True)
class Advice:
    """The method to use, and what speaks for it.

    `regrets`: weighted mean regret by method, the best first; `rivals`: those within error of the
    best; `alike`: the tasks that are like the one asked about, of `tasks` with evidence;
    `sure`: whether the evidence is enough to tell the method from random search.
    """

    method: str
    regrets: Mapping[str, float]
    rivals: tuple[str, ...]
    alike: tuple[str, ...]
    tasks: int
    sure: bool
    reason: str

    def in_words(self) -> str:
        """The advice in a sentence or two."""
        evidence = f"{counted(self.tasks, 'tasks')}, {len(self.alike)} of them of this kind"
        if not self.sure:
            return f"cannot tell: {self.reason}; {self.method} is taken ({evidence})"
        words = f"{self.method}, by the evidence of {evidence}: mean normalised regret "
        words += f"{self.regrets[self.method]:.3f}"
        if baseline(self.regrets) is not None:
            words += f", random search {self.regrets[str(baseline(self.regrets))]:.3f}"
        return words + (f"; within error: {either(self.rivals)}" if self.rivals else "")


def baseline(names: Mapping[str, float]) -> str | None:
    """Random search, as its methods are called."""
    return next((name for name in names if name == usual_reference()), None)


def advise(rows: Sequence[Row], question: Question) -> Advice:
    """The advice for a question. Raises ValueError if there is no evidence at all."""
    regrets, kinds = _at_budget(rows, question)
    methods = _comparable(regrets, kinds, question)
    tasks = [task for task in regrets if set(methods) <= set(regrets[task])]
    if not tasks:
        raise ValueError("there is no evidence: run a study first, or name a method=")
    table: FloatArray = np.array([[regrets[task][name] for name in methods] for task in tasks])
    distances = np.array([kinds[task].distance(question.kind) for task in tasks])
    means, drawn = _means(table, WEIGHT**distances)
    order = np.argsort(means, kind="stable")
    best, names = int(order[0]), [methods[index] for index in order]
    beaten = (drawn[:, [best]] < drawn).mean(axis=0)
    rivals = tuple(methods[i] for i in order[1:] if beaten[i] <= 1 - LEVEL)
    alike = tuple(task for task, d in zip(tasks, distances, strict=True) if d <= ALIKE)
    reason = ""
    if len(alike) < FEWEST:
        reason = f"there is evidence of {counted(len(alike), 'tasks')} of this kind only"
    elif usual_reference() in (names[0], *rivals):
        reason = "random search is within error of the best"
    ranked = {methods[index]: float(means[index]) for index in order}
    return Advice(names[0], ranked, rivals, alike, len(tasks), not reason, reason)


def _means(table: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted means (m,) over the tasks of a table (t, m), and draws of them (DRAWS, m)."""
    shares = generator("advice").exponential(size=(DRAWS, len(weights))) * weights
    drawn = shares @ table / shares.sum(axis=1, keepdims=True)
    return weights @ table / weights.sum(), drawn


def _comparable(
    regrets: Mapping[str, Mapping[str, float]], kinds: Mapping[str, Kind], question: Question
) -> list[str]:
    """The methods that were run on all tasks that matter: those with as few levels, or as many."""
    partial = [task for task in regrets if kinds[task].partial == question.kind.partial]
    counts: dict[str, int] = {}
    for task in partial or list(regrets):
        for name in regrets[task]:
            counts[name] = counts.get(name, 0) + 1
    most = max(counts.values(), default=0)
    return [name for name, count in counts.items() if 2 * count > most]


def _at_budget(
    rows: Sequence[Row], question: Question
) -> tuple[dict[str, dict[str, float]], dict[str, Kind]]:
    """By task and method the regret at the budget, of runs with workers near those asked about."""
    found: dict[tuple[str, str], dict[int, list[tuple[float, float]]]] = {}
    kinds: dict[str, Kind] = {}
    for row in rows:
        kinds[row.task] = row.kind
        by_workers = found.setdefault((row.task, row.method), {})
        by_workers.setdefault(row.workers, []).append((row.trainings, row.regret))
    regrets: dict[str, dict[str, float]] = {}
    for (task, method), by_workers in found.items():
        near = min(by_workers, key=lambda number: abs(math.log(number / question.workers)))
        moments = np.array(sorted(by_workers[near]))
        at = np.interp(math.log(question.trainings), np.log(moments[:, 0]), moments[:, 1])
        regrets.setdefault(task, {})[method] = float(at)
    return regrets, kinds
