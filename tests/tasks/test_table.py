"""A table small enough to work out by hand: 2 configurations, up to 2 repetitions, 3 levels."""

import numpy as np
import pytest

from hpobench.hyperparameters import Ordinal
from hpobench.records import Constraint, Fidelity, Job, Metric
from hpobench.space import Space
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
    assert task.fidelity == Fidelity("epochs", 1, 9)


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
    with pytest.raises(ValueError, match="repetition='best': use sampled, mean or"):
        make(repetition="best")
    with pytest.raises(ValueError, match="repetition=True"):
        make(repetition=True)


def test_failed_trainings_are_no_optimum():
    task = TableTask(SPACE, METRIC, [[[NAN]], [[0.5]]], [[[1.0]], [[1.0]]])
    assert (task.optimum, task.median) == (0.5, np.inf)
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
        TableTask(SPACE, METRIC, VALUES, np.array(SECONDS)[:, :, ::-1], resources=LEVELS)


def test_answers_cannot_be_changed():
    found = make(repetition=0).evaluate(job(0, 9), 0, None)
    with pytest.raises(ValueError, match="read-only"):
        found.values[0] = 0.0
