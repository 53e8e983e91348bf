"""Processes below this one: what a job or a run has started ends with it.

Only descendants are ever ended, and none of those that Python and loky keep to clean up behind
others. Linux hands this process, once it is `adopting`, whatever below it has lost its parent; it
lists processes in /proc, other systems with `ps`.
"""

import atexit
import concurrent.futures.thread
import ctypes
import multiprocessing.context
import multiprocessing.spawn
import multiprocessing.util
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from hpobench.system.terminal import Notice

_SET_CHILD_SUBREAPER = 36  # of prctl
_PATIENCE_S = 0.5
_PAUSE_S = 0.001
_LOOK_S = 0.02
_PROC = Path("/proc")

_adopting = False
_spared: set[int] = set()
"""Children of our own that stay from block to block."""
_lock = threading.Lock()
_blocks = 0


class _Known(NamedTuple):
    """What there was before a block: processes, and what multiprocessing is to close at the end."""

    processes: frozenset[int] = frozenset()
    closing: frozenset[Any] = frozenset()


_before = _Known()
_registry: dict[Any, Callable[[], object]] = vars(multiprocessing.util)["_finalizer_registry"]


class _Apart(multiprocessing.context.SpawnProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802  (as Python calls it)
        _begun.apart = True
        try:
            return multiprocessing.context.SpawnProcess._Popen(process_obj)
        finally:
            _begun.apart = False


class _Context(multiprocessing.context.SpawnContext):
    Process = _Apart


_begun = threading.local()
_usual_preparation = multiprocessing.spawn.get_preparation_data


def _preparation(name: str) -> dict[str, Any]:
    data: dict[str, Any] = _usual_preparation(name)
    if getattr(_begun, "apart", False):
        for key in ("init_main_from_path", "init_main_from_name"):
            data.pop(key, None)
    return data


multiprocessing.spawn.get_preparation_data = _preparation


def context() -> multiprocessing.context.SpawnContext:
    """How our processes begin: as new interpreters, which do not import the user's program.

    Python's own would run a script without `if __name__ == "__main__":` once more in each. What
    such a script defines travels by itself (`carried`). Forks of a process with threads may hang.
    """
    return _Context()


def adopt() -> None:
    """In a process of our own: answer for everything below it from now on."""
    global _adopting
    _adopting = True
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def spare(process: int) -> None:
    """Let a child stay from block to block: whoever started it ends it."""
    _spared.add(process)


def how_it_ended(status: int) -> str:
    """The exit status of a process, below 0 the number of a signal, in words."""
    if status >= 0:
        return f"the process ended by itself with status {status}"
    try:
        name = f" ({signal.Signals(-status).name})"
    except ValueError:
        name = ""
    why = ": out of memory, or by somebody" if -status == signal.SIGKILL else ""
    return f"killed by signal {-status}{name}{why}"


def how_they_ended(broken: BaseException) -> str:
    """What loky says of the processes that broke a pool, in the same words."""
    codes = {int(code) for code in re.findall(r"[A-Z]\((-?\d+)\)", str(broken))}
    return " and ".join(map(how_it_ended, sorted(codes))) or "killed, or out of memory"


@contextmanager
def ending(whose: str) -> Iterator[None]:
    """End after the block, with a warning, what was started within it and still runs.

    In a process that others use as well that is what the thread of the block has started. Blocks
    in several threads at a time end it together. A fork that leaves the block ends there.
    """
    global _blocks, _before
    process = os.getpid()
    with _lock:
        if not _blocks:
            _before = _Known(frozenset(_started()), frozenset(_closing()))
        _blocks += 1
    try:
        yield
    finally:
        if os.getpid() != process:
            os._exit(1)
        with _lock:
            _blocks -= 1
            left = 0 if _blocks else _end_all_but(_before)
        if left:
            warnings.warn(
                f"{whose} left {left} process{'es' * (left > 1)} running at its end: they were "
                "ended. What is to stay from job to job belongs into the task's prepare()",
                Notice,
                stacklevel=3,
            )


def end_all() -> None:
    """End everything below this process."""
    _spared.clear()
    _end_all_but(_Known())


def perish() -> NoReturn:
    """End everything below this process, and this one whatever becomes of that."""
    try:
        end_all()
    finally:
        os._exit(1)


def leave(status: int, now: bool = False) -> None:
    """End everything below this process; if `now` or if threads would keep it, the process, too."""
    end_all()
    others = set(threading.enumerate()) - {threading.main_thread()}
    if now or not all(thread.daemon for thread in others):
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(status)


def threads_at_work(before: Collection[threading.Thread]) -> bool:
    """Whether threads that were started since compute, or would keep this process from ending.

    Those that wait, as daemons or in a pool, disturb nobody.
    """
    started = (thread for thread in threading.enumerate() if thread not in before)
    new = [thread for thread in started if not isinstance(thread, threading._DummyThread)]
    for thread in new:
        thread.join(_LOOK_S / len(new))
    left = [thread for thread in new if thread.is_alive()]
    pools: Collection[threading.Thread] = vars(concurrent.futures.thread)["_threads_queues"]
    if any(not thread.daemon and thread not in pools for thread in left):
        return True
    used = [_cpu_time(thread) for thread in left]
    if left:
        time.sleep(_LOOK_S)
    return used != [_cpu_time(thread) for thread in left]


def _cpu_time(thread: threading.Thread) -> str:
    """Of a thread of this process, in the words of Linux; empty on other systems."""
    try:
        return (_PROC / f"self/task/{thread.native_id}/schedstat").read_text().split()[0]
    except OSError:  # it has ended
        return ""


def end(process: int) -> None:
    """End a child of this process, and everything below it; whoever started it waits for it."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGSTOP)  # it starts no more
        until = time.monotonic() + _PATIENCE_S
        while (below := _below({process})) and time.monotonic() < until:
            _kill(below)
            time.sleep(_PAUSE_S)
        os.kill(process, signal.SIGKILL)


def _end_all_but(known: _Known) -> int:
    """Kill and wait for what this process has started; returns how many there were at work."""
    left = _started() - known.processes
    ended = _at_work(left)
    if left:
        closing = threading.Thread(target=_close_pools, args=[known], daemon=True)
        closing.start()
        closing.join(_PATIENCE_S)
    until = time.monotonic() + _PATIENCE_S
    # What loses its parent falls to this process: there may be more after each round.
    while (left := _started() - known.processes) and time.monotonic() < until:
        ended |= _at_work(left)
        _kill(left | _below(left))
        for process in left:
            with suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)
        time.sleep(_PAUSE_S)
    return len(ended)


def _close_pools(known: _Known) -> None:
    """Have pools of multiprocessing and joblib close: were their processes killed, they would hang.

    That is what Python does when a process ends.
    """
    for priority, number in sorted(_closing() - known.closing, reverse=True):
        with suppress(Exception):
            _registry[priority, number]()
    pool = _pool_of_joblib()
    if pool is not None and _adopting and not known.processes.intersection(pool._processes or ()):
        pool.shutdown(wait=True, kill_workers=True)


def _closing() -> set[tuple[int, int]]:
    """The keys of what multiprocessing would close before this process waits for others."""
    return {key for key in _registry if key[0] is not None and key[0] >= 0}


def _started() -> set[int]:
    """The children of this process, or of its thread, that are not helpers."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # there are none: by far the most frequent case
        return set()
    if not _adopting:
        pool = _pool_of_joblib()
        others = _helpers() | _spared | set(pool._processes or () if pool else ())
        return _of_this_thread() - others
    servers, others = _fork_servers(), _helpers() | _spared
    mine = {os.getpid(), *servers}
    return {child for child, parent, _ in _listed() if parent in mine} - servers - others


def _of_this_thread() -> set[int]:
    path = _PROC / f"self/task/{threading.get_native_id()}/children"
    return set(map(int, path.read_text().split())) if path.exists() else set()


def _at_work(processes: set[int]) -> set[int]:
    """Those that have not ended: an ended one may fall to us, of a parent that was ended."""
    if not processes:
        return set()
    return {child for child, _, state in _listed() if child in processes and state != "Z"}


def _below(roots: set[int]) -> set[int]:
    """The descendants of some processes that have not ended yet."""
    children: dict[int, list[int]] = {}
    for process, parent, state in _listed():
        if state != "Z":
            children.setdefault(parent, []).append(process)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        new = set(children.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def _listed() -> Iterator[tuple[int, int, str]]:
    """All processes of the system, with their parents and states (Z: ended, not waited for)."""
    if sys.platform != "linux":
        ps = subprocess.run(["ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True)
        rows = map(str.split, ps.stdout.splitlines())
        yield from ((int(process), int(parent), state[0]) for process, parent, state in rows)
        return
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):  # it has ended
            # PID (NAME) STATE PARENT ...; a name may hold anything, brackets too.
            fields = (_PROC / name / "stat").read_text(errors="replace").rpartition(")")[2].split()
            yield int(name), int(fields[1]), fields[0]


def _kill(processes: set[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def start_helpers() -> None:
    """Start those that Python and loky will want: starting them lets Ctrl-C through."""
    for helper in _trackers():
        helper.ensure_running()


def _helpers() -> set[int]:
    """Processes that clean up behind all others once this one has ended."""
    return {tracker._pid for tracker in _trackers() if getattr(tracker, "_pid", None)}


def _trackers() -> list[Any]:
    packages = "multiprocessing", "joblib.externals.loky.backend", "loky.backend"
    modules = [sys.modules.get(f"{package}.resource_tracker") for package in packages]
    return [module.__dict__["_resource_tracker"] for module in modules if module]


def _fork_servers() -> set[int]:
    """The process that multiprocessing has fork in place of this one, if there is one."""
    server: Any = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    process = getattr(server, "_forkserver_pid", None)
    return {process} if process else set()


def _pool_of_joblib() -> Any:
    """The processes that joblib keeps for later calls, if there are any."""
    module = sys.modules.get("joblib.externals.loky.reusable_executor")
    return getattr(module, "_executor", None)
