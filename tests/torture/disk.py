"""Disks without room: studies on both clocks whose files can grow no further, then can again.

Each trial gives a study a random room, runs it until it ends, gives it all room and runs it again.
It holds if the first call ends whole or with a StorageError that names a file, and if the second
has stored every run, none failed by it, on the simulated clock the same as without any trouble.
Room is that of a small tmpfs where one can be mounted (root on Linux), else a limit on file sizes,
which gives short writes as well.
"""

import random
import resource
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from hpobench.results import Study, load
from hpobench.storage import seal
from hpobench.system.atomic import StorageError
from tests.studies import execute, plan, write_conf

SIMULATED = ("task=bowl", "method=[random,asha]", "seeds=4", "budget.trials=40", "part_runs=2")
REAL = ("task=sleeper", "method=asha", "clock=real", "workers=1", "seeds=1", "budget.trials=40")
DISK_BYTES = 4 << 20

Limited = tuple[Path, Callable[[], object] | None]
"""Where to store runs, and what gives them all room; None: it cannot be limited."""


def attack(folder: Path, scale: float) -> Counter[str]:
    """Trials on the simulated clock, which are cheap, and on the wall clock."""
    write_conf(folder / "conf")
    sleeper = {"_target_": "tests.real_runs.Sleeper", "pace": [0.001] * 4}
    (folder / "conf" / "task" / "sleeper.yaml").write_text(yaml.safe_dump(sleeper))
    counts: Counter[str] = Counter()
    rng = random.Random(0)
    for settings, most_bytes, trials in [(SIMULATED, 60_000, 40), (REAL, 30_000, 8)]:
        place = folder / settings[0].partition("=")[2]
        whole = plan(folder, *settings, f"runs_dir={place}")
        execute(whole)
        for number in range(round(trials * scale)):
            limit = _small_disk if number % 2 else _small_files
            with limit(folder / "small", rng.randrange(most_bytes)) as (runs, give_room):
                if give_room is None:
                    counts["skipped: no tmpfs can be mounted"] += 1
                else:
                    counts[_outcome(folder, settings, runs, give_room, load(whole.folder))] += 1
    return counts


def _outcome(
    folder: Path,
    settings: tuple[str, ...],
    runs: Path,
    give_room: Callable[[], object],
    before: Study,
) -> str:
    first = plan(folder, *settings, f"runs_dir={runs}")
    try:
        execute(first)
    except StorageError as error:
        if str(runs) not in str(error):
            return "an error that names no file"
    except Exception as error:
        return f"ended with {type(error).__name__}"
    give_room()
    seal._examined.cache_clear()
    execute(plan(folder, *settings, f"runs_dir={runs}"))
    again = load(first.folder)
    if set(again.runs["status"]) != {"ok"} or len(again.runs) != len(before.runs):
        return "runs failed or missing"
    if (again.observations["status"] == "failed").any():
        return "trials failed"
    if settings is SIMULATED and not again.observations.equals(before.observations):
        return "other results"
    return "strays left" if list(first.folder.rglob(".draft*")) else "held"


@contextmanager
def _small_files(folder: Path, room: int) -> Iterator[Limited]:
    """No file may grow beyond `room` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield folder / "runs", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def _small_disk(folder: Path, room: int) -> Iterator[Limited]:
    """All files together may take `room` bytes, in whole pages."""
    folder = folder.with_name("disk")
    folder.mkdir(exist_ok=True)
    options = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "hpobench", str(folder)]
    if subprocess.run(options, capture_output=True, check=False).returncode:
        yield folder, None
        return
    try:
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(DISK_BYTES - room))
        yield folder / "runs", ballast.unlink
    finally:
        # What was started may still be ending.
        subprocess.run(["umount", "-l", str(folder)], check=True)
