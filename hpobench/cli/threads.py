"""How many threads a process may use."""

import os

from hpobench.system.threads import THREAD_VARIABLES


def cap_threads() -> None:
    """One thread a process, before NumPy is imported: parallelism is over runs."""
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")
