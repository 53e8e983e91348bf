"""The live side of a real run: jobs go out to workers, and their ends come back in order."""

import math
import time
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import NamedTuple

from hpobench.loop import failures
from hpobench.real.pool import Pool
from hpobench.real.worker import Reply, Request
from hpobench.system import interruption

# A pool of many workers may die so often under a job before the job is given up.
DEATHS = 3
# The longest wait in one go; beyond some centuries the operating system objects.
_LONGEST_S = 3600.0
# So often it is looked whether jobs have begun whose time is limited,
_LOOK_EVERY_S = 0.05
# and so long a worker may take to begin one, or ten times as long as all took to get ready.
_START_S = 60.0


@dataclass(slots=True)
class _Sent:
    request: Request
    submitted_s: float
    future: "Future[Reply]"
    deaths: int = 0
    begun_s: float = math.inf


class Ended(NamedTuple):
    """The end of a job: when it was last begun, when it ended, and what came of it.

    `lost`: the worker still runs it, because it cannot be ended.
    """

    worker: int
    begun_s: float
    end_s: float
    reply: Reply
    lost: bool = False


class Dispatcher:
    """Sends requests to the workers of a pool and waits for what ends next.

    `timeout_s` counts from when a job begins in its worker, which may have to start first.
    """

    def __init__(self, pool: Pool, timeout_s: float) -> None:
        self._pool, self._timeout_s = pool, timeout_s
        self._sent: dict[int, _Sent] = {}
        self._done: SimpleQueue[tuple[float, int, Future[Reply]]] = SimpleQueue()
        self._zero, self._start_s = 0.0, _START_S

    def open(self, at_s: float) -> None:
        """Get the workers ready; then the clock begins, at `at_s`."""
        began = time.perf_counter()
        self._pool.start()
        self._start_s = max(_START_S, 10 * (time.perf_counter() - began))
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
        request.progress.unlink(missing_ok=True)  # of a worker that died: see `_look`
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
        while True:
            patience = min(until_s, self._look()) - self.now()
            try:
                end_s, worker, future = self._done.get(timeout=min(max(patience, 0.0), _LONGEST_S))
                break
            except Empty:
                ended = self._timed_out()
                if ended is not None or self.now() >= until_s:
                    return ended
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
        return Ended(worker, _begun(sent), end_s, self._reply(worker, future))

    def _reply(self, worker: int, future: "Future[Reply]") -> Reply:
        try:
            return future.result()
        except BrokenExecutor as broken:
            how = self._pool.how_it_died(worker, broken)
            return Reply(None, error=f"BrokenExecutor: the worker died: {how}")
        except BaseException as error:
            failures.contain(error)
            return Reply(None, error=failures.in_words(error))

    def _look(self) -> float:
        """Note which jobs have begun; when to look again, or when the first of them times out.

        A job that has begun has its file of progress. Clocks of other machines are not asked.
        """
        if self._timeout_s == math.inf:
            return math.inf
        now, due = self.now(), math.inf
        for sent in self._sent.values():
            if sent.begun_s == math.inf and sent.request.progress.exists():
                sent.begun_s = now
            soon = now + _LOOK_EVERY_S if sent.begun_s == math.inf else math.inf
            due = min(due, soon, sent.begun_s + self._timeout_s)
        return due

    def _timed_out(self) -> Ended | None:
        if self._timeout_s == math.inf:
            return None
        now = self.now()
        for worker, sent in self._sent.items():
            if now >= sent.begun_s + self._timeout_s:
                return self.give_up(worker, f"TimeoutError: no end after {self._timeout_s:g} s")
            if sent.begun_s == math.inf and now >= sent.submitted_s + self._start_s:
                words = f"TimeoutError: its worker did not begin it within {self._start_s:g} s"
                return self.give_up(worker, words)
        return None

    def _may_begin_again(self, sent: _Sent) -> bool:
        """Whether a job is innocent, as far as is known, of the death of its pool."""
        return not self._pool.own_processes and sent.deaths + 1 < DEATHS

    def give_up(self, worker: int, error: str = "") -> Ended:
        """End a worker's job now."""
        sent, now = self._sent.pop(worker), self.now()
        lost = not self._pool.drop(worker, sent.future)
        return Ended(worker, _begun(sent), now, Reply(None, error=error), lost)

    def close(self) -> None:
        """Give up all jobs."""
        for worker in list(self._sent):
            self.give_up(worker)


def _begun(sent: _Sent) -> float:
    return sent.submitted_s if sent.begun_s == math.inf else sent.begun_s
