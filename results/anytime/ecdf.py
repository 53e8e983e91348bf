"""Share of targets reached over time, for many targets of all tasks at once (an ECDF of runtimes).

Hansen, Auger, Ros, Mersmann, Tusar & Brockhoff 2021, COCO: a platform for comparing continuous
optimizers in a black-box setting, section 3: the empirical cumulative distribution of the runtimes
of all (task, target, run), here in time as a fraction of each task's horizon. A runtime that is not
known, as the run ended before, counts as infinite.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.results.anytime.comparison import Comparison, across, measured
from hpobench.results.anytime.curves import (
    KEPT_SENTENCE,
    POINTS,
    first_times,
    fractions,
    horizon_s,
    runs_by_method,
    tasks_with_runs,
)
from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.notes import horizon_notes, rule_notes
from hpobench.results.anytime.regret import Reference
from hpobench.results.statistics.bootstrap import SHARE
from hpobench.results.statistics.summary import summarise

TARGETS: tuple[float, ...] = tuple(np.geomspace(1.0, 1e-3, 51).tolist())


def time_ecdf(
    found: Incumbents,
    references: Mapping[str, Reference],
    *,
    time: str = "log",
    targets: Sequence[float] | FloatArray = TARGETS,
    points: int = POINTS,
) -> Comparison:
    """Share of (task, target, seed) reached, by method; tasks weigh the same.

    `targets`: normalised regrets, the same on every task. The band is a bootstrap interval, seeds
    drawn within each task. Methods without a run on every task are left out. Raises ValueError
    without targets or tasks.
    """
    levels = np.sort(np.asarray(targets, dtype=float))[::-1]
    if not len(levels) or not np.isfinite(levels).all():
        raise ValueError(f"targets={targets}: give one normalised regret or more, such as 0.1")
    tasks, parts = tasks_with_runs(found, references), fractions(time, points)
    groups: dict[str, list[FloatArray]] = {method: [] for method in found.methods}
    for task in tasks:
        for method, shares in _shares(found, references[task], levels, parts).items():
            groups[method].append(shares)
    complete = {name: some for name, some in groups.items() if len(some) == len(tasks)}
    return Comparison(
        title=across(found, tasks),
        label="share of targets reached",
        quantity="share of targets",
        time=parts,
        lines={
            name: summarise(some, "mean", "bootstrap", tasks, SHARE)
            for name, some in complete.items()
        },
        relative=True,
        notes=(
            _target_note(levels),
            _reference_note([references[task] for task in tasks]),
            *_left_out(found, set(groups) - set(complete)),
            *rule_notes(found, tasks),
            *horizon_notes(found, tasks),
            KEPT_SENTENCE,
        ),
        **measured(found, tasks),
    )


def _shares(
    found: Incumbents, reference: Reference, levels: FloatArray, parts: FloatArray
) -> dict[str, FloatArray]:
    """The share (n, t) of the falling `levels` that each run has reached, by method."""
    grid = parts * horizon_s(found, reference.task)
    shares = {}
    for method, runs in runs_by_method(found, reference.task).items():
        # Lower targets are reached later: the times of a run rise.
        times_s = first_times(found, runs, reference, levels)
        counts = [np.searchsorted(of_run, grid, side="right") for of_run in times_s]
        shares[method] = np.array(counts) / len(levels)
    return shares


def _target_note(levels: FloatArray) -> str:
    if len(levels) == 1:
        return f"Target on each task: normalised regret {levels[0]:g}."
    steps = np.diff(np.log(levels)) if levels[-1] > 0 else np.zeros(0)
    spaced = ", evenly spaced on a log scale" if len(steps) and np.allclose(steps, steps[0]) else ""
    return (
        f"Targets on each task: {len(levels)} normalised regrets from {levels[0]:g} to "
        f"{levels[-1]:g}{spaced}."
    )


def _reference_note(some: Sequence[Reference]) -> str:
    sources = " or ".join(sorted({reference.source for reference in some}))
    return f"Normalised regret: 0 is the best value, 1 the median configuration, by {sources}."


def _left_out(found: Incumbents, names: set[str]) -> tuple[str, ...]:
    labels = [facts.label for name, facts in found.methods.items() if name in names]
    return (f"Left out, without runs on every task: {', '.join(labels)}.",) if labels else ()
