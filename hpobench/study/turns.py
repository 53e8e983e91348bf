"""Calls of one study side by side: each run is made by one of them.

Whoever runs a chunk holds a lock for it (`locks`), which it loses when it dies. What another call
holds is left to it, looked at again in the end, and run if that call has not stored it.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hpobench.identity import RunKey
from hpobench.storage import parts
from hpobench.study.pairs import Chunk
from hpobench.system import atomic, locks
from hpobench.system.names import as_file_name

_PAUSE_S = 0.5


class Report(NamedTuple):
    """How the runs of a chunk ended: the errors of the failed ones by seed.

    `taken`: nothing was run, another call is at it. `left`: which of its runs could not be made,
    and are not stored, with the reason. `workers`: how many a cluster has, 0 if there is none.
    """

    chunk: Chunk
    errors: dict[int, str]
    taken: bool = False
    left: tuple[str, ...] = ()
    workers: int = 0


Run = Callable[[Sequence[Chunk]], Iterator[Report]]


def _path(folder: Path, chunk: Chunk) -> Path:
    """The lock of a chunk: the same for calls that miss different seeds of it."""
    pair = chunk.pair
    names = f"{as_file_name(pair.task)}.{as_file_name(pair.method)}"
    return folder / "parts" / f".turn {names}.{chunk.first}.{pair.fingerprint}"


@contextmanager
def turn(folder: Path, chunk: Chunk) -> Iterator[bool]:
    """Whether it is this process that runs the chunk, which no other does within the block."""
    path = _path(folder, chunk)
    with atomic.ours(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = locks.acquire(path)
    if lock is not None:
        with lock:
            yield True
        return
    yield _is_kept_by_the_dead(path)


def _is_kept_by_the_dead(path: Path) -> bool:
    """Whether what a dead process had started has kept its lock.

    A process that has just taken the lock of a dead one may not have signed it yet.
    """
    found = locks.holder(path)
    if found is None or not found.is_dead():
        return False
    time.sleep(_PAUSE_S)
    return locks.holder(path) == found


def sweep(folder: Path) -> None:
    """Remove the locks that killed processes have left."""
    for path in (folder / "parts").glob(".turn *"):
        if not path.name.endswith(".alone") and (lock := locks.acquire(path)) is not None:
            lock.close()


def missing(folder: Path, chunk: Chunk) -> Chunk | None:
    """What is to run of a chunk whose turn it is: another call may just have stored it."""
    stored = parts.stored(folder, chunk.pair.key(chunk.seeds[0]), chunk.seeds)
    done = {key.seed for key, status in stored.items() if status == "ok"}
    return chunk.less(done)


def side_by_side(run: Run, pending: Sequence[Chunk], folder: Path) -> Iterator[Report]:
    """Run what is pending with `run`, and wait for what other calls run of it."""
    waiting = list(pending)
    while waiting:
        taken = []
        for report in run(waiting):
            if report.taken:
                taken.append(report.chunk)
            else:
                yield report
        if not taken:
            return
        _wait(folder, taken)
        stored = parts.inventory(folder)
        yield from (_elsewhere(chunk, stored) for chunk in taken)
        left = [chunk.less({key.seed for key in stored if _of(key, chunk)}) for chunk in taken]
        waiting = [chunk for chunk in left if chunk is not None]


def _wait(folder: Path, taken: Sequence[Chunk]) -> None:
    """Until no other call runs any of the chunks."""
    runs, path = sum(len(chunk.seeds) for chunk in taken), _path(folder, taken[0])
    print(
        f"waiting for {runs} runs that another call has begun: {locks.holder(path) or 'just now'}. "
        f"If it has ended, remove {path.parent}/.turn *",
        file=sys.stderr,
    )
    for chunk in taken:
        while True:
            with turn(folder, chunk) as mine:
                if mine:
                    break
            time.sleep(_PAUSE_S)


def _elsewhere(chunk: Chunk, stored: Mapping[RunKey, tuple[str, Path]]) -> Report:
    """The report of what another call has stored of a chunk."""
    status = {key.seed: what for key, (what, _) in stored.items() if _of(key, chunk)}
    seeds = tuple(seed for seed in chunk.seeds if seed in status)
    errors = {seed: "failed in another call" for seed in seeds if status[seed] != "ok"}
    return Report(Chunk(chunk.pair, seeds, chunk.first), errors)


def _of(key: RunKey, chunk: Chunk) -> bool:
    return key == chunk.pair.key(key.seed)
