"""Average rank over time: 1 is the best method.

At each time the methods are ranked by their incumbents within each (task, seed); ties share the
average of their ranks, and methods without an incumbent yet are tied in last place.
"""

from functools import reduce

import numpy as np

from hpobench.arrays import FloatArray, IntArray
from hpobench.results.anytime.comparison import Comparison, across, measured
from hpobench.results.anytime.curves import (
    KEPT_SENTENCE,
    POINTS,
    Curves,
    curves,
    fractions,
    horizon_s,
)
from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.notes import horizon_notes, rule_notes
from hpobench.results.statistics.blocks import ranks
from hpobench.results.statistics.summary import summarise

RANK_SENTENCE = (
    "Rank 1 is the best method of a task and seed; ties share their average rank, and methods "
    "without a value yet are tied in last place."
)


def average_ranks(found: Incumbents, *, time: str = "log", points: int = POINTS) -> Comparison:
    """Average over seeds, then over tasks; the band is the standard error of that mean.

    A (task, seed) counts if every method has a run there. Raises ValueError if no (task, seed) is
    left, or nothing to compare.
    """
    methods = _with_runs(found)
    parts = fractions(time, points)
    by_task = {task: _ranks_of_task(found, task, methods, parts) for task in found.tasks}
    by_task = {task: ranked for task, ranked in by_task.items() if ranked.shape[1]}
    if not by_task:
        raise ValueError("no (task, seed) has a run of every method: there are no ranks")
    pairs = sum(ranked.shape[1] for ranked in by_task.values())
    lines = {
        method: summarise(
            [ranked[number] for ranked in by_task.values()], band="sem", limits=(1.0, len(methods))
        )
        for number, method in enumerate(methods)
    }
    return Comparison(
        title=across(found, list(by_task)),
        label=f"average rank of {len(methods)}",
        quantity="rank",
        time=parts,
        lines=lines,
        relative=True,
        notes=(
            RANK_SENTENCE,
            *_left_out(found, pairs),
            *rule_notes(found, by_task),
            *horizon_notes(found, by_task),
            KEPT_SENTENCE,
        ),
        **measured(found, by_task),
    )


def can_rank(found: Incumbents) -> bool:
    """Whether there are several methods, and a (task, seed) with a run of each of them."""
    methods = _with_runs(found)
    runs = found.runs[found.runs["task"].isin({task for task, _ in found.counted})]
    together = runs.groupby(["task", "seed"], observed=True)["method"].nunique()
    return len(methods) > 1 and bool((together == len(methods)).any())


def _with_runs(found: Incumbents) -> list[str]:
    counted = {method for _, method in found.counted}
    return [method for method in found.methods if method in counted]


def _ranks_of_task(
    found: Incumbents, task: str, methods: list[str], parts: FloatArray
) -> FloatArray:
    """Ranks (methods, seeds, t) over the seeds that all methods have."""
    some = curves(found, task, parts * horizon_s(found, task), keep_ended=True)
    if not methods or any(method not in some for method in methods):
        return np.empty((len(methods), 0, len(parts)))
    seeds = reduce(np.intersect1d, [some[method].seeds for method in methods])
    return ranks(np.array([_at_seeds(some[method], seeds) for method in methods]))


def _at_seeds(each: Curves, seeds: IntArray) -> FloatArray:
    return each.values[np.searchsorted(each.seeds, seeds)]


def _left_out(found: Incumbents, pairs: int) -> tuple[str, ...]:
    planned = found.runs[["task", "seed"]].drop_duplicates()
    if len(planned) == pairs:
        return ()
    return (f"Left out: {len(planned) - pairs} (task, seed) without a run of every method.",)
