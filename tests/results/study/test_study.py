import pandas as pd

from hpobench.results.study.study import Study
from hpobench.storage.schema import MethodFacts, TaskFacts


def test_tables_are_read_when_first_looked_at_and_once():
    calls = []

    def read():
        calls.append("observations")
        return pd.DataFrame({"value": [1.0]})

    study = Study(read, pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), {}, {})
    assert not calls
    assert study.observations is study.observations
    assert calls == ["observations"]


def test_a_table_given_is_the_table():
    runs = pd.DataFrame({"seed": [1]})
    study = Study(runs, runs, runs, runs, {}, {}, {"workers": 2})
    assert study.runs is runs
    assert study.settings == {"workers": 2}


def test_equal_labels_are_told_apart_by_their_names():
    methods = {name: MethodFacts(name, label) for name, label in [("a", "Mine"), ("b", "Mine")]}
    tasks = {name: TaskFacts(name, "T", "error") for name in ("t", "u")}
    empty = pd.DataFrame()
    study = Study(empty, empty, empty, empty, tasks, methods | {"c": MethodFacts("c", "Other")})
    assert [each.label for each in study.methods.values()] == ["Mine (a)", "Mine (b)", "Other"]
    assert [each.label for each in study.tasks.values()] == ["T (t)", "T (u)"]
    again = Study(empty, empty, empty, empty, {"t": study.tasks["t"]}, study.methods)
    assert (again.methods, again.tasks["t"].label) == (study.methods, "T (t)")
