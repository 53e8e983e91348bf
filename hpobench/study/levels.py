"""Tasks with one level of resource, on which multi-fidelity methods have nothing to decide."""

from collections.abc import Iterable, Mapping

from hpobench.storage.schema import MethodFacts, TaskFacts


def one_level(
    pairs: Iterable[tuple[str, str]],
    tasks: Mapping[str, TaskFacts],
    methods: Mapping[str, MethodFacts],
) -> str:
    """What is to be said of the (task, method) pairs of a study that are of that kind, or ""."""
    found = [
        (tasks[task].label, methods[method].label)
        for task, method in pairs
        if tasks[task].r_min == tasks[task].r_max and methods[method].multi_fidelity
    ]
    if not found:
        return ""
    where, who = (", ".join(dict.fromkeys(names)) for names in zip(*found, strict=True))
    return (
        f"one level of resource on {where}: there multi-fidelity methods ({who}) train every "
        "trial in full, and stop none"
    )
