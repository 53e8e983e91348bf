"""Regret and normalised regret: what makes values of different tasks comparable.

    regret            = value - best
    normalised regret = (value - best) / (median - best)

so that 0 is the best there is, and 1 a random configuration (the median one).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.results.anytime.views import VIEWS, feasible
from hpobench.results.statistics.bootstrap import Groups, Limits
from hpobench.results.study.study import Study
from hpobench.storage.schema import TaskFacts

KNOWN = "the task's known optimum and median"
OBSERVED = "the best and the median value observed in the study"


@dataclass(frozen=True)
class Reference:
    """The two values that a task is normalised by, and where they come from.

    `worst`: what stands in the place of the median on another scale (see `scales`). `quantity` and
    `ends` say what that scale is called, and what 0 and 1 are.
    """

    task: str
    best: float
    median: float
    source: str
    worst: float | None = None
    quantity: str = "normalised regret"
    ends: str = ""

    @property
    def top(self) -> float:
        """The value that counts 1."""
        return self.median if self.worst is None else self.worst

    @property
    def in_words(self) -> str:
        """What 0 and 1 are."""
        return self.ends or f"0 is the best value, 1 the median configuration, by {self.source}"


def regret(values: FloatArray, facts: TaskFacts) -> FloatArray:
    """Values less the task's optimum; raises ValueError if it is unknown."""
    if facts.optimum is None:
        raise ValueError(f"the optimum of task {facts.name!r} is unknown: there is no regret")
    return values - facts.optimum


def normalised_regret(values: FloatArray, reference: Reference) -> FloatArray:
    """0 at the reference's best value, 1 at its median; raises ValueError if they coincide."""
    if not reference.top > reference.best:
        raise ValueError(
            f"task {reference.task!r} cannot be normalised: its median {reference.top} "
            f"is not above its best value {reference.best}"
        )
    return (values - reference.best) / (reference.top - reference.best)


def capped_regret(values: FloatArray, reference: Reference) -> FloatArray:
    """Normalised regret; what is worse than the median counts as it does (1)."""
    return np.minimum(normalised_regret(values, reference), 1.0)


def limits_of_regrets(groups: Groups) -> Limits:
    """The limits of what is summarised of regrets (n, ...): only noise takes them below 0."""
    return np.minimum(np.min([group.min(axis=0) for group in groups], axis=0), 0.0), np.inf


def limits_of_means(groups: Groups) -> Limits:
    """The limits of means (...,) of groups (n, ...) of capped regrets; noise alone is below 0.

    The one pair of limits for all intervals of such means.
    """
    return np.minimum(np.min([group.min(axis=0) for group in groups], axis=0), 0.0), 1.0


def known_reference(facts: TaskFacts) -> Reference:
    """A reference from the task's own facts; raises ValueError if it does not state both values."""
    if facts.optimum is None or facts.median is None:
        raise ValueError(
            f"the optimum or the median of task {facts.name!r} is unknown: "
            "normalise by what the study observed (observed_reference)"
        )
    return Reference(facts.name, facts.optimum, facts.median, KNOWN)


def observed_reference(study: Study, task: str, view: str) -> Reference:
    """The fallback: best and median of all ok observations of the task in this study.

    Where values of different resources do not compare, of those at the highest resource. The best
    is of what is feasible, if anything is. Such a reference changes with the methods and the budget
    of the study. Raises ValueError without any.
    """
    table = study.observations
    rows = table[(table["task"] == task) & (table["status"] == "ok")]
    if not study.tasks[task].comparable:
        rows = rows[rows["resource"] == rows["resource"].max()]
    values = rows[VIEWS[view]].to_numpy()
    finite = np.isfinite(values)
    if not finite.any():
        raise ValueError(f"task {task!r} has no {view} value in this study to normalise by")
    may = finite & feasible(rows)
    best = values[may if may.any() else finite].min()
    return Reference(task, float(best), float(np.median(values[finite])), OBSERVED)


def contradictions(study: Study) -> dict[str, str]:
    """Sentences on tasks whose stated optimum lies above values that were seen, by task."""
    sentences = {}
    for task, lowest in study.below_optimum.items():
        facts = study.tasks[task]
        optimum = facts.optimum if facts.optimum is not None else np.nan
        sentences[task] = (
            f"The optimum stated of {facts.label}, {optimum:.6g}, is none: {lowest:.6g} was seen, "
            f"{optimum - lowest:.3g} below it; {OBSERVED} stand for optimum and median."
        )
    return sentences


def references(study: Study, views: Mapping[str, str]) -> dict[str, Reference]:
    """References by task of `views`: known ones, else observed; tasks without two values have none.

    Optimum and median are of the validation value: the test view has observed references only.
    """
    by_task = {task: _reference(study, task, views[task]) for task in study.tasks if task in views}
    return {task: each for task, each in by_task.items() if each and each.median > each.best}


def medians(study: Study, views: Mapping[str, str], tasks: Iterable[str]) -> dict[str, float]:
    """The values of the median configurations of these tasks, as far as any is known."""
    by_task = {task: _reference(study, task, views[task]) for task in tasks if task in views}
    return {task: each.median for task, each in by_task.items() if each}


def _reference(study: Study, task: str, view: str) -> Reference | None:
    """The known reference of a task, else an observed one; None: the task has no value."""
    facts = study.tasks[task]
    try:
        known = facts.optimum is not None and facts.median is not None
        if known and view != "test" and task not in study.below_optimum:
            return known_reference(facts)
        return observed_reference(study, task, view)
    except ValueError:
        return None
