"""The simulated clock: one event loop over a heap of job ends.

Time jumps from event to event, so the cost of a run does not depend on how many simulated seconds
pass. A job is one event, however many epochs it spans. Ties are first come, first served: of two
jobs that end at the same time the one that was started first is told first, and its worker is
given its next job before the other job is told.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

from hpobench.budget import Budget
from hpobench.contracts import Method, Task
from hpobench.randomness import mix
from hpobench.records import Evaluation, EvaluationError, Job

# So many events at one and the same time mean that the clock will never move again.
STANDSTILL_EVENTS = 100_000

Charge = Callable[[str, float], float]
"""(kind of decision, seconds measured) -> seconds by which it moves the clock."""


class Decision(NamedTuple):
    """One `ask` or `tell`, begun at simulated `time_s`, which really took `seconds`."""

    kind: str
    time_s: float
    seconds: float


class Outcome(NamedTuple):
    """A job that ended, or what the end of the budget left of it (`cut`)."""

    job: Job
    worker: int
    start_s: float
    end_s: float
    evaluation: Evaluation
    cut: bool


Event = Decision | Outcome


def free_of_charge(_kind: str, _seconds: float) -> float:
    """Decisions take no simulated time: the policy under which a run is reproducible."""
    return 0.0


@dataclass(slots=True)
class _Trials:
    """What the executor keeps of each trial: its noise seed, and where its training state is.

    The first evaluation of a configuration sees the same noise under every method; when a run
    tries the same configuration again, it sees fresh noise.
    """

    task: Task
    seed: int
    seeds: dict[int, int] = field(default_factory=dict)
    visits: dict[tuple[Any, ...], int] = field(default_factory=dict)
    saved: dict[int, Any] = field(default_factory=dict)
    held: dict[int, tuple[int, Any]] = field(default_factory=dict)

    def start(self, job: Job) -> None:
        key = self.task.space.key(job.config)
        visit = self.visits.get(key, 0)
        self.visits[key] = visit + 1
        self.seeds[job.trial] = mix(self.seed, visit - 1) if visit else self.seed

    def checkpoint(self, job: Job, worker: int) -> Any:
        """The state to resume from: what the worker still holds, or what was saved, or None."""
        if job.from_resource == 0:
            return None
        trial, state = self.held.get(worker, (-1, None))
        return state if trial == job.trial else self.saved.get(job.trial)

    def keep(self, job: Job, worker: int, evaluation: Evaluation) -> None:
        if evaluation.checkpoint is None:
            return
        self.held[worker] = (job.trial, evaluation.checkpoint)
        if self.task.can_checkpoint:
            self.saved[job.trial] = evaluation.checkpoint


def simulate(
    task: Task,
    method: Method,
    *,
    budget: Budget,
    seed: int,
    workers: int = 1,
    charge: Charge = free_of_charge,
) -> Iterator[Event]:
    """Run `method` on `task` with virtual workers; yield what happens, in order of time.

    `seed` is the objective's. Decisions are taken one at a time: while the method decides, workers
    that become free wait for it (which matters only if decisions are charged).
    """
    if workers < 1:
        raise ValueError(f"workers={workers}: a run needs at least one")
    end_of_time = budget.time_s
    trials = _Trials(task, seed)
    spent = budget.account()
    heap: list[tuple[float, int, int, float, Job, Evaluation, bool]] = []
    idle = deque(range(workers))
    clock = time.perf_counter
    now = decided = 0.0
    jobs = still = 0
    asking = True
    while True:
        while asking and idle:
            began = decided if decided > now else now
            if began >= end_of_time:
                break
            tick = clock()
            job = method.ask()
            seconds = clock() - tick
            decided = began + charge("ask", seconds)
            yield Decision("ask", began, seconds)
            if job is None:
                break
            if job.trial not in trials.seeds:
                if not spent.may_start_trial():
                    asking = False
                    break
                trials.start(job)
            worker = idle.popleft()
            checkpoint = trials.checkpoint(job, worker)
            evaluation = _evaluate(task, job, trials.seeds[job.trial], checkpoint)
            evaluation, whole = spent.charge(job, evaluation, resumed=checkpoint is not None)
            if not whole:
                asking = False
                if not len(evaluation.values):
                    break
            end = decided + evaluation.duration_s
            heappush(heap, (end, jobs, worker, decided, job, evaluation, whole))
            jobs += 1
        if not heap:
            return
        end, _, worker, start, job, evaluation, whole = heappop(heap)
        if end > end_of_time:
            known = int(evaluation.seconds.searchsorted(end_of_time - start, "right"))
            yield Outcome(job, worker, start, end_of_time, evaluation.first(known), True)
            asking = False
            continue
        still = still + 1 if end == now else 0
        if still > STANDSTILL_EVENTS + workers:
            raise RuntimeError(f"the clock stands still at {now} s: the task's jobs take no time")
        now = end
        yield Outcome(job, worker, start, end, evaluation, not whole)
        idle.appendleft(worker)
        if not whole:
            continue
        trials.keep(job, worker, evaluation)
        began = decided if decided > now else now
        tick = clock()
        method.tell(job, evaluation)
        seconds = clock() - tick
        decided = began + charge("tell", seconds)
        yield Decision("tell", began, seconds)


def _evaluate(task: Task, job: Job, seed: int, checkpoint: Any) -> Evaluation:
    """Evaluate; an exception becomes a failed observation after the seconds that it names."""
    try:
        return task.evaluate(job, seed, checkpoint)
    except Exception as error:
        seconds = error.seconds if isinstance(error, EvaluationError) else 0.0
        return Evaluation(
            resources=np.array([job.to_resource], dtype=float),
            seconds=np.array([seconds]),
            values=np.array([np.nan]),
            duration_s=seconds,
            error=f"{type(error).__name__}: {error}",
        )
