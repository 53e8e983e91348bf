"""Components of variance against data that are made of them."""

import numpy as np
import pytest

from hpobench.results.statistics.variance import components

TRUE = {"method": 0.5, "noise": 0.3, "method_noise": 0.2, "own": 0.4, "rest": 0.25}


def made(rng, methods, own, noises, *, scale=TRUE):
    """Regrets (methods, own, noises) with these variances, exactly independent normal effects."""
    sd = {name: np.sqrt(value) for name, value in scale.items()}
    return (
        sd["method"] * rng.normal(size=(methods, 1, 1))
        + sd["noise"] * rng.normal(size=(1, 1, noises))
        + sd["method_noise"] * rng.normal(size=(methods, 1, noises))
        + sd["own"] * rng.normal(size=(methods, own, 1))
        + sd["rest"] * rng.normal(size=(methods, own, noises))
    )


def test_crossed_seeds_tell_all_components_of_one_task():
    """Estimates of moments have no bias: the mean over 300 studies of 6 x 8 x 5 runs."""
    rng = np.random.default_rng(0)
    found = [components([made(rng, 6, 8, 5)]) for _ in range(300)]
    for name, value in TRUE.items():
        # Counted as 0 below, so a little more than the truth where it is small.
        assert np.mean([getattr(each, name) for each in found]) == pytest.approx(value, rel=0.15)
    assert found[0].crossed
    assert np.isnan(found[0].task)


def test_shared_seeds_tell_the_noise_from_the_rest():
    rng = np.random.default_rng(1)
    found = [components([made(rng, 6, 1, 12)]) for _ in range(300)]
    # Of one run a seed: what is the method's own, of each noise anew, cannot be told apart.
    assert np.mean([each.noise for each in found]) == pytest.approx(0.3, rel=0.2)
    rest = np.mean([each.rest for each in found])
    assert rest == pytest.approx(TRUE["method_noise"] + TRUE["rest"], rel=0.1)
    assert np.isnan(found[0].own)
    assert not found[0].crossed


def test_tasks_and_what_suits_them():
    """Tasks differ with a variance of 2, methods on a task by 0.5 anew, by 1 on all tasks."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(300):
        methods = rng.normal(0, 1.0, 6)[:, None, None]
        tasks = rng.normal(0, np.sqrt(2), 8)
        found.append(components([made(rng, 6, 3, 3) + methods + task for task in tasks]))
    assert np.mean([each.task for each in found]) == pytest.approx(2, rel=0.15)
    assert np.mean([each.method for each in found]) == pytest.approx(1.0, rel=0.15)
    assert np.mean([each.task_method for each in found]) == pytest.approx(0.5, rel=0.1)


def test_no_spread_is_none():
    found = components([np.full((3, 4, 5), 0.2)])
    assert [found.method, found.noise, found.rest] == pytest.approx([0, 0, 0])


@pytest.mark.parametrize("shape", [(1, 3, 3), (3, 1, 1)])
def test_one_of_a_kind_is_too_few(shape):
    with pytest.raises(ValueError, match="need 2"):
        components([np.zeros(shape)])
