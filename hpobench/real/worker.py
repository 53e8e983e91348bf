"""What a worker does with a job, in whatever process or thread it runs.

Between jobs a worker keeps the training state of its last trial, so that going on with it needs no
file. States are written where they are, in the worker: nothing large travels with a job.
"""

import math
import multiprocessing
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hpobench import progress
from hpobench.arrays import FloatArray
from hpobench.contracts import Prepares, Task, hook
from hpobench.loop import failures
from hpobench.loop.evaluating import checked
from hpobench.real import checkpoints
from hpobench.records import Evaluation, Job
from hpobench.system import interruption, memory, output, processes, surroundings

BuildTask = Callable[[], Task]
"""Gives the task, built once a process; must be importable by name to go to another process."""


class Request(NamedTuple):
    """One job for one worker.

    `run` and `worker` say whose state may be held in memory. `resume`, `save`: the checkpoint to
    begin with and the one to write, if any. `limit_s`: nobody waits for longer. `log`: where what
    is printed is kept.
    """

    run: str
    worker: int
    job: Job
    seed: int
    resume: Path | None
    save: Path | None
    progress: Path
    limit_s: float
    log: Path | None = None


class Reply(NamedTuple):
    """What came of a request: an evaluation without its checkpoint.

    `error`: it failed, and the evaluation is what was reported before, None if that is not known.
    `checkpoint_bytes`, `checkpoint_hash`: of the file that was written, 0 if none was. `holds`: the
    worker can go on with the trial without a file. `trace`: where in the user's code the error came
    about. `spent`: threads of the job go on, so that the process should do no other job.
    """

    evaluation: Evaluation | None
    checkpoint_bytes: int = 0
    holds: bool = False
    error: str = ""
    checkpoint_hash: str = ""
    trace: str = ""
    spent: bool = False


class _Held(NamedTuple):
    run: str
    trial: int
    resource: float
    state: Any


_held: dict[int, _Held] = {}


def prepare(task: Task) -> None:
    """Have a task load what it needs once a process, if it has a hook for it."""
    if (preparing := hook(task, Prepares)) is not None:
        preparing.prepare()


def ready(build: BuildTask, memory_bytes: float = math.inf) -> None:
    """Build and prepare the task; raises ValueError if that leaves no memory to a job."""
    prepare(build())
    memory.check(memory_bytes)


def work(build: BuildTask, request: Request, memory_bytes: float = math.inf) -> Reply:
    """Do the job, within the memory that the process may take; what it started ends with it.

    Exceptions come back as text: not every exception survives the journey. A StorageError, which is
    no fault of the job, ends the run.
    """
    threads = set(threading.enumerate())
    with processes.ending("a job"):
        reply = _work(build, request, memory_bytes)
    spent = processes.threads_at_work(threads)
    return reply._replace(spent=spent, holds=reply.holds and not spent)


def _work(build: BuildTask, request: Request, memory_bytes: float) -> Reply:
    began = time.perf_counter()
    held = _held.pop(request.worker, None)
    with (
        output.kept_in(_log(request), f"== trial {request.job.trial}\n", whole=True),
        surroundings.restored(),
        interruption.noticed(),
        progress.reporting_to(request.progress, began, request.limit_s),
    ):
        try:
            with memory.limited(memory_bytes):
                return _train(build(), request, held, began)
        except BaseException as error:
            failures.contain(error)
            known = progress.read(request.progress)
            known = known._replace(duration_s=time.perf_counter() - began)
            why = _why(error, memory_bytes)
            return Reply(
                known, error=f"{failures.in_words(error)}{why}", trace=failures.traced(error)
            )


def _log(request: Request) -> Path | None:
    """Where output goes: in the program itself, which has workers if they are threads, nowhere."""
    return None if multiprocessing.parent_process() is None else request.log


def _why(error: BaseException, memory_bytes: float) -> str:
    """Python says of a lack of memory hardly more than that."""
    if not isinstance(error, MemoryError) or memory_bytes == math.inf:
        return ""
    return f" (a worker may take {memory_bytes / 2**20:g} MB)"


def _train(task: Task, request: Request, held: _Held | None, began: float) -> Reply:
    state = _state(task, request, held)
    start = time.perf_counter()
    returned = task.evaluate(request.job, request.seed, state)
    end = time.perf_counter()
    evaluation = checked(returned)
    size, digest = 0, ""
    if evaluation.checkpoint is not None:
        if request.save is not None:
            size, digest = checkpoints.save(task, request.save, evaluation.checkpoint)
        trial, resource = request.job.trial, request.job.to_resource
        _held[request.worker] = _Held(request.run, trial, resource, evaluation.checkpoint)
    seconds = on_the_wall_clock(evaluation, start - began, end - start)
    duration = time.perf_counter() - began
    timed = evaluation._replace(seconds=seconds, duration_s=duration, checkpoint=None)
    holds = request.worker in _held
    return Reply(timed, size, holds=holds, checkpoint_hash=digest)


def _state(task: Task, request: Request, held: _Held | None) -> Any:
    """The state to go on from: still held, or from its file, or None."""
    job = request.job
    if not job.from_resource:
        return None
    if held is not None and held[:3] == (request.run, job.trial, job.from_resource):
        return held.state
    return None if request.resume is None else checkpoints.load(task, request.resume)


def on_the_wall_clock(evaluation: Evaluation, before_s: float, took_s: float) -> FloatArray:
    """When each value of a job was known that really took `took_s`, after `before_s`.

    For a task that measures itself this changes hardly anything. One that states costs, such as a
    table, or counts CPU time has them spread over the time that has really passed.
    """
    stated = evaluation.duration_s
    if stated <= 0:
        return np.full(len(evaluation.values), before_s + took_s)
    return before_s + np.minimum(evaluation.seconds * (took_s / stated), took_s)
