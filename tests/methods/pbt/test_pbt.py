"""Population-based training: exploit and explore by hand, and checkpoints really copied."""

import math
from functools import partial

import numpy as np
import pytest

from hpobench.loop.budget import Budget
from hpobench.loop.events import Outcome
from hpobench.loop.simulator import simulate
from hpobench.methods.pbt.explore import Explorer
from hpobench.methods.pbt.pbt import PBT
from hpobench.real.executor import execute
from hpobench.real.pool import WorkerProcesses
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Space
from hpobench.tasks.learning_curves import BEST, LearningCurves
from hpobench.tasks.training.checkpoints import CheckpointError
from hpobench.tasks.training.task import TrainingTask
from tests.real_runs import build, builder
from tests.tasks.training.conftest import ADAM, SGD, SPACE, small

TO_4 = Fidelity("epochs", 1, 4)
LINE = Space({"x": {"type": "float", "low": 0, "high": 1}})


def method(space=LINE, fidelity=TO_4, workers=1, seed=0, **settings):
    usual = {"population": 5, "interval": 1}
    return PBT(space, fidelity, np.random.default_rng(seed), workers, **(usual | settings))


def tell(pbt, job, value):
    resources = np.array([job.to_resource], dtype=float)
    pbt.tell(job, Evaluation(resources, np.ones(1), np.array([value]), 1.0))


def step(pbt, values):
    """One job for each value, in the order in which they are asked for."""
    jobs = [pbt.ask() for _ in values]
    for job, value in zip(jobs, values, strict=True):
        tell(pbt, job, value)
    return jobs


def test_the_worst_of_five_goes_on_from_the_best():
    """quantile 0.2 of 5 members: the worst one copies the best one, the others go on."""
    pbt = method()
    first = step(pbt, [0.3, 0.1, 0.5, 0.2, 0.4])
    assert [job[0] for job in first] == [0, 1, 2, 3, 4]
    assert all(job[2:] == (0, 1, None) for job in first)
    second = [pbt.ask() for _ in range(5)]
    assert [job.trial for job in second] == [0, 1, 5, 3, 4]
    assert second[2][2:] == (1, 2, 1)  # from 1 to 2, from the checkpoint of trial 1
    assert second[2].config != first[2].config
    assert all(job[1] == first[job.trial].config for job in second if job.trial < 5)


def test_equal_members_do_not_copy_each_other():
    pbt = method()
    step(pbt, [0.3] * 5)
    assert [pbt.ask().trial for _ in range(5)] == [0, 1, 2, 3, 4]


def test_a_failed_member_copies_though_it_is_not_alone_in_failing():
    pbt = method()
    step(pbt, [0.3, math.nan, 0.1, math.inf, 0.2])
    jobs = [pbt.ask() for _ in range(5)]
    assert [(job.trial, job.source) for job in jobs] == [
        (0, None),
        (5, 2),
        (2, None),
        (6, 2),
        (4, None),
    ]


def test_where_all_fail_all_begin_anew():
    pbt = method()
    first = step(pbt, [math.nan] * 5)
    again = [pbt.ask() for _ in range(5)]
    assert [job[0] for job in again] == [5, 6, 7, 8, 9]
    assert all(job[2:] == (0, 1, None) for job in again)
    assert not {job.config["x"] for job in first} & {job.config["x"] for job in again}


def test_nobody_copies_what_has_no_checkpoint_of_its_own():
    """A copy has no value until it was trained: it is not copied meanwhile."""
    pbt = method(population=2, quantile=0.5)
    step(pbt, [0.1, 0.9])
    best, copy = pbt.ask(), pbt.ask()
    assert (best.trial, copy.trial, copy.source) == (0, 2, 0)
    tell(pbt, best, 0.5)
    assert pbt.ask()[0] == 0  # alone with a value: goes on
    tell(pbt, copy, 0.05)
    assert pbt.ask()[0] == 2


def test_the_next_population_begins_when_workers_would_be_idle():
    pbt = method(population=2)
    jobs = [pbt.ask() for _ in range(3)]
    assert [job.trial for job in jobs] == [0, 1, 2]
    tell(pbt, jobs[0], 0.0)
    assert pbt.ask()[2:] == (1, 2, None)  # the first population goes before the second


def test_after_the_last_trial_members_go_on_as_they_are():
    pbt = method()
    step(pbt, [0.3, 0.1, 0.5, 0.2, 0.4])
    job = next(job for job in iter(pbt.ask, None) if job.source is not None)
    pbt.refuse(job)
    job = pbt.ask()
    assert (job.trial, job.from_resource, job.source) == (2, 1, None)


FOUR = Space(
    {
        "rate": {"type": "float", "low": 1e-3, "high": 1, "log": True},
        "units": {"type": "integer", "low": 1, "high": 9},
        "width": {"type": "ordinal", "values": [1, 2, 8, 16]},
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
        "filters": {"type": "integer", "low": 1, "high": 9},
    }
)
HERE = {"rate": 0.1, "units": 2, "width": 8, "kind": "b", "filters": 4}


def explored(config, times=200, **settings):
    explorer = Explorer(FOUR, np.random.default_rng(0), **settings)
    return [explorer(config) for _ in range(times)]


def test_perturbed_by_a_fifth():
    """0.1 times 0.8 or 1.2; 2 rounds to 2 either way, so it moves by 1; 8 goes to 2 or to 16."""
    found = explored(HERE, resample=0.0, frozen=["filters"])
    assert {round(config["rate"], 12) for config in found} == {0.08, 0.12}
    assert {config["units"] for config in found} == {1, 3}
    assert {config["width"] for config in found} == {2, 16}
    assert {config["kind"] for config in found} == {"b"}
    assert {config["filters"] for config in found} == {4}


def test_kept_in_the_range():
    edge = {"rate": 1.0, "units": 9, "width": 16, "kind": "a", "filters": 1}
    found = explored(edge, resample=0.0)
    for config in found:
        FOUR.validate(config)
    assert {config["rate"] for config in found} == {0.8, 1.0}
    assert {config["units"] for config in found} == {7, 9}
    assert {config["width"] for config in found} == {8, 16}


def test_resampled_as_random_search_draws():
    found = explored(HERE, resample=1.0, mutable=["rate", "kind"], times=600)
    assert {config["kind"] for config in found} == {"a", "b", "c"}
    # log10 of the rate is uniform on [-3, 0]: mean -1.5, standard error 3 / sqrt(12 * 600).
    mean = np.mean([math.log10(config["rate"]) for config in found])
    assert mean == pytest.approx(-1.5, abs=4 * 3 / math.sqrt(12 * 600))
    assert {(config["units"], config["width"]) for config in found} == {(2, 8)}


def test_a_quarter_is_resampled():
    kinds = [config["kind"] for config in explored(HERE, resample=0.25, times=2000)]
    # One resampled in three is the old one again: 0.25 * 2 / 3 change.
    rate = np.mean([kind != "b" for kind in kinds])
    assert rate == pytest.approx(1 / 6, abs=4 * math.sqrt(5 / 36 / 2000))


def test_in_a_list_of_configurations_it_stays_in_the_list():
    """0.5 times 0.8 or 1.2 is 0.4 or 0.6: the nearest others to be had are 0.45 and 0.7."""
    listed = ListedSpace(
        {"x": {"type": "float", "low": 0, "high": 1}}, [{"x": x} for x in (0.1, 0.45, 0.5, 0.7)]
    )
    explorer = Explorer(listed, np.random.default_rng(0), resample=0.0)
    assert {explorer({"x": 0.5})["x"] for _ in range(50)} == {0.45, 0.7}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population": 1}, "population=1: .* at least 2"),
        ({"quantile": 0.7}, r"quantile=0.7: in \(0, 0.5\]"),
        ({"interval": 0}, "interval=0 must be a resource above 0"),
        ({"factors": [0.8, -1]}, "factors=.*positive"),
        ({"resample": 2}, "resample=2: a probability"),
        ({"mutable": ["rate"]}, "mutable: 'rate' is no hyperparameter"),
    ],
)
def test_nonsense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        method(**settings)


def test_a_copy_is_charged_for_its_own_part(make_task, run):
    """Trial 4 of five is the worst and copies: it trains 1 unit from 1 to 2, not 2 from zero."""
    task = make_task(LINE, TO_4, value_of=lambda config, _: config["x"])
    copies = [o for o in run(task, method(), time_s=12) if o.job.source is not None]
    assert copies
    assert all(o.end_s - o.start_s == 1 and o.job.from_resource >= 1 for o in copies)


def test_without_checkpoints_a_copy_is_charged_from_zero(make_task, run):
    task = make_task(LINE, TO_4, value_of=lambda config, _: config["x"], can_checkpoint=False)
    copies = [o for o in run(task, method(), time_s=40) if o.job.source is not None]
    assert copies
    assert all(o.end_s - o.start_s == o.job.to_resource for o in copies[:-1])


def test_on_curves_a_copy_is_on_the_curve_of_its_own_configuration():
    task = LearningCurves(0.0, epochs=9)
    other = BEST | {"learning_rate": 0.5}
    parent = task.evaluate(Job(0, other, 0, 4), 7, None)
    copied = task.evaluate(Job(1, BEST, 4, 6, source=0), 7, parent.checkpoint)
    whole = task.evaluate(Job(1, BEST, 0, 9), 7, None)
    np.testing.assert_array_equal(copied.values, whole.values[4:6])
    np.testing.assert_array_equal(copied.true_values, whole.true_values[4:6])
    assert copied.duration_s == pytest.approx(whole.duration_s * 2 / 9)
    later = task.evaluate(Job(1, BEST, 6, 9), 7, copied.checkpoint)
    np.testing.assert_array_equal(later.values, whole.values[6:])


@pytest.fixture(scope="module")
def training():
    return TrainingTask(
        SPACE,
        epochs=4,
        data=small,
        model="hpobench.tasks.training.models.cnn",
        fixed={"batch_size": 16},
    )


SLOW = {"optimizer": "adam", "adam_learning_rate": 1e-4, "filters": 3, "dropout": 0.3}


def test_a_copy_goes_on_from_the_weights_with_its_own_settings(training):
    """At a thirtieth of the learning rate the loss stays near that of the source."""
    source = training.train(Job(0, ADAM, 0, 2), 5)
    copy = training.train(Job(1, SLOW, 2, 3, source=0), 5, source.checkpoint)
    alone = training.train(Job(1, SLOW, 0, 3), 5)
    reached = source.validation_loss[-1]
    assert abs(copy.validation_loss[0] - reached) < 0.2 * abs(alone.validation_loss[-1] - reached)
    group = copy.checkpoint["optimizer"]["param_groups"][0]
    assert group["lr"] == 1e-4
    # Adam's moments come along: 2 epochs of 7 batches, and 7 steps more.
    assert copy.checkpoint["optimizer"]["state"][0]["step"] == 21
    # From now on it is a trial like any other.
    paused = training.train(Job(1, SLOW, 3, 4), 5, copy.checkpoint)
    whole = training.train(Job(1, SLOW, 2, 4, source=0), 5, source.checkpoint)
    np.testing.assert_array_equal(paused.validation_loss, whole.validation_loss[1:])


@pytest.mark.parametrize("other", [SLOW | {"filters": 4}, SGD | {"filters": 3}])
def test_a_checkpoint_that_does_not_fit_is_refused(training, other):
    source = training.train(Job(0, ADAM, 0, 1), 5)
    with pytest.raises(CheckpointError, match=r"does not fit this one: .* `frozen`"):
        training.train(Job(1, other, 1, 2, source=0), 5, source.checkpoint)
    with pytest.raises(CheckpointError, match="has config"):  # no copy, so not its own
        training.train(Job(1, other, 1, 2), 5, source.checkpoint)
    with pytest.raises(CheckpointError, match="has epoch 1, the job needs 2"):
        training.train(Job(1, SLOW, 2, 3, source=0), 5, source.checkpoint)


def test_a_whole_run_on_networks(training):
    """All copies fit, and none takes the time of a training from zero."""
    pbt = method(training.space, training.fidelity, population=4, frozen=["optimizer", "filters"])
    events = simulate(training, pbt, budget=Budget(trials=12), seed=1, workers=2)
    outcomes = [event for event in events if isinstance(event, Outcome)]
    copies = [o for o in outcomes if o.job.source is not None]
    assert copies
    assert not [o for o in copies if "Checkpoint" in (o.evaluation.error or "")]
    assert all(len(o.evaluation.values) == 1 for o in copies)


class Given:
    """Gives these jobs, each when the one before was told."""

    def __init__(self, *jobs):
        self.jobs = list(jobs)
        self.waiting = False

    def ask(self):
        if self.waiting or not self.jobs:
            return None
        self.waiting = True
        return self.jobs.pop(0)

    def tell(self, job, evaluation):
        self.waiting = False


def test_real_workers_copy_the_file(tmp_path):
    """The copy begins at epoch 3 on another worker, and its source can still go on from there."""
    log = tmp_path / "log"
    settings = {"pace": [0.01, 0.01], "log": str(log)}
    jobs = (
        Job(0, {"x": 0}, 0, 3),
        Job(1, {"x": 1}, 3, 5, source=0),
        Job(0, {"x": 0}, 3, 4),
        Job(1, {"x": 1}, 5, 6),
    )
    make = partial(WorkerProcesses, oversubscribe=True)
    for resumed in range(2):  # the second time all of it is replayed
        with make(builder(**settings), 2) as engine:
            events = execute(
                build(**settings),
                Given(*jobs),
                budget=Budget(time_s=30),
                seed=7,
                pool=engine,
                journal=tmp_path / "journal",
            )
            outcomes = [event for event in events if isinstance(event, Outcome)]
        assert [o.job for o in outcomes] == list(jobs)
        assert [o.evaluation.error for o in outcomes] == [None] * 4
        starts = [line.split()[:2] for line in log.read_text().splitlines()]
        assert starts == [["0", "0"], ["1", "3"], ["0", "3"], ["1", "5"]], resumed
