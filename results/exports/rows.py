"""All evaluations of a study as one table, as spreadsheets and other programs read them."""

import json

import pandas as pd

from hpobench.results.study.study import Study
from hpobench.storage.schema import KEY, SLACK

COLUMNS = ("trial", "resource", "time_s", "value", "true_value", "test_value", "worker", "status")
CONFIG = "config."


def evaluations(study: Study) -> pd.DataFrame:
    """One row an evaluation: run, what was observed, and hyperparameters as `config.NAME`.

    Values are minimised as they are stored; a hyperparameter that is not active is empty, as is a
    true or test value of a task that has none. `hpobench import csv` reads it back.
    """
    rows = study.observations
    slacks = [name for name in map(str, rows) if name.startswith(SLACK)]
    columns = [*KEY, *(name for name in COLUMNS if name in rows), *slacks]
    table = rows[columns].merge(_configs(study), on=[*KEY, "trial"], how="left", sort=False)
    order = ["task", "method", "seed", "time_s"]
    return table.sort_values(order, kind="stable", ignore_index=True)


def _configs(study: Study) -> pd.DataFrame:
    """The hyperparameters of each trial, a column each."""
    configs = [json.loads(text) for text in study.trials["config"]]
    names = dict.fromkeys(name for config in configs for name in config)
    columns = {CONFIG + name: [config.get(name) for config in configs] for name in names}
    keys = study.trials[[*KEY, "trial"]].reset_index(drop=True)
    return pd.concat([keys, pd.DataFrame(columns, index=keys.index, dtype=object)], axis=1)
