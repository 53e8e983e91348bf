"""A task that really takes its time, for the real executor; its misdeeds are written into it.

A configuration `x` is trained at `pace[x]` seconds an epoch. Values are fixed: x + 1 / epoch.
"""

import os
import signal
import time
from functools import partial
from pathlib import Path

import numpy as np

from hpobench import progress
from hpobench.records import Evaluation, Fidelity
from tests.tiny import ScriptedTask

EPOCHS = Fidelity("epochs", 1, 9)


class Sleeper(ScriptedTask):
    """`crimes[x]`: what configuration x does in its second epoch.

    `raise`, `hang`, `exit`, `die` (kill -9), `memory`; `greed`: ask for 2 GiB of it;
    `die_once`: only if `flag` does not exist. A worker takes `prepare_s` to start.
    """

    def __init__(
        self, pace, *, crimes=None, flag=None, can_checkpoint=True, log=None, prepare_s=0.0
    ):
        super().__init__(pace, fidelity=EPOCHS, can_checkpoint=can_checkpoint)
        self.prepare_s = prepare_s
        self.crimes = crimes or {}
        self.flag = flag
        self.log = log

    def prepare(self):
        time.sleep(self.prepare_s)

    def evaluate(self, job, seed, checkpoint):
        x, begin = job.config["x"], time.perf_counter()
        start = 0 if checkpoint is None else int(checkpoint["epoch"])
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{job.trial} {start} {os.getpid()}\n")
        rows = []
        for epoch in range(start + 1, int(job.to_resource) + 1):
            time.sleep(self.costs[x])
            if epoch == 2:
                self.commit(self.crimes.get(x))
            value = x + 1 / epoch
            if epoch > job.from_resource:
                rows.append((epoch, time.perf_counter() - begin, value))
                progress.report(epoch, value)
        epochs, seconds, values = map(np.array, zip(*rows, strict=True))
        return Evaluation(
            resources=epochs.astype(float),
            seconds=seconds,
            values=values,
            duration_s=time.perf_counter() - begin,
            checkpoint={"epoch": int(job.to_resource), "weights": np.arange(3.0)},
        )

    def commit(self, crime):
        if crime == "raise":
            raise ValueError("diverged")
        if crime == "memory":
            raise MemoryError("too large")
        if crime == "greed":
            np.zeros(2 << 30, dtype=np.uint8)
        if crime == "exit":
            raise SystemExit(3)
        if crime == "hang":
            time.sleep(1000)
        if crime == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if crime == "die_once" and not Path(self.flag).exists():
            Path(self.flag).touch()
            os.kill(os.getpid(), signal.SIGKILL)


_built = {}


def build(**settings):
    """The task of these settings, built once a process."""
    key = repr(settings)
    if key not in _built:
        _built[key] = Sleeper(**settings)
    return _built[key]


def builder(**settings):
    """What a pool takes: gives the task, and can be sent to another process."""
    return partial(build, **settings)
