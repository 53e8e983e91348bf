"""Words that messages are made of."""

import pytest

from hpobench.words import counted, either, first_of, p_value


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (9, "9 tasks"), (1, "1 task"), (0, "0 tasks"), ([9, 9], "9 tasks"), ([1], "1 task"),
        ([28, 30, 29], "28 to 30 tasks"), ([0, 1], "0 to 1 task"), ([], "0 tasks"),
    ],
)  # fmt: skip
def test_counts(numbers, words):
    assert counted(numbers, "tasks") == words


def test_lists():
    assert [either(list("abc")[:n]) for n in range(4)] == ["", "a", "a or b", "a, b or c"]
    assert [first_of(list("abc"), most) for most in (1, 2, 3)] == [
        "a and 2 more", "a, b and 1 more", "a, b, c",
    ]  # fmt: skip


def test_p_values():
    assert [p_value(p) for p in (0.01234, 0.001, 0.00099, 1.0)] == [
        "0.012", "0.001", "< 0.001", "1.000",
    ]  # fmt: skip
    assert p_value(0.00005, 4) == "< 0.0001"
    assert p_value(float("nan")) == "-"
