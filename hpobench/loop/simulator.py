"""The simulated clock: one event loop over a heap of job ends.

Time jumps from event to event, so the cost of a run does not depend on how many simulated seconds
pass. A job is one event, however many epochs it spans. Ties are first come, first served: of two
jobs that end at the same time the one that was started first is told first, and its worker is
given its next job before the other job is told.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

from hpobench.contracts import Method, Task
from hpobench.loop.budget import TOLERANCE, Budget
from hpobench.loop.evaluating import evaluate, timed_out
from hpobench.loop.events import Charge, Decision, Event, Outcome
from hpobench.loop.failures import GaveUpError
from hpobench.loop.faults import AS_IT_IS, Faults, Policy
from hpobench.loop.hooks import Stopwatch, refuse
from hpobench.loop.noise_seeds import NoiseSeeds
from hpobench.loop.overhead import free_of_charge
from hpobench.records import Evaluation, Job

# So many events at one and the same time mean that the clock will never move again.
STANDSTILL_EVENTS = 100_000
# So many failures in a row mean that nothing but their error is to be learned: always on the wall
# clock, and here where the clock does not move or nothing has ever succeeded.
FAILURES = 100


@dataclass(slots=True)
class _Trials:
    """What the executor keeps of each trial: its noise seed, and where its training state is."""

    task: Task
    noise: NoiseSeeds
    saved: dict[int, Any] = field(default_factory=dict)
    held: dict[int, tuple[int, Any]] = field(default_factory=dict)

    def checkpoint(self, job: Job, worker: int) -> Any:
        """The state to resume from: what the worker still holds, or what was saved, or None."""
        trial, state = self.held.pop(worker, (-1, None))
        if job.from_resource == 0:
            return None
        return state if trial == job.trial else self.saved.get(job.trial)

    def inherit(self, job: Job) -> None:
        """Give a new trial the state that was saved of its source."""
        if job.source in self.saved:
            self.saved[job.trial] = self.saved[job.source]

    def keep(self, job: Job, worker: int, evaluation: Evaluation) -> None:
        if evaluation.checkpoint is None:
            return
        self.held[worker] = (job.trial, evaluation.checkpoint)
        if job.to_resource >= self.task.fidelity.r_max:
            self.saved.pop(job.trial, None)
        elif self.task.can_checkpoint:
            self.saved[job.trial] = evaluation.checkpoint


class _Running(NamedTuple):
    """A job under way, ordered by when it ends, then by when it was handed out."""

    end_s: float
    number: int
    worker: int
    start_s: float
    job: Job
    evaluation: Evaluation
    whole: bool


def simulate(
    task: Task,
    method: Method,
    *,
    budget: Budget,
    seed: int,
    workers: int = 1,
    charge: Charge = free_of_charge,
    job_timeout_s: float = math.inf,
    faults: Faults | None = None,
    policy: Policy = AS_IT_IS,
) -> Iterator[Event]:
    """Run `method` on `task` with virtual workers; yield what happens, in order of time.

    `seed` is the objective's. Decisions are taken one at a time: while the method decides, workers
    that become free wait for it (which matters only if decisions are charged). A job that takes
    longer than `job_timeout_s` has failed after that time, but for what was known before.
    `faults` happen to the task; `policy` says what a job that failed counts as (see `faults`).
    """
    if workers < 1:
        raise ValueError(f"workers={workers}: a run needs at least one")
    run = _Run(task, method, budget, seed, workers, charge, job_timeout_s, faults, policy)
    while True:
        yield from run.hand_out()
        if not run.heap:
            return
        yield from run.finish(heappop(run.heap))


class _Run:
    """The state of one simulated run."""

    def __init__(
        self,
        task: Task,
        method: Method,
        budget: Budget,
        seed: int,
        workers: int,
        charge: Charge,
        job_timeout_s: float,
        faults: Faults | None,
        policy: Policy,
    ) -> None:
        self.heap: list[_Running] = []
        self._task, self._method, self._charge = task, method, charge
        self._budget, self._account = budget, budget.account()
        self._last_start_s = budget.time_s * (1 - TOLERANCE)
        self._last_end_s = budget.time_s * (1 + TOLERANCE)
        self._job_timeout_s = job_timeout_s
        self._faults, self._policy = faults, policy
        self._attempts: dict[int, int] = {}
        self._worst = -math.inf
        self._trials = _Trials(task, NoiseSeeds(task.space, seed))
        self._idle = deque(range(workers))
        self._asking = True
        self._now = self._decided = 0.0
        self._jobs = 0
        self._traced = False
        self._watch = Stopwatch(method)
        self._standstill = _Standstill(workers, counted=budget.trials < math.inf)

    def hand_out(self) -> Iterator[Decision]:
        """Ask for jobs while there are idle workers and the method has any."""
        while self._asking and self._idle:
            began = max(self._decided, self._now)
            if began >= self._last_start_s:
                return
            job, seconds, cpu_s = self._watch.time(self._method.ask)
            self._decided = began + self._charge("ask", seconds)
            yield Decision("ask", began, seconds, cpu_s, job is None)
            if job is None:
                return
            if job.trial in self._trials.noise or self._may_start(job):
                self._start(self._trials.noise.as_proposed(job))

    def _may_start(self, job: Job) -> bool:
        """Count a new trial; one too many is refused, and nothing is run."""
        if self._account.may_start_trial():
            self._trials.noise.start(job)
            if job.source is not None:
                self._trials.inherit(job)
            return True
        self._asking = refuse(self._method, job)
        return False

    def _start(self, job: Job, at_s: float | None = None) -> None:
        """Start a job, when it was decided on or, if it failed before, at `at_s`."""
        worker, trials = self._idle.popleft(), self._trials
        checkpoint = trials.checkpoint(job, worker)
        seed = trials.noise[job.trial]
        evaluation = evaluate(self._task, job.copied(), seed, checkpoint, traced=not self._traced)
        self._traced = self._traced or bool(evaluation.trace)
        if self._faults is not None:
            attempt, whole = self._attempts.get(job.trial, 0), self._policy.cost == "whole"
            evaluation = self._faults.befall(self._task, job, seed, attempt, evaluation, whole)
        if evaluation.duration_s > self._job_timeout_s * (1 + TOLERANCE):
            evaluation = timed_out(job, evaluation, self._job_timeout_s)
        evaluation, whole = self._account.charge(job, evaluation, resumed=checkpoint is not None)
        if not whole:
            self._asking = False
            if not evaluation.duration_s:
                return
        start = self._decided if at_s is None else at_s
        end = start + evaluation.duration_s
        heappush(self.heap, _Running(end, self._jobs, worker, start, job, evaluation, whole))
        self._jobs += 1

    def finish(self, running: _Running) -> Iterator[Event]:
        """The next job ends, or the budget does."""
        end, _, worker, start, job, evaluation, whole = running
        if end > self._budget.time_s:
            if end > self._last_end_s:
                self._asking = False
                if start < self._last_start_s:
                    yield _cut(running, self._budget.time_s)
                return
            end = self._budget.time_s
            evaluation = _known_by(evaluation, start, end)
        self._standstill.watch(end > self._now, evaluation)
        self._now = end
        yield Outcome(job, worker, start, end, evaluation, not whole)
        self._idle.appendleft(worker)
        if not whole:
            return
        self._trials.keep(job, worker, evaluation)
        if self._begins_again(job, evaluation):
            self._start(job, end)
            return
        began = max(self._decided, end)
        told = self._counted(evaluation.told())
        _, seconds, cpu_s = self._watch.time(self._method.tell, job.copied(), told)
        self._decided = began + self._charge("tell", seconds)
        yield Decision("tell", began, seconds, cpu_s)

    def _begins_again(self, job: Job, evaluation: Evaluation) -> bool:
        """Whether a job failed that is tried again; counts how often its trial has failed."""
        if not self._policy.retries or evaluation.value < math.inf:
            return False
        count = self._attempts[job.trial] = self._attempts.get(job.trial, 0) + 1
        return count <= self._policy.retries and self._now < self._last_start_s

    def _counted(self, told: Evaluation) -> Evaluation:
        """What the method is told: the worst value of the run in the place of a failure."""
        if self._policy.tell != "worst":
            return told
        if told.value < math.inf:
            self._worst = max(self._worst, told.value)
            return told
        if self._worst == -math.inf:
            return told
        values = np.append(told.values[:-1], self._worst)
        values.setflags(write=False)
        return told._replace(values=values, error=None)


def _cut(running: _Running, end_of_time: float) -> Outcome:
    """What was known of a job when time was up."""
    _, _, worker, start, job, evaluation, _ = running
    last = end_of_time * (1 + TOLERANCE)
    known = int((start + evaluation.seconds).searchsorted(last, "right"))
    evaluation = _known_by(evaluation.first(known), start, end_of_time)
    return Outcome(job, worker, start, end_of_time, evaluation, True)


def _known_by(evaluation: Evaluation, start: float, end: float) -> Evaluation:
    """The same with no time after `end`, which a sum of times may have missed by its last digit."""
    if not len(evaluation.seconds) or start + evaluation.seconds[-1] <= end:
        return evaluation
    rest = end - start
    while start + rest > end:
        rest = math.nextafter(rest, 0.0)
    return evaluation._replace(seconds=np.minimum(evaluation.seconds, rest))


@dataclass(slots=True)
class _Standstill:
    """Notices that a run gets nowhere: the clock does not move, or every job fails.

    A budget of trials (`counted`) ends a run whose clock stands still anyhow.
    """

    workers: int
    counted: bool
    events: int = 0
    failures: int = 0
    succeeded: bool = False

    def watch(self, moved: bool, evaluation: Evaluation) -> None:
        self.events = 0 if moved else self.events + 1
        if not evaluation.error:
            self.failures, self.succeeded = 0, True
        elif moved and self.succeeded:
            self.failures = 0
        else:
            self.failures += 1
            if self.failures > FAILURES + self.workers:
                how = "at once" if self.succeeded else "and no other succeeded"
                raise GaveUpError(
                    f"given up: {self.failures} jobs in a row failed {how}; the last: "
                    f"{evaluation.error}"
                )
        if self.events > STANDSTILL_EVENTS + self.workers and not self.counted:
            raise RuntimeError("the clock stands still: the task's jobs take no time")
