"""Each planted fault of a task is named, what keeps the contract passes."""

import json
import pickle

import pytest
import yaml

from hpobench.checking import tasks, trying
from hpobench.checking.tasks import affordable
from hpobench.checking.trying import begun
from hpobench.cli import main
from hpobench.study import compose
from hpobench.study.overrides import ConfigError
from hpobench.study.study import Study
from tests.checking import planted
from tests.misbehaving import add_tasks
from tests.tasks import test_contract


def test_a_good_task_passes():
    report = tasks.look(planted.Good())
    assert report.faults == ()
    assert len(report.answers) == 2
    assert tasks.light(planted.Good(), 10).faults == ()


@pytest.mark.parametrize(("kind", "words"), planted.FAULTS.items())
def test_each_fault_is_named(kind, words):
    (fault, *others) = tasks.look(kind()).faults
    assert words in " ".join([fault, *others])
    assert ": " in fault  # what is wrong, and a remedy


@pytest.mark.parametrize(
    ("loop", "words"),
    [
        (planted.restores, ""),
        (planted.restores_half, "does a checkpoint hold all that training needs?"),
        (planted.begins_anew_by_chance, ""),
    ],
)
def test_what_is_not_claimed_to_repeat_but_does_is_to_go_on_as_well(loop, words):
    report = tasks.look(planted.loop(loop))
    assert report.faults == ()
    remarks = [note for note in report.notes if "called again it repeats" in note]
    assert words in " ".join(remarks)
    assert bool(remarks) == bool(words)


@pytest.mark.parametrize(("epoch_s", "highest"), [(0.0, 27), (0.015, 5), (0.15, 2)])
def test_costly_tasks_are_tried_at_less_resource(epoch_s, highest):
    """27 epochs of 0.015 s take 0.4 s, 5 of them less than a quarter; of 0.15 s two are tried."""
    trying = begun(planted.Slow(epoch_s))
    assert affordable(trying) == highest


def test_what_two_evaluations_tell():
    """Those that run to the end with wrong numbers, before the first run."""
    told = (planted.IgnoresFromResource, planted.IsRandom, planted.ReturnsANumber)
    for kind in told:
        assert tasks.light(kind(), 10).faults
    assert tasks.light(planted.RaisesOnItsDefault(), 10).faults == ()  # the trials will say so
    assert "not tried twice" in tasks.light(planted.IsRandom(), 0).notes[0]


@pytest.mark.parametrize("name", test_contract.NAMES)
def test_shipped_tasks_pass(name):
    assert tasks.look(test_contract.build(name)).faults == ()


def test_other_processes_and_other_hashes(capsys):
    """Of the command: what only another process tells, and the exit status."""
    path = "tests.checking.planted"
    assert main(["check", f"{path}:Good", f"{path}:HashesTexts"]) == 1
    good, _, bad, fault = capsys.readouterr().out.splitlines()[:4]
    assert good == f"{path}:Good: keeps its contract"
    assert bad == f"{path}:HashesTexts: 1 fault"
    assert "in another process it answers otherwise" in fault


def test_what_is_found_is_an_object_for_programs(capsys):
    path = "tests.checking.planted"
    assert main(["check", f"{path}:Good", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["name"], found["faults"]) == (f"{path}:Good", [])


def test_a_function_of_the_users_own(tmp_path, capsys):
    add_tasks(tmp_path, "exits_at_once")
    assert main(["check", "task=exits_at_once", "--conf", str(tmp_path / "conf")]) == 1
    assert "it ended its process" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["branin"], ["seeds=3"], ["package:"]])
def test_what_is_asked_wrongly(words, capsys):
    assert main(["check", *words]) == 2


def study_of(kind, folder, *words):
    (folder / "task").mkdir(parents=True)
    task = {"_target_": f"tests.checking.planted.{kind.__name__}", "budget": {"trials": 3}}
    (folder / "task" / "mine.yaml").write_text(yaml.safe_dump(task))
    asked = ["task=mine", "method=asha", "seeds=1", "n_jobs=1", "progress=false", "name=mine"]
    return Study.make(compose.load([*asked, f"runs_dir={folder / 'runs'}", *words], [folder]))


def test_a_study_begins_with_the_light_form(tmp_path):
    study = study_of(planted.IgnoresFromResource, tmp_path / "a")
    with pytest.raises(
        ConfigError, match=r"from_resource is not honoured.*hpobench check task=min"
    ):
        study.run()
    assert not (tmp_path / "a" / "runs").exists()
    (report,) = study_of(planted.Good, tmp_path / "b").run()
    assert report.errors == {}
    (report,) = study_of(planted.IgnoresFromResource, tmp_path / "c", "check_first=false").run()


def test_reports_travel():
    assert pickle.loads(pickle.dumps(trying.Report(("a",)))) == trying.Report(("a",))
