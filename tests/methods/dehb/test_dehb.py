"""DEHB: bracket arithmetic, the operators of differential evolution, promotion and selection."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from hpobench.methods.composite import Composite
from hpobench.methods.dehb.dehb import DEHB, bracket_rungs
from hpobench.methods.dehb.subpopulation import Subpopulation
from hpobench.methods.schedulers.fifo import FIFO
from hpobench.methods.search.differential import crossed, mutant, repaired
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.records import Fidelity
from hpobench.space.space import Space

UNIT = Space({name: {"type": "float", "low": 0, "high": 1} for name in "abcd"})
TO_9 = Fidelity("epochs", 1, 9)


def sphere(config, _resource):
    return sum((value - 0.3) ** 2 for value in config.values())


def test_brackets_of_the_authors_code():
    """n_0 = floor((s_max + 1) / (s + 1)) eta^s, then n_0 / eta^i, by hand for 1 to 81, 1 to 27."""
    assert bracket_rungs(5, Fraction(3)) == [
        [81, 27, 9, 3, 1],
        [27, 9, 3, 1],
        [9, 3, 1],
        [6, 2],
        [5],
    ]
    assert bracket_rungs(4, Fraction(3)) == [[27, 9, 3, 1], [9, 3, 1], [6, 2], [4]]
    assert bracket_rungs(1, Fraction(3)) == [[20]]


def test_mutation_is_one_parent_plus_half_a_difference():
    pool = np.array([[0.1, 0.2], [0.5, 0.9], [0.4, 0.3]])
    possible = {
        (round(a[0] + 0.5 * (b[0] - c[0]), 12), round(a[1] + 0.5 * (b[1] - c[1]), 12))
        for a, b, c in itertools.permutations(pool)
    }
    rng = np.random.default_rng(0)
    found = {tuple(np.round(mutant(pool, rng, 0.5), 12).tolist()) for _ in range(200)}
    assert found == possible


@pytest.mark.parametrize(("probability", "least", "most"), [(0.0, 1, 1), (1.0, 6, 6), (0.5, 1, 6)])
def test_crossover_takes_something_from_the_donor(probability, least, most):
    rng = np.random.default_rng(0)
    target, donor = np.zeros(6), np.ones(6)
    taken = [int(crossed(target, donor, rng, probability).sum()) for _ in range(400)]
    assert (min(taken), max(taken)) == (least, most)
    # One at least: mean 6 p + (1 - p)^6, here 3 + 1 / 64, its standard error sqrt(1.5 / 400).
    if probability == 0.5:
        assert np.mean(taken) == pytest.approx(3 + 1 / 64, abs=4 * math.sqrt(1.5 / 400))


def test_repair_draws_anew_what_is_outside():
    fixed = repaired(np.array([0.2, -0.1, 1.7, 1.0]), np.random.default_rng(0))
    assert fixed[0] == 0.2
    assert fixed[3] == 1.0
    assert ((fixed >= 0) & (fixed <= 1)).all()


def test_selection_keeps_the_better_and_prefers_the_new():
    population = Subpopulation(np.zeros((2, 1)))
    for value, trial in ((5.0, 0), (7.0, 1), (5.0, 2), (math.inf, 3)):
        population.compete(0, np.array([trial]), value, trial)
    assert (population.trials, population.fitness[0]) == ([2, None], 5.0)


def method(space=UNIT, fidelity=TO_9, seed=0, **settings):
    return DEHB(space, fidelity, np.random.default_rng(seed), 1, **settings)


def test_the_first_iteration_is_successive_halving(make_task, run):
    """Levels 1, 3, 9: brackets 9-3-1, 3-1 and 3, of which the second and third promote as well."""
    task = make_task(UNIT, TO_9, value_of=sphere)
    outcomes = run(task, method(), trials=15)
    first = outcomes[:13]
    assert [o.job.to_resource for o in first] == [1] * 9 + [3] * 3 + [9]
    ranked = sorted(first[:9], key=lambda o: o.evaluation.value)
    assert [o.job.trial for o in first[9:12]] == [o.job.trial for o in ranked[:3]]
    assert [o.job.from_resource for o in first[9:]] == [1, 1, 1, 3]
    assert first[12].job.trial == ranked[0].job.trial
    # Second bracket: three offspring at 3; the best there that is not yet at 9 goes on.
    second = outcomes[13:17]
    assert [(o.job.from_resource, o.job.to_resource) for o in second] == [(0, 3)] * 3 + [(3, 9)]


def test_brackets_by_number_of_jobs(make_task, run):
    """After the first iteration all evolve, each rung as large as in the table: no promotions."""
    task = make_task(UNIT, TO_9, value_of=sphere)
    outcomes = run(task, method(), time_s=10_000)
    one = 9 + 3 + 1 + 3 + 1 + 3
    later = outcomes[one : 2 * one]
    assert Counter(o.job.to_resource for o in later) == {1: 9, 3: 6, 9: 5}
    assert all(o.job.from_resource == 0 for o in later)


def test_offspring_stay_near_the_parents(make_task, run):
    """Differential evolution contracts: late configurations are better than early ones."""
    task = make_task(UNIT, TO_9, value_of=sphere)
    outcomes = run(task, method(), time_s=5_000)
    values = [o.evaluation.value for o in outcomes]
    assert np.median(values[-100:]) < 0.1 * np.median(values[:9])


def test_without_levels_it_is_plain_differential_evolution(make_task, run):
    """On a sphere of four dimensions, 300 evaluations: far below random search."""
    task = make_task(UNIT, Fidelity(), value_of=sphere)
    best = {}
    for name in ("de", "random"):
        for seed in range(5):
            rng = np.random.default_rng(seed)
            made = (
                method(fidelity=Fidelity(), seed=seed)
                if name == "de"
                else Composite(UNIT, Fidelity(), rng, 1, RandomSearch, FIFO)
            )
            outcomes = run(task, made, trials=300)
            best.setdefault(name, []).append(min(o.evaluation.value for o in outcomes))
    assert np.mean(best["de"]) < 0.2 * np.mean(best["random"])


def test_waiting_brackets_do_not_idle_workers(make_task, run):
    task = make_task(UNIT, TO_9, value_of=sphere, cost_of=lambda config: 1 + config["a"])
    outcomes = run(task, method(), workers=7, time_s=200)
    busy = sum(o.end_s - o.start_s for o in outcomes)
    assert busy == pytest.approx(7 * 200)


def test_many_workers_get_different_configurations():
    made = method()
    jobs = [made.ask() for _ in range(500)]
    assert len({tuple(job.config.values()) for job in jobs}) == 500


def test_a_trial_has_the_individual_that_it_was_made_from(make_task, run):
    """Also when the space is exhausted, so that offspring repeat configurations."""
    space = Space({name: {"type": "integer", "low": 0, "high": 3} for name in "ab"})
    made = method(space)
    task = make_task(space, TO_9, value_of=lambda config, _: config["a"] + config["b"] / 10)
    run(task, made, trials=60)
    assert len(made._trials) == 60
    for trial in made._trials:
        assert space.from_unit(trial.individual[None]) == [trial.config]


def test_paused_trials_go_on_after_the_last_new_one(make_task, run):
    """With a budget of 9 trials the first bracket still runs to its end: 9, 3 and 1 jobs."""
    task = make_task(UNIT, TO_9, value_of=sphere)
    outcomes = run(task, method(), trials=9)
    assert Counter(o.job.to_resource for o in outcomes)[9] >= 1
    assert len({o.job.trial for o in outcomes}) == 9


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"eta": 1}, "eta=1 must be above 1"),
        ({"mutation_factor": 0}, "mutation_factor=0: in"),
        ({"crossover": 1.5}, "crossover=1.5: a probability"),
    ],
)
def test_nonsense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        method(**settings)
