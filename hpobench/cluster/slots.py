"""Slots: the places where one job at a time may run, so that no measured second is another job's.

A slot is a core, as a thread of a worker of a cluster stands for one, or a GPU. A job sees the GPU
of its slot alone (`CUDA_VISIBLE_DEVICES`). A run owns its slots as long as it lasts.
"""

import os
import socket
import subprocess
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hpobench.cluster.settings import Settings

VISIBLE = "CUDA_VISIBLE_DEVICES"


class Slot(NamedTuple):
    """A place for one job: a machine, the address of a worker there ("": ours), a number, a GPU.

    `device`: as `CUDA_VISIBLE_DEVICES` is to name it; `unique`: by what no other is called.
    """

    host: str
    worker: str = ""
    number: int = 0
    device: str = ""
    unique: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What is set in the process of a job."""
        return {VISIBLE: self.device} if self.device else {}

    def __str__(self) -> str:
        place = self.host if not self.worker else f"{self.host} {self.worker}"
        return f"{place} gpu {self.device}" if self.device else f"{place} #{self.number}"


def devices(settings: Settings) -> list[tuple[str, str]]:
    """The GPUs of this machine that may be used, each with a name that no other has.

    Those that the settings name, else those that are visible already, else all that there are.
    """
    known = _by_number()
    stated = settings.get("devices")
    if stated is None and (visible := os.environ.get(VISIBLE)) is not None:
        stated = [word.strip() for word in visible.split(",") if word.strip() not in ("", "-1")]
    chosen = list(known) if stated is None else list(map(str, stated))
    return [(device, known.get(device, device)) for device in chosen]


def _by_number() -> dict[str, str]:
    """The unique names of GPUs, by their numbers, as the driver has them."""
    command = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    rows = [line.split(",") for line in done.stdout.splitlines() if "," in line]
    return {number.strip(): unique.strip() for number, unique in rows}


def here(settings: Settings, cores: int) -> list[Slot]:
    """The slots of this machine."""
    host = socket.gethostname()
    if settings.get("slots") != "gpus":
        return [Slot(host, number=number) for number in range(cores)]
    return [Slot(host, "", n, *found) for n, found in enumerate(devices(settings))]


class Seen(NamedTuple):
    """On a worker of a cluster: its machine, and the GPUs that it may use."""

    host: str
    devices: Sequence[tuple[str, str]]


def look(settings: dict[str, Any]) -> Seen:
    """On a worker: what there is."""
    gpus = devices(settings) if settings.get("slots") == "gpus" else []
    return Seen(socket.gethostname(), gpus)


def of_workers(
    threads: dict[str, int], seen: dict[str, Seen], gpus: bool, taken: Iterable[Slot] = ()
) -> list[Slot]:
    """The slots of workers: a thread each and, if they are GPUs, no GPU twice.

    Workers of one machine may see the same GPUs: each gets those that no other has.
    """
    used = {(slot.host, slot.unique) for slot in taken if slot.device}
    made = []
    for address in sorted(set(threads) & set(seen)):
        host, found = seen[address]
        if not gpus:
            made += [Slot(host, address, number) for number in range(threads[address])]
            continue
        free = [one for one in found if (host, one[1]) not in used][: threads[address]]
        used |= {(host, unique) for _, unique in free}
        made += [Slot(host, address, number, *one) for number, one in enumerate(free)]
    return made


class Ledger:
    """Which slots there are, and who has them."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._free = list(slots)
        self._taken: set[Slot] = set()

    def __len__(self) -> int:
        return len(self._free) + len(self._taken)

    @property
    def all(self) -> list[Slot]:
        """All slots, taken or not."""
        return [*self._free, *self._taken]

    def take(self, count: int) -> list[Slot] | None:
        """So many slots, if they are free, those of one worker together."""
        if count > len(self._free):
            return None
        self._free.sort(key=lambda slot: (slot.host, slot.worker, slot.number))
        mine, self._free = self._free[:count], self._free[count:]
        self._taken |= set(mine)
        return mine

    def give_back(self, slots: Iterable[Slot]) -> None:
        """Free slots again that are still there."""
        back = [slot for slot in slots if slot in self._taken]
        self._taken -= set(back)
        self._free += back

    def keep(self, workers: Iterable[str]) -> None:
        """Forget the slots of workers that are not there any more."""
        there = set(workers)
        self._free = [slot for slot in self._free if slot.worker in there]
        self._taken = {slot for slot in self._taken if slot.worker in there}

    def add(self, slots: Iterable[Slot]) -> None:
        """New slots."""
        known = set(self.all)
        self._free += [slot for slot in slots if slot not in known]
