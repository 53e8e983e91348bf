"""What every method must do; the methods are found through `conf/method/`."""

import math
import pickle
import random
import zlib
from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest
from hydra.utils import instantiate

from hpobench.records import Fidelity
from hpobench.space.space import Space
from hpobench.study import catalogue
from hpobench.study.planned import method_facts

# Peers are adapters to libraries of their own, with tests of their own.
SETTINGS = {
    name: settings
    for name in catalogue.names("method")
    if ".peers." not in (settings := catalogue.read("method", name))["_target_"]
}
PAIRS = [settings for settings in SETTINGS.values() if settings["_target_"].endswith(".Composite")]
SEARCHERS = {each["searcher"]["_target_"]: each["searcher"] for each in reversed(PAIRS)}
SCHEDULERS = {str(settings["scheduler"]): settings["scheduler"] for settings in PAIRS}

# Population-based training, as in its paper, and random search that is told to.
REPEATING = ("PBT", "'replace': True")
# Numbers and categories side by side: the best of the one with all of the other is soon tried.
TRAINING = Space(
    {
        "lr": {"type": "float", "low": 1e-5, "high": 1, "log": True},
        "wd": {"type": "float", "low": 1e-6, "high": 0.1, "log": True},
        "opt": {"type": "categorical", "values": ["sgd", "adam", "rmsprop"]},
        "aug": {"type": "categorical", "values": [True, False]},
        "bn": {"type": "categorical", "values": [True, False]},
    }
)
TREE = Space(
    {
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
        "momentum": {"type": "float", "low": 0, "high": 1, "when": {"kind": "a"}},
        "nested": {"type": "ordinal", "values": [0, 1], "when": {"kind": ["a", "b"]}},
        "depth": {"type": "integer", "low": 1, "high": 5, "when": {"nested": 1}},
        "fixed": {"type": "float", "low": 2, "high": 2},
        "units": {"type": "integer", "low": 1, "high": 500_000, "log": True},
    }
)
LARGE = Space({"units": TREE["units"], "kind": TREE["kind"]})


def slow(value):
    return pytest.param(value, marks=pytest.mark.slow)


def short(settings):
    own = [str(value) for key, value in settings.items() if not key.startswith("_")]
    return "-".join([settings["_target_"].rpartition(".")[2], *own])


@pytest.fixture(params=SETTINGS)
def settings(request):
    return {key: value for key, value in SETTINGS[request.param].items() if key != "about"}


def build(settings, task, seed=3, workers=1):
    rng = np.random.Generator(np.random.PCG64(seed))
    make = instantiate(settings, _partial_=True)
    return make(space=task.space, fidelity=task.fidelity, rng=rng, workers=workers)


def test_a_method_says_whether_it_decides_about_resources(settings):
    # Of 27 levels, one that decides trains no trial to the last at once.
    task = SimpleNamespace(space=LARGE, fidelity=Fidelity("epochs", 1, 27))
    first = build(settings, task).ask()
    facts = method_facts("mine", settings)
    assert facts.multi_fidelity == (first.to_resource < 27)


def rugged(config, resource):
    """Some deterministic value with ups and downs, better with more resource."""
    return zlib.crc32(repr(config).encode()) % 97 + 1 / resource


def unsettled(config, resource):
    """As `rugged`, but with another ranking at each resource."""
    return zlib.crc32(repr((config, resource)).encode()) % 97


def started(outcomes):
    """The configurations of the trials, in order of starting."""
    configs = {outcome.job.trial: outcome.job.config for outcome in outcomes}
    return [configs[trial] for trial in sorted(configs)]


def jobs(outcomes):
    return [(o.start_s, o.end_s, o.worker, o.job) for o in outcomes]


def drive(method, task, in_flight, jobs_to_do):
    """Ask and tell by hand, oldest job first; the jobs asked for."""
    asked = []
    for _ in range(jobs_to_do):
        job = method.ask()
        if job is not None:
            asked.append(job)
            in_flight.append(job)
        if in_flight and (len(in_flight) > 2 or job is None):
            told = in_flight.popleft()
            method.tell(told, task.evaluate(told, 0, None))
    return asked


def test_every_method_says_what_it_is():
    looks = [(read["about"]["color"], read["about"]["line"]) for read in SETTINGS.values()]
    assert len(set(looks)) == len(looks)
    for read in SETTINGS.values():
        assert all(read["about"][key] for key in ("label", "summary", "source"))


def test_same_seed_same_jobs(settings, make_task, run):
    task = make_task(value_of=rugged)
    first = jobs(run(task, build(settings, task), workers=3, trials=40))
    assert first == jobs(run(task, build(settings, task), workers=3, trials=40))


def test_another_seed_other_jobs(settings, make_task, run):
    task = make_task(value_of=rugged)
    first = jobs(run(task, build(settings, task), trials=40))
    assert first != jobs(run(task, build(settings, task, seed=4), trials=40))


def test_global_random_state_is_neither_read_nor_set(settings, make_task, run):
    task = make_task(value_of=rugged)
    found = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
        found.append(jobs(run(task, build(settings, task), workers=3, trials=30)))
        assert before == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
    assert found[0] == found[1]


def test_pickled_in_the_middle_it_goes_on_alike(settings, make_task):
    task = make_task(value_of=rugged)
    method, in_flight = build(settings, task), deque()
    drive(method, task, in_flight, 60)
    copy, copied = pickle.loads(pickle.dumps((method, in_flight)))
    assert drive(method, task, in_flight, 60) == drive(copy, task, copied, 60)


@pytest.mark.parametrize("space", ["mixed", "finite", "tree"])
def test_configurations_lie_in_the_space(settings, space, spaces, make_task, run):
    task = make_task({**spaces, "tree": TREE}[space], value_of=rugged)
    outcomes = run(task, build(settings, task), workers=4, trials=60)
    for outcome in outcomes:
        task.space.validate(outcome.job.config)
        assert outcome.job.from_resource < outcome.job.to_resource <= task.fidelity.r_max
    assert len({outcome.job.trial for outcome in outcomes}) > 10


@pytest.mark.parametrize("workers", [100, slow(1000)])
def test_very_many_workers(settings, workers, make_task, run):
    task = make_task(value_of=rugged)
    built = build(settings, task, workers=workers)
    outcomes = run(task, built, workers=workers, trials=workers + 60)
    assert len(outcomes) > 50


@pytest.mark.parametrize("bad", [math.nan, slow(math.inf), slow(-math.inf)])
def test_failures_are_survived_and_not_trained_on(settings, bad, make_task, run):
    def value_of(config, resource):
        return bad if config["kind"] == "a" else rugged(config, resource)

    task = make_task(value_of=value_of)
    outcomes = run(task, build(settings, task), workers=3, trials=50)
    failed = [o.job for o in outcomes if o.evaluation.value == math.inf]
    assert failed
    assert len({job.trial for job in failed}) == len(failed)


@pytest.mark.parametrize("size", [1e300, slow(-1e300), slow(1e-300)])
def test_values_of_any_size_are_survived(settings, size, make_task, run):
    task = make_task(value_of=lambda config, resource: size * rugged(config, resource))
    outcomes = run(task, build(settings, task), workers=3, trials=40)
    assert max(outcome.job.trial for outcome in outcomes) == 39


def test_exceptions_are_survived(settings, make_task, run):
    def value_of(config, resource):
        raise RuntimeError("the training broke")

    task = make_task(value_of=value_of)
    assert len(run(task, build(settings, task), workers=3, trials=20)) >= 20


@pytest.mark.parametrize("workers", [1, 3])
def test_space_of_one_point(settings, workers, spaces, make_task, run):
    task = make_task(spaces["point"])
    outcomes = run(task, build(settings, task, workers=workers), workers=workers, trials=20)
    assert outcomes
    assert all(outcome.job.config == {"only": 1} for outcome in outcomes)


def test_constant_objective(settings, make_task, run):
    task = make_task()
    outcomes = run(task, build(settings, task), workers=3, trials=40)
    assert max(outcome.job.trial for outcome in outcomes) == 39


@pytest.mark.parametrize("workers", [1, 5])
def test_an_exhausted_space_ends_the_run(settings, workers, spaces, make_task, run):
    """Either a method tries each of the 12 points once, or it repeats until the budget ends."""
    task = make_task(spaces["finite"], value_of=rugged)
    outcomes = run(task, build(settings, task, workers=workers), workers=workers, trials=40)
    starts = [task.space.key(config) for config in started(outcomes)]
    assert len(starts) == (12 if len(set(starts)) == len(starts) else 40)


def test_a_large_finite_space_is_not_tried_twice_at_the_same_point(settings, make_task, run):
    """Integers on a logarithmic scale, of which the small ones are likely: nearly all repeat."""
    task = make_task(LARGE, value_of=lambda config, _: config["units"])
    starts = started(run(task, build(settings, task), workers=3, trials=40))
    keys = {LARGE.key(config) for config in starts}
    assert len(keys) == len(starts) or any(name in str(settings) for name in REPEATING)


def test_nothing_is_tried_twice_where_some_hyperparameters_are_continuous(settings, make_task, run):
    def loss(config, resource):
        numbers = (math.log10(config["lr"]) + 2) ** 2 + 0.3 * (math.log10(config["wd"]) + 4) ** 2
        return numbers + 0.5 * (config["opt"] != "adam") + 0.3 * (not config["aug"])

    task = make_task(TRAINING, Fidelity("none", 1, 1), value_of=loss)
    starts = started(run(task, build(settings, task), trials=100))
    keys = {TRAINING.key(config) for config in starts}
    assert len(keys) == len(starts) or any(name in str(settings) for name in REPEATING)


def test_points_to_evaluate_come_first_and_only_once(settings, spaces, make_task, run):
    task = make_task(spaces["finite"], value_of=rugged)
    first = {"layers": 3, "depth": 20, "kind": "b"}
    method = build({**settings, "points_to_evaluate": [first, "default"]}, task)
    outcomes = run(task, method, trials=40)
    starts = started(outcomes)
    assert starts[:2] == [first, task.space.default()]
    assert len(starts) in (12, 40)


@pytest.mark.parametrize("point", [{"layer": 1}, {"layers": 9}, "defaults"])
def test_points_outside_the_space_are_refused(settings, point, spaces, make_task):
    task = make_task(spaces["finite"])
    with pytest.raises(ValueError, match=r"layer|defaults"):
        build({**settings, "points_to_evaluate": [point]}, task)


@pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=short)
@pytest.mark.parametrize("searcher", SEARCHERS.values(), ids=short)
def test_all_searchers_with_all_schedulers(searcher, scheduler, spaces, make_task, run):
    target = "hpobench.methods.composite.Composite"
    settings = {"_target_": target, "searcher": searcher, "scheduler": scheduler}
    for space in spaces.values():
        # Ranks change, so that schedulers that wait for that go on to the end as well.
        task = make_task(space, value_of=unsettled)
        outcomes = run(task, build(settings, task), workers=3, trials=30)
        if space.size is None:
            assert max(outcome.job.to_resource for outcome in outcomes) == 9
        trials = [outcome.job.trial for outcome in outcomes if outcome.job.from_resource == 0]
        assert sorted(trials) == list(range(len(trials)))


@pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=short)
def test_one_level_of_resource_makes_a_scheduler_fifo(scheduler, make_task, run):
    target = "hpobench.methods.composite.Composite"
    fifo = {"_target_": "hpobench.methods.schedulers.fifo.FIFO", "_partial_": True}
    task = make_task(
        fidelity=Fidelity("folds", 10, 10), value_of=rugged, cost_of=lambda c: 1 + c["rate"]
    )
    searcher = SETTINGS["random"]["searcher"]
    found = [
        jobs(run(task, build(settings, task), workers=4, trials=30))
        for settings in (
            {"_target_": target, "searcher": searcher, "scheduler": scheduler},
            {"_target_": target, "searcher": searcher, "scheduler": fifo},
        )
    ]
    assert found[0] == found[1]
