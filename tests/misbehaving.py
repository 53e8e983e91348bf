"""Functions of x in [0, 1] that users have handed over, or may: wrong, odd, or hostile.

`WRONG`: names of functions of which no evaluation can have a value, with words that must be said.
`ODD`: names of functions that are fine, whatever they do beside giving a value.
`DEADLY`: names of functions that end their process, with words that must be said.
"""

import asyncio
import contextlib
import fractions
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import yaml

from tests.studies import write_conf

X = {"x": {"type": "float", "low": 0, "high": 1}}


def add_tasks(folder: Path, *names: str) -> None:
    """Write a task of each of these functions into `folder`/conf, with the tasks of other tests."""
    conf = write_conf(folder / "conf")
    for name in names:
        content = {
            "_target_": "hpobench.tasks.functions.FunctionTask",
            "function": f"tests.misbehaving.{name}",
            "space": X,
            "budget": {"trials": 6},
        }
        (conf / "task" / f"{name}.yaml").write_text(yaml.safe_dump(content))


class Silent:
    """A searcher that has nothing to suggest, and a method that has nothing to do."""

    def __init__(self, *about, **more):
        """Whatever it is given."""

    def suggest(self, pending):
        return None

    def ask(self):
        return None

    def observe(self, job, evaluation):
        """Nothing."""

    tell = observe


class WordlessError(Exception):
    """An error that cannot say what it is."""

    def __str__(self):
        raise RuntimeError("no words")


class RootedError(Exception):
    """An error that no other process can read."""

    def __init__(self, x, y):
        super().__init__(x)
        self.hook = lambda: y


def boom(x):
    raise ValueError("boom")


def nothing(x):
    x + 1


def text(x):
    return "0.3"


def not_a_number(x):
    return float("nan")


def infinite(x):
    return np.float64("-inf")


def pair(x):
    return x, 1.0


def array(x):
    return np.full(5, x)


def complex_number(x):
    return complex(x, 0)


def leaves(x):
    sys.exit(4)


def interrupts(x):
    raise KeyboardInterrupt


def cancels(x):
    raise asyncio.CancelledError


def closes_generator(x):
    raise GeneratorExit


def stops_iteration(x):
    raise StopIteration


def surrogate(x):
    raise ValueError("file \udcff")


def wordless(x):
    raise WordlessError


def rooted(x):
    raise RootedError(1, 2)


def recurses(x):
    return recurses(x)


def no_memory(x):
    raise MemoryError


def long_winded(x):
    raise ValueError("x" * 10_000_000)


WRONG = {
    "boom": "ValueError: boom",
    "nothing": "the function returned None",
    "text": "the function returned '0.3', which is of type str",
    "not_a_number": "the function returned nan",
    "infinite": "-inf",
    "pair": "which is of type tuple",
    "array": "which is of type ndarray",
    "complex_number": "which is of type complex",
    "leaves": "SystemExit: 4",
    "interrupts": "KeyboardInterrupt",
    "cancels": "CancelledError",
    "closes_generator": "GeneratorExit",
    "stops_iteration": "StopIteration",
    "surrogate": r"ValueError: file \udcff",
    "wordless": "WordlessError: (its text cannot be had: RuntimeError)",
    "rooted": "RootedError: 1",
    "recurses": "RecursionError",
    "no_memory": "MemoryError",
    "long_winded": " characters ...] xxx",
}


def numpy_scalar(x):
    return np.float32(x)


def one_element(x):
    return np.array([[x]])


def decimal(x):
    return Decimal(str(x))


def fraction(x):
    return fractions.Fraction(x)


def whether(x):
    return x > 0.5


def moves_away(x):
    os.chdir("/")
    return x


def locks_files(x):
    os.umask(0o777)
    return x


def spoils_the_environment(x):
    os.environ.clear()
    sys.setrecursionlimit(150)
    return x


def closes_its_output(x):
    print("said", x)
    sys.stdout.close()
    with contextlib.suppress(OSError):  # once it is closed
        os.close(1)
    return x


def prints(x):
    """As a Python program does, as one in C, and as one that is started does; 6 MB in all."""
    print("\udcff" + 3_000_000 * "p")
    sys.stderr.write("e" * 1_000_000)
    os.write(1, b"c" * 1_000_000)
    subprocess.run("head -c 1000000 /dev/zero | tr '\\0' s; echo end", shell=True, check=True)
    return x


def takes_anything(*args, **kwargs):
    return kwargs["x"]


ODD = [
    *["numpy_scalar", "one_element", "decimal", "fraction", "whether", "takes_anything"],
    *["moves_away", "locks_files", "spoils_the_environment", "closes_its_output", "prints"],
]


def exits_at_once(x):
    os._exit(9)


def crashes(x):
    print("about to crash")
    os.kill(os.getpid(), signal.SIGSEGV)


DEADLY = {
    "exits_at_once": "the process ended by itself with status 9",
    "crashes": "killed by signal 11 (SIGSEGV)",
}


def half_raises(x):
    if x > 0.5:
        raise ValueError("too large")
    return x


def half_leaves(x):
    if x > 0.5:
        sys.exit(3)
    return x


def mostly_raises(x):
    if x > 1 / 16:
        raise ValueError("too large")
    return x
