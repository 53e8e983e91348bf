"""The state of a real run, and its live side: the clock, sending jobs, waiting for their ends."""

import math
import uuid
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hpobench import progress
from hpobench.contracts import Task
from hpobench.loop.budget import Account
from hpobench.loop.evaluating import failed
from hpobench.loop.events import Outcome
from hpobench.loop.noise_seeds import NoiseSeeds
from hpobench.real.checkpoints import File, Shelf
from hpobench.real.dispatcher import Dispatcher, Ended
from hpobench.real.events import Finished, Started
from hpobench.real.worker import Request
from hpobench.records import Evaluation, Job
from hpobench.system import atomic
from hpobench.system.terminal import Notice

_SHOW_EVERY_S = 1.0


class Status(NamedTuple):
    """How a run stands: seconds since it began and left (infinite: no limit in time or cost).

    `running` are trials; `best` is the smallest value told so far, infinite before the first.
    """

    time_s: float
    left_s: float
    running: tuple[int, ...]
    trials: int
    best: float


Watch = Callable[[Status], None]


@dataclass(slots=True)
class State:
    """Where a run stands; `held`: the trial whose state a worker has in memory."""

    idle: deque[int]
    end_s: float
    account: Account
    seeds: NoiseSeeds
    best: float = math.inf
    asking: bool = True
    failures: int = 0
    running: dict[int, Started] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Live:
    """Real workers and the real clock, which begins with `open`."""

    task: Task
    state: State
    shelf: Shelf
    dispatcher: Dispatcher
    watch: Watch | None
    log: Path | None = None
    is_open: bool = False
    name: str = field(default_factory=lambda: uuid.uuid4().hex)

    def now(self) -> float:
        """Seconds on the clock of the run."""
        return self.dispatcher.now()

    def open(self, at_s: float) -> None:
        """Start the clock, at `at_s`, and begin again the jobs that were under way."""
        self.is_open = True
        self.state.held.clear()
        missing = self.shelf.check()
        if missing:
            warnings.warn(
                f"checkpoints of trials {missing} are missing or damaged in {self.shelf.folder}: "
                "should these trials go on, they are trained from zero",
                Notice,
                stacklevel=2,
            )
        self.dispatcher.open(at_s)
        for worker in self.state.running:
            self.send(worker)

    def send(self, worker: int) -> None:
        """Give a worker the job that is noted as running on it."""
        running, shelf, state = self.state.running[worker], self.shelf, self.state
        job = running.job._replace(to_resource=running.to_resource)
        pauses = self.task.can_checkpoint and job.to_resource < self.task.fidelity.r_max
        request = Request(
            run=self.name,
            worker=worker,
            job=job,
            seed=state.seeds[job.trial],
            resume=shelf.find(job.trial, job.from_resource),
            save=shelf.path(job.trial, job.to_resource) if pauses else None,
            progress=self._progress(worker),
            limit_s=state.end_s - self.now(),
            log=self.log and self.log.with_suffix(f".worker-{worker}.log"),
        )
        self.dispatcher.send(request)

    def _progress(self, worker: int) -> Path:
        return self.shelf.folder / f"progress-{worker}"

    def wait(self) -> Finished:
        """Wait for a job to end, or for the end of the budget: what happened."""
        while True:
            until = self._until()
            soon = self.now() + _SHOW_EVERY_S if self.watch else math.inf
            ended = self.dispatcher.wait(min(until, soon))
            self._show(until)
            if (self.now() if ended is None else ended.end_s) >= until:
                self.state.end_s = until
                ended = ended or self.dispatcher.give_up(next(iter(self.state.running)))
            if ended is not None:
                return self._finished(ended)

    def _until(self) -> float:
        """When the budget in time or cost ends if no job ends before."""
        state = self.state
        if state.account.cost_left_s == math.inf:
            return state.end_s
        now, running = self.now(), state.running.values()
        left = state.account.cost_left_s - sum(now - started.time_s for started in running)
        return min(state.end_s, now + max(left, 0.0) / len(running))

    def _finished(self, ended: Ended) -> Finished:
        start_s, job, _, reach = self.state.running[ended.worker]
        reply, path = ended.reply, self._progress(ended.worker)
        known = reply.evaluation or progress.read(path)
        if not ended.lost:
            with atomic.ours(path):
                path.unlink(missing_ok=True)
        whole = reach == job.to_resource
        happened = _outcome(job, start_s, ended, known, self.state.end_s, whole)
        size, digest = reply.checkpoint_bytes, reply.checkpoint_hash
        file = File(size, digest) if size else None
        return Finished(happened, ended.lost, reply.holds, file)

    def _show(self, until: float) -> None:
        if self.watch is not None:
            state, now = self.state, self.now()
            trials = tuple(running.job.trial for running in state.running.values())
            left = max(until - now, 0.0)
            self.watch(Status(now, left, trials, len(state.seeds), state.best))


def _outcome(
    job: Job, start_s: float, ended: Ended, known: Evaluation, end_of_time: float, whole: bool
) -> Outcome:
    """What counts of a job: all of it if it ended in time, else what was known by then.

    `known` is what the job returned or, if it did not, what it had reported. Its seconds count from
    when it was last begun in the worker; they are moved to the clock of the job.
    """
    end_s = min(ended.end_s, end_of_time)
    duration = end_s - start_s
    returned = ended.reply.evaluation
    begun = ended.begun_s if returned is None else ended.end_s - returned.duration_s
    known = known._replace(seconds=known.seconds + (begun - start_s))
    given_up = returned is None and not ended.reply.error
    if given_up or ended.end_s > end_of_time:
        known = known.first(int(known.seconds.searchsorted(duration, "right")))
        return Outcome(job, ended.worker, start_s, end_s, known, True)
    evaluation = known._replace(seconds=np.minimum(known.seconds, duration), duration_s=duration)
    if ended.reply.error:
        evaluation = failed(job, evaluation, ended.reply.error, ended.reply.trace)
    return Outcome(job, ended.worker, start_s, end_s, evaluation, not whole)
