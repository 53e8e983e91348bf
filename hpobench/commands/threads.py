"""How many threads a process may use."""

import os


def cap_threads() -> None:
    """One thread a process, before NumPy is imported: parallelism is over runs."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
