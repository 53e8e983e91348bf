"""The road from a study to its pages: what a second call costs, and how a report grows.

CPU time of the command and of all that it starts. Growth is that of 20,000 runs against 2,000.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.measure import compare, show

CHEAP = {
    "task": "[phoneme,credit_g,vehicle,cifar10,cifar100]",
    "method": "[random,random_replacement,sobol,evolution]",
    "budget.trials": 30,
}


def cpu_of(folder: str, *words: str) -> float:
    """CPU seconds of `hpobench WORDS --runs-dir FOLDER`, its children among them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "hpobench.cli", *words, "--runs-dir", folder]
    subprocess.run(command, check=True, capture_output=True, env=os.environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(folder: str, name: str, **settings: object) -> float:
    """CPU seconds of a study; what is stored of it is not run again."""
    given = {"name": name, "progress": "false"} | settings
    return cpu_of(folder, "run", *(f"{key}={value}" for key, value in given.items()))


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        small = {**CHEAP, "seeds": 100}
        first_s, again_s = run(folder, "small", **small), run(folder, "small", **small)
        compare("2,000 cheap runs again, with nothing to do, to the first time", again_s, first_s)
        report_s = cpu_of(folder, "report", "small")
        show("  their report again, to the first", cpu_of(folder, "report", "small") / report_s,
             0.1, "x")  # fmt: skip
        compare("  their report, to the runs", report_s, first_s)
        compare("  their figures, to the runs", cpu_of(folder, "plot", "small"), first_s)
        run(folder, "large", **CHEAP, seeds=1000)
        show("report of 20,000 runs against 2,000", cpu_of(folder, "report", "large") / report_s,
             6, "x")  # fmt: skip
        megabytes = (Path(folder) / "large" / "report.html").stat().st_size / 1e6
        show("  its size", megabytes, 8, "MB")
