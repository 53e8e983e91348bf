"""What executors do with a method besides asking and telling (see `contracts.Method`)."""

from collections.abc import Callable
from time import perf_counter, process_time

from hpobench.contracts import Method
from hpobench.records import Job


def set_up(method: Method) -> float:
    """Let a method set itself up, if it has to; the seconds that it took."""
    began = perf_counter()
    prepare: Callable[[], None] | None = getattr(method, "set_up", None)
    if prepare is None:
        return 0.0
    prepare()
    return perf_counter() - began


def close(method: Method) -> None:
    """The run is over: a method may end what it has begun."""
    end: Callable[[], None] | None = getattr(method, "close", None)
    if end is not None:
        end()


def refuse(method: Method, job: Job) -> bool:
    """Tell a method, if it listens, that no new trial may start; whether it may be asked again."""
    hears: Callable[[Job], None] | None = getattr(method, "refuse", None)
    if hears is None:
        return False
    hears(job)
    return True


def cpu_clock(method: Method) -> Callable[[], float]:
    """CPU seconds of this process, and of those that decide in the method's place."""
    if not hasattr(method, "elsewhere_cpu_s"):
        return process_time
    return lambda: process_time() + float(getattr(method, "elsewhere_cpu_s"))  # noqa: B009
