"""The clients of libraries in environments of their own, and how they translate spaces."""

import json
import math
import random

import numpy as np
import pytest

from hpobench.loop.hooks import close
from hpobench.methods.peers.clients.translation import Dimensions, OnePoint, translated
from hpobench.methods.peers.process import environments
from hpobench.methods.peers.process.process import PeerError
from hpobench.records import Fidelity
from hpobench.space.space import Space
from hpobench.study import catalogue
from tests.methods.test_contract import TREE, build, jobs

CLIENTS = {
    name: settings
    for name in catalogue.names("method")
    if "_client.py" in str((settings := catalogue.read("method", name)).get("peer"))
}
HALVING = ("syne_tune_asha", "syne_tune_bohb")
GOING_ON = (*HALVING, "neps_hyperband")


# The translation, which needs no library.


def random_space(rng):
    """Hyperparameters of all types; half of those that can be are conditional."""
    specs = {}
    for number in range(rng.integers(1, 9)):
        low, span = float(rng.integers(1, 9)), float(rng.integers(0, 40))
        kind = rng.choice(["float", "integer", "ordinal", "categorical"])
        if kind in ("float", "integer"):
            spec = {"low": low, "high": low + span, "log": bool(rng.random() < 0.5)}
            spec |= {"low": int(low), "high": int(low + span)} if kind == "integer" else {}
        elif kind == "ordinal":
            spec = {"values": [2**power for power in range(rng.integers(1, 6))]}
        else:
            spec = {"values": ["a", "1", 1, False, 2.5][: rng.integers(1, 6)]}
        parents = [name for name, known in specs.items() if "values" in known]
        if parents and rng.random() < 0.5:
            parent = str(rng.choice(parents))
            values = specs[parent]["values"]
            chosen = rng.permutation(len(values))[:2]
            spec["when"] = {parent: [values[index] for index in chosen]}
        specs[f"h{number}"] = {"type": str(kind), **spec}
    return Space(specs)


def sent(space):
    """The specification as it arrives on the other side."""
    return json.loads(json.dumps(space.specification()))


def as_json(config):
    return json.loads(json.dumps(config))


@pytest.mark.parametrize("seed", range(60))
def test_configurations_survive_the_way_there_and_back(seed):
    rng = np.random.default_rng(seed)
    space = random_space(rng)
    dimensions = Dimensions(sent(space))
    for config in space.sample(rng, 30):
        values = dimensions.encode(as_json(config))
        assert list(values) == [item.name for item in dimensions]
        assert all(item.low <= values[item.name] <= item.high for item in dimensions)
        assert json.dumps(dimensions.decode(values)) == json.dumps(config)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_a_library_suggests_becomes_a_point(seed):
    """Also beyond its range, and between whole numbers."""
    rng = np.random.default_rng(seed)
    space = random_space(rng)
    dimensions = Dimensions(sent(space))
    for _ in range(30):
        values = {item.name: float(rng.uniform(item.low - 1, item.high + 1)) for item in dimensions}
        config = dimensions.decode(values)
        space.validate(config)
        assert dimensions.decode(dimensions.encode(config)) == config


def test_a_space_in_the_words_of_libraries():
    space = Space(
        {
            "fixed": {"type": "ordinal", "values": [7]},
            "kind": {"type": "categorical", "values": [False, 1, "1"]},
            "width": {"type": "ordinal", "values": [1, 8, 64], "scale": "log", "when": {"kind": 1}},
            "never": {"type": "float", "low": 0, "high": 1, "when": {"kind": "1"}},
            "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True, "when": {"fixed": 7}},
        }
    )
    kind, width, never, rate = Dimensions(sent(space))
    assert kind == ("kind", "choice", 0, 2, False, None, ())
    assert width == ("width", "ordinal", 0, 2, False, "kind", (1,))
    assert width.numbers == [0, 1, 2]
    assert never.when == (2,)
    assert rate == ("rate", "float", 1e-4, 1, True, None, ())
    assert rate.middle == pytest.approx(1e-2)


def test_what_hangs_on_a_value_that_a_constant_does_not_have_is_never_active():
    space = {
        "fixed": {"type": "ordinal", "values": [1]},
        "one": {"type": "integer", "low": 1, "high": 2, "log": False, "when": {"fixed": [True]}},
        "two": {"type": "integer", "low": 1, "high": 2, "log": False, "when": {"one": [2]}},
    }
    dimensions = Dimensions(space)
    assert not len(dimensions)
    assert dimensions.decode({}) == {"fixed": 1}


def test_no_library_is_needed_for_a_space_of_one_point():
    hello = {"space": {"fixed": {"type": "float", "low": 2.0, "high": 2.0, "log": False}}}
    client = translated(lambda *_: pytest.fail("there is nothing to choose"))(hello)
    assert isinstance(client, OnePoint)
    assert [client.ask() for _ in range(2)] == [
        {"trial": trial, "config": {"fixed": 2.0}} for trial in range(2)
    ]


# The clients, where their environments are installed.


def settings_of(name):
    settings = {key: value for key, value in CLIENTS[name].items() if key != "about"}
    environment = environments.named(settings["peer"]["environment"])
    if environment.status != environments.INSTALLED:
        pytest.skip(environment.remedy)
    return settings


@pytest.fixture(params=CLIENTS)
def name(request):
    return request.param


@pytest.fixture
def make():
    """A peer of a method's name, ended after the test."""
    made = []

    def make(name, task, seed=3, workers=1, **settings):
        stated = settings_of(name)
        stated["peer"] = {**stated["peer"], "settings": stated["peer"]["settings"] | settings}
        made.append(build(stated, task, seed, workers))
        return made[-1]

    yield make
    for method in made:
        close(method)


def bumpy(config, resource):
    """Some value of any configuration, better with more resource; two fifths of them fail."""
    drawn = random.Random(repr(sorted(config.items()))).random()
    return math.nan if drawn > 0.6 else drawn + 1 / resource


def test_with_the_same_seed_workers_failures_and_conditions(name, make, make_task, run):
    """Few trials: HEBO and NePS take seconds for each decision."""
    task = make_task(TREE, value_of=bumpy)
    first, again = (run(task, make(name, task, workers=3), workers=3, trials=10) for _ in range(2))
    assert jobs(first) == jobs(again)
    assert any(math.isinf(outcome.evaluation.value) for outcome in first)
    for outcome in first:
        task.space.validate(outcome.job.config)
        assert 0 <= outcome.job.from_resource < outcome.job.to_resource <= task.fidelity.r_max
        assert outcome.job.to_resource >= task.fidelity.r_min


@pytest.mark.parametrize("name", [name for name in CLIENTS if name != "dehb_automl"])
def test_what_the_user_tried_first_is_told(name, make, make_task):
    """Ten configurations of the user's, two of which failed; then a model is asked."""
    task = make_task(TREE, value_of=lambda config, _: config["units"])
    points = TREE.sample(np.random.default_rng(1), 10)
    settings = settings_of(name) | {"points_to_evaluate": points}
    method = build(settings, task)
    for number in range(11):
        job = method.ask()
        evaluation = task.evaluate(job, 0, None)
        failed = evaluation._replace(error="out of memory")
        method.tell(job, failed if number in (2, 3) else evaluation)
        assert (job.config == points[number]) if number < 10 else TREE.validate(job.config) is None
    close(method)


def curve_task(make_task, r_max=27):
    """The better of two configurations is so from the beginning."""
    return make_task(
        fidelity=Fidelity("epochs", 1, r_max),
        value_of=lambda config, resource: config["rate"] + 1 / resource,
    )


@pytest.mark.parametrize("name", GOING_ON)
def test_promoted_trials_go_on_from_where_they_were(name, make, make_task, run):
    task = curve_task(make_task)
    outcomes = run(task, make(name, task, workers=2), workers=2, trials=40)
    levels = (0, 1, 3, 9, 27)
    done = {}
    for outcome in outcomes:
        job = outcome.job
        assert job.from_resource == done.get(job.trial, 0)
        assert levels.index(job.to_resource) > levels.index(job.from_resource)
        done[job.trial] = job.to_resource
    assert {1, 3} < set(done.values())
    assert any(outcome.job.from_resource for outcome in outcomes)


@pytest.mark.parametrize("name", HALVING)
def test_a_trial_of_syne_tune_that_goes_on_keeps_its_worker(name, make, make_task, run):
    task = curve_task(make_task)
    outcomes = run(task, make(name, task, workers=3), workers=3, trials=30)
    last = {}
    for outcome in outcomes:
        if outcome.job.from_resource:
            assert (outcome.worker, outcome.start_s) == last[outcome.job.trial]
        last[outcome.job.trial] = outcome.worker, outcome.end_s


def test_asha_of_syne_tune_stops_what_is_worse_than_the_best_third(make, make_task, run):
    """One worker: each value that a rung has seen is known when the next one comes."""
    task = curve_task(make_task)
    outcomes = run(task, make("syne_tune_asha", task), trials=40)
    reached = {outcome.job.trial: outcome.job.to_resource for outcome in outcomes}
    seen = []
    for outcome in outcomes:
        if outcome.job.to_resource == 1:
            value = outcome.evaluation.value
            better = sum(other < value for other in seen)
            seen.append(value)
            assert (reached[outcome.job.trial] > 1) == (better / len(seen) <= 1 / 3)
    assert len(seen) == 40


def test_dehb_trains_each_evaluation_from_scratch_at_rounded_fidelities(make, make_task, run):
    task = curve_task(make_task, r_max=50)
    outcomes = run(task, make("dehb_automl", task, workers=2), workers=2, trials=60)
    assert not any(outcome.job.from_resource for outcome in outcomes)
    assert {outcome.job.to_resource for outcome in outcomes} == {2, 6, 17, 50}
    # The best of the first rung are evaluated again.
    first = [outcome.job.config for outcome in outcomes if outcome.job.to_resource == 2]
    assert sum(o.job.config in first for o in outcomes if o.job.to_resource == 6) >= 9


def test_dehb_refuses_a_task_of_one_level(make, make_task):
    method = make("dehb_automl", make_task(fidelity=Fidelity("epochs", 9, 9)))
    with pytest.raises(PeerError, match="several levels of resource, and this task has one"):
        method.ask()


def test_syne_tune_refuses_a_scheduler_that_it_does_not_have(make, make_task):
    method = make("syne_tune_asha", make_task(), scheduler="GridSearch")
    with pytest.raises(PeerError, match=r"scheduler='GridSearch': use ASHA, BOHB"):
        method.ask()


@pytest.mark.parametrize("name", ["hebo", "neps_bo"])
def test_a_model_has_learned_where_small_values_are(name, make_task):
    """After 30 known points of the plane: a random one would be this near in 7 of 100 cases,
    and three of five in 3 of 1,000."""
    plane = Space({name: {"type": "float", "low": 0, "high": 1} for name in ("x", "y")})
    distance = lambda config, _: math.hypot(config["x"] - 0.3, config["y"] - 0.6)  # noqa: E731
    task = make_task(plane, value_of=distance)
    points = plane.sample(np.random.default_rng(2), 30)
    method = build(settings_of(name) | {"points_to_evaluate": points}, task)
    jobs = []
    for _ in range(len(points) + 5):
        jobs.append(method.ask())
        method.tell(jobs[-1], task.evaluate(jobs[-1], 0, None))
    assert np.median([distance(job.config, None) for job in jobs[len(points) :]]) < 0.15
    close(method)
