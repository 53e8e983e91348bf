"""What a library hears and what it is spared, with an optimizer that writes it down."""

import math

import numpy as np
import pytest

from hpobench.loop.hooks import close, set_up
from hpobench.methods.peers.black_box import BlackBox
from hpobench.records import Evaluation, Fidelity
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Space

PLANE = Space({name: {"type": "float", "low": 0, "high": 1} for name in ("x", "y")})


class Listener:
    """Draws from NumPy's global state, as some libraries do."""

    made: tuple["Listener", ...] = ()

    def __init__(self, dimensions, seed, workers):
        self.names, self.heard, self.closed = dimensions.names, [], 0
        self.tried = []
        Listener.made += (self,)

    def ask(self, trial):
        return {name: np.random.random() for name in self.names}  # noqa: NPY002

    def tell(self, trial, values, value, slacks):
        self.heard.append(slacks)
        self.tried.append(values)

    def close(self):
        self.closed += 1


class Plain(Listener):
    close = None


@pytest.fixture(autouse=True)
def _anew(monkeypatch):
    monkeypatch.setattr(Listener, "made", ())
    monkeypatch.setattr("hpobench.methods.peers.black_box._WARM", set())


def make(optimizer=Listener, space=PLANE, **settings):
    rng = np.random.default_rng(1)
    return BlackBox(space, Fidelity("epochs", 1, 9), rng, 1, "numpy", optimizer, **settings)


def ended(slack):
    """A job of one observation, or of none, with the slack of a constraint."""
    slack = np.atleast_1d(np.asarray(slack, dtype=float))
    count = len(slack)
    return Evaluation(
        np.full(count, 9.0), np.ones(count), np.ones(count), 1.0, constraints={"size": slack}
    )


@pytest.mark.parametrize(
    ("slacks", "heard"),
    [
        ([math.nan, -math.inf, math.inf], [-1, -1, 1]),
        ([0.0, math.nan], [0, -1]),
        ([2.0, -8.0, 4.0, math.nan, math.inf, -math.inf], [2, -8, 4, -8, 8, -8]),
        ([1e300, -1e300], [1e100, -1e100]),
    ],
)
def test_slacks_that_are_not_finite_are_as_large_as_the_largest_so_far(slacks, heard):
    method = make()
    for slack in slacks:
        method.tell(method.ask(), ended(slack))
    assert [told["size"] for told in Listener.made[-1].heard] == heard


def test_a_job_without_an_observation_has_no_slack():
    method = make()
    method.tell(method.ask(), ended([]))
    assert Listener.made[-1].heard == [{}]


def test_an_optimizer_is_closed_once_if_it_can_be():
    for optimizer, closed in ((Listener, 1), (Plain, 0)):
        method = make(optimizer)
        set_up(method)
        close(method)
        close(method)
        assert Listener.made[-1].closed == closed
    close(make())  # was never set up


def test_the_optimizer_of_the_warm_up_is_closed_too():
    set_up(make(warm_up=3))
    toy, own = Listener.made
    assert len(toy.heard) == 3
    assert (toy.closed, own.closed) == (1, 0)


def test_the_first_run_of_a_process_draws_the_same_numbers_as_a_later_one():
    """Only before the first one the library is warmed up."""
    first, later = (make(warm_up=3) for _ in range(2))
    assert [first.ask() for _ in range(3)] == [later.ask() for _ in range(3)]
    assert len(Listener.made) == 3


def test_on_a_list_each_configuration_is_tried_once_and_the_library_is_told_which():
    listed = [{"x": float(x), "y": float(y)} for x in (0, 1) for y in (0, 0.5, 1)]
    method = make(space=ListedSpace(PLANE.specification(), listed), points_to_evaluate=[listed[2]])
    tried = []
    for _ in listed:
        job = method.ask()
        tried.append(job.config)
        method.tell(job, ended(1.0))
    assert sorted(map(str, tried)) == sorted(map(str, listed))
    assert Listener.made[0].tried == tried
    assert method.ask().config in listed  # all were tried: the nearest comes again


@pytest.mark.parametrize("sampler", ["TPESampler", "GPSampler", "CmaEsSampler", "NSGAIISampler"])
def test_optuna_counts_what_was_tried_in_place_of_its_own(sampler):
    pytest.importorskip("optuna")
    from hpobench.methods.peers.dimensions import Dimensions
    from hpobench.methods.peers.optuna_sampler import OptunaSampler

    optimizer = OptunaSampler(Dimensions(PLANE), 0, 1, sampler)
    optimizer.ask(0)
    optimizer.tell(0, {"x": 0.25, "y": 0.5}, 3.0, {})
    (trial,) = optimizer._study.get_trials(states=[optuna_complete()])
    assert (trial.params, trial.value) == ({"x": 0.25, "y": 0.5}, 3.0)


def optuna_complete():
    from optuna.trial import TrialState

    return TrialState.COMPLETE
