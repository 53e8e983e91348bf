"""SMAC asked and told by hand: the same suggestions as from its own loop, and its budgets."""

import math
import os
import subprocess
import sys
import tempfile

import joblib
import numpy as np
import pytest

smac = pytest.importorskip("smac")

from hpobench.methods.peers.dimensions import Dimensions  # noqa: E402
from hpobench.methods.peers.smac_facade import (  # noqa: E402
    Session,
    SmacFacade,
    configuration_space,
    reproducible_maximizer,
)
from hpobench.methods.peers.smac_multi_fidelity import SmacMultiFidelity  # noqa: E402
from hpobench.records import Evaluation, Fidelity, Job  # noqa: E402
from hpobench.space.space import Space  # noqa: E402

HPO = "HyperparameterOptimizationFacade"
RATE = Space({"rate": {"type": "float", "low": 0, "high": 1}})
TREE = Space(
    {
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
        "momentum": {"type": "float", "low": 0, "high": 1, "when": {"kind": "a"}},
        "nested": {"type": "ordinal", "values": [10, 20], "when": {"kind": ["a", "b"]}},
        "depth": {"type": "integer", "low": 1, "high": 5, "when": {"nested": 20}},
        "fixed": {"type": "float", "low": 2, "high": 2},
        "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
        "units": {"type": "integer", "low": 1, "high": 500, "log": True},
    }
)


@pytest.fixture(scope="module")
def session():
    return Session(Dimensions(TREE), HPO, 0, 100)


FLAT = Space({name: TREE.specification()[name] for name in ("kind", "rate", "units")})


def loss(values):
    return math.log(values["rate"]) ** 2 + values.get("momentum", 0.5) + values["units"] / 500


def ended(value):
    return Evaluation(np.ones(1), np.ones(1), np.array([value]), 1.0)


def costs(history):
    return [(trial.status.name, trial.cost) for trial in history.values()]


def test_configurations_there_and_back(session):
    dimensions = Dimensions(TREE)
    for config in TREE.sample(np.random.default_rng(1), 200):
        values = dimensions.encode(config)
        back = session.values(session.extra(values).config)
        assert back == pytest.approx(values)
        assert dimensions.decode(back) == pytest.approx(config)


def test_its_configurations_lie_in_the_space(session):
    dimensions = Dimensions(TREE)
    seen = set()
    for _ in range(300):
        values = session.values(session.draw())
        TREE.validate(dimensions.decode(values))
        seen.add(frozenset(values))
    assert len(seen) == 5  # all there are


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value encountered")
@pytest.mark.parametrize(
    ("facade", "space", "trials"), [(HPO, TREE, 16), ("BlackBoxFacade", FLAT, 5)]
)
@pytest.mark.slow
def test_the_suggestions_are_those_of_its_own_loop(facade, space, trials, tmp_path):
    """`optimize` runs SMAC as its users do; one trial at a time, from the same seed."""
    dimensions = Dimensions(space)
    found = []

    def train(config, seed):
        found.append(dict(config))
        return loss(config)

    scenario = smac.Scenario(
        configuration_space(dimensions),
        output_directory=tmp_path,
        deterministic=True,
        n_trials=trials,
        seed=7,
    )
    make = getattr(smac, facade)
    maximizer = reproducible_maximizer(make, scenario)
    make(scenario, train, acquisition_maximizer=maximizer, logging_level=False).optimize()
    optimizer = SmacFacade(dimensions, 7, 1, facade, trials=trials)
    for trial in range(trials):
        values = optimizer.ask(trial)
        assert values == found[trial]
        optimizer.tell(trial, values, loss(values), {})
    assert len(found) == trials


SCRIPT = """
from hpobench.methods.peers.dimensions import Dimensions
from hpobench.methods.peers.smac_facade import SmacFacade
from tests.methods.peers.test_smac import HPO, TREE, loss
optimizer = SmacFacade(Dimensions(TREE), 7, 1, HPO, trials=16)
for trial in range(14):
    values = optimizer.ask(trial)
    optimizer.tell(trial, values, loss(values), {})
    print(values)
"""


@pytest.mark.slow
def test_once_its_model_is_trained_the_hash_seed_of_the_process_does_not_matter():
    """Fourteen trials: four of the initial design, eight of a first model, two of a second."""
    printed = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert printed[0].count("\n") == 14


def test_its_forest_takes_one_core(monkeypatch):
    """Its own default is all of them. Two trials are the initial design, a forest comes next."""
    backends = []
    call = joblib.Parallel.__call__

    def watched(self, tasks):
        backends.append(type(self._backend).__name__)
        return call(self, tasks)

    monkeypatch.setattr(joblib.Parallel, "__call__", watched)
    optimizer = SmacFacade(Dimensions(RATE), 5, 1, HPO, trials=8)
    for trial in range(4):
        values = optimizer.ask(trial)
        optimizer.tell(trial, values, values["rate"], {})
    assert set(backends) == {"SequentialBackend"}


@pytest.mark.parametrize("facade", [HPO, "BlackBoxFacade"])
@pytest.mark.parametrize("size", [1e300, -1e300, 1e-300, 0.0])
@pytest.mark.slow
def test_its_models_survive_values_of_any_size(facade, size):
    """Two trials are the initial design, and one of them fails."""
    optimizer = SmacFacade(Dimensions(RATE), 5, 1, facade, trials=8)
    seen = set()
    for trial in range(6):
        values = optimizer.ask(trial)
        seen.add(values["rate"])
        optimizer.tell(trial, values, math.inf if trial == 1 else size * values["rate"], {})
    assert len(seen) == 6


def test_large_costs_keep_their_order():
    values = [-1e308, -1e300, -1.1e5, -1e5, -3.0, 0.0, 1e-300, 1e5, 1.1e5, 1e7, 1e308]
    optimizer = SmacFacade(Dimensions(RATE), 1, 1, HPO)
    for trial, value in enumerate(values):
        optimizer.tell(trial, optimizer.ask(trial), value, {})
    told = [cost for _, cost in costs(optimizer._session._facade.runhistory)]
    assert told[3:8] == values[3:8]
    assert np.all(np.diff(told) > 0)
    assert np.max(np.abs(told)) < 1e6


def test_no_file_and_no_word_is_left_behind(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    three = Dimensions(Space({"kind": {"type": "categorical", "values": ["a", "b", "c"]}}))
    optimizer = SmacFacade(three, 1, 1, HPO)
    for trial in range(6):
        values = optimizer.ask(trial)
        optimizer.tell(trial, values, float(trial), {})
    assert optimizer._session.ask() is None
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_a_crash_costs_the_worst_so_far_and_waits_for_a_first_value():
    optimizer = SmacFacade(Dimensions(RATE), 1, 3, HPO)
    history = optimizer._session._facade.runhistory
    asked = [optimizer.ask(trial) for trial in range(4)]
    optimizer.tell(0, asked[0], math.inf, {})
    assert history.running == 4
    optimizer.tell(1, asked[1], 3.0, {})
    optimizer.tell(2, asked[2], 8.0, {})
    optimizer.tell(3, asked[3], math.inf, {})
    assert costs(history) == [
        ("CRASHED", math.nextafter(3, 4)),
        ("SUCCESS", 3.0),
        ("SUCCESS", 8.0),
        ("CRASHED", math.nextafter(8, 9)),
    ]


@pytest.mark.parametrize("asked_before", [0, 2])
def test_configurations_of_others_are_learned_from(asked_before):
    optimizer = SmacFacade(Dimensions(RATE), 1, 3, HPO)
    for trial in range(asked_before):
        optimizer.tell(trial, optimizer.ask(trial), 1.0, {})
    optimizer.tell(None, {"rate": 0.25}, 0.5, {})
    values = optimizer.ask(asked_before)
    optimizer.tell(asked_before, values, 2.0, {})
    session = optimizer._session
    incumbent = session._facade.intensifier.get_incumbent()
    assert session.values(incumbent) == {"rate": 0.25}
    # All were trained with the same seed in SMAC's eyes: otherwise it could not compare them.
    assert len({key.seed for key in session._facade.runhistory}) == 1


def test_beyond_the_most_pending_suggestions_are_random_and_told():
    optimizer = SmacFacade(Dimensions(RATE), 1, 9, HPO, most_pending=2)
    history = optimizer._session._facade.runhistory
    asked = [optimizer.ask(trial) for trial in range(5)]
    assert (history.running, history.finished) == (2, 0)
    assert len({values["rate"] for values in asked}) == 5
    for trial, values in enumerate(asked):
        optimizer.tell(trial, values, values["rate"], {})
    assert (history.running, history.finished) == (0, 5)
    with pytest.raises(ValueError, match="most_pending=0"):
        SmacFacade(Dimensions(RATE), 1, 9, HPO, most_pending=0)


def multi_fidelity(fidelity, space=RATE, **settings):
    rng = np.random.default_rng(3)
    return SmacMultiFidelity(space, fidelity, rng, 1, library="smac", **settings)


def test_brackets_are_those_of_hyperband_and_the_best_go_on():
    """With eta = 3: n = 9, 5, 3 configurations at 1, 3, 9, of which a third goes on each time."""
    method = multi_fidelity(Fidelity("epochs", 1, 9))
    jobs = []
    for _ in range(22):
        job = method.ask()
        jobs.append(job)
        method.tell(job, ended(job.config["rate"]))
    levels = [(job.from_resource, job.to_resource) for job in jobs]
    assert levels == [
        *[(0, 1)] * 9,
        *[(1, 3)] * 3,
        (3, 9),
        *[(0, 3)] * 5,
        (3, 9),
        *[(0, 9)] * 3,
    ]
    rates = [job.config["rate"] for job in jobs]
    assert sorted(rates[9:12]) == sorted(rates[:9])[:3]
    assert rates[12] == min(rates[:9])
    assert rates[18] == min(rates[13:18])
    first = {}
    for job in jobs:
        assert first.setdefault(job.trial, job.config) == job.config
    assert list(first) == list(range(17))


@pytest.mark.parametrize(
    ("fidelity", "jobs", "levels"),
    [
        (Fidelity("epochs", 1, 50), 27 + 9 + 3 + 1, [2, 6, 17, 50]),
        (Fidelity("share", 0.1, 1, integer=False), 9 + 3 + 1, [1 / 9, 1 / 3, 1]),
        (Fidelity("folds", 4, 4), 8, [4]),
    ],
)
def test_budgets_become_resources(fidelity, jobs, levels):
    """SMAC divides the full budget by 3; of an integer resource, rounded up: 50 / 27 is 1.85."""
    method = multi_fidelity(fidelity)
    seen = set()
    for _ in range(jobs):
        job = method.ask()
        seen |= {job.to_resource}
        method.tell(job, ended(job.config["rate"]))
    assert sorted(seen) == pytest.approx(levels)


def test_a_spent_budget_of_trials_ends_promotions(run, make_task):
    """The bracket begins with nine: the third that may go on are asked for after all of them."""
    task = make_task(RATE, value_of=lambda config, _: config["rate"])
    outcomes = run(task, multi_fidelity(task.fidelity), trials=9)
    assert [outcome.job.to_resource for outcome in outcomes] == [1] * 9 + [3] * 3 + [9]
    outcomes = run(task, multi_fidelity(task.fidelity), workers=4, trials=9)
    assert [outcome.job.to_resource for outcome in outcomes] == [1] * 9


def test_several_are_asked_for_before_anything_is_told():
    """The bracket of 9 under way, SMAC begins the next ones: 5 at 3 and 3 at 9.

    When all are told, it begins one more bracket before it looks at those that were promoted.
    """
    method = multi_fidelity(Fidelity("epochs", 1, 9), FLAT)
    jobs = [method.ask() for _ in range(17)]
    assert [job.to_resource for job in jobs] == [1] * 9 + [3] * 5 + [9] * 3
    for job in jobs:
        method.tell(job, ended(job.config["rate"]))
    later = [method.ask() for _ in range(13)]
    levels = [(job.from_resource, job.to_resource) for job in later]
    assert levels == [(0, 1)] * 9 + [(1, 3)] * 3 + [(3, 9)]


def test_a_configuration_drawn_again_while_under_way_is_another_trial():
    """SMAC draws 10 configurations of one dimension together, and then some of them again."""
    method = multi_fidelity(Fidelity("epochs", 1, 9))
    jobs = [method.ask() for _ in range(17)]
    again = [job for job in jobs[9:] if job.config in [other.config for other in jobs[:9]]]
    assert again
    assert [(job.trial, job.from_resource) for job in jobs] == [(n, 0) for n in range(17)]
    for job in jobs:
        method.tell(job, ended(job.config["rate"]))
    assert method.ask().trial == 17


def test_failed_trials_do_not_go_on():
    """Of 9 only one trains, and three are promoted: the two others are told as failed again."""
    method = multi_fidelity(Fidelity("epochs", 1, 9))
    jobs = []
    for number in range(12):
        job = method.ask()
        jobs.append(job)
        method.tell(job, ended(0.5 if number in (4, 9, 10) else math.inf))
    levels = [(job.trial, job.from_resource, job.to_resource) for job in jobs[9:11]]
    assert levels == [(4, 1, 3), (4, 3, 9)]
    assert jobs[11].from_resource == 0
    names = [name for name, _ in costs(method._session._facade.runhistory)]
    assert names.count("SUCCESS") == 3


def test_points_to_evaluate_get_full_resource_beside_the_brackets():
    points = [{"rate": 0.125}, "default"]
    method = multi_fidelity(Fidelity("epochs", 1, 9), points_to_evaluate=points)
    jobs = []
    for _ in range(11):
        job = method.ask()
        jobs.append(job)
        method.tell(job, ended(job.config["rate"]))
    assert jobs[:2] == [Job(0, {"rate": 0.125}, 0, 9), Job(1, {"rate": 0.5}, 0, 9)]
    assert [job.to_resource for job in jobs[2:]] == [1] * 9
    history = method._session._facade.runhistory
    assert history.finished == 11
    assert max(key.budget for key in history) == 9


def test_with_too_many_under_way_the_rest_is_random_at_full_resource():
    method = multi_fidelity(Fidelity("epochs", 1, 9), most_pending=3)
    jobs = [method.ask() for _ in range(6)]
    assert [job.to_resource for job in jobs] == [1, 1, 1, 9, 9, 9]
    for job in jobs:
        method.tell(job, ended(1.0))
    assert method._session._facade.runhistory.finished == 6
