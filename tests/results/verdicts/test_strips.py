"""The one order of methods, worked out by hand."""

from types import SimpleNamespace

from hpobench.results.verdicts.strips import final_order


def verdict(tasks, methods, fraction=1.0):
    standings = [SimpleNamespace(method=name) for name in methods]
    return SimpleNamespace(tasks=tasks, fraction=fraction, standings=standings)


def test_methods_of_several_groups_are_ordered_by_their_mean_place():
    """Places: gp 0 and 2/3, tpe 1/2 and 1/3, random 1 and 1, mobster 0, at the last budget."""
    made = [
        verdict(("a", "b"), ["random", "tpe", "gp"], fraction=0.1),
        verdict(("a", "b"), ["gp", "tpe", "random"]),
        verdict(("c", "d"), ["mobster", "tpe", "gp", "random"]),
        verdict(("e",), ["local", "random"]),
    ]
    names = ["random", "never", "local", "gp", "tpe", "mobster"]
    assert final_order(names, made) == ["mobster", "gp", "tpe", "random", "local", "never"]
    assert final_order(["b", "a"], []) == ["b", "a"]
