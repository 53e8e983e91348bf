"""Configurations that were tried more than once: which trial is which visit to its own.

Notation: t trials in the order of their table; n rows of another table.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hpobench.arrays import IntArray
from hpobench.results.study.index import codes, run_numbers
from hpobench.results.study.study import Study


@dataclass(frozen=True)
class Visits:
    """The `run` and `config` of each trial (t,), as numbers, and its `visit`.

    `visit`: how often its run had tried that configuration before. Configurations of different
    tasks have different numbers.
    """

    run: IntArray
    config: IntArray
    visit: IntArray


def visits(study: Study) -> Visits:
    """Raises ValueError if the study was stored without its trials."""
    table = study.trials
    if "config" not in table:
        raise ValueError("the study was stored without its trials: configurations are unknown")
    run = run_numbers(study, table)
    text, distinct = pd.factorize(table["config"])
    of_task = codes(table["task"], study.tasks, "task") * max(len(distinct), 1) + text
    config = pd.factorize(of_task)[0].astype(np.int64)
    return Visits(run, config, _earlier(run, config, table["trial"].to_numpy(np.int64)))


def _earlier(run: IntArray, config: IntArray, trial: IntArray) -> IntArray:
    """Numbers of trials (t,) of the same run and configuration that have a lower number."""
    order = np.lexsort((trial, config, run))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(run[order]) != 0) | (np.diff(config[order]) != 0)
    place = np.arange(len(order))
    first = np.maximum.accumulate(np.where(new, place, 0))
    earlier = np.empty(len(order), dtype=np.int64)
    earlier[order] = place - first
    return earlier


def trial_rows(study: Study, table: pd.DataFrame) -> IntArray:
    """For each row (n,) of a table with run and trial, the row of its trial in that of the trials.

    Raises ValueError if there is none.
    """
    tables = (study.trials, table)
    numbers = [each["trial"].to_numpy(np.int64) for each in tables]
    most = 1 + max(int(each.max(initial=0)) for each in numbers)
    known, wanted = (
        run_numbers(study, each) * most + number
        for each, number in zip(tables, numbers, strict=True)
    )
    order = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)
    if len(wanted) and not (len(known) and (known[order][place] == wanted).all()):
        raise ValueError("there are rows of trials that the table of trials does not list")
    rows: IntArray = order[place]
    return rows
