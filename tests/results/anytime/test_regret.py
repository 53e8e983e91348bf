"""Expected values from the definitions."""

import numpy as np
import pytest

from hpobench.results.anytime.comparison import anytime
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import (
    KNOWN,
    OBSERVED,
    Reference,
    known_reference,
    normalised_regret,
    observed_reference,
    references,
    regret,
)
from hpobench.results.verdicts.scores import notes, scores
from hpobench.storage.schema import TaskFacts

FACTS = TaskFacts("t", "t", "error", optimum=2.0, median=6.0)
UNKNOWN = TaskFacts("t", "t", "error")


def test_regret_and_normalised_regret():
    values = np.array([2.0, 4, 6, 8])
    np.testing.assert_array_equal(regret(values, FACTS), [0, 2, 4, 6])
    reference = known_reference(FACTS)
    assert reference.source == KNOWN
    np.testing.assert_array_equal(normalised_regret(values, reference), [0, 0.5, 1, 1.5])


def test_what_is_unknown_is_an_error():
    with pytest.raises(ValueError, match="optimum of task 't' is unknown"):
        regret(np.zeros(1), UNKNOWN)
    with pytest.raises(ValueError, match="observed_reference"):
        known_reference(UNKNOWN)
    with pytest.raises(ValueError, match="cannot be normalised"):
        normalised_regret(np.zeros(1), Reference("t", 1.0, 1.0, KNOWN))


@pytest.mark.parametrize(("comparable", "best", "median"), [(True, 1, 3), (False, 4, 5)])
def test_the_fallback_is_the_best_and_median_observed(synthetic, comparable, best, median):
    facts = {"t": TaskFacts("t", "t", "error", comparable=comparable)}
    pairs = [(1, 1), (2, 1), (3, 1), (4, 2), (6, 2)]
    table = [{"time_s": 1, "value": value, "resource": resource} for value, resource in pairs]
    study = synthetic.hand_made(table, tasks=facts)
    reference = observed_reference(study, "t", "observed")
    assert (reference.best, reference.median, reference.source) == (best, median, OBSERVED)
    assert references(study, {"t": "observed"}) == {"t": reference}


def test_tasks_without_two_values_have_no_reference(synthetic):
    study = synthetic.hand_made([{"time_s": 1, "value": 3}])
    assert references(study, {"t": "observed"}) == {}
    with pytest.raises(ValueError, match="no test value"):
        observed_reference(study, "t", "test")


def below(synthetic, **observation):
    """Optimum .3 and median .5 are stated; values are 0.05 and, as it is given, another."""
    rows = [{"time_s": 1, "value": 0.05}, {"time_s": 2, "value": 0.4} | observation]
    tasks = {"t": TaskFacts("t", "T", "error", optimum=0.3, median=0.5)}
    return synthetic.hand_made(rows, tasks=tasks)


def test_a_stated_optimum_that_values_lie_below_is_named_and_not_averaged(synthetic):
    study = below(synthetic)
    assert references(study, {"t": "observed"})["t"] == Reference("t", 0.05, 0.225, OBSERVED)
    found = incumbents(study)
    [note] = notes(found, ["t"])
    assert note == (
        "The optimum stated of T, 0.3, is none: 0.05 was seen, 0.25 below it; the best and the "
        "median value observed in the study stand for optimum and median."
    )
    assert note in anytime(found, "t").notes
    assert anytime(found, "t").quantity == "value"
    row = scores(study).iloc[0]
    assert row["final"] == 0
    assert np.isnan(row["regret"])


@pytest.mark.parametrize("seen", [{"resource": 0.5}, {"status": "failed"}, {"true_value": 0.31}])
def test_what_says_nothing_of_the_optimum(synthetic, seen):
    """Low resources may have lower values, and noise takes observed ones below a true optimum."""
    rows = [{"time_s": 1, "value": 0.4, "true_value": 0.4}, {"time_s": 2, "value": 0.1} | seen]
    tasks = {"t": TaskFacts("t", "T", "error", optimum=0.3, median=0.5)}
    study = synthetic.hand_made(rows, tasks=tasks)
    assert study.below_optimum == {}


def test_the_best_that_was_seen_is_feasible(synthetic):
    """0.1 does not meet the constraint; the median is of all: a random configuration."""
    rows = [{"time_s": t, "value": v} for t, v in enumerate((0.1, 0.3, 0.5))]
    study = synthetic.hand_made(rows)
    study.observations["slack.size"] = [-1.0, 1.0, 1.0]
    made = observed_reference(study, "t", "observed")
    assert (made.best, made.median) == (0.3, 0.3)
    study.observations["slack.size"] = [-1.0, -1.0, -1.0]
    assert observed_reference(study, "t", "observed").best == 0.1


def test_infeasible_values_may_lie_below_the_optimum(synthetic):
    study = below(synthetic)
    study.observations["slack.size"] = [-1.0, 1.0]
    assert study.below_optimum == {}
