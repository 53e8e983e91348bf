"""Runs side by side, each in a process of its own: no decision of one waits for another's.

Each has slots of its own for as long as it lasts. Over a pipe it says how it stands, and asks for
another slot in the place of one that is lost.
"""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from hpobench.cluster.slots import Ledger, Slot
from hpobench.real.live import Status, Watch
from hpobench.system import dotted, interruption, processes
from hpobench.system.atomic import StorageError
from hpobench.system.children import begin, capped

T = TypeVar("T")
R = TypeVar("R")

_LOOK_S = 1.0


class Line:
    """In the process of a run: the line to who has started it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def watch(self, status: Status) -> None:
        """Say how the run stands."""
        self._connection.send(("status", status))

    def another(self, slot: Slot) -> Slot | None:
        """A slot in the place of one that is lost, if there is one."""
        self._connection.send(("another", slot))
        found: Slot | None = self._connection.recv()
        return found


Run = Callable[[T, Sequence[Slot], Line], R]
"""What a process does: importable by name."""


class Ended(NamedTuple, Generic[T, R]):
    """How the process of an item ended: with an answer, an exception, or by `died`, in words."""

    item: T
    answer: R | None = None
    error: BaseException | None = None
    died: str = ""


@dataclass
class _Under:
    process: Any
    connection: Connection
    slots: list[Slot]
    status: Status | None = None


class SideBySide(Generic[T, R]):
    """Hands items to processes while there are slots for them.

    `each`: how many slots an item needs. `most`: so many at a time. `look` brings the ledger up to
    date now and then.
    """

    def __init__(
        self,
        function: Run[T, R],
        ledger: Ledger,
        each: Callable[[T], int],
        most: int,
        look: Callable[[Ledger], None] = lambda ledger: None,  # noqa: ARG005
        watch: Watch | None = None,
    ) -> None:
        self._function, self._ledger, self._each, self._most = function, ledger, each, most
        self._refresh, self._watch = look, watch
        self._under_way: list[tuple[T, _Under]] = []

    def run(self, items: Sequence[T]) -> Iterator[Ended[T, R]]:
        """Yields what came of each, in the order in which they end."""
        waiting = deque(items)
        try:
            while waiting or self._under_way:
                self._refresh(self._ledger)
                self._begin(waiting)
                yield from self._listen()
        finally:
            for _, under in self._under_way:
                if under.process.is_alive():
                    processes.end(under.process.pid)
                under.process.join()

    def _begin(self, waiting: "deque[T]") -> None:
        """Start what there are slots for."""
        while waiting and len(self._under_way) < self._most:
            mine = self._ledger.take(self._each(waiting[0]))
            if mine is None:
                return
            item = waiting.popleft()
            ours, theirs = multiprocessing.Pipe()
            about = (theirs, tuple(dotted.own_folders()), self._function, item, mine)
            process = processes.context().Process(target=_main, args=about)
            with capped(1):
                process.start()
            theirs.close()
            self._under_way.append((item, _Under(process, ours, mine)))

    def _listen(self) -> Iterator[Ended[T, R]]:
        lines = {under.connection: (item, under) for item, under in self._under_way}
        for line in wait(list(lines), _LOOK_S):
            item, under = lines[line]  # type: ignore[index]
            try:
                what, content = under.connection.recv()
            except (EOFError, OSError):
                under.process.join()
                interruption.wait_for_signal()
                how = processes.how_it_ended(under.process.exitcode)
                yield self._end(under, Ended(item, died=how))
                continue
            if what == "status":
                under.status = content
                self._show()
            elif what == "another":
                under.connection.send(self._another(under, content))
            elif what == "answer":
                yield self._end(under, Ended(item, content))
            else:
                yield self._end(under, Ended(item, error=content))

    def _another(self, under: _Under, lost: Slot) -> Slot | None:
        found = self._ledger.take(1)
        if found is None:
            return None
        under.slots = [slot for slot in under.slots if slot != lost] + found
        return found[0]

    def _end(self, under: _Under, ended: Ended[T, R]) -> Ended[T, R]:
        under.process.join(_LOOK_S)
        if under.process.is_alive():
            processes.end(under.process.pid)
            under.process.join()
        under.connection.close()
        self._ledger.give_back(under.slots)
        self._under_way = [pair for pair in self._under_way if pair[1] is not under]
        return ended

    def _show(self) -> None:
        known = [under.status for _, under in self._under_way if under.status is not None]
        if self._watch is not None and known:
            self._watch(
                Status(
                    time_s=max(status.time_s for status in known),
                    left_s=max(status.left_s for status in known),
                    running=tuple(trial for status in known for trial in status.running),
                    trials=sum(status.trials for status in known),
                    best=min(status.best for status in known),
                )
            )


def _main(
    connection: Connection,
    folders: Sequence[Path],
    function: Callable[..., Any],
    item: Any,
    mine: Sequence[Slot],
) -> None:
    """In the process of a run."""
    begin()
    dotted.set_folders(folders)
    try:
        answer = function(item, mine, Line(connection))
    except BaseException as error:
        connection.send(("error", _as_it_can_travel(error)))
    else:
        connection.send(("answer", answer))
    connection.close()


def _as_it_can_travel(error: BaseException) -> BaseException:
    if isinstance(error, StorageError):
        return StorageError(str(error))
    return error if isinstance(error, ValueError) else RuntimeError(f"{error!r}")
