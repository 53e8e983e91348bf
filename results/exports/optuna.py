"""A study as an Optuna storage: each run is one Optuna study, as `hpobench import optuna` reads it.

Names are TASK-METHOD-SEED; user attributes hold the three. Values are minimised. Trials begin at
the moment `ZERO`, since a simulated clock has no date. A trial that ended below the highest
resource is called pruned, its values at resources are intermediate ones. Spaces are what the
trials had: ranges of numbers, and choices.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hpobench.results.study.study import Study
from hpobench.storage.schema import KEY

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

ZERO = datetime(2000, 1, 1)


def to_optuna(study: Study, path: Path) -> int:
    """Write a new storage; returns how many Optuna studies it holds.

    SQLite if the file is called `.db` or `.sqlite`, else a journal. Raises ValueError if there is a
    file already.
    """
    import optuna

    if path.exists():
        raise ValueError(f"{path} is there already: name another file, or move it away")
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        storage = _storage(path)
        for (task, method, seed), trials in _runs(study):
            made = optuna.create_study(
                storage=storage, study_name=f"{task}-{method}-{seed}", direction="minimize"
            )
            for name, value in (("task", task), ("method", method), ("seed", seed)):
                made.set_user_attr(name, value)
            made.add_trials(trials)
        return len(study.runs)
    finally:
        optuna.logging.set_verbosity(verbosity)


def _storage(path: Path) -> Any:
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if path.suffix in (".db", ".sqlite", ".sqlite3"):
        return RDBStorage(f"sqlite:///{path}")
    return JournalStorage(JournalFileBackend(str(path)))


def _runs(study: Study) -> "Iterator[tuple[tuple[str, str, int], list[FrozenTrial]]]":
    """The trials of each run."""
    configs = study.trials.assign(config=[json.loads(text) for text in study.trials["config"]])
    spaces = {
        str(task): _distributions(rows["config"].tolist())
        for task, rows in configs.groupby("task", observed=True)
    }
    jobs, seen = _by_run(study.jobs), _by_run(study.observations)
    for run, rows in _by_run(configs).items():
        task, method, seed = run
        facts = study.tasks[task]
        several = facts.r_min < facts.r_max
        mine = jobs[run].groupby("trial")
        values = {trial: some for trial, some in seen[run].groupby("trial") if len(some)}
        trials = []
        for number, config in zip(rows["trial"], rows["config"], strict=True):
            if number in mine.groups:
                spans, observed = mine.get_group(number), values.get(number)
                highest = facts.r_max if several else None
                trials.append(_trial(config, spaces[task], spans, observed, highest))
        yield (task, method, seed), trials


def _by_run(table: pd.DataFrame) -> dict[tuple[str, str, int], pd.DataFrame]:
    """The rows of each run."""
    groups = table.groupby(list(KEY), observed=True, sort=False)
    firsts = ((rows.iloc[0], rows) for _, rows in groups)
    return {(str(a["task"]), str(a["method"]), int(a["seed"])): rows for a, rows in firsts}


def _trial(
    config: Mapping[str, Any],
    space: Mapping[str, Any],
    jobs: pd.DataFrame,
    observed: pd.DataFrame | None,
    highest: float | None,
) -> "FrozenTrial":
    from optuna.trial import TrialState, create_trial

    rows = observed if observed is not None else pd.DataFrame({"value": [], "resource": []})
    last = float(rows["value"].iloc[-1]) if len(rows) else np.nan
    failed = not np.isfinite(last)
    reached = float(rows["resource"].max()) if len(rows) else 0.0
    pruned = not failed and highest is not None and reached < highest
    state = TrialState.FAIL if failed else TrialState.PRUNED if pruned else TrialState.COMPLETE
    steps: dict[int, float] = {}
    if highest is not None and (rows["resource"] % 1 == 0).all():
        known = rows[np.isfinite(rows["value"])]
        steps = {
            int(resource): float(value)
            for resource, value in zip(known["resource"], known["value"], strict=True)
        }
    trial = create_trial(
        state=state,
        value=None if failed else last,
        params=dict(config),
        distributions={name: space[name] for name in config},
        intermediate_values=steps,
    )
    trial.datetime_start = ZERO + timedelta(seconds=float(jobs["start_s"].min()))
    trial.datetime_complete = ZERO + timedelta(seconds=float(jobs["end_s"].max()))
    return trial


def _distributions(configs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """By hyperparameter the distribution that holds all the values that were tried."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    values: dict[str, dict[Any, None]] = {}
    for config in configs:
        for name, value in config.items():
            values.setdefault(name, {})[value] = None
    made: dict[str, Any] = {}
    for name, some in values.items():
        numbers = [v for v in some if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) < len(some):
            made[name] = CategoricalDistribution(list(some))
        elif all(isinstance(value, int) for value in numbers):
            made[name] = IntDistribution(int(min(numbers)), int(max(numbers)))
        else:
            made[name] = FloatDistribution(float(min(numbers)), float(max(numbers)))
    return made
