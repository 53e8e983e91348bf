"""Training loops as users write them: their value at an epoch is 1 / epoch + x, less is better."""

import itertools
from functools import partial

from hpobench.progress import report

CALLS: list[str] = []
"""What the loops of this module have trained: "x@epoch"."""


def value(x, epoch):
    CALLS.append(f"{x:g}@{epoch}")
    return 1 / epoch + x


def eight_lines(x, seed):
    model = {"epoch": 0}
    while True:
        model["epoch"] += 1
        yield value(x, model["epoch"])


def with_dicts(x):
    for epoch in itertools.count(1):
        loss = value(x, epoch)
        yield {"value": 1 - loss, "test": 0.9 - loss, "train": 1.1 - loss, "size": 10 * x}


def write(text, folder):
    (folder / "epoch.txt").write_text(text)


def saving(x, load=None):
    epoch = int((load / "epoch.txt").read_text()) if load else 0
    while True:
        epoch += 1
        text = str(epoch)
        save = partial(write, text)
        yield {"value": value(x, epoch), "save": save}


class Iterated:
    def __init__(self, x):
        self.x, self.epoch = x, 0

    def __iter__(self):
        while True:
            self.epoch += 1
            yield value(self.x, self.epoch)

    def save(self, folder):
        (folder / "deep").mkdir()
        (folder / "deep" / "epoch").write_text(str(self.epoch))

    def load(self, folder):
        self.epoch = int((folder / "deep" / "epoch").read_text())


def reporting(x):
    for epoch in range(1, 100):
        try:
            report(epoch, value(x, epoch), test_value=x)
        except Exception:
            continue  # a loop that survives its own errors


def reporting_and_saving(x, load=None):
    first = int((load / "epoch").read_text()) if load else 0

    def save(folder):
        (folder / "epoch").write_text(str(epoch))

    for epoch in range(first + 1, 100):
        report(epoch, value(x, epoch), save=save)


def from_zero(x):
    for epoch in range(10):
        report(epoch, x)


def in_strides(x):
    for step in range(10, 1000, 10):
        yield {"value": x / step, "resource": step}


def early(x):
    for epoch in range(1, 4):
        yield value(x, epoch)


def diverges(x):
    yield 0.5
    yield 0.4
    yield float("nan")


def raises(x):
    yield 0.5
    raise RuntimeError("out of ideas")


def silent(x):
    return x


def forgets_to_save(x, load=None):
    while True:
        yield x


def saves_nothing(x, load=None):
    while True:
        yield {"value": x, "save": str}


class OneHalf(Iterated):
    load = None


def with_train(x):
    for epoch in itertools.count(1):
        yield {"value": value(x, epoch), "train": value(x, epoch) / 2}
