"""What executors do with a method besides asking and telling (see `contracts.HOOKS`)."""

from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

from hpobench.contracts import Closes, DecidesElsewhere, Method, Refusable, SetsUp, hook
from hpobench.records import Job

LONG_S = 100e-6
"""Of decisions that take as long the CPU clock is read,"""
SOON = 4
"""and of so many after each."""


def set_up(method: Method) -> float:
    """Let a method set itself up, if it has to; the seconds that it took."""
    began = perf_counter()
    if (owner := hook(method, SetsUp)) is None:
        return 0.0
    owner.set_up()
    return perf_counter() - began


def close(method: Method) -> None:
    """The run is over: a method may end what it has begun."""
    if (owner := hook(method, Closes)) is not None:
        owner.close()


def refuse(method: Method, job: Job) -> bool:
    """Tell a method, if it listens, that no new trial may start; whether it may be asked again."""
    if (owner := hook(method, Refusable)) is None:
        return False
    owner.refuse(job)
    return True


class Stopwatch:
    """Wall and CPU seconds of a method's decisions, of those that decide in its place included.

    The CPU clock is a call of the system, of 2 us and in programs of many threads of 50: longer
    than random search or ASHA decide. So it is read only of decisions that come soon after one of
    100 us or more. Of the others, which are too short to be interrupted often, the wall seconds
    stand for CPU seconds.
    """

    __slots__ = ("_elsewhere", "_to_read")

    def __init__(self, method: Method) -> None:
        self._elsewhere = hook(method, DecidesElsewhere)
        self._to_read = SOON

    def time(self, decide: Callable[..., Any], *about: Any) -> tuple[Any, float, float]:
        """What `decide(*about)` answers, its wall seconds and its CPU seconds."""
        if not self._to_read and self._elsewhere is None:
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
        if self._elsewhere is not None:
            return process_time() + float(self._elsewhere.elsewhere_cpu_s)
        return process_time()
