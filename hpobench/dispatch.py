"""The live side of a real run: jobs go out to workers, and their ends come back in order."""

import time
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import NamedTuple

from hpobench import failures, interruption
from hpobench.work import Reply, Request
from hpobench.workers import Pool

# A pool of many workers may die so often under a job before the job is given up.
DEATHS = 3
# The longest wait in one go; beyond some centuries the operating system objects.
_LONGEST_S = 3600.0


@dataclass(slots=True)
class _Sent:
    request: Request
    submitted_s: float
    future: "Future[Reply]"
    deaths: int = 0


class Ended(NamedTuple):
    """The end of a job: when it was last begun, when it ended, and what came of it.

    `lost`: the worker still runs it, because it cannot be ended.
    """

    worker: int
    submitted_s: float
    end_s: float
    reply: Reply
    lost: bool = False


class Dispatcher:
    """Sends requests to the workers of a pool and waits for what ends next.

    `timeout_s` counts from when a job is handed to its worker, which may have to start first.
    """

    def __init__(self, pool: Pool, timeout_s: float) -> None:
        self._pool, self._timeout_s = pool, timeout_s
        self._sent: dict[int, _Sent] = {}
        self._done: SimpleQueue[tuple[float, int, Future[Reply]]] = SimpleQueue()
        self._zero = 0.0

    def open(self, at_s: float) -> None:
        """Get the workers ready; then the clock begins, at `at_s`."""
        self._pool.start()
        self._zero = time.perf_counter() - at_s

    def now(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self._zero

    def send(self, request: Request) -> None:
        """Give a free worker a job."""
        limit_s = min(request.limit_s, self._timeout_s)
        self._sent[request.worker] = self._submit(request._replace(limit_s=limit_s))

    def _submit(self, request: Request, deaths: int = 0) -> _Sent:
        begin = self.now()
        try:
            future = self._pool.submit(request)
        except BrokenExecutor:
            self._pool.recover()
            future = self._pool.submit(request)
        worker = request.worker
        # The time is taken where the job ends, not when the loop comes round to it.
        future.add_done_callback(lambda done: self._done.put((self.now(), worker, done)))
        return _Sent(request, begin, future, deaths)

    def wait(self, until_s: float) -> Ended | None:
        """The next job that ends or times out; None: nothing did before `until_s`."""
        due = min((sent.submitted_s for sent in self._sent.values()), default=0.0)
        patience = min(until_s, due + self._timeout_s) - self.now()
        try:
            end_s, worker, future = self._done.get(timeout=min(max(patience, 0.0), _LONGEST_S))
        except Empty:
            return self._timed_out()
        sent = self._sent.get(worker)
        if sent is None or sent.future is not future:
            return None  # the end of a job that was given up before
        error = None if future.cancelled() else future.exception()
        if isinstance(error, BrokenExecutor):
            interruption.wait_for_signal()
        if isinstance(error, BrokenExecutor) and self._may_begin_again(sent):
            self._sent[worker] = self._submit(sent.request, sent.deaths + 1)
            return None
        del self._sent[worker]
        return Ended(worker, sent.submitted_s, end_s, _reply(future))

    def _timed_out(self) -> Ended | None:
        now = self.now()
        for worker, sent in self._sent.items():
            if now >= sent.submitted_s + self._timeout_s:
                return self.give_up(worker, f"TimeoutError: no end after {self._timeout_s:g} s")
        return None

    def _may_begin_again(self, sent: _Sent) -> bool:
        """Whether a job is innocent, as far as is known, of the death of its pool."""
        return not self._pool.own_processes and sent.deaths + 1 < DEATHS

    def give_up(self, worker: int, error: str = "") -> Ended:
        """End a worker's job now."""
        sent, now = self._sent.pop(worker), self.now()
        lost = not self._pool.drop(worker, sent.future)
        return Ended(worker, sent.submitted_s, now, Reply(None, error=error), lost)

    def close(self) -> None:
        """Give up all jobs."""
        for worker in list(self._sent):
            self.give_up(worker)


def _reply(future: "Future[Reply]") -> Reply:
    try:
        return future.result()
    except BrokenExecutor:
        return Reply(None, error="BrokenExecutor: the worker died")
    except BaseException as error:
        failures.contain(error)
        return Reply(None, error=failures.in_words(error))
