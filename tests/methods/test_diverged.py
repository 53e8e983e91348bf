"""Values of diverged trainings, finite but enormous: no model may lose sight of the good ones."""

from functools import partial

import numpy as np
import pytest

from hpobench.loop.randomness import method_rng
from hpobench.records import Fidelity
from hpobench.space.space import Space
from hpobench.study import build, catalogue

PLANE = Space({name: {"type": "float", "low": -1, "high": 1} for name in "xy"})
SEARCHERS = ("tpe", "tpe_univariate", "gp", "random_forest", "bore", "cqr", "cma_es")


def bowl(config, resource, diverged):
    """(x - 0.3)^2 + (y + 0.5)^2 + 0.1 / r, but `diverged` where x < -0.8."""
    x, y = config["x"], config["y"]
    return diverged if x < -0.8 else (x - 0.3) ** 2 + (y + 0.5) ** 2 + 0.1 / resource


@pytest.fixture
def ends(make_task, run):
    """The values at the highest resource, in their order, of a run of a method on the bowl."""

    def values(name, diverged, r_max, seed=0, **limits):
        task = make_task(PLANE, Fidelity("epochs", 1, r_max), partial(bowl, diverged=diverged))
        settings = dict(catalogue.read("method", name))
        del settings["about"]
        method = build.build_method(settings, task, method_rng(0, "bowl", name, seed), 1)
        outcomes = run(task, method, **limits)
        return [o.evaluation.value for o in outcomes if o.job.to_resource == r_max]

    return values


@pytest.mark.parametrize("diverged", [1e7, 1e300])
@pytest.mark.parametrize("name", SEARCHERS)
def test_a_searcher_goes_on_as_if_it_were_bad(ends, name, diverged):
    """Random search has values below 0.3 in a disc of area 0.2 pi out of 4: one in six."""
    late = [ends(name, diverged, 1, seed, trials=40)[20:] for seed in (0, 1)]
    assert np.median(late) < 0.3


@pytest.mark.parametrize("diverged", [1e7, 1e300, np.inf])
def test_dyhpo_trains_good_trials_to_the_end(ends, diverged):
    found = ends("dyhpo", diverged, 9, resource=200)
    assert len(found) >= 3
    assert min(found) < 0.1
