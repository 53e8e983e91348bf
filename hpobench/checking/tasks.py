"""What the contract of a task says (`contracts.Task`), tried out on a few jobs.

A fault is one sentence: what is broken, the value that was wrong, and the remedy. What needs values
that repeat is tried on tasks that are to repeat: all but those that say that nothing is known.
"""

import math
import time
from collections.abc import Iterator

import numpy as np

from hpobench.checking.promises import CHECKS, IMPURE, differ
from hpobench.checking.trying import BrokenError, FailedError, Report, Trying, begun, levels
from hpobench.contracts import Prepares, Task, hook
from hpobench.loop import failures
from hpobench.records import Constraint, Fidelity, Metric
from hpobench.space.space import Space

_LONG_S = 0.25
"""Resources at which an evaluation is expected to take longer are not tried, if there are lower."""
_ALL_S = 4.0
"""What has not been begun after so many seconds is left out, and named."""


def look(task: Task) -> Report:
    """The whole of what can be tried within some seconds."""
    faults = list(_attributes(task))
    if faults:
        return Report(tuple(faults))
    trying = begun(task)
    answers: tuple[tuple[float, ...], ...] = ()
    try:
        if (preparing := hook(task, Prepares)) is not None:
            preparing.prepare()
        trying.high = affordable(trying)
        began = time.perf_counter()
        for check in CHECKS:
            if time.perf_counter() - began < _ALL_S:
                faults += check(trying)
            else:
                trying.left_out.append((check.__doc__ or "").partition(".")[0].partition("\n")[0])
        answers = answered(trying) if trying.repeats else ()
    except BrokenError as broken:
        faults.append(str(broken))
    except Exception as error:
        faults.append(f"prepare() raised {failures.last_words(error)}: mend it")
    return Report(tuple(faults), tuple(_notes(trying)), answers)


def light(task: Task, limit_s: float) -> Report:
    """Two evaluations; one, if it takes longer than `limit_s`. If they fail the trials will say."""
    faults = list(_attributes(task))
    if faults:
        return Report(tuple(faults))
    trying = begun(task, nearest=True)
    try:
        straight = trying.straight
        if trying.seconds[0] > limit_s:
            return Report((), (f"one evaluation took {trying.seconds[0]:.0f} s: not tried twice",))
        later = trying.run(trying.job(0 if trying.low == trying.high else trying.low))
    except FailedError:
        return Report(())
    except BrokenError as broken:
        return Report((str(broken),))
    if trying.repeats and (words := differ(straight, later)):
        return Report((IMPURE.format(words),))
    return Report(())


def affordable(trying: Trying) -> float:
    """The highest resource at which an evaluation is not expected to take long.

    If all take long it is the one after the lowest, so that a job can still go on.
    """
    for _ in range(2):  # the first one may have to load what it needs
        trying.run(trying.job(end=trying.low))
        per_resource = min(trying.seconds) / trying.low
        if per_resource * trying.high <= _LONG_S:
            return trying.high
    above = [level for level in levels(trying.task.fidelity) if level > trying.low]
    some = [level for level in above if per_resource * level <= _LONG_S]
    return max(some, default=min(above, default=trying.low))


def answered(trying: Trying) -> tuple[tuple[float, ...], ...]:
    """The values of two configurations, which must be the same in any process.

    They are at the lowest resource: how high one can go depends on how fast a process is.
    """
    sample = trying.task.space.sample(np.random.default_rng(1), 1)[0]
    jobs = (trying.job(end=trying.low), trying.job(end=trying.low, **sample))
    return tuple(tuple(trying.run(job).values.tolist()) for job in jobs)


def _attributes(task: Task) -> Iterator[str]:
    wanted = {"space": Space, "fidelity": Fidelity, "metric": Metric, "can_checkpoint": bool}
    for name, kind in wanted.items():
        value = getattr(task, name, None)
        if not isinstance(value, kind):
            yield f"{name} is {value!r}: a task has a {kind.__name__} there (hpobench.contracts)"
    bounds = getattr(task, "constraints", None)
    if not isinstance(bounds, tuple) or not all(isinstance(b, Constraint) for b in bounds):
        yield f"constraints is {bounds!r}: a task has a tuple of Constraint there, () if none"
    for name in ("optimum", "median"):
        value = getattr(task, name, "missing")
        if not (value is None or (isinstance(value, float) and math.isfinite(value))):
            yield f"{name} is {value!r}: a task has a finite float there, or None: not known"
    if not callable(getattr(task, "evaluate", None)):
        yield "there is no evaluate(job, seed, checkpoint), which is what a task does"
    best, middle = getattr(task, "optimum", None), getattr(task, "median", None)
    if isinstance(best, float) and isinstance(middle, float) and best > middle:
        yield (
            f"optimum {best:g} is above median {middle:g}: values are minimised, so state both "
            "minimised (1 - accuracy), or leave them None"
        )


def _notes(trying: Trying) -> Iterator[str]:
    if trying.seconds:
        yield (
            f"{len(trying.seconds)} evaluations, {np.median(trying.seconds):.2g} s each (median)"
        )
    if trying.left_out:
        yield f"left out, since evaluations take long: {'; '.join(trying.left_out)}"
    if not trying.repeats:
        yield "nothing is claimed to repeat (noise: unknown), so that was not tried"
    yield from trying.remarks
    if trying.high < trying.task.fidelity.r_max:
        yield (
            f"tried to {trying.high:g} of {trying.task.fidelity.r_max:g} "
            f"{trying.task.fidelity.name}: beyond it takes long"
        )
