"""CPU of the commands that must answer at once, and what they import."""

import os
import resource
import subprocess
import sys

from tests.bench.measure import show


def child_cpu(command: list[str]) -> float:
    """CPU seconds of a child process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=os.environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the figures."""
    listing = [sys.executable, "-m", "hpobench.cli", "list"]
    show("hpobench list", min(child_cpu(listing) for _ in range(3)), 1.0, "s")
