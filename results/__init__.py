"""Results: stored rows in, tables out. No figures.

>>> from hpobench.results import load
>>> study = load("runs/default")
>>> study.observations, study.trials, study.decisions, study.runs  # tidy pandas frames
"""

from hpobench.results.study.load import load
from hpobench.results.study.study import Study

__all__ = ["Study", "load"]
