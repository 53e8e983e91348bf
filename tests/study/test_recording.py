"""Recording a task that trains: resumable, complete blocks only, never mixed."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from hpobench.loop.randomness import derive_seed
from hpobench.records import Job
from hpobench.study import recording
from hpobench.tasks.recorded_table import recorded
from hpobench.tasks.surrogate import SurrogateQualityError, surrogate
from hpobench.tasks.training.task import TrainingTask

SETTINGS = {
    "_target_": "hpobench.tasks.training.task.TrainingTask",
    "data": "hpobench.tasks.data.digits.digits",
    "model": "hpobench.tasks.training.models.cnn",
    "epochs": 2,
    "space": {
        "learning_rate": {"type": "float", "low": 0.01, "high": 0.5, "log": True},
        "optimizer": {"type": "categorical", "values": ["sgd", "adam"]},
        "momentum": {"type": "float", "low": 0, "high": 0.9, "when": {"optimizer": "sgd"}},
    },
    "fixed": {"batch_size": 100, "filters": 3, "dropout": 0.1, "activation": "relu"},
    "device": "cpu",
    "about": {"label": "tiny"},
}
ASIDE = ("about", "_target_")


def test_recording_goes_on_where_it_stopped(tmp_path):
    job = recording.plan("tiny", SETTINGS, configs=7, seeds=2)
    assert [(p.block, p.repetition, len(p.configs)) for p in job.pieces] == [
        *[(0, 0, 5), (0, 1, 5), (1, 0, 2), (1, 1, 2)]
    ]
    with pytest.raises(ValueError, match="no block of configurations is complete"):
        recording.write_table(job, tmp_path)
    assert len(list(recording.record(job, tmp_path, n_jobs=1))) == 4
    (tmp_path / "pieces" / "00001-1.parquet").unlink()
    table = pq.read_table(recording.write_table(job, tmp_path)).to_pandas()
    assert set(table["config"]) == set(range(5))
    assert [piece.block for piece in recording.record(job, tmp_path, n_jobs=1)] == [1]
    table = pq.read_table(recording.write_table(job, tmp_path)).to_pandas()
    assert len(table) == 7 * 2 * 2
    assert (
        table.groupby(["config", "repetition"])["resource"]
        .apply(list)
        .map(lambda epochs: epochs == [1, 2])
        .all()
    )
    assert (table["momentum"].notna() == (table["optimizer"] == "sgd")).all()
    # Numbers of the design are the same for a larger one, so that recordings can grow.
    larger = recording.plan("tiny", SETTINGS, configs=40, seeds=2)
    assert larger.pieces[0] == job.pieces[0]


def test_a_recorded_task_is_replayed_and_fitted(tmp_path, monkeypatch):
    """Training under the seed of a repetition gives what its replay gives, but for its times."""
    monkeypatch.setenv("HPOBENCH_CACHE", str(tmp_path / "cache"))
    job = recording.plan("tiny", SETTINGS, configs=10, seeds=2)
    assert len(list(recording.record(job, tmp_path, n_jobs=1))) == 4
    path = str(recording.write_table(job, tmp_path))
    table = recorded(path, repetition=1)
    trained = TrainingTask(**{name: SETTINGS[name] for name in SETTINGS if name not in ASIDE})
    assert dict(table.space) == dict(trained.space)
    assert table.metric == trained.metric
    assert table.fidelity == trained.fidelity
    config = table.space.config_at(3)
    fresh = trained.evaluate(Job(0, config, 0, 2), derive_seed(0, "recording", 1), None)
    replayed = table.evaluate(Job(0, config, 0, 2), 7, None)
    # Recorded with 24 bits.
    assert replayed.values == pytest.approx(fresh.values, rel=1e-7)
    assert replayed.test_values == pytest.approx(fresh.test_values, rel=1e-7)
    assert (np.diff(replayed.seconds) > 0).all()
    with pytest.raises(SurrogateQualityError, match="Record more configurations"):
        surrogate(path, quality={"error": 1.0})
    model = surrogate(path, quality={"error": -1.0, "cost": -1.0})
    found = model.evaluate(Job(0, model.space.default(), 0, 2), 7, None)
    assert table.optimum <= found.true_values[-1] <= 1
    assert found.duration_s > 0


def test_settings_are_never_mixed(tmp_path):
    (tmp_path / "task.json").write_text("{}")
    job = recording.plan("tiny", SETTINGS, configs=1, seeds=1)
    with pytest.raises(ValueError, match="recorded under other settings"):
        list(recording.record(job, tmp_path, n_jobs=1))


def test_only_tasks_that_train_are_recorded():
    with pytest.raises(ValueError, match="'branin' has no learning curve"):
        recording.plan("branin", {"_target_": "hpobench.tasks.functions.branin"}, 1, 1)


def test_the_design_fills_the_space():
    space = TrainingTask(
        **{name: SETTINGS[name] for name in ("space", "data", "model", "epochs", "fixed")}
    ).space
    configs = recording.design(space, 64)
    assert sum(config["optimizer"] == "sgd" for config in configs) == 32


def test_seeds_that_are_trained_as_one_network_are_recorded_as_alone(tmp_path):
    """Up to the rounding of float32 sums, as groups are tested to be; times are measured."""
    tables = {}
    for grouped in (False, True):
        folder = tmp_path / str(grouped)
        job = recording.plan("tiny", SETTINGS, configs=6, seeds=3, grouped=grouped)
        assert {p.path(folder) for p in recording.record(job, folder, n_jobs=1)} == {
            p.path(folder) for p in job.pieces
        }
        tables[grouped] = pq.read_table(recording.write_table(job, folder)).to_pandas()
    alone, together = tables[False], tables[True]
    exact = [name for name in alone if name not in (*recording.SERIES, "latency_s")]
    assert together[exact].equals(alone[exact])
    for name in ("validation_loss", "test_loss", "training_loss"):
        np.testing.assert_allclose(together[name], alone[name], rtol=2e-4)
    # One of the 180 examples more or less on the edge.
    assert (together["validation_error"] - alone["validation_error"]).abs().max() < 1.5 / 180
    assert (together["training_s"] > 0).all()


def test_what_was_recorded_alone_and_in_groups_is_not_mixed(tmp_path):
    alone = recording.plan("tiny", SETTINGS, configs=2, seeds=2)
    assert len(list(recording.record(alone, tmp_path, n_jobs=1))) == 2
    grouped = recording.plan("tiny", SETTINGS, configs=2, seeds=2, grouped=True)
    with pytest.raises(ValueError, match="other settings"):
        next(recording.record(grouped, tmp_path, n_jobs=1))


def test_tasks_that_do_not_train_in_groups_say_so():
    folds = {
        "_target_": "hpobench.tasks.training.folds.KFold",
        "task": {key: value for key, value in SETTINGS.items() if key != "about"},
    }
    with pytest.raises(ValueError, match="leave out --grouped"):
        recording.plan("folds", folds, configs=2, seeds=2, grouped=True)


ESTIMATOR = {
    "_target_": "hpobench.tasks.estimators.CrossValidation",
    "estimator": "sklearn.tree.DecisionTreeClassifier",
    "data": "iris",
    "folds": 3,
    "space": {"max_depth": {"type": "integer", "low": 1, "high": 4}},
}


@pytest.mark.parametrize("fidelity", ["folds", {"data": [0.25, 0.5, 1]}])
def test_any_task_with_a_fidelity_is_recorded(fidelity, tmp_path):
    settings = {**ESTIMATOR, "fidelity": fidelity}
    job = recording.plan("tree", settings, configs=6, seeds=2)
    assert len(list(recording.record(job, tmp_path, n_jobs=1))) == 4
    table = recorded(str(recording.write_table(job, tmp_path)), repetition=0)
    task = recording.build.build_task(job.task_config)
    config, seed = {"max_depth": 2}, derive_seed(0, "recording", 0)
    for level in table.fidelity.levels or (1, 2, 3):
        asked = Job(0, config, 0, level)
        fresh, replayed = (each.evaluate(asked, seed, None) for each in (task, table))
        for name in ("values", "test_values", "train_values"):
            assert getattr(replayed, name)[-1] == pytest.approx(getattr(fresh, name)[-1], rel=1e-6)
    assert (np.diff(replayed.seconds) >= 0).all()
    assert table.metric == task.metric
    assert not table.fidelity.comparable


def loop(x):
    for epoch in range(1, 4):
        yield x / epoch if x < 0.5 or epoch < 2 else float("nan")


def test_a_loop_of_the_users_own_is_recorded(tmp_path):
    settings = {
        "_target_": "hpobench.tasks.loops.TrainingLoop",
        "loop": "tests.study.test_recording.loop",
        "space": {"x": {"type": "float", "low": 0, "high": 1}},
        "epochs": 3,
        "cost_s": 2.0,
    }
    job = recording.plan("loop", settings, configs=8, seeds=1)
    assert list(recording.record(job, tmp_path, n_jobs=1))
    rows = pq.read_table(recording.write_table(job, tmp_path)).to_pandas()
    good = rows[rows["x"] < 0.5]
    assert good["validation_error"].to_numpy() == pytest.approx(good["x"] / good["resource"])
    assert good["training_s"].to_numpy() == pytest.approx(2 * good["resource"])
    failed = rows[(rows["x"] >= 0.5) & (rows["resource"] > 1)]
    assert len(failed) > 0
    assert failed["validation_error"].isna().all()
    table = recorded(str(tmp_path / "table.parquet"))
    assert table.fidelity.r_max == 3
