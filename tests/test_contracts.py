"""Hooks: what a task, searcher, scheduler or method may have besides its role."""

from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from hydra.utils import get_object

from hpobench import contracts
from hpobench.contracts import HOOKS, Closes, HasVersion, LoadsCheckpoints, SavesCheckpoints, hook
from hpobench.study import compose
from hpobench.study.isolation.isolated import Isolated
from hpobench.tasks.functions import FunctionTask

EVERY = sorted({kind for kinds in HOOKS.values() for kind in kinds}, key=lambda kind: kind.__name__)


def test_a_hook_is_there_if_all_of_it_is():
    some = SimpleNamespace(save_checkpoint=print, version="")
    assert hook(some, LoadsCheckpoints) is None
    assert hook(some, SavesCheckpoints) is some
    assert hook(some, HasVersion) is some
    assert hook(object(), Closes) is None


def test_a_task_beside_the_run_has_the_hooks_of_its_own():
    task: Any = SimpleNamespace(remarks=("slow",))
    apart = Isolated(task, lambda: task, "task 'x'")
    assert hook(apart, contracts.Remarks) is apart
    assert hook(apart, contracts.HasClock) is None


@pytest.mark.parametrize("kind", EVERY)
def test_every_hook_says_what_it_is_and_is_had_by_somebody(kind):
    """By a class that the settings of `conf/` name, or a task of a function: else it is idle."""
    assert (kind.__doc__ or "").startswith(("A task", "A searcher", "A scheduler", "A method"))
    assert contracts._parts(kind)
    if kind not in SET_WHEN_BUILT:
        assert any(hook(owner, kind) is not None for owner in owners())


SET_WHEN_BUILT = {
    *(contracts.HasClock, contracts.HasData, contracts.Remarks, contracts.DecidesElsewhere),
    *(contracts.HasInstances, contracts.HasVersion, contracts.SaysWhetherReproducible),
}
"""Attributes of instances."""


@cache
def owners():
    settings = compose.load(["task=*", "method=*"]).settings

    def targets(node):
        if isinstance(node, dict):
            yield from [node["_target_"]] if "_target_" in node else []
            for item in node.values():
                yield from targets(item)

    named = {target for group in ("tasks", "methods") for target in targets(settings[group])}
    return [FunctionTask, *map(get_object, sorted(named))]
