"""Clusters for tests: their processes, a study that takes a while, and what must hold in the end.

Everything that is started carries a token in its environment, by which what is left is found.
"""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pandas as pd
import pytest
import yaml

from hpobench.storage import parts

ROOT = Path(__file__).parents[2]
TOKEN = "HPOBENCH_TEST_TOKEN"
PATIENCE_S = 300.0
REAL_CLUSTER = pytest.mark.skipif(
    "HPOBENCH_CLUSTER_TESTS" not in os.environ, reason="takes minutes: make test-cluster"
)

OWN = """
import time

def error(x, y):
    time.sleep(PACE)
    return (x - 0.3) ** 2 + y
"""


class Processes:
    """Processes of one test: started with its token, and all ended by it."""

    def __init__(self) -> None:
        self.token = uuid.uuid4().hex
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, log: Path, **environment: str) -> "subprocess.Popen[bytes]":
        """A process in a group of its own, with this checkout on its path."""
        whole = os.environ | {"PYTHONPATH": str(ROOT), TOKEN: self.token} | environment
        with log.open("ab") as file:
            process = subprocess.Popen(
                command, env=whole, stdout=file, stderr=file, start_new_session=True
            )
        self.started.append(process)
        return process

    def left(self) -> list[str]:
        """The processes that carry the token: number and command."""
        mark = f"{TOKEN}={self.token}".encode()
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (place / "environ").read_bytes() and int(place.name) != os.getpid():
                    words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if words:
                        found.append(f"{place.name} {words[:200]}")
        return found

    def check_none_left(self, patience_s: float = 120.0) -> None:
        """AssertionError, naming them, if processes are left after a while."""
        with suppress(AssertionError):
            until(lambda: not self.left(), patience_s)
        assert self.left() == []

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.terminate()
        for process in self.started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
        for line in self.left():
            with suppress(ProcessLookupError):
                os.kill(int(line.split()[0]), signal.SIGKILL)


@contextmanager
def processes() -> Iterator[Processes]:
    made = Processes()
    try:
        yield made
    finally:
        made.end()


def until(what: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait for something; AssertionError if it does not come about."""
    end = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def write_conf(folder: Path, pace: float = 0.004) -> Path:
    """A task whose code stands beside its YAML, and takes its time."""
    (folder / "task").mkdir(parents=True)
    (folder / "own_error.py").write_text(OWN.replace("PACE", str(pace)))
    axis = {"type": "float", "low": 0.0, "high": 1.0}
    task = {
        "_target_": "hpobench.tasks.functions.FunctionTask",
        "function": "own_error.error",
        "space": {"x": axis, "y": axis},
        "noise": "none",
        "optimum": 0.0,
        "budget": {"time_s": 50},
    }
    (folder / "task" / "own.yaml").write_text(yaml.safe_dump(task))
    return folder


def words(folder: Path, name: str, *settings: str) -> list[str]:
    """A command that runs a study below a folder."""
    return [
        *(sys.executable, "-m", "hpobench.cli", "run", f"runs_dir={folder}/runs", f"name={name}"),
        *("--conf", str(folder / "conf"), *settings),
    ]


def command(folder: Path, name: str, *settings: str) -> list[str]:
    """3 methods x 4 tasks x 20 seeds, as a command."""
    chosen = ["task=[own,branin,curves_stable,curves_crossing]", "method=[random,evolution,asha]"]
    chosen += ["seeds=20", "part_runs=5", "budget.trials=60", "workers=2"]
    return words(folder, name, *chosen, *settings)


def stored(folder: Path) -> int:
    """How many runs are stored."""
    return len(parts.inventory(folder))


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """All that is stored of a study, less what was measured, in the order of its runs."""
    found = {}
    selection = parts.select(folder, lambda _: True)
    for name in ("observations", "trials", "jobs", "decisions", "runs"):
        pieces = [table.to_pandas() for table in parts.read(selection, name)]
        rows = pd.concat(pieces, ignore_index=True)
        for column in ("task", "method"):
            rows[column] = rows[column].astype(str)
        rows = rows.sort_values(["task", "method", "seed"], kind="stable", ignore_index=True)
        measured = {"seconds", "cpu_s", "setup_s"}
        found[name] = rows[sorted(set(rows.columns) - measured)]
    return found


def check_same(folder: Path, reference: Path) -> None:
    """The same rows as a local run, and no run twice."""
    theirs, ours = tables(reference), tables(folder)
    for name, rows in ours.items():
        for column in rows.select_dtypes("category"):
            rows[column] = rows[column].astype(str)
            theirs[name][column] = theirs[name][column].astype(str)
        pd.testing.assert_frame_equal(rows, theirs[name], check_exact=True)
    assert not ours["runs"].duplicated(["task", "method", "seed"]).any()
    seeds = [
        (part.name.rsplit(".", 2)[0], seed)
        for part in parts._folders(folder)
        for seed in json.loads((part / "seal.json").read_bytes())["seeds"]
    ]
    assert len(seeds) == len(set(seeds)) == 240


def local_run(folder: Path, made: Processes) -> Path:
    """The same study on this machine alone."""
    process = made.start(*command(folder, "local"), log=folder / "local.log")
    assert process.wait(PATIENCE_S) == 0, (folder / "local.log").read_text()
    return folder / "runs" / "local"


@contextmanager
def dask(
    folder: Path,
    made: Processes,
    workers: int = 3,
    *,
    host: str = "127.0.0.1",
    before: Sequence[str] = (),
    inside: Sequence[Sequence[str]] = (),
    **environment: str,
) -> Iterator[str]:
    """A scheduler and workers; `before`, `inside`: what its and their commands are run by."""
    file = folder / f"scheduler-{uuid.uuid4().hex}.json"
    quiet = ["--no-dashboard"]
    with ExitStack() as stack:
        scheduler = made.start(
            *(*before, sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", host),
            *("--port", "0", "--scheduler-file", str(file), *quiet),
            log=folder / "scheduler.log",
        )
        stack.callback(_ended, scheduler)
        until(lambda: file.exists() and bool(file.read_text()))
        address = json.loads(file.read_text())["address"]
        for number in range(workers):
            within = inside[number] if inside else ()
            worker = made.start(
                *(*within, sys.executable, "-m", "distributed.cli.dask_worker", address),
                *("--nthreads", "1", "--memory-limit", "0", *quiet),
                *([] if inside else ["--host", host]),
                log=folder / f"worker-{number}.log",
                **environment,
            )
            stack.callback(_ended, worker)
        yield address


def _ended(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def kill_one_worker(made: Processes) -> None:
    """kill -9 of a worker below its nanny, the one that was started last."""
    beside = [line for line in made.left() if "spawn_main" in line]
    children = []
    for line in beside:
        number = line.split()[0]
        with suppress(OSError):
            parent = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1]
            words = Path(f"/proc/{parent}/cmdline").read_bytes()
            if b"dask_worker" in words:
                children.append(int(number))
    assert children, made.left()
    os.kill(max(children), signal.SIGKILL)


@contextmanager
def slurm(folder: Path, nodes: int = 3) -> Iterator[dict[str, str]]:
    """A SLURM with nodes on this machine; gives the environment that finds it."""
    tool = os.environ.get("HPOBENCH_SLURM", str(ROOT.parent / "shared" / "tools" / "slurm-here"))
    place = folder / "slurm"
    with (folder / "slurm.log").open("ab") as log:
        subprocess.run([tool, "start", str(place), str(nodes)], check=True, stdout=log, stderr=log)
    try:
        yield {"SLURM_CONF": str(place / "slurm.conf")}
    finally:
        subprocess.run([tool, "stop", str(place)], check=True)
        until(lambda: not _daemons(place), 30)


def _daemons(place: Path) -> list[int]:
    """The daemons of a SLURM that run: they name its nodes, or its configuration."""
    files = [*place.glob("slurmd-*.pid"), place / "slurmctld.pid"]
    numbers = [int(file.read_text()) for file in files if file.exists() and file.read_text()]
    return [number for number in numbers if Path(f"/proc/{number}").exists()]


def lose_node(environment: dict[str, str], folder: Path, node: str) -> None:
    """kill -9 of the node's daemon and of what runs on it; SLURM is told that it is down."""
    for line in _of_slurm(folder, node):
        with suppress(ProcessLookupError):
            os.kill(line, signal.SIGKILL)
    words = ["scontrol", "update", f"nodename={node}", "state=down", "reason=lost"]
    subprocess.run(words, check=True, env=os.environ | environment)


def _of_slurm(folder: Path, node: str) -> list[int]:
    """The daemon of a node, and all processes of its jobs."""
    file = folder / "slurm" / f"slurmd-{node}.pid"
    found = [int(file.read_text())]
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            environ = (place / "environ").read_bytes().split(b"\0")
            if f"SLURMD_NODENAME={node}".encode() in environ:
                found.append(int(place.name))
    return found


@contextmanager
def hosts(names: Sequence[str]) -> Iterator[list[list[str]]]:
    """Network namespaces, each a host of its own: the first has the bridge between all of them.

    Gives, for each, what a command is run by. All but the first have an empty /tmp and /root of
    their own, so that no file of ours is seen there but those of the checkout.
    """
    mark = uuid.uuid4().hex[:6]
    spaces = [f"hpob{mark}{name}" for name in names]

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    with ExitStack() as stack:
        for number, space in enumerate(spaces):
            ip("netns", "add", space)
            stack.callback(ip, "netns", "del", space)
            inside = ("netns", "exec", space, "ip")
            ip(*inside, "link", "set", "lo", "up")
            if not number:
                ip(*inside, "link", "add", "br0", "type", "bridge")
                ip(*inside, "addr", "add", "10.211.7.1/24", "dev", "br0")
                ip(*inside, "link", "set", "br0", "up")
                continue
            here, there = f"v{mark}{number}a", f"v{mark}{number}b"
            ip("link", "add", here, "netns", spaces[0], "type", "veth", "peer", "name", there,
               "netns", space)  # fmt: skip
            ip("netns", "exec", spaces[0], "ip", "link", "set", here, "master", "br0", "up")
            ip(*inside, "addr", "add", f"10.211.7.{number + 1}/24", "dev", there)
            ip(*inside, "link", "set", there, "up")
        bare = [["ip", "netns", "exec", space] for space in spaces]
        empty = "mount -t tmpfs none /tmp && mkdir /tmp/home && cd /tmp/home && exec "
        alone = [
            [*words, "unshare", "--mount", "sh", "-c", f'{empty} env HOME=/tmp/home "$@"', "sh"]
            for words in bare
        ]
        yield [bare[0], *alone[1:]]
