"""Tuning one task, and the best configuration of a study."""

import functools
import json

import pytest
import yaml

import hpobench
from hpobench.api import advice
from hpobench.cli import main
from hpobench.results.advice import evidence
from tests.studies import write_conf

X = {"x": {"type": "float", "low": 0.0, "high": 1.0}}


@pytest.fixture
def here(tmp_path, monkeypatch):
    write_conf(tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_function_is_tuned_on_the_wall_clock(here):
    """Maximised: stored is 1 - (1 - (x - 0.25)^2)."""
    found = hpobench.tune(
        lambda x: 1 - (x - 0.25) ** 2,
        X,
        {"trials": 8},
        method="sobol",
        workers=1,
        name="mine",
        goal="maximize",
        progress=False,
    )  # fmt: skip
    assert found.value == pytest.approx((found.config["x"] - 0.25) ** 2, abs=1e-12)
    assert found.settings["clock"] == "real"
    assert len(found.observations) == 8
    assert "x" in found._repr_html_()


@pytest.mark.parametrize(("clock", "count"), [("simulated", 101), ("real", 100)])
def test_a_function_that_always_fails_is_given_up_with_its_own_error(here, capsys, clock, count):
    """And a bar that no terminal shows is no line a job."""

    def broken(x):
        raise OSError("no file data.csv")

    hpobench.tune(broken, X, {"trials": 500}, method="random", workers=1, clock=clock)
    said = capsys.readouterr().err
    assert f"all {count} evaluations of broken failed; the first error:" in said
    assert 'raise OSError("no file data.csv")' in said
    assert "in a row" not in said
    assert said.count("tune_broken: ") <= 3


def test_what_is_tuned_gives_the_study_its_name_and_does_not_learn_of_the_space(here):
    class Trainer:
        def objective(self, x):
            return x

        __call__ = objective

    def plain(x, more=0.0):
        return x + more

    settings = {"method": "random", "workers": 1, "clock": "simulated", "progress": False}
    tune = functools.partial(hpobench.tune, space=X, budget={"trials": 2}, **settings)
    for thing, name in (
        (Trainer().objective, "objective"),
        (Trainer(), "Trainer"),
        (functools.partial(plain, more=1.0), "plain"),
        (lambda x: x, "function"),
    ):
        assert tune(thing).folder.name == f"tune_{name}"
        assert tune(thing).config["x"] == tune(thing).value - (name == "plain")
    with pytest.raises(ValueError, match=r"name=OTHER .* \(in Python replace=True\)"):
        tune(plain)
    assert not vars(plain)
    marked = hpobench.task(Trainer().objective, X, {"trials": 2})
    hpobench.run(tasks=marked, methods="random", seeds=1, name="mine", progress=False)


def test_the_command_tunes_and_prints_the_configuration(here, capsys):
    call = ["tune", "task=bowl", "--conf", "conf", "method=sobol", "budget.trials=8", "workers=1"]
    assert main([*call, "progress=false"]) == 0
    text = capsys.readouterr().out
    config = yaml.safe_load(text)
    assert set(config) == {"x", "units", "kind"}
    assert main(["best", "tune_bowl", "--format", "json", "--reevaluate", "3"]) == 0
    best = json.loads(capsys.readouterr().out)
    assert best["config"] == config
    # Other draws of noise around the same true value.
    assert len({best["value"], *best["reevaluated"]}) == 4
    assert best["reevaluated"] == pytest.approx([best["true_value"]] * 3, abs=0.5)  # 5 sd
    assert best["time_s"] <= best["end_s"]
    assert main(["best", "tune_bowl", "--task", "nothing"]) == 2
    assert main(["tune", "task=bowl,raises", "--conf", "conf", "method=sobol"]) == 2
    assert main(["tune", "method=sobol"]) == 2
    assert "name the task to tune: task=NAME" in capsys.readouterr().err


def test_auto_asks_the_advisor(here, capsys, monkeypatch):
    """The only evidence is of two methods, of which one is better on all six tasks."""
    kind = evidence.Kind(3, 1 / 3, False, False, True)
    regrets = {"random": 0.5, "evolution": 0.1}
    rows = [
        evidence.Row(f"t{number}", method, 1, kind, 10.0, regret, 5)
        for number in range(6)
        for method, regret in regrets.items()
    ]
    monkeypatch.setattr(advice, "evidence", lambda _: rows)
    call = ["tune", "task=bowl", "--conf", "conf", "budget.trials=6", "progress=false"]
    assert main([*call, "clock=simulated", "n_jobs=1"]) == 0
    assert "method=auto: evolution, by the evidence of 6 tasks" in capsys.readouterr().err
    assert list(hpobench.load("tune_bowl").methods) == ["evolution"]


def test_a_stored_study_is_evidence(here):
    study = hpobench.run(
        methods=["random", "sobol"], tasks="branin", seeds=3, n_jobs=1, progress=False,
        budget={"time_s": 20}, workers=2, name="mine",
    )  # fmt: skip
    rows = list(evidence.of_study(study))
    assert {row.method for row in rows} == {"random", "sobol"}
    assert rows[-1].kind == evidence.Kind(2, 0.0, False, False, True)
    # An evaluation costs 1 s: two workers have done 40 after 20 s.
    assert max(row.trainings for row in rows) == pytest.approx(40)
    assert all(0 <= row.regret <= 1 for row in rows)
