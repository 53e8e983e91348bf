"""Logs written by hand in the formats of other tools; what is expected is read off them."""

import json
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from hpobench.cli import main
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.foreign import (
    from_coco,
    from_csv,
    from_hpbandster,
    from_keras_tuner,
    from_mlflow,
    from_optuna,
    from_ray_tune,
    from_smac,
    summary,
)
from hpobench.results.foreign.naming import Naming


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def columns(study, *names):
    return study.observations[list(names)].to_numpy().tolist()


def config(study, number=0):
    return json.loads(study.trials["config"].iloc[number])


# Names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "text", "names"),
    [
        ("{task}-{method}-{seed}", "a-b-tpe-7", ("a-b", "tpe", 7)),
        ("{method}_s{seed}", "gp_s3", ("t", "gp", 3)),
        ("{task}/{method}", "cnn/tpe-2", ("cnn", "tpe-2", 0)),
        ("{_}-{method}", "x-y-tpe", ("t", "tpe", 0)),
    ],
)
def test_patterns(pattern, text, names):
    assert Naming(pattern=pattern).of(text, task="t", method="m", seed=0) == names


@pytest.mark.parametrize("pattern", ["{tsk}", "no field", "{task}{task}"])
def test_bad_patterns(pattern):
    with pytest.raises(ValueError, match="--runs"):
        Naming(pattern=pattern).of("x", task="t", method="m")


def test_names_that_do_not_fit_and_numbers():
    naming = Naming(pattern="{task}-{seed}")
    with pytest.raises(ValueError, match="'cnn' does not fit"):
        naming.of("cnn", task="t", method="m")
    naming = Naming()
    assert [naming.of("x", task="t", method="m")[2] for _ in range(3)] == [0, 1, 2]


# Tables ------------------------------------------------------------------------------------------


def test_rows_of_finished_runs(tmp_path):
    file = write(
        tmp_path / "r.csv",
        "dataset,algorithm,rep,best_err,secs\na,x,0,3,60\na,x,1,2,50\na,y,0,1,70\n",
    )
    study = from_csv(file, metric="best_err", mode="min", columns=["time=secs", "seed=rep"])
    assert study.runs[["task", "method", "seed", "end_time_s"]].to_numpy().tolist() == [
        ["a", "x", 0, 60],
        ["a", "x", 1, 50],
        ["a", "y", 0, 70],
    ]
    assert study.tasks["a"].clock == "seconds"


def test_rows_of_evaluations_without_times(tmp_path):
    file = write(
        tmp_path / "r.csv",
        "method,step,value,config.lr,config.opt\nx,0,.3,.1,adam\nx,1,oops,.2,sgd\nx,2,.1,.3,sgd\n",
    )
    study = from_csv(file, mode="max", task="t")
    assert columns(study, "time_s", "value")[::2] == [[1, -0.3], [3, -0.1]]
    assert np.isnan(study.observations["value"].iloc[1])
    assert study.tasks["t"].clock == "evaluations"
    assert config(study, 1) == {"lr": 0.2, "opt": "sgd"}
    assert any("'oops', no number" in note for note in study.settings["notes"])


def test_times_of_day_and_test_values(tmp_path):
    file = write(
        tmp_path / "r.csv",
        "name,Created,Runtime,loss,test_loss,lr\n"
        "a,2024-01-01T00:00:00Z,10,.5,.6,1\nb,2024-01-01T00:00:05Z,10,.4,.7,2\n",
    )
    study = from_csv(file, mode="min", task="t", method="sweep", columns=["trial=name"])
    assert columns(study, "time_s", "value", "test_value") == [[10, 0.5, 0.6], [15, 0.4, 0.7]]
    assert study.jobs["start_s"].tolist() == [0, 5]
    assert study.runs["workers"].tolist() == [2]


def test_durations_as_pandas_writes_them(tmp_path):
    file = write(tmp_path / "r.csv", "value,duration\n.5,0 days 00:00:01.5\n.4,0 days 00:00:02\n")
    assert columns(from_csv(file, mode="min"), "time_s", "value") == [[1.5, 0.5], [3.5, 0.4]]


def test_charts_of_wandb(tmp_path):
    file = write(
        tmp_path / "w.csv",
        '"Step","bo-0 - val/loss","bo-0 - val/loss__MIN","rs-0 - val/loss"\n'
        "0,3,3,4\n1,2,2,\n2,,,1\n",
    )
    study = from_csv(file, mode="min", task="cnn", runs="{method}-{seed}")
    assert study.observations.groupby("method", observed=True)["value"].min().to_dict() == {
        "bo": 2,
        "rs": 1,
    }
    assert study.runs["end_time_s"].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("a,b\n1,2\n", {}, "which column is the value"),
        ("value,time\n1,\n", {}, "row 1 of the data has no time"),
        ("value,time\n1,soon\n", {}, "'soon' is neither seconds nor a time"),
        ("value,start,time\n1,5,3\n", {}, "ends before it starts"),
        ("value\n1\n", {"columns": ["vlaue=x"]}, "write FIELD=COLUMN"),
        ("value\n1\n", {"metric": "vaule"}, "Did you mean value"),
    ],
)
def test_bad_tables(tmp_path, text, options, words):
    with pytest.raises(ValueError, match=words):
        from_csv(write(tmp_path / "r.csv", text), mode="min", **options)


# Ray Tune ----------------------------------------------------------------------------------------


def ray_line(trial, iteration, timestamp, score, **more):
    return json.dumps(
        {"trial_id": trial, "training_iteration": iteration, "timestamp": timestamp}
        | {"time_this_iter_s": 2, "time_total_s": 2 * iteration, "score": score}
        | {"config": {"opt": {"lr": 0.1}, "layers": [1, 2]}}
        | more
    )


def test_ray_tune_folders(tmp_path):
    one = tmp_path / "exp-seed3" / "trial_a" / "result.json"
    write(one, ray_line("a", 1, 1002, 0.5) + "\n" + ray_line("a", 2, 1004, 0.7) + "\n")
    write(tmp_path / "exp-seed3" / "trial_b" / "result.json", ray_line("b", 1, 1003, 0.6) + "\n")
    write(tmp_path / "exp-seed3" / "trial_b" / "error.txt", "Traceback\nMemoryError: full\n")
    study = from_ray_tune(tmp_path, mode="max", runs="{task}-seed{seed}")
    assert study.runs[["task", "method", "seed"]].to_numpy().tolist() == [["exp", "ray_tune", 3]]
    rows = study.observations[["trial", "resource", "time_s", "value"]].to_numpy()
    np.testing.assert_equal(
        rows, [[0, 1, 2, -0.5], [1, 1, 3, -0.6], [1, 1, 3, np.nan], [0, 2, 4, -0.7]]
    )
    assert study.jobs["error"].tolist() == ["MemoryError: full", ""]
    assert config(study) == {"opt/lr": 0.1, "layers": "[1, 2]"}
    assert study.settings["read"][0]["states"] == {"reported": 1, "failed": 1}


def test_a_trial_of_ray_tune_that_died_before_its_first_report(tmp_path):
    # As Ray 2 lays it out: an empty result.json, and in error.txt when it failed, in local time.
    experiment = tmp_path / "exp"
    date = {"date": "2024-01-26_12-57-44"}
    write(experiment / "a" / "result.json", ray_line("a", 1, 1002, 0.5, **date) + "\n")
    for name, when in (("b", "occurred at 2024-01-26_12-57-47"), ("c", "")):
        write(experiment / name / "result.json", "")
        write(experiment / name / "params.json", {"opt": {"lr": 9}})
        write(experiment / name / "error.txt", f"Failure # 1 ({when})\nValueError: boom\n")
    write(experiment / "d" / "result.json", "")
    study = from_ray_tune(tmp_path, mode="max")
    jobs = study.jobs.sort_values("trial")
    assert jobs[["start_s", "end_s", "status", "error"]].to_numpy().tolist() == [
        [0, 2, "ok", ""],
        [5, 5, "failed", "ValueError: boom"],  # three seconds after the report
        [0, 0, "failed", "ValueError: boom"],
    ]
    assert config(study, 1) == {"opt/lr": 9}
    assert study.settings["read"][0]["states"] == {"reported": 1, "failed": 2}
    left, unknown = study.settings["notes"]
    assert left == "exp: 1 trial without any report left out."
    assert "1 trial failed before any report, and when is not known" in unknown


def test_ray_tune_folders_with_progress_alone(tmp_path):
    for number, params in ((0, {"lr": 0.1, "deep": {"n": 2}}), (1, None)):
        folder = tmp_path / "exp" / f"trial_{number}"
        write(
            folder / "progress.csv",
            "loss,training_iteration,trial_id,timestamp,time_total_s,config/lr\n"
            f"0.{5 - number},1,0000{number},100{number},1.0,0.{number + 2}\n"
            f"nan,2,0000{number},100{number + 3},4.0,0.{number + 2}\n",
        )
        if params:
            write(folder / "params.json", params)
    study = from_ray_tune(tmp_path, mode="min")
    rows = study.observations[["trial", "resource", "time_s", "value"]].to_numpy().tolist()
    np.testing.assert_equal(
        rows, [[0, 1, 1, 0.5], [1, 1, 2, 0.4], [0, 2, 4, np.nan], [1, 2, 5, np.nan]]
    )
    assert [config(study, 0), config(study, 1)] == [{"lr": 0.1, "deep/n": 2}, {"lr": 0.3}]


def test_times_of_ray_tune_are_finer_than_its_stamps(tmp_path):
    # As Ray 2.60 logged it: three reports, two of them within one second.
    for name, stamps in (("agree", (1183, 1183, 1184)), ("paused", (1183, 1190, 1191))):
        lines = [
            ray_line("a", n, stamp, 1.0, time_this_iter_s=0.4, time_total_s=0.4 * n)
            for n, stamp in enumerate(stamps, start=1)
        ]
        write(tmp_path / name / "trial" / "result.json", "\n".join(lines))
    study = from_ray_tune(tmp_path, mode="max")
    times = study.observations.groupby("task", observed=True)["time_s"].apply(list)
    np.testing.assert_allclose(times["agree"], [0.4, 0.8, 1.2])
    np.testing.assert_allclose(times["paused"], [0.4, 7.4, 8.4])


def test_experiments_of_ray_tune_of_one_name_are_two_runs(tmp_path):
    for seed in (0, 1):
        line = ray_line("a", 1, 1002, seed, config={"lr": 1}, env={"score": 2})
        write(tmp_path / f"seed{seed}" / "exp" / "trial" / "result.json", line)
    study = from_ray_tune(tmp_path, mode="max", metric="env/score")
    assert study.runs["seed"].tolist() == [0, 1]
    assert study.observations["value"].tolist() == [-2, -2]


def test_bad_ray_tune(tmp_path):
    file = write(tmp_path / "x.jsonl", ray_line("a", 1, 1, 0.5, loss=3))
    with pytest.raises(ValueError, match="the numbers score, loss: choose one by --metric"):
        from_ray_tune(file, mode="max")
    with pytest.raises(ValueError, match=r"line 1 is no result of Ray Tune"):
        from_ray_tune(write(tmp_path / "y.jsonl", "{}"), mode="max")
    with pytest.raises(ValueError, match=r"df.csv is a table, .* `hpobench import csv "):
        from_ray_tune(write(tmp_path / "df.csv", "loss\n1\n"), mode="max")
    with pytest.raises(ValueError, match="there is no file or folder"):
        from_ray_tune(tmp_path / "nowhere", mode="max")


# SMAC --------------------------------------------------------------------------------------------

SMAC1 = {
    "data": [
        [[1, None, 0, 0.0], [0.5, 2.0, {"__enum__": "StatusType.SUCCESS"}, 100.0, 102.0, {}]],
        [[2, None, 0, 0.0], [9.9, 1.0, {"__enum__": "StatusType.CRASHED"}, 102.0, 103.0, {}]],
    ],
    "configs": {"1": {"lr": 0.1}, "2": {"lr": 0.2, "drop": None}},
}
SMAC2 = {
    "data": [
        {"config_id": 1, "instance": None, "seed": 0, "budget": None, "cost": [0.5, 3], "time": 2.0}
        | {"cpu_time": 1.0, "status": 1, "starttime": 100.0, "endtime": 102.0},
        {"config_id": 2, "instance": None, "seed": 0, "budget": None, "cost": [0.4, 1], "time": 1.0}
        | {"cpu_time": 1.0, "status": 2, "starttime": 102.0, "endtime": 103.0},
    ],
    "configs": SMAC1["configs"],
}


@pytest.mark.parametrize(("content", "first"), [(SMAC1, 0.5), (SMAC2, 3)])
def test_smac_of_all_versions(tmp_path, content, first):
    write(tmp_path / "smac3_output" / "svm" / "5" / "runhistory.json", content)
    study = from_smac(tmp_path, objective=1)
    assert study.runs[["task", "method", "seed"]].to_numpy().tolist() == [["svm", "smac", 5]]
    np.testing.assert_equal(columns(study, "time_s", "value"), [[2, first], [3, np.nan]])
    assert study.jobs["error"].tolist() == ["", "crashed"]
    assert config(study, 1) == {"lr": 0.2}
    assert study.settings["read"][0]["states"] == {"success": 1, "crashed": 1}


def smac_row(number, cost, *, seed=0, instance=None, budget=None, status=1, at=0.0):
    """A row as SMAC 2.4 writes it."""
    return {
        **{"config_id": number, "instance": instance, "seed": seed, "budget": budget},
        **{"cost": cost, "time": 1.0, "cpu_time": 1.0, "status": status},
        **{"starttime": 100.0 + at, "endtime": 101.0 + at if status else 0.0},
    }


def smac_file(folder, rows, **beside):
    configs = {str(row["config_id"]): {"lr": row["config_id"]} for row in rows}
    for name, content in beside.items():
        write(folder / f"{name}.json", content)
    return write(folder / "runhistory.json", {"data": rows, "configs": configs})


def test_several_seeds_of_smac_are_a_mean(tmp_path):
    costs = {1: (0.1, 0.5, 0.9), 2: (0.3, 0.31, 0.32)}
    rows = [
        smac_row(number, cost, seed=seed, at=3 * number + seed)
        for number, some in costs.items()
        for seed, cost in enumerate(some)
    ]
    study = from_smac(smac_file(tmp_path / "svm", rows))
    # Means by hand; SMAC's get_cost is 0.5 and 0.31.
    np.testing.assert_allclose(
        columns(study, "trial", "resource", "value"),
        [[1, 1, 0.1], [1, 2, 0.3], [1, 3, 0.5], [2, 1, 0.3], [2, 2, 0.305], [2, 3, 0.31]],
    )
    assert study.tasks["svm"].value_label == "mean cost"
    (said,) = summary(study)
    assert "best 0.31 at seeds 3, known at 6 s (trial 2); by SMAC 0.31" in said
    (note,) = study.settings["notes"]
    assert "configurations have costs of 3 seeds: a value is the mean over those so far" in note
    assert "The least single cost is 0.1, of configuration 1" in note
    all_count = from_smac(tmp_path, comparable=True)
    assert "best 0.1, known at 1 s" in summary(all_count)[0]


def test_instances_of_smac_and_what_failed_on_some(tmp_path):
    rows = [
        smac_row(1, 0.2, instance="a"),
        smac_row(1, 0.4, instance="b", at=1),
        smac_row(2, 0.01, instance="a", at=2),
        smac_row(2, 9.0, instance="b", at=3, status=2),
    ]
    study = from_smac(smac_file(tmp_path / "svm", rows))
    assert "best 0.3 at instances 2, known at 2 s (trial 1); by SMAC 0.3" in summary(study)[0]
    assert "costs of 1 to 2 instances" in study.settings["notes"][0]
    assert "Failed ones are in no mean: those of 1 configuration" in study.settings["notes"][0]
    assert study.jobs["error"].tolist() == ["", "", "", "crashed"]
    rows = [smac_row(1, 0.2, instance="a"), smac_row(2, 0.1, instance="b", at=1)]
    study = from_smac(smac_file(tmp_path / "svm", rows))
    assert "costs are those of single instances" in study.settings["notes"][0]


def test_seeds_and_budgets_of_smac(tmp_path):
    rows = [
        smac_row(number, cost + seed / 10, seed=seed, budget=budget, at=at + seed)
        for at, (number, budget, cost) in enumerate([(1, 1.0, 0.1), (2, 1.0, 0.3), (2, 3.0, 0.2)])
        for seed in (0, 1)
    ]
    study = from_smac(smac_file(tmp_path / "svm", rows))
    assert study.tasks["svm"].fidelity == "budget times seeds"
    said = summary(study)[0]
    assert "best 0.25 at budget times seeds 6" in said
    # SMAC takes each configuration at its highest budget, and compares these (its default).
    assert "by SMAC 0.15" in said
    smac_file(tmp_path / "svm", rows, intensifier={"incumbent_ids": [2]})
    assert "by SMAC 0.25" in summary(from_smac(tmp_path))[0]


def test_runs_of_smac_on_one_task_are_measured_alike(tmp_path):
    several = [smac_row(1, 0.1, seed=seed, at=seed) for seed in (0, 1)]
    smac_file(tmp_path / "svm" / "0", several)
    smac_file(tmp_path / "svm" / "1", [smac_row(1, 0.3)])
    study = from_smac(tmp_path)
    assert columns(study, "seed", "resource", "value") == [[0, 1, 0.1], [0, 2, 0.1], [1, 1, 0.3]]


def test_statuses_of_smac_by_its_version(tmp_path):
    second = [smac_row(n, 0.1, status=n, at=n) for n in range(5)]
    study = from_smac(smac_file(tmp_path / "svm", second))
    # As StatusType of SMAC 2.4 numbers them.
    assert study.settings["read"][0]["states"] == {
        **{"success": 1, "crashed": 1, "timeout": 1, "memory out": 1}
    }
    assert "1 trial under way left out" in study.settings["notes"][0]
    names = ["SUCCESS", "TIMEOUT", "CRASHED", "MEMOUT", "DONOTADVANCE", "RUNNING"]
    first = [
        [[1, None, n, 0], [0.1, 1.0, {"__enum__": f"StatusType.{name}"}, 100.0 + n, 101.0 + n, {}]]
        for n, name in enumerate(names)
    ]
    first.append([[1, None, 9, 0], [0.1, 1.0, 2, 110.0, 111.0, {}]])
    write(tmp_path / "svm" / "runhistory.json", {"data": first, "configs": {"1": {"lr": 1}}})
    assert from_smac(tmp_path).settings["read"][0]["states"] == {
        **{"success": 1, "timeout": 2, "crashed": 1, "memory out": 1, "donotadvance": 1}
    }


def test_bad_smac(tmp_path):
    file = tmp_path / "runhistory.json"
    with pytest.raises(ValueError, match="choose one by --objective"):
        from_smac(write(file, SMAC2))
    with pytest.raises(ValueError, match="no run history of SMAC"):
        from_smac(write(file, {"data": [[1]], "configs": {}}))
    with pytest.raises(ValueError, match="there is no configuration 1"):
        from_smac(write(file, SMAC1 | {"configs": {}}))


# HpBandSter and Keras Tuner ----------------------------------------------------------------------


def test_hpbandster(tmp_path):
    write(
        tmp_path / "r" / "configs.json", '[[0,0,0],{"lr":1},{}]\n[[0,0,1],{"lr":2,"d":null},{}]\n'
    )
    stamps = {"submitted": 9, "started": 10, "finished": 12}
    lines = [
        [[0, 0, 0], 1, stamps, {"loss": 0.5}, None],
        [[0, 0, 1], 1, stamps | {"started": 11}, None, "Traceback\nValueError: no"],
    ]
    write(tmp_path / "r" / "results.json", "\n".join(map(json.dumps, lines)))
    study = from_hpbandster(tmp_path)
    assert study.jobs[["start_s", "end_s", "error"]].to_numpy().tolist() == [
        [0, 2, ""],
        [1, 2, "ValueError: no"],
    ]
    assert config(study, 1) == {"lr": 2}
    (tmp_path / "r" / "configs.json").unlink()
    with pytest.raises(ValueError, match=r"there is no configs\.json beside"):
        from_hpbandster(tmp_path)


def test_keras_tuner_folders(tmp_path):
    for number, score in ((0, 0.5), (1, 0.9)):
        history = [{"value": [score - 0.1], "step": 0}, {"value": [score], "step": 1}]
        metrics = {"val_accuracy": {"direction": "max", "observations": history}}
        trial = {"trial_id": str(number), "score": score, "best_step": 1, "status": "COMPLETED"}
        trial |= {"metrics": {"metrics": metrics}}
        trial |= {"hyperparameters": {"values": {"units": number, "tuner/epochs": 3}}}
        write(tmp_path / "proj" / f"trial_{number}" / "trial.json", trial)
    study = from_keras_tuner(tmp_path)
    assert columns(study, "time_s", "value") == [[1, -0.5], [2, -0.9]]
    assert config(study, 1) == {"units": 1}
    assert list(study.tasks) == ["proj"]
    assert "by Keras Tuner 0.9" in summary(study)[0]


def test_keras_tuner_trials_without_a_score(tmp_path):
    for number, (status, score) in enumerate(
        [("COMPLETED", 0.5), ("RUNNING", None), ("FAILED", None), ("COMPLETED", np.nan)]
    ):
        observed = [] if score is None else [{"value": [score], "step": 3}]
        metrics = {"val_loss": {"direction": "min", "observations": observed}}
        trial = {"trial_id": str(number), "score": score, "status": status}
        trial |= {"metrics": {"metrics": metrics}, "hyperparameters": {"values": {"n": number}}}
        write(tmp_path / "a" / "proj" / f"trial_{number}" / "trial.json", trial)
    write(tmp_path / "b" / "proj" / "trial_0" / "trial.json", trial | {"score": None})
    study = from_keras_tuner(tmp_path)
    np.testing.assert_equal(
        columns(study, "seed", "value"), [[0, 0.5], [0, np.nan], [0, np.nan], [1, np.nan]]
    )
    assert study.settings["notes"] == ["proj: 1 trial under way left out."]
    assert study.settings["read"][0]["states"] == {"completed": 2, "failed": 1}
    assert "by Keras Tuner 0.5" in summary(study)[0]


# MLflow ------------------------------------------------------------------------------------------


def test_mlflow_folders(tmp_path):
    experiment = tmp_path / "mlruns" / "1"
    write(experiment / "meta.yaml", "name: cnn\n")
    for run, status, metric in (("r1", 3, "1500 0.5 0\n2000 0.4 1\n"), ("r2", 4, "2500 0.9 0\n")):
        start = 1000 if run == "r1" else 2000
        end = start + 1000
        write(
            experiment / run / "meta.yaml",
            f"run_id: {run}\nstatus: {status}\nstart_time: {start}\nend_time: {end}\n",
        )
        write(experiment / run / "params" / "lr", "0.1")
        write(experiment / run / "metrics" / "loss", metric)
    study = from_mlflow(tmp_path / "mlruns", mode="min")
    np.testing.assert_equal(
        columns(study, "trial", "resource", "time_s", "value"),
        [[0, 1, 0.5, 0.5], [0, 2, 1.0, 0.4], [1, 1, 1.5, 0.9], [1, 1, 2.0, np.nan]],
    )
    assert study.jobs["error"].tolist() == ["", "failed in MLflow"]
    assert config(study) == {"lr": 0.1}


def test_mlflow_database_and_nested_runs(tmp_path):
    file = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(file)) as base:
        base.executescript("""
        create table experiments (experiment_id integer, name text, lifecycle_stage text);
        create table runs (run_uuid text, name text, status text, start_time integer,
            end_time integer, experiment_id integer, lifecycle_stage text);
        create table params (run_uuid text, key text, value text);
        create table tags (run_uuid text, key text, value text);
        create table metrics (run_uuid text, key text, timestamp integer, value real,
            step integer, is_nan integer);
        insert into experiments values (1, 'exp', 'active'), (2, 'old', 'deleted');
        insert into runs values ('p', 'tpe-3', 'FINISHED', 0, 9000, 1, 'active'),
            ('c', 'trial', 'FINISHED', 1000, 3000, 1, 'active'),
            ('d', 'trial', 'RUNNING', 1000, null, 1, 'active'),
            ('e', 'trial', 'FINISHED', 1000, 3000, 1, 'deleted'),
            ('o', 'trial', 'FINISHED', 1000, 3000, 2, 'active');
        insert into params values ('c', 'opt', 'adam'), ('c', 'lr', '1e-3');
        insert into tags values ('c', 'mlflow.parentRunId', 'p'), ('d', 'mlflow.parentRunId', 'p'),
            ('e', 'mlflow.parentRunId', 'p');
        insert into metrics values ('c', 'acc', 2500, 0.8, 0, 0), ('e', 'acc', 2500, 0.9, 0, 0),
            ('o', 'acc', 2500, 0.9, 0, 0);
        """)
    study = from_mlflow(file, mode="max", task="t", runs="{method}-{seed}")
    assert study.runs[["task", "method", "seed"]].to_numpy().tolist() == [["t", "tpe", 3]]
    assert columns(study, "time_s", "value") == [[1.5, -0.8]]
    assert config(study) == {"opt": "adam", "lr": 0.001}
    assert study.settings["notes"] == [
        "tpe-3: 1 deleted run left out.",
        "tpe-3: 1 run under way left out.",
        "old: 1 deleted run left out.",
    ]


def test_what_was_deleted_in_folders_of_mlflow_is_left_out(tmp_path):
    for place, run, run_stage, stage, loss in (
        ("1", "a", "active", "active", 0.5),
        ("1", "b", "deleted", "active", 0.1),
        (".trash/2", "c", "active", "deleted", 0.2),
    ):
        experiment = tmp_path / "mlruns" / place
        write(experiment / "meta.yaml", f"name: exp{place[-1]}\nlifecycle_stage: {stage}\n")
        write(
            experiment / run / "meta.yaml",
            f"run_id: {run}\nstatus: 3\nstart_time: 0\nend_time: 1000\n"
            f"lifecycle_stage: {run_stage}\n",
        )
        write(experiment / run / "metrics" / "loss", f"500 {loss} 0\n")
    study = from_mlflow(tmp_path / "mlruns", mode="min")
    assert columns(study, "value") == [[0.5]]
    assert sorted(study.settings["notes"]) == [
        "exp1: 1 deleted run left out.",
        "exp2: 1 deleted run left out.",
    ]


# COCO and IOHprofiler ----------------------------------------------------------------------------


def test_coco(tmp_path):
    write(
        tmp_path / "bbob_f1.info",
        "suite = 'bbob', funcId = 1, DIM = 2, Precision = 1.000e-08, algId = 'cma'\n%\n"
        "data_f1/b_f1_DIM2.dat, 1:9|1e-9, 2:7|1e-9\n",
    )
    head = "% f evaluations | g evaluations | best noise-free fitness - Fopt (7.9e+01) + sum\n"
    write(
        tmp_path / "data_f1" / "b_f1_DIM2.dat",
        f"{head}1 0 +8.0e+00 8 9 x\n9 0 +1.0e-03 8 9 x\n{head}1 0 +5.0e+00 8 9\n7 0 +2.0e-03 8\n",
    )
    study = from_coco(tmp_path)
    assert study.runs[["task", "method", "seed", "end_time_s"]].to_numpy().tolist() == [
        ["bbob_f1_2d", "cma", 0, 9],
        ["bbob_f1_2d", "cma", 1, 7],
    ]
    facts = study.tasks["bbob_f1_2d"]
    assert (facts.optimum, facts.clock) == (0, "evaluations")
    found = incumbents(study)
    assert found.value[found.starts[1:] - 1].tolist() == [1e-3, 2e-3]


def test_iohprofiler_of_ioh_itself(tmp_path):
    ioh = pytest.importorskip("ioh")
    logger = ioh.logger.Analyzer(root=str(tmp_path), folder_name="data", algorithm_name="rs")
    bests = []
    for instance in (1, 2):
        problem = ioh.get_problem(1, instance, 3, ioh.ProblemClass.BBOB)
        problem.attach_logger(logger)
        rng = np.random.default_rng(instance)
        for _ in range(20):
            problem(rng.uniform(-5, 5, 3))
        bests.append(problem.state.current_best.y - problem.optimum.y)
        problem.reset()
    logger.close()
    study = from_coco(tmp_path)
    assert study.runs["seed"].tolist() == [0, 1]
    assert list(study.methods) == ["rs"]
    found = incumbents(study)
    np.testing.assert_allclose(found.value[found.starts[1:] - 1], bests, rtol=1e-6)


def test_bad_coco(tmp_path):
    file = write(tmp_path / "IOHprofiler_f1.json", {"algorithm": {"name": "x"}})
    with pytest.raises(ValueError, match="no file of IOHprofiler"):
        from_coco(file)
    about = {"algorithm": {"name": "x"}, "function_id": 1}
    write(file, about | {"scenarios": [{"dimension": 2, "path": "../../x.dat"}]})
    with pytest.raises(ValueError, match="not below its folder"):
        from_coco(file)


# Values on test data and on the data trained on --------------------------------------------------


def beside(study):
    """Per trial the last value, on validation, test and training data."""
    last = study.observations.groupby("trial").last()
    return last[["value", "test_value", "train_value"]].to_numpy().tolist()


def test_values_beside_those_of_validation_in_tables(tmp_path):
    file = write(tmp_path / "r.csv", "acc,test_acc,fit,lr\n.5,.4,.9,1\n.6,.5,,2\n")
    study = from_csv(file, mode="max", metric="acc", test="test_acc", train="fit")
    np.testing.assert_allclose(beside(study), [[-0.5, -0.4, -0.9], [-0.6, -0.5, np.nan]])
    assert config(study) == {"lr": 1}
    # Of a name that is usual, but of texts: a hyperparameter.
    file = write(tmp_path / "b.csv", "loss,budget,train_loss\n.5,low,.1\n.6,high,.2\n")
    study = from_csv(file, mode="min")
    assert config(study) == {"budget": "low"}
    np.testing.assert_allclose(beside(study)[0], [0.5, np.nan, 0.1])
    with pytest.raises(ValueError, match=r"column budget of the test holds 'low', no number"):
        from_csv(file, mode="min", test="budget")


def test_values_beside_those_of_validation_in_ray_tune(tmp_path):
    lines = [ray_line("a", n, n, n / 10, fit=n / 5, held=n / 20) for n in (1, 2)]
    file = write(tmp_path / "x.jsonl", "\n".join(lines))
    study = from_ray_tune(file, metric="score", mode="max", test="held", train="fit")
    assert beside(study) == [[-0.2, -0.1, -0.4]]
    with pytest.raises(ValueError, match=r"--train: unknown metric 'fti'. Did you mean fit"):
        from_ray_tune(file, metric="score", mode="max", train="fti")


def test_values_beside_those_of_validation_in_keras_tuner(tmp_path):
    def history(*values):
        observed = [{"value": [value], "step": step} for step, value in enumerate(values)]
        return {"direction": "max", "observations": observed}

    metrics = {"val_acc": history(0.7, 0.9, 0.8), "acc": history(0.75, 0.95, 1.0)}
    trial = {"trial_id": "0", "score": 0.9, "metrics": {"metrics": metrics}}
    write(tmp_path / "p" / "trial_0" / "trial.json", trial | {"hyperparameters": {"values": {}}})
    study = from_keras_tuner(tmp_path, train="acc")
    np.testing.assert_allclose(beside(study), [[-0.9, np.nan, -0.95]])  # of the step of the score


def test_values_beside_those_of_validation_in_mlflow(tmp_path):
    run = tmp_path / "mlruns" / "1" / "r"
    write(run / "meta.yaml", "run_id: r\nstatus: 3\nstart_time: 0\nend_time: 3000\n")
    for name, lines in (("val", "1 .5 0\n2 .4 1\n"), ("fit", "2 .2 1\n"), ("test", "3 .3 1\n")):
        write(run / "metrics" / name, lines)
    study = from_mlflow(tmp_path / "mlruns", metric="val", mode="min", test="test", train="fit")
    assert beside(study) == [[0.4, 0.3, 0.2]]
    assert np.isnan(study.observations["train_value"].iloc[0])
    with pytest.raises(ValueError, match=r"--test: unknown metric 'tset'"):
        from_mlflow(tmp_path / "mlruns", metric="val", mode="min", test="tset")


# What tables mean --------------------------------------------------------------------------------


def table(tmp_path, text, mode="min", **settings):
    return from_csv(write(tmp_path / "r.csv", text), mode=mode, **settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("trial,lr,value\n0,1,5\n1,2,4\n0,3,3\n", "trial 0 has lr 1 and 3, and a trial has one"),
        (
            "lr,loss,val_loss\n1,2,3\n",
            r"which column is the value\? Give --metric: loss or val_loss",
        ),
        ("lr,loss,cost\n1,2,3\n", "Give --metric: loss or cost"),
        ("lr,f1\n1,2\n", "Give --metric: f1"),
        ("method,lr,value\na,1,1\n,2,2\n", "row 2 of the data has no method: state it"),
        ("seed,lr,value\n0,1,1\n,2,2\n", "row 2 of the data has no seed: state it"),
        (
            "lr,value,time\n1,1,5\n2,2,5e11\n",
            "are no seconds, nor counted from 1970: name their unit",
        ),
        (
            "lr,value,status,time\n1,1,running,\n2,2,ok,\n3,3,ok,9\n",
            "row 2 of the data has no time",
        ),
        ("lr,value,test_loss\n1,1,45%\n", "the column test_loss holds '45%' in row 1"),
    ],
)
def test_tables_that_can_be_read_in_two_ways_are_refused(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        table(tmp_path, text)


def test_what_is_named_like_a_metric_is_no_hyperparameter(tmp_path):
    study = table(
        tmp_path, "lr,loss,val_acc,opt_loss\n1,2,.5,hinge\n", metric="val_acc", mode="max"
    )
    assert config(study) == {"lr": 1, "opt_loss": "hinge"}  # words: somebody chose them
    assert "not read: loss" in study.settings["notes"][0]
    text = "lr,loss,val_acc\n1,2,.5\n"
    study = table(tmp_path, text, metric="val_acc", mode="max", columns=["config=lr,loss"])
    assert config(study) == {"lr": 1, "loss": 2}


@pytest.mark.parametrize(
    ("word", "fate"),
    [
        *[(word, "ok") for word in ("COMPLETE", "TrialState.COMPLETE", "finished", "PRUNED", "")],
        *[
            (word, "failed")
            for word in ("TrialState.FAIL", "StatusType.TIMEOUT", "OOM", "preempted")
        ],
        *[(word, "failed") for word in ("timed out", "Out-of-memory", "CRASHED")],
        *[(word, "failed") for word in ("Failed: no memory.", "error 137", "Error: CUDA oom.")],
        *[(word, "under way") for word in ("RUNNING", "TrialState.WAITING", "in progress")],
    ],
)
def test_words_of_a_status(tmp_path, word, fate):
    study = table(tmp_path, f"lr,value,status\n1,.5,ok\n2,.1,{word}\n")
    states = {"ok": 1} | ({"ok": 2} if fate == "ok" else {fate: 1})
    assert study.settings["read"][0]["states"] == states
    assert not any("none that is known" in note for note in study.settings["notes"])


def test_a_status_that_nobody_knows_is_said(tmp_path):
    study = table(tmp_path, "lr,value,status\n1,.5,weird\n")
    assert (
        "'weird' of 1 rows is none that is known: taken for a success" in study.settings["notes"][1]
    )


@pytest.mark.parametrize("power", [1, 1_000, 1_000_000, 1_000_000_000])
def test_times_since_1970_are_in_the_unit_that_they_can_be_in(tmp_path, power):
    begin = 1_700_000_000
    rows = "".join(f"{lr},.5,{(begin + at) * power}\n" for lr, at in ((1, 0), (2, 10), (3, 31)))
    study = table(tmp_path, f"lr,value,timestamp\n{rows}")
    np.testing.assert_allclose(study.observations["time_s"], [0, 10, 31], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("time_ms", 0.002), ("Elapsed_min", 120), ("runtime_h", 7200), ("took", 2)],
)
def test_names_of_times_may_end_with_a_unit(tmp_path, name, seconds):
    study = table(tmp_path, f"lr,value,{name}\n1,.5,2\n")
    assert study.observations["time_s"].tolist() == pytest.approx([seconds])


def test_trials_keep_their_numbers(tmp_path):
    study = table(tmp_path, "number,lr,value,time\n20,1,.5,1\n10,2,.4,2\n")
    assert study.observations["trial"].tolist() == [20, 10]


def test_of_a_runs_table_each_run_is_a_trial_if_it_has_one_row(tmp_path):
    text = "Name,State,Created,Runtime,Sweep,User,lr,val_acc\n" + "".join(
        f"sunny-{n},finished,2024-01-31T10:0{n}:00Z,30,a,me,{n},.{n}\n" for n in (1, 2, 3)
    )
    text += "sunny-4,pending,2024-01-31T10:04:00Z,,a,me,4,\n"
    study = table(tmp_path, text, mode="max", metric="val_acc")
    assert study.runs["method"].tolist() == ["csv"]
    assert config(study) == {"lr": 1}
    assert study.settings["read"][0]["states"] == {"ok": 3, "under way": 1}


def test_the_index_of_a_parquet_file_is_read(tmp_path):
    frame = pd.DataFrame({"method": ["a", "a", "b"], "seed": [0, 1, 0], "value": [0.5, 0.4, 0.3]})
    frame.set_index(["method", "seed"]).to_parquet(tmp_path / "r.parquet")
    study = from_csv(tmp_path / "r.parquet", mode="min")
    assert study.runs[["method", "seed"]].to_numpy().tolist() == [["a", 0], ["a", 1], ["b", 0]]


@pytest.mark.parametrize("separator", [",", ";"])
def test_trials_of_optuna_without_dates_have_a_clock_of_evaluations(tmp_path, separator):
    rows = ["number,value,params_x,state", "0,.5,1,COMPLETE", "1,.4,2,COMPLETE", "2,,3,FAIL"]
    text = "\n".join([*rows, "3,,4,RUNNING", ""]).replace(",", separator)
    study = from_optuna(write(tmp_path / "o.csv", text), mode="min")
    assert study.observations["time_s"].tolist()[:2] == [1.0, 2.0]
    assert study.settings["read"][0]["states"] == {"complete": 2, "fail": 1}
    write(tmp_path / "o.csv", text + text.partition("\n")[2])
    with pytest.raises(ValueError, match="has two trials 0: if these are two studies, give each"):
        from_optuna(tmp_path / "o.csv", mode="min")


# What is none of their files ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("library", "name", "text", "words"),
    [
        ("smac", "e", "", "e is no run history of SMAC"),
        ("ray-tune", "e", "", "e holds no report of Ray Tune: it is empty"),
        ("keras-tuner", "e", "", "e holds no trial of Keras Tuner: it is empty"),
        ("carps", "e", "hello", "e is no log of CARP-S: give a run's trial_logs.jsonl"),
        ("coco", "e", "hello", "e is neither an .info file of COCO nor an IOHprofiler_*.json"),
        ("optuna", "e", "hello", "it is neither an SQLite file nor a journal of Optuna"),
        ("optuna", "e", "", "there is no Optuna study to import in e"),
        ("optuna", "e", '{"op": 1}\n', "it is no journal of Optuna: a line lacks 'op_code'"),
        ("optuna", "t.csv", "a,b\n1,2\n", "hpobench import csv reads any"),
        ("csv", "t.csv", "value,time\n1,31.01.2026\n", "write 2026-01-31 12:00:00, or seconds"),
        ("csv", "t.csv", "value,seed\n1,0.5\n", "is not a whole number: give --seed"),
        ("csv", "t.xlsx", "PK", "t.xlsx: a table is read from .csv, "),
        ("csv", "t.csv", b"value\n\xdf", "it is not UTF-8"),
    ],
)
def test_what_is_none_of_their_files_is_named(
    tmp_path, monkeypatch, capsys, library, name, text, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    mode = ["--mode", "min"] if library in ("csv", "ray-tune") else []
    assert main(["import", library, name, "--name", "mine", *mode]) == 2
    said = capsys.readouterr().err
    assert said.startswith("hpobench: error: ")
    assert words in said


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_tables_with_a_mark_of_their_encoding(tmp_path, encoding):
    (tmp_path / "r.csv").write_text("value;größe\n0,5;1\n0,4;2\n", encoding=encoding)
    study = from_csv(tmp_path / "r.csv", mode="min")
    assert study.observations["value"].tolist() == [0.5, 0.4]
    assert config(study) == {"größe": 1}
