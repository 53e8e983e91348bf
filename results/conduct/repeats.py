"""Repeated suggestions: trials that try a configuration which their run had tried before.

They cost budget like any other. On a noisy task a repetition tells something; on a task without
noise it tells nothing new.
"""

import numpy as np
import pandas as pd

from hpobench.results.statistics.bootstrap import SHARE, bootstrap
from hpobench.results.study.failed_runs import fine
from hpobench.results.study.selection import by_pair
from hpobench.results.study.study import Study
from hpobench.results.study.visits import visits

COLUMNS = ("task", "method", "share", "low", "high", "seeds")


def repeated_suggestions(study: Study) -> pd.DataFrame:
    """One row per task and method that were run, in the order of the study.

    share       share of a run's trials whose configuration an earlier trial of it had, mean over
                the runs that started any
    low, high   95 % bootstrap interval over seeds (NaN: a single seed)
    seeds       how many runs these are; failed ones are left out

    Raises ValueError if the study was stored without its trials.
    """
    rows = []
    for task, method, runs in by_pair(study, _shares(study)):
        values = runs.sort_values("seed")["share"].dropna().to_numpy(float)
        if len(values):
            low, high = bootstrap([values[:, None]], "mean", [task], SHARE)
            rows.append((task, method, values.mean(), low[0], high[0], len(values)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _shares(study: Study) -> pd.DataFrame:
    """The runs that did not fail, with `share` (NaN: no trial was started)."""
    tried = visits(study)
    trials = np.bincount(tried.run, minlength=len(study.runs))
    repeated = np.bincount(tried.run, tried.visit > 0, minlength=len(study.runs))
    share = np.where(trials > 0, repeated / np.maximum(trials, 1), np.nan)
    return fine(study.runs.assign(share=share))
