"""Loops of users in a study: in a process of their own, on either clock, to the stored tables."""

import numpy as np
import pytest
import yaml

from hpobench.results import load
from hpobench.study import compose
from hpobench.study.study import Study
from tests.studies import write_conf

X = {"x": {"type": "float", "low": 0, "high": 1}}


@pytest.mark.parametrize(
    ("loop", "clock"),
    [
        ("with_train", "simulated"),
        ("saving", "simulated"),
        ("reporting", "simulated"),
        ("saving", "real"),
    ],
)
def test_a_loop_runs_on_both_clocks(loop, clock, tmp_path):
    conf = write_conf(tmp_path / "conf")
    task = {
        "_target_": "hpobench.tasks.loops.TrainingLoop",
        "loop": f"tests.tasks.loops_of_users.{loop}",
        "space": X,
        "epochs": 9,
        "cost_s": 2.0,
        "budget": {"trials": 8},
    }
    (conf / "task" / "mine.yaml").write_text(yaml.safe_dump(task))
    words = [
        "task=mine",
        "method=hyperband",
        "seeds=1",
        "n_jobs=1",
        "progress=false",
        "workers=2",
    ]
    words += [f"runs_dir={tmp_path / 'runs'}", "name=mine", f"clock={clock}"]
    study = Study.make(compose.load(words, [conf]))
    assert [report.errors for report in study.run()] == [{}]
    stored = load(study.folder)
    seen = stored.observations.merge(stored.trials, on=["task", "method", "seed", "trial"])
    assert set(seen["resource"]) >= {1, 3, 9}
    assert seen["value"].to_numpy() == pytest.approx(1 / seen["resource"] + seen["x"])
    if loop == "with_train":
        assert seen["train_value"].to_numpy() == pytest.approx(seen["value"] / 2)
    else:
        assert seen["train_value"].isna().all()
    if clock == "simulated":
        jobs = stored.jobs
        steps = jobs["to_resource"] - jobs["from_resource"]
        took = (jobs["end_s"] - jobs["start_s"]).to_numpy()
        whole = 2 * jobs["to_resource"].to_numpy()
        if loop == "saving":
            assert took == pytest.approx(2 * steps)
        else:  # a trial that goes on elsewhere is trained from zero
            assert (np.isclose(took, whole) | np.isclose(took, 2 * steps)).all()
            assert np.isclose(took, whole)[jobs["from_resource"] > 0].any()
