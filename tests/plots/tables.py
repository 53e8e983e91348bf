"""Tables made up for the tests of figures, with the columns of the functions in results."""

import numpy as np
import pandas as pd

from hpobench.results.statistics.rank_tests import Friedman, cliques, critical_difference
from hpobench.storage.schema import MethodFacts

LONG = "asynchronous Gaussian process variant "
METRICS = ("mean", "median", "iqm", "optimality_gap")


def methods_of(count, *, long=True):
    """Names of exactly 40 characters, or of few."""
    labels = [f"{LONG}{n}".ljust(40, "x") if long else f"method {n}" for n in range(count)]
    return {f"m{n}": MethodFacts(f"m{n}", label) for n, label in enumerate(labels)}


def frame(columns, rows):
    return pd.DataFrame(rows, columns=columns.split())


def aggregates(methods):
    """The later a method, the higher its regret."""
    return frame(
        "method metric value low high tasks runs",
        [
            (name, metric, 0.1 + n / 50, 0.08 + n / 50, 0.13 + n / 50, 9, 270)
            for n, name in enumerate(methods)
            for metric in METRICS
        ],
    )


def rank_intervals(methods):
    return frame(
        "method rank low high tasks",
        [(name, 1.0 + n, 0.8 + n, 1.3 + n, 9) for n, name in enumerate(methods)],
    )


def improvements(methods):
    """Logistic in the difference of the places: the earlier is the better."""
    return frame(
        "method other probability low high tasks",
        [
            (one, two, p := 1 / (1 + np.exp(0.3 * (a - b))), p - 0.05, p + 0.05, 9)
            for a, one in enumerate(methods)
            for b, two in enumerate(methods)
            if a != b
        ],
    )


def friedman(methods, *, blocks=9, spread=None):
    """Average ranks 1, 2, ... or evenly over `spread`, with the critical difference of Nemenyi."""
    count = len(methods)
    values = np.arange(1.0, count + 1) if spread is None else np.linspace(*spread, count)
    average = pd.Series(values, index=list(methods))
    difference = critical_difference(count, blocks)
    groups = cliques(average, difference)
    return Friedman(50.0, 1e-6, average, difference, groups, blocks, "tasks", 5.0, 1e-6)


def times_to_target(methods, *, tasks=("all tasks",)):
    """The first method is the reference; the last one has no speed-up."""
    rows = []
    for task in tasks:
        for n, name in enumerate(methods):
            speedup = np.nan if n and n == len(methods) - 1 else 1.3 ** (n if n % 2 else -n)
            target = np.nan if task == "all tasks" else 0.05
            bound = {0: "", 1: ">=", 2: "<="}[n % 3]
            numbers = (1.0, 1.0, 0.5, speedup, speedup / 1.5, speedup * 1.5, bound)
            rows.append((task, name, target, n / len(methods), *numbers))
    return frame(
        "task method target reached time_s median_time_s share speedup low high bound",
        rows,
    )


def scalings(methods, *, tasks=("t",)):
    """Speed-up w^a, so that efficiency is w^(a - 1)."""
    rows = []
    for task in tasks:
        for n, name in enumerate(methods):
            for workers in (1, 2, 4, 8, 16):
                up = workers ** (1 - n / (2 * len(methods)))
                numbers = (100 / up, up, up * 0.9, up * 1.1)
                each = [number / workers for number in numbers[1:]]
                rows.append((task, name, workers, *numbers, *each, "", 0.8, 30))
    return frame(
        "task method workers time_s speedup low high "
        "efficiency efficiency_low efficiency_high bound reached seeds",
        rows,
    )


def overheads(methods, *, tasks=("s", "t")):
    return frame(
        "task method decisions ask_ms tell_ms total_s share_of_run seeds failed",
        [
            (task, name, 500.0, 10.0 ** (n % 7 - 3 + k / 3), 0.01, 1.0, 10.0 ** (-n % 7 - 7), 30, 0)
            for k, task in enumerate(tasks)
            for n, name in enumerate(methods)
        ],
    )


def growths(methods, *, tasks=("s", "t")):
    number = np.geomspace(1, 1000, 12)
    parts = []
    for task in tasks:
        for n, name in enumerate(methods):
            ms = 10.0 ** (n % 3 - 2) * number ** (n / len(methods))
            part = {"number": number, "ms": ms, "low": ms * 0.8, "high": ms * 1.3}
            parts.append(pd.DataFrame({"task": task, "method": name, **part}))
    return pd.concat(parts, ignore_index=True)


def gaps(methods, *, tasks=("t", "a_task_with_a_rather_long_name"), seeds=5):
    rng = np.random.default_rng(0)
    rows = [
        (task, name, seed, 10.0, 0.1, 0.2, np.nan, *rng.normal(0.05, 0.02, 3))
        for task in tasks
        for name in methods
        for seed in range(seeds)
    ]
    columns = "task method seed time_s observed true test gap overtuning relative_overtuning"
    return frame(columns, rows)


def feasibilities(methods, *, tasks=("t",)):
    """Every fifth method never finds anything feasible."""
    rows = [
        (
            task,
            name,
            *((0.0, 0, np.nan) if n % 5 == 4 else (n / 40, n, 100.0 * n)),
            30,
            1,
            "seconds",
        )
        for task in tasks
        for n, name in enumerate(methods)
    ]
    columns = "task method feasible_share runs_with_feasible first_feasible_s seeds failed clock"
    return frame(columns, rows)


def configurations(methods, *, seeds=3):
    """`momentum` is active for one optimiser only; `learning_rate...` spans four decades."""
    rng = np.random.default_rng(0)
    rows = []
    for name in methods:
        for seed in range(seeds):
            optimiser = ["an adaptive optimiser with a long name", "sgd", "rmsprop"][seed % 3]
            rows.append(
                {
                    "method": name,
                    "seed": seed,
                    "value": 10 ** rng.uniform(-3, 0),
                    "learning_rate_of_the_optimiser_in_stage_two": 10 ** rng.uniform(-5, -1),
                    "layers": int(rng.integers(1, 5)),
                    "optimiser": optimiser,
                    "momentum": rng.random() if optimiser == "sgd" else np.nan,
                    "early_stopping": bool(seed % 2),
                    "kernel": "abcdefghijkl"[int(rng.integers(12))],
                    "constant": 3.0,
                }
            )
    return pd.DataFrame(rows)


def importances(configs):
    names = [name for name in configs if name not in ("method", "seed", "value")]
    share = np.linspace(0.5, 0.01, len(names))
    columns = {"importance": share, "low": share / 2, "high": share * 1.5}
    return pd.DataFrame({"hyperparameter": names, **columns})
