"""seeds=auto: rounds by whoever decides, the same runs as with a number, and going on later."""

import pandas as pd
import pytest

from hpobench.api import deciding
from hpobench.results import load
from hpobench.storage import parts
from hpobench.storage.rule import Rule
from hpobench.study import rounds
from hpobench.study.overrides import ConfigError
from hpobench.study.rounds import Wanted
from tests.studies import execute, plan

TASKS = ("task=bowl", "method=[random,local_search]", "budget.trials=5", "part_runs=4")
AUTO = (*TASKS, "seeds=auto", "decide.first=5", "decide.round=3", "decide.max=20")
STEPS = [
    {("bowl", "random"): 5, ("bowl", "local_search"): 8},
    {("bowl", "random"): 5, ("bowl", "local_search"): 11},
]


class Scripted:
    """Wants what it was told to, one answer a round, and remembers what it was asked."""

    def __init__(self, steps):
        self.steps, self.asked = list(steps), []

    def __call__(self, folder, rule):
        self.asked.append((folder, rule.first, rule.max))
        return Wanted(self.steps.pop(0) if len(self.steps) > 1 else self.steps[0], "words")


def tables(folder):
    study = load(folder)
    order = ["task", "method", "seed"]
    return [
        study.observations.sort_values([*order, "trial", "time_s"]).reset_index(drop=True),
        study.trials.sort_values([*order, "trial"]).reset_index(drop=True),
    ]


def test_rounds_until_no_more_is_wanted(tmp_path):
    study, scripted, told = plan(tmp_path, *AUTO), Scripted(STEPS), []
    reports = list(
        rounds.run(study, scripted, tell=lambda s, words: told.append((len(s.keys()), words)))
    )
    assert sum(len(report.chunk.seeds) for report in reports) == 16
    assert scripted.asked == [(study.folder, 5, 20)] * 3
    assert told == [(10, ""), (13, "words"), (16, "words"), (16, "words")]
    counts = load(study.folder).runs.groupby("method", observed=True)["seed"].count()
    assert counts.to_dict() == {"random": 5, "local_search": 11}
    assert {(p["method"], len(p["seeds"])) for p in study.stored_plan()["pairs"]} == {
        ("random", 5),
        ("local_search", 11),
    }
    assert len(deciding.grown(study).keys()) == 16


def test_what_was_read_in_earlier_rounds_is_not_read_again(tmp_path, monkeypatch):
    study, kept, read = plan(tmp_path, *AUTO), {}, []
    really = parts.read
    monkeypatch.setattr(parts, "read", lambda some, name: read.extend(some) or really(some, name))
    rule = Rule(first=5, round=3, max=20)
    asked = []

    def decide(folder, _):
        read.clear()
        wanted = deciding.decide(folder, rule, kept)
        asked.append(len(set(read)))
        assert wanted == deciding.decide(folder, rule)  # as by one who reads everything
        return wanted

    list(rounds.run(study, decide))
    assert len(asked) > 1
    whole = len(list((study.folder / "parts").iterdir()))
    assert sum(asked) == whole  # each part once


def test_runs_are_the_same_as_with_a_number_of_seeds(tmp_path):
    list(rounds.run(plan(tmp_path, *AUTO), Scripted(STEPS)))
    execute(plan(tmp_path, *TASKS, "seeds=11", "name=fixed"))
    auto, fixed = (tables(tmp_path / "runs" / name) for name in ("study", "fixed"))
    for some, whole in zip(auto, fixed, strict=True):
        kept = whole[(whole["method"] == "local_search") | (whole["seed"] < 5)]
        pd.testing.assert_frame_equal(some, kept.reset_index(drop=True))


def test_a_call_that_was_interrupted_goes_on(tmp_path):
    study = plan(tmp_path, *AUTO)
    for number, _ in enumerate(rounds.run(study, Scripted(STEPS))):
        if number == 2:  # as Ctrl-C would
            break
    stored = len(study.status())
    assert 0 < stored < 10
    reports = list(rounds.run(plan(tmp_path, *AUTO), Scripted(STEPS)))
    assert sum(len(report.chunk.seeds) for report in reports) == 16 - stored
    assert not list(rounds.run(plan(tmp_path, *AUTO), Scripted(STEPS)))  # all is there


def test_by_what_was_really_found(tmp_path):
    """Grid search on a line is far behind; what is decided is stored nowhere but in the runs."""
    study = plan(tmp_path, *AUTO, "method=[random,sobol]", "decide.equal_within=0.3")
    list(deciding.reports(study))
    made, _ = deciding._decisions(study.folder, rounds.checks.rule(study.settings))
    assert not made.missing
    assert {name: len(pair["seeds"]) for name, pair in _stored(study).items()} == made.wanted
    assert load(study.folder).settings["decide"]["max"] == 20
    assert not list(deciding.reports(study))


def _stored(study):
    return {(pair["task"], pair["method"]): pair for pair in study.stored_plan()["pairs"]}


def test_another_rule_or_a_study_with_a_number_is_refused(tmp_path):
    list(rounds.run(plan(tmp_path, *AUTO), Scripted(STEPS)))
    other = plan(tmp_path, *AUTO, "decide.level=0.2")
    with pytest.raises(ConfigError, match=r"decide\.level is 0\.2 in this call and 0\.05 in the"):
        list(rounds.run(other, Scripted(STEPS)))
    list(rounds.run(other, Scripted(STEPS), extend=True))
    assert load(other.folder).settings["decide"]["level"] == 0.2
    more = plan(tmp_path, *AUTO, "decide.level=0.2", "method=[random,grid]")
    with pytest.raises(ConfigError, match=r"adds to the study grid on bowl.*--extend"):
        list(rounds.run(more, Scripted(STEPS)))
    execute(plan(tmp_path, *TASKS, "name=fixed"))
    with pytest.raises(ConfigError, match="a number of seeds that was given"):
        list(rounds.run(plan(tmp_path, *AUTO, "name=fixed"), Scripted(STEPS)))


def test_the_rule_stays_known_when_seeds_are_added_by_number(tmp_path):
    list(rounds.run(plan(tmp_path, *AUTO), Scripted(STEPS)))
    execute(plan(tmp_path, *TASKS, "seeds=12"), extend=True)
    assert load(tmp_path / "runs" / "study").settings["decide"]["first"] == 5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("shard=1/2",), "Start the same command several times instead"),
        (("decide.compare=most",), "use one of best, reference, all"),
        (("decide.max=1",), "decide.max=1"),
        (("overhead=replay", "replay_from=other"), "give seeds= as many as it has"),
    ],
)
def test_what_cannot_be_with_auto_is_said(tmp_path, settings, words):
    with pytest.raises(ConfigError, match=words):
        plan(tmp_path, *TASKS, "seeds=auto", *settings)


def test_a_rule_without_auto_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"decide\.level=0\.1 has no effect with seeds=3"):
        plan(tmp_path, *TASKS, "decide.level=0.1")
