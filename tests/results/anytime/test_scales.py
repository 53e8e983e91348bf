"""Scales of other papers. Expected values are worked out by hand."""

import pytest

from hpobench.results.anytime.comparison import average_regret
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import references
from hpobench.results.anytime.scales import scaled
from hpobench.storage.schema import TaskFacts


@pytest.fixture
def study(synthetic):
    """Optimum 1 of t, none known of u; a finds 9, then 2, b 6; on u ten times as much."""
    rows = [
        {"task": task, "method": method, "time_s": time_s, "value": size * value}
        for task, size in (("t", 1), ("u", 10))
        for method, time_s, value in (("a", 1, 9.0), ("a", 2, 2.0), ("b", 1, 6.0))
    ]
    tasks = {
        "t": TaskFacts("t", "t", "error", optimum=1.0, median=5.0),
        "u": TaskFacts("u", "u", "error"),
    }
    return synthetic.hand_made(rows, tasks=tasks)


@pytest.mark.parametrize(
    ("scale", "expected", "words"),
    [
        # t: (2 - 1) / (9 - 1), u: 0; b: 5 / 8 and (60 - 20) / 70
        ("adtm", {"a": (1 / 8 + 0) / 2, "b": (5 / 8 + 4 / 7) / 2}, "the highest that the study"),
        # from the best incumbent, 2, to the worst, 9
        ("minmax", {"a": 0.0, "b": 4 / 7}, "best incumbent that any method had"),
    ],
)
def test_what_is_best_and_what_is_worst(study, scale, expected, words):
    found = incumbents(study)
    made = average_regret(found, scaled(study, found, references(study, found.views), scale))
    for method, value in expected.items():
        assert made.lines[method].centre[-1] == pytest.approx(value)
    assert words in " ".join(made.notes)
    assert made.label in made.notes[0].lower()


def test_an_unknown_scale(study):
    found = incumbents(study)
    with pytest.raises(ValueError, match="scale='zscore': use one of adtm, minmax"):
        scaled(study, found, {}, "zscore")
