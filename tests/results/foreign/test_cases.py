"""Real logs, imported by one command each; right values stand beside them (cases/README.md)."""

import pytest

from hpobench.cli import main
from hpobench.results import load
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.study.jobs import occupancy
from tests.cases import CASES


def imported(tmp_path, library, *words):
    command = ["import", library, *map(str, words), "--name", "mine", "--runs-dir", str(tmp_path)]
    assert main(command) == 0
    return load(tmp_path / "mine")


def best(study, number=0):
    """The last incumbent of a run, as it is stored, and when it was known."""
    found = incumbents(study)
    last = found.starts[number + 1] - 1
    return found.value[last], found.time_s[last]


@pytest.mark.parametrize(
    ("library", "words", "value", "time_s"),
    [
        ("optuna", [CASES / "02_partial_steps.journal"], 4.502, 20),
        ("optuna", [CASES / "02_partial_steps.journal", "--comparable"], 3.502, 24),
        ("optuna", [CASES / "04_two_objectives.journal", "--study", "single"], 0.2, 19),
        (
            *("optuna", [CASES / "04_two_objectives.journal", "--study=both", "--objective=0"]),
            *(0.1, 19),
        ),
        (
            *("optuna", [CASES / "04_two_objectives.journal", "--study=both", "--objective=1"]),
            *(30, 9),
        ),
        ("optuna", [CASES / "11_trials_dataframe.csv", "--mode=max"], -0.580633, 944.14),
        ("csv", [CASES / "11_trials_dataframe.csv", "--mode=max"], -0.580633, 944.14),
        ("smac", [CASES / "12_smac", "--comparable"], 0.062881, 0.7484),
        ("hpbandster", [CASES / "13_bohb"], 0.041992, 27.424),
        ("ray-tune", [CASES / "14_ray_result.jsonl", "--mode=max"], -1.6, 0.00079),
        ("keras-tuner", [CASES / "19_keras_tuner" / "trials.jsonl"], -0.881579, 5),
    ],
)
def test_the_best_value_and_when(tmp_path, library, words, value, time_s):
    study = imported(tmp_path, library, *words)
    found, when = best(study)
    assert found == pytest.approx(value, abs=1e-6)
    assert when == pytest.approx(time_s, abs=1e-2 if time_s > 1 else 1e-4)


def test_workers_are_those_of_each_run(tmp_path):
    study = imported(tmp_path, "optuna", CASES / "01_workers.journal")
    assert dict(zip(study.runs["task"], study.runs["workers"], strict=True)) == {
        "alone": 1,
        "three": 3,
    }
    assert occupancy(study)["idle"].tolist() == [0, 0]


def test_names_of_runs_from_those_of_studies(tmp_path, capsys):
    study = imported(
        tmp_path, "optuna", CASES / "03_seeds.journal", "--runs={task}-{method}-seed{seed}"
    )
    assert list(study.tasks) == ["mnist"]
    assert sorted(study.methods) == ["random", "tpe"]
    finals = {
        (row.method, row.seed): -best(study, number)[0]
        for number, row in enumerate(study.runs.itertuples())
    }
    assert finals == {
        (method, seed): pytest.approx(0.82 + 0.002 * seed)
        for method in ("random", "tpe")
        for seed in range(3)
    }
    out = capsys.readouterr().out
    assert "mnist, tpe, seed 1: 3 trials (3 complete); best 0.822" in out
    assert "by Optuna 0.822" in out


def test_several_objectives_ask_for_one(tmp_path, capsys):
    file = str(CASES / "04_two_objectives.journal")
    status = main(["import", "optuna", file, "--name", "mine", "--runs-dir", str(tmp_path)])
    assert status == 2
    assert "choose one by --objective, or other studies by --study" in capsys.readouterr().err


def test_what_a_log_does_not_say_is_asked_for(tmp_path, capsys):
    for library, file in (
        ("optuna", "11_trials_dataframe.csv"),
        ("csv", "11_trials_dataframe.csv"),
        ("ray-tune", "14_ray_result.jsonl"),
    ):
        command = ["import", library, str(CASES / file), "--name", "mine"]
        assert main([*command, "--runs-dir", str(tmp_path)]) == 2
        assert "give --mode min or --mode max" in capsys.readouterr().err


def test_budgets_of_smac_do_not_compare(tmp_path, capsys):
    study = imported(tmp_path, "smac", CASES / "12_smac")
    assert not study.tasks["12_smac"].comparable
    assert best(study)[0] == pytest.approx(0.148005, abs=1e-6)
    told = capsys.readouterr()
    assert "0.0628815 at 0.748413 s, with budget 2.77778" in told.err
    assert "12 trials (12 success)" in told.out


def test_without_times_evaluations_are_counted(tmp_path):
    study = imported(tmp_path, "keras-tuner", CASES / "19_keras_tuner")
    (facts,) = study.tasks.values()
    assert facts.clock == "evaluations"
    assert study.observations["time_s"].tolist() == [1, 2, 3, 4, 5]
    # What was not measured is missing, and not 0 or 1.
    assert "workers" not in study.settings
    assert study.runs[["cpu_s", "setup_s", "workers"]].isna().all(axis=None)
    with pytest.raises(ValueError, match="do not say how many workers"):
        occupancy(study)


def test_a_folder_of_optuna(tmp_path, capsys):
    study = imported(tmp_path, "optuna", CASES, "--mode=max", "--objective=0")
    assert len(study.runs) == 12
    assert "07_duplicates.csv holds no Optuna study" in capsys.readouterr().err
