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
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

from hpobench.contracts import Method, Task
from hpobench.real.checkpoints import File, Shelf
from hpobench.real.dispatcher import Dispatcher
from hpobench.real.journal import Entry, Journal, JournalError, decode
from hpobench.real.live import Live, Running, State, Watch
from hpobench.real.pool import Pool
from hpobench.records import Job
from hpobench.run.budget import Account, Budget
from hpobench.run.events import Decision, Event, Outcome
from hpobench.run.hooks import Stopwatch, refuse
from hpobench.run.noise_seeds import NoiseSeeds
from hpobench.run.simulator import FAILURES
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
    resumes; its checkpoints lie beside it (see `remove`). `watch` is called about once a second.
    `log`: what the workers print during their jobs is kept in files beside it.
    Raises JournalError if the journal is not of this run. The pool is left to whoever made it.
    """
    header = {"seed": seed, "workers": pool.workers, "budget": asdict(budget)}
    with ExitStack() as stack:
        if journal is None:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="hpobench-")))
        else:
            folder = _folder(journal).resolve()  # workers may run elsewhere
        record = stack.enter_context(Journal(journal, header))
        with atomic.ours(folder):
            folder.mkdir(parents=True, exist_ok=True)
        dispatcher = Dispatcher(pool, job_timeout_s)
        stack.callback(dispatcher.close)
        shelf = Shelf(folder, disk_limit_bytes)
        state = State(
            idle=deque(range(pool.workers)),
            end_s=budget.time_s,
            resource_left=budget.resource,
            cost_left=budget.cost_s,
            seeds=NoiseSeeds(task.space, seed),
        )
        live = Live(task, state, shelf, dispatcher, watch, log)
        yield from _Run(task, method, record, live, state, shelf, budget.account()).events()


def remove(journal: Path) -> None:
    """Remove a journal and its checkpoints: the run is stored."""
    rmtree(_folder(journal), ignore_errors=True)
    journal.unlink(missing_ok=True)


def _folder(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}.checkpoints")


@dataclass(slots=True)
class _Run:
    """The event loop. While the journal has entries, they stand in for clock and workers."""

    task: Task
    method: Method
    journal: Journal
    live: Live
    state: State
    shelf: Shelf
    account: Account

    def events(self) -> Iterator[Event]:
        """Everything that happens, in order."""
        state = self.state
        while True:
            while (began := self._turn()) is not None:
                job, decision = self._decide("ask", began, self.method.ask)
                yield decision
                if job is None:
                    break
                if self._admit(job):
                    self._start(self.state.seeds.as_proposed(job))
            if not state.running:
                if state.asking and not state.idle:
                    raise RuntimeError("all workers are lost to jobs that cannot be ended")
                return
            happened = self._next()
            yield happened
            if not happened.cut:
                yield self._tell(happened)

    def _turn(self) -> float | None:
        """When a free worker asks, if one may."""
        if not (self.state.asking and self.state.idle):
            return None
        entry = self.journal.peek()
        if entry is not None:
            return float(entry["time_s"]) if entry["event"] == "ask" else None
        now = self._now()
        return now if now < self.state.end_s else None

    def _now(self) -> float:
        """The time on the clock of the run, or of the entry that is replayed."""
        entry = self.journal.peek()
        if entry is not None:
            return float(entry["time_s"])
        if not self.live.is_open:
            self.live.open(self.journal.last_s)
        return self.live.now()

    def _decide(
        self, kind: str, began: float, call: Callable[..., Any], *about: Any
    ) -> tuple[Any, Decision]:
        answer, seconds, cpu_s = Stopwatch(self.method).time(call, *about)
        entry: Entry = {"event": kind, "time_s": began, "seconds": seconds, "cpu_s": cpu_s}
        entry |= {"job": answer} if kind == "ask" else {"trial": about[0].trial}
        entry = self.journal.record(entry)
        known = entry.get("cpu_s", math.nan)  # journals of older versions have none
        none = kind == "ask" and answer is None
        return answer, Decision(kind, entry["time_s"], entry["seconds"], known, none)

    def _tell(self, happened: Outcome) -> Decision:
        told = happened.evaluation.told()
        return self._decide("tell", self._now(), self.method.tell, happened.job.copied(), told)[1]

    def _admit(self, job: Job) -> bool:
        """Count a new trial; one too many is refused, and nothing is run."""
        if job.trial in self.state.seeds:
            return True
        if self.account.may_start_trial():
            self.state.seeds.start(job)
            if job.source is not None:
                self.shelf.copy(job.source, job.trial, job.from_resource)
            return True
        self.state.asking = refuse(self.method, job)
        return False

    def _start(self, job: Job) -> None:
        """Start a job on the worker that became free last, as far as the budget pays."""
        state = self.state
        base = job.from_resource if self._goes_on(job, state.idle[0]) else 0.0
        reach = min(job.to_resource, base + state.resource_left)
        reach = math.floor(reach) if self.task.fidelity.integer else reach
        state.resource_left -= job.to_resource - base
        if reach < job.to_resource:
            state.asking = False
        if reach <= job.from_resource or not self._in_time():
            return
        worker = state.idle.popleft()
        entry: Entry = {"event": "start", "time_s": self._now(), "trial": job.trial}
        entry = self.journal.record(entry | {"worker": worker, "to_resource": reach})
        state.running[worker] = Running(job, entry["to_resource"], entry["time_s"])
        if self.live.is_open:
            self.live.send(worker)

    def _in_time(self) -> bool:
        """Whether the method decided before the time was up."""
        entry = self.journal.peek()
        return self._now() < self.state.end_s if entry is None else entry["event"] == "start"

    def _goes_on(self, job: Job, worker: int) -> bool:
        """Whether a trial need not be trained from zero."""
        saved = self.shelf.find(job.trial, job.from_resource) is not None
        return saved or self.state.held.get(worker) == job.trial

    def _next(self) -> Outcome:
        """The next job that ends, from the journal or from the workers."""
        self._now()  # goes live where the journal ends
        entry = self.journal.peek()
        entry = self._replayed(entry) if entry else self.journal.record(self.live.wait())
        state, worker = self.state, entry["worker"]
        job, _, start_s = state.running.pop(worker)
        happened = Outcome(
            job, worker, start_s, entry["time_s"], decode(entry["evaluation"]), entry["cut"]
        )
        state.cost_left -= happened.end_s - start_s
        if not entry["lost"]:
            state.idle.appendleft(worker)
        state.asking &= not happened.cut
        self._keep(happened, entry)
        return happened

    def _replayed(self, entry: Entry) -> Entry:
        running = self.state.running.get(entry.get("worker", -1))
        if entry["event"] != "outcome" or running is None or running.job.trial != entry["trial"]:
            raise JournalError(f"the journal cannot be replayed: no job fits its entry {entry}")
        return self.journal.take()

    def _keep(self, happened: Outcome, entry: Entry) -> None:
        """Note what is left of a trial: its value, its checkpoint, its state in the worker."""
        state, job, evaluation = self.state, happened.job, happened.evaluation
        state.best = min(state.best, evaluation.value)
        state.failures = state.failures + 1 if evaluation.error else 0
        if state.failures > FAILURES:
            raise RuntimeError(f"{FAILURES} jobs in a row failed; the last: {evaluation.error}")
        state.held.pop(happened.worker, None)
        if entry["holds"]:
            state.held[happened.worker] = job.trial
        if entry["checkpoint_bytes"]:
            busy = {running.job.trial for running in state.running.values()}
            file = File(entry["checkpoint_bytes"], entry.get("checkpoint_hash", ""))
            self.shelf.put(job.trial, job.to_resource, file, evaluation.value, busy)
        else:
            self.shelf.remove(job.trial)
