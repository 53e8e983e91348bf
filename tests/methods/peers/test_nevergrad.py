"""Nevergrad asked and told by hand: its own suggestions, in the words of our spaces."""

import gc
import threading
from contextlib import closing
from functools import partial

import numpy as np
import pytest

ng = pytest.importorskip("nevergrad")

from hpobench.loop.hooks import close, set_up  # noqa: E402
from hpobench.methods.peers.black_box import BlackBox  # noqa: E402
from hpobench.methods.peers.dimensions import Dimensions  # noqa: E402
from hpobench.methods.peers.nevergrad_optimizer import NevergradOptimizer, parameter  # noqa: E402
from hpobench.records import Evaluation, Fidelity  # noqa: E402
from hpobench.space.space import Space  # noqa: E402

SPACE = Space(
    {
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
        "width": {"type": "ordinal", "values": [1, 2, 8, 16], "scale": "log"},
        "layers": {"type": "integer", "low": 3, "high": 5},
        "batch": {"type": "integer", "low": 10, "high": 90},
        "units": {"type": "integer", "low": 1, "high": 500_000, "log": True},
        "rate": {"type": "float", "low": 1e-4, "high": 0.3, "log": True},
        "momentum": {"type": "float", "low": 0, "high": 1},
    }
)
PLANE = Space({name: {"type": "float", "low": 0, "high": 1} for name in ("x", "y")})
NAMES = ("NGOpt", "TwoPointsDE", "PortfolioDiscreteOnePlusOne")


def make(space, optimizer, workers=1, seed=3):
    return NevergradOptimizer(Dimensions(space), seed, workers, optimizer, budget=100)


def loss(values):
    return float(sum((index + 1) * value for index, value in enumerate(values)))


def hear(optimizer, monkeypatch):
    """What the library is told from now on."""
    heard = []
    own = optimizer._optimizer
    monkeypatch.setattr(own, "tell", lambda _, *rest: heard.append(rest))
    return heard


def test_ordered_choices_are_transitions_and_unordered_ones_deterministic():
    kinds = {item.name: parameter(item) for item in Dimensions(SPACE)}
    assert all(isinstance(kinds[name], ng.p.TransitionChoice) for name in ("width", "layers"))
    assert isinstance(kinds["kind"], ng.p.Choice)
    assert ng.p.helpers.analyze(kinds["kind"]).deterministic
    assert kinds["batch"].integer
    assert kinds["units"].integer
    assert isinstance(kinds["rate"], ng.p.Log)


def test_a_configuration_there_and_back():
    dimensions = Dimensions(SPACE)
    space = ng.p.Tuple(*map(parameter, dimensions))
    ends = [SPACE.from_unit(np.full((1, 7), end))[0] for end in (0.0, 1 - 1e-12)]
    for config in [*SPACE.sample(np.random.default_rng(1), 200), *ends]:
        values = tuple(dimensions.encode(config)[name] for name in SPACE)
        found = space.spawn_child(new_value=values).value
        # A logarithm rounds: a whole number may come back as its neighbour.
        assert found[:4] == values[:4]
        assert found[4] == pytest.approx(values[4], abs=1)
        assert found[5:] == pytest.approx(values[5:])


@pytest.mark.parametrize("name", NAMES)
def test_the_same_suggestions_as_its_own_loop(name):
    space = ng.p.Tuple(*map(parameter, Dimensions(SPACE)))
    space.random_state = np.random.RandomState(3)
    theirs = ng.optimizers.registry[name](space, 100, num_workers=1)
    ours = make(SPACE, name)
    for trial in range(40):
        candidate, values = theirs.ask(), ours.ask(trial)
        assert tuple(values.values()) == candidate.value
        theirs.tell(candidate, loss(candidate.value))
        ours.tell(trial, values, loss(values.values()), {})


@pytest.mark.parametrize("name", NAMES)
def test_more_trials_under_way_than_workers_do_not_wait_for_ever(name):
    """NGOpt chooses Cobyla here, which must be told before it is asked again."""
    optimizer = make(PLANE, name)
    asked = [optimizer.ask(trial) for trial in range(5)]
    assert len({tuple(values.values()) for values in asked}) == 5
    for trial, values in reversed(list(enumerate(asked))):
        optimizer.tell(trial, values, values["x"], {})
    assert 0 <= optimizer.ask(5)["x"] <= 1


def test_metamodels_of_a_continuous_space_are_learnt_with_several_workers():
    """NGOpt has them there: facebookresearch/nevergrad#1612, where NumPy is 2.4 or later."""
    with closing(make(PLANE, "NGOpt", workers=4)) as optimizer:
        under_way = {trial: optimizer.ask(trial) for trial in range(4)}
        for trial in range(4, 60):
            done = trial - 4
            values = under_way.pop(done)
            optimizer.tell(done, values, (values["x"] - 0.3) ** 2 + values["y"], {})
            under_way[trial] = optimizer.ask(trial)
        assert "Meta" in optimizer._optimizer.optim.name
    late = np.mean([(values["x"] - 0.3) ** 2 + values["y"] for values in under_way.values()])
    assert late < 0.2  # the mean over the square is 0.62


@pytest.mark.parametrize("name", NAMES)
def test_an_extra_configuration_is_learnt_or_left_aside(name):
    optimizer = make(PLANE, name)
    values = optimizer.ask(0)
    optimizer.tell(None, {"x": 0.25, "y": 0.5}, -1.0, {})
    optimizer.tell(0, values, 1.0, {})
    best = optimizer._optimizer.current_bests["minimum"].parameter
    assert best.value == (0.25, 0.5)


def test_a_failure_counts_as_the_worst_so_far(monkeypatch):
    optimizer = make(PLANE, "TwoPointsDE")
    asked = [optimizer.ask(trial) for trial in range(4)]
    heard = hear(optimizer, monkeypatch)
    for trial, value in enumerate((float("inf"), 2.0, 1.0, float("inf"))):
        optimizer.tell(trial, asked[trial], value, {})
    assert [value for value, _ in heard] == [float("inf"), 2.0, 1.0, 2.0]


def test_slacks_become_violations_but_not_of_failures(monkeypatch):
    optimizer = make(PLANE, "TwoPointsDE")
    asked = [optimizer.ask(trial) for trial in range(2)]
    heard = hear(optimizer, monkeypatch)
    optimizer.tell(0, asked[0], 1.0, {"size": 2.0, "speed": -3.0})
    optimizer.tell(1, asked[1], float("inf"), {"size": -2.0})
    assert [violations for _, violations in heard] == [[-2.0, 3.0], None]


def join_threads():
    """Wait for those of optimizers that nobody holds any more."""
    gc.collect()
    for thread in threading.enumerate():
        if type(thread).__module__.startswith("nevergrad"):
            thread.join(timeout=10)


def test_threads_end_when_it_is_closed():
    before = threading.active_count()
    optimizer = make(PLANE, "NGOpt")
    values = optimizer.ask(0)
    assert threading.active_count() == before + 1
    optimizer.tell(0, values, 1.0, {})
    optimizer.close()
    join_threads()
    assert threading.active_count() <= before


def test_threads_of_a_whole_method_end_with_its_run():
    rng = np.random.default_rng(1)
    settings = {
        "library": "nevergrad",
        "optimizer": partial(NevergradOptimizer, optimizer="NGOpt", budget=100),
        "warm_up": 12,
    }
    before = threading.active_count()
    method = BlackBox(PLANE, Fidelity("epochs", 1, 9), rng, 1, **settings)
    set_up(method)
    for _ in range(3):
        job = method.ask()
        method.tell(job, Evaluation(np.ones(1), np.ones(1), np.array([job.config["x"]]), 1.0))
    method.ask()
    assert threading.active_count() > before
    close(method)
    join_threads()
    assert threading.active_count() <= before


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="NGOpd"):
        make(PLANE, "NGOpd")
