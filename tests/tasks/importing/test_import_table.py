"""Tables of users, imported by one command; right values stand beside them (cases/README.md)."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from hydra.errors import InstantiationException

from hpobench.cli import main
from hpobench.records import Job
from hpobench.study import build, catalogue
from hpobench.tasks.surrogate import surrogate
from tests.cases import CASES

LR = ["--config", "lr", "--value", "loss"]


def run(tmp_path, file, *options, name="mine", conf=None):
    folder = conf or tmp_path
    files = [file] if not isinstance(file, list) else file
    command = ["import-table", *map(str, files), "--name", name, "--conf", str(folder)]
    return main([*command, *options])


def task_of(tmp_path, name="mine", **settings):
    node = catalogue.read("task", name, [tmp_path])
    node = {key: value for key, value in node.items() if key not in ("about", "budget")}
    node["table"] = str(tmp_path / "task" / node["table"])
    return build.build_task(node | settings)


def written(tmp_path, text, name="table.csv"):
    file = tmp_path / name
    file.write_text(text)
    return file


def said(capsys):
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "options", "optimum", "median", "words"),
    [
        ("07_duplicates.csv", [*LR, "--seconds", "seconds"], 0.2, 0.21, "1 row of a configuration"),
        (
            "08_no_seconds.csv",
            [*LR, "--seconds", "seconds", "--impute-seconds"],
            *(0.1, 0.2, "1 unknown cost imputed"),
        ),
        (
            "09_no_cost.csv",
            ["--config", "learning_rate", "beta1", "l2", "--value", "loss_*"],
            *(0.570746, 0.93321, "the clock counts evaluations"),
        ),
        ("10_cv_results.csv", [], 0.114516, 0.131667, "5 repetitions: a seed sees the same one"),
        (
            "15_ragged.csv",
            [
                "--config",
                "lr",
                "--value",
                "val_loss",
                "--seconds",
                "seconds",
                "--resource",
                "epoch",
            ],
            *(0.45, 0.79, "2 curves end before the level 4"),
        ),
        (
            "17_conditional.csv",
            [
                *("--config", "kernel", "cost", "gamma", "degree", "--value", "acc"),
                *("--resource", "train_frac", "--goal", "maximize"),
            ],
            *(0.005772, 0.0255315, "gamma: float from 0.0101378 to 6659.17"),
        ),
        (
            "18_two_datasets.csv",
            [
                *("--config", "Embedding Model", "Generative Mode", "--value", "LLMaaJ-AC"),
                *("--goal", "maximize", "--where", "Dataset=MiniWiki-Dev"),
                *("--test-where", "Dataset=MiniWiki-Test"),
            ],
            *(1 - 0.49163521842538177, None, "9 configurations"),
        ),
    ],
)
def test_real_tables(tmp_path, capsys, file, options, optimum, median, words):
    assert run(tmp_path, CASES / file, *options) == 0
    assert words in said(capsys)
    task = task_of(tmp_path)
    assert task.optimum == pytest.approx(optimum, abs=5e-7)
    assert median is None or task.median == pytest.approx(median, abs=5e-7)


def test_an_unknown_cost_is_refused_by_name(tmp_path, capsys):
    assert run(tmp_path, CASES / "08_no_seconds.csv", *LR, "--seconds", "seconds") == 2
    assert "the cost of {'lr': 0.1} is not known" in capsys.readouterr().err
    assert not (tmp_path / "task").exists()


def test_one_unknown_cost_is_not_said_of_others(tmp_path, capsys):
    file = written(tmp_path, "lr,loss,s\n1,2,\n2,3,1\n")
    assert run(tmp_path, file, *LR, "--seconds", "s") == 2
    assert "the cost of {'lr': 1} is not known: state it" in capsys.readouterr().err


def test_conditions_and_test_values(tmp_path):
    run(
        *(tmp_path, CASES / "17_conditional.csv", "--config", "kernel", "cost", "gamma", "degree"),
        *("--value", "acc", "--resource", "train_frac", "--goal", "maximize"),
    )
    space = catalogue.read("task", "mine", [tmp_path])["space"]
    assert space["gamma"]["when"] == {"kernel": ["radial"]}
    assert space["degree"]["when"] == {"kernel": ["polynomial"]}
    assert "when" not in space["cost"]
    task = task_of(tmp_path)
    config = {"kernel": "linear", "cost": 976.264}
    found = task.evaluate(job(config, 0, 1), 0, None)
    # A value at a quarter of the data is none on the way to all of it.
    assert found.resources.tolist() == [1.0]
    assert found.value == pytest.approx(1 - 0.994228)


def job(config, start, end):
    return Job(0, config, start, end)


def test_a_task_a_data_set(tmp_path, capsys):
    status = run(
        *(tmp_path, CASES / "18_two_datasets.csv", "--by", "Dataset", "--goal", "maximize"),
        *("--config", "Embedding Model", "Generative Mode", "--value", "LLMaaJ-AC"),
    )
    assert status == 0
    family = catalogue.read("task", "mine", [tmp_path])["family"]["Dataset"]
    assert list(family) == ["MiniWiki-Dev", "MiniWiki-Test"]
    assert (tmp_path / "task" / family["MiniWiki-Test"]["table"]).is_file()


def test_imported_tables_run(tmp_path, capsys, monkeypatch):
    run(tmp_path, CASES / "10_cv_results.csv")
    monkeypatch.chdir(tmp_path)
    status = main(
        [
            *("run", "--conf", str(tmp_path), "task=mine", "method=random", "seeds=2", "name=x"),
            *("n_jobs=1", "progress=false", f"runs_dir={tmp_path}"),
        ]
    )
    assert status == 0


PLAIN = [{"lr": lr, "bn": bn, "loss": lr + bn} for lr in (0.1, 0.01) for bn in (True, False)]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "semicolon", "tsv", "parquet", "jsonl", "json"])
def test_kinds_of_files(tmp_path, kind):
    frame = pd.DataFrame(PLAIN)
    file = tmp_path / f"t.{'csv' if kind == 'semicolon' else kind}"
    if kind == "parquet":
        frame.to_parquet(file)
    elif kind.startswith("json"):
        rows = [{"config": {"lr": r["lr"], "bn": r["bn"]}, "loss": r["loss"]} for r in PLAIN]
        lines = "\n".join(map(json.dumps, rows)) if kind == "jsonl" else json.dumps(rows)
        file.write_text(lines)
    else:
        separator = {"semicolon": ";", "tsv": "\t"}.get(kind, ",")
        text = frame.to_csv(sep=separator, decimal="," if kind == "semicolon" else ".")
        file.write_bytes(gzip.compress(text.encode()) if kind == "csv.gz" else text.encode())
    config = ["config.*"] if kind.startswith("json") else ["lr", "bn"]
    assert run(tmp_path, file, "--config", *config, "--value", "loss") == 0
    task = task_of(tmp_path)
    assert list(task.space.names) == ["lr", "bn"]
    assert task.evaluate(job({"lr": 0.01, "bn": False}, 0, 1), 0, None).value == 0.01
    assert task.clock == "evaluations"


def test_several_files_and_pairs(tmp_path, capsys):
    for seed in (0, 1):
        rows = [{"lr": lr, "seed": seed, "loss": lr + seed} for lr in (0.1, 0.2, 0.3)]
        pd.DataFrame(rows).to_csv(tmp_path / f"{seed}.csv", index=False)
    files = [tmp_path / "0.csv", tmp_path / "1.csv"]
    assert run(tmp_path, files, *LR, "--repetition", "seed") == 0
    assert "(paired)" in said(capsys)
    task = task_of(tmp_path)
    for seed in range(5):
        seen = [task.evaluate(job({"lr": lr}, 0, 1), seed, None).value for lr in (0.1, 0.2, 0.3)]
        np.testing.assert_allclose(np.diff(seen), 0.1)  # a hard fold is hard for all


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf", "", "OOM"])
def test_what_is_not_finite_has_failed(tmp_path, capsys, bad):
    file = written(tmp_path, f"lr,loss\n0.1,{bad}\n0.2,1\n0.3,2\n")
    assert run(tmp_path, file, *LR) == 0
    assert "1 evaluation without a finite value" in said(capsys)
    task = task_of(tmp_path)
    assert (task.optimum, task.median) == (1, 2)
    assert task.evaluate(job({"lr": 0.1}, 0, 1), 0, None).value == np.inf


def test_failed_curves_and_gaps(tmp_path, capsys):
    text = "lr,epoch,loss\n" + "".join(
        f"{lr},{epoch},{lr + 1 / epoch}\n"
        for lr in (0.1, 0.2, 0.3)
        for epoch in ((1, 2, 4) if lr == 0.2 else (1, 2, 3, 4))
    )
    file = written(tmp_path, text)
    assert run(tmp_path, file, *LR, "--resource", "epoch") == 0
    assert "1 level missing within curves" in said(capsys)
    found = task_of(tmp_path).evaluate(job({"lr": 0.2}, 0, 4), 0, None)
    assert found.values.tolist() == [1.2, 0.7, 0.7, 0.45]
    short = written(tmp_path, text.replace("0.3,4,0.55\n", ""))
    assert (
        run(tmp_path, short, *LR, "--resource", "epoch", "--replace", "--short-curves=failed") == 0
    )
    found = task_of(tmp_path).evaluate(job({"lr": 0.3}, 0, 4), 0, None)
    assert found.value == np.inf


def test_epochs_from_zero_and_seconds_of_each(tmp_path, capsys):
    text = "lr,step,loss,s\n" + "".join(
        f"{lr},{step},{lr},{s}\n" for lr in (0.1, 0.2) for step, s in ((0, 3), (1, 2), (2, 2))
    )
    file = written(tmp_path, text)
    assert run(tmp_path, file, *LR, "--resource", "step", "--seconds", "s") == 0
    words = said(capsys)
    assert "it is counted from 1" in words
    assert "they are added up" in words
    found = task_of(tmp_path).evaluate(job({"lr": 0.2}, 0, 3), 0, None)
    assert found.seconds.tolist() == [3, 5, 7]
    assert found.resources.tolist() == [1, 2, 3]


CURVES = [(lr, epoch, lr + 1 / epoch) for lr in (0.1, 0.2, 0.3) for epoch in (1, 2, 3, 4, 5)]
EPOCHS = [*LR, "--resource", "epoch", "--seconds", "s"]


def curves(tmp_path, rows, rising=False, **columns):
    """A table of curves: two seconds an epoch, or the seconds until then."""
    frame = pd.DataFrame(rows, columns=["lr", "epoch", "loss"])
    frame["s"] = 2 * frame["epoch"] if rising else 2
    file = tmp_path / "curves.csv"
    frame.assign(**columns).to_csv(file, index=False)
    return file


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("gone", [0, 5, 7])
def test_seconds_of_levels_that_are_left_out_count(tmp_path, capsys, gone, rising):
    """A training of 5 epochs of 2 s each costs 10 s, whichever row is missing."""
    rows = CURVES[:gone] + CURVES[gone + 1 :]
    assert run(tmp_path, curves(tmp_path, rows, rising), *EPOCHS) == 0
    words = said(capsys)
    assert ("1 level below 2 left out" in words) == (gone != 7)
    assert ("1 level missing before curves: their seconds" in words) == (gone != 7 and not rising)
    assert ("1 level missing within curves" in words) == (gone == 7)
    task = task_of(tmp_path)
    for lr in (0.1, 0.2, 0.3):
        found = task.evaluate(job({"lr": lr}, 0, 5), 0, None)
        assert found.seconds[-1] == 10
        assert found.seconds[0] == (2 if gone == 7 else 4)
    assert catalogue.read("task", "mine", [tmp_path])["budget"] == {"time_s": 30}


def test_a_row_that_is_there_twice_counts_once(tmp_path, capsys):
    rows = [*CURVES, CURVES[7]]
    assert run(tmp_path, curves(tmp_path, rows), *EPOCHS) == 0
    assert "1 row left out, since another has the same in every column" in said(capsys)
    task = task_of(tmp_path)
    assert task.evaluate(job({"lr": 0.2}, 0, 5), 0, None).seconds.tolist() == [2, 4, 6, 8, 10]
    assert (task.optimum, task.median) == pytest.approx((0.3, 0.4))
    seeds = {"seed": [0] * len(CURVES) + [0]}
    again = curves(tmp_path, rows, **seeds)
    assert run(tmp_path, again, *EPOCHS, "--repetition", "seed", name="labelled") == 0
    assert "1 row left out" in said(capsys)


@pytest.mark.parametrize(("extra", "level"), [([7], 3), ([5, 6, 7], 1)])
def test_trainings_that_cannot_be_told_apart_are_refused(tmp_path, capsys, extra, level):
    rows = [*CURVES, *[(lr, epoch, loss + 1) for lr, epoch, loss in (CURVES[k] for k in extra)]]
    assert run(tmp_path, curves(tmp_path, rows), *EPOCHS) == 2
    words = capsys.readouterr().err
    assert "{'lr': 0.2} has 2 rows at the epoch" in words
    assert "--repetition" in words
    assert not (tmp_path / "task").exists()


def test_whole_trainings_without_a_label_are_repetitions(tmp_path, capsys):
    rows = [*CURVES, *[(lr, epoch, loss + 1) for lr, epoch, loss in CURVES[5:10]]]
    assert run(tmp_path, curves(tmp_path, rows), *EPOCHS) == 0
    assert "5 rows of a configuration that was there already: repetitions" in said(capsys)
    assert task_of(tmp_path).optimum == pytest.approx(0.3)


def test_fractions_of_which_some_lack_a_level(tmp_path, capsys):
    rows = "".join(f"{lr},{f},{lr / f}\n" for lr in (1, 2, 3) for f in (0.25, 1.0))
    file = written(tmp_path, f"lr,frac,loss\n{rows}4,0.25,9\n")
    assert run(tmp_path, file, *LR, "--resource", "frac") == 0
    assert "1 training left out, as they lack some of the levels 0.25, 1" in said(capsys)
    assert task_of(tmp_path).space.size == 3


def test_texts_that_look_like_nothing_are_kept(tmp_path, capsys):
    file = written(tmp_path, "f,d,loss\nsqrt,,1\nNone,3,2\nlog2,5,3\nsqrt,5,4\n")
    assert run(tmp_path, file, "--config", "f", "d", "--value", "loss") == 0
    assert "an empty cell is 'none'" in said(capsys)
    space = catalogue.read("task", "mine", [tmp_path])["space"]
    assert space["f"]["values"] == ["None", "log2", "sqrt"]
    assert space["d"]["values"] == ["none", "3", "5"]


def test_texts_that_look_like_numbers_are_said_to_have_no_order(tmp_path, capsys):
    file = written(tmp_path, "drop,loss\n10%,1\n20%,2\n5,3\n")
    assert run(tmp_path, file, "--config", "drop", "--value", "loss") == 0
    assert "'10%' is a text, so that they have no order" in said(capsys)


def test_constraints(tmp_path):
    file = written(tmp_path, "lr,loss,mb\n0.1,1,50\n0.2,2,5\n0.3,3,5\n")
    assert run(tmp_path, file, *LR, "--constraint", "mb<=10") == 0
    task = task_of(tmp_path)
    assert task.optimum == 2
    assert task.evaluate(job({"lr": 0.1}, 0, 1), 0, None).constraints["mb"].tolist() == [-40]


def test_scikit_learn_halving(tmp_path, capsys):
    text = "iter,n_resources,mean_fit_time,mean_score_time,param_C,params,"
    text += "split0_test_score,split1_test_score,mean_test_score\n"
    for level in (10, 30):
        for c in (1, 2):
            text += f"0,{level},{level / 10},0.5,{c},\"{{'C': {c}}}\",0.5,0.{level}{c},0.6\n"
    assert run(tmp_path, written(tmp_path, text)) == 0
    assert "n_resources is the resource" in said(capsys)
    task = task_of(tmp_path)
    assert (task.fidelity.name, task.fidelity.levels) == ("n_resources", (10, 30))
    assert not task.fidelity.comparable
    assert task.optimum == pytest.approx(1 - (0.5 + 0.302) / 2, abs=1e-2)


def test_a_surrogate_needs_neither_costs_nor_test_values(tmp_path):
    columns = ["--config", "learning_rate", "l2", "--value", "loss_50"]
    assert run(tmp_path, CASES / "09_no_cost.csv", *columns) == 0
    task = surrogate(str(tmp_path / "task" / "mine.parquet"), quality={"error": -1.0})
    assert task.clock == "evaluations"
    config = {"learning_rate": 1e-3, "l2": 1e-3}
    found = task.evaluate(job(config, 0, 1), 0, None)
    assert 0.5 < found.value < 2.5
    assert found.test_values is None
    with pytest.raises(ValueError, match="with the error of configurations left out"):
        surrogate(str(tmp_path / "task" / "mine.parquet"), quality={"error": 0.999})


def test_a_model_of_the_table_beside_it(tmp_path, capsys):
    columns = ["--config", "learning_rate", "l2", "--value", "loss_50", "--surrogate"]
    assert run(tmp_path, CASES / "09_no_cost.csv", *columns) == 0
    assert "task=mine_surrogate" in said(capsys)
    with pytest.raises(InstantiationException, match="with the error of configurations left out"):
        task_of(tmp_path, "mine_surrogate", quality={"error": 0.999})
    task = task_of(tmp_path, "mine_surrogate", quality={"error": -1.0})
    assert np.isfinite(task.evaluate(job({"learning_rate": 1e-3, "l2": 1e-3}, 0, 1), 0, None).value)
    (tmp_path / "task" / "mine.yaml").unlink()
    assert run(tmp_path, CASES / "09_no_cost.csv", *columns) == 2
    assert "mine_surrogate.yaml is there already" in capsys.readouterr().err
    assert not (tmp_path / "task" / "mine.yaml").exists()


def test_values_on_training_data(tmp_path):
    """In the direction of the value: accuracies of 0.75 and 0.5 are errors of 0.25 and 0.5."""
    text = (
        "lr,epoch,acc,train_acc\n0.1,1,0.5,0.75\n0.1,2,0.5,0.875\n0.2,1,0.25,0.5\n0.2,2,0.5,0.5\n"
    )
    columns = ["--config", "lr", "--value", "acc", "--goal", "maximize", "--resource", "epoch"]
    assert run(tmp_path, written(tmp_path, text), *columns, "--train", "train_acc") == 0
    found = task_of(tmp_path).evaluate(job({"lr": 0.1}, 0, 2), 0, None)
    assert found.train_values.tolist() == [0.25, 0.125]


F1 = ["--config", "lr", "--goal", "maximize", "--value"]


@pytest.mark.parametrize(
    ("name", "values", "others", "option"),
    [
        ("f1", (0.9, 0.8), (62, 61), "--test"),
        ("f1", (0.9, 0.8), (62, 61), "--train"),
        ("accuracy", (90, 80), (0.62, 0.61), "--test"),
        ("accuracy", (90, 80), (90, 120), "--test"),
    ],
)
def test_shares_beside_percentages_are_refused(tmp_path, capsys, name, values, others, option):
    rows = "".join(f"{k},{a},{b}\n" for k, (a, b) in enumerate(zip(values, others, strict=True)))
    file = written(tmp_path, f"lr,{name},other\n{rows}")
    assert run(tmp_path, file, *F1, name, option, "other") == 2
    low, high = sorted(others)
    assert f"{option} other: it is from {low} to {high}, and {name}" in capsys.readouterr().err
    assert not (tmp_path / "task").exists()


def test_losses_on_scales_apart_are_said(tmp_path, capsys):
    file = written(tmp_path, "lr,error,test_error,train\n1,0.2,21,0.0001\n2,0.3,33,0.001\n")
    columns = ["--config", "lr", "--value", "error", "--test", "test_error", "--train", "train"]
    assert run(tmp_path, file, *columns) == 0
    words = said(capsys)
    assert "--test test_error has the median 27, and error 0.25: are both on one scale?" in words
    assert "--train" not in words


def test_a_table_of_no_use_is_named_by_nothing_that_is_gone(tmp_path, capsys):
    file = written(tmp_path, "lr,loss,s\n1,2,0\n2,3,0\n")
    assert run(tmp_path, file, *LR, "--seconds", "s") == 2
    error = capsys.readouterr().err
    assert "all seconds are 0" in error
    assert ".parquet" not in error


@pytest.mark.parametrize(
    ("condition", "values"),
    [("of!=b", (1, 3)), ("of!=", (1, 2)), ("of=", (3, 3)), ("odd!=1", (1, 1))],
)
def test_rows_are_chosen_by_what_they_do_not_have(tmp_path, condition, values):
    text = "lr,loss,of,odd!\n1,1,a,1\n2,2,b,2\n3,3,,2\n"
    assert run(tmp_path, written(tmp_path, text), *LR, "--where", condition) == 0
    tried = catalogue.read("task", "mine", [tmp_path])["space"]["lr"]
    assert (tried["low"], tried["high"]) == values


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("lr,loss\n1,2\n", [], "--config: say which columns"),
        ("lr,loss\n1,2\n", ["--config", "lt", "--value", "loss"], "Did you mean lr"),
        ("lr,acc\n1,2\n", ["--config", "lr", "--value", "acc"], "--goal minimize or"),
        ("lr,loss\n", LR, "holds no row"),
        ("lr,loss\n1,2,3\n", LR, "row 2 has 3 cells"),
        ("lr,lr,loss\n1,2,3\n", LR, "two columns are called 'lr'"),
        ("lr,loss\n1,nan\n", LR, "no configuration with a finite value"),
        ("lr,loss\n1,2\n", [*LR, "--where", "lr=3"], "no row has it; lr is 1"),
        ("lr,loss\n1,2\n", [*LR, "--where", "lr!=1"], "no row has it; lr is 1"),
        ("lr,loss\n1,2\n", [*LR, "--where", "lr>1"], "COLUMN=VALUE or COLUMN!=VALUE"),
        ("lr,loss,s\n1,2,-1\n", [*LR, "--seconds", "s"], "-1 is below 0"),
        ("lr,loss,e\n1,2,x\n", [*LR, "--resource", "e"], "holds 'x', no number"),
        ("lr,a_x,a_y\n1,2,3\n", ["--config", "lr", "--value", "a_*"], "--repetition '*'"),
        ("lr,loss\n1,2\n", ["--config", "lr", "loss", "--value", "loss"], "something else as well"),
        ("lr,loss\n1,45%\n2,30%\n", LR, "the column loss holds '45%' in row 1 of the data"),
        ("lr,loss\n1,2\n2,3%\n", [*LR, "--where", "lr=2"], "'3%' in row 2 of the data"),
        ("lr,loss,s\n1,2,10 s\n", [*LR, "--seconds", "s"], "'10 s' in row 1 of the data"),
        (
            f"n,loss\n{2**53},1\n{2**53 + 1},2\n",
            ["--config", "n", "--value", "loss"],
            f"the column n holds {2**53 + 1}, a whole number that double precision does not",
        ),
    ],
)
def test_what_is_asked_wrongly(tmp_path, capsys, text, options, words):
    assert run(tmp_path, written(tmp_path, text), *options) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.glob("task/*"))


def test_names_are_not_taken_twice(tmp_path, capsys):
    file = written(tmp_path, "lr,loss\n1,2\n2,3\n")
    assert run(tmp_path, file, *LR) == 0
    assert run(tmp_path, file, *LR) == 2
    assert "is there already" in capsys.readouterr().err
    assert run(tmp_path, file, *LR, name="phoneme") == 2
    assert "is shipped" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "a/b", "..", "x y"])
def test_names_that_no_file_can_have(tmp_path, capsys, name):
    assert run(tmp_path, written(tmp_path, "lr,loss\n1,2\n2,3\n"), *LR, name=name) == 2
    assert "--name" in capsys.readouterr().err
