"""CPU of whole simulated runs, kept in memory, on a 2,000-configuration x 50-epoch table."""

from typing import Any

import numpy as np

from hpobench.loop.budget import Budget
from hpobench.loop.randomness import method_rng
from hpobench.loop.recorder import Recorder
from hpobench.loop.simulator import simulate
from hpobench.records import Fidelity, Metric
from hpobench.space.space import Space
from hpobench.study import build
from hpobench.study.catalogue import read
from hpobench.tasks.table import TableTask
from tests.bench.measure import bare_loop, compare, cpu_of_each, show

TRIALS = 300
METHODS = ("random", "asha")
CONFIGS = {
    name: {key: value for key, value in read("method", name).items() if key != "about"}
    for name in METHODS
}


def table(rates: int = 20, epoch_s: float = 1.0) -> TableTask:
    """Learning curves over a complete grid of `rates` x 10 x 10 configurations."""
    rng = np.random.default_rng(0)
    count = rates * 100
    space = Space(
        {
            "rate": {"type": "ordinal", "values": [k / rates for k in range(rates)]},
            "units": {"type": "ordinal", "values": [2**k for k in range(10)], "scale": "log"},
            "layers": {"type": "integer", "low": 1, "high": 10},
        }
    )
    final = rng.random((count, 1, 1))
    epochs = np.arange(1, 51)
    values = final + np.exp(-epochs / 10) + 0.01 * rng.standard_normal((count, 1, 50))
    cost = epoch_s * rng.lognormal(0, 1, (count, 1, 1))
    return TableTask(
        space,
        Metric("error", "error"),
        values,
        cost * epochs,
        resources=epochs.tolist(),
        fidelity=Fidelity("epochs", 1, 50),
    )


def run(task: TableTask, name: str, trials: int = TRIALS, workers: int = 4) -> Recorder:
    """One run, to its columns in memory."""
    method = build.build_method(CONFIGS[name], task, method_rng(0, "bench", name, 0), workers)
    recorder = Recorder()
    recorder.watch(simulate(task, method, budget=Budget(trials=trials), seed=1, workers=workers))
    columns: Any = (recorder.observations(), recorder.trials(), recorder.decision_columns())
    recorder.job_columns()
    assert len(columns[1]) == trials
    return recorder


def main() -> None:
    """Print the figures."""
    task = table()
    for name, bar in (("random", 30e-6), ("asha", 25e-6)):
        jobs = len(run(task, name))
        unit, seconds = cpu_of_each([lambda j=jobs: bare_loop(j), lambda n=name: run(task, n)], 40)
        count, what = (TRIALS, "us/trial") if name == "random" else (jobs, "us/job")
        title = f"{name}: {TRIALS} trials, {jobs} jobs, 4 workers"
        show(title, seconds / count * 1e6, bar * 1e6, what, f"{seconds / unit:.0f} x bare loop")
    large, long = table(200), table(200, epoch_s=1e6)
    for name in METHODS:
        few, many, slow, wide = cpu_of_each(
            [
                lambda n=name: run(large, n, 500),
                lambda n=name: run(large, n, 10_000),
                lambda n=name: run(long, n, 500),
                lambda n=name: run(large, n, 500, workers=1000),
            ],
            7,
        )
        # n log n allows 20 log(10,000) / log(500) = 29.6 for 20 times the trials.
        show(f"{name}: 10,000 trials against 500", many / few, 29.6, "x")
        compare(f"{name}: epochs that last 1,000,000 times as long", slow, few, "(1: no effect)")
        compare(f"{name}: 1,000 workers against 4", wide, few, "(1: no effect)")
