"""The horizon of a task: the moment at which methods are scored, ranked and judged.

One rule, so that the score of a method does not move when a slower or faster one joins the study:
the budget, where it is a time alone; else, as with so many trials, the latest end of the runs of
one method, that of `reference_of`. What other methods do after the horizon does not count, and runs
that ended before keep their last incumbent. On an axis of `time_axis` that the budget limits, and
nothing else does, the same holds of its limit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pandas as pd
import yaml

from hpobench.results.study.failed_runs import fine
from hpobench.results.study.study import WALL_CLOCK, Study
from hpobench.results.study.time_axis import decisions_charged
from hpobench.storage.schema import MethodFacts
from hpobench.system import package

LIMIT_OF = {WALL_CLOCK: "time_s", "resource": "resource", "cost": "cost"}
"""By axis, the limit of a budget that ends all runs at the same place of it."""
_TOGETHER = 0.005
"""Of the horizon: runs on a real clock do not end at the same time, though they should."""


@dataclass(frozen=True)
class Horizon:
    """`time_s` is on the axis of the study.

    `method`: whose runs set it; "" if the budget does, or if no other method would have set another
    one. `beyond`: by method with runs that ended later, how many times as long they took at most.
    """

    time_s: float
    method: str
    beyond: dict[str, float]


@cache
def usual_reference() -> str:
    """The name of the method that others are compared with, unless a study states another."""
    text = (package.folders()["conf"] / "config.yaml").read_text(encoding="utf-8")
    return str(yaml.safe_load(text)["reference"])


def reference_of(methods: Mapping[str, MethodFacts], stated: str) -> str:
    """The stated method if it was run, else the first that trains every trial in full, if any.

    So many trials that are mostly stopped early are over before others have found anything.
    """
    full = [name for name, facts in methods.items() if not facts.multi_fidelity]
    return stated if stated in methods else [*full, *methods][0]


def stated_reference(study: Study) -> str:
    """The name of the method that a study says others are compared with, whether it was run."""
    return str(study.settings.get("reference") or usual_reference())


def horizons(study: Study) -> dict[str, Horizon]:
    """The horizon of each task that has a run that did not fail."""
    ends = fine(study.runs).groupby(["task", "method"], observed=True)["end_time_s"].max()
    by_task = {}
    for task in study.tasks:
        if task in ends.index:
            by_task[task] = _horizon(study, task, ends[task])
    return by_task


def _horizon(study: Study, task: str, ends: "pd.Series[float]") -> Horizon:
    """The horizon of a task, from the latest end of each method's runs."""
    time_s, method = _limit(study, task), ""
    if time_s is None:
        run = {name: facts for name, facts in study.methods.items() if name in ends}
        method = reference_of(run, stated_reference(study))
        time_s = float(ends[method])
        method = "" if ((ends - time_s).abs() <= _TOGETHER * time_s).all() else method
    later = ends[ends > (1 + _TOGETHER) * time_s]
    return Horizon(time_s, method, {str(name): float(end / time_s) for name, end in later.items()})


def _limit(study: Study, task: str) -> float | None:
    """The limit that alone ends the runs of a task, if it is one of the study's own axis."""
    axis, stated = study.axis, study.limits(task)
    if axis == "with_decisions" and decisions_charged(study.settings):
        axis = WALL_CLOCK
    return stated.get(LIMIT_OF.get(axis, "")) if len(stated) == 1 else None
