"""`hpobench check`: whether tasks and methods keep their contract, tried in other processes."""

import argparse
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hpobench.checking import methods, tasks
from hpobench.checking.trying import Report
from hpobench.system import dotted, processes
from hpobench.system.threads import cap_threads

_HASH_SEEDS = ("1", "2")
_LONGEST_S = 300.0


class Subject(NamedTuple):
    """What is checked: `look` tells in another process what was found, from settings or a path."""

    name: str
    look: Callable[[], Report]


def check(options: argparse.Namespace) -> int:
    """Check all that is named; 1 if anything breaks its contract."""
    cap_threads()
    # Objects are named as Python would find them here.
    dotted.set_folders([*map(Path, options.conf), Path.cwd()])
    found = []
    for subject in _subjects(options):
        report = _apart(subject)
        found.append({"name": subject.name, "faults": report.faults, "notes": report.notes})
        if not options.json:
            print(_in_words(subject.name, report), flush=True)
    if options.json:
        print(json.dumps(found, indent=1))
    return int(any(each["faults"] for each in found))


def _in_words(name: str, report: Report) -> str:
    count = len(report.faults)
    head = f"{count} fault{'s' * (count > 1)}" if count else "keeps its contract"
    lines = [f"{name}: {head}", *(f"  - {fault}" for fault in report.faults)]
    return "\n".join([*lines, *(f"    ({note})" for note in report.notes)])


def _subjects(options: argparse.Namespace) -> Iterator[Subject]:
    objects = [word for word in options.what if "=" not in word]
    for word in objects:
        module, colon, name = word.partition(":")
        if not colon or not name:
            raise ValueError(
                f"{word!r}: check task=NAME, method=NAME, or an object by package.module:object"
            )
        yield Subject(word, partial(_look_at_object, f"{module}.{name}"))
    settings = [word for word in options.what if "=" in word]
    if settings:
        yield from _of_conf(settings, options.conf)


def _of_conf(words: Sequence[str], conf: Sequence[Path]) -> Iterator[Subject]:
    """The tasks and methods that are named, with the settings that stand beside them."""
    from hpobench.study import catalogue, compose

    groups = [group for group in ("task", "method") if _names(words, group)]
    if not groups:
        raise ValueError(f"{' '.join(words)}: say what to check: task=NAME or method=NAME")
    anyone = [
        f"{group}={catalogue.names(group)[0]}"
        for group in ("task", "method")
        if group not in groups
    ]
    composed = compose.load([*words, *anyone], conf)
    chosen: Mapping[str, int] = {"task": 0, "method": 1}
    for group in groups:
        for name in dict.fromkeys(pair[chosen[group]] for pair in composed.pairs):
            own = composed.settings[f"{group}s"][name]
            config = {key: value for key, value in own.items() if key not in ("about", "budget")}
            look = _look_at_task if group == "task" else _look_at_method
            yield Subject(f"{group} {name}", partial(look, json.dumps(config)))


def _names(words: Sequence[str], group: str) -> bool:
    return any(word.startswith(f"{group}=") for word in words)


def _look_at_task(config: str) -> Report:
    from hpobench.study import build

    return _of_task(partial(build.build_task, json.loads(config)))


def _of_task(build: Callable[[], Any]) -> Report:
    try:
        task = build()
    except Exception as error:
        return Report((f"it cannot be made: {_cause(error)}",))
    return tasks.look(task)


def _look_at_method(config: str) -> Report:
    return methods.look(partial(_method, json.loads(config)))


def _method(config: dict[str, Any], space: Any, fidelity: Any, rng: Any, workers: int) -> Any:
    from hpobench.study import build

    class Problem:
        """What a method is built on."""

    Problem.space, Problem.fidelity = space, fidelity  # type: ignore[attr-defined]
    try:
        return build.build_method(config, Problem, rng, workers)  # type: ignore[arg-type]
    except Exception as error:
        raise ValueError(_cause(error)) from error


def _cause(error: BaseException) -> str:
    """The words of what was wrong at first."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"


def _look_at_object(path: str) -> Report:
    """Whatever stands at a path: a task, a method, a searcher, a scheduler, or what makes one."""
    found = dotted.locate(path)
    if _has(found, "evaluate", "space") and not isinstance(found, type):
        return _of_task(lambda: found)
    if _has(found, "ask", "tell"):
        return methods.look(_made(found))
    if _has(found, "suggest", "observe"):
        return methods.look(partial(_searching, found))
    if _has(found, "next", "report", "exhausted"):
        return methods.look(partial(_scheduling, found))
    try:
        made = found()
    except Exception as error:
        return Report(
            (
                f"it is called without arguments to make a task, and raised {_cause(error)}: a "
                "function of hyperparameters has no space of its own: give it a YAML and check "
                "task=NAME --conf DIR, or name a function that makes the task",
            )
        )
    if not _has(made, "evaluate"):
        return Report((f"it is {made!r:.80}, which is no task, method, searcher or scheduler",))
    return _of_task(lambda: made)


def _has(found: Any, *names: str) -> bool:
    return all(hasattr(found, name) for name in names)


def _made(found: Any) -> methods.Build:
    def build(space: Any, fidelity: Any, rng: np.random.Generator, workers: int) -> Any:
        return found(space=space, fidelity=fidelity, rng=rng, workers=workers)

    return build


def _searching(found: Any, space: Any, fidelity: Any, rng: Any, workers: int) -> Any:
    from hpobench.methods.composite import Composite
    from hpobench.methods.schedulers.fifo import FIFO

    return Composite(space, fidelity, rng, workers, searcher=found, scheduler=FIFO)


def _scheduling(found: Any, space: Any, fidelity: Any, rng: Any, workers: int) -> Any:
    from hpobench.methods.composite import Composite
    from hpobench.methods.searchers.random_search import RandomSearch

    return Composite(space, fidelity, rng, workers, searcher=RandomSearch, scheduler=found)


def _apart(subject: Subject) -> Report:
    """What was found in two processes in which texts have other hashes; both must agree."""
    reports: list[Report] = []
    with ExitStack() as stack:
        waiting = [_begin(stack, seed, subject.look) for seed in _HASH_SEEDS]
        for one in waiting:
            try:
                reports.append(one.result(_LONGEST_S))
            except BrokenProcessPool:
                return Report(("it ended its process: whatever it does must return or raise",))
            except TimeoutError:
                for process in multiprocessing.active_children():
                    process.kill()
                return Report((f"no end after {_LONGEST_S:g} s: its evaluations hang",))
    first, second = reports
    faults = list(first.faults)
    if not faults and (words := _differing(first, second)):
        faults.append(
            f"in another process it answers otherwise, {words}: what it does must not depend on "
            "hash(), the order of a set, the time or the process"
        )
    return first._replace(faults=tuple(faults or second.faults))


def _differing(first: Report, second: Report) -> str:
    """The first answers that differ of those that both have; "" if none do.

    One process may have had time for more of them.
    """
    for one, other in zip(first.answers, second.answers, strict=False):
        for value, another in zip(one, other, strict=False):
            if value != another:
                return f"{value:.10g} and {another:.10g}"
    return ""


def _begin(stack: ExitStack, hash_seed: str, look: Callable[[], Report]) -> "Future[Report]":
    """Begin a look in a new process."""
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = hash_seed
    try:
        pool = stack.enter_context(ProcessPoolExecutor(1, mp_context=processes.context()))
        return pool.submit(_looked, dotted.own_folders(), look)
    finally:
        del os.environ["PYTHONHASHSEED"]
        if before is not None:
            os.environ["PYTHONHASHSEED"] = before


def _looked(folders: Sequence[Path], look: Callable[[], Report]) -> Report:
    dotted.set_folders(folders)
    try:
        return look()
    except (Exception, SystemExit) as error:
        return Report((f"it cannot be tried: {_cause(error)}",))
