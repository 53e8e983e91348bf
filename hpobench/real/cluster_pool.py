"""Jobs of a run on slots of a cluster, each in a process of its own beside the worker of its slot.

The run owns its slots, so that no other job's work is in its seconds. What ends a job's process is
the job's failure. A worker that is lost takes its jobs with it: they fail, or begin again on
another slot, from their checkpoints. Workers that do not see the folder of the run are sent the
files that a job needs, and send back those that it writes.
"""

import math
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Self

from hpobench.cluster import beside, clusters, greeting, slots
from hpobench.cluster.greeting import Code, Folder
from hpobench.cluster.slots import Slot
from hpobench.real.pool import Place
from hpobench.real.worker import BuildTask, Reply, Request, ready, work
from hpobench.system import atomic
from hpobench.system.dotted import own_folders

_LOOK_EVERY_S = 1.0
_PAUSE_S = 0.5

Another = Callable[[Slot], Slot | None]
"""Gives a slot in the place of one that is lost; None: there is none now."""


class LostWorkerError(BrokenExecutor):
    """The worker of a job, or its machine, is not there any more."""


class GoneError(atomic.StorageError):
    """The cluster is gone, or has no room any more: no fault of a job, so that it ends the run."""


class _Files(NamedTuple):
    """What travels with a job to a worker that does not see the folder, or comes back from it."""

    checkpoint: bytes | None = None
    log: bytes = b""


class _Done(NamedTuple):
    """What came of a job there; `shared`: its files are where they should be."""

    reply: Reply
    shared: bool
    files: _Files = _Files()


class _Terms(NamedTuple):
    """What the jobs of a run have in common."""

    run: str
    code: Code
    folder: Folder
    build: BuildTask
    memory_bytes: float


class ClusterPool:
    """Workers of a run, each a slot. See `pool.Pool`."""

    def __init__(
        self,
        cluster: clusters.Cluster,
        build: BuildTask,
        owned: Sequence[Slot],
        folder: Path,
        memory_bytes: float = math.inf,
        another: Another = lambda slot: None,  # noqa: ARG005
    ) -> None:
        self.workers = len(owned)
        self.own_processes = cluster.settings.get("on_lost", "rerun") == "fail"
        self.places: dict[tuple[int, float], Place] = {}
        self._cluster, self._slots, self._another = cluster, list(owned), another
        self._stack = ExitStack()
        shown = self._stack.enter_context(greeting.shown(folder.resolve()))
        code = greeting.packed(own_folders())
        self._terms = _Terms(uuid.uuid4().hex, code, shown, build, memory_bytes)
        self._lock = threading.Lock()
        self._under_way: dict[int, tuple[Request, Slot, Any, Future[Reply], float]] = {}
        self._lost: dict[tuple[int, float], list[str]] = {}
        self._seen: dict[str, bool] = {}
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def start(self) -> None:
        """Have each slot's process build the task."""
        self._ready(self._slots)

    def _ready(self, owned: Sequence[Slot]) -> None:
        coming = [self._submit(slot, _ready, self._terms, slot) for slot in owned]
        until = time.monotonic() + self._cluster.patience_s
        for slot, future in zip(owned, coming, strict=True):
            while not future.done():
                if slot.worker not in self._cluster.threads():
                    raise LostWorkerError(f"the worker of {slot} was lost while it got ready")
                if time.monotonic() > until:
                    raise GoneError(f"{slot} did not get ready within engine.patience_s")
                time.sleep(0.05)
            future.result()

    def _submit(self, slot: Slot, function: Callable[..., Any], *arguments: Any) -> Any:
        where = {"workers": [slot.worker], "allow_other_workers": False, "pure": False}
        return self._cluster.client.submit(function, *arguments, **where)

    def submit(self, request: Request) -> "Future[Reply]":
        slot = self._slot(request.worker)
        with atomic.ours(request.progress):
            request.progress.touch()  # it begins at once: its slot waits for it
        sent = _Files()
        if request.resume is not None and not self._sees(slot):
            with atomic.ours(request.resume):
                sent = _Files(request.resume.read_bytes())
        future: Future[Reply] = Future()
        future.set_running_or_notify_cancel()
        theirs = self._submit(slot, _work, self._terms, slot, request, sent)
        with self._lock:
            self._under_way[request.worker] = request, slot, theirs, future, time.time()
        theirs.add_done_callback(lambda done: self._finish(request.worker, done))
        return future

    def _sees(self, slot: Slot) -> bool:
        """Whether the worker of a slot sees the folder."""
        if slot.worker not in self._seen:
            self._seen |= self._cluster.everywhere(greeting.shares, self._terms.folder)
        return self._seen.get(slot.worker, False)

    def _slot(self, worker: int) -> Slot:
        """The slot of a worker, or another one in its place if that is lost."""
        slot = self._slots[worker]
        until = time.monotonic() + self._cluster.patience_s
        while slot.worker not in self._cluster.threads():
            found = self._another(slot)
            if found is None:
                if time.monotonic() > until:
                    raise GoneError(
                        f"{slot} was lost, and no slot came in its place within engine.patience_s. "
                        "What is known is kept; the same command goes on from it"
                    )
                time.sleep(_PAUSE_S)
                continue
            slot = self._slots[worker] = found
            with suppress(LostWorkerError):
                self._ready([slot])
        return slot

    def _finish(self, worker: int, done: Any) -> None:
        """A task of Dask has ended, of its own or with its worker."""
        with self._lock:
            known = self._under_way.get(worker)
            if known is None or known[2] is not done:
                return
            del self._under_way[worker]
        request, slot, _, future, begun = known
        try:
            if done.status == "cancelled":
                raise self._gone(slot)
            error = done.exception()
            if error is not None:
                raise self._lose(request, slot) if _is_loss(error) else error
            answer: _Done = done.result()
            if not answer.shared:
                _bring_home(request, answer)
            self._note(request, slot, begun)
            future.set_result(answer.reply)
        except BaseException as error:
            future.set_exception(error)

    def _gone(self, slot: Slot) -> BaseException:
        if self._cluster.is_there():
            return LostWorkerError(f"the work on {slot} was cancelled")
        return GoneError(str(self._cluster.gone()))

    def _lose(self, request: Request, slot: Slot) -> LostWorkerError:
        self._lost.setdefault(_key(request), []).append(str(slot))
        self._note(request, slot, time.time())
        return LostWorkerError(f"the worker of {slot} was lost")

    def _note(self, request: Request, slot: Slot, begun: float) -> None:
        lost = ", ".join(self._lost.get(_key(request), ()))
        self.places[_key(request)] = Place(str(slot), begun, time.time(), lost)

    def _look(self) -> None:
        """Notice workers that are lost, and tell the others that the run is alive."""
        told = -math.inf
        while not self._over.wait(_LOOK_EVERY_S):
            try:
                there = self._cluster.threads()
                if time.monotonic() > told + beside.HEARD_EVERY_S:
                    self._cluster.client.run(beside.hear, self._terms.run, on_error="ignore")
                    told = time.monotonic()
            except Exception:
                if self._cluster.is_there():
                    continue
                there = {}
            gone = not self._cluster.is_there()
            with self._lock:
                lost = [
                    worker
                    for worker, (_, slot, *_) in self._under_way.items()
                    if slot.worker not in there
                ]
                taken = [self._under_way.pop(worker) for worker in lost]
            for request, slot, theirs, future, _ in taken:
                why = self._gone(slot) if gone else self._lose(request, slot)
                with suppress(Exception):
                    theirs.cancel(force=True)
                future.set_exception(why)

    def drop(self, worker: int, future: "Future[Reply]") -> bool:  # noqa: ARG002
        """End the process of a slot; the next job there has a new one."""
        with self._lock:
            known = self._under_way.pop(worker, None)
        if known is not None:
            request, slot, theirs, _, begun = known
            self._note(request, slot, begun)
            self._end(slot)
            with suppress(Exception):
                theirs.cancel(force=True)
        return True

    def _end(self, slot: Slot) -> None:
        if slot.worker in self._cluster.threads():
            client, run = self._cluster.client, self._terms.run
            with suppress(Exception):  # it is lost just now
                client.run(beside.end_slot, run, slot.number, workers=[slot.worker])

    def recover(self) -> None:
        """Nothing: `submit` finds another slot."""

    def how_it_died(self, worker: int, broken: BrokenExecutor) -> str:  # noqa: ARG002
        return str(broken)

    def close(self) -> None:
        """End the processes of the run on all workers."""
        self._over.set()
        with suppress(Exception):  # of a cluster that is gone, they end by themselves
            for future in [known[2] for known in self._under_way.values()]:
                future.cancel(force=True)
            self._cluster.client.run(beside.end_slot, self._terms.run, on_error="ignore")
        self._watch.join(2 * _LOOK_EVERY_S)
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_about: object) -> None:
        self.close()


def _key(request: Request) -> tuple[int, float]:
    """What a job is known by: its trial goes on in later ones."""
    return request.job.trial, float(request.job.from_resource)


def _is_loss(error: BaseException) -> bool:
    return type(error).__name__ in ("KilledWorker", "NoValidWorkerError", "CommClosedError")


def _bring_home(request: Request, answer: _Done) -> None:
    """Write here what a job has written on a machine that does not see the folder."""
    if answer.files.checkpoint is not None and request.save is not None:
        atomic.write_bytes(request.save, answer.files.checkpoint)
    if answer.files.log and request.log is not None:
        with atomic.ours(request.log):
            request.log.parent.mkdir(parents=True, exist_ok=True)
            request.log.write_bytes(answer.files.log)


def owned_slots(cluster: clusters.Cluster, count: int) -> list[Slot]:
    """So many slots of a cluster that nobody else uses; raises ClusterError if there are fewer."""
    cluster.wait_for_workers(count)
    settings = dict(cluster.settings)
    seen = cluster.everywhere(slots.look, settings)
    found = slots.of_workers(cluster.threads(), seen, settings.get("slots") == "gpus")
    if len(found) < count:
        raise clusters.ClusterError(
            f"workers={count}, but {cluster.place} has {len(found)} slots "
            f"({settings.get('slots', 'cores')}): take fewer workers, or a larger cluster"
        )
    return found[:count]


def _ready(terms: _Terms, slot: Slot) -> None:
    """On a worker: have the slot's process build the task."""
    process = beside.of_slot(terms.run, slot.number, terms.code, slot.environment)
    process.do(ready, terms.build, terms.memory_bytes)


def _work(terms: _Terms, slot: Slot, request: Request, files: _Files) -> _Done:
    """On a worker: do a job in the slot's process."""
    if greeting.shares(terms.folder):
        return _Done(_reply(terms, slot, request), True)
    with TemporaryDirectory(prefix="hpobench-") as name:
        folder = Path(name)
        if files.checkpoint is not None:
            (folder / "resume").write_bytes(files.checkpoint)
        save, log = folder / "save", folder / "log"
        asked = request._replace(
            resume=folder / "resume" if files.checkpoint is not None else None,
            save=save if request.save is not None else None,
            progress=folder / "progress",
            log=log if request.log is not None else None,
        )
        reply = _reply(terms, slot, asked)
        back = _Files(
            save.read_bytes() if save.exists() else None, log.read_bytes() if log.exists() else b""
        )
        return _Done(reply, False, back)


def _reply(terms: _Terms, slot: Slot, request: Request) -> Reply:
    process = beside.of_slot(terms.run, slot.number, terms.code, slot.environment)
    try:
        reply = process.do(work, terms.build, request, terms.memory_bytes)
    except beside.DiedError as death:
        return Reply(None, error=f"BrokenExecutor: the worker died: {death}")
    if reply.spent:
        beside.end_slot(terms.run, slot.number)
    return reply
