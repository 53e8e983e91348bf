"""Engines that run the jobs of a study: this machine's processes, loky, Dask, or one's own.

`engine=local` is `pool.WorkerProcesses`, a cluster of Dask `cluster_pool.ClusterPool`: there a job
that hangs is ended by force. All others are executors as of `concurrent.futures`, used through
`SharedExecutor`: `engine=loky`, or the dotted path of a function or class that is called with the
number of workers and gives an executor, such as `engine=mpi4py.futures.MPIPoolExecutor`.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hpobench.cluster import clusters
from hpobench.cluster.settings import LOCAL, Settings, is_cluster
from hpobench.cluster.slots import Slot, here
from hpobench.real.cluster_pool import Another, ClusterPool, owned_slots
from hpobench.real.pool import Pool, WorkerProcesses, check_cores
from hpobench.real.worker import BuildTask, Reply, Request, ready, work
from hpobench.system import memory, processes
from hpobench.system.children import begin, capped
from hpobench.system.dotted import locate
from hpobench.system.threads import THREAD_VARIABLES

Make = Callable[[], Executor]

# So long a worker that is ready waits for the others, and twice the time that it took itself.
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Engine:
    """What the settings say of it. Raises ValueError, when made, for what cannot be."""

    name: str = LOCAL
    settings: Settings = field(default_factory=dict)
    memory_mb: float | None = None

    def __post_init__(self) -> None:
        cluster = is_cluster(self.settings)
        if not cluster and self.name not in (LOCAL, "loky") and "." not in str(self.name):
            raise ValueError(
                f"engine={self.name!r}: use local, loky, a cluster (hpobench list engine), or the "
                "dotted path of a function that takes the number of workers and returns an executor"
            )
        limit = self.memory_mb
        if limit is not None and (isinstance(limit, bool | str) or not limit > 0):
            raise ValueError(f"worker_memory_mb={limit!r}: use a number above 0, or null")
        if limit is not None and not memory.available:
            raise ValueError(f"worker_memory_mb={limit}: only Linux can limit it; use null")
        if "." in self.name and not cluster:
            self._own()

    @property
    def memory_bytes(self) -> float:
        """How much memory a worker may take during a job."""
        return math.inf if self.memory_mb is None else self.memory_mb * 2**20

    def check(self, workers: int, oversubscribe: bool) -> None:
        """Raise ValueError if this machine has too few cores, and is the one to need them."""
        if not is_cluster(self.settings):
            check_cores(workers, oversubscribe)

    @contextmanager
    def open(
        self,
        build: BuildTask,
        workers: int,
        folder: Path,
        oversubscribe: bool = False,
        slots: Sequence[Slot] = (),
        another: Another | None = None,
    ) -> Iterator[Pool]:
        """Workers that end with the context.

        `folder`: that of the run. `slots`: where they are; without, any. `another`: gives a slot in
        the place of one that is lost.
        """
        self.check(workers, oversubscribe)
        if is_cluster(self.settings):
            with self._on_cluster(build, workers, folder, slots, another) as pool:
                yield pool
            return
        if self.name == LOCAL:
            with WorkerProcesses(
                build,
                workers,
                memory_bytes=self.memory_bytes,
                oversubscribe=oversubscribe,
                environments=[slot.environment for slot in slots or self._here(workers)],
                names=list(map(str, slots)),
            ) as pool:
                yield pool
            return
        with self._maker(workers) as make:
            yield SharedExecutor(make, build, workers, folder, self.memory_bytes)

    def _here(self, workers: int) -> list[Slot]:
        """The first slots of this machine; raises ValueError if there are too few GPUs."""
        found = here(self.settings, workers)
        if len(found) < workers:
            names = ", ".join(slot.device for slot in found) or "none"
            raise ValueError(
                f"workers={workers}, but this machine has {len(found)} GPUs ({names}) and each job "
                "needs one of its own: take fewer workers, or engine.slots=cores"
            )
        return found[:workers]

    @contextmanager
    def _on_cluster(
        self,
        build: BuildTask,
        workers: int,
        folder: Path,
        slots: Sequence[Slot],
        another: Another | None,
    ) -> Iterator[Pool]:
        with clusters.opened(self.name, self.settings) as cluster:
            owned = slots or owned_slots(cluster, workers)
            further = {} if another is None else {"another": another}
            with ClusterPool(cluster, build, owned, folder, self.memory_bytes, **further) as pool:
                yield pool

    @contextmanager
    def _maker(self, workers: int) -> Iterator[Make]:
        made: list[Executor] = []
        one = _loky if self.name == "loky" else self._own()

        def make() -> Executor:
            made.append(one(workers))
            return made[-1]

        try:
            yield make
        finally:
            for executor in made:
                how = {"kill_workers": True} if self.name == "loky" else {"wait": False}
                executor.shutdown(**how)

    def _own(self) -> Callable[[int], Executor]:
        try:
            function: Callable[[int], Executor] = locate(self.name)
        except Exception as error:
            raise ValueError(f"engine={self.name!r} cannot be imported: {error}") from error
        return function


def _loky(workers: int) -> Executor:
    from joblib.externals.loky import ProcessPoolExecutor

    threads = dict.fromkeys(THREAD_VARIABLES, "1")
    executor: Executor = ProcessPoolExecutor(workers, initializer=begin, env=threads)
    return executor


class SharedExecutor:
    """Any engine: `make` gives an `Executor` that serves `workers` jobs at a time.

    Who dies in such a pool cannot be told: the jobs under way are begun again, and one that saw
    several pools die is given up. A running job cannot be ended either: after a time-out its worker
    is lost to the run. The workers must see the files of the run; `folder` is one to prove it in,
    by default a temporary one. Whoever made the engine ends it.
    """

    own_processes = False

    def __init__(
        self,
        make: Make,
        build: BuildTask,
        workers: int,
        folder: Path | None = None,
        memory_bytes: float = math.inf,
    ) -> None:
        self.workers = workers
        self._make, self._build, self._folder = make, build, folder
        self._memory_bytes = memory_bytes
        self._engine = make()
        self._progress: dict[int, Path] = {}

    def start(self) -> None:
        """Have every worker build the task.

        Raises RuntimeError if fewer than `workers` are at work at a time.
        """
        with TemporaryDirectory(prefix=".workers-", dir=self._folder) as folder, capped(1):
            meeting = (self._build, self._memory_bytes, Path(folder).resolve(), self.workers)
            coming = [
                self._engine.submit(_meet, worker, *meeting, PATIENCE_S)
                for worker in range(self.workers)
            ]
            met = min(future.result() for future in as_completed(coming))
        if met < self.workers:
            raise RuntimeError(
                f"workers={self.workers}, but the engine had only {met} of them at work at a time: "
                "take fewer, or an engine with more"
            )

    def submit(self, request: Request) -> "Future[Reply]":
        self._progress[request.worker] = request.progress
        with capped(1):  # the engine may start a process now
            return self._engine.submit(work, self._build, request, self._memory_bytes)

    def drop(self, worker: int, future: "Future[Reply]") -> bool:
        """Only a job that waits can be taken back; one that has begun has its progress file.

        Not every engine knows the difference: Dask would cancel either, and then give the next job
        to the worker that still has this one.
        """
        return not self._progress[worker].exists() and future.cancel()

    def recover(self) -> None:
        self._engine = self._make()

    def how_it_died(self, worker: int, broken: BrokenExecutor) -> str:  # noqa: ARG002
        return processes.how_they_ended(broken)


def _meet(
    worker: int,
    build: BuildTask,
    memory_bytes: float,
    folder: Path,
    workers: int,
    patience_s: float,
) -> int:
    """Build the task, then wait for the other workers; returns how many came."""
    began = time.monotonic()
    ready(build, memory_bytes)
    (folder / str(worker)).touch()
    until = time.monotonic() + 2 * (time.monotonic() - began) + patience_s
    while (met := len(list(folder.iterdir()))) < workers and time.monotonic() < until:
        time.sleep(0.02)
    return met
