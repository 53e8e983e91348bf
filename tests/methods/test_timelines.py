"""Timelines worked out by hand: (start, end, worker, trial, from, to) of every job, by end.

One second a unit of resource unless said otherwise. The simulator gives a freed worker its next job
before it tells the next end of the same moment, and a job to the worker that became free last.
The searcher has one configuration for each value listed, then it is exhausted.
"""

import math
from functools import partial

import pytest

from hpobench.methods.schedulers.asha import ASHA
from hpobench.methods.schedulers.asha_stopping import ASHAStopping
from hpobench.methods.schedulers.fifo import FIFO
from hpobench.methods.schedulers.hyperband import Hyperband
from hpobench.methods.schedulers.median_stopping import MedianStopping
from hpobench.methods.schedulers.one_epoch import OneEpoch
from hpobench.methods.schedulers.successive_halving import SuccessiveHalving
from hpobench.records import Fidelity

TO_4 = Fidelity("epochs", 1, 4)  # with eta = 2: rungs 1, 2, 4
TO_2 = Fidelity("epochs", 1, 2)  # with eta = 2: rungs 1, 2
HALVING = partial(SuccessiveHalving, eta=2)  # brackets of 2^2 = 4
TIED = [3, 1, 2, 1]  # trials 1 and 3 are equal: first come first


def test_fifo_takes_every_trial_to_the_end(timeline):
    assert timeline(FIFO, TO_4, [1, 1, 1], workers=2) == [
        (0, 4, 0, 0, 0, 4),
        (0, 4, 1, 1, 0, 4),
        (4, 8, 0, 2, 0, 4),
    ]


def test_halving_with_one_worker(timeline):
    # Rung 1 keeps 2 of 4, trials 1 and 3; rung 2 keeps 1 of 2: equal, and trial 1 came first.
    assert timeline(HALVING, TO_4, TIED, workers=1) == [
        (0, 1, 0, 0, 0, 1),
        (1, 2, 0, 1, 0, 1),
        (2, 3, 0, 2, 0, 1),
        (3, 4, 0, 3, 0, 1),
        (4, 5, 0, 1, 1, 2),
        (5, 6, 0, 3, 1, 2),
        (6, 8, 0, 1, 2, 4),
    ]


def test_halving_with_two_workers(timeline):
    # At 2 trial 2 ends on worker 0, which waits; trial 3 ends on worker 1: rung 1 is complete.
    # Worker 1 was freed last and gets trial 1, worker 0 gets trial 3. So again at 3 the other way.
    assert timeline(HALVING, TO_4, TIED, workers=2) == [
        (0, 1, 0, 0, 0, 1),
        (0, 1, 1, 1, 0, 1),
        (1, 2, 0, 2, 0, 1),
        (1, 2, 1, 3, 0, 1),
        (2, 3, 1, 1, 1, 2),
        (2, 3, 0, 3, 1, 2),
        (3, 5, 0, 1, 2, 4),
    ]


def test_halving_waits_at_the_barrier(timeline):
    # Trial 1 takes 2 s a unit. Worker 2 is idle from 1, worker 1 from 2; trial 3 ends last at 2,
    # on worker 0. Values come in as 3 (trial 0), 2 (2), 1 (1), 1 (3): trials 1 and 3 go on, on
    # workers 0 and 1. Trial 3 ends at 3, and worker 1 waits until trial 1 ends at 4. Now trial 3
    # came first, so it wins the tie, on worker 0.
    assert timeline(HALVING, TO_4, TIED, workers=3, costs=[1, 2, 1, 1]) == [
        (0, 1, 0, 0, 0, 1),
        (0, 1, 2, 2, 0, 1),
        (0, 2, 1, 1, 0, 1),
        (1, 2, 0, 3, 0, 1),
        (2, 3, 1, 3, 1, 2),
        (2, 4, 0, 1, 1, 2),
        (4, 6, 0, 3, 2, 4),
    ]


def test_halving_without_checkpoints(timeline):
    # As before, but each of the three resumed trials changes its worker, and starts from zero:
    # trial 3 takes 2 s, trial 1 takes 2 * 2 s, trial 3 takes 4 s.
    found = timeline(HALVING, TO_4, TIED, workers=3, costs=[1, 2, 1, 1], can_checkpoint=False)
    assert found[4:] == [
        (2, 4, 1, 3, 1, 2),
        (2, 6, 0, 1, 1, 2),
        (6, 10, 0, 3, 2, 4),
    ]


def test_halving_ends_a_bracket_that_failed_altogether(timeline):
    # 4 failures end the first bracket; trial 4 is the second, cut short: 1 of 1 goes on.
    nothing = [math.nan, math.inf, math.nan, math.nan, 1]
    assert timeline(HALVING, TO_4, nothing, workers=1)[4:] == [
        (4, 5, 0, 4, 0, 1),
        (5, 6, 0, 4, 1, 2),
        (6, 8, 0, 4, 2, 4),
    ]


# Hyperband with R = 2, eta = 2: s = 1 has n = ceil(2/2 * 2) = 2 from 1, s = 0 has n = 2 at 2.
# Five configurations: the third bracket is left with trial 4 alone, which goes on to 2.
FIVE = [2, 1, 1, 1, 1]


def test_hyperband_with_one_worker(timeline):
    assert timeline(partial(Hyperband, eta=2), TO_2, FIVE, workers=1) == [
        (0, 1, 0, 0, 0, 1),
        (1, 2, 0, 1, 0, 1),
        (2, 3, 0, 1, 1, 2),
        (3, 5, 0, 2, 0, 2),
        (5, 7, 0, 3, 0, 2),
        (7, 8, 0, 4, 0, 1),
        (8, 9, 0, 4, 1, 2),
    ]


def test_hyperband_with_two_workers(timeline):
    # No bracket begins before the one before has ended: worker 0 is idle from 1 to 2.
    assert timeline(partial(Hyperband, eta=2), TO_2, FIVE, workers=2) == [
        (0, 1, 0, 0, 0, 1),
        (0, 1, 1, 1, 0, 1),
        (1, 2, 1, 1, 1, 2),
        (2, 4, 1, 2, 0, 2),
        (2, 4, 0, 3, 0, 2),
        (4, 5, 0, 4, 0, 1),
        (5, 6, 0, 4, 1, 2),
    ]


def test_hyperband_with_three_workers(timeline):
    # Two trials at a time at most: worker 2 never works.
    found = timeline(partial(Hyperband, eta=2), TO_2, FIVE, workers=3)
    assert found == timeline(partial(Hyperband, eta=2), TO_2, FIVE, workers=2)


def test_hyperband_that_fills_idle_workers_from_the_next_bracket(timeline):
    # At 1 worker 0 finds the first bracket at its barrier and begins the second, with trial 2; at
    # 2 worker 1 goes on with it, at 3 worker 0 begins the third. At 4 there is no sixth
    # configuration: the third bracket is left with trial 4.
    filling = partial(Hyperband, eta=2, idle="next_bracket")
    assert timeline(filling, TO_2, FIVE, workers=2) == [
        (0, 1, 0, 0, 0, 1),
        (0, 1, 1, 1, 0, 1),
        (1, 2, 1, 1, 1, 2),
        (1, 3, 0, 2, 0, 2),
        (2, 4, 1, 3, 0, 2),
        (3, 4, 0, 4, 0, 1),
        (4, 5, 0, 4, 1, 2),
    ]
    # With one worker there is nothing to fill.
    alone = timeline(filling, TO_2, FIVE, workers=1)
    assert alone == timeline(partial(Hyperband, eta=2), TO_2, FIVE, workers=1)


def test_idle_is_one_of_two():
    with pytest.raises(ValueError, match="idle='sleep': use one of wait, next_bracket"):
        Hyperband(TO_2, eta=2, idle="sleep")


ONE_OF_THREE = partial(OneEpoch, best=1, configurations=3)


def test_one_epoch_with_two_workers(timeline):
    # At 2 trial 2 ends on worker 0 and completes the first round: trial 1 goes on from 2 to 5.
    # Worker 1 has begun the second round with trial 3 at 1, and goes on with it: of 5, 1 and 4 it
    # is trial 4 that goes on. It has ended on worker 1, which is free at 4.
    assert timeline(ONE_OF_THREE, TO_4, [3, 1, 2, 5, 1, 4], workers=2) == [
        (0, 1, 0, 0, 0, 1),
        (0, 1, 1, 1, 0, 1),
        (1, 2, 0, 2, 0, 1),
        (1, 2, 1, 3, 0, 1),
        (2, 3, 1, 4, 0, 1),
        (3, 4, 1, 5, 0, 1),
        (2, 5, 0, 1, 1, 4),
        (4, 7, 1, 4, 1, 4),
    ]


def test_one_epoch_that_waits(timeline):
    # Trial 1 is on its way to 4 until 5, and only then both begin the second round.
    waiting = partial(ONE_OF_THREE, idle="wait")
    assert timeline(waiting, TO_4, [3, 1, 2, 5], workers=2) == [
        (0, 1, 0, 0, 0, 1),
        (0, 1, 1, 1, 0, 1),
        (1, 2, 0, 2, 0, 1),
        (2, 5, 0, 1, 1, 4),
        (5, 6, 0, 3, 0, 1),
        (6, 9, 0, 3, 1, 4),
    ]


def test_one_epoch_takes_the_best_of_what_an_exhausted_space_left(timeline):
    # Of 9 there are 4, of which one fails: the other three go on, the best first.
    found = timeline(
        partial(OneEpoch, best=3, configurations=9), TO_4, [3, math.nan, 1, 2], workers=1
    )
    assert found[4:] == [(4, 7, 0, 2, 1, 4), (7, 10, 0, 3, 1, 4), (10, 13, 0, 0, 1, 4)]


PROMOTING = partial(ASHA, eta=2)


def test_asha_with_one_worker(timeline):
    # After trial 1 rung 1 holds 2: its best 1, trial 1, is promoted. After trial 3 it holds 4:
    # its best 2 are trials 1 and 3. Then rung 2 holds 1, 1: the best 1 is the first, trial 1.
    assert timeline(PROMOTING, TO_4, TIED, workers=1) == [
        (0, 1, 0, 0, 0, 1),
        (1, 2, 0, 1, 0, 1),
        (2, 3, 0, 1, 1, 2),
        (3, 4, 0, 2, 0, 1),
        (4, 5, 0, 3, 0, 1),
        (5, 6, 0, 3, 1, 2),
        (6, 8, 0, 1, 2, 4),
    ]


def test_asha_with_two_workers(timeline):
    # At 1 trial 0 is told when alone on its rung, so worker 0 starts trial 2; then trial 1 makes
    # two and is promoted at once. At 2 worker 1 finds the space exhausted and is idle from then.
    assert timeline(PROMOTING, TO_4, TIED, workers=2) == [
        (0, 1, 0, 0, 0, 1),
        (0, 1, 1, 1, 0, 1),
        (1, 2, 0, 2, 0, 1),
        (1, 2, 1, 1, 1, 2),
        (2, 3, 0, 3, 0, 1),
        (3, 4, 0, 3, 1, 2),
        (4, 6, 0, 1, 2, 4),
    ]


@pytest.mark.parametrize(("can_checkpoint", "end"), [(True, 5), (False, 7)])
def test_asha_with_three_workers(timeline, can_checkpoint, end):
    # Trials 1 and 3 go to rung 2 on the worker that still holds them: even without checkpoints
    # they take 1 s. Trial 1 goes from worker 1 to worker 0 for rung 4: 2 s, or 4 s from zero.
    found = timeline(PROMOTING, TO_4, TIED, workers=3, can_checkpoint=can_checkpoint)
    assert found == [
        (0, 1, 0, 0, 0, 1),
        (0, 1, 1, 1, 0, 1),
        (0, 1, 2, 2, 0, 1),
        (1, 2, 0, 3, 0, 1),
        (1, 2, 1, 1, 1, 2),
        (2, 3, 0, 3, 1, 2),
        (3, end, 0, 1, 2, 4),
    ]


def test_asha_brackets_take_turns(timeline):
    # R = 2, eta = 2: both brackets have n_s = 2, so trials 0, 2 begin at 1 and trials 1, 3 at 2.
    # Trial 2 makes two on rung 1 of the first bracket: trial 0 is better and is promoted.
    assert timeline(partial(ASHA, eta=2, brackets=2), TO_2, [1, 1, 2, 1], workers=1) == [
        (0, 1, 0, 0, 0, 1),
        (1, 3, 0, 1, 0, 2),
        (3, 4, 0, 2, 0, 1),
        (4, 5, 0, 0, 1, 2),
        (5, 7, 0, 3, 0, 2),
    ]


STOPPING = partial(ASHAStopping, eta=2)
LATE = [2, 3, 1, 1]  # trials 2 and 3 are equal


def test_asha_stopping_with_one_worker(timeline):
    # Trial 0 is alone and goes on to the end. Trial 1: worst of 2, stops. Trial 2: best of 3, and
    # of 2 on rung 2. Trial 3: among the best 2 of 4; on rung 2 of 3 only 1 goes on, trial 2.
    assert timeline(STOPPING, TO_4, LATE, workers=1) == [
        (0, 1, 0, 0, 0, 1),
        (1, 2, 0, 0, 1, 2),
        (2, 4, 0, 0, 2, 4),
        (4, 5, 0, 1, 0, 1),
        (5, 6, 0, 2, 0, 1),
        (6, 7, 0, 2, 1, 2),
        (7, 9, 0, 2, 2, 4),
        (9, 10, 0, 3, 0, 1),
        (10, 11, 0, 3, 1, 2),
    ]


@pytest.mark.parametrize("can_checkpoint", [True, False])
def test_asha_stopping_with_two_workers(timeline, can_checkpoint):
    # Whatever goes on stays on its worker, so that checkpoints do not matter.
    assert timeline(STOPPING, TO_4, LATE, workers=2, can_checkpoint=can_checkpoint) == [
        (0, 1, 0, 0, 0, 1),
        (0, 1, 1, 1, 0, 1),
        (1, 2, 0, 0, 1, 2),
        (1, 2, 1, 2, 0, 1),
        (2, 3, 1, 2, 1, 2),
        (2, 4, 0, 0, 2, 4),
        (3, 5, 1, 2, 2, 4),
        (4, 5, 0, 3, 0, 1),
        (5, 6, 0, 3, 1, 2),
    ]


@pytest.mark.parametrize("can_checkpoint", [True, False])
def test_asha_stopping_with_three_workers(timeline, can_checkpoint):
    # At 2, told in this order: trial 0 is alone on rung 2; trial 3 makes 4 on rung 1 and is among
    # its best 2; trial 2 is the best of 2 on rung 2. At 3 trial 3 ties with trial 2 and stops.
    assert timeline(STOPPING, TO_4, LATE, workers=3, can_checkpoint=can_checkpoint) == [
        (0, 1, 0, 0, 0, 1),
        (0, 1, 1, 1, 0, 1),
        (0, 1, 2, 2, 0, 1),
        (1, 2, 0, 0, 1, 2),
        (1, 2, 1, 3, 0, 1),
        (1, 2, 2, 2, 1, 2),
        (2, 3, 1, 3, 1, 2),
        (2, 4, 0, 0, 2, 4),
        (2, 4, 2, 2, 2, 4),
    ]


def test_median_stopping_on_two_workers(timeline):
    # Steps 1, 2. Nothing has ended at 1: trials 0 and 1 go on. At 2 they end with the averages
    # 1 and 3 at step 1; trial 2 is told at 3, median (1 + 3) / 2 = 2: equal, so it goes on.
    # Trial 3 has 2.5, which is worse, and stops.
    rule = partial(MedianStopping, interval=1, grace=1, min_trials=1)
    assert timeline(rule, TO_2, [1, 3, 2, 2.5], workers=2) == [
        (0, 1, 0, 0, 0, 1),
        (0, 1, 1, 1, 0, 1),
        (1, 2, 0, 0, 1, 2),
        (1, 2, 1, 1, 1, 2),
        (2, 3, 0, 2, 0, 1),
        (2, 3, 1, 3, 0, 1),
        (3, 4, 0, 2, 1, 2),
    ]
