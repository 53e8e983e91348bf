"""What goes wrong in a user's code costs its trial or run, and is said."""

import os
import re
import signal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from hpobench.cli import main
from hpobench.loop import failures
from hpobench.loop.evaluating import checked, evaluate
from hpobench.records import Evaluation, EvaluationError, Job
from hpobench.results import load
from hpobench.system import interruption
from hpobench.tasks.functions import FunctionTask
from tests import misbehaving
from tests.misbehaving import X, add_tasks
from tests.studies import execute, plan, write_conf


def evaluated(name, x=0.75):
    task = FunctionTask(getattr(misbehaving, name), X, cost_s=2.0)
    with interruption.noticed():
        return evaluate(task, Job(0, {"x": x}, 0, 1), 0, None)


@pytest.mark.parametrize("name", misbehaving.WRONG)
def test_an_evaluation_that_ends_in_any_way_is_a_failure_in_words(name):
    evaluation = evaluated(name)
    assert misbehaving.WRONG[name] in evaluation.error
    assert len(evaluation.error) < 10_000
    evaluation.error.encode("utf-8"), evaluation.trace.encode("utf-8")
    assert (evaluation.value, evaluation.duration_s) == (float("inf"), 2.0)


@pytest.mark.parametrize("value", [1e308, -1e308, 1.1e150])
def test_a_value_of_which_squares_overflow_has_failed(value):
    # The mean of 1e308 and 1e308 is infinite, and so is the difference to -1e308.
    task = FunctionTask(lambda x: value * x, {"x": {"type": "float", "low": 0, "high": 1}})
    evaluation = evaluate(task, Job(0, {"x": 1.0}, 0, 1), 0, None)
    assert evaluation.value == float("inf")
    assert evaluation.error == f"value is {value:g}: too large to compute with"
    assert evaluate(task, Job(0, {"x": 1e-200}, 0, 1), 0, None).error is None


def test_a_curve_that_is_too_large_on_the_way_has_not_failed():
    curve = np.array([1e200, np.nan, 2.0])
    seconds = np.arange(1.0, 4.0)
    evaluation = checked(Evaluation(seconds, seconds, curve, 3.0, true_values=curve))
    assert (evaluation.error, evaluation.value) == (None, 2.0)
    np.testing.assert_array_equal(evaluation.values, [np.nan, np.nan, 2.0])
    np.testing.assert_array_equal(evaluation.true_values, [np.nan, np.nan, 2.0])


@pytest.mark.parametrize("name", ["numpy_scalar", "one_element", "decimal", "fraction"])
def test_numbers_of_any_kind_are_values(name):
    assert evaluated(name).value == 0.75


def test_true_counts_as_one():
    assert evaluated("whether").value == 1


def test_a_traceback_begins_in_the_code_of_the_user():
    first, *_, last = evaluated("boom").trace.splitlines()
    assert first.strip().startswith(f'File "{misbehaving.__file__}"')
    assert last == "ValueError: boom"
    # Where we say that None is no number is of no help.
    assert "File" not in evaluated("nothing").trace


def test_only_the_first_failure_of_a_run_is_traced():
    # It takes longer than an evaluation on a table.
    task = FunctionTask(misbehaving.boom, X)
    evaluation = evaluate(task, Job(0, {"x": 0.5}, 0, 1), 0, None, traced=False)
    assert (evaluation.error, evaluation.trace) == ("ValueError: boom", "")


def test_an_evaluation_error_speaks_for_itself():
    assert failures.in_words(EvaluationError("diverged", 3.0)) == "diverged"


def test_ctrl_c_is_no_failure_of_a_trial():
    def pressed(x):
        signal.raise_signal(signal.SIGINT)

    def swallows(x):
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException:
            return 0.0

    for function in (pressed, swallows):
        with pytest.raises(KeyboardInterrupt), interruption.noticed():
            evaluate(FunctionTask(function, X), Job(0, {"x": 0.5}, 0, 1), 0, None)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_whoever_looks_after_no_signals_is_interrupted_by_any():
    with pytest.raises(KeyboardInterrupt):
        evaluate(FunctionTask(misbehaving.interrupts, X), Job(0, {"x": 0.5}, 0, 1), 0, None)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda y: y, r"\(y\) cannot be called with .* \(x\): missing a required argument: 'y'"),
        (lambda: 1.0, "unexpected keyword argument 'x'"),
        (lambda x, data: x + data, "missing a required argument: 'data'"),
    ],
)
def test_a_function_of_other_arguments_is_refused_when_its_task_is_made(function, words):
    with pytest.raises(ValueError, match=words):
        FunctionTask(function, X)


def runs_of(folder, *settings):
    study = plan(folder, "method=random", *settings)
    execute(study)
    return load(study.folder).runs.set_index("task")


def test_a_run_without_a_value_has_failed(tmp_path):
    add_tasks(tmp_path, "surrogate", "interrupts", "half_raises")
    tasks = "task=[surrogate,interrupts,half_raises]"
    runs = runs_of(tmp_path, tasks, "seeds=1", "budget.trials=6")
    assert runs["status"].to_dict() == {
        "surrogate": "failed",
        "interrupts": "failed",
        "half_raises": "ok",
    }
    assert set(runs["evaluations"]) == {6}
    failed = runs["failed_evaluations"]
    assert (failed["surrogate"], failed["interrupts"]) == (6, 6)
    assert 0 < failed["half_raises"] < 6
    last_words = "all 6 evaluations failed; the first: KeyboardInterrupt"
    assert runs.loc["interrupts", "error"] == last_words
    assert runs.loc["half_raises", "error"] == ""
    assert "misbehaving.py" in runs.loc["half_raises", "first_error"]


def test_a_budget_that_no_evaluation_fits_into_fails_the_run(tmp_path):
    runs = runs_of(tmp_path, "task=bowl", "seeds=1", "budget.time_s=0.001", "workers=1")
    assert runs.loc["bowl", "status"] == "failed"
    assert runs.loc["bowl", "error"] == "the budget ended before any evaluation did"
    assert runs.loc["bowl", "evaluations"] == 0


def test_a_method_that_asks_for_nothing_is_said_to(tmp_path, capsys):
    conf = write_conf(tmp_path / "conf")
    silent = "tests.misbehaving.Silent"
    parts = {
        "searcher": {"_target_": silent, "_partial_": True},
        "scheduler": {"_target_": "hpobench.methods.schedulers.fifo.FIFO", "_partial_": True},
    }
    composite = {"_target_": "hpobench.methods.composite.Composite", **parts}
    for name, settings in {"searcher": composite, "method": {"_target_": silent}}.items():
        (conf / "method" / f"{name}.yaml").write_text(yaml.safe_dump(settings))
    overrides = ["task=bowl", "method=[searcher,method]", "seeds=1", "n_jobs=1", "progress=false"]
    where = ["--conf", str(conf), "--runs-dir", str(tmp_path)]
    for clock in (["name=a"], ["name=b", "clock=real", "workers=2", "oversubscribe=true"]):
        assert main(["run", *overrides, *clock, *where]) == 1
        reason = "the method asked for no evaluation: its first answer was None"
        assert capsys.readouterr().err.count(reason) == 2
    # Here both ask, and nothing that they ask for can be paid.
    assert (
        main(
            [
                "run",
                *overrides[2:],
                "task=bowl",
                "method=random",
                "name=c",
                "budget.resource=0.5",
                *where,
            ]
        )
        == 1
    )
    assert "the budget ended before any evaluation did" in capsys.readouterr().err


def test_parts_of_versions_that_counted_no_failures_are_read(tmp_path):
    study = plan(tmp_path, "task=bowl", "method=random", "seeds=1", "budget.trials=3")
    execute(study)
    (path,) = study.folder.glob("parts/*/runs.parquet")
    table = pq.ParquetFile(path).read()
    later = ["evaluations", "failed_evaluations", "first_error"]
    pq.write_table(table.drop_columns(later), path)
    (path.parent / "seal.json").unlink()  # there was none either
    runs = load(study.folder).runs
    assert runs["status"].tolist() == ["ok"]
    assert runs[later].isna().all(axis=None)


def test_a_task_that_always_fails_is_named_with_its_error(tmp_path, capsys, monkeypatch):
    # 2 methods, 2 seeds, 6 trials: 24 evaluations.
    monkeypatch.chdir(tmp_path)
    add_tasks(tmp_path, "boom")
    fast = ["n_jobs=1", "progress=false", "seeds=2", "budget.trials=6", "name=mine"]
    call = ["run", *fast, "task=[bowl,boom]", "method=[random,sobol]", "--conf", "conf"]
    assert main(call) == 1
    error = capsys.readouterr().err
    assert "all 24 evaluations of boom failed; the first error:" in error
    assert f'File "{misbehaving.__file__}"' in error
    assert "boom random seeds 0 to 1: all 12 evaluations failed: ValueError: boom" in error
    assert main(["report", "mine"]) == 0
    page = (tmp_path / "runs" / "mine" / "report.html").read_text()
    assert "All 24 evaluations of boom failed" in page
    assert "all 12 evaluations failed: ValueError: boom" in page


def test_a_run_that_mostly_failed_is_called_so(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    add_tasks(tmp_path, "mostly_raises")
    fast = ["n_jobs=1", "progress=false", "seeds=1", "budget.trials=50", "name=mine"]
    assert main(["run", *fast, "task=mostly_raises", "method=sobol", "--conf", "conf"]) == 0
    # Of 50 points of a Sobol sequence 3 or 4 lie below 1/16.
    assert re.search("mostly_raises sobol seed 0: 4[67] of 50 eval", capsys.readouterr().err)
    assert main(["report", "mine"]) == 0
    page = (tmp_path / "runs" / "mine" / "report.html").read_text()
    assert re.search("4[67] of 50 evaluations failed: ValueError: too large", page)
    assert "No run failed, but in 1 of 1 most evaluations failed." in page


def test_odd_functions_are_run_to_the_end(tmp_path, capfd):
    add_tasks(tmp_path, *misbehaving.ODD)
    before = dict(os.environ)
    try:
        runs = runs_of(tmp_path, f"task=[{','.join(misbehaving.ODD)}]", "seeds=2")
    finally:
        os.environ.update(before)
    assert (runs["evaluations"] == 6).all()
    assert (runs["failed_evaluations"] == 0).all()
    assert Path.cwd() != Path("/")
    print("not closed")
    assert capfd.readouterr().out == "not closed\n"
    logs = {path.name.split(".")[0]: path for path in (tmp_path / "runs/study/logs").iterdir()}
    assert set(logs) == {"prints", "closes_its_output"}
    assert logs["prints"].stat().st_size < 1 << 20
    assert logs["prints"].read_text().endswith("end\n")


def test_the_first_failures_of_a_task_are_said_at_once(tmp_path, capfd):
    add_tasks(tmp_path, "boom", "half_raises")
    study = plan(tmp_path, "method=[random,sobol]", "task=[boom,half_raises]", "seeds=2")
    assert next(iter(study.run()))
    said = "the first 3 evaluations of boom failed (random, seed 0), the run goes on; the first"
    assert capfd.readouterr().err.count(said) == 1
    execute(study)
    # Once a task, and not of one that has values.
    assert "boom (sobol" not in capfd.readouterr().err


def test_multi_fidelity_methods_on_tasks_of_one_level_are_named(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    add_tasks(tmp_path, "half_raises")
    fast = ["n_jobs=1", "progress=false", "seeds=1", "budget.trials=6", "name=mine"]
    tasks = "task=[bowl,half_raises,curves_stable]"
    call = ["run", *fast, tasks, "method=[asha,random,hyperband]", "--conf", "conf"]
    assert main(call) == 0
    words = "ne level of resource on bowl, half_raises: there multi-fidelity methods (ASHA, Hyper"
    assert capsys.readouterr().err.count(words) == 1
    assert main(["report", "mine"]) == 0
    assert words in (tmp_path / "runs" / "mine" / "report.html").read_text()
