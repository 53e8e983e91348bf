"""What every peer must do; those are tested whose library is installed."""

import importlib.util
import json
import math
import os
import random
import subprocess
import sys

import numpy as np
import pytest

from hpobench.loop.hooks import close
from hpobench.methods.peers.process import environments
from hpobench.records import Constraint
from hpobench.space.space import Space
from hpobench.study import catalogue
from tests.methods.test_contract import TREE, build, jobs, rugged, started

WORDS = ("pending", "conditionals", "constraints", "fidelity", "duplicates")
PEERS = {
    name: settings
    for name in catalogue.names("method")
    if ".peers." in (settings := catalogue.read("method", name))["_target_"]
}


PLANE = Space({name: {"type": "float", "low": 0, "high": 1} for name in ("x", "y")})


@pytest.fixture(params=PEERS)
def name(request):
    return request.param


@pytest.fixture
def lacks(name):
    return PEERS[name]["about"].get("lacks", [])


# Libraries that take a second or more to start or to suggest: `make test-peers` has all tests.
SLOW = ("botorch_", "nevergrad_ngopt", "optuna_gp", "smac_")


@pytest.fixture
def settings(name, request):
    """Those of a peer that is installed."""
    whole = "same_seed" in request.node.name or os.environ.get("HPOBENCH_SLOW_TESTS")
    if name.startswith(SLOW) and not whole:
        pytest.skip("make test-peers")
    own = {key: value for key, value in PEERS[name].items() if key != "about"}
    if "library" in own and importlib.util.find_spec(own["library"]) is None:
        pytest.skip(f"pip install 'hpobench[{own['library']}]'")
    environment = own.get("peer", {}).get("environment")
    if environment and environments.named(environment).status != environments.INSTALLED:
        pytest.skip(f"hpobench peers install {environment}")
    return own


@pytest.fixture
def outcomes_of(settings, run):
    """Runs the peer on a task, and closes it."""

    def go(task, *, seed=3, workers=1, trials=14, **more):
        method = build({**settings, **more}, task, seed, workers)
        try:
            return run(task, method, workers=workers, trials=trials)
        finally:
            close(method)

    return go


def test_a_peer_says_what_it_is_and_what_it_lacks(name, lacks):
    about = PEERS[name]["about"]
    assert all(about[key] for key in ("label", "summary", "source"))
    assert set(lacks) <= set(WORDS)


def test_no_two_methods_look_alike():
    looks = [
        (read["about"]["color"], read["about"]["line"])
        for read in (catalogue.read("method", name) for name in catalogue.names("method"))
    ]
    assert len(set(looks)) == len(looks)


def test_same_seed_same_jobs(make_task, outcomes_of):
    task = make_task(value_of=rugged)
    first = jobs(outcomes_of(task, workers=3))
    assert first == jobs(outcomes_of(task, workers=3))
    assert first != jobs(outcomes_of(task, workers=3, seed=4))


def test_global_random_state_is_neither_read_nor_set(make_task, outcomes_of):
    task = make_task(value_of=rugged)
    found = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
        found.append(jobs(outcomes_of(task, workers=3)))
        assert before == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
    assert found[0] == found[1]


SCRIPT = """
import json, sys, zlib
import numpy as np
from hpobench.loop.hooks import close
from hpobench.records import Fidelity
from tests.methods.conftest import MIXED, FakeTask
from tests.methods.test_contract import build, rugged
from hpobench.loop.budget import Budget
from hpobench.loop.events import Outcome
from hpobench.loop.simulator import simulate
task = FakeTask(MIXED, Fidelity("epochs", 1, 9), value_of=rugged)
method = build(json.loads(sys.argv[1]), task)
budget = Budget(trials=13)
done = [e.job for e in simulate(task, method, budget=budget, seed=0) if isinstance(e, Outcome)]
close(method)
print("jobs:" + json.dumps(done))
"""


@pytest.mark.slow
def test_another_process_and_hash_seed_the_same_jobs(settings):
    found = []
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps(settings)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        found.append(done.stdout.partition("jobs:")[2])
    assert found[0] == found[1]
    assert len(json.loads(found[0])) >= 13


@pytest.mark.parametrize("space", ["mixed", "finite", "tree"])
def test_configurations_lie_in_the_space(space, spaces, make_task, outcomes_of):
    """Also in a conditional one, whether or not the library knows of conditions."""
    task = make_task({**spaces, "tree": TREE}[space], value_of=rugged)
    outcomes = outcomes_of(task, workers=4, trials=20)
    for outcome in outcomes:
        task.space.validate(outcome.job.config)
        assert outcome.job.from_resource < outcome.job.to_resource <= task.fidelity.r_max
    assert max(outcome.job.trial for outcome in outcomes) > 8


def test_many_workers(make_task, outcomes_of):
    task = make_task(value_of=rugged)
    assert len(outcomes_of(task, workers=50, trials=60)) >= 15


def test_a_continuous_space_with_several_workers(name, make_task, outcomes_of):
    """Sixty trials, or twenty where a decision takes seconds."""
    trials = 20 if name.startswith(("botorch_", "hebo", "optuna_gp", "smac_")) else 60
    task = make_task(PLANE, value_of=lambda config, _: (config["x"] - 0.3) ** 2 + config["y"])
    assert len(outcomes_of(task, workers=4, trials=trials)) >= trials


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_failures_are_survived(bad, make_task, outcomes_of):
    def value_of(config, resource):
        return bad if config["kind"] == "a" else rugged(config, resource)

    outcomes = outcomes_of(make_task(value_of=value_of), workers=3)
    failed = [o.job.trial for o in outcomes if o.evaluation.value == math.inf]
    assert len(set(failed)) == len(failed)
    assert len(outcomes) > len(failed)


@pytest.mark.parametrize("size", [1e300, -1e300, 1e-300, 0.0])
def test_values_of_any_size_are_survived(size, make_task, outcomes_of):
    task = make_task(value_of=lambda config, resource: size * rugged(config, resource))
    outcomes = outcomes_of(task, workers=3)
    assert max(outcome.job.trial for outcome in outcomes) >= 12


def test_nothing_but_failures_is_survived(make_task, outcomes_of):
    outcomes = outcomes_of(make_task(value_of=lambda *_: math.nan), workers=3, trials=20)
    assert len(outcomes) >= 15


def test_space_of_one_point(spaces, make_task, outcomes_of):
    outcomes = outcomes_of(make_task(spaces["point"]), workers=3, trials=10)
    assert outcomes
    assert all(outcome.job.config == {"only": 1} for outcome in outcomes)


def test_points_to_evaluate_come_first(spaces, make_task, outcomes_of):
    task = make_task(spaces["finite"], value_of=rugged)
    first = {"layers": 3, "depth": 20, "kind": "b"}
    points = [first, "default"]
    outcomes = outcomes_of(task, trials=13, points_to_evaluate=points)
    assert started(outcomes)[:2] == [first, task.space.default()]


def test_a_finite_space_is_repeated_only_by_a_peer_that_says_so(
    lacks, spaces, make_task, outcomes_of
):
    """12 points, 12 trials."""
    task = make_task(spaces["finite"], value_of=rugged)
    starts = [task.space.key(c) for c in started(outcomes_of(task, trials=12))]
    if "duplicates" not in lacks:
        assert len(set(starts)) == len(starts)


def test_only_a_peer_that_lacks_fidelity_trains_everything_to_the_end(
    lacks, make_task, outcomes_of
):
    outcomes = outcomes_of(make_task(value_of=rugged), workers=3, trials=20)
    whole = all(outcome.job.to_resource == 9 for outcome in outcomes)
    assert whole == ("fidelity" in lacks)


class Bounded:
    """A task whose better half, by its value, breaks the constraint `size`.

    `slack_of` says what the slacks are instead; where it says None, the job has no observation.
    """

    constraints = (Constraint("size", upper=0.5),)

    def __init__(self, task, slack_of=lambda config: config["x"] - 0.5):
        self._task, self._slack_of = task, slack_of
        self.space, self.fidelity, self.metric = task.space, task.fidelity, task.metric
        self.optimum = self.median = None
        self.can_checkpoint = True

    def evaluate(self, job, seed, checkpoint):
        slack = self._slack_of(job.config)
        evaluation = self._task.evaluate(job, seed, checkpoint)
        if slack is None:
            empty = dict.fromkeys(("resources", "seconds", "values"), np.empty(0))
            return evaluation._replace(**empty, constraints={"size": np.empty(0)})
        return evaluation._replace(constraints={"size": np.array([slack])})


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, None])
def test_odd_slacks_are_survived(odd, make_task, outcomes_of):
    task = make_task(PLANE, value_of=lambda config, _: config["x"] + 0.1 * config["y"])
    bounded = Bounded(task, lambda config: odd if config["x"] < 0.5 else config["y"] - 0.5)
    outcomes = outcomes_of(bounded, workers=3, trials=20)
    assert max(outcome.job.trial for outcome in outcomes) > 8


def test_constraints_are_heeded_by_those_that_say_so(lacks, settings, make_task, outcomes_of):
    """Of the last fifth of the trials, with the bound at x = 1/2 and without; the optimum is 0."""
    if "constraints" in lacks:
        pytest.skip("it says that it does not")
    trials = 300 if "NSGAIISampler" in str(settings) else 60  # six generations
    task = make_task(PLANE, value_of=lambda config, _: config["x"] + 0.1 * config["y"])
    bounded, free = (
        np.mean([config["x"] > 0.4 for config in started(outcomes)[-trials // 5 :]])
        for outcomes in (
            outcomes_of(Bounded(task), trials=trials),
            outcomes_of(task, trials=trials),
        )
    )
    assert bounded > free + 0.3


def test_pending_trials_are_seen_by_those_that_say_so(lacks, settings, make_task):
    """Eight that are asked for at once differ, though they are sought in one valley.

    Before, 14 trials end; a pruner is asked until none of them goes on.
    """
    if "pending" in lacks:
        pytest.skip("it says that it does not see them")
    task = make_task(PLANE, value_of=lambda config, _: (config["x"] - 0.3) ** 2)
    method = build(settings, task)
    while (job := method.ask()).trial < 14:
        method.tell(job, task.evaluate(job, 0, None))
    under_way = [job, *(method.ask() for _ in range(7))]
    close(method)
    assert [job.trial for job in under_way] == list(range(14, 22))
    points = np.array([list(job.config.values()) for job in under_way])
    gaps = np.linalg.norm(points[:, None] - points, axis=2)
    assert gaps[np.triu_indices(8, 1)].mean() > 0.05
    assert np.sort(gaps, axis=1)[:, 1].min() > 1e-6


CONDITIONAL = Space(
    {
        "kind": {"type": "categorical", "values": ["a", "b"]},
        "x": {"type": "float", "low": 0, "high": 1, "when": {"kind": "a"}},
        "z": {"type": "float", "low": 0, "high": 1},
    }
)
# Trials after which those that model conditionals have learnt.
LEARNING = {
    "dehb_": 300,
    "hyperopt_": 300,
    "optuna_gp": 60,
    "optuna_": 200,
    "smac_blackbox": 32,
    "smac_": 60,
}
# It claims what random search can: it draws what is active, and learns nothing.
RANDOM = ("example_client",)
# Those that draw conditionals at random; others that lack them search among what is not active.
DRAWN = ("optuna_nsga2", "optuna_gp", "optuna_cma_es")


@pytest.mark.slow
def test_conditionals_are_modelled_by_those_that_say_so(name, lacks, make_task, outcomes_of):
    """The mean of a conditional x, best at 0, over the last quarter of the trials.

    Of n drawn at random it is 1/2, with a standard error of sqrt(1 / 12 n): learnt is what lies
    four of them below.
    """
    if name in RANDOM or ("conditionals" in lacks and name not in DRAWN):
        pytest.skip("it does not say that it models them")
    trials = next(count for start, count in LEARNING.items() if name.startswith(start))

    def value_of(config, resource):
        return config.get("x", 2) + 0.1 * config["z"]

    configs = started(outcomes_of(make_task(CONDITIONAL, value_of=value_of), trials=trials))
    late = [config["x"] for config in configs[-len(configs) // 4 :] if "x" in config]
    assert len(late) >= 8  # at which that is below 0.09
    learnt = np.mean(late) < 0.5 - 4 / math.sqrt(12 * len(late))
    assert learnt == ("conditionals" not in lacks)


def test_a_missing_library_is_named_with_its_remedy(settings, make_task, monkeypatch):
    if "library" not in settings:
        pytest.skip("it runs in an environment of its own")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=rf"pip install 'hpobench\[{settings['library']}\]'"):
        build(settings, make_task())
