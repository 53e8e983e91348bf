"""Tasks and methods made from their settings, and whether they are of the code that was planned."""

import json
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

from hydra.utils import instantiate

from hpobench.contracts import Method, Task
from hpobench.study import sources
from hpobench.study.overrides import ConfigError
from hpobench.study.pairs import Config, Pair
from hpobench.system.dotted import with_own_targets


@lru_cache(maxsize=64)
def _task(config: str) -> Task:
    """Tasks are read once a process: they are immutable, and tables are memory-mapped."""
    task: Task = instantiate(with_own_targets(json.loads(config)), _convert_="all")
    return task


@lru_cache(maxsize=256)
def _method(config: str) -> Callable[..., Method]:
    factory: Callable[..., Method] = instantiate(
        with_own_targets(json.loads(config)), _partial_=True, _convert_="all"
    )
    return factory


def build_task(config: Config) -> Task:
    """The task that a configuration describes."""
    return _task(json.dumps(config))


def build_method(config: Config, task: Task, rng: Any, workers: int) -> Method:
    """The method that a configuration describes, ready for one run on a task."""
    factory = _method(json.dumps(config))
    return factory(space=task.space, fidelity=task.fidelity, rng=rng, workers=workers)


def task_of(pair: Pair) -> Task:
    """The task of a pair, wherever the pair has been sent."""
    return build_task(pair.task_config)


def planned_task(pair: Pair) -> Task:
    """In another process: the task; raises ConfigError if it is of other code than was planned."""
    task = build_task(pair.task_config)
    if sources.digest(pair.task_config) != pair.task_code:
        raise ConfigError(_changed("task", pair.task))
    return task


def check_code(pair: Pair, on_disk: bool = False) -> None:
    """Raise ConfigError if the code that runs is not what it was when the study was planned.

    `on_disk`: that of the task runs in processes that are yet to begin.
    """
    if not (pair.task_code or pair.method_code):
        return
    with suppress(Exception):  # they are imported; what is wrong with them ends the run
        build_task(pair.task_config)
        _method(json.dumps(pair.method_config))
    for what, name, planned, now in (
        ("task", pair.task, pair.task_code, sources.digest(pair.task_config, on_disk)),
        ("method", pair.method, pair.method_code, sources.digest(pair.method_config)),
    ):
        if planned != now:
            raise ConfigError(_changed(what, name))


def _changed(what: str, name: str) -> str:
    return (
        f"the code of {what} {name!r} was changed while the study ran: what was stored before is "
        "of the code as it was. Call again for a study of the new code: name=OTHER, or --replace"
    )
