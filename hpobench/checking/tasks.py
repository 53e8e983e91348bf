"""What the contract of a task says (`contracts.Task`), tried out on a few jobs.

A fault is one sentence: what is broken, the value that was wrong, and the remedy. What needs values
that repeat is tried on tasks that are to repeat: all but those that say that nothing is known.
"""

import copy
import math
import pickle
import random
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hpobench.checking import evaluations
from hpobench.contracts import (
    HasInstances,
    Prepares,
    SaysWhetherReproducible,
    Task,
    hook,
)
from hpobench.loop import failures
from hpobench.real import checkpoints
from hpobench.records import Constraint, Evaluation, Fidelity, Job, Metric
from hpobench.space.space import Space

_SEED, _OTHER_SEED = 11, 12
_LONG_S = 2.0
"""An evaluation at the highest resource that is expected to take longer is not tried."""
_ALL_S = 7.0
"""What has not been begun after so many seconds is left out, and named."""
_CLOSE = 1e-9


class Report(NamedTuple):
    """What was found: `faults` break the contract, `notes` are to be known.

    `answers`: values of a few jobs, which must be the same in any other process.
    """

    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()
    answers: tuple[tuple[float, ...], ...] = ()


class BrokenError(Exception):
    """A fault after which nothing more can be tried."""


class FailedError(BrokenError):
    """An evaluation that has failed: it costs its trial, and nothing more."""


@dataclass
class Trying:
    """A task that is tried out: jobs at resources `low` < `high` (equal: there is one alone)."""

    task: Task
    low: float
    high: float
    config: dict[str, Any]
    seconds: list[float] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @cached_property
    def straight(self) -> Evaluation:
        """The default configuration, trained to `high` without a stop."""
        return self.run(self.job())

    @property
    def repeats(self) -> bool:
        """Whether its values are to be the same each time."""
        noise = getattr(self.task, "noise", None)
        if isinstance(noise, str):
            return noise != "unknown"
        knows = hook(self.task, SaysWhetherReproducible)
        return True if knows is None else bool(knows.reproducible)

    @property
    def repeats_costs(self) -> bool:
        """Whether its seconds are."""
        knows = hook(self.task, SaysWhetherReproducible)
        return knows is not None and bool(knows.reproducible)

    def job(self, start: float = 0, end: float | None = None, **other: Any) -> Job:
        """A job with the configuration that is tried, or with another."""
        return Job(0, dict(other or self.config), start, self.high if end is None else end)

    def run(self, job: Job, seed: int = _SEED, checkpoint: Any = None) -> Evaluation:
        """What the task makes of a job; raises BrokenError if that is no evaluation of it."""
        began = time.perf_counter()
        try:
            found = self.task.evaluate(job, seed, checkpoint)
        except BaseException as error:
            failures.contain(error)
            raise FailedError(
                f"evaluate() raised at {job.config}, which lies in the space: "
                f"{failures.in_words(error)}: mend it, or narrow the space (trials that fail cost "
                "their time and nothing else, but not the default configuration)"
            ) from error
        self.seconds.append(time.perf_counter() - began)
        for fault in evaluations.faults(found, job, self.task.constraints):
            raise BrokenError(fault)
        if words := evaluations.failure(found, job):
            raise FailedError(words)
        return found


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
        trying.high = _affordable(trying)
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
    if trying.repeats and (words := _differ(straight, later)):
        return Report((_IMPURE.format(words),))
    return Report(())


def begun(task: Task, nearest: bool = False) -> Trying:
    """A task to be tried in its default configuration, at two levels; `nearest`: the lowest."""
    fidelity = task.fidelity
    levels = _levels(fidelity)
    if nearest and fidelity.integer and not fidelity.levels:
        levels = (fidelity.r_min, min(fidelity.r_min + 1, fidelity.r_max))
    return Trying(task, levels[0], levels[min(1, len(levels) - 1)], task.space.default())


def _levels(fidelity: Fidelity) -> Sequence[float]:
    if fidelity.single:
        return (fidelity.r_max,)
    if fidelity.levels:
        return fidelity.levels
    middle = (fidelity.r_min * fidelity.r_max) ** 0.5
    middle = max(math.floor(middle), fidelity.r_min + 1) if fidelity.integer else middle
    return tuple(sorted({fidelity.r_min, min(middle, fidelity.r_max), fidelity.r_max}))


def _affordable(trying: Trying) -> float:
    """The highest resource, if an evaluation there is not expected to take long."""
    highest = trying.task.fidelity.r_max
    trying.run(trying.job(end=trying.low))
    expected = trying.seconds[-1] * highest / trying.low
    return highest if expected <= _LONG_S else trying.high


def answered(trying: Trying) -> tuple[tuple[float, ...], ...]:
    """The values of two configurations, which must be the same in any process."""
    sample = trying.task.space.sample(np.random.default_rng(1), 1)[0]
    jobs = (trying.job(), trying.job(**sample))
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


def _numpy_state() -> list[int]:
    state: Any = np.random.get_state()  # noqa: NPY002
    return [*state[1].tolist(), state[2]]


_IMPURE = (
    "evaluate() is not a function of (configuration, resources, seed): called again with the same, "
    "{}: draw all chance from the seed, or state reproducible = None"
)


def _differ(one: Evaluation, other: Evaluation) -> str:
    """How the values of two evaluations differ where both have some; "" if they do not."""
    values = dict(zip(one.resources.tolist(), one.values.tolist(), strict=True))
    for resource, value in zip(other.resources.tolist(), other.values.tolist(), strict=True):
        before = values.get(resource, value)
        if not np.isclose(before, value, rtol=_CLOSE, atol=0, equal_nan=True):
            return f"the value at resource {resource:g} was {before!r} and then {value!r}"
    return ""


def _is_pure(trying: Trying) -> Iterator[str]:
    """The same twice, whatever the global random state; that stays as it is."""
    state = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        found: list[Evaluation] = []
        for seed in (1, 2):
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            before = random.getstate(), _numpy_state()
            job = trying.job()
            given = copy.deepcopy(job)
            found.append(trying.run(job) if found else trying.straight)
            if job.config != given.config:
                yield (
                    f"evaluate() wrote into job.config, which was {given.config} and is "
                    f"{job.config}: copy it first"
                )
            after = random.getstate(), _numpy_state()
            if seed == 1 and before != after and trying.repeats:
                yield (
                    "evaluate() draws from or sets the global random state (random or "
                    "numpy.random), which others share: use numpy.random.default_rng(seed)"
                )
    finally:
        random.setstate(state[0])
        np.random.set_state(state[1])  # noqa: NPY002
    if trying.repeats and (words := _differ(*found)):
        yield _IMPURE.format(words)
    first, last = (evaluation.seconds for evaluation in found)
    if trying.repeats_costs and first.tolist() != last.tolist():
        yield (
            f"reproducible is true, but the same job took {first[-1]:g} s and then {last[-1]:g} s: "
            "state reproducible = False, or costs that repeat"
        )


def _keeps_what_it_returned(trying: Trying) -> Iterator[str]:
    """Arrays that were returned stay as they are."""
    first = trying.straight
    before = first.values.tolist()
    sample = trying.task.space.sample(np.random.default_rng(2), 1)[0]
    trying.run(trying.job(**sample))
    if first.values.tolist() != before:
        yield (
            f"the arrays of an evaluation changed with the next one, from {before} to "
            f"{first.values.tolist()}: return new arrays each time"
        )


def _is_true(trying: Trying) -> Iterator[str]:
    """True values are free of noise, and none lies below the optimum."""
    one, other = trying.straight, trying.run(trying.job(), _OTHER_SEED)
    several = hook(trying.task, HasInstances)
    comparable = trying.repeats and not (several and several.instances_by_seed)
    if one.true_values is not None and other.true_values is not None and comparable:
        same = np.allclose(one.true_values, other.true_values, rtol=_CLOSE, equal_nan=True)
        if not same:
            yield (
                f"true_values differ with the seed, {one.true_values[-1]!r} and "
                f"{other.true_values[-1]!r}: they are the values without noise, or None"
            )
    optimum, best = trying.task.optimum, one.true_values
    at_the_top = trying.high == trying.task.fidelity.r_max and not trying.task.constraints
    if optimum is not None and best is not None and at_the_top:
        for config in trying.task.space.sample(np.random.default_rng(3), 8):
            found = trying.run(trying.job(**config)).true_values
            if found is not None and found[-1] < optimum - _CLOSE * max(1, abs(optimum)):
                yield (
                    f"the true value {found[-1]:g} at {config} is below the optimum, {optimum:g}: "
                    "values are minimised: state an optimum that is least, or return them minimised"
                )
                return


def _begins_at_zero(trying: Trying) -> Iterator[str]:
    """Without a checkpoint: reported from where it was asked, charged from zero."""
    if trying.low == trying.high:
        return
    straight, later = trying.straight, trying.run(trying.job(trying.low))
    if trying.repeats and (words := _differ(straight, later)):
        yield (
            f"a job from {trying.low:g} to {trying.high:g} without a checkpoint is no training "
            f"from zero: {words}: train from zero, and report what is behind {trying.low:g}"
        )
    if trying.repeats_costs and not math.isclose(later.duration_s, straight.duration_s):
        yield (
            f"a job from {trying.low:g} to {trying.high:g} without a checkpoint took "
            f"{later.duration_s:g} s, one from 0 {straight.duration_s:g} s: without a checkpoint "
            "it is trained from zero, and charged so"
        )


def _goes_on(trying: Trying) -> Iterator[str]:
    """With a checkpoint: paused and resumed is the same as straight through, as often as wanted."""
    if trying.low == trying.high or not trying.task.can_checkpoint:
        return
    straight = trying.straight
    paused = trying.run(trying.job(end=trying.low))
    state = paused.checkpoint
    if state is None:
        yield (
            f"can_checkpoint is true, but the evaluation to {trying.low:g} has no checkpoint: "
            "return one, or state can_checkpoint = False"
        )
        return
    state, stored = yield from _stored(trying, state)
    for what, given in (("", state), (" a second time", state), (" from its file", stored)):
        if given is None:
            continue
        resumed = trying.run(trying.job(trying.low), checkpoint=given)
        words = _differ(straight, resumed)
        if trying.repeats and words:
            yield (
                f"paused at {trying.low:g} and resumed{what} it is not the same as straight "
                f"through: {words}: a checkpoint must hold all that training needs, and stay as it "
                "was"
            )
            return
        total = paused.duration_s + resumed.duration_s
        if trying.repeats_costs and not math.isclose(total, straight.duration_s, rel_tol=1e-6):
            yield (
                f"paused at {trying.low:g} and resumed{what} it took {total:g} s, and straight "
                f"through {straight.duration_s:g} s: a job that has its checkpoint is charged what "
                "it trains now"
            )
            return


def _stored(trying: Trying, state: Any) -> Generator[str, None, tuple[Any, Any]]:
    """The state, and the same from a file as the real clock keeps it."""
    with tempfile.TemporaryDirectory(prefix="hpobench-") as folder:
        path = Path(folder) / "state"
        try:
            checkpoints.save(trying.task, path, state)
            return state, checkpoints.load(trying.task, path)
        except Exception as error:
            yield (
                f"its checkpoint cannot be written to a file and read again "
                f"({failures.in_words(error)}): on the real clock trials could not go on"
            )
            return state, None


def _travels(trying: Trying) -> Iterator[str]:
    """A pickled copy answers the same."""
    try:
        twin: Task = pickle.loads(pickle.dumps(trying.task))
    except Exception as error:
        yield (
            f"it cannot be pickled ({failures.in_words(error)}), and so not sent to a worker: keep "
            "models, files and locks out of it, or give it __getstate__"
        )
        return
    if not trying.repeats:
        return
    again = Trying(twin, trying.low, trying.high, trying.config)
    if words := _differ(trying.straight, again.run(again.job())):
        yield f"a pickled copy answers otherwise: {words}: keep all that it needs when pickled"


def _takes_its_space(trying: Trying) -> Iterator[str]:
    """All of a small sample can be evaluated, at the lowest resource."""
    for config in trying.task.space.sample(np.random.default_rng(4), 3):
        trying.run(trying.job(0, trying.low, **config))
    yield from ()


CHECKS: tuple[Callable[[Trying], Iterator[str]], ...] = (
    _is_pure,
    _begins_at_zero,
    _goes_on,
    _travels,
    _keeps_what_it_returned,
    _is_true,
    _takes_its_space,
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
    if trying.high < trying.task.fidelity.r_max:
        yield (
            f"tried to {trying.high:g} of {trying.task.fidelity.r_max:g} "
            f"{trying.task.fidelity.name}: beyond it takes long"
        )
