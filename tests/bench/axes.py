"""The numbers of README on the time axis: by how much methods differ on phoneme, axis by axis.

`hpobench run study=axes`, then `python -m tests.bench.axes runs/axes`. Regrets are means over
seeds; differences are between runs of the same seed, with the standard error of their mean. A run
without a value yet counts as the median configuration, one that has ended keeps its last value.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.results import load
from hpobench.results.anytime.curves import curves
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.study.study import Study
from hpobench.results.study.time_axis import on_axis

TASK = "phoneme"
PAIRS = (("evolution", "tpe"), ("random", "tpe"), ("random", "evolution"))
DAY_S = 86_400.0
MOMENTS = {
    "evaluations": {"25": 25.0, "50": 50.0, "100": 100.0},
    "wall_clock": {f"{days:g} d": days * DAY_S for days in (0.1, 0.25, 0.5, 1.0, 1.7)},
}


def regrets(study: Study, axis: str) -> Mapping[str, FloatArray]:
    """By method, the true regret of each seed at each moment of the axis (seeds, moments)."""
    facts = study.tasks[TASK]
    assert facts.optimum is not None
    assert facts.median is not None
    moments = np.array(list(MOMENTS[axis].values()))
    found = curves(incumbents(on_axis(study, axis)), TASK, moments, keep_ended=True)
    return {
        method: np.where(np.isnan(each.values), facts.median, each.values) - facts.optimum
        for method, each in found.items()
    }


def main(folder: Path) -> None:
    """One line a moment."""
    study = load(folder)
    for axis, moments in MOMENTS.items():
        found = regrets(study, axis)
        for place, moment in enumerate(moments):
            print(
                f"{axis} {moment}: {_line({name: some[:, place] for name, some in found.items()})}"
            )


def _line(found: Mapping[str, FloatArray]) -> str:
    means = [f"{method} {some.mean():.4f}" for method, some in found.items()]
    for worse, better in PAIRS:
        difference = found[worse] - found[better]
        error = difference.std(ddof=1) / np.sqrt(len(difference))
        means.append(f"{worse} - {better} {difference.mean():.4f} ± {error:.4f}")
    return "; ".join(means)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
