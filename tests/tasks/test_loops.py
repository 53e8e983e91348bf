"""Loops of users: epochs, pauses, costs, and what goes wrong. Values by hand: 1 / epoch + x."""

import math
import time

import numpy as np
import pytest

from hpobench import progress
from hpobench.loop.budget import Budget
from hpobench.loop.events import Outcome
from hpobench.loop.simulator import simulate
from hpobench.methods.composite import Composite
from hpobench.methods.schedulers.asha import ASHA
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.real import checkpoints
from hpobench.records import Job
from hpobench.tasks.course import Saved
from hpobench.tasks.loops import TrainingLoop
from tests.tasks import loops_of_users as users

X = {"x": {"type": "float", "low": 0, "high": 1}}
CONFIG = {"x": 0.5}
RESUMABLE = [users.saving, users.Iterated, users.reporting_and_saving]
ANY = [users.eight_lines, users.reporting, *RESUMABLE]


def made(loop, epochs=9, cost_s=2.0, **settings):
    return TrainingLoop(loop, X, epochs=epochs, cost_s=cost_s, **settings)


def values(first, last):
    return [1 / epoch + 0.5 for epoch in range(first, last + 1)]


@pytest.mark.parametrize("loop", ANY)
def test_a_job_has_its_epochs_and_what_they_cost(loop):
    found = made(loop).evaluate(Job(0, CONFIG, 0, 3), 7, None)
    assert not found.error
    assert found.resources.tolist() == [1, 2, 3]
    assert found.values.tolist() == values(1, 3)
    assert found.seconds.tolist() == [2, 4, 6]
    assert found.duration_s == 6


@pytest.mark.parametrize("loop", ANY)
def test_without_a_state_training_is_from_zero_and_charged_so(loop):
    users.CALLS.clear()
    found = made(loop).evaluate(Job(0, CONFIG, 3, 5), 7, None)
    assert found.resources.tolist() == [4, 5]
    assert found.values.tolist() == values(4, 5)
    assert found.seconds.tolist() == [8, 10]
    assert [f"0.5@{epoch}" for epoch in range(1, 6)] == users.CALLS


@pytest.mark.parametrize("loop", RESUMABLE)
def test_what_saves_itself_goes_on_from_there(loop, tmp_path):
    task = made(loop)
    assert task.can_checkpoint
    state = task.evaluate(Job(0, CONFIG, 0, 3), 7, None).checkpoint
    file = checkpoints.save(task, tmp_path / "state", state)
    assert file.size > 0
    for kept in (state, checkpoints.load(task, tmp_path / "state")):
        users.CALLS.clear()
        found = task.evaluate(Job(0, CONFIG, 3, 5), 7, kept)
        assert found.resources.tolist() == [4, 5]
        assert found.values.tolist() == values(4, 5)
        assert found.seconds.tolist() == [2, 4]
        assert users.CALLS == ["0.5@4", "0.5@5"]
    assert task.evaluate(Job(0, CONFIG, 3, 9), 7, state).checkpoint is None  # needs none any more


def test_what_was_saved_may_be_taken_over_by_another_configuration():
    task = made(users.saving)
    state = task.evaluate(Job(0, CONFIG, 0, 3), 7, None).checkpoint
    found = task.evaluate(Job(1, {"x": 0.25}, 3, 4, source=0), 8, state)
    assert found.values.tolist() == [1 / 4 + 0.25]
    assert found.seconds.tolist() == [2]


def test_a_loop_that_waits_goes_on_where_it_is_held_but_for_no_other():
    task = made(users.eight_lines)
    assert not task.can_checkpoint
    held = task.evaluate(Job(0, CONFIG, 0, 3), 7, None).checkpoint
    users.CALLS.clear()
    other = task.evaluate(Job(1, {"x": 0.25}, 3, 4, source=0), 7, held)
    assert other.duration_s == 8  # from zero
    users.CALLS.clear()
    found = task.evaluate(Job(0, CONFIG, 3, 5), 7, held)
    assert found.values.tolist() == values(4, 5)
    assert users.CALLS == ["0.5@4", "0.5@5"]
    assert found.seconds.tolist() == [2, 4]
    again = task.evaluate(Job(0, CONFIG, 3, 5), 7, held)  # the loop is elsewhere now
    assert again.values.tolist() == values(4, 5)
    assert again.duration_s == 10


def test_values_are_in_the_users_direction_and_stored_the_other_way():
    task = made(users.with_dicts, goal="maximize", label="accuracy", constraints={"size": 6})
    found = task.evaluate(Job(0, CONFIG, 0, 2), 7, None)
    assert found.values == pytest.approx([1.5, 1.0])  # 1 - (1 - loss)
    assert found.test_values == pytest.approx([1.6, 1.1])
    assert found.train_values == pytest.approx([1.4, 0.9])
    assert found.constraints["size"].tolist() == [1, 1]  # 6 - 10 x
    assert found.true_values is None
    assert found.told().train_values is None


def test_seconds_are_those_that_pass_unless_stated():
    def slow(x):
        while True:
            time.sleep(0.01)
            yield x

    def says(x):
        while True:
            yield {"value": x, "cost_s": 5}

    found = made(slow, cost_s=None).evaluate(Job(0, CONFIG, 0, 3), 7, None)
    assert (np.diff(found.seconds, prepend=0) >= 0.01).all()
    assert found.seconds[-1] <= found.duration_s
    stated = made(says, cost_s=None).evaluate(Job(0, CONFIG, 0, 3), 7, None)
    assert stated.seconds.tolist() == [5, 10, 15]
    assert stated.duration_s == 15


def test_a_loop_that_ends_by_itself_has_its_last_value_from_there_on():
    task = made(users.early)
    first = task.evaluate(Job(0, CONFIG, 0, 9), 7, None)
    assert first.resources.tolist() == [1, 2, 3, 9]
    assert first.values.tolist() == [*values(1, 3), values(3, 3)[0]]
    assert first.duration_s == 6
    state = task.evaluate(Job(0, CONFIG, 0, 4), 7, None).checkpoint
    for checkpoint, cost in ((state, 0), (None, 6)):
        later = task.evaluate(Job(0, CONFIG, 4, 8), 7, checkpoint)
        assert later.resources.tolist() == [8]
        assert later.values.tolist() == values(3, 3)
        assert later.duration_s == cost


@pytest.mark.parametrize(
    ("loop", "known", "words"),
    [
        (users.diverges, 2, "the loop returned nan"),
        (users.raises, 1, "RuntimeError: out of ideas"),
        (users.silent, 0, "ended without a value (it returned 0.5)"),
        (users.from_zero, 0, "came to 0 after 0"),
        (users.forgets_to_save, 5, "gave no save with its value at 5"),
        (users.saves_nothing, 5, "wrote no file"),
        (users.in_strides, 0, "came to 10 after 0"),
        (lambda x: iter([str(x)]), 0, "the loop returned '0.5'"),
        (lambda x: iter([{"loss": x}]), 0, "'loss' and no 'value'"),
        (lambda x: iter([{"value": x, "tests": 1}]), 0, "did you mean 'test'?"),
    ],
)
def test_what_goes_wrong_is_named_and_what_was_known_is_kept(loop, known, words):
    found = made(loop).evaluate(Job(0, CONFIG, 0, 5), 7, None)
    assert words in found.error
    assert np.isfinite(found.values[:-1]).all() or not known
    assert len(found.values) - 1 == min(known, 4)
    assert found.value == math.inf


def test_larger_steps_are_stated():
    levels = {"name": "steps", "r_min": 10, "r_max": 90, "levels": [10, 30, 90]}
    task = TrainingLoop(users.in_strides, X, fidelity=levels, cost_s=1.0)
    found = task.evaluate(Job(0, CONFIG, 10, 30), 7, None)
    assert found.resources.tolist() == [20, 30]
    assert found.seconds.tolist() == [20, 30]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loop": users.OneHalf, "epochs": 3}, "has save(folder) alone"),
        ({"loop": users.early}, "either epochs or fidelity"),
        ({"loop": users.early, "epochs": 2.5}, "epochs=2.5"),
        ({"loop": lambda y: y, "epochs": 2}, "cannot be called with the hyperparameters"),
        ({"loop": users.early, "fidelity": {"name": "images", "r_max": 9}}, "state comparable"),
        ({"loop": users.early, "epochs": 3, "cost_s": 0}, "cost_s=0"),
    ],
)
def test_what_is_stated_wrongly_is_refused(settings, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(").replace(")", r"\)")):
        TrainingLoop(**settings, space=X)


def test_a_loop_that_is_said_to_repeat_and_does_not():
    numbers = iter(range(100))

    def drifts(x):
        yield next(numbers)

    with pytest.raises(ValueError, match="noise: none says that the loop repeats"):
        made(drifts, noise="none").prepare()
    assert (
        made(users.early, noise="none").evaluate(Job(0, CONFIG, 0, 1), 1, None).true_values == 1.5
    )


@pytest.mark.parametrize("loop", ANY)
def test_under_asha_pauses_change_no_value(loop):
    task = made(loop)
    rng = np.random.default_rng(0)
    method = Composite(
        task.space,
        task.fidelity,
        rng,
        2,
        searcher=RandomSearch,
        scheduler=lambda fidelity: ASHA(fidelity, eta=3),
    )
    events = simulate(task, method, budget=Budget(trials=12), seed=5, workers=2)
    outcomes = [event for event in events if isinstance(event, Outcome)]
    assert {outcome.job.to_resource for outcome in outcomes} == {1, 3, 9}
    for outcome in outcomes:
        epochs = outcome.evaluation.resources
        assert not outcome.evaluation.error
        assert outcome.evaluation.values == pytest.approx(1 / epochs + outcome.job.config["x"])
        if task.can_checkpoint:
            steps = outcome.job.to_resource - outcome.job.from_resource
            assert outcome.evaluation.duration_s == 2 * steps


def test_reports_are_kept_by_the_real_executor_as_they_come(tmp_path):
    path = tmp_path / "progress"

    def dies(x):
        yield {"value": 0.75, "train": 0.5}
        (tmp_path / "kept").write_text(path.read_text())
        yield 0.5

    task = TrainingLoop(dies, X, epochs=9, goal="maximize")
    with progress.reporting_to(path, time.perf_counter()):
        task.evaluate(Job(0, CONFIG, 0, 2), 7, None)
    kept = progress.read(tmp_path / "kept")
    assert kept.values.tolist() == [0.25]
    assert kept.train_values.tolist() == [0.5]


def test_a_state_on_disk_holds_no_pickle(tmp_path):
    state = Saved(3, {"a/b": b"\x00\x01"}, {"value": 0.5})
    state.write(tmp_path / "state")
    assert Saved.read(tmp_path / "state") == state
