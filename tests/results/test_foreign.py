"""Logs made by Optuna itself, and logs in the formats of Syne Tune and CARP-S written by hand.

Expected times and values are worked out from what is written there.
"""

import gzip
import json
import socket
import sqlite3
import zipfile
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from hpobench.plots.draw import draw
from hpobench.results import load
from hpobench.results.anytime.curves import resample
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.conduct.one_run import one_run
from hpobench.results.conduct.overhead import overhead
from hpobench.results.foreign import (
    combine,
    files,
    from_carps,
    from_optuna,
    from_syne_tune,
    store,
    storing,
)
from hpobench.results.foreign.rows import assign_workers
from hpobench.results.study.jobs import occupancy, workers_by_run
from hpobench.results.verdicts.scores import scores
from hpobench.storage.layout import redacted

optuna.logging.set_verbosity(optuna.logging.ERROR)
BEGIN = datetime(2024, 3, 1, 12)


def assert_same(one, other):
    for name in ("observations", "trials", "jobs", "decisions", "runs"):
        left, right = getattr(one, name), getattr(other, name)
        pd.testing.assert_frame_equal(
            left, right[left.columns], check_dtype=False, check_categorical=False
        )
    assert (one.tasks, one.methods) == (other.tasks, other.methods)


def stored_again(study, folder):
    return load(store(study, folder))


# Optuna ------------------------------------------------------------------------------------------


def trial(start_s, end_s, value=None, *, state="COMPLETE", steps=(), attributes=None, **params):
    made = create_trial(
        state=TrialState[state],
        value=value,
        params=params,
        distributions={
            name: CategoricalDistribution(["a", "b"])
            if isinstance(value, str)
            else FloatDistribution(0, 1)
            for name, value in params.items()
        },
        intermediate_values=dict(enumerate(steps)),
        system_attrs=attributes or {},
    )
    made.datetime_start = None if start_s is None else BEGIN + timedelta(seconds=start_s)
    made.datetime_complete = None if end_s is None else BEGIN + timedelta(seconds=end_s)
    return made


def optuna_study(*trials, direction="maximize", name="digits"):
    study = optuna.create_study(direction=direction, study_name=name)
    for each in trials:
        study.add_trial(each)
    return study


def three_trials():
    return optuna_study(
        trial(0, 10, 0.8, steps=[0.3, 0.5, 0.7], x=0.1, kind="a"),
        trial(4, 9, state="PRUNED", steps=[0.2, 0.25], x=0.2, kind="b"),
        trial(9, 12, state="FAIL", steps=[0.4], x=0.3),
    )


def test_optuna_by_hand():
    study = from_optuna(three_trials(), method="TPE", metric="accuracy", seed=7, comparable=True)
    rows = study.observations
    # In order of time: the pruned trial ends at 9, the first at 10, the failed one at 12.
    assert rows["time_s"].tolist() == [9, 9, 10, 10, 10, 12, 12]
    assert rows["resource"].tolist() == [1, 2, 1, 2, 3, 1, 3]
    expected = [-0.2, -0.25, -0.3, -0.5, -0.8, -0.4, np.nan]
    np.testing.assert_allclose(rows["value"], expected)
    assert rows["status"].tolist() == ["ok"] * 6 + ["failed"]
    assert rows["worker"].tolist() == [1, 1, 0, 0, 0, 1, 1]
    jobs = study.jobs
    assert jobs["start_s"].tolist() == [4, 0, 9]
    assert jobs["status"].tolist() == ["ok", "ok", "failed"]
    assert jobs["error"].tolist() == ["", "", "fail in Optuna"]
    facts = study.tasks["digits"]
    assert (facts.r_min, facts.r_max, facts.fidelity) == (1, 3, "steps")
    assert "accuracy, negated" in facts.value_label
    assert study.runs[["method", "seed", "trials", "end_time_s"]].iloc[0].tolist() == [
        "TPE", 7, 3, 12,
    ]  # fmt: skip
    assert study.settings["workers"] == 2
    assert "does not keep when a step was reported" in study.settings["notes"][0]
    assert json.loads(study.trials["config"].iloc[0]) == {"x": 0.1, "kind": "a"}
    assert json.loads(study.trials["config"].iloc[2]) == {"x": 0.3}


def test_final_values_on_other_data_are_user_attributes():
    trials = trial(0, 10, 0.8, steps=[0.5], x=0.1), trial(0, 9, 0.7, x=0.1)
    trials[0].user_attrs = {"test_acc": 0.75, "fit": 0.9}
    trials[1].user_attrs = {"test_acc": float("nan")}
    study = optuna_study(*trials)
    rows = from_optuna(study, test="test_acc", train="fit", comparable=True).observations
    assert rows["value"].tolist() == [-0.7, -0.8]
    np.testing.assert_equal(rows["test_value"].tolist(), [np.nan, -0.75])
    np.testing.assert_equal(rows["train_value"].tolist(), [np.nan, -0.9])
    with pytest.raises(ValueError, match=r"--test: unknown metric 'tset_acc'. Did you mean"):
        from_optuna(study, test="tset_acc")


def test_steps_spread_evenly():
    study = from_optuna(three_trials(), step_times="even", comparable=True)
    rows = study.observations
    of_pruned = rows[rows["trial"] == 1]
    assert of_pruned["time_s"].tolist() == [6.5, 9]
    found = incumbents(study)
    np.testing.assert_allclose(
        resample(*found.steps(0), np.array([3.0, 3.4, 7, 11])), [np.nan, -0.3, -0.5, -0.8]
    )


def test_a_real_optuna_run_without_steps():
    study = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=0), study_name="parabola"
    )
    study.set_user_attr("method", "random")
    study.set_user_attr("seed", 3)
    study.optimize(lambda t: (t.suggest_float("x", -1, 1) - 0.5) ** 2, n_trials=12)
    made = from_optuna(study)
    found = incumbents(made)
    assert found.steps(0)[1][-1] == study.best_value
    assert made.runs[["task", "method", "seed"]].iloc[0].tolist() == ["parabola", "random", 3]
    assert made.tasks["parabola"].fidelity == "none"
    assert set(made.observations["resource"]) == {1.0}
    assert not any("change nothing" in note for note in made.settings["notes"])
    asked = from_optuna(study, step_times="even")
    assert any("no trial has values at steps" in note for note in asked.settings["notes"])
    np.testing.assert_allclose(
        made.observations["value"], [each.value for each in study.trials], rtol=0
    )
    assert (made.jobs["end_s"] >= made.jobs["start_s"]).all()


@pytest.mark.parametrize("kind", ["url", "sqlite", "journal"])
def test_storages(kind, tmp_path):
    path = tmp_path / "some.db"
    if kind == "journal":
        backend = optuna.storages.journal.JournalFileBackend(str(path))
        storage = optuna.storages.JournalStorage(backend)
    else:
        storage = f"sqlite:///{path}"
    for name, offset in (("one", 0.0), ("two", 0.1)):
        study = optuna.create_study(study_name=name, storage=storage)
        study.add_trial(trial(0, 1, 0.5 + offset, x=0.5))
    source = f"sqlite:///{path}" if kind == "url" else path
    runs = {"one": ("t", "a", 0), "two": ("t", "b", 0)}
    made = from_optuna(source, runs=runs)
    assert made.observations.set_index("method")["value"].to_dict() == {"a": 0.5, "b": 0.6}
    assert list(from_optuna(source, runs={"two": ("t", "b", 0)}).methods) == ["b"]
    with pytest.raises(ValueError, match="no Optuna study 'three': choose from one, two"):
        from_optuna(source, runs={"three": ("t", "b", 0)})
    with pytest.raises(ValueError, match="two runs of task 't', method 'm' and seed 0"):
        from_optuna(source, task="t", method="m")


TAKEN = ("seed", "method", "task", "config", "trial", "value", "run", "status", "time_s", "lr")


def test_parameters_called_like_columns_are_kept(tmp_path):
    study = optuna.create_study(study_name="s")
    unit = dict.fromkeys(TAKEN, FloatDistribution(0, 1))
    for n in range(5):
        params = dict.fromkeys(TAKEN, n / 8)
        study.add_trial(create_trial(value=n, params=params, distributions=unit))
    made = stored_again(from_optuna(study, seed=3), tmp_path / "s")
    assert made.runs[["seed", "trials"]].iloc[0].tolist() == [3, 5]
    found = [json.loads(config) for config in made.trials["config"]]
    assert found == [dict.fromkeys(TAKEN, n / 8) for n in range(5)]
    assert made.trials["param.seed"].tolist() == [n / 8 for n in range(5)]
    again = from_syne_tune(
        experiment(tmp_path / "e", REPORTS.replace("config_lr", "config_seed"), seed=2)
    )
    assert again.runs["seed"].tolist() == [2]
    assert json.loads(again.trials["config"][0]) == {"seed": 0.1, "opt": "sgd"}


def test_none_is_a_category_and_infinity_no_value(tmp_path):
    kind = CategoricalDistribution([None, "a", float("nan")])
    study = optuna.create_study(study_name="odd")
    values = [(None, 1.0), ("a", float("inf")), (float("nan"), -float("inf")), ("a", 1e308)]
    for choice, value in values:
        study.add_trial(
            create_trial(value=value, params={"kind": choice}, distributions={"kind": kind})
        )
    made = stored_again(from_optuna(study), tmp_path / "s")
    assert [json.loads(c)["kind"] for c in made.trials["config"]][:2] == [None, "a"]
    assert made.trials["kind"].tolist() == ["None", "a", "nan", "a"]
    # In order of ending: 1e308 is finite, but its square is not.
    assert made.jobs.sort_values("trial")["error"].tolist() == [
        "", "value is infinite", "value is infinite",
        "value is 1e+308: too large to compute with",
    ]  # fmt: skip
    assert made.observations["status"].value_counts().to_dict() == {"failed": 3, "ok": 1}


def test_each_run_has_its_own_number_of_workers(tmp_path):
    """One trial after the other, and three at a time without a gap: nobody is idle."""
    alone = optuna_study(*(trial(10 * n, 10 * n + 10, n, x=0.5) for n in range(6)), name="alone")
    three = optuna_study(
        *(trial(10 * (n // 3), 10 * (n // 3) + 10, n, x=0.5) for n in range(6)), name="three"
    )
    made = stored_again(from_optuna([alone, three]), tmp_path / "s")
    assert made.runs.set_index("task")["workers"].to_dict() == {"alone": 1, "three": 3}
    assert occupancy(made).set_index("task")["idle"].to_dict() == {"alone": 0, "three": 0}
    assert one_run(made, "alone", "optuna", 0).workers == 1
    assert made.settings["workers"] == [1, 3]
    draw(made, tmp_path / "figures")
    assert "1 to 3 workers" in (tmp_path / "figures" / "anytime.txt").read_text()
    with pytest.raises(ValueError, match="decisions was not measured: logs of Optuna do not hold"):
        overhead(made)


def test_values_of_steps_compare_only_if_that_is_said():
    """Optuna's best value is 4.502 at 20 s; a step of the pruned trial has 3.502."""
    study = optuna_study(
        trial(0, 10, 5.002, steps=[5.002, 4.002, 4.5, 5.0], x=0.1),
        trial(10, 20, 4.502, steps=[5.001, 4.003, 4.502], x=0.2),
        trial(20, 24, state="PRUNED", steps=[3.502, 4.9, 4.9, 4.9], x=0.3),
        direction="minimize",
    )
    made = from_optuna(study)
    assert incumbents(made).steps(0)[1].tolist() == [5.002, study.best_value]
    assert "best value is 4.502 at 20 s" in made.settings["notes"][1]
    assert "best would be 3.502 at 24 s (trial 2, pruned)" in made.settings["notes"][1]
    by_steps = from_optuna(study, comparable=True)
    assert incumbents(by_steps).steps(0)[1].tolist() == [4.002, 3.502]
    assert "best is 3.502 at 24 s" in by_steps.settings["notes"][1]
    assert "of completed trials, is 4.502 at 20 s" in by_steps.settings["notes"][1]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_nothing_is_written_to_what_is_imported(tmp_path):
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("create table customers (name text)")
    journal = optuna.storages.journal.JournalFileBackend(str(tmp_path / "a.journal"))
    study = optuna.create_study(storage=optuna.storages.JournalStorage(journal))
    study.add_trial(trial(0, 1, 0.5, x=0.5))
    before = contents(tmp_path)
    with pytest.raises(ValueError, match="database, but not of Optuna: its tables are customers"):
        from_optuna(other)
    assert len(from_optuna(tmp_path / "a.journal").observations) == 1
    assert contents(tmp_path) == before


def test_an_older_schema_is_read_through_a_copy(tmp_path):
    url = f"sqlite:///{tmp_path / 'old.db'}"
    study = optuna.create_study(storage=url, study_name="old")
    study.add_trial(trial(0, 1, 0.5, x=0.5))
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection, connection:
        # The next schema differs from this one by an index only.
        connection.execute("update alembic_version set version_num = 'v3.0.0.d'")
    with pytest.raises(RuntimeError, match="no longer compatible"):
        optuna.storages.RDBStorage(url)
    before = contents(tmp_path)
    assert from_optuna(tmp_path / "old.db").observations["value"].tolist() == [0.5]
    assert contents(tmp_path) == before


def test_passwords_are_not_shown():
    for url, shown in {
        "mysql://me:s3cret@host/db": "mysql://me:***@host/db",
        "redis://:s3cret@host:1/0": "redis://:***@host:1/0",
        "postgresql+x://me:s3@cret@host/db?a=1": "postgresql+x://me:***@host/db?a=1",
        "x://host/db?user=me&password=s3cret&b=2": "x://host/db?user=me&password=***&b=2",
        "no address: at all": "no address: at all",
    }.items():
        assert redacted(url) == shown
    with pytest.raises(ValueError, match="nodatabase") as error:
        from_optuna("nodatabase://me:s3cret@localhost/db")
    assert "s3cret" not in str(error.value)


def test_running_trials_zones_and_missing_times():
    zone = trial(0, 5, 1.0, x=0.0)
    zone.datetime_start = zone.datetime_start.astimezone(tz=None)
    zone.datetime_complete = zone.datetime_complete.astimezone(tz=None)
    assert from_optuna(optuna_study(zone)).runs["end_time_s"].item() == 5
    naive = trial(6, 7, 1.0, x=0.0)
    with pytest.raises(ValueError, match="with and without a zone"):
        from_optuna(optuna_study(zone, naive))
    running = trial(2, None, state="RUNNING", x=0.5)
    # add_trial does not take trials without a time: the study is stood in for by its trials.
    study = optuna_study(trial(0, 5, 1.0, x=0.0))
    study.get_trials = lambda **_: [trial(None, 5, 1.0, x=0.0), trial(0, 6, 2.0), running]
    made = from_optuna(study)
    assert made.jobs["start_s"].tolist() == [5, 0]
    assert "1 trials were still running" in made.settings["notes"][0]
    backwards = optuna_study(trial(0, 5, 1.0, x=0.0))
    backwards.get_trials = lambda **_: [trial(9, 5, 1.0)]
    with pytest.raises(ValueError, match="4 s before it starts"):
        from_optuna(backwards)


def test_optuna_constraints_and_several_objectives():
    study = optuna.create_study(study_name="c")
    asked = study.ask()
    asked.set_constraint("memory", 2.0)
    asked.set_constraint("time", -1.0)
    study.tell(asked, 0.5)
    made = from_optuna(study)
    assert made.observations[["slack.memory", "slack.time"]].iloc[0].tolist() == [-2, 1]
    assert not len(incumbents(made).time_s)
    two = optuna.create_study(directions=["minimize", "maximize"], study_name="two")
    with pytest.raises(ValueError, match="'two' has 2 objectives"):
        from_optuna(two)
    with pytest.raises(ValueError, match="step_times='start'"):
        from_optuna(study, step_times="start")


def test_bad_optuna_files(tmp_path):
    with pytest.raises(ValueError, match=r"no file .*missing\.db"):
        from_optuna(f"sqlite:///{tmp_path}/missing.db")
    assert not (tmp_path / "missing.db").exists()
    (tmp_path / "junk.log").write_text("junk\n")
    with pytest.raises(ValueError, match=r"junk\.log .* is neither an SQLite file nor"):
        from_optuna(tmp_path / "junk.log")
    (tmp_path / "junk.db").write_bytes(b"SQLite format 3\0junk")
    with pytest.raises(ValueError, match=r"junk\.db cannot be read as an Optuna storage"):
        from_optuna(tmp_path / "junk.db")
    with pytest.raises(ValueError, match="no Optuna study to import"):
        from_optuna([])


def test_a_study_without_steps_has_the_highest_resource_of_its_task():
    plain = optuna_study(trial(0, 3, 0.6, x=0.4), name="plain")
    runs = {"digits": ("t", "a", 0), "plain": ("t", "b", 0)}
    made = from_optuna([plain, three_trials()], runs=runs)
    rows = made.observations
    assert rows[rows["method"] == "b"]["resource"].tolist() == [3]
    assert made.tasks["t"].fidelity == "steps"
    smaller = optuna_study(trial(0, 3, 0.6, x=0.4), name="plain", direction="minimize")
    with pytest.raises(ValueError, match="'t' differ in what they measure"):
        from_optuna([smaller, three_trials()], runs=runs)


# Syne Tune ---------------------------------------------------------------------------------------

REPORTS = """
trial_id,acc,epoch,st_tuner_time,st_worker_time,st_decision,st_status,config_lr,config_opt
0,0.5,1,3.0,2.0,CONTINUE,InProgress,0.1,sgd
1,0.4,1,4.5,2.5,PAUSE,InProgress,0.2,adam
0,0.6,2,5.0,4.0,STOP,InProgress,0.1,sgd
2,,1,7.0,1.5,STOP,InProgress,0.3,
1,0.7,2,9.0,2.0,CONTINUE,InProgress,0.2,adam
"""
METADATA = {
    "metric_names": ["acc"],
    "metric_mode": "max",
    "entrypoint": "train_cnn",
    "scheduler_name": "HyperbandScheduler",
    "st_tuner_creation_timestamp": 1.0,
}


def experiment(folder, reports=REPORTS, **metadata):
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps(METADATA | metadata))
    with zipfile.ZipFile(folder / "results.csv.zip", "w") as archive:
        archive.writestr("results.csv", reports.strip() + "\n")
    return folder


def test_syne_tune_by_hand(tmp_path):
    study = from_syne_tune(experiment(tmp_path / "train-2024"))
    rows = study.observations
    assert rows["time_s"].tolist() == [3, 4.5, 5, 7, 9]
    assert rows["trial"].tolist() == [0, 1, 0, 2, 1]
    np.testing.assert_allclose(rows["value"], [-0.5, -0.4, -0.6, np.nan, -0.7])
    assert rows["resource"].tolist() == [1, 1, 2, 1, 2]
    jobs = study.jobs
    # Trial 1 was paused at 4.5 and resumed at 9 - 2: two jobs, the second from epoch 1.
    assert jobs["trial"].tolist() == [1, 0, 2, 1]
    assert jobs["start_s"].tolist() == [2, 1, 5.5, 7]
    assert jobs["end_s"].tolist() == [4.5, 5, 7, 9]
    assert jobs["from_resource"].tolist() == [0, 0, 0, 1]
    assert jobs["worker"].tolist() == [1, 0, 0, 0]
    assert jobs["status"].tolist() == ["ok", "ok", "failed", "ok"]
    assert study.runs[["task", "method", "seed"]].iloc[0].tolist() == [
        "train_cnn", "HyperbandScheduler", 0,
    ]  # fmt: skip
    assert json.loads(study.trials["config"].iloc[2]) == {"lr": 0.3}
    assert study.tasks["train_cnn"].fidelity == "epoch"


def test_syne_tune_names_and_several_experiments(tmp_path):
    for number in range(3):
        experiment(
            tmp_path / f"e{number}",
            algorithm="ASHA" if number < 2 else "RS",
            benchmark="fcnet-protein",
            st_tuner_creation_timestamp=10.0 - number,
        )
    study = from_syne_tune(tmp_path)
    keys = study.runs[["task", "method", "seed"]].to_numpy().tolist()
    assert sorted(map(tuple, keys)) == [
        ("fcnet-protein", "ASHA", 0),
        ("fcnet-protein", "ASHA", 1),
        ("fcnet-protein", "RS", 0),
    ]
    assert len(study.observations) == 15
    given = from_syne_tune(tmp_path / "e0" / "results.csv.zip", task="a/b", method="m", seed=4)
    assert given.runs[["task", "method", "seed"]].iloc[0].tolist() == ["a_b", "m", 4]
    assert given.tasks["a_b"].label == "a/b"


def test_a_metric_that_was_not_tuned_on_has_its_own_mode(tmp_path):
    """The run was tuned on accuracy, max; its loss is to be minimised."""
    reports = "trial_id,acc,loss,st_tuner_time\n0,0.5,1.0,2.0\n1,0.6,0.5,3.0\n"
    folder = experiment(tmp_path / "e", reports)
    with pytest.raises(ValueError, match=r"does not say whether 'loss' is .* tuned on acc"):
        from_syne_tune(folder, metric="loss")
    assert from_syne_tune(folder, metric="loss", mode="min").observations["value"].tolist() == [
        1.0, 0.5,
    ]  # fmt: skip
    assert from_syne_tune(folder, metric="acc").observations["value"].tolist() == [-0.5, -0.6]
    with pytest.raises(ValueError, match="mode='low': use one of min, max"):
        from_syne_tune(folder, metric="loss", mode="low")


def test_columns_of_other_data(tmp_path):
    reports = "trial_id,acc,test,tests,st_tuner_time\n0,0.5,0.4,0.9,2.0\n1,0.6,,0.8,3.0\n"
    folder = experiment(tmp_path / "e", reports)
    rows = from_syne_tune(folder, test="test", train="tests").observations
    np.testing.assert_equal(rows["test_value"].tolist(), [-0.4, np.nan])
    assert rows["train_value"].tolist() == [-0.9, -0.8]
    with pytest.raises(ValueError, match="--train: unknown metric 'tst'"):
        from_syne_tune(folder, train="tst")


def test_columns_called_like_ours_are_the_experiment_s(tmp_path):
    reports = "trial_id,resource,value,st_tuner_time\n0,0.5,1,2.0\n0,0.6,2,3.0\n"
    folder = experiment(tmp_path / "e", reports, metric_names=["resource"], metric_mode="min")
    rows = from_syne_tune(folder, resource="value").observations
    assert (rows["value"].tolist(), rows["resource"].tolist()) == ([0.5, 0.6], [1, 2])


def test_what_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 2**20)
    folder = experiment(tmp_path / "e", REPORTS + "0" * 2**20)
    assert (folder / "results.csv.zip").stat().st_size < 2**22
    with pytest.raises(ValueError, match=r"results\.csv\.zip cannot be read: it holds more"):
        from_syne_tune(folder)
    (folder / "results.csv.zip").unlink()
    (folder / "results.csv").mkdir()
    with pytest.raises(ValueError, match=r"results\.csv is no ordinary file"):
        from_syne_tune(folder)
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(b"1" * 100))
    assert files.text_of(packed) == "1" * 100
    packed.write_bytes(gzip.compress(b"1" * 100)[:-9])
    with pytest.raises(ValueError, match=r"a\.gz cannot be read"):
        files.text_of(packed)
    with pytest.raises(ValueError, match="nested too deeply"):
        files.parsed("[" * 10**6)


def test_syne_tune_without_optional_columns(tmp_path):
    reports = "trial_id,loss,st_tuner_time\n0,1.0,2.0\n0,0.5,3.0\n"
    folder = experiment(tmp_path / "e", reports, metric_names=["loss"], metric_mode=["min"])
    study = from_syne_tune(folder)
    assert study.observations["value"].tolist() == [1, 0.5]
    assert study.observations["resource"].tolist() == [1, 2]
    assert study.jobs["start_s"].tolist() == [2]
    assert len(study.settings["notes"]) == 2


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / "results.csv.zip").write_bytes(b"x"), r"results\.csv\.zip cannot be read"),
        (lambda f: (f / "results.csv.zip").unlink(), "has no results"),
        (lambda f: (f / "metadata.json").write_text("{"), r"metadata\.json is not JSON"),
        (lambda f: (f / "metadata.json").write_text("[]"), "does not hold the metadata"),
        (lambda f: (f / "metadata.json").write_text("{}"), "names no metric: give --metric"),
        (lambda f: (f / "metadata.json").unlink(), "holds no Syne Tune experiment"),
    ],
)
def test_bad_syne_tune_files(spoil, words, tmp_path):
    folder = experiment(tmp_path / "e")
    spoil(folder)
    with pytest.raises(ValueError, match=words):
        from_syne_tune(folder)


def test_bad_syne_tune_columns(tmp_path):
    good = experiment(tmp_path / "a")
    with pytest.raises(ValueError, match="no column 'loss' for the metric: it has trial_id, acc"):
        from_syne_tune(good, metric="loss")
    with pytest.raises(ValueError, match="no column 'budget' for the resource"):
        from_syne_tune(good, resource="budget")
    without = experiment(tmp_path / "b", "trial_id,acc\n0,1\n")
    with pytest.raises(ValueError, match=r"results\.csv\.zip has no column 'st_tuner_time'"):
        from_syne_tune(without)
    blank = experiment(tmp_path / "c", "trial_id,acc,st_tuner_time\n0,1,\n")
    with pytest.raises(
        ValueError, match=r"csv\.zip: the st_tuner_time nan of trial 0 is not a finite"
    ):
        from_syne_tune(blank)
    with pytest.raises(ValueError, match="there is no folder"):
        from_syne_tune(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        (
            "st_worker_time",
            "soon",
            r"results\.csv\.zip: the st_worker_time 'soon' of trial 1 is not",
        ),
        ("epoch", "", r"results\.csv\.zip: the epoch nan of trial 1 .*: choose another column by"),
        ("epoch", "first", r"results\.csv\.zip: the epoch 'first' of trial 1"),
        ("epoch", "inf", r"results\.csv\.zip: the epoch inf of trial 1"),
        ("acc", "good", r"results\.csv\.zip: the acc 'good' of trial 1"),
        ("trial_id", "1.5", r"results\.csv\.zip: the trial_id 1\.5 is not a whole number"),
        ("trial_id", "one", r"results\.csv\.zip: the trial_id 'one'"),
    ],
)
def test_bad_syne_tune_cells_are_named(tmp_path, column, value, words):
    lines = [line.split(",") for line in REPORTS.strip().splitlines()]
    lines[2][lines[0].index(column)] = value
    folder = experiment(tmp_path / "e", "\n".join(map(",".join, lines)))
    with pytest.raises(ValueError, match=words):
        from_syne_tune(folder)


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (
            {"metric_mode": []},
            r"metadata\.json: the metric_mode None of 'acc' is not one of min, max",
        ),
        ({"metric_mode": ["maximum"]}, "the metric_mode 'maximum' of 'acc'"),
        ({"metric_names": []}, r"metadata\.json names no metric: give --metric"),
        (
            {"st_tuner_creation_timestamp": "today"},
            r"metadata\.json: the st_tuner_creation_.*'today'",
        ),
        ({"seed": 2**31}, r"results\.csv\.zip: the seed 2147483648 is not below 2\^31"),
        ({"seed": 1.5}, r"results\.csv\.zip: the seed 1\.5 is not a whole number: give --seed"),
    ],
)
def test_bad_syne_tune_metadata_is_named(tmp_path, metadata, words):
    experiment(tmp_path / "a", **metadata)
    experiment(tmp_path / "b", algorithm="other")
    with pytest.raises(ValueError, match=words):
        from_syne_tune(tmp_path)


def test_syne_tune_without_a_worker_time_or_a_metric_in_some_rows(tmp_path):
    """Blank cells are as if they were not there: the job is shown from its first report on."""
    reports = "trial_id,acc,st_tuner_time,st_worker_time\n0,,2.0,\n1,0.5,3.0,1.0\n"
    study = from_syne_tune(experiment(tmp_path / "e", reports))
    assert study.jobs["start_s"].tolist() == [2, 2]
    assert study.jobs["status"].tolist() == ["failed", "ok"]


# CARP-S ------------------------------------------------------------------------------------------

HYDRA = """
optimizer_id: SMAC20
task_id: ${task.name}
seed: 3
timestamp: ${now:%Y}
task:
  name: yahpo/rbv2/1040
  input_space: {fidelity_space: {fidelity_type: epoch}}
"""


def carps_line(config, cost, start, *, end=None, virtual=0.0, budget=None, status=1):
    value = {
        "cost": cost, "time": 0.5, "virtual_time": virtual, "status": status,
        "starttime": start, "endtime": start + 0.5 if end is None else end, "additional_info": {},
    }  # fmt: skip
    info = {"config": config, "instance": None, "seed": 3, "budget": budget}
    return {"n_trials": 1, "n_function_calls": 1, "trial_info": info, "trial_value": value}


def carps_run(folder, lines, hydra=HYDRA):
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "config.yaml").write_text(hydra)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "trial_logs.jsonl").write_text(text)
    return folder


def test_carps_by_hand(tmp_path):
    lines = [
        carps_line([0.1, "a"], 0.9, 1000.0, virtual=10.0, budget=1),
        carps_line([0.2, "b"], 0.8, 1001.0, virtual=20.0, budget=1, status=2),
        carps_line([0.1, "a"], 0.7, 1002.0, virtual=30.0, budget=3),
    ]
    study = from_carps(carps_run(tmp_path / "SMAC20" / "x" / "3", lines))
    rows = study.observations
    # 0.5 s of real time each, a second apart, and the virtual time so far.
    assert rows["time_s"].tolist() == [0.5 + 10, 1.5 + 30, 2.5 + 60]
    np.testing.assert_allclose(rows["value"], [0.9, np.nan, 0.7])
    assert rows["trial"].tolist() == [0, 1, 0]
    assert rows["resource"].tolist() == [1, 1, 3]
    assert study.jobs["start_s"].tolist() == [0, 11, 32]
    assert study.jobs["from_resource"].tolist() == [0, 0, 1]
    assert study.jobs["error"].tolist() == ["", "status 2 in CARP-S", ""]
    key = study.runs[["task", "method", "seed"]].iloc[0].tolist()
    assert key == ["yahpo_rbv2_1040", "SMAC20", 3]
    facts = study.tasks["yahpo_rbv2_1040"]
    assert (facts.label, facts.fidelity, facts.comparable) == ("yahpo/rbv2/1040", "epoch", True)
    assert json.loads(study.trials["config"].iloc[1]) == {"x0": 0.2, "x1": "b"}


def test_carps_without_times_of_day_and_with_other_names(tmp_path):
    lines = [carps_line({"lr": 0.1 * n}, 1 - 0.1 * n, 0, end=0) for n in range(3)]
    folder = carps_run(tmp_path / "r", lines, "problem_id: bbob/1\noptimizer_id: ???\nseed: 1\n")
    with pytest.raises(ValueError, match=r"config\.yaml does not say optimizer_id: give --method"):
        from_carps(folder)
    study = from_carps(folder, method="RS")
    assert study.observations["time_s"].tolist() == [0.5, 1, 1.5]
    assert "lr" in study.trials
    assert study.tasks["bbob_1"].fidelity == "none"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"trial_info": {}', r"trial_logs\.jsonl, line 1 is not a trial"),
        ('{"trial_info": {}}', "line 1 is not a trial of CARP-S: no 'trial_value'"),
        ("[1]", "line 1 is not a trial"),
        (
            json.dumps(carps_line([1], [1, 2], 5.0)),
            r"trial_logs\.jsonl, evaluation 1 has 2 objectives",
        ),
        ('{"trial_info": {}, "trial_value": {"cost": 1}}', "holds no times"),
        (
            "\n".join(json.dumps(carps_line([1], 1, start)) for start in (9.0, 5.0)),
            "is not in order of time",
        ),
    ],
)
def test_bad_carps_logs(text, words, tmp_path):
    folder = carps_run(tmp_path / "r", [])
    (folder / "trial_logs.jsonl").write_text(text + "\n")
    with pytest.raises(ValueError, match=words):
        from_carps(folder)


@pytest.mark.parametrize(
    ("part", "name", "value", "words"),
    [
        ("trial_info", "config", 5, "the config 5 is no list of values"),
        ("trial_info", "budget", "much", "the budget 'much' is not a finite number"),
        ("trial_info", "budget", float("nan"), "the budget nan is not a finite number"),
        ("trial_value", "cost", "low", "the cost 'low' is not a finite number"),
        ("trial_value", "cost", {}, "the cost {} is not a finite number"),
        ("trial_value", "starttime", "noon", "the starttime 'noon' is not a finite number"),
    ],
)
def test_bad_carps_values_are_named(part, name, value, words, tmp_path):
    lines = [carps_line([1], 0.5, 1.0), carps_line([2], 0.4, 2.0)]
    lines[1][part][name] = value
    folder = carps_run(tmp_path / "r", lines)
    with pytest.raises(ValueError, match=rf"trial_logs\.jsonl, evaluation 2: {words}: correct it"):
        from_carps(folder)


def test_a_seed_of_carps_that_cannot_be_stored(tmp_path):
    folder = carps_run(tmp_path / "r", [], HYDRA.replace("seed: 3", f"seed: {2**31}"))
    with pytest.raises(ValueError, match=r"trial_logs\.jsonl: the seed 2147483648 is not below"):
        from_carps(folder)
    assert from_carps(folder, seed=1).runs["seed"].tolist() == [1]


def test_no_interpolation_is_resolved(tmp_path, monkeypatch):
    """But names of other places in the same file are followed."""
    monkeypatch.setenv("SECRET", "s3cret")
    hydra = HYDRA.replace("SMAC20", "${oc.env:SECRET}")
    folder = carps_run(tmp_path / "r", [carps_line([1], 0.5, 1.0)], hydra)
    with pytest.raises(ValueError, match="does not say optimizer_id: give --method"):
        from_carps(folder)
    made = stored_again(from_carps(folder, method="m"), tmp_path / "s")
    assert list(made.tasks) == ["yahpo_rbv2_1040"]
    stored = [path for path in (tmp_path / "s").rglob("*") if path.is_file()]
    assert not [path for path in stored if b"s3cret" in path.read_bytes()]


def test_bad_carps_folders(tmp_path):
    with pytest.raises(ValueError, match="holds no run of CARP-S"):
        from_carps(tmp_path)
    folder = carps_run(tmp_path / "r", [], "a: [")
    with pytest.raises(ValueError, match=r"config\.yaml is not YAML"):
        from_carps(folder)
    (folder / ".hydra" / "config.yaml").unlink()
    with pytest.raises(ValueError, match=r"config\.yaml is not there to say seed: give --seed"):
        from_carps(folder)


# The tables, stored and put together -------------------------------------------------------------


@pytest.fixture
def imported(tmp_path):
    """Two Optuna studies of one task."""
    other = optuna_study(trial(0, 3, 0.6, x=0.4, kind="b"), trial(3, 8, 0.9, x=0.5), name="o")
    runs = {"digits": ("digits", "TPE", 0), "o": ("digits", "CMA-ES", 0)}
    return from_optuna([three_trials(), other], runs=runs)


def test_what_is_stored_is_what_is_read(imported, tmp_path):
    assert_same(imported, stored_again(imported, tmp_path / "optuna"))
    syne_tune = from_syne_tune(experiment(tmp_path / "e"))
    assert_same(syne_tune, stored_again(syne_tune, tmp_path / "syne"))
    empty = from_carps(carps_run(tmp_path / "r", []))
    again = stored_again(empty, tmp_path / "carps")
    assert (len(again.runs), len(again.observations)) == (1, 0)
    with pytest.raises(ValueError, match="holds a study already"):
        store(imported, tmp_path / "optuna")


def test_an_import_that_is_cut_short_leaves_nothing_behind(imported, tmp_path, monkeypatch):
    def broken(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(storing.layout, "write", broken)
        with pytest.raises(KeyboardInterrupt):
            store(imported, tmp_path / "s")
    assert list(tmp_path.iterdir()) == []
    # As a kill leaves it: the draft of a process that is gone.
    leftover = tmp_path / f".draft {2**22 + 1} {socket.gethostname()} 0 s"
    (leftover / "parts").mkdir(parents=True)
    assert_same(imported, load(store(imported, tmp_path / "s")))
    assert not leftover.exists()
    (tmp_path / "half" / "parts").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"half is there, but holds no study.*: remove it"):
        store(imported, tmp_path / "half")


def test_figures_and_scores_work_on_an_import(imported, tmp_path):
    study = stored_again(imported, tmp_path / "s")
    drawn = draw(study, tmp_path / "figures")
    assert {"anytime.png", "rank.png"} <= {Path(path).name for path in drawn}
    assert "2 workers" in (tmp_path / "figures" / "anytime.txt").read_text()
    table = scores(study).set_index("method")
    # The best value seen at all is CMA-ES's.
    assert table.loc["CMA-ES", "final"] == 0
    assert occupancy(study).set_index("method").loc["TPE", "jobs"] == 3


def test_combine_with_a_study_of_ours(imported, synthetic):
    ours = synthetic.random_study(tasks=2, methods=2, seeds=2)
    both = combine(ours, imported)
    assert list(both.tasks) == ["task_0", "task_1", "digits"]
    assert list(both.methods) == ["method_0", "method_1", "TPE", "CMA-ES"]
    assert len(both.runs) == 8 + 2
    assert len(both.observations) == len(ours.observations) + len(imported.observations)
    assert both.settings["notes"] == imported.settings["notes"]
    # Runs keep what their own study says: 4 workers in ours; of the import TPE has 2,
    # and CMA-ES 1.
    assert both.settings["workers"] == [1, 4]
    assert sorted(workers_by_run(both)) == [1, 2, *[4] * len(ours.runs)]
    expected = scores(ours).set_index(["task", "method"])["final"]
    found = scores(both).set_index(["task", "method"])["final"]
    for key in expected.index.drop([key for key in expected.index if "mean" in key[0]]):
        assert found[key] == expected[key]
    with pytest.raises(ValueError, match=r"two runs of task 'digits', method '.*' and seed 0"):
        combine(imported, imported)


def test_jobs_that_overlap_have_different_workers():
    start = np.array([0.0, 1, 2, 4, 4, 5])
    end = np.array([4.0, 5, 3, 6, 7, 5])
    # At most three at once: 0, 1, 2; at 4 the workers of the first and third are free.
    assert assign_workers(start, end).tolist() == [0, 1, 2, 0, 2, 1]
