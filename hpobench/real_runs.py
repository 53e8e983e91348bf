"""Runs of a study with the wall clock running: one at a time, each on workers of its own."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from hpobench import executor, store
from hpobench.contracts import Method, Task
from hpobench.live import Watch
from hpobench.plan import Chunk, Pair
from hpobench.randomness import objective_seed
from hpobench.rows import RunRecord
from hpobench.runner import Report, build_task, record_run
from hpobench.simulator import Event
from hpobench.workers import WorkerProcesses


def run_all(
    pending: Sequence[Chunk], folder: Path, oversubscribe: bool, watch: Watch | None = None
) -> Iterator[Report]:
    """Run what is pending, one run after the other; yields a report a stored run.

    An interrupted run goes on where its journal ends; a journal is removed once its run is stored.
    """
    for chunk in pending:
        for seed in chunk.seeds:
            journal = journal_path(folder, chunk.pair, seed)
            record = run_one(chunk.pair, seed, journal, oversubscribe, watch)
            store.write_part(folder, [record])
            executor.remove(journal)
            yield Report(Chunk(chunk.pair, (seed,)), {seed: record.error} if record.error else {})


def journal_path(folder: Path, pair: Pair, seed: int) -> Path:
    """Where the journal of a run lies until it is stored."""
    name = f"{pair.task}.{pair.method}.{seed}.{pair.fingerprint}.jsonl"
    return folder / "journal" / name


def run_one(
    pair: Pair, seed: int, journal: Path, oversubscribe: bool = False, watch: Watch | None = None
) -> RunRecord:
    """One run; its CPU seconds count since it was begun or resumed, with those of its workers."""
    before = getrusage(RUSAGE_CHILDREN)
    build = partial(build_task, pair.task_config)
    with WorkerProcesses(build, pair.workers, oversubscribe=oversubscribe) as pool:

        def events(task: Task, method: Method) -> Iterator[Event]:
            return executor.execute(
                task,
                method,
                budget=pair.budget,
                seed=objective_seed(pair.study_seed, pair.task, seed),
                pool=pool,
                journal=journal,
                job_timeout_s=pair.job_timeout_s or math.inf,
                watch=watch,
            )

        record = record_run(pair, seed, events)
    after = getrusage(RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return replace(record, cpu_s=record.cpu_s + spent)
