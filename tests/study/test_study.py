"""Studies from settings to disk and back: restart, failure, fingerprints, budgets, overhead."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from hpobench.loop.recorder import Recorder
from hpobench.plots.draw import draw
from hpobench.results import load
from hpobench.results.study.failed_runs import rule_of
from hpobench.results.study.load import decoded
from hpobench.results.verdicts.scores import scores
from hpobench.storage import arrow, layout, parts, schema
from hpobench.study.overrides import ConfigError
from tests.studies import Broken, execute, plan, write_conf

BOTH = ["task=bowl", "method=[random,evolution]"]


def test_a_study_has_its_documented_tables(tmp_path):
    execute(plan(tmp_path, *BOTH))
    study = load(tmp_path / "runs" / "study")
    assert list(study.observations.columns) == [
        *["task", "method", "seed", "trial", "resource", "time_s", "value", "true_value"],
        *["test_value", "train_value", "worker", "status"],
    ]
    assert list(study.trials.columns) == [
        *["task", "method", "seed", "trial", "config", "x", "units", "kind"]
    ]
    assert list(study.decisions.columns) == [
        *["task", "method", "seed", "kind", "time_s", "seconds", "cpu_s"]
    ]
    assert list(study.runs.columns) == [
        *["task", "method", "seed", "status", "error", "trials", "evaluations"],
        *["failed_evaluations", "first_error", "end_time_s", "cpu_s", "setup_s", "workers"],
    ]
    assert list(study.jobs.columns) == [
        *["task", "method", "seed", "trial", "worker", "from_resource", "to_resource"],
        *["source", "start_s", "end_s", "status", "error"],
    ]
    # Four workers that never wait, to the end: every second of them is in a job.
    busy = (study.jobs["end_s"] - study.jobs["start_s"]).groupby(study.jobs["seed"]).sum()
    assert busy.to_numpy() == pytest.approx([2 * 4 * 20] * 3)
    assert len(study.runs) == 6
    assert (study.runs["end_time_s"] == 20).all()
    assert study.runs["trials"].sum() == len(study.trials)
    assert set(study.decisions["kind"]) == {"ask", "tell"}


def test_trials_hold_the_configurations_that_were_evaluated(tmp_path):
    execute(plan(tmp_path, *BOTH))
    study = load(tmp_path / "runs" / "study")
    configs = pd.DataFrame([json.loads(text) for text in study.trials["config"]])
    pd.testing.assert_frame_equal(configs, study.trials[["x", "units", "kind"]], check_dtype=False)
    from tests.studies import bowl

    joined = study.observations.merge(study.trials, on=["task", "method", "seed", "trial"])
    expected = [bowl(row.x, row.units, row.kind) for row in joined.itertuples()]
    np.testing.assert_allclose(joined["true_value"], expected)
    assert (joined["value"] != joined["true_value"]).all()


def test_a_second_call_runs_only_what_is_missing(tmp_path):
    assert execute(plan(tmp_path, *BOTH)) == 6
    before = load(tmp_path / "runs" / "study").observations
    assert execute(plan(tmp_path, *BOTH)) == 0
    assert execute(plan(tmp_path, *BOTH, "seeds=5"), extend=True) == 4
    after = load(tmp_path / "runs" / "study").observations
    pd.testing.assert_frame_equal(after[after["seed"] < 3].reset_index(drop=True), before)


def test_changing_a_methods_settings_reruns_that_method_and_no_other(tmp_path):
    execute(plan(tmp_path, *BOTH))
    changed = plan(tmp_path, *BOTH, "methods.evolution.searcher.population=5")
    assert {chunk.pair.method for chunk in changed.pending()} == {"evolution"}
    assert execute(changed, replace=True) == 3
    assert len(load(tmp_path / "runs" / "study").runs) == 6


def test_what_is_only_said_about_a_method_reruns_nothing(tmp_path):
    execute(plan(tmp_path, *BOTH))
    assert plan(tmp_path, *BOTH, "methods.evolution.about.label=E").pending() == []


def test_a_study_grows_with_calls_under_the_same_conditions(tmp_path):
    execute(plan(tmp_path, "task=bowl", "method=random"))
    execute(plan(tmp_path, "task=bowl", "method=sobol"), extend=True)
    assert set(load(tmp_path / "runs" / "study").runs["method"]) == {"random", "sobol"}
    # Other conditions for the task: what was run under the earlier ones does not compare.
    execute(plan(tmp_path, "task=bowl", "method=sobol", "tasks.bowl.noise=0"), replace=True)
    assert set(load(tmp_path / "runs" / "study").runs["method"]) == {"sobol"}
    # Nothing is lost: the parts are there, and the first settings show them again.
    execute(plan(tmp_path, "task=bowl", "method=[random,sobol]"), replace=True)
    assert set(load(tmp_path / "runs" / "study").runs["method"]) == {"random", "sobol"}


def test_a_study_keeps_its_calls_and_the_settings_of_all_that_is_in_it(tmp_path, monkeypatch):
    def call(*settings, **allowed):
        monkeypatch.setattr(sys, "argv", ["hpobench", "run", *settings])
        execute(plan(tmp_path, "budget.trials=3", *settings), **allowed)

    call("task=bowl", "method=random")
    call("task=bowl", "method=random", "shard=1/2")
    call("task=bowl", "method=random")
    call("task=raises", "method=sobol", "seeds=[7]", extend=True)
    folder = tmp_path / "runs" / "study"
    calls = layout.read_manifest(folder)["calls"]
    assert [call["command"][2:] for call in calls] == [
        ["task=bowl", "method=random"],
        ["task=bowl", "method=random", "shard=1/2"],
        ["task=raises", "method=sobol", "seeds=[7]"],
    ]
    assert [call.get("times", 1) for call in calls] == [2, 1, 1]
    config = layout.read_config(folder)
    assert [list(config["tasks"]), list(config["methods"])] == [
        ["bowl", "raises"],
        ["random", "sobol"],
    ]
    assert config["seeds"] == [0, 1, 2, 7]
    assert "shard" not in config


def test_a_study_that_cannot_be_read_is_left_as_it_is(tmp_path):
    study = plan(tmp_path, "task=bowl", "method=random", "seeds=1")
    execute(study)
    path = study.folder / "study.json"
    newer = path.read_text().replace(f'"schema": {schema.VERSION}', '"schema": 99')
    path.write_text(newer)
    with pytest.raises(ConfigError, match=r"schema 99, and this version writes \d+"):
        study.run(replace=True)
    path.write_text(newer.replace('"schema": 99', f'"schema": {schema.VERSION}'))
    (study.folder / "config.yaml").write_text("- a")
    (study.folder / "manifest.json").write_text("{")
    with pytest.warns(UserWarning, match="is damaged") as warned:
        study.run()
    assert len(warned) == 2
    assert list(layout.read_config(study.folder)["tasks"]) == ["bowl"]
    path.write_text("{")
    with pytest.raises(ConfigError, match=r"study\.json is damaged"):
        study.run(replace=True)
    assert path.read_text() == "{"


WRONG = {
    r"tasks\.bowl\.label is 3, not str": lambda plan: plan["tasks"]["bowl"].update(label=3),
    r"pairs\[0\]\.seeds\[0\] is 'a', not int": lambda plan: plan["pairs"][0].update(seeds=["a"]),
    "fingerprint is missing in pairs": lambda plan: plan["pairs"][0].pop("fingerprint"),
    "methods is a?.*, not a mapping": lambda plan: plan.update(methods=[]),
    "'other' is planned, but not among its tasks": lambda plan: plan["pairs"][0].update(
        task="other"
    ),
}


@pytest.mark.parametrize("words", WRONG)
def test_a_plan_of_the_wrong_shape_is_named(tmp_path, words):
    study = plan(tmp_path, "task=bowl", "method=random", "seeds=1")
    execute(study)
    path = study.folder / "study.json"
    stored = json.loads(path.read_text())
    del stored["sum"]
    WRONG[words](stored)
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match=rf"study\.json is damaged \({words}"):
        load(study.folder)


def test_a_plan_that_was_changed_is_named(tmp_path):
    study = plan(tmp_path, "task=bowl", "method=random", "seeds=1")
    execute(study)
    path = study.folder / "study.json"
    path.write_text(path.read_text().replace('"optimum": 0.0', '"optimum": 0.5'))
    with pytest.raises(ValueError, match=r"not as it was written; to keep .* take its .sum. out"):
        load(study.folder)
    path.write_text(re.sub(r',\n "sum": "\w+"', "", path.read_text()))
    assert load(study.folder).tasks["bowl"].optimum == 0.5


@pytest.mark.parametrize(
    "content", [b"\xff\x00", b"[1]", b"tasks: 3", b"tasks: {bowl: {budget: 3}}"]
)
def test_settings_that_cannot_be_read_are_left_out_with_a_warning(tmp_path, content):
    study = plan(tmp_path, "task=bowl", "method=random", "seeds=1")
    execute(study)
    (study.folder / "config.yaml").write_bytes(content)
    with pytest.warns(UserWarning, match=r"config\.yaml is damaged"):
        assert layout.read_config(study.folder) == {}


def test_runs_of_a_call_that_was_lost_count_again_when_the_study_is_extended(tmp_path):
    execute(plan(tmp_path, *BOTH))
    path = tmp_path / "runs" / "study" / "study.json"
    stored = json.loads(path.read_text())
    del stored["sum"]  # as of a version that wrote none
    lost = stored["pairs"].pop(1)
    stored["pairs"][0]["seeds"] = [0]
    path.write_text(json.dumps(stored))
    study = plan(tmp_path, f"task={lost['task']}", f"method={lost['method']}")
    assert [entry["seeds"] for entry in study.unplanned()] == [[1, 2]]  # of the other method
    assert execute(study, extend=True) == 0
    assert study.unplanned() == []
    assert len(load(study.folder).runs) == 6


def test_failed_runs_are_stored_named_and_retried_on_request(tmp_path):
    study = plan(tmp_path, "task=bowl", "method=[random,broken]")
    execute(study)
    runs = load(study.folder).runs.set_index("method")
    assert set(runs.loc["broken", "status"]) == {"failed"}
    assert set(runs.loc["random", "status"]) == {"ok"}
    assert "RuntimeError: third time unlucky (studies.py:" in runs.loc["broken", "error"].iloc[0]
    # What was known before is kept: two trials were started on two of the four workers.
    assert set(runs.loc["broken", "trials"]) <= {0, 1, 2}
    assert plan(tmp_path, "task=bowl", "method=[random,broken]").pending() == []
    retry = plan(tmp_path, "task=bowl", "method=[random,broken]", "retry_failed=true")
    assert execute(retry) == 3
    assert len(load(study.folder).runs) == 6


def test_a_task_that_raises_costs_the_trial_and_not_the_run(tmp_path):
    study = plan(tmp_path, "task=raises", "method=random", "budget.trials=20")
    execute(study)
    stored = load(study.folder)
    assert set(stored.runs["status"]) == {"ok"}
    merged = stored.observations.merge(stored.trials, on=["task", "method", "seed", "trial"])
    assert (merged["kind"] == "b").equals(merged["status"] == "failed")
    assert merged.loc[merged["kind"] == "b", "value"].isna().all()
    errors = stored.jobs.set_index("status")["error"]
    assert set(errors.loc["failed"]) == {"ValueError: kind b diverges"}
    assert set(errors.loc["ok"]) == {""}
    # A failure is charged what the evaluation would have cost: nothing is gained by crashing.
    took = stored.jobs["end_s"] - stored.jobs["start_s"]
    assert (took > 0).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_function_that_ends_its_process_costs_its_trials_alone(tmp_path, n_jobs):
    chosen = ["task=[kills,kills_seldom,bowl]", "method=random", "budget.trials=12", "workers=1"]
    execute(plan(tmp_path, *chosen, f"n_jobs={n_jobs}", "seeds=2", "budget.time_s=null"))
    stored = load(tmp_path / "runs" / "study")
    assert (stored.runs["trials"] == 12).all()
    failed = stored.runs.set_index("task")["status"] == "failed"
    assert failed.groupby(level=0).all().to_dict() == {
        "bowl": False,
        "kills": True,  # as any run without a value
        "kills_seldom": False,
    }
    jobs = stored.jobs.merge(stored.trials, on=["task", "method", "seed", "trial"])
    deadly = (jobs["task"] == "kills") | ((jobs["task"] == "kills_seldom") & (jobs["x"] > 0.9))
    assert (deadly & (jobs["task"] == "kills_seldom")).any()
    assert set(jobs.loc[deadly, "error"]) == {"the process ended by itself with status 9"}
    assert set(jobs.loc[~deadly, "error"]) == {""}
    # Charged as any failure of this task: nothing is gained by crashing.
    assert (jobs["end_s"] > jobs["start_s"]).all()


class DeadlyMethod(Broken):
    """A searcher that ends its process at its third suggestion."""

    def suggest(self, pending):
        if self._count == 2:
            os._exit(3)
        return super().suggest(pending)


def test_a_method_that_ends_its_process_costs_its_runs_alone(tmp_path):
    write_conf(tmp_path / "conf")
    path = tmp_path / "conf" / "method" / "broken.yaml"
    text = path.read_text().replace("tests.studies.Broken", "tests.study.test_study.DeadlyMethod")
    path.write_text(text)
    study = plan(tmp_path, "task=bowl", "method=[broken,random]", "seeds=1")
    execute(study)
    runs = load(study.folder).runs.set_index("method")
    assert runs.loc["random", "status"] == "ok"
    words = "the worker process died: the process ended by itself with status 3"
    assert runs.loc["broken", "error"] == words


def test_runs_that_know_nothing_have_scores_and_figures(tmp_path):
    study = plan(tmp_path, "task=bowl", "method=[random,sobol]", "budget.time_s=1e-6")
    execute(study)
    stored = load(study.folder)
    assert len(stored.observations) == 0
    assert (scores(stored)["final"] == 1).all() or not len(scores(stored))
    assert draw(stored, tmp_path / "figures")


def digest(folder):
    """The bytes of what must be reproducible: all but measured seconds."""
    study = load(folder)
    frames = [study.observations, study.trials, study.jobs]
    frames.append(study.decisions.drop(columns=["seconds", "cpu_s"]))
    frames.append(study.runs.drop(columns=["cpu_s", "setup_s"]))
    return [pd.util.hash_pandas_object(frame, index=True).sum() for frame in frames]


SCRIPT = """
import random, sys
from pathlib import Path
import numpy as np
np.random.seed(int(sys.argv[3])); random.seed(int(sys.argv[3])); np.random.random(); random.random()
from tests.studies import plan, execute
execute(plan(Path(sys.argv[1]), sys.argv[2], "task=[bowl,curves_mixed]",
             "method=[random,sobol,local_search,evolution,asha,hyperband,median_stopping]"))
"""


def test_same_seed_same_bytes(tmp_path):
    digests, files = [], []
    for number, (jobs, hashseed) in enumerate([(1, "0"), (2, "77")]):
        folder = tmp_path / str(number)
        folder.mkdir()
        environment = os.environ | {"PYTHONHASHSEED": hashseed}
        command = [sys.executable, "-c", SCRIPT, str(folder), f"n_jobs={jobs}", str(number)]
        subprocess.run(command, check=True, env=environment)
        digests.append(digest(folder / "runs" / "study"))
        found = sorted((folder / "runs" / "study" / "parts").glob("*/[ojt]*.parquet"))
        files.append([(path.parent.name, path.name, path.read_bytes()) for path in found])
    assert digests[0] == digests[1]
    assert len(files[0]) == 3 * 14
    assert files[0] == files[1]


def test_methods_share_the_noise_of_the_objective(tmp_path):
    # The same points in the same order see the same values under another method's name.
    point = "[{x: 0.5, units: 4, kind: a}]"
    overrides = [f"methods.{name}.points_to_evaluate={point}" for name in ("random", "sobol")]
    study = plan(tmp_path, "task=bowl", "method=[random,sobol]", *overrides)
    execute(study)
    first = (
        load(study.folder)
        .observations.query("trial == 0")
        .pivot(index="seed", columns="method", values="value")
    )
    assert (first["random"] == first["sobol"]).all()
    assert first["random"].nunique() == 3


def test_defaults_are_tried_first_when_the_method_says_so(tmp_path):
    study = plan(
        tmp_path, "task=bowl", "method=random", "methods.random.points_to_evaluate=[default]"
    )
    execute(study)
    trials = load(study.folder).trials.query("trial == 0")
    assert (trials[["x", "units"]].to_numpy() == [0.5, 6]).all()


KILLED = """
import sys
from pathlib import Path
from tests.studies import plan
MORE = ["seeds=80", "part_runs=2"]
for report in plan(Path(sys.argv[1]), "task=bowl", "method=random", *MORE).run():
    print(report.chunk.seeds[-1], flush=True)
"""


def test_kill_9_loses_at_most_the_parts_not_yet_committed(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    reported = [int(process.stdout.readline()) for _ in range(5)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    again = plan(tmp_path, "task=bowl", "method=random", "seeds=80", "part_runs=2")
    stored = {key.seed for key in again.status()}
    assert {seed for last in reported for seed in (last - 1, last)} <= stored
    assert len(stored) < 80
    assert len(load(again.folder).runs) == len(stored)
    assert execute(again) == 80 - len(stored)
    assert len(load(again.folder).runs) == 80
    assert not list((again.folder / "parts").glob(".draft*"))


def test_shards_divide_the_work_whenever_they_start(tmp_path):
    assert execute(plan(tmp_path, *BOTH, "seeds=1")) == 2
    settings = [*BOTH, "seeds=4", "part_runs=1"]
    first, second = (plan(tmp_path, *settings, f"shard={i}/2") for i in (1, 2))
    before = [(chunk.pair.method, chunk.seeds) for chunk in second.pending()]
    done = execute(first, extend=True)
    # What the second shard has to do does not depend on what the first has done.
    assert before == [(chunk.pair.method, chunk.seeds) for chunk in second.pending()]
    assert done + execute(second) == 6
    assert plan(tmp_path, *settings).pending() == []


@pytest.mark.parametrize(
    ("limit", "column", "most"),
    [("trials=7", "trials", 7), ("time_s=3.5", "end_time_s", 3.5), ("resource=9", "trials", 9)],
)
def test_budgets(tmp_path, limit, column, most):
    study = plan(tmp_path, "task=bowl", "method=random", f"budget.{limit}", "workers=2")
    execute(study)
    runs = load(study.folder).runs
    assert (runs[column] <= most).all()
    assert runs[column].max() == most


def test_the_budget_of_cost_counts_the_seconds_of_all_workers(tmp_path):
    study = plan(
        tmp_path, "task=bowl", "method=random", "budget.cost=10", "tasks.bowl.cost_spread=0"
    )
    execute(study)
    # 4 workers, 1 s an evaluation: 10 evaluations in 3 s.
    runs = load(study.folder).runs
    assert (runs["end_time_s"] == 3).all()
    assert len(load(study.folder).observations) == 10 * 3


def test_measured_overhead_can_be_replayed_to_the_bit(tmp_path):
    settings = ["task=bowl", "method=[random,evolution]", "budget.trials=30"]
    measured = plan(tmp_path, *settings, "overhead=measured", "name=measured")
    execute(measured)
    replayed = plan(tmp_path, *settings, "overhead=replay", "replay_from=measured")
    execute(replayed)
    free = plan(tmp_path, *settings, "name=free")
    execute(free)
    first, again, none = (load(s.folder).observations for s in (measured, replayed, free))
    # The record holds single precision, which is what is charged when replayed.
    np.testing.assert_allclose(again["time_s"], first["time_s"], rtol=1e-6)
    assert (again["trial"] == first["trial"]).all()
    assert (first["time_s"] > none["time_s"]).all()
    execute(plan(tmp_path, *settings, "overhead=replay", "replay_from=measured", "name=twice"))
    twice = load(tmp_path / "runs" / "twice").observations
    pd.testing.assert_frame_equal(twice, again)


def test_replay_needs_what_was_stored(tmp_path):
    settings = ["task=bowl", "method=random", "part_runs=1"]
    execute(plan(tmp_path, *settings, "overhead=measured", "name=half", "shard=1/2"))
    with pytest.raises(ConfigError, match=r"no decisions of 'random' on 'bowl' for seeds \[1\]"):
        plan(tmp_path, *settings, "overhead=replay", "replay_from=half")


def test_constraints_are_stored_as_slack(tmp_path):
    study = plan(
        tmp_path,
        "task=protein_structure",
        "method=random",
        "tasks.protein_structure.constraints.model_size=1000",
        "budget.trials=20",
    )
    execute(study)
    slack = load(study.folder).observations["slack.model_size"]
    assert (slack < 0).any()
    assert (slack <= 1000).all()


def test_simulation_never_imports_torch_or_matplotlib(tmp_path):
    code = SCRIPT + "\nassert not {'torch', 'matplotlib', 'sklearn'} & set(sys.modules)"
    command = [sys.executable, "-c", code, str(tmp_path), "n_jobs=1", "0"]
    subprocess.run(command, check=True)


def test_parts_are_never_overwritten(tmp_path):
    study = plan(tmp_path, "task=bowl", "method=broken")
    execute(study)
    execute(plan(tmp_path, "task=bowl", "method=broken", "retry_failed=true"))
    assert len(list((study.folder / "parts").iterdir())) == 2
    assert len(parts.inventory(study.folder)) == 3


def test_a_run_that_is_stored_twice_counts_once_and_is_named(tmp_path):
    study = plan(tmp_path, "task=bowl", "method=random", "budget.trials=2")
    execute(study)
    (part,) = (study.folder / "parts").iterdir()
    shutil.copytree(part, f"{part}.2")
    with pytest.warns(UserWarning, match=r"\.2: runs that .* holds as well"):
        assert len(load(study.folder).runs) == 3


def test_hyperparameters_of_mixed_types_and_inactive_ones_survive():
    configs = [{"x": 1, "y": True}, {"x": "one", "y": False}, {"x": 2.5}]
    record = arrow.RunRecord(
        key=arrow.RunKey("t", "m", 0, "f"),
        observations=Recorder().observations(),
        trials=list(enumerate(configs)),
        jobs=Recorder().job_columns(),
        decisions=Recorder().decision_columns(),
        end_time_s=0.0,
        cpu_s=0.0,
    )
    frame = decoded(arrow.tables([record])["trials"])
    assert [json.loads(text) for text in frame["config"]] == configs
    assert frame["x"].tolist() == [1, "one", 2.5]


def test_what_failed_runs_count_as_is_a_setting_that_changes_no_run(tmp_path):
    """Results follow it (tests of failed runs say how); the stored runs stay the same."""
    whole, last = plan(tmp_path), plan(tmp_path, "failed=last")
    assert last.keys() == whole.keys()
    assert last.plan()["shared"] == whole.plan()["shared"]
    assert rule_of(last.plan()["settings"]) == "last"
    assert rule_of({}) == "median"  # of studies stored before there was such a setting
    with pytest.raises(ConfigError, match="failed='best': use median or last"):
        plan(tmp_path, "failed=best")


def test_the_method_that_others_are_compared_with_is_a_setting_that_changes_no_run(tmp_path):
    usual, other = plan(tmp_path), plan(tmp_path, "reference=sobol")
    assert other.keys() == usual.keys()
    assert other.plan()["shared"] == usual.plan()["shared"]
    assert [each.plan()["settings"]["reference"] for each in (usual, other)] == ["random", "sobol"]
    with pytest.raises(
        ConfigError, match=r"reference= names an unknown method .radnom.*mean random"
    ):
        plan(tmp_path, "reference=radnom")
