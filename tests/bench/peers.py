"""The stored study `peers` beside figures that were measured elsewhere with the same protocol.

Six tables without noise, one worker, 100 evaluations: mean normalised regret with its standard
error over seeds, CPU ms a suggestion at the end of the run, and the share of suggestions that the
run had tried before. Printed as a table in Markdown:

    hpobench run study=peers
    python -m tests.bench.peers runs/peers [six|others]
"""

import math
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from hpobench.results import load
from hpobench.results.anytime.regret import known_reference, normalised_regret
from hpobench.results.conduct.repeats import repeated_suggestions
from hpobench.results.study.study import Study
from tests.bench.quality import AT, OTHERS, SIX

_TIMED = 20  # suggestions at the end of a run over which the cost is averaged


class Elsewhere(NamedTuple):
    """Regret after 100 evaluations, its standard error, and ms a suggestion, measured elsewhere."""

    regret: float
    error: float
    ms: float
    repeated: float = math.nan


NOWHERE = Elsewhere(math.nan, math.nan, math.nan)
ELSEWHERE = {
    "random": Elsewhere(0.101, 0.001, 0.01),
    "optuna_tpe": Elsewhere(0.025, 0.004, 4, 0.14),
    "optuna_gp": Elsewhere(0.028, 0.007, 80),
    "smac_hpo": Elsewhere(0.042, 0.010, 200),
    "hyperopt_tpe": Elsewhere(0.051, 0.006, 13),
    "optuna_tpe_univariate": Elsewhere(0.060, 0.005, 10, 0.32),
    "nevergrad_ngopt": Elsewhere(math.nan, math.nan, math.nan, 0.28),
}
HEAD = (
    "| method | seeds | after 25 | 50 | 100 | elsewhere | difference | ms | elsewhere "
    "| repeated | elsewhere |"
)


def regrets(study: Study, tasks: Sequence[str], method: str, count: int) -> pd.DataFrame:
    """Normalised regret after `count` evaluations; index: seed, columns: tasks."""
    rows = study.observations
    rows = rows[(rows["method"] == method) & (rows["trial"] < count) & (rows["status"] == "ok")]
    best = rows.groupby(["task", "seed"], observed=True)["value"].min()
    known = [task for task in tasks if task in best.index.get_level_values("task")]
    scaled = {
        task: normalised_regret(best.loc[task], known_reference(study.tasks[task]))
        for task in known
    }
    return pd.DataFrame(scaled)


def mean_and_error(table: pd.DataFrame) -> tuple[float, float]:
    """The mean over tasks of the means over seeds, and its standard error over seeds."""
    of_tasks = table.var() / table.count()
    return float(table.mean().mean()), float(np.sqrt(of_tasks.sum()) / table.shape[1])


def cost_ms(study: Study, tasks: Sequence[str], method: str) -> float:
    """CPU ms a suggestion, asked and told, over the last of each run."""
    rows = study.decisions
    rows = rows[(rows["method"] == method) & rows["task"].isin(tasks)]
    last = rows.groupby(["task", "seed"], observed=True).tail(2 * _TIMED)
    runs = last.groupby(["task", "seed"], observed=True)["cpu_s"].sum()
    return float(runs.mean() / _TIMED * 1e3)


def row(study: Study, tasks: Sequence[str], method: str, repeated: pd.DataFrame) -> str:
    """One line of the table; empty, if the method has no run on some of the tables."""
    tables = {count: regrets(study, tasks, method, count) for count in AT}
    if tables[AT[-1]].shape[1] < len(tasks):
        return ""
    cells = ["{:.3f} ± {:.3f}".format(*mean_and_error(table)) for table in tables.values()]
    known = NOWHERE if tasks != SIX else ELSEWHERE.get(method, NOWHERE)
    mean, error = mean_and_error(tables[AT[-1]])
    beside = (mean - known.regret) / math.hypot(error, known.error)
    mine = repeated[(repeated["method"] == method) & repeated["task"].isin(tasks)]
    return " | ".join(
        [
            f"| {study.methods[method].label}",
            f"{tables[AT[-1]].count().min()}",
            *cells,
            _shown("{:.3f} ± {:.3f}", known.regret, known.error),
            _shown("{:+.1f} errors", beside),
            f"{cost_ms(study, tasks, method):.3g}",
            _shown("{:.3g}", known.ms),
            f"{mine['share'].mean():.0%}",
            _shown("{:.0%}", known.repeated) + " |",
        ]
    )


def _shown(form: str, *values: float) -> str:
    return "" if math.isnan(values[0]) else form.format(*values)


def main(path: str, group: str = "six") -> None:
    """Print the table of the six tables, or of the `others`."""
    tasks = {"six": SIX, "others": OTHERS}[group]
    study = load(path)
    repeated = repeated_suggestions(study)
    print(f"{HEAD}\n|{'---|' * HEAD.count(' | ')}---|")
    for method in study.methods:
        if line := row(study, tasks, method, repeated):
            print(line)


if __name__ == "__main__":
    main(*sys.argv[1:])
