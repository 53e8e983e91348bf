"""The command line: plans, bad input refused before any run, exit codes."""

import math
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from hpobench.cli import main, parser
from hpobench.cli import options as asked
from hpobench.plots.canvas.axes import axis_scale
from hpobench.results import load
from hpobench.results.anytime.comparison import anytime
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.views import VIEWS
from hpobench.results.statistics.summary import BANDS
from hpobench.results.study.failed_runs import RULES
from hpobench.study import catalogue, compose
from hpobench.study.study import Study
from tests.studies import plan, write_conf

FAST = ["progress=false", "n_jobs=1"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with tasks and methods of one's own in conf/."""
    write_conf(tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["method=randm"], ["unknown method 'randm'", "Did you mean random", "hyperband"]),
        (["task=[branin,phonem]"], ["unknown task 'phonem'", "phoneme", "cifar10"]),
        (["study=defalt"], ["unknown study 'defalt'", "default"]),
        (["worker=3"], ["unknown key of the settings: 'worker'", "workers"]),
        (["budget.time=3"], ["unknown key of budget: 'time'", "time_s"]),
        (
            ["methods.random.searcher.replac=true"],
            ["methods.random.searcher", "'replac'", "replace"],
        ),
        (["tasks.phoneme.repetition=9"], ["task 'phoneme'"]),
        (["workers=0"], ["workers=0", "at least 1"]),
        (["workers=two"], ["workers='two'"]),
        (["seeds=0"], ["seeds=0"]),
        (["seeds=[1,1]"], ["seeds=[1, 1]"]),
        (["overhead=sometimes"], ["overhead='sometimes'", "none, measured, replay"]),
        (["overhead=replay"], ["replay_from"]),
        (["overhead=replay", "replay_from=nowhere"], ["no study 'nowhere'"]),
        (["budget.time_s=-1"], ["budget.time_s=-1"]),
        (["budget.trials=many"], ["budget.trials='many'"]),
        (["methods.hyperband.scheduler.eta=1"], ["method 'hyperband'", "eta=1"]),
        (["task=bowl", "tasks.bowl.budget.time_s=null"], ["no budget"]),
        (["task=bowl", "tasks.bowl.space.x.low=2"], ["task 'bowl'", "'x'", "low=2", "high=1"]),
        (["task=bowl", "+tasks.bowl.space.x.log=true"], ["log scale cannot start at low=0"]),
        (["task=bowl", "+tasks.bowl.space.x.default=7"], ["default 7 lies outside"]),
        (
            ["task=protein_structure", "+tasks.protein_structure.constraints.latency=1"],
            ["no metric 'latency'", "model_size"],
        ),
        (["shard=3/2"], ["shard='3/2'"]),
        (["task=phoneme", "tasks.phoneme.constraints.latency=3"], ["'latency'", "val_f1"]),
        (["budget=null"], ["budget=None", "budget.time_s="]),
        (["methods.random=null"], ["methods.random must be a mapping"]),
        (["~seeds"], ["'seeds' is needed"]),
        (["study=[default,default]", "study=def*", "task=nothing"], ["'nothing'"]),
        (["seeds=[5000000000]"], ["5000000000"]),
        (["retry_failed=perhaps"], ["retry_failed='perhaps'"]),
        (["budget.trials=1.5"], ["budget.trials=1.5"]),
        (["task=bowl", "tasks.bowl.noise=nan"], ["task 'bowl'", "noise=nan"]),
        (["runs_dir=/no/such/runs", "task=bowl", "method=random"], ["/no/such: make it first"]),
        (["runs_dir=/proc/nowhere", "task=bowl", "method=random"], ["/proc/nowhere"]),
        (["name=a/b"], ["name='a/b'"]),
        (["n_jobs=0"], ["n_jobs=0"]),
        (["backend=foo"], ["backend='foo'", "loky"]),
        (["worker_memory_mb=5"], ["worker_memory_mb=5", "simulated clock", "null"]),
        (["oversubscribe=true"], ["oversubscribe=True", "leave it at false"]),
        (["clock=real", "backend=threading"], ["engine="]),
        (["workers=1,2"], ["'workers=1,2'", "[a,b]"]),
        (["workers"], ["cannot read"]),
        (["hydra.verbose=true"], ["'hydra.verbose=true'", "no effect"]),
        (["hydra.run.dir=x"], ["no effect"]),
        (["method@foo=random"], ["write method=NAME"]),
        (["+method=random"], ["write method=NAME"]),
        (["+x=1"], ["unknown key of the settings: 'x'"]),
        (["++x=1"], ["unknown key of the settings: 'x'"]),
        (["+budget.x=1"], ["unknown key of budget: 'x'"]),
        (["+about.x=1"], ["unknown key of about: 'x'"]),
        (["comparisons=[]"], ["task= and method="]),
        (["~name"], ["'name' is needed"]),
        (["~tasks.bowl"], ["'tasks.bowl' is needed"]),
        (
            ["task=bowl", "+tasks.phoneme.repetition=mean"],
            ["unknown key of tasks: 'phoneme'", "bowl"],
        ),
        (["task=bowl", "+tasks.bowl.noise=1"], ["leave out the +"]),
        (["task=bowl", "tasks.bowl.noise.x=1"], ["no mapping of keys"]),
        (["method=random,,asha"], ["names no method"]),
        (["seeds=[1,2"], ["cannot read 'seeds=[1,2'"]),
        (["method=[]"], ["names no method"]),
        (["methods.random.points_to_evaluate=[defalt]"], ["'defalt'"]),
    ],
)
def test_bad_input_is_refused_before_any_run(here, capsys, overrides, words):
    assert main(["run", *FAST, *overrides, "--conf", "conf"]) == 2
    error = capsys.readouterr().err
    assert "hpobench: error: " in error
    for word in words:
        assert word in error
    assert not (here / "runs").exists()


def test_a_task_without_cost_says_so_and_takes_no_budget_in_seconds(here, capsys):
    """Three of five configurations have failed as well: there is no median."""
    table = pa.table(
        {
            "x": [0.0, 0.25, 0.5, 0.75, 1.0],
            "validation_error": [0.3, 0.1, math.inf, math.nan, math.inf],
        }
    )
    pq.write_table(table, here / "t.parquet")
    task = {
        "about": {"label": "t", "summary": "a table", "source": "this test"},
        "budget": {"trials": 5},
        "_target_": "hpobench.tasks.recorded_table.recorded",
        "table": str(here / "t.parquet"),
        "space": {"x": {"type": "float", "low": 0, "high": 1}},
    }
    (here / "conf" / "task" / "costless.yaml").write_text(yaml.safe_dump(task))
    call = ["run", *FAST, "task=costless", "method=[random,sobol]", "seeds=2", "--conf", "conf"]
    call += ["workers=2"]
    assert main([*call, "budget.time_s=9", "name=a"]) == 2
    assert "does not know what evaluations cost" in capsys.readouterr().err
    for setting in ("overhead=measured", "job_timeout_s=3"):
        assert main([*call, setting, "name=a"]) == 2
        assert "does not know what evaluations cost" in capsys.readouterr().err
    assert main([*call, "name=b"]) == 0
    said = capsys.readouterr().err
    assert "3 of 5 configurations have failed, more than half: the task has no median" in said
    assert "all its times, those in seconds too, are in evaluations" in said
    assert main(["plot", "b"]) == 0
    assert main(["report", "b"]) == 0
    page = (here / "runs" / "b" / "report.html").read_text()
    assert "the task has no median" in page
    # Two evaluations at a time, five in all: nothing is in seconds.
    assert "the time of 3 evaluations (all of the horizon)" in page
    assert "Time axis: time in evaluations" in page
    assert "Time axis: wall-clock time" not in page
    capsys.readouterr()
    assert main(["plot", "b", "--task", "costless"]) == 0
    assert "Left out: with_decisions (decisions take seconds" in capsys.readouterr().err
    caption = (here / "runs" / "b" / "figures" / "axes-costless.txt").read_text()
    assert "time in evaluations or evaluations or total resource or busy worker time in" in caption
    assert main(["plot", "b", "--task", "costless", "--axis", "with_decisions"]) == 2
    study = load(here / "runs" / "b")
    facts = study.tasks["costless"]
    assert (facts.clock, facts.optimum, facts.median) == ("evaluations", 0.1, None)
    panel = anytime(incumbents(study), "costless")
    assert axis_scale(panel) == (1.0, "time in evaluations")


def test_a_run_prints_scores_and_where_it_is_stored(here, capsys):
    arguments = ["run", *FAST, "task=bowl", "method=[random,evolution]", "seeds=2", "name=mine"]
    assert main([*arguments, "--conf", "conf"]) == 0
    out = capsys.readouterr().out
    assert "runs/mine" in out
    assert "evolution" in out


def test_failed_runs_are_named_and_the_exit_status_says_so(here, capsys):
    arguments = ["run", *FAST, "task=bowl", "method=broken", "seeds=2", "--conf", "conf"]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "2 runs failed" in error
    assert "bowl broken seeds 0 to 1: RuntimeError: third time unlucky" in error
    # Also when they are not run again.
    assert main(arguments) == 1


def test_dry_run_prints_the_plan_and_runs_nothing(here, capsys):
    arguments = ["run", "task=bowl", "method=[random,asha]", "seeds=7", "--dry-run"]
    assert main([*arguments, "--conf", "conf"]) == 0
    out = capsys.readouterr().out
    assert "14 runs, 0 stored, 14 to run" in out
    assert "bowl (budget: time_s 20) x 7 seeds" in out
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("task/branin.yaml", "_target_: x", ["task 'branin' stands in", "rename one"]),
        ("task/my.branin.yaml", "_target_: x", ["letters, digits, _ and - only"]),
        ("task/bad.yaml", "a: [", ["bad"]),
        ("task/bad.yaml", "- a", ["bad"]),
        ("task/bad.yaml", "", ["must be a mapping with a _target_"]),
        (
            "study/bad.yaml",
            "name: bad\ncomparisons: [{task: bowl, method: random}]",
            ["no 'seeds'"],
        ),
        (
            "study/bad.yaml",
            "name: bad\nworker: 3",
            ["unknown key of study 'bad': 'worker'", "workers"],
        ),
        ("study/bad.yaml", "comparisons: [bowl]", ["comparisons hold 'bowl'", "task: [...]"]),
        (
            "task/bad.yaml",
            "_target_: x\na: [l1, no]",
            ["bad.yaml", "false", "quotes, 'no'", "line 2"],
        ),
        ("task/bad.yaml", "a: 1\na: 2", ["'a' is there twice", "line"]),
    ],
)
def test_bad_files_of_ones_own(here, capsys, file, content, words):
    (here / "conf" / "study").mkdir()
    (here / "conf" / file).write_text(content)
    choice = ["study=bad"] if file.startswith("study") else ["task=bad", "method=random"]
    assert main(["run", *choice, "--conf", "conf"]) == 2
    error = capsys.readouterr().err
    for word in words:
        assert word in error


def test_a_folder_that_is_not_there(here, capsys):
    assert main(["run", "--conf", "nowhere"]) == 2
    assert "--conf nowhere: there is no such folder" in capsys.readouterr().err


def test_modules_beside_ones_yaml_are_found(here, capsys):
    (here / "conf" / "beside.py").write_text("def f(x):\n    return x\n")
    (here / "conf" / "task" / "beside.yaml").write_text(
        "_target_: hpobench.tasks.functions.FunctionTask\nfunction: beside.f\n"
        "space: {x: {_target_: scipy.stats.uniform, loc: 1, scale: 2}}\nbudget: {trials: 9}\n"
    )
    command = [sys.executable, "-m", "hpobench.cli", "run", "task=beside", "--conf", "conf"]
    settings = ["method=random", "n_jobs=2", "seeds=4", "part_runs=2", "progress=false"]
    done = subprocess.run([*command, *settings], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_list_names_everything(here, capsys):
    assert main(["list", "--conf", "conf"]) == 0
    out = capsys.readouterr().out
    for group in ("method", "task", "study"):
        for name in catalogue.names(group):
            assert f"  {name} " in out
    assert "  bowl" in out


def test_list_imports_nothing_heavy():
    code = (
        "import sys; from hpobench.cli import main; main(['list']); "
        "heavy = {'numpy', 'pandas', 'torch', 'hydra', 'matplotlib', 'scipy', 'pyarrow'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_plot_writes_figures(here, capsys):
    arguments = ["task=bowl", "method=[random,evolution]", "seeds=3", "name=mine"]
    assert main(["run", *FAST, *arguments, "--conf", "conf"]) == 0
    assert main(["plot", "mine"]) == 0
    assert (here / "runs" / "mine" / "figures").exists()
    assert list((here / "runs" / "mine" / "figures").glob("*.pdf"))
    assert main(["plot", "mine", "--run", "bowl,evolution,1"]) == 0
    assert list((here / "runs" / "mine" / "figures").glob("run-bowl-evolution-1-*.png"))
    assert main(["plot", "mine", "--axis", "evaluations"]) == 0
    figures = here / "runs" / "mine" / "figures"
    assert "Time axis: evaluations" in (figures / "evaluations" / "anytime.txt").read_text()
    assert main(["plot", "mine", "--task", "bowl"]) == 0
    assert (figures / "configurations-bowl.pdf").exists()
    assert "busy worker time" in (figures / "axes-bowl.txt").read_text()
    assert main(["plot", "mine", "--task", "bowl", "--axis", "evaluations,wall_clock"]) == 0
    # Figures drawn otherwise have a folder of their own: the usual ones stay.
    assert "busy worker time" in (figures / "axes-bowl.txt").read_text()
    other = figures / "evaluations+wall_clock" / "axes-bowl.txt"
    assert "busy worker time" not in other.read_text()
    assert main(["run", *FAST, *arguments[:-1], "name=wide", "workers=8", "--conf", "conf"]) == 0
    assert main(["plot", "mine", "--scaling", "wide"]) == 0
    assert (figures / "scaling-bowl.pdf").exists()
    assert main(["plot", "mine", "--costs"]) == 0
    assert (figures / "overhead.pdf").exists()
    assert main(["plot", "mine", "--reference", "evolution", "--level", "0.5", "0.2"]) == 0
    assert (figures / "level-0.5-0.2" / "time-to-target-over-evolution.pdf").exists()
    # Constraints, average and the test of three methods or more: a task and two methods have none.
    told = capsys.readouterr().err
    assert "Left out: feasibility (" in told
    assert "Left out: average-regret (an average needs 2 tasks" in told
    assert "Left out: critical-difference (Friedman's test compares 3 methods" in told
    assert main(["plot", "mine", "--task", "bowl", "--axis", "evaluations,moons"]) == 2
    assert "axis='moons': use one of wall_clock" in capsys.readouterr().err
    assert main(["plot", "mine", "--level", "-1"]) == 2
    assert "--level -1.0: give a normalised regret" in capsys.readouterr().err
    assert main(["plot", "mine", "--run", "bowl,evolution"]) == 2
    assert "--run bowl,evolution: give a task" in capsys.readouterr().err
    assert main(["plot", "yours"]) == 2
    assert "studies in runs/: mine" in capsys.readouterr().err


def test_a_file_in_the_place_of_a_folder_is_said(here, capsys):
    arguments = ["run", *FAST, "task=bowl", "method=random", "seeds=1", "--conf", "conf"]
    assert main([*arguments, "name=mine"]) == 0
    (here / "runs" / "mine" / "figures").write_text("")
    assert main(["plot", "mine"]) == 2
    assert "figures: a file is in the place of a folder: move it" in capsys.readouterr().err


def test_a_call_of_another_plan_is_refused_and_changes_nothing(here, capsys):
    def call(*settings):
        return main(["run", *FAST, "task=bowl", "budget.trials=3", "--conf", "conf", *settings])

    assert call("method=[random,sobol]", "seeds=3") == 0
    folder = here / "runs" / "default"
    files = [folder / name for name in ("study.json", "config.yaml", "manifest.json")]
    before = [path.read_bytes() for path in files]
    for settings, words in [
        (["method=evolution", "seeds=2"], ["adds", "evolution on bowl, seeds 0 to 1", "--extend"]),
        (["method=random", "seeds=4"], ["adds", "random on bowl, seed 3", "name=OTHER"]),
        (
            ["method=random", "seeds=3", "workers=8", "--extend"],
            ["hides", "sobol on bowl", "workers is 8 in this call and 4 in the study", "--replace"],
        ),
        (
            ["method=random", "seeds=3", "tasks.bowl.noise=0"],
            ["tasks.bowl.noise is 0 in this call and 0.1 in the study"],
        ),
    ]:
        assert call(*settings) == 2
        error = capsys.readouterr().err
        assert "runs/default holds a study already" in error
        for word in words:
            assert word in error
        assert call(*settings, "--dry-run") == 0
        assert "needs --" in capsys.readouterr().out
        assert call(*settings, "--dry-run", "--extend", "--replace") == 0
        assert "needs --" not in capsys.readouterr().out
    assert [path.read_bytes() for path in files] == before

    # The same, or part of it, goes on; more seeds of one method are said to be more.
    assert call("method=random", "seeds=3", "shard=1/2") == 0
    assert "the study has 6 runs; this call asks for 3 of them" in capsys.readouterr().err
    assert call("method=random", "seeds=5", "--extend") == 0
    assert "numbers of seeds differ on bowl: random 5, sobol 3" in capsys.readouterr().err


def test_what_was_replaced_stays_on_disk_and_is_found_again(here, capsys):
    def call(*settings):
        plan = ["task=bowl", "method=random", "seeds=2", "budget.trials=3"]
        return main(["run", *FAST, *plan, "--conf", "conf", *settings])

    assert [call(), call("workers=8", "--replace")] == [0, 0]
    error = capsys.readouterr().err
    assert "this call hides random on bowl, seeds 0 to 1 (workers is 8" in error
    assert "2 stored runs that are of no plan: random on bowl, seeds 0 to 1" in error
    assert call("--replace") == 0
    assert "2 runs are stored already, 0 to run" in capsys.readouterr().err


def test_the_folder_of_studies_may_be_an_option_of_every_command(here, capsys):
    arguments = ["run", *FAST, "task=bowl", "method=random", "seeds=2", "seeds=1", "--conf", "conf"]
    assert main([*arguments, "name=mine", "--runs-dir", "it's, here"]) == 0
    assert "seeds=1 counts, not seeds=2 before it" in capsys.readouterr().err
    assert (here / "it's, here" / "mine" / "study.json").exists()
    assert main(["export", "mine", "--runs-dir", "it's, here"]) == 0
    capsys.readouterr()
    assert main([*arguments, "runs_dir=x", "--runs-dir", "y"]) == 2
    assert "--runs-dir and runs_dir= say the same" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        *[([text], f"{text} is no use with record, which takes task=")
          for text in ("method=tpe", "workers=4", "name=x", "budget.trials=3", "shard=1/2",
                       "study_seed=1", "backend=dask", "clock=real", "+methods.x.y=1")],
        (["tasks.bowl.budget.trials=3"], "whatever a task's budget says: leave it out here"),
        (["tasks.bowl.constraints.size=3"], "give it to the run that replays the table"),
        (["seeds=[4,7]"], "give their number, such as seeds=2"),
        (["configs=0"], "configs=0: use a number of configurations of at least 1"),
        ([], "task 'bowl' has no learning curve to record"),
    ],
)  # fmt: skip
def test_settings_of_recordings_are_used_or_refused(here, capsys, settings, words):
    assert main(["record", "task=bowl", "--conf", "conf", *settings]) == 2
    assert words in capsys.readouterr().err


def test_a_claim_is_its_own_study(here, capsys):
    assert main(["claims", "claim=tpe", "study=default"]) == 2
    assert "study=default: each claim is its own study: choose by claim=" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--costs", "--statistic", "iqm", "--band", "quartiles"],
            ["--statistic is no use with --costs, which takes --paper, --font"],
        ),
        (["--costs", "--failed", "last"], ["--failed is no use with --costs"]),
        (["--run", "bowl,random,0", "--failed", "last"], ["--failed is no use with --run"]),
        (["--task", ""], ["--task is empty: give a name, or leave it out"]),
        (["--reference", "", "--time", "log"], ["--reference is empty"]),
        (["--costs", "--band", "sd"], ["--band is no use with --costs"]),
        (["--run", "bowl,random,0", "--costs"], ["--costs is no use with --run"]),
        (
            ["--run", "bowl,random,0", "--no-caption"],
            ["--no-caption is no use with --run", "other"],
        ),
        (["--methods", "random,,asha"], ["'random,,asha': give each name once"]),
        (["--labels", "random"], ["--labels random: give NAME=TEXT"]),
        (["--font", "No Such Type"], ["font 'No Such Type' is not installed: choose one of"]),
        (
            ["--task", "bowl", "--view", "test"],
            ["--view is no use with --task", "--time, --axis, --failed"],
        ),
        (["--scaling", "other", "--axis", "evaluations"], ["--axis is no use with --scaling"]),
        (["--level", "0.1", "--time", "linear"], ["--time is no use with --level", "--reference"]),
        (["--reference", "random", "--costs"], ["--costs is no use with --reference"]),
    ],
)
def test_options_of_plot_are_used_or_refused(here, capsys, options, words):
    assert main(["plot", "mine", *options]) == 2
    error = capsys.readouterr().err
    for word in words:
        assert word in error


@pytest.mark.parametrize(
    ("options", "folder"),
    [
        ([], ""),
        (["--time", "log", "--statistic", "mean"], ""),
        (["--axis", "evaluations"], "evaluations"),
        (["--axis", "wall_clock"], ""),
        (["--view", "test", "--statistic", "iqm"], "statistic-iqm+view-test"),
        (["--axis", "evaluations", "--time", "linear"], "evaluations+time-linear"),
        (["--band", "sd"], "band-sd"),
        (["--level", "0.5", "1e-3"], "level-0.5-0.001"),
        (["--paper", "column", "--no-caption"], "paper-column+no-caption"),
        (["--scale", "adtm", "--methods", "a,b"], "scale-adtm+methods-a+b"),
        (["--axis", "../../../x"], None),
    ],
)
def test_figures_drawn_otherwise_have_folders_of_their_own(options, folder):
    from hpobench.cli.figures import _variant
    from hpobench.cli.parser import _parse

    made = _variant(_parse(["plot", "mine", *options]))
    assert made == folder or (folder is None and "/" not in made and made[0] != ".")


@pytest.mark.parametrize(
    "arguments",
    [
        *[
            ["--bogus", "run"],
            ["run", "--bogus"],
            ["report", "mine", "runs_dir=x"],
            ["plot", "a", "b"],
        ],
        *[
            ["--runs-dir", "x", "run"],
            ["watch", "mine", "--bogus", "3"],
            ["export", "a", "seeds=3"],
        ],
    ],
)
def test_what_no_command_takes_is_refused(here, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "hpobench: error: " in capsys.readouterr().err


def test_watching_once_takes_no_interval(here, capsys):
    assert main(["watch", "mine", "--once", "--every", "5"]) == 2
    assert "--every is no use with --once" in capsys.readouterr().err


def test_nothing_is_littered(here):
    assert main(["run", *FAST, "task=bowl", "method=random", "seeds=1", "--conf", "conf"]) == 0
    assert sorted(path.name for path in here.iterdir()) == ["conf", "runs"]


def test_names_may_be_patterns(tmp_path):
    study = plan(tmp_path, "task=curves_*", "method=[asha*,random]")
    assert {pair.task for pair in study.pairs} == {
        *["curves_stable", "curves_mixed", "curves_crossing"]
    }
    assert "asha_stopping" in {pair.method for pair in study.pairs}


def test_choosing_methods_keeps_the_tasks_of_the_study():
    study = Study.make(compose.load(["method=random"]))
    assert len({pair.task for pair in study.pairs}) == 5
    assert {pair.method for pair in study.pairs} == {"random"}


def test_a_study_may_set_its_tasks_and_methods_and_the_command_line_wins(tmp_path):
    folder = tmp_path / "conf"
    (folder / "study").mkdir(parents=True)
    (folder / "study" / "short.yaml").write_text(
        "# @package _global_\nname: short\nseeds: 2\nworkers: 1\n"
        "comparisons:\n  - {task: [branin, ackley], method: [asha, random]}\n"
        "tasks: {branin: {budget: {time_s: 7, trials: 3}}}\n"
        "methods: {asha: {scheduler: {eta: 5}}}\n"
    )
    settings = compose.load(["study=short", "tasks.branin.budget.trials=4"], [folder]).settings
    assert settings["tasks"]["branin"]["budget"] == {"time_s": 7, "trials": 4}
    assert settings["methods"]["asha"]["scheduler"]["eta"] == 5
    other = compose.load(["study=short", "task=ackley", "method=random"], [folder]).settings
    assert set(other["tasks"]) == {"ackley"}
    assert set(other["methods"]) == {"random"}


def test_list_goes_on_where_a_file_cannot_be_read(here, capsys):
    files = here / "conf" / "task"
    (files / "broken.yaml").write_text("about: {label: [\n")
    (files / "worded.yaml").write_text("about: a text\n_target_: x\n")
    (files / "._bowl.yaml").write_bytes(b"\0\5\26\7")  # as macOS leaves them
    assert main(["list", "task", "--conf", "conf"]) == 1
    out, err = capsys.readouterr()
    assert "  bowl" in out
    assert "  phoneme " in out
    assert out.count("(cannot be read)") == 2
    assert "broken.yaml is not valid YAML" in err
    assert "worded.yaml: about: 'a text' is no mapping" in err
    assert "._bowl" not in out + err


@pytest.mark.parametrize(
    "words",
    [
        ["plot", "mine", "--view", "true", "--view", "test"],
        ["run", "--runs-dir", "a", "name=x", "--runs-dir", "b"],
        ["export", "mine", "--format", "latex", "--format", "markdown"],
    ],
)
def test_options_given_twice_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert "is given twice: give it once" in capsys.readouterr().err


def test_claims_take_a_name_for_one_of_them_only(capsys):
    assert main(["claims", "name=mine"]) == 2
    assert "each claim has a study of its own" in capsys.readouterr().err


def test_choices_are_those_of_results():
    """The parser states them itself, to answer before pandas could be loaded."""
    assert [*VIEWS] == asked.VIEWS
    assert [*RULES] == asked.FAILED
    commands = parser._parser()._subparsers._group_actions[0].choices
    choices = {action.dest: action.choices for action in commands["plot"]._actions}
    assert choices["statistic"] == [*BANDS]
    assert set(choices["band"]) == {band for bands in BANDS.values() for band in bands}


def test_findings_of_a_part_of_the_runs_are_not_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    call = ["claims", "claim=random", "seeds=4", "progress=false", "n_jobs=1", "part_runs=1"]
    call += ["budget.trials=3", "--findings", "found.jsonl"]
    main([*call, "shard=1/2"])
    assert not Path("found.jsonl").exists()
    assert main(call) == 0
    assert Path("found.jsonl").read_text().count("claims/random") == 1
    assert "grid" in capsys.readouterr().out


def test_seeds_to_reproduce_and_tasks_to_record_are_asked_for(tmp_path, capsys):
    for seeds in ("0", "-1"):
        assert main(["reproduce", str(tmp_path), "--seeds", seeds]) == 2
        assert f"--seeds {seeds}: use a number of at least 1" in capsys.readouterr().err
    assert main(["record", "configs=3"]) == 2
    assert "name the task to record: task=NAME" in capsys.readouterr().err
