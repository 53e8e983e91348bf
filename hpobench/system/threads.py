"""How many threads a process may use."""

import os

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What BLAS and torch read, once, when they are imported."""


def cap_threads() -> None:
    """One thread a process, before NumPy is imported: parallelism is over runs."""
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")
