"""Suites that are tables, each with a small file made in its format."""

import json

import numpy as np
import pandas as pd
import pytest

from hpobench.records import Job
from hpobench.tasks.suites.tables import blackbox, hpob, lcbench, mfpbench


def evaluated(task, config, start=0, end=None, seed=0):
    return task.evaluate(Job(0, config, start, end or task.fidelity.r_max), seed, None)


LOSS = np.array([[[0.5, 0.4], [0.6, 0.5]], [[0.9, 0.3], [0.8, 0.2]]])  # (configs, seeds, levels)


@pytest.fixture
def repository(tmp_path):
    space = {
        "hp_lr": {"domain_cls": "Float", "domain_kwargs": {"lower": 0.001, "upper": 1.0}}
        | {"sampler_cls": "LogUniform", "sampler_kwargs": {}},
        "hp_opt": {"domain_cls": "Categorical", "domain_kwargs": {"categories": ["a", "b"]}},
    }
    (tmp_path / "configspace.json").write_text(json.dumps(space))
    epochs = {"domain_cls": "Integer", "domain_kwargs": {"lower": 1, "upper": 2}}
    (tmp_path / "fidelityspace.json").write_text(json.dumps({"hp_epoch": epochs}))
    about = {"objectives_names": ["metric_valid_loss", "metric_elapsed_time"]}
    (tmp_path / "metadata.json").write_text(json.dumps(about | {"task_names": ["t0", "t1"]}))
    pd.DataFrame({"hp_lr": [0.01, 0.1], "hp_opt": ["a", "b"]}).to_parquet(
        tmp_path / "hyperparameters.parquet"
    )
    seconds = np.broadcast_to([1.0, 3.0], LOSS.shape)
    values = np.stack([LOSS + 1, LOSS])
    cube = np.stack([values, np.stack([seconds, seconds])], axis=-1).astype(np.float32)
    np.save(tmp_path / "objectives_evaluations.npy", cube)
    np.save(tmp_path / "fidelities_values.npy", np.array([1, 2]))
    return tmp_path


def test_blackbox_repository(repository):
    task = blackbox(repository, "t1")
    assert task.optimum == pytest.approx(0.25)  # the mean of 0.3 and 0.2
    assert (task.fidelity.name, task.fidelity.r_max) == ("epoch", 2)
    found = evaluated(task, {"hp_lr": 0.1, "hp_opt": "b"})
    assert found.seconds.tolist() == [1, 3]
    assert found.values.tolist() in [pytest.approx([0.9, 0.3]), pytest.approx([0.8, 0.2])]
    assert task.space["hp_lr"].log
    with pytest.raises(ValueError, match="unknown task 't9'"):
        blackbox(repository, "t9")


def test_long_blackbox(repository):
    (repository / "objectives_evaluations.npy").unlink()
    rows = [
        {"hp_lr": lr, "hp_opt": opt, "hp_epoch": epoch, "seed": seed, "task": "t1"}
        | {"metric_valid_loss": LOSS[i, seed, epoch - 1], "metric_elapsed_time": 2.0 * epoch}
        for i, (lr, opt) in enumerate([(0.01, "a"), (0.1, "b")])
        for seed in (0, 1)
        for epoch in (1, 2)
    ]
    pd.DataFrame(rows).to_parquet(repository / "data-t1.parquet")
    about = json.loads((repository / "metadata.json").read_text()) | {"seed_col": "seed"}
    (repository / "metadata.json").write_text(json.dumps(about))
    task = blackbox(repository, "t1", repetition="mean")
    assert task.optimum == pytest.approx(0.25)
    found = evaluated(task, {"hp_lr": 0.01, "hp_opt": "a"})
    np.testing.assert_allclose(found.values, [0.55, 0.45])
    assert found.seconds.tolist() == [2, 4]


def test_hpob(tmp_path):
    data = {"X": [[0.1, 0.2], [0.3, 0.4], [0.1, 0.2]], "y": [[0.8], [0.9], [0.6]]}
    file = tmp_path / "meta-test-dataset.json"
    file.write_text(json.dumps({"5860": {"145833": data}}))
    task = hpob(file, "5860", "145833")
    assert task.space.size == 2  # the third point is a repetition of the first
    assert task.optimum == pytest.approx(0.1)
    assert task.median == pytest.approx(0.2)  # of 0.3 and 0.1
    assert task.clock == "evaluations"
    with pytest.raises(ValueError, match="unknown data set"):
        hpob(file, "5860", "1")


def test_lcbench(tmp_path):
    def run(lr, top):
        log = {"Train/val_accuracy": [10, top - 5, top, top], "time": [1, 3, 6, 7]}
        log |= {"Train/test_result": [10, top - 6, top - 1, top]}
        return {"config": {"lr": lr, "fixed": 3}, "log": log, "results": {}}

    file = tmp_path / "data_2k_lw.json"
    file.write_text(json.dumps({"adult": {"0": run(0.1, 80), "1": run(0.2, 90)}}))
    task = lcbench(file, "adult", goal="maximize")
    found = evaluated(task, {"lr": 0.2})
    assert found.values.tolist() == [15, 10]  # 100 - accuracy, without the first and the last
    assert found.seconds.tolist() == [2, 5]
    assert found.test_values.tolist() == [16, 11]
    assert task.optimum == 10
    with pytest.raises(ValueError, match="there is no"):
        lcbench(tmp_path / "nowhere.json", "adult")


def test_mfpbench(tmp_path):
    rows = [
        {"id": i, "epoch": epoch, "lr_initial": lr, "train_cost": 2.0}
        | {"valid_error_rate": lr / max(epoch, 0.5), "test_error_rate": lr}
        for i, lr in enumerate((0.1, 0.2, 0.4))
        for epoch in (0, 1, 2)
    ]
    file = tmp_path / "cifar10-wide_resnet-256_tabular.parquet"
    pd.DataFrame(rows).set_index(["id", "epoch"]).to_parquet(file)
    task = mfpbench(file, "valid_error_rate", seconds="train_cost", test="test_error_rate")
    # Constant along each curve, but said to be what it is.
    assert list(task.space.names) == ["lr_initial"]
    found = evaluated(task, {"lr_initial": 0.2})
    np.testing.assert_allclose(found.values, [0.2, 0.1])
    assert task.optimum == pytest.approx(0.05)
    with pytest.raises(ValueError, match="unknown column"):
        mfpbench(file, "acc")
