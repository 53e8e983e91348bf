"""Decisions on regrets that are put together by hand."""

import numpy as np
import pandas as pd
import pytest

from hpobench.results.text import decision_words
from hpobench.results.verdicts.decisions import Decisions, decide
from hpobench.results.verdicts.judging import Path
from hpobench.storage.rule import Rule
from hpobench.storage.schema import MethodFacts

RNG = np.random.default_rng(0)
# Noise of the objective is common to all methods, and goes with the difference.
COMMON = RNG.uniform(0.2, 0.4, 200)


def table(seeds=200, **means):
    """Regrets of methods: the mean, common noise, and a little of their own."""
    own = np.random.default_rng(1).normal(0, 0.01, (200, len(means)))
    values = {name: COMMON + mean + own[:, i] for i, (name, mean) in enumerate(means.items())}
    return pd.DataFrame(values).iloc[:seeds]


def verdicts(made):
    return {(path.method, path.other): (path.verdict, path.decided) for path in made.paths}


APART = table(a=0.0, b=0.1, c=0.02, d=0.0005)


def test_a_race_drops_what_is_worse_and_ends_when_the_rest_is_equal():
    made = decide({"t": APART}, [["t"]], Rule(equal_within=0.02))
    found = {name: verdict for (name, _), (verdict, _) in verdicts(made).items()}
    assert found.pop("b") == found.pop("c") == "worse"
    assert list(found.values()) == ["equal"]  # a or d, whichever has come out second
    assert made.wanted["t", "b"] < made.wanted["t", "a"]  # it left the race
    assert max(made.wanted["t", "a"], made.wanted["t", "d"]) < 100
    assert made.open == 0
    assert not made.missing
    assert made.runs == sum(made.wanted.values()) < made.most == 800


def test_all_pairs():
    made = decide({"t": APART}, [["t"]], Rule(compare="all", equal_within=0.01))
    found = {pair: verdict for pair, (verdict, _) in verdicts(made).items()}
    assert found == {
        **{("a", "b"): "better", ("a", "c"): "better", ("a", "d"): "equal"},
        **{("b", "c"): "worse", ("b", "d"): "worse", ("c", "d"): "worse"},
    }
    assert made.statements == 12


def test_a_reference():
    made = decide({"t": APART}, [["t"]], Rule(compare="reference"), "c")
    assert {name: v for (name, _), (v, _) in verdicts(made).items()} == {
        **{"a": "better", "b": "worse", "d": "better"}
    }
    with pytest.raises(ValueError, match=r"decide.reference=z: .* choose one of a, b, c, d"):
        decide({"t": APART}, [["t"]], Rule(compare="reference"), "z")


@pytest.mark.parametrize("compare", ["best", "reference", "all"])
def test_more_seeds_than_needed_change_nothing(compare):
    """What is wanted, round by round, is what a study with all seeds is said to have needed."""
    rule = Rule(compare=compare, equal_within=0.02)
    whole = decide({"t": APART}, [["t"]], rule, "a", paths=False)
    seeds = dict.fromkeys(whole.wanted, rule.first)
    for _ in range(40):
        cut = APART.copy()
        for (_, name), count in seeds.items():
            cut.loc[count:, name] = np.nan
        made = decide({"t": cut}, [["t"]], rule, "a", paths=False)
        if made.wanted == seeds:
            break
        assert made.missing
        seeds = made.wanted
    assert not made.missing
    assert verdicts(made) == verdicts(whole)
    assert made.wanted == whole.wanted


def test_the_order_in_which_methods_are_shown_changes_nothing():
    names = list(APART)
    data = APART[names[:2]].assign(c=APART["c"], d=APART["d"]).iloc[:, [2, 0, 3, 1]]
    for some in (Rule(equal_within=0.02), Rule(compare="all")):
        one = decide({"t": APART}, [["t"]], some, paths=False)
        other = decide({"t": data}, [["t"]], some, paths=False)
        assert one.wanted == other.wanted
        assert {frozenset((p.method, p.other)): p.decided for p in one.paths} == {
            frozenset((p.method, p.other)): p.decided for p in other.paths
        }


def test_nothing_is_there_yet():
    made = decide({"t": APART.iloc[:4]}, [["t"]], Rule())
    assert made.missing
    assert set(made.wanted.values()) == {10}
    assert {path.verdict for path in made.paths} == {"open"}


def test_tasks_count_on_average_or_each():
    """On one task a is better, on the other b is, by as much: equal on average."""
    tasks = {"t": table(a=0.0, b=0.1), "u": table(a=0.1, b=0.0)}
    average = decide(tasks, [["t", "u"]], Rule(compare="all"))
    assert [path.verdict for path in average.paths] == ["equal"]
    each = decide(tasks, [["t", "u"]], Rule(compare="all", tasks="each"))
    assert [(path.tasks, path.verdict) for path in each.paths] == [
        (("t",), "better"),
        (("u",), "worse"),
    ]


def test_who_is_given_up_in_a_race_stops_alone():
    """200 seeds would not see through the noise of b; that c is worse they show."""
    noise = np.random.default_rng(2).normal(0, 0.1, 200)
    late = COMMON + np.random.default_rng(3).normal(0.012, 0.02, 200)
    wild = COMMON + noise - noise.mean() + 0.008
    data = pd.DataFrame({"a": COMMON, "b": wild, "c": late})
    made = decide({"t": data}, [["t"]], Rule(equal_within=0.0001))
    assert verdicts(made)["b", "a"][0] == "given up"
    assert made.wanted["t", "b"] < made.wanted["t", "a"] == made.wanted["t", "c"]


def test_what_would_hardly_be_decided_is_given_up():
    """A mean of 0.008 with a deviation of 0.1: 200 seeds tell it neither from 0 nor from 0.01."""
    noise = np.random.default_rng(2).normal(0, 0.1, 200)
    data = {"t": pd.DataFrame({"a": COMMON, "b": COMMON + noise - noise.mean() + 0.008})}
    soon = decide(data, [["t"]], Rule(compare="all"))
    assert [path.verdict for path in soon.paths] == ["given up"]
    assert soon.runs < 200
    never = decide(data, [["t"]], Rule(compare="all", futile=0.0))
    assert [path.verdict for path in never.paths] == ["open"]
    assert never.runs == 400


def test_a_difference_that_only_some_method_has_shown_may_come_of_others_too():
    """a and b differ by 0 in all seeds, c by 0.6 now and then: 200 seeds could miss that of b.

    log(12 / 0.05) = 5.5 nats: 0.61 exp(5.5 / 200) - 0.6 is above 0.01, so that nothing is equal.
    With differences of 0.05 it is 0.0117 - 0.01 below the region: equal, but not by 10 seeds.
    """
    base = pd.DataFrame({"a": COMMON, "b": COMMON})
    wild = base.assign(c=COMMON + np.where(np.arange(200) % 10 == 3, 0.6, 0.0))
    calm = verdicts(decide({"t": base}, [["t"]], Rule(compare="all")))
    warned = verdicts(decide({"t": wild}, [["t"]], Rule(compare="all")))
    assert calm["a", "b"] == ("equal", 10)
    assert warned["a", "b"] == ("given up", 10)
    mild = base.assign(c=COMMON + np.where(np.arange(200) % 10 == 3, 0.05, 0.0))
    later = verdicts(decide({"t": mild}, [["t"]], Rule(compare="all")))
    assert later["a", "b"][0] == "equal"
    assert later["a", "b"][1] > 20


def path(method, other, verdict, mean=0.1, race=False):
    numbers = np.array([10.0]), np.array([mean]), np.array([mean - 0.1]), np.array([mean + 0.1])
    return Path(("t",), method, other, verdict, 10, *numbers, race)


def words(*paths, **rule):
    made = Decisions(Rule(**rule), paths, {("t", "a"): 10}, False, 3)
    return decision_words.answer(paths, made, {n: MethodFacts(n, n.upper()) for n in "abcd"})


def test_what_to_use_in_words():
    """The race first, then the same of pairs, where a beat c and d, and c beat d."""
    race = {"race": True}
    assert words(path("b", "a", "worse", **race)) == "use A: B is worse."
    assert words(
        *(path("b", "a", "equal", **race), path("c", "a", "worse", **race)),
        path("d", "a", "given up", **race),
    ) == (
        "A or B: they are equal within 0.01. A came out best; it is not decided whether D is "
        "worse, or equal within 0.01. C is worse."
    )
    pairs = [
        *(path("a", "b", "equal", -0.001), path("a", "c", "better", -0.1)),
        *(path("a", "d", "better", -0.2), path("b", "c", "open", -0.1)),
        *(path("b", "d", "better", -0.2), path("c", "d", "better", -0.1)),
    ]
    said = "A or B: they are equal within 0.01. C, D are worse."
    assert words(*pairs, compare="all").replace("C and D", "C, D") == said
    assert words(
        path("a", "c", "better"), path("b", "c", "worse"), path("d", "c", "open"),
        compare="reference",
    ) == "better than C: A; worse than C: B; not decided: D."  # fmt: skip


def test_bounded_needs_more_seeds_for_the_same():
    rule = {"compare": "all", "equal_within": 0.0}
    some = {"t": table(a=0.0, b=0.1)}
    by = {
        how: verdicts(decide(some, [["t"]], Rule(**rule, assume=how)))["a", "b"]
        for how in ("symmetric", "bounded")
    }
    assert by["symmetric"] == ("better", 10)
    # log(2 / 0.05) / log(1.1) = 38.7 seeds at the least.
    assert by["bounded"][0] == "better"
    assert 39 <= by["bounded"][1] < 80


def test_one_method_is_nothing_to_decide():
    with pytest.raises(ValueError, match="two methods or more"):
        decide({"t": APART[["a"]]}, [["t"]], Rule())


def test_words():
    made = decide({"t": APART}, [["t"]], Rule(compare="all"))
    methods = {name: MethodFacts(name, name.upper(), None, "-", False) for name in "abcd"}
    lines = list(decision_words.sentences(made, methods))
    assert lines[0] == "t:"
    assert lines[1].startswith("  A is better than B, after 10 seeds (mean difference -0.1")
    assert "A is equal to D within 0.01, after " in lines[3]
    assert lines[-1].endswith("% saved.")
    assert "settled after" in decision_words.so_far(made)
