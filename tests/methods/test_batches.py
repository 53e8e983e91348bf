"""Sequential, synchronous batch and asynchronous search: timelines by hand, and what is known when.

Timelines as in `test_timelines`: (start, end, worker, trial, from, to) of every job, by end. On a
task of one epoch trial k takes COSTS[k] seconds.
"""

from functools import partial

import numpy as np
import pytest

from hpobench.methods.batches import Batches
from hpobench.methods.composite import Composite
from hpobench.methods.schedulers.asha import ASHA
from hpobench.methods.schedulers.fifo import FIFO
from hpobench.methods.schedulers.successive_halving import SuccessiveHalving
from hpobench.records import Fidelity
from hpobench.space.space import Space

ONE = Fidelity("none", 1, 1)
TO_2 = Fidelity("epochs", 1, 2)  # with eta = 2: rungs 1, 2
COSTS = [1, 3, 1, 2, 1]
LINE = Space({"x": {"type": "float", "low": 0, "high": 1}})


def starts(found):
    """(trial, start, worker) in order of starting."""
    return sorted((trial, start, worker) for start, _, worker, trial, _, _ in found)


def fifo(timeline, workers, **settings):
    return starts(timeline(FIFO, ONE, [1] * 5, workers=workers, costs=COSTS, **settings))


def test_asynchronous_is_the_default(timeline):
    by_hand = [(0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 2, 0), (4, 3, 1)]
    # At 3 trial 1 ends on worker 1 and trial 4 begins; trial 3 runs on worker 0 from 2 to 4.
    assert fifo(timeline, 2) == fifo(timeline, 2, batch=1, wait=False) == by_hand


def test_sequential_uses_one_worker_of_two(timeline):
    # One after the other: 0-1, 1-4, 4-5, 5-7, 7-8, on the worker that was freed last.
    found = fifo(timeline, 2, batch=1, wait=True)
    assert [start for _, start, _ in found] == [0, 1, 4, 5, 7]


def test_synchronous_batches(timeline):
    # Worker 0 is idle from 1 to 3, when trial 1 ends on worker 1, which gets trial 2, worker 0
    # trial 3; that ends at 5, and trial 4 begins.
    found = fifo(timeline, 2, batch=2, wait=True)
    assert found == [(0, 0, 0), (1, 0, 1), (2, 3, 1), (3, 3, 0), (4, 5, 0)]


def test_a_batch_larger_than_the_workers_is_dealt_as_they_become_free(timeline):
    # Trials 0, 1, 2 are the first batch: trial 2 from 1 to 2 on worker 0, which is then idle.
    found = fifo(timeline, 2, batch=3, wait=True)
    assert found == [(0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 3, 1), (4, 3, 0)]


def test_halving_in_batches_does_not_wait_for_itself(timeline):
    # Brackets of 2 in batches of 3: of the bracket the batch has trials 0 and 1 and must not wait
    # for a third. Trial 1 goes on from 1, when both are told; then trials 2 and 3.
    halving = partial(SuccessiveHalving, eta=2)
    found = timeline(halving, TO_2, [2, 1, 1, 2], workers=2, batch=3, wait=True)
    assert found == timeline(halving, TO_2, [2, 1, 1, 2], workers=2)


def test_asha_in_batches(timeline):
    # Trials 0 to 3 are a batch, 2 and 3 from 1 to 2. Then two of four are promoted, 1 and 3; with
    # them the next batch has trials 4 and 5, from 3; at 4 of six three are promoted: 4 as well.
    values = [3, 1, 2, 1, 0, 9]
    found = timeline(partial(ASHA, eta=2), TO_2, values, workers=2, batch=4, wait=True)
    by_start = sorted((start, trial, end, to) for start, end, _, trial, _, to in found)
    assert by_start == [
        *((0, 0, 1, 1), (0, 1, 1, 1), (1, 2, 2, 1), (1, 3, 2, 1)),
        *((2, 1, 3, 2), (2, 3, 3, 2), (3, 4, 4, 1), (3, 5, 4, 1)),
        (4, 4, 5, 2),
    ]


class Listening:
    """Notes how many jobs it has heard of, and how many are pending, when it is asked."""

    def __init__(self, space, rng):
        self._space, self._rng = space, rng
        self.heard, self.asked = 0, []

    def suggest(self, pending):
        self.asked.append((self.heard, len(pending)))
        return self._space.sample(self._rng, 1)[0]

    def observe(self, job, evaluation):
        self.heard += 1


@pytest.mark.parametrize(
    ("batch", "wait", "known"),
    [
        (1, False, [(0, 0), (0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]),
        (1, True, [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0)]),
        # Three at a time know the same, and of each other that they are pending.
        (3, True, [(0, 0), (0, 1), (0, 2), (3, 0), (3, 1), (3, 2)]),
        # Trial 3 begins on the worker that trial 1 leaves, when trial 2 still runs.
        (3, False, [(0, 0), (0, 1), (0, 2), (2, 1), (2, 2), (2, 3)]),
    ],
)
def test_what_is_known_when(batch, wait, known, make_task, run):
    searcher = Listening(LINE, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    task = make_task(LINE, ONE)
    method = Composite(LINE, ONE, rng, 2, lambda **_: searcher, FIFO, batch=batch, wait=wait)
    run(task, method, workers=2, trials=6)
    assert searcher.asked[:6] == known


def test_the_budget_of_trials_ends_within_a_batch(make_task, run):
    searcher = Listening(LINE, np.random.default_rng(0))
    task = make_task(LINE, TO_2)
    rng = np.random.default_rng(0)
    halving = partial(ASHA, eta=2)
    method = Composite(LINE, TO_2, rng, 2, lambda **_: searcher, halving, batch=4, wait=True)
    outcomes = run(task, method, workers=2, trials=5)
    assert {outcome.job.trial for outcome in outcomes} == set(range(5))
    assert searcher.heard == len(outcomes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0, "wait": True}, "batch=0: a whole number of jobs, at least 1"),
        ({"size": 2.5, "wait": True}, "batch=2.5: a whole number"),
        ({"size": True, "wait": True}, "batch=True: a whole number"),
        ({"size": 8, "wait": "yes"}, "wait='yes': use true or false"),
    ],
)
def test_nonsense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Batches(**settings, hear=print)
