"""Differential evolution by hand; CMA-ES against the library that it is made of."""

import math

import numpy as np
import pytest
from cmaes import CMA

from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.differential import crossed
from hpobench.methods.searchers.cma_es import CMAES
from hpobench.methods.searchers.differential_evolution import DifferentialEvolution
from hpobench.records import Evaluation, Job
from hpobench.space.space import Space

CUBE = Space({name: {"type": "float", "low": 0, "high": 1} for name in "abc"})
GRID = Space({name: {"type": "integer", "low": 0, "high": 9} for name in "xy"})
LARGE = Space({name: {"type": "integer", "low": 0, "high": 99} for name in "xy"})
MIXED = Space(
    {
        "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
        "layers": {"type": "integer", "low": 1, "high": 5},
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
        "only": {"type": "categorical", "values": ["x"]},
        "momentum": {"type": "float", "low": 0, "high": 1, "when": {"kind": "b"}},
    }
)


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def observe(searcher, trial, config, value, start=0, end=1, **slacks):
    constraints = {name: np.array([float(slack)]) for name, slack in slacks.items()}
    evaluation = Evaluation(
        np.array([float(end)]), np.ones(1), np.array([float(value)]), 1.0, constraints=constraints
    )
    searcher.observe(Job(trial, config, start, end), evaluation)


def sphere(config):
    return sum((value - 0.7) ** 2 for value in config.values())


def loss(config):
    """0.1 at most for kind b, and better with a momentum of 0.9 and a rate of 1e-2."""
    kind = {"a": 1.0, "b": 0.0, "c": 2.0}[config["kind"]]
    far = abs(config.get("momentum", 0.0) - 0.9)
    return kind + far + abs(config["layers"] - 4) + abs(math.log10(config["rate"]) + 2)


def values_of(searcher, count, value_of=sphere):
    values = []
    for trial in range(count):
        config = searcher.suggest({})
        values.append(value_of(config))
        observe(searcher, trial, config, values[-1])
    return values


def test_crossover_takes_one_entry_at_least_and_all_at_most():
    target, donor = np.zeros(5), np.ones(5)
    none = {crossed(target, donor, rng(seed), 0.0, always=True).sum() for seed in range(20)}
    assert none == {1}
    assert crossed(target, donor, rng(), 1.0, always=True).sum() == 5


def test_crossover_takes_as_many_as_the_binomial_says():
    """Expectation 1 + (d - 1) CR."""
    draw = rng()
    taken = [crossed(np.zeros(5), np.ones(5), draw, 0.3, always=True).sum() for _ in range(4000)]
    assert abs(np.mean(taken) - 2.2) < 4 * np.sqrt(4 * 0.3 * 0.7 / 4000)


def members(searcher):
    return [member.point.tolist() for member in searcher._members]


def test_a_child_replaces_its_target_only_if_it_is_as_good():
    searcher = DifferentialEvolution(CUBE, rng(), population=4)
    values_of(searcher, 4)
    before = members(searcher)
    for trial, slot in ((4, 0), (5, 1)):  # targets come in turn
        config = searcher.suggest({})
        observe(searcher, trial, config, 1e9 if slot == 0 else -1e9)
    after = members(searcher)
    assert after[0] == before[0]
    assert after[1] == pytest.approx(list(config.values()))
    assert after[2:] == before[2:]


def test_children_come_from_three_other_members():
    """With CR = 1 and F = 1 the child is x_r1 + x_r2 - x_r3, where that lies inside."""
    searcher = DifferentialEvolution(CUBE, rng(), population=4, scale=1.0, crossover=1.0)
    for trial, point in enumerate(
        [(0.5, 0.5, 0.5), (0.4, 0.5, 0.6), (0.5, 0.6, 0.5), (0.6, 0.5, 0.5)]
    ):
        searcher.suggest({})
        observe(searcher, trial, dict(zip("abc", point, strict=True)), 0)
    p, q, r = np.array(members(searcher))[1:]
    child = np.array(list(searcher.suggest({}).values()))
    ways = [p + q - r, p + r - q, q + r - p]
    assert min(np.abs(child - way).max() for way in ways) < 1e-9


def test_workers_need_not_wait_for_one_another():
    """A hundred ask before any has returned, and all that return late still count."""
    searcher = DifferentialEvolution(CUBE, rng(), population=10)
    jobs = [(trial, searcher.suggest({})) for trial in range(100)]
    for trial, config in reversed(jobs):
        observe(searcher, trial, config, sphere(config))
    kept = sorted(sphere(dict(zip("abc", point, strict=True))) for point in members(searcher))
    best = sorted(sphere(config) for _, config in jobs)
    assert kept == pytest.approx(best[:10])


def test_values_are_compared_at_the_resource_of_the_child():
    """The target had 1 after one epoch and 0.1 after three; a child has 0.5 after one."""
    searcher = DifferentialEvolution(CUBE, rng(), population=4)
    for trial in range(4):
        config = searcher.suggest({})
        observe(searcher, trial, config, 1.0, 0, 1)
    observe(searcher, 0, {}, 0.1, 1, 3)
    before = members(searcher)
    config = searcher.suggest({})
    observe(searcher, 4, config, 0.5, 0, 1)
    assert members(searcher)[0] != before[0]
    observe(searcher, 5, searcher.suggest({}), 2.0, 0, 1)
    assert members(searcher)[1] == before[1]


def test_feasible_members_are_better():
    searcher = DifferentialEvolution(CUBE, rng(), population=4)
    for trial in range(4):
        observe(searcher, trial, searcher.suggest({}), 0.0, size=-1 if trial == 0 else 1)
    before = members(searcher)
    for trial in range(4, 8):
        observe(searcher, trial, searcher.suggest({}), 5.0, size=1)
    assert [one == other for one, other in zip(before, members(searcher), strict=True)] == [
        False, True, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize("searcher", [DifferentialEvolution, CMAES])
def test_the_middle_of_a_sphere_is_found(searcher):
    """Random search would need about 1 / (4/3 pi 0.03^3), 8,000, suggestions."""
    for seed in range(2):
        assert min(values_of(searcher(CUBE, rng(seed)), 400)) < 1e-3


@pytest.mark.parametrize("searcher", [DifferentialEvolution, CMAES])
def test_mixed_and_conditional_spaces(searcher):
    one = searcher(MIXED, rng(1))
    values = values_of(one, 400, loss)
    assert np.median(values[-50:]) < np.median(values[:50]) / 3
    assert min(values) < 0.2


@pytest.mark.parametrize("searcher", [DifferentialEvolution, CMAES])
@pytest.mark.parametrize("space", [GRID, LARGE], ids=["listed", "large"])
def test_no_configuration_comes_twice(searcher, space):
    one, found = searcher(space, rng()), []
    for trial in range(100):
        found.append(one.suggest({}))
        observe(one, trial, found[-1], sum(found[-1].values()))
    assert len({tuple(config.values()) for config in found}) == 100
    assert (one.suggest({}) is None) == (space is GRID)


def test_the_nearest_untried():
    candidates = Candidates(GRID, rng())
    centre = np.array([0.55, 0.55])
    for expected in (0.0, 0.1, 0.1, 0.1, 0.1, np.sqrt(0.02)):
        row = candidates.nearest(centre)
        assert np.linalg.norm(row - centre) == pytest.approx(expected)
        candidates.choose(row)


def test_cma_es_is_that_of_the_library():
    """Same seed, same generations: the same distribution, though only ranks are told."""
    searcher = CMAES(CUBE, rng(7), sigma=0.3)
    seed = int(rng(7).integers(2**31))
    library = CMA(np.full(3, 0.5), 0.3, np.tile([0.0, 1.0], (3, 1)), seed=seed)
    for trial in range(0, 20 * library.population_size, library.population_size):
        asked = [library.ask() for _ in range(library.population_size)]
        library.tell([(point, float(np.sum((point - 0.7) ** 2))) for point in asked])
        for number, point in enumerate(asked):
            config = searcher.suggest({})
            np.testing.assert_allclose(list(config.values()), point)
            observe(searcher, trial + number, config, sphere(config))
    assert np.linalg.norm(library.mean - 0.7) < 0.01


def test_generations_are_filled_in_the_order_of_return():
    """Suggestions of the first distribution that return late join a later generation."""
    searcher = CMAES(CUBE, rng(), population=4)
    jobs = [(trial, searcher.suggest({})) for trial in range(20)]
    for trial, config in reversed(jobs):
        observe(searcher, trial, config, sphere(config))
    assert searcher._sampler._cma.generation == 5


def test_a_trial_counts_once_at_its_first_resource():
    searcher = CMAES(CUBE, rng(), population=4)
    for trial in range(4):
        config = searcher.suggest({})
        observe(searcher, trial, config, sphere(config), 0, 1)
        observe(searcher, trial, config, sphere(config), 1, 3)
    assert searcher._sampler._cma.generation == 1


def test_failures_are_the_worst_of_their_generation():
    """Told worst or failed, the mean moves alike."""
    means = []
    for bad in (1e6, math.nan):
        searcher = CMAES(CUBE, rng(), population=6)
        for trial in range(12):
            config = searcher.suggest({})
            observe(searcher, trial, config, bad if trial % 6 == 0 else sphere(config))
        means.append(searcher._sampler._cma.mean)
    np.testing.assert_allclose(means[0], means[1])


def test_it_restarts_with_a_larger_population_when_it_has_converged():
    searcher = CMAES(CUBE, rng(), population=8)
    values_of(searcher, 1500)
    assert searcher._sampler.population == 16


@pytest.mark.parametrize(
    ("searcher", "setting"),
    [
        (DifferentialEvolution, {"population": 3}),
        (DifferentialEvolution, {"scale": 0}),
        (DifferentialEvolution, {"crossover": 2}),
        (CMAES, {"population": 2}),
        (CMAES, {"sigma": 0}),
        (CMAES, {"growth": 0.5}),
    ],
)
def test_settings_that_make_no_sense_are_refused(searcher, setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        searcher(CUBE, rng(), **setting)
