"""Arrays of a suite as a table task: its configurations listed, equal ones repetitions of one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray
from hpobench.records import Fidelity
from hpobench.space.listed import ListedSpace
from hpobench.tasks.importing.asked import goal_of, is_iterative, metric_of
from hpobench.tasks.importing.guessing import space_of
from hpobench.tasks.table import TableTask


def listed_table(
    configs: pd.DataFrame,
    values: FloatArray,
    *,
    metric: str,
    goal: str = "",
    seconds: FloatArray | None = None,
    test_values: FloatArray | None = None,
    levels: FloatArray | None = None,
    fidelity: str = "epochs",
    space: Mapping[str, Any] | None = None,
    repetition: str | int = "sampled",
    data_hash: str = "",
) -> TableTask:
    """The task of n configurations (rows), values (n, R, k), the same of seconds and test values.

    `goal`: minimize or maximize; "", as the name of the metric says. `space`: as stated; None, as
    the configurations look. `levels` (k,). Seconds count from the beginning of a training.
    """
    guessed, stored, _ = space_of(configs)
    numbers = pd.factorize(pd.MultiIndex.from_frame(stored.fillna("\0none").astype(str)))[0]
    turns = pd.Series(numbers).groupby(numbers).cumcount().to_numpy()
    order = np.argsort(np.unique(numbers, return_index=True)[1])
    firsts = np.sort(np.unique(numbers, return_index=True)[1])
    counts = np.bincount(numbers)[order] * values.shape[1]

    def regrouped(array: FloatArray) -> FloatArray:
        """(n', R', k): rows of one configuration as its repetitions."""
        _, r, k = array.shape
        most = int(turns.max()) + 1
        made = np.full((len(firsts), most, r, k), np.nan)
        made[numbers, turns] = array
        return made.reshape(len(firsts), most * r, k)

    stated = metric_of(metric, goal_of(metric, goal), pd.Series(values[np.isfinite(values)]))
    resources = np.ones(1) if levels is None else np.asarray(levels, dtype=float)
    kept = dict(space) if space is not None else guessed
    rows = stored.iloc[firsts].to_dict("records")
    found = [{str(k): v for k, v in row.items() if v is not None} for row in rows]
    kind = None
    if len(resources) > 1:
        whole = bool((resources % 1 == 0).all())
        compares = is_iterative(fidelity)
        kind = Fidelity(fidelity, resources[0], resources[-1], whole, compares)
    minimised = regrouped(stated.to_minimised(values))
    tests = None if test_values is None else regrouped(stated.to_minimised(test_values))
    return TableTask(
        ListedSpace(kept, found),
        stated,
        minimised,
        None if seconds is None else regrouped(seconds),
        resources=resources.tolist(),
        fidelity=kind,
        test_values=tests,
        repetitions=counts,
        repetition=repetition,
        short_curves="failed",
        can_checkpoint=kind is None or kind.comparable,
        data_hash=data_hash,
    )


def needed(folder: str | Path, *names: str) -> list[Path]:
    """The files of a suite; raises ValueError, naming what is missing, if one is not there."""
    root = Path(folder).expanduser()
    paths = [root / name for name in names]
    if lacking := [path for path in paths if not path.is_file()]:
        raise ValueError(
            f"there is no {lacking[0]}: download the suite's data, and give the folder where it is"
        )
    return paths
