"""Recorded tables and surrogates: ASHA replayed against another table; one evaluation."""

from typing import Any

import numpy as np

from hpobench.records import Job
from hpobench.study import build
from hpobench.study.catalogue import read
from tests.bench.loop import run, table
from tests.bench.measure import cpu_of_each, show

EVALUATIONS = 200


def main() -> None:
    """Print the figures."""
    recorded, other = _task("cnn_digits_table"), table()
    jobs = [len(run(task, "asha")) for task in (recorded, other)]
    seconds = cpu_of_each([lambda t=task: run(t, "asha") for task in (recorded, other)], 20)
    mine, theirs = (s / count * 1e6 for s, count in zip(seconds, jobs, strict=True))
    note = f"{mine:.1f} against {theirs:.1f} us a job"
    show("ASHA on a recorded table, against another table", mine / theirs, 1.1, "x", note)
    for name in ("cnn_digits_surrogate", "cnn_fashion_surrogate"):
        task = _task(name)
        configs = task.space.sample(np.random.default_rng(0), EVALUATIONS)
        (spent,) = cpu_of_each([lambda t=task, c=configs: _evaluate(t, c)], 5)
        show(f"one evaluation of {name}", spent / EVALUATIONS * 1e3, 0.3, "ms")


def _task(name: str) -> Any:
    content = {k: v for k, v in read("task", name).items() if k not in ("about", "budget")}
    return build.build_task(content)


def _evaluate(task: Any, configs: list[dict[str, Any]]) -> None:
    for trial, config in enumerate(configs):
        task.evaluate(Job(trial, config, 0, task.fidelity.r_max), 0, None)
