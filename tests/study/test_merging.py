"""Plans put together by hand: what a call adds to a stored one, what it hides, what stays."""

import pytest

from hpobench.identity import RunKey
from hpobench.study.merging import (
    adopt,
    changed_code,
    compare,
    differences,
    listed,
    merge,
    unplanned,
)


def pair(task, method, seeds, fingerprint="f", conditions="c"):
    names = {"task": task, "method": method, "seeds": list(seeds)}
    return names | {"fingerprint": f"{method}-{fingerprint}", "conditions": conditions}


def plan(*pairs, shared="s"):
    tasks = {entry["task"]: {"name": entry["task"]} for entry in pairs}
    methods = {entry["method"]: {"name": entry["method"]} for entry in pairs}
    return {"shared": shared, "pairs": list(pairs), "tasks": tasks, "methods": methods}


STORED = plan(pair("t", "a", range(30)), pair("t", "b", range(30)), pair("u", "a", range(30)))


@pytest.mark.parametrize(
    ("call", "kind", "added", "hidden"),
    [
        (STORED, "continues", 0, 0),
        (plan(pair("t", "a", [3, 7])), "continues", 0, 0),  # part of the plan
        (plan(pair("t", "c", range(2))), "extends", 2, 0),
        (plan(pair("t", "a", range(40))), "extends", 10, 0),
        (plan(pair("v", "a", [0])), "extends", 1, 0),
        (plan(pair("t", "a", range(30), "other")), "replaces", 30, 30),  # settings of a method
        (plan(pair("t", "c", [0], conditions="other")), "replaces", 1, 60),  # of a task
        (plan(pair("v", "a", [0]), shared="other"), "replaces", 1, 90),  # of the study
    ],
)
def test_what_a_call_does_to_a_plan(call, kind, added, hidden):
    change = compare(STORED, call)
    assert change.kind == kind
    assert sum(len(entry["seeds"]) for entry in change.added) == added
    assert sum(len(entry["seeds"]) for entry in change.hidden) == hidden
    # What is hidden is what the merged plan lacks, no more and no less.
    runs = {
        (e["task"], e["fingerprint"], n) for e in merge(STORED, call)["pairs"] for n in e["seeds"]
    }
    assert len(runs) == 90 + added - hidden


def test_a_study_that_is_not_there_is_begun():
    assert compare(None, STORED).kind == "begins"
    assert merge(None, STORED) == STORED


def test_a_merged_plan_names_the_tasks_and_methods_it_has():
    merged = merge(STORED, plan(pair("t", "c", [0], conditions="other")))
    assert list(merged["tasks"]) == ["t", "u"]
    assert list(merged["methods"]) == ["a", "c"]
    assert STORED["pairs"][0]["seeds"] == list(range(30))  # merging changes neither plan


def test_runs_that_no_plan_names_are_found_and_adopted():
    stored = [RunKey("t", "a", seed, "a-f") for seed in (29, 30, 31)]
    stored += [RunKey("t", "a", 0, "gone"), RunKey("u", "b", 0, "b-f")]
    lost = unplanned(stored, STORED)
    assert [(e["task"], e["method"], e["seeds"]) for e in lost] == [
        *[("t", "a", [30, 31]), ("t", "a", [0]), ("u", "b", [0])]
    ]
    adopted = adopt(stored, STORED)
    assert adopted["pairs"][0]["seeds"] == list(range(32))
    assert len(unplanned(stored, adopted)) == 2  # of other settings, and of a pair it lacks


def test_differences_are_named_with_both_values():
    there = {"workers": 4, "methods": {"a": {"searcher": {"step": 0.1, "size": 3}}}}
    here = {"workers": 8, "methods": {"a": {"searcher": {"step": 0.2, "size": 3}}}}
    assert differences(there, here) == [
        "workers is 8 in this call and 4 in the study",
        "methods.a.searcher.step is 0.2 in this call and 0.1 in the study",
    ]
    assert differences(there, there) == []


def test_code_that_changed_is_named():
    def coded(code):
        return [entry | {"code": code} for entry in STORED["pairs"]]

    call = plan(*coded({"task": "new", "method": ""}))
    assert changed_code(coded({"task": "old", "method": ""})[:2], call) == [
        "the code of task t has changed"
    ]
    assert changed_code(coded({"task": "new", "method": ""}), call) == []
    # Of methods that are not part of the call nothing is known.
    other = plan(pair("t", "c", [0]) | {"code": {"task": "new", "method": ""}})
    assert changed_code(coded({"task": "new", "method": "own"}), other) == []
    # Stored by a version that did not look at it.
    assert changed_code(STORED["pairs"][:1], call) == [
        "the code of task t was not noted when it was run"
    ]


def test_pairs_in_words():
    assert listed([pair("t", "a", [4])]) == "a on t, seed 4"
    assert listed([pair("t", "a", [1, 2]), pair("t", "b", [1, 5])]) == (
        "a on t, seeds 1 to 2; b on t, 2 seeds from 1 to 5"
    )
    many = [pair("t", f"m{number}", range(10)) for number in range(9)]
    assert listed(many).endswith("; and 5 more pairs of task and method with 50 runs")
