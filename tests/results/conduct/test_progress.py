"""How far a study is; expected values are counted by hand."""

import pandas as pd
import pytest

from hpobench.results.conduct.progress import left_s, shares


def test_shares_are_of_the_plan():
    pairs = [
        {"task": "t", "method": "a", "seeds": [0, 1, 2, 3]},
        {"task": "t", "method": "b", "seeds": [0, 1]},
        {"task": "t", "method": "b", "seeds": [2, 3]},  # of another call
        {"task": "u", "method": "a", "seeds": [0]},
    ]
    runs = pd.DataFrame({"task": ["t"] * 4 + ["u"], "method": ["a", "b", "b", "b", "a"]})
    assert shares(pairs, runs) == {("t", "a"): 0.25, ("t", "b"): 0.75, ("u", "a"): 1.0}
    assert shares(pairs, runs[:0]) == {("t", "a"): 0.0, ("t", "b"): 0.0, ("u", "a"): 0.0}


def test_the_time_left_is_at_the_pace_since_the_first_look():
    """10 runs in 20 s: the 30 that are missing take 60 s."""
    assert left_s([(100.0, 50), (110.0, 52), (120.0, 60)], 90) == pytest.approx(60.0)
    assert left_s([(100.0, 50)], 90) is None
    assert left_s([(100.0, 50), (120.0, 50)], 90) is None
