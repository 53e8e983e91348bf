"""The real executor: a method against real workers, with the wall clock running.

The rules are the simulator's: asynchronous; of jobs that end the first is told first, and its
worker is given its next job before the next is told; `ask` may answer None, and the free workers
wait. What differs is what cannot be known in advance. Cost is charged as it accrues: when it is
spent, the jobs under way are cut, as at the end of the budget in time. A job that cannot end within
the budget in resource is made shorter at its start.

A trial that raises, hangs, or takes its worker with it is a failed observation, charged the time
that it took; the run goes on. With a journal an interrupted run goes on where it stopped: what
the journal holds is replayed, and the jobs that were under way begin again from their checkpoints.
The clock stands still while workers start and while nothing runs.
"""

import math
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hpobench.contracts import Method, Task
from hpobench.loop.budget import Budget
from hpobench.loop.events import Decision, Event, Outcome
from hpobench.loop.failures import GaveUpError
from hpobench.loop.hooks import Stopwatch, refuse
from hpobench.loop.noise_seeds import NoiseSeeds
from hpobench.loop.simulator import FAILURES
from hpobench.real.checkpoints import Shelf
from hpobench.real.dispatcher import Dispatcher
from hpobench.real.events import Asked, Finished, Started, Told
from hpobench.real.journal import Journal, JournalError, checkpoints_beside
from hpobench.real.live import Live, State, Watch
from hpobench.real.pool import Pool
from hpobench.records import Job
from hpobench.system import atomic

# Checkpoints of paused trials take no more room than this (see `checkpoints.Shelf`).
DISK_LIMIT_BYTES = 4 << 30


def execute(
    task: Task,
    method: Method,
    *,
    budget: Budget,
    seed: int,
    pool: Pool,
    journal: Path | None = None,
    job_timeout_s: float = math.inf,
    disk_limit_bytes: float = DISK_LIMIT_BYTES,
    watch: Watch | None = None,
    log: Path | None = None,
) -> Iterator[Event]:
    """Run `method` on `task` with the workers of `pool`; yield what happens, as it happens.

    `seed` is the objective's. `journal`: file in which the run is recorded and from which it
    resumes; its checkpoints lie beside it (see `journal.remove`). `watch` is called about once a
    second. `log`: what the workers print during their jobs is kept in files beside it.
    Raises JournalError if the journal is not of this run. The pool is left to whoever made it.
    """
    header = {"seed": seed, "workers": pool.workers, "budget": asdict(budget)}
    with ExitStack() as stack:
        if journal is None:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="hpobench-")))
        else:
            folder = checkpoints_beside(journal).resolve()  # workers may run elsewhere
        record = stack.enter_context(Journal(journal, header))
        with atomic.ours(folder):
            folder.mkdir(parents=True, exist_ok=True)
        dispatcher = Dispatcher(pool, job_timeout_s)
        stack.callback(dispatcher.close)
        shelf = Shelf(folder, disk_limit_bytes)
        state = State(
            idle=deque(range(pool.workers)),
            end_s=budget.time_s,
            account=budget.account(),
            seeds=NoiseSeeds(task.space, seed),
        )
        live = Live(task, state, shelf, dispatcher, watch, log)
        yield from _Run(task, method, record, live, state, shelf).events()


@dataclass(slots=True)
class _Run:
    """The event loop. While the journal has entries, they stand in for clock and workers."""

    task: Task
    method: Method
    journal: Journal
    live: Live
    state: State
    shelf: Shelf

    def events(self) -> Iterator[Event]:
        """Everything that happens, in order."""
        state = self.state
        while True:
            while (began := self._turn()) is not None:
                job, decision = self._ask(began)
                yield decision
                if job is None:
                    break
                if self._admit(job):
                    self._start(state.seeds.as_proposed(job))
            if not state.running:
                if state.asking and not state.idle:
                    raise RuntimeError("all workers are lost to jobs that cannot be ended")
                return
            outcome = self._next()
            yield outcome
            if not outcome.cut:
                yield self._tell(outcome)

    def _turn(self) -> float | None:
        """When a free worker asks, if one may."""
        if not (self.state.asking and self.state.idle):
            return None
        recorded = self.journal.peek()
        if recorded is not None:
            return recorded.time_s if isinstance(recorded, Asked) else None
        now = self._now()
        return now if now < self.state.end_s else None

    def _now(self) -> float:
        """The time on the clock of the run, or of the event that is replayed."""
        recorded = self.journal.peek()
        if recorded is not None:
            return recorded.time_s
        if not self.live.is_open:
            self.live.open(self.journal.last_s)
        return self.live.now()

    def _ask(self, began: float) -> tuple[Job | None, Decision]:
        job, seconds, cpu_s = Stopwatch(self.method).time(self.method.ask)
        asked = Asked(Decision("ask", began, seconds, cpu_s, job is None), job)
        return job, self.journal.record(asked).decision

    def _tell(self, outcome: Outcome) -> Decision:
        job, began = outcome.job, self._now()
        told = outcome.evaluation.told()
        _, seconds, cpu_s = Stopwatch(self.method).time(self.method.tell, job.copied(), told)
        return self.journal.record(
            Told(Decision("tell", began, seconds, cpu_s), job.trial)
        ).decision

    def _admit(self, job: Job) -> bool:
        """Count a new trial; one too many is refused, and nothing is run."""
        if job.trial in self.state.seeds:
            return True
        if self.state.account.may_start_trial():
            self.state.seeds.start(job)
            if job.source is not None:
                self.shelf.copy(job.source, job.trial, job.from_resource)
            return True
        self.state.asking = refuse(self.method, job)
        return False

    def _start(self, job: Job) -> None:
        """Start a job on the worker that became free last, as far as the budget pays."""
        state = self.state
        reach = state.account.reach(job, resumed=self._goes_on(job, state.idle[0]))
        reach = math.floor(reach) if self.task.fidelity.integer else reach
        if reach < job.to_resource:
            state.asking = False
        if reach <= job.from_resource or not self._in_time():
            return
        worker = state.idle.popleft()
        started = self.journal.record(Started(self._now(), job, worker, reach))
        state.running[worker] = started._replace(job=job)  # as proposed, not as it was read back
        if self.live.is_open:
            self.live.send(worker)

    def _in_time(self) -> bool:
        """Whether the method decided before the time was up."""
        recorded = self.journal.peek()
        return self._now() < self.state.end_s if recorded is None else isinstance(recorded, Started)

    def _goes_on(self, job: Job, worker: int) -> bool:
        """Whether a trial need not be trained from zero."""
        saved = self.shelf.find(job.trial, job.from_resource) is not None
        return saved or self.state.held.get(worker) == job.trial

    def _next(self) -> Outcome:
        """The next job that ends, from the journal or from the workers."""
        self._now()  # goes live where the journal ends
        replayed = self.journal.peek() is not None
        finished = self._replayed() if replayed else self.journal.record(self.live.wait())
        state, worker = self.state, finished.outcome.worker
        outcome = finished.outcome._replace(job=state.running.pop(worker).job)
        state.account.spend(outcome.end_s - outcome.start_s)
        if not finished.lost:
            state.idle.appendleft(worker)
        state.asking &= not outcome.cut
        self._keep(finished._replace(outcome=outcome))
        return outcome

    def _replayed(self) -> Finished:
        event = self.journal.take()
        if isinstance(event, Finished):
            running = self.state.running.get(event.outcome.worker)
            if running is not None and running.job.trial == event.outcome.job.trial:
                return event
        raise JournalError(f"the journal cannot be replayed: no job fits its event {event}")

    def _keep(self, finished: Finished) -> None:
        """Note what is left of a trial: its value, its checkpoint, its state in the worker."""
        state, (job, worker, _, _, evaluation, _) = self.state, finished.outcome
        state.best = min(state.best, evaluation.value)
        state.failures = state.failures + 1 if evaluation.error else 0
        if state.failures > FAILURES:
            raise GaveUpError(
                f"given up: {FAILURES} jobs in a row failed; the last: {evaluation.error}"
            )
        state.held.pop(worker, None)
        if finished.holds:
            state.held[worker] = job.trial
        if finished.file is not None:
            busy = {running.job.trial for running in state.running.values()}
            self.shelf.put(job.trial, job.to_resource, finished.file, evaluation.value, busy)
        else:
            self.shelf.remove(job.trial)
