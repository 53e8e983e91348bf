import pandas as pd

from hpobench.results.study import Study


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
