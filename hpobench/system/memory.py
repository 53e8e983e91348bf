"""How much memory a job may take. Linux only: elsewhere the system does not hold the limit."""

import math
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = Path("/proc/self/status")
_DATA = "VmData:"

available = _STATUS.exists()
"""Whether this system can limit memory."""


def taken_bytes() -> int:
    """What this process has taken of what is limited: memory of its own that can be written."""
    (line,) = (row for row in _STATUS.read_text().splitlines() if row.startswith(_DATA))
    return int(line.split()[1]) * 1024


def check(limit_bytes: float) -> None:
    """Raise ValueError if a worker that is ready, but has no job yet, has taken more."""
    if limit_bytes < math.inf and taken_bytes() >= limit_bytes:
        raise ValueError(
            f"worker_memory_mb={limit_bytes / 2**20:g}, but a worker that has built its task takes "
            f"{taken_bytes() / 2**20:.0f} MB before its first job: allow more"
        )


@contextmanager
def limited(limit_bytes: float) -> Iterator[None]:
    """Within, allocations fail that would bring this process above the limit.

    What is limited are data (RLIMIT_DATA), not addresses: torch maps far more than it uses.
    """
    if limit_bytes == math.inf:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    lower = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([int(limit_bytes), *lower]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
