"""Other scales than normalised regret for averages over tasks, as tables of this field print them.

adtm     (value - minimum) / (maximum - minimum), the maximum being the worst value of the task: the
         average over tasks of this distance to the minimum (Wistuba, Schilling and Schmidt-Thieme
         2016, Two-stage transfer surrogate model, ECML PKDD)
minmax   the same between the best and the worst incumbent that any method had on the task: it
         changes with the methods and the budget of the study
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.regret import OBSERVED, Reference
from hpobench.results.anytime.views import VIEWS
from hpobench.results.study.study import Study

ADTM = "average distance to the minimum"
MINMAX = "min-max scaled value"


def scaled(
    study: Study, found: Incumbents, known: Mapping[str, Reference], scale: str
) -> dict[str, Reference]:
    """The references of the tasks on another scale, adtm or minmax; ValueError for another name.

    What runs without a value count as stays the median configuration. Tasks of which all values are
    the same are left out.
    """
    if scale not in SCALES:
        raise ValueError(f"scale={scale!r}: use one of {', '.join(SCALES)}")
    made = {task: SCALES[scale](study, found, each) for task, each in known.items()}
    return {task: each for task, each in made.items() if each.top > each.best}


def _adtm(study: Study, found: Incumbents, reference: Reference) -> Reference:
    values = _values(study, reference.task, found.views[reference.task])
    best = min(reference.best, float(values.min()))
    lowest = "the lowest" if reference.source == OBSERVED else "the known minimum"
    ends = f"0 is {lowest} value of the task, 1 the highest that the study saw of it"
    return replace(reference, best=best, worst=float(values.max()), quantity=ADTM, ends=ends)


def _minmax(_study: Study, found: Incumbents, reference: Reference) -> Reference:
    mine = found.only([reference.task]).value
    mine = mine[np.isfinite(mine)]
    ends = "0 is the best incumbent that any method had on the task, 1 the worst"
    return replace(
        reference, best=float(mine.min()), worst=float(mine.max()), quantity=MINMAX, ends=ends
    )


def _values(study: Study, task: str, view: str) -> FloatArray:
    """All values of a task that were seen at the highest resource."""
    table = study.observations
    rows = table[(table["task"] == task) & (table["status"] == "ok")]
    rows = rows[rows["resource"] == rows["resource"].max()]
    values: FloatArray = rows[VIEWS[view]].to_numpy(float)
    finite: FloatArray = values[np.isfinite(values)]
    return finite


SCALES: dict[str, Callable[[Study, Incumbents, Reference], Reference]] = {
    "adtm": _adtm,
    "minmax": _minmax,
}
