"""Studies on disk: the cost of one more run; the size, loading and aggregation of 10,000 runs.

The report of 12 methods on 9 tasks with 30 seeds, those of the default study, each on each: how
large it is, and how long it takes to write.

Report tables: scores, scores and ranks over tasks with intervals, probability of improvement, time
to target, ECDF, tests. The same of a tenth of the runs shows how the cost grows.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from hpobench.results.statistics.summary import summarise
from hpobench.study import compose
from hpobench.study.study import Study
from tests.bench.measure import cpu, show

TASKS = ["phoneme", "credit_g", "vehicle", "cifar10", "cifar100"]
METHODS = ["random", "random_replacement", "sobol", "local_search", "evolution"]

REPORT_TASKS = [
    *("phoneme", "credit_g", "slice_localization", "protein_structure", "cifar10", "cifar100"),
    *("curves_stable", "curves_mixed", "curves_crossing"),
]
REPORT_METHODS = [
    *("random", "random_replacement", "grid", "sobol", "local_search", "evolution"),
    *("median_stopping", "successive_halving", "hyperband", "asha", "asha_stopping"),
    "asha_evolution",
]

LOAD = """
import resource, sys, time
from hpobench.results import load
from hpobench.results.anytime.comparison import anytime
from hpobench.results.anytime.incumbents import incumbents
begin = time.process_time()
study = load(sys.argv[1])
found = incumbents(study)
curves = [anytime(found, task) for task in study.tasks]
seconds = time.process_time() - begin
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
begin = time.process_time()
study.trials, study.decisions
print(len(study.observations), seconds, memory, time.process_time() - begin)
"""


REPORT = """
import sys, time
from pathlib import Path
from hpobench.plots.report import page
begin = time.process_time()
page.write(Path(sys.argv[1]))
print(time.process_time() - begin)
"""

TABLES = """
import resource, sys, time
from hpobench.results import load
from hpobench.results.anytime.comparison import anytime
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import references
from hpobench.results.statistics.rank_tests import friedman, mixed_model, pairwise_wilcoxon
from hpobench.results.anytime.ecdf import time_ecdf
from hpobench.results.verdicts.final import (
    aggregate_scores, final_regrets, probability_of_improvement, rank_intervals)
from hpobench.results.verdicts.scores import scores
from hpobench.results.verdicts.time_to_target import time_to_target
import scipy.stats, statsmodels.api
begin = time.process_time()
study = load(sys.argv[1])
found = incumbents(study)
known = references(study, found.views)
scores(study)
for table in (aggregate_scores, probability_of_improvement, rank_intervals):
    table(found, known)
time_to_target(found, known, "random")
time_ecdf(found, known)
regrets = final_regrets(found, known)
friedman(regrets), pairwise_wilcoxon(regrets), mixed_model(regrets)
seconds = time.process_time() - begin
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
begin = time.process_time()
curves = [anytime(found, task, points=200) for task in study.tasks]
print(len(study.runs), seconds, memory, time.process_time() - begin)
"""


def study(folder: str, **settings: object) -> Study:
    """A study with these settings below `folder`."""
    fixed = {"name": "bench", "runs_dir": folder, "n_jobs": 1, "workers": 4, "progress": "false"}
    overrides = [f"{name}={value}" for name, value in (fixed | settings).items()]
    return Study.make(compose.load(overrides))


def execute(planned: Study) -> None:
    """Run what is missing."""
    assert not any(report.errors for report in planned.run())


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        small = {"task": "phoneme", "method": "random", "budget.trials": 1}
        few = study(folder, name="few", seeds=10, **small)
        many = study(folder, name="many", seeds=510, **small)
        execute(few)
        per_run = (cpu(lambda: execute(many), 1) - cpu(lambda: execute(few), 1)) / 510
        show("one more run in a study (1 evaluation, stored)", per_run * 1e3, 5, "ms")

    with tempfile.TemporaryDirectory() as folder:
        names = {"task": f"[{','.join(TASKS)}]", "method": f"[{','.join(METHODS)}]"}
        large = study(folder, seeds=400, n_jobs=-1, part_runs=50, **names, **{"budget.trials": 200})
        execute(large)
        files = (large.folder / "parts").rglob("*.parquet")
        megabytes = sum(file.stat().st_size for file in files) / 1e6
        show("10,000 runs x 200 evaluations on disk", megabytes, 200, "MB")
        seconds, gigabytes, rest = _aggregate(large.folder)
        show("  loaded and aggregated into curves", seconds, 20, "s")
        show("  peak memory of that", gigabytes, 2, "GB")
        print(f"  trials and decisions, which curves do not need: {rest:.1f} s more")
        small = study(folder, name="small", seeds=40, n_jobs=-1, **names, **{"budget.trials": 200})
        execute(small)
        few_s, _, curves_s = _tables(small.folder, 1_000)
        many_s, gigabytes, _ = _tables(large.folder, 10_000)
        show("10,000 runs x 200 evaluations to report tables", many_s, 30, "s")
        show("  peak memory of that", gigabytes, 2, "GB")
        show("  against 1,000 runs", many_s / few_s, 10, "x")
        show("curves of 1,000 runs on a grid of 200 points", curves_s, 0.5, "s")

    values = np.random.default_rng(0).random((30, 200))
    seconds = cpu(lambda: summarise(values, "iqm", "bootstrap"), 3)
    show("bootstrap interval of a curve of 30 runs at 200 points", seconds, 0.05, "s")

    with tempfile.TemporaryDirectory() as folder:
        names = {"task": f"[{','.join(REPORT_TASKS)}]", "method": f"[{','.join(REPORT_METHODS)}]"}
        crossed = study(folder, seeds=30, n_jobs=-1, **names)
        execute(crossed)
        seconds = float(_printed(REPORT, crossed.folder))
        megabytes = (crossed.folder / "report.html").stat().st_size / 1e6
        show("report of 12 methods x 9 tasks x 30 seeds", megabytes, 8, "MB")
        show("  written in", seconds, 120, "s")


def _printed(code: str, folder: Path) -> str:
    """What a process of its own prints about a study."""
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _tables(folder: Path, runs: int) -> tuple[float, float, float]:
    """CPU seconds and gigabytes to report tables, and CPU seconds for curves after them."""
    count, seconds, gigabytes, curves = map(float, _printed(TABLES, folder).split())
    assert count == runs
    return seconds, gigabytes, curves


def _aggregate(folder: Path) -> tuple[float, float, float]:
    """CPU seconds and gigabytes to curves, and CPU seconds to read the other tables."""
    rows, seconds, gigabytes, rest = map(float, _printed(LOAD, folder).split())
    assert rows == 2_000_000
    return seconds, gigabytes, rest
