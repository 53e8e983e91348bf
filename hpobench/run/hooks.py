"""What executors do with a method besides asking and telling (see `contracts.Method`)."""

from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

from hpobench.contracts import Method
from hpobench.records import Job

LONG_S = 100e-6
"""Of decisions that take as long the CPU clock is read,"""
SOON = 4
"""and of so many after each."""


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


class Stopwatch:
    """Wall and CPU seconds of a method's decisions, of those that decide in its place included.

    The CPU clock is a call of the system, of 2 us and in programs of many threads of 50: longer
    than random search or ASHA decide. So it is read only of decisions that come soon after one of
    100 us or more. Of the others, which are too short to be interrupted often, the wall seconds
    stand for CPU seconds.
    """

    __slots__ = ("_elsewhere", "_method", "_to_read")

    def __init__(self, method: Method) -> None:
        self._method = method
        self._elsewhere = hasattr(method, "elsewhere_cpu_s")
        self._to_read = SOON

    def time(self, decide: Callable[..., Any], *about: Any) -> tuple[Any, float, float]:
        """What `decide(*about)` answers, its wall seconds and its CPU seconds."""
        if not (self._to_read or self._elsewhere):
            tick = perf_counter()
            answer = decide(*about)
            seconds = cpu_s = perf_counter() - tick
        else:
            cpu, tick = self._cpu_s(), perf_counter()
            answer = decide(*about)
            seconds, cpu_s = perf_counter() - tick, self._cpu_s() - cpu
            self._to_read -= 1
        if seconds >= LONG_S:
            self._to_read = SOON
        return answer, seconds, cpu_s

    def _cpu_s(self) -> float:
        if self._elsewhere:
            return process_time() + float(getattr(self._method, "elsewhere_cpu_s"))  # noqa: B009
        return process_time()
