"""Rows and the runs that they belong to: names and keys as numbers."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hpobench.arrays import IntArray
from hpobench.results.study.study import Study


def codes(names: "pd.Series[str]", known: Mapping[str, object], what: str) -> IntArray:
    """Positions of the names among the known ones; raises ValueError if there are others."""
    given = names.astype("category").cat
    places = pd.Index(list(known), dtype=object).get_indexer(given.categories.astype(object))
    numbers = np.append(places, -1)[given.codes.to_numpy()].astype(np.int64)
    if len(numbers) and numbers.min() < 0:
        strange = sorted(set(names.astype(str)) - set(known))
        raise ValueError(f"the tables name {what}s that the study does not describe: {strange}")
    return numbers


def _run_keys(study: Study, table: pd.DataFrame) -> IntArray:
    """One number for each (task, method, seed)."""
    with_method = codes(table["task"], study.tasks, "task") * len(study.methods)
    with_method += codes(table["method"], study.methods, "method")
    return (with_method << 32) + (table["seed"].to_numpy(np.int64) & 0xFFFFFFFF)


def run_numbers(study: Study, table: pd.DataFrame) -> IntArray:
    """For each row of `table`, the number of its run in the table of runs."""
    keys = _run_keys(study, study.runs)
    order = np.argsort(keys)
    keys = keys[order]
    if (np.diff(keys) == 0).any():
        raise ValueError("the table of runs names a (task, method, seed) twice")
    row_keys = _run_keys(study, table)
    place = np.searchsorted(keys, row_keys)
    if not np.array_equal(np.append(keys, -1)[place], row_keys):
        raise ValueError("there are observations of runs that the table of runs does not list")
    return order[place]
