"""A table small enough to work out by hand: 2 configurations, up to 2 repetitions, 3 levels."""

import numpy as np
import pytest

from hpobench.records import Constraint, Fidelity, Job, Metric
from hpobench.space.hyperparameters import Ordinal
from hpobench.space.space import Space
from hpobench.tasks.table import TableTask

NAN = np.nan
SPACE = Space({"x": Ordinal((10, 20))})
METRIC = Metric("error", "error")
VALUES = [[[0.9, 0.5, 0.4], [0.7, 0.3, 0.2]], [[0.8, 0.6, 0.5], [NAN, NAN, NAN]]]
SECONDS = [[[1.0, 2.0, 4.0], [2.0, 4.0, 6.0]], [[3.0, 6.0, 9.0], [NAN, NAN, NAN]]]
LEVELS = (1, 3, 9)


def make(**settings):
    settings = {"resources": LEVELS, "repetitions": [2, 1]} | settings
    return TableTask(SPACE, METRIC, VALUES, SECONDS, **settings)


def job(start, end, x=10):
    return Job(0, {"x": x}, start, end)


def test_facts():
    task = make()
    # True values at the last level: (0.4 + 0.2) / 2 and 0.5.
    assert task.optimum == pytest.approx(0.3)
    assert task.median == pytest.approx(0.4)
    assert task.fidelity == Fidelity("epochs", 1, 9, levels=(1, 3, 9))


def test_straight_through():
    found = make(repetition=0).evaluate(job(0, 9), 7, None)
    assert found.resources.tolist() == [1, 3, 9]
    assert found.seconds.tolist() == [1, 2, 4]
    assert found.values.tolist() == [0.9, 0.5, 0.4]
    assert found.true_values == pytest.approx([0.8, 0.4, 0.3])
    assert found.duration_s == 4
    assert found.test_values is None
    assert found.checkpoint is not None


def test_resumed_job_is_charged_from_where_it_stopped():
    task = make(repetition=0)
    resumed = task.evaluate(job(1, 9), 7, task.evaluate(job(0, 1), 7, None).checkpoint)
    assert resumed.resources.tolist() == [3, 9]
    assert resumed.seconds.tolist() == [1, 3]
    assert resumed.duration_s == 3
    from_zero = task.evaluate(job(1, 9), 7, None)
    assert from_zero.resources.tolist() == [3, 9]
    assert from_zero.seconds.tolist() == [2, 4]


def test_resources_between_levels():
    task = make(repetition=0)
    assert task.evaluate(job(0, 8), 0, None).resources.tolist() == [1, 3]
    with pytest.raises(ValueError, match=r"from 3 to 8 reaches none .*1\.0, 3\.0, 9\.0"):
        task.evaluate(job(3, 8), 0, None)


def test_sampled_repetitions():
    task = make()
    firsts = {s: task.evaluate(job(0, 9), s, None).values[0] for s in range(50)}
    assert set(firsts.values()) == {0.9, 0.7}
    again = {s: make().evaluate(job(0, 9), s, None).values[0] for s in range(50)}
    assert again == firsts
    # The padding of the ragged row is never drawn.
    assert all(task.evaluate(job(0, 9, x=20), s, None).values[0] == 0.8 for s in range(50))


def test_paused_trial_keeps_its_repetition():
    task = make()
    for seed in range(20):
        whole = task.evaluate(job(0, 9), seed, None)
        rest = task.evaluate(job(1, 9), seed, 1)
        assert rest.values.tolist() == whole.values[1:].tolist()


def test_mean():
    task = make(repetition="mean")
    found = task.evaluate(job(0, 9), 3, None)
    assert found.values == pytest.approx([0.8, 0.4, 0.3])
    assert found.values.tolist() == found.true_values.tolist()
    assert found.seconds == pytest.approx([1.5, 3, 5])
    assert task.evaluate(job(0, 9, x=20), 3, None).values == pytest.approx([0.8, 0.6, 0.5])


def test_indexed_repetition():
    with pytest.raises(ValueError, match=r"repetition=2 is out of range: use 0 to 1"):
        make(repetition=2)
    with pytest.raises(ValueError, match=r"repetition=1 does not exist for 1 of 2 .*\{'x': 20\}"):
        make(repetition=1)
    with pytest.raises(ValueError, match="repetition='best': use sampled, paired, mean or"):
        make(repetition="best")
    with pytest.raises(ValueError, match="repetition=True"):
        make(repetition=True)


def test_failed_trainings_are_no_optimum():
    task = TableTask(SPACE, METRIC, [[[NAN]], [[0.5]]], [[[1.0]], [[1.0]]])
    # Just half have failed: the median is the worst of the others.
    assert (task.optimum, task.median) == (0.5, 0.5)
    assert task.evaluate(job(0, 1), 0, None).value == np.inf


def test_constraints():
    metrics = {"size": [5.0, 3.0], "score": [[0.9, 0.5], [0.8, NAN]]}
    task = make(metrics=metrics, constraints={"size": 4, "score": {"lower": 0.6}}, repetition=0)
    assert task.constraints == (Constraint("size", upper=4), Constraint("score", lower=0.6))
    found = task.evaluate(job(1, 9), 0, None)
    assert found.constraints["size"].tolist() == [-1, -1]
    assert found.constraints["score"] == pytest.approx([0.3, 0.3])
    # Only the second configuration has size <= 4.
    assert task.optimum == 0.5
    # Of the first, one repetition has score >= 0.6, which is enough.
    assert make(metrics=metrics, constraints={"score": {"lower": 0.6}}).optimum == pytest.approx(
        0.3
    )


def test_wrong_constraints():
    with pytest.raises(ValueError, match="no metric 'weight' to constrain: has size"):
        make(metrics={"size": [5, 3]}, constraints={"weight": 1})
    with pytest.raises(ValueError, match=r"no configuration .* satisfies"):
        make(metrics={"size": [5, 3]}, constraints={"size": 1})


def test_unknown_configuration():
    with pytest.raises(ValueError, match="x=15 lies outside"):
        make().evaluate(job(0, 9, x=15), 0, None)
    with pytest.raises(ValueError, match="unknown hyperparameter 'y'"):
        make().evaluate(Job(0, {"y": 1}, 0, 9), 0, None)


def test_test_values():
    found = make(test_values=np.array(VALUES) + 1, repetition=0).evaluate(job(1, 3), 0, None)
    assert found.test_values.tolist() == [1.5]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"resources": (1, 3)}, "values have the shape"),
        ({"resources": (9, 3, 1)}, "must rise"),
        ({"fidelity": Fidelity("epochs", 1, 27)}, "does not fit"),
        ({"repetitions": [3, 1]}, "counts from 1 to 2"),
        ({"test_values": [1.0]}, "test_values has the shape"),
    ],
)
def test_wrong_arrays(settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)


def test_seconds_are_cumulative():
    with pytest.raises(ValueError, match="count from 0"):
        TableTask(SPACE, METRIC, VALUES, np.array(SECONDS)[:, :, ::-1], resources=LEVELS,
                  repetitions=[2, 1])  # fmt: skip


def single(values, seconds=None, **settings):
    """One configuration a value, one repetition, one level."""
    count = len(values)
    return TableTask(
        Space({"x": Ordinal(tuple(range(count)))}),
        METRIC,
        np.reshape(values, (count, 1, 1)),
        None if seconds is None else np.reshape(seconds, (count, 1, 1)),
        **settings,
    )


def test_what_is_not_finite_has_failed():
    task = single([0.3, np.inf, 0.1, -np.inf, 0.2], [1.0] * 5)
    # By hand: 0.1, 0.2, 0.3, failed, failed: the third of five is 0.3.
    assert (task.optimum, task.median) == (0.1, 0.3)
    found = task.evaluate(job(0, 1, x=1), 0, None)
    assert np.isnan(found.values).all()
    assert np.isnan(found.true_values).all()
    assert found.value == np.inf


def test_no_median_where_more_than_half_have_failed():
    task = single([0.1, np.inf, NAN, -np.inf, 0.2], [1.0] * 5)
    assert (task.optimum, task.median) == (0.1, None)
    assert "3 of 5 configurations have failed, more than half" in task.remarks[0]
    assert single([0.1, 0.2], [1, 1]).remarks == ()


@pytest.mark.parametrize("value", [1e308, -1.7e308, 1e200])
def test_values_whose_differences_overflow_are_refused(value):
    with pytest.raises(ValueError, match=r"values holds -?1.*differences and squares overflow"):
        single([0.1, value, 0.2], [1.0] * 3)


def test_a_value_far_above_all_others_is_named():
    task = single([0.1, 1e30, 0.2, 1e30, 0.9], [1.0] * 5)
    assert "The value 1e+30 of 2 of 5 configurations" in task.remarks[0]
    assert "at most 0.9" in task.remarks[0]


def test_a_cost_that_is_not_known_is_refused_and_named():
    with pytest.raises(ValueError, match=r"the cost of \{'x': 1\} is not known.*seconds are nan"):
        single([0.1, 0.2, 0.3], [1.0, NAN, 1.0])
    with pytest.raises(ValueError, match=r"the cost of \{'x': 1\} is not known"):
        single([0.1, NAN, 0.3], [1.0, NAN, 1.0])
    with pytest.raises(ValueError, match="all seconds are 0"):
        single([0.1, 0.2], [0.0, 0.0])


def test_without_seconds_the_clock_counts_evaluations():
    task = TableTask(SPACE, METRIC, VALUES, None, resources=LEVELS, repetitions=[2, 1])
    assert (task.clock, make().clock) == ("evaluations", "seconds")
    first = task.evaluate(job(0, 3), 0, None)
    assert first.seconds == pytest.approx([1 / 9, 3 / 9])
    assert task.evaluate(job(3, 9), 0, first.checkpoint).seconds == pytest.approx([6 / 9])


def test_a_failed_curve_stands_still():
    curves, seconds = [[[0.9, NAN, NAN]], [[0.8, 0.6, 0.5]]], [[[1, 3, NAN]], [[1, 2, 3]]]
    found = TableTask(SPACE, METRIC, curves, seconds, resources=LEVELS).evaluate(job(0, 9), 0, None)
    assert found.seconds.tolist() == [1, 3, 3]
    assert np.isnan(found.values).tolist() == [False, True, True]


def test_short_curves_are_carried_on_if_that_is_said():
    curves, seconds = [[[0.9, NAN, NAN]], [[0.8, np.inf, NAN]]], [[[1, NAN, NAN]], [[1, 2, NAN]]]
    task = TableTask(SPACE, METRIC, curves, seconds, resources=LEVELS, short_curves="carried")
    found = task.evaluate(job(0, 9), 0, None)
    assert (found.values.tolist(), found.seconds.tolist()) == ([0.9] * 3, [1] * 3)
    # Infinity is a value that was seen: that training has diverged.
    assert np.isnan(task.evaluate(job(0, 9, x=20), 0, None).values).tolist() == [False, True, True]
    assert (task.optimum, task.median) == (0.9, 0.9)
    with pytest.raises(ValueError, match="short_curves='cut': use one of failed, carried"):
        TableTask(SPACE, METRIC, curves, seconds, resources=LEVELS, short_curves="cut")


def test_paired_repetitions_are_the_same_for_all_configurations():
    """Configuration i has i + r / 10 in repetition r: the tenths say which one was seen."""
    values = np.arange(6)[:, None, None] + np.arange(5)[None, :, None] / 10
    space = Space({"x": Ordinal(tuple(range(6)))})
    task = TableTask(space, METRIC, values, np.ones(values.shape), repetition="paired")

    def drawn(seed, x):
        return round(10 * (task.evaluate(job(0, 1, x=x), seed, None).values.item() - x))

    seen = [{drawn(seed, x) for x in range(6)} for seed in range(60)]
    assert {len(some) for some in seen} == {1}
    assert set.union(*seen) == set(range(5))
    ragged = [5, 5, 5, 4, 5, 5]
    with pytest.raises(ValueError, match=r"\{'x': 3\} has 4 of 5: use sampled or mean"):
        TableTask(space, METRIC, values, values + 1, repetition="paired", repetitions=ragged)


def test_answers_cannot_be_changed():
    found = make(repetition=0).evaluate(job(0, 9), 0, None)
    with pytest.raises(ValueError, match="read-only"):
        found.values[0] = 0.0
