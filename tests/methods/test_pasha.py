"""PASHA: when it grows, what it takes for noise, and what it saves."""

import math
import zlib
from functools import partial

import numpy as np
import pytest

from hpobench.methods.composite import Composite
from hpobench.methods.schedulers.asha import ASHA
from hpobench.methods.schedulers.pasha import PASHA, crosses_twice, same_ranking
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.tasks.learning_curves import LearningCurves

TO_81 = Fidelity("epochs", 1, 81)


def trained(trial, first, values):
    """A job from `first` epochs on that reports one value an epoch."""
    epochs = np.arange(first + 1, first + 1 + len(values), dtype=float)
    job = Job(trial, {"x": trial}, first, int(epochs[-1]))
    return job, Evaluation(
        epochs, epochs - first, np.array(values, dtype=float), float(len(values))
    )


def train(scheduler, trial, first, values):
    job, evaluation = trained(trial, first, values)
    scheduler.observe(job, evaluation)
    scheduler.report(trial, job.to_resource, evaluation.value)


def started(values):
    """PASHA on epochs 1, 3, 9, 27, 81 whose trials have these values after epoch 1."""
    scheduler = PASHA(TO_81, eta=3)
    assert [scheduler.next() for _ in values] == [(trial, 1) for trial in range(len(values))]
    for trial, value in enumerate(values):
        train(scheduler, trial, 0, [value])
    return scheduler


def test_it_begins_with_two_rungs_and_never_passes_them_while_ranks_agree():
    scheduler = started([0, 1, 2, 3, 4, 5, 6, 7, 8])
    for trial in range(3):  # the best 3 of 9 go on, best first, and keep their order
        assert scheduler.next() == (trial, 3)
        train(scheduler, trial, 1, [trial, trial / 2])
    assert scheduler.top_resource == 3
    assert scheduler.next() == (9, 1)  # ASHA would now promote trial 0 to 9


def test_a_changed_ranking_adds_a_rung():
    scheduler = started([0, 1, 2, 3, 4, 5, 6, 7, 8])
    for trial, value in ((0, 0.5), (1, 0.4), (2, 0.45)):
        assert scheduler.next() == (trial, 3)
        train(scheduler, trial, 1, [trial, value])
    # After trial 1 the order is 1, 0 and no more 0, 1; after trial 2 the rung of 3 holds three.
    assert scheduler.top_resource == 9
    assert scheduler.next() == (1, 9)


def test_it_grows_to_the_full_resource_and_no_further():
    scheduler = PASHA(Fidelity("epochs", 1, 3), eta=3)
    assert scheduler.top_resource == 3
    for trial in range(9):
        scheduler.next()
        train(scheduler, trial, 0, [trial])
    for trial in range(3):
        scheduler.next()
        train(scheduler, trial, 1, [0, -trial])
    assert scheduler.top_resource == 3
    assert PASHA(Fidelity("epochs", 1, 1), eta=3).top_resource == 1


def test_failed_trials_are_not_ranked():
    scheduler = started([0, 1, 2, 3, 4, 5, 6, 7, 8])
    for trial, value in ((0, math.nan), (1, 0.4), (2, 0.5)):
        assert scheduler.next() == (trial, 3)
        train(scheduler, trial, 1, [trial, value])
    assert scheduler.top_resource == 3


@pytest.mark.parametrize(
    ("upper", "epsilon", "same"),
    [
        # Lower values 1.0, 1.1, 1.5 of trials a, b, c: soft ranking {a}, {b}, {c} at epsilon 0,
        # {a, b}, {a, b}, {c} at 0.1, and {a, b, c}, {a, b, c}, {a, b, c} at 0.5.
        ([1.0, 1.1, 1.5], 0.0, True),
        ([1.1, 1.0, 1.5], 0.0, False),
        ([1.1, 1.0, 1.5], 0.11, True),
        ([1.5, 1.1, 1.0], 0.11, False),
        ([1.5, 1.1, 1.0], 0.5, True),
    ],
)
def test_soft_ranking(upper, epsilon, same):
    assert same_ranking(np.array([1.0, 1.1, 1.5]), np.array(upper), epsilon) == same


def test_epsilon_zero_is_the_plain_ranking():
    """Random rankings against the definition: the two orders are the same list of trials."""
    rng = np.random.default_rng(0)
    agreed = 0
    for _ in range(300):
        lower, upper = rng.random((2, 3))
        plain = np.argsort(lower).tolist() == np.argsort(upper).tolist()
        agreed += plain
        assert same_ranking(lower, upper, 0.0) == plain
    assert 0 < agreed < 300


@pytest.mark.parametrize(
    ("curve", "twice"),
    [
        ([0, 0, 0, 0], False),  # always below
        ([2, 2, 0, 0], False),  # crosses once
        ([0, 2, 2, 0], True),
        ([2, 0, 2, 2], True),
        ([2, 0, 2, 0], True),  # three times
        ([0, np.nan, 2, 0], True),
        ([np.nan, 2, np.nan, 0], False),
    ],
)
def test_crossing_twice(curve, twice):
    assert crosses_twice(np.ones(4), np.array([curve], dtype=float)).tolist() == [twice]


def test_epsilon_is_the_percentile_of_distances_between_noisy_trials():
    """Three trials to epoch 3, of which the second crosses the first twice: 0.2 apart at the end.

    The third is always above, so the only distance is 0.2, and its 90th percentile 0.2.
    """
    scheduler = started([1.0, 1.1, 1.2, 3, 4, 5, 6, 7, 8])
    for trial, values in ((0, [1.4, 1.0]), (1, [1.3, 1.2]), (2, [2.0, 2.0])):
        assert scheduler.next() == (trial, 3)
        train(scheduler, trial, 1, values)
    assert scheduler.epsilon == pytest.approx(0.2)
    assert scheduler.top_resource == 3


def run_to_the_end(run, scheduler, crossing, trials, seed):
    """Resource spent, and the true final error of the pick, of a run over `trials` trials."""
    task = LearningCurves(crossing, noise=0.0)
    method = Composite(
        task.space, task.fidelity, np.random.default_rng(seed), 4, RandomSearch, scheduler
    )
    outcomes = run(task, method, workers=4, trials=trials)
    spent = sum(o.job.to_resource - o.job.from_resource for o in outcomes)
    best = min(outcomes, key=lambda o: (-o.job.to_resource, o.evaluation.value))
    final = task.evaluate(Job(0, best.job.config, 0, 81), 0, None).true_values[-1]
    return spent, final


def test_stable_ranks_give_the_same_pick_for_less_resource(run):
    """The paper's claim. Without noise and crossings ranks never change: PASHA stays at 3 epochs.

    ASHA spends 81 epochs on the best, PASHA 3; both find the best of the same 81 trials.
    """
    for seed in range(5):
        spent, final = run_to_the_end(run, partial(PASHA, eta=3), 0.0, 81, seed)
        by_asha, found = run_to_the_end(run, partial(ASHA, eta=3), 0.0, 81, seed)
        assert final == found
        assert 81 + 2 * 27 <= spent <= 81 + 2 * 35
        assert spent < 0.6 * by_asha


def test_straight_lines_that_cross_take_it_to_the_end(make_task, run):
    """Lines in log r cross at most once: epsilon stays 0, and ranks change between all rungs."""

    def line(config, epochs):
        level, slope = config["rate"], zlib.crc32(repr(config).encode()) % 997 / 997
        return level + slope * math.log(epochs)

    task = make_task(fidelity=Fidelity("epochs", 1, 27), value_of=line)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        scheduler = partial(PASHA, eta=3)
        method = Composite(task.space, task.fidelity, rng, 4, RandomSearch, scheduler)
        outcomes = run(task, method, workers=4, trials=400)
        assert max(o.job.to_resource for o in outcomes) == 27


def test_the_pick_is_trained_in_full_and_never_promoted_again():
    """After 9 trials the best of the top rung goes to epoch 81; the next pick comes after 18."""
    scheduler = PASHA(TO_81, eta=3, configurations=9)
    assert [scheduler.next().trial for _ in range(8)] == list(range(8))
    for trial in range(8):
        train(scheduler, trial, 0, [trial])
    for trial in range(2):
        assert scheduler.next() == (trial, 3)
        train(scheduler, trial, 1, [trial, trial / 2])
    assert scheduler.next() == (8, 1)
    assert scheduler.next() == (0, 81)
    train(scheduler, 8, 0, [8])
    assert scheduler.next() == (2, 3)
    train(scheduler, 2, 1, [0, -1])  # now the best: ranks have changed, and there is a rung more
    assert scheduler.top_resource == 9
    assert scheduler.next() == (2, 9)  # the only one that may: trial 0 is not promoted
    train(scheduler, 0, 3, [0.0] * 78)
    assert scheduler.next() == (9, 1)


@pytest.mark.parametrize("configurations", [0, 2.5])
def test_configurations_are_counted(configurations):
    with pytest.raises(ValueError, match=r"configurations=.*: a whole number, at least 1"):
        PASHA(TO_81, eta=3, configurations=configurations)


@pytest.mark.parametrize("percentile", [-1, 101, math.nan])
def test_nonsense_is_refused(percentile):
    with pytest.raises(ValueError, match=r"percentile=.* in \[0, 100\]"):
        PASHA(TO_81, eta=3, percentile=percentile)
