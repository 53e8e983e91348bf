"""Studies made up for the tests: known answers, or the size and shape of real ones."""

import numpy as np
import pandas as pd

from hpobench.results.study.study import Study
from hpobench.storage.schema import MethodFacts, TaskFacts

OBSERVATION_COLUMNS = [
    "task", "method", "seed", "trial", "resource", "time_s",
    "value", "true_value", "test_value", "worker", "status",
]  # fmt: skip
NAMES = ("task", "method", "status")


def categorical(frame):
    names = [name for name in NAMES if name in frame]
    return frame.astype(dict.fromkeys(names, "category"))


def hand_made(rows, *, runs=None, tasks=None, methods=None, settings=None):
    """A study of the given observations: dicts with any of the columns.

    Runs default to one per (task, method, seed) that ends at time 10.
    """
    defaults = {
        "task": "t", "method": "a", "seed": 0, "trial": 0, "resource": 1.0, "worker": 0,
        "true_value": np.nan, "test_value": np.nan, "status": "ok",
    }  # fmt: skip
    table = pd.DataFrame([defaults | row for row in rows])
    if runs is None:
        keys = table[["task", "method", "seed"]].drop_duplicates().to_dict("records")
        runs = keys
    run_defaults = {
        "task": "t", "method": "a", "seed": 0, "status": "ok", "error": "", "trials": 1,
        "end_time_s": 10.0, "cpu_s": 0.1,
    }  # fmt: skip
    runs = pd.DataFrame([run_defaults | run for run in runs])
    names = dict.fromkeys(runs["task"])
    tasks = tasks or {name: TaskFacts(name, name, "validation error") for name in names}
    methods = methods or {name: MethodFacts(name, name) for name in dict.fromkeys(runs["method"])}
    empty = pd.DataFrame()
    return Study(categorical(table), empty, empty, categorical(runs), tasks, methods, settings)


def random_study(
    *, tasks=3, methods=4, seeds=5, observations=40, test=False, known=True, rng=None, long=False
):
    """A study of random search, the more lucky the higher the method's number.

    Start times are heavy-tailed, values noisy, and every task has a time scale of its own.
    """
    rng = rng or np.random.default_rng(0)
    count = tasks * methods * seeds
    task, method, seed = (part.ravel() for part in np.indices((tasks, methods, seeds)))
    scale = 10.0 ** (task % 5)
    gaps = rng.pareto(1.5, (count, observations)) + 0.1
    time_s = np.cumsum(gaps, axis=1) * scale[:, None] * 0.5
    true = 0.05 + rng.random((count, observations)) ** (1 + method[:, None])
    end = np.full(count, 0.0)
    for number in range(tasks):
        end[task == number] = np.quantile(time_s[task == number][:, -1], 0.5)
    keep = time_s <= end[:, None]
    run = np.repeat(np.arange(count), observations).reshape(count, observations)[keep]
    true = true[keep]
    table = pd.DataFrame(
        {
            "task": pd.Categorical.from_codes(task[run], [_task(n, long) for n in range(tasks)]),
            "method": pd.Categorical.from_codes(
                method[run], [_method(n, long) for n in range(methods)]
            ),
            "seed": seed[run].astype(np.int32),
            "trial": np.tile(np.arange(observations), count).reshape(keep.shape)[keep],
            "resource": 1.0,
            "time_s": time_s[keep],
            "value": true + rng.normal(0, 0.01, len(true)),
            "true_value": true if known else np.nan,
            "test_value": true + 0.02 if test else np.nan,
            "worker": 0,
            "status": pd.Categorical(["ok"] * len(true), ["ok", "failed"]),
        }
    )
    runs = pd.DataFrame(
        {
            "task": pd.Categorical.from_codes(task, [_task(n, long) for n in range(tasks)]),
            "method": pd.Categorical.from_codes(method, [_method(n, long) for n in range(methods)]),
            "seed": seed.astype(np.int32),
            "status": pd.Categorical(["ok"] * count, ["ok", "failed"]),
            "error": "",
            "trials": observations,
            "end_time_s": end,
            "cpu_s": 0.1,
        }
    )
    facts = {
        _task(n, long): TaskFacts(
            _task(n, long),
            _task(n, long).replace("_", " "),
            "1 - balanced validation accuracy (a long label)" if long else "validation error",
            unit="%",
            optimum=0.05 if known else None,
            median=0.55 if known else None,
        )
        for n in range(tasks)
    }
    names = [_method(n, long) for n in range(methods)]
    shown = {name: MethodFacts(name, name.replace("_", " ")) for name in names}
    settings = {"workers": 4, "overhead": "none"}
    return Study(table, pd.DataFrame(), pd.DataFrame(), runs, facts, shown, settings)


def _task(number, long):
    return f"task_{number}_with_a_rather_long_descriptive_name" if long else f"task_{number}"


def _method(number, long):
    return f"method_{number}_gaussian_process_with_hyperband" if long else f"method_{number}"
