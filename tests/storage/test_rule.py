"""The rule of seeds=auto, as settings state it."""

import pytest

from hpobench.storage.rule import Rule


def test_looks():
    assert Rule(first=10, round=20, max=60).looks() == (10, 30, 50, 60)
    assert Rule(first=10, max=10).looks() == (10,)


def test_a_rule_is_stored_as_it_is_stated():
    rule = Rule(level=0.1, compare="all")
    assert Rule.of(rule.as_settings()) == rule
    assert Rule.of({}) == Rule()


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (0.05, "decide=0.05"),
        ({"alpha": 0.05}, "unknown key decide.alpha: use one of level, equal_within"),
        ({"level": 0}, "decide.level=0: use a number above 0 and below 0.5"),
        ({"level": "low"}, "decide.level='low': use a number"),
        ({"level": float("nan")}, "decide.level=nan"),
        ({"equal_within": -1}, "decide.equal_within=-1: use a number of at least 0"),
        ({"max": 5}, "decide.max=5: use a whole number of at least 10"),
        ({"first": 2}, "decide.first=2: use a whole number of at least 5"),
        ({"round": 1.5}, "decide.round=1.5"),
        ({"compare": "winner"}, "use one of best, reference, all"),
        ({"reference": "random"}, "only decide.compare=reference has one"),
    ],
)
def test_what_is_wrong_is_named(stated, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        Rule.of(stated)
