"""Expected values from the definitions."""

import numpy as np
import pytest

from hpobench.results.normalise import (
    KNOWN,
    OBSERVED,
    Reference,
    known_reference,
    normalised_regret,
    observed_reference,
    references,
    regret,
)
from hpobench.schema import TaskFacts

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
