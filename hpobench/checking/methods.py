"""What the contract of a method says (`contracts.Method`), tried out on a small problem.

Searchers and schedulers are tried as the methods that they are parts of.
"""

import math
import random
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hpobench.checking.trying import BrokenError, Report
from hpobench.contracts import Closes, Method, SetsUp, hook
from hpobench.loop import failures
from hpobench.loop.budget import Budget
from hpobench.loop.simulator import simulate
from hpobench.records import Constraint, Evaluation, Fidelity, Job, Metric
from hpobench.space.space import Space

Build = Callable[[Space, Fidelity, np.random.Generator, int], Method]

SPACE = Space(
    {
        "learning_rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
        "units": {"type": "integer", "low": 16, "high": 512, "log": True},
        "optimizer": {"type": "categorical", "values": ["sgd", "adam"]},
    }
)
EPOCHS = Fidelity("epochs", 1, 9)
_WORKERS, _TRIALS = 3, 25
_LONG_S = 1.5
"""A run is cut once it has taken so many seconds: some methods take long to decide."""


class Problem:
    """A task with learning curves, on which some of the trials fail if wanted."""

    def __init__(self, fidelity: Fidelity = EPOCHS, failing: bool = False) -> None:
        self.space, self.fidelity, self.failing = SPACE, fidelity, failing
        self.metric = Metric("error", "validation error")
        self.constraints: tuple[Constraint, ...] = ()
        self.optimum: float | None = None
        self.median: float | None = None
        self.can_checkpoint = True

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:  # noqa: ARG002
        """A bowl with some roughness that sinks with more training."""
        config = job.config
        epochs = np.arange(job.from_resource + 1, job.to_resource + 1)
        rough = zlib.crc32(repr(sorted(config.items())).encode()) % 97 / 970
        if self.failing and rough < 0.03:
            raise RuntimeError("this trial is made to fail")
        level = abs(math.log10(config["learning_rate"]) + 2) / 4 + rough
        return Evaluation(
            resources=epochs,
            seconds=np.arange(1.0, len(epochs) + 1),
            values=level + 1 / epochs,
            duration_s=float(len(epochs)),
            checkpoint=job.to_resource,
        )


@dataclass
class Watched:
    """A method whose jobs are looked at before anybody works on them."""

    method: Method
    fidelity: Fidelity
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cut: bool = False
    _reached: dict[int, float] = field(default_factory=dict)
    _running: set[int] = field(default_factory=set)

    def ask(self) -> Job | None:
        """The next job; raises BrokenError if it is none."""
        job = self._timed(self.method.ask)
        if job is None:
            return None
        self._check(job)
        self._running.add(job.trial)
        self.asked.append((job.trial, tuple(sorted(job.config.items())), *job[2:]))
        given: Job = job
        return given

    def _timed(self, decide: Callable[..., Any], *about: Any) -> Any:
        began = time.perf_counter()
        try:
            return decide(*about)
        except Exception as error:
            what = getattr(decide, "__name__", "a decision")
            raise BrokenError(f"{what}() raised {failures.last_words(error)}: mend it") from error
        finally:
            self.seconds.append(time.perf_counter() - began)

    def _check(self, job: Any) -> None:
        if not isinstance(job, Job):
            raise BrokenError(
                f"ask() returned {job!r:.80}, of type {type(job).__name__}: it must return an "
                "hpobench.Job, or None if there is nothing to do until something returns"
            )
        try:
            SPACE.validate(job.config)
        except ValueError as error:
            raise BrokenError(
                f"it proposed what is no point of the space: {error}: take values from the space"
            ) from error
        if job.trial in self._running:
            raise BrokenError(f"trial {job.trial} is under way, and was asked for again: wait")
        new = len(self._reached)
        if job.trial not in self._reached and job.trial != new:
            raise BrokenError(
                f"a new trial is numbered {job.trial}: trials are numbered 0, 1, 2, ... in the "
                f"order in which they start, so {new}"
            )
        before = 0.0 if job.source is None else self._reached.get(job.source, math.nan)
        before = self._reached.get(job.trial, before)
        if job.from_resource != before:
            raise BrokenError(
                f"trial {job.trial} is to go on from {job.from_resource:g}, and had reached "
                f"{before:g}: from_resource is what it has been trained for"
            )
        if not job.from_resource < job.to_resource <= self.fidelity.r_max:
            raise BrokenError(
                f"trial {job.trial} is to be trained from {job.from_resource:g} to "
                f"{job.to_resource:g}: to_resource must be more, at most {self.fidelity.r_max:g}"
            )
        self._reached.setdefault(job.trial, job.from_resource)

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        """Pass it on; raises BrokenError if the method writes into what it is told."""
        before = repr((job.config, evaluation.values.tolist()))
        self._timed(self.method.tell, job, evaluation)
        after = repr((job.config, evaluation.values.tolist()))
        if before != after:
            raise BrokenError(
                f"tell() changed what it was told, from {before} to {after}: copy it first"
            )
        self._running.discard(job.trial)
        self._reached[job.trial] = job.to_resource


def look(build: Build) -> Report:
    """All that can be tried within some seconds; `answers` are numbers of the jobs asked for."""
    faults: list[str] = []
    notes: list[str] = []
    answers: tuple[tuple[float, ...], ...] = ()
    state = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        first = _run(build, Problem(), seed=1)
        second = _run(build, Problem(), seed=2)
        faults += _same(first, second)
        _run(build, Problem(failing=True), seed=1)
        _run(build, Problem(Fidelity()), seed=1)
        answers = (tuple(float(zlib.crc32(repr(asked).encode())) for asked in first.asked),)
        notes.append(
            f"{len(first.seconds)} decisions, {np.mean(first.seconds):.2g} s each (mean), of "
            f"{len({asked[0] for asked in first.asked})} trials"
        )
        if first.cut:
            notes.append(f"runs were cut after {_LONG_S:g} s, since decisions take long")
    except BrokenError as broken:
        faults.append(str(broken))
    finally:
        random.setstate(state[0])
        np.random.set_state(state[1])  # noqa: NPY002
    return Report(tuple(faults), tuple(notes), answers)


def _same(first: Watched, second: Watched) -> Iterator[str]:
    """The same jobs from the same generator, whatever the global random state."""
    for number, (one, other) in enumerate(zip(first.asked, second.asked, strict=False)):
        if one != other:
            yield (
                f"with the same generator job {number} was {one} and then {other}: draw all chance "
                "from rng, the generator that the constructor is given, and from no clock or hash"
            )
            return


def _run(build: Build, problem: Problem, seed: int) -> Watched:
    """A run of some trials; raises BrokenError for what is broken on the way."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    method = _built(build, problem.fidelity)
    watched = Watched(method, problem.fidelity)
    before = random.getstate(), str(np.random.get_state())  # noqa: NPY002
    budget = Budget(trials=_TRIALS, resource=_TRIALS * problem.fidelity.r_max)
    began = time.perf_counter()
    try:
        for _ in simulate(problem, watched, budget=budget, seed=7, workers=_WORKERS):
            if time.perf_counter() - began > _LONG_S:
                watched.cut = True
                break
    finally:
        if (owner := hook(method, Closes)) is not None:
            owner.close()
    if not watched.asked:
        raise BrokenError("its first answer was None, with nothing under way: ask() must begin")
    if before != (random.getstate(), str(np.random.get_state())):  # noqa: NPY002
        raise BrokenError(
            "it draws from or sets the global random state (random or numpy.random), which others "
            "share: draw from rng, the generator that the constructor is given"
        )
    return watched


def _built(build: Build, fidelity: Fidelity) -> Method:
    try:
        method = build(SPACE, fidelity, np.random.default_rng(5), _WORKERS)
        for verb in ("ask", "tell"):
            if not callable(getattr(method, verb, None)):
                raise BrokenError(f"it has no {verb}(): a method is asked and told")
        if (owner := hook(method, SetsUp)) is not None:
            owner.set_up()
    except BrokenError:
        raise
    except Exception as error:
        raise BrokenError(
            f"it cannot be made with (space, fidelity, rng, workers): {failures.last_words(error)}"
        ) from error
    return method
