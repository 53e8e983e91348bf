"""Our ASHA against that of Syne Tune and Optuna: same configurations, same curves, same order.

The libraries differ in one thing, how many of the n trials of a rung go on. Each is compared twice:
our scheduler with that rule put in the place of ours must decide everything alike; and the two
rules are counted out against each other. For eta = 3:

    ours, promotion (Li et al. 2020)      the best floor(n / 3)
    Syne Tune 0.13, promotion             the best floor((n - 1) / 3) + 1, from n = 2 on
    ours, stopping                        the best max(1, floor(n / 3))
    Optuna                                the same; who ties with the last of them goes on, too
    Syne Tune 0.13, stopping              the best floor((n - 1) / 3) + 1
    Syne Tune 0.16 (has no promotion)     the best floor(n / 3) + 1
"""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import optuna
import pytest

from hpobench.methods.schedulers import asha, asha_stopping
from hpobench.records import Fidelity
from tests.differential.rules import Rung, among_the_best, ranked_within, within_quantile
from tests.differential.transcripts import Transcript, Work, promotions, stops

RUNS = [  # eta, epochs, workers, seed; 50 is no power of 3, 64 is one of 2 and of 4
    (3, 27, 1, 0),
    (3, 50, 4, 1),
    (3, 81, 16, 2),
    (2, 64, 8, 3),
    (4, 64, 5, 4),
]


def question(work: Work, eta: int, transcript: Transcript, **more):
    return {
        "eta": eta,
        "epochs": work.epochs,
        "trials": len(work.costs),
        "calls": transcript.calls,
        **more,
    }


def put_in_place(monkeypatch, scheduler, rules):
    """Build the rungs of a scheduler, from the lowest up, with these rules."""
    rising = iter(rules)
    monkeypatch.setattr(scheduler, "Rung", lambda *_, **__: Rung(next(rising)))


def levels(eta: int, epochs: int) -> list[int]:
    return [*(eta**k for k in range(20) if eta**k < epochs), epochs]


def quantiles(eta: int, epochs: int) -> list[Fraction]:
    """Syne Tune's fractions r_j / r_(j+1): 1 / eta, but for the last, if r_max is no power."""
    rising = levels(eta, epochs)
    return [Fraction(low, high) for low, high in pairwise(rising)]


def arrivals(count: int, seed: int = 0) -> Work:
    """Trials of nine epochs that all arrive at the first rung before anything is decided."""
    rng = np.random.default_rng(seed)
    return Work(np.repeat(rng.permutation(count)[:, None] / count, 9, axis=1), np.ones(count))


def together(count: int) -> list:
    """All of them are started, then all are told, then `count` asks follow."""
    values = arrivals(count).curves[:, 0].tolist()
    told = [["tell", trial, [[1, value]]] for trial, value in enumerate(values)]
    return [["ask"]] * count + told + [["ask"]] * count


def our_stops(values: list[float]) -> list[bool]:
    """Whether each trial goes on from the first rung, if they arrive one after the other."""
    scheduler = asha_stopping.ASHAStopping(Fidelity("epochs", 1, 9), 3)
    scheduler.next()
    goes_on = []
    for trial, value in enumerate(values):
        scheduler.report(trial, 1, value)
        goes_on.append(scheduler.next().trial == trial)
        if goes_on[-1]:
            scheduler.next()  # another worker starts the next trial
    return goes_on


# --- Syne Tune 0.13, promotion


@pytest.mark.parametrize(("eta", "epochs", "workers", "seed"), RUNS)
def test_promotions_are_those_of_syne_tune_but_for_its_quantile(
    asked, monkeypatch, eta, epochs, workers, seed
):
    rules = [within_quantile(fraction, alone=False) for fraction in quantiles(eta, epochs)]
    put_in_place(monkeypatch, asha, rules)
    work = Work.random(seed, epochs)
    ours = promotions(work, eta, workers)
    theirs = asked(
        "syne_tune_0_13", "syne_tune_0_13_asha.py", question(work, eta, ours, type="promotion")
    )
    assert theirs == ours.answers
    assert sum(answer is not None and answer[1] > 1 for answer in ours.answers) > 20


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 8])
def test_of_n_trials_syne_tune_promotes_a_third_rounded_up_and_we_rounded_down(asked, count):
    work = arrivals(count + 12)
    theirs = asked(
        "syne_tune_0_13",
        "syne_tune_0_13_asha.py",
        question(work, 3, Transcript(together(count)), type="promotion"),
    )
    promoted = [trial for trial, epochs in theirs[2 * count :] if epochs > 1]
    scheduler = asha.ASHA(Fidelity("epochs", 1, 9), 3)
    values = arrivals(count).curves[:, 0].tolist()
    for _ in values:
        scheduler.next()
    for trial, value in enumerate(values):
        scheduler.report(trial, 1, value)
    ours = [step.trial for _ in values if (step := scheduler.next()).to_resource > 1]
    best_first = np.argsort(values).tolist()
    assert ours == best_first[: count // 3]
    assert promoted == best_first[: 0 if count == 1 else math.ceil(count / 3)]


# --- Syne Tune, stopping


@pytest.mark.parametrize(("eta", "epochs", "workers", "seed"), RUNS)
def test_stops_are_those_of_syne_tune_0_13_but_for_its_quantile(
    asked, monkeypatch, eta, epochs, workers, seed
):
    rules = [within_quantile(fraction, alone=True) for fraction in quantiles(eta, epochs)]
    put_in_place(monkeypatch, asha_stopping, rules)
    work = Work.random(seed, epochs)
    ours = stops(work, eta, workers)
    theirs = asked(
        "syne_tune_0_13", "syne_tune_0_13_asha.py", question(work, eta, ours, type="stopping")
    )
    assert theirs == ours.answers


@pytest.mark.parametrize(("eta", "epochs", "workers", "seed"), RUNS)
def test_stops_are_those_of_syne_tune_but_for_its_rank(
    asked, monkeypatch, eta, epochs, workers, seed
):
    put_in_place(monkeypatch, asha_stopping, [ranked_within(Fraction(1, eta))] * 9)
    work = Work.random(seed, epochs)
    ours = stops(work, eta, workers)
    assert asked("syne_tune", "syne_tune_asha.py", question(work, eta, ours)) == ours.answers
    assert 20 < ours.answers.count(True) < len(ours.answers) / 2


def test_syne_tune_lets_one_more_trial_past_the_first_rung(asked):
    # The rung sees the same values, whatever is decided: each trial is told once, at epoch 1.
    work = arrivals(100, seed=1)
    values = work.curves[:, 0].tolist()
    calls = [["ask"]] * 100 + [["tell", trial, [[1, value]]] for trial, value in enumerate(values)]
    theirs = asked("syne_tune", "syne_tune_asha.py", question(work, 3, Transcript(calls)))[100:]
    ours = our_stops(values)
    for trial, value in enumerate(values):
        smaller, third = sum(other < value for other in values[:trial]), (trial + 1) // 3
        assert ours[trial] == (smaller < max(1, third))
        assert theirs[trial] == (smaller <= third)


# --- Optuna


def optunas_answers(transcript: Transcript, eta: int) -> list[bool | None]:
    """What `SuccessiveHalvingPruner` decides; at r_max there is nothing left to decide."""
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=eta)
    study = optuna.create_study(pruner=pruner, sampler=optuna.samplers.RandomSampler(0))
    trials, answers = [], []
    for call in transcript.calls:
        if call[0] == "ask":
            trials.append(study.ask())
            answers.append(None)
            continue
        trial, decisions = trials[call[1]], []
        for epoch, value in call[2]:
            trial.report(value, epoch)
            decisions.append(not trial.should_prune())
        assert all(decisions[:-1]), "pruned between rungs"
        answers.append(decisions[-1])
    return answers


def without_r_max(transcript: Transcript, answers: list, epochs: int) -> list:
    """Answers but for those to a trial that has reached r_max, which ends whatever is said."""
    return [
        answer
        for call, answer in zip(transcript.calls, answers, strict=True)
        if call[0] == "ask" or call[2][-1][0] < epochs
    ]


@pytest.mark.parametrize(("eta", "epochs", "workers", "seed"), RUNS)
def test_stops_are_those_of_optuna(eta, epochs, workers, seed):
    ours = stops(Work.random(seed, epochs), eta, workers)
    theirs = optunas_answers(ours, eta)
    assert without_r_max(ours, theirs, epochs) == without_r_max(ours, ours.answers, epochs)
    assert ours.answers.count(True) > 20


@pytest.mark.parametrize("seed", range(3))
def test_among_equal_values_optuna_lets_all_on_and_we_those_that_came_first(monkeypatch, seed):
    work = Work.random(seed, 27, decimals=1)
    ours = stops(work, 3, 4)
    rule = without_r_max(ours, optunas_answers(ours, 3), 27)
    assert rule != without_r_max(ours, ours.answers, 27)
    put_in_place(monkeypatch, asha_stopping, [among_the_best(Fraction(1, 3))] * 3)
    with_ties = stops(work, 3, 4)
    theirs = optunas_answers(with_ties, 3)
    assert without_r_max(with_ties, theirs, 27) == without_r_max(with_ties, with_ties.answers, 27)


def test_a_failed_trial_counts_in_our_rung_and_not_in_optunas():
    # Ours: of 3 arrivals, one failed, the best floor(3 / 3) = 1; of 6, two failed, the best 2.
    # Optuna leaves NaN out, so that of 4 values the best max(1, floor(4 / 3)) = 1 goes on.
    values = [0.1, math.nan, 0.3, 0.4, math.nan, 0.2]
    calls = [["ask"]] * 6 + [["tell", trial, [[1, value]]] for trial, value in enumerate(values)]
    theirs = optunas_answers(Transcript(calls), 3)[6:]
    failed = [math.inf if math.isnan(value) else value for value in values]
    assert theirs == [True, False, False, False, False, False]
    assert our_stops(failed) == [True, False, False, False, False, True]
