"""Files of results as tables: what a cell is taken for."""

import json
import math

import pandas as pd
import pytest

from hpobench.results.foreign import from_csv
from hpobench.tables import reading


def frame_of(tmp_path, text, name="t.csv"):
    file = tmp_path / name
    file.write_text(text)
    return reading.read([file])


@pytest.mark.parametrize(
    ("cell", "remedy"),
    [
        ("45%", "without the sign"),
        ("1,234.5", "nothing between thousands"),
        ("1.234,5", "nothing between thousands"),
        ("1 234", "nothing between thousands"),
        ("1'234.5", "nothing between thousands"),
        ("10 s", "in one unit"),
        ("$5", "in one unit"),
        ("0:01:30", "in one unit"),
        ("0.5 ± 0.1", "in one unit"),
        ("−0.5", "in one unit"),
        ("tensor(0.5)", "in one unit"),
        ("<0.1", "in one unit"),
    ],
)
def test_texts_that_were_meant_as_numbers_are_no_failures(cell, remedy):
    column = pd.Series([0.5, cell], [0, 7], dtype=object, name="loss")
    with pytest.raises(ValueError, match=f"{remedy}.*; if it has failed, leave the cell") as error:
        reading.numbers(column)
    assert f"the column loss holds {cell!r} in row 8 of the data: " in str(error.value)


def test_runs_in_a_table_are_read_by_the_same_rule(tmp_path):
    file = tmp_path / "runs.csv"
    file.write_text("method,seed,lr,loss\nrandom,0,0.1,0.5\nrandom,0,0.2,45%\n")
    with pytest.raises(ValueError, match="the column loss holds '45%' in row 2 of the data"):
        from_csv(file, mode="min")


@pytest.mark.parametrize("word", ["OOM", "failed", "error 137", "1.#INF", "-1.#IND", "n/a", "-"])
def test_words_in_the_place_of_numbers_are_counted(word):
    values, words = reading.numbers(pd.Series([0.5, word, word, None], dtype=object))
    assert values.tolist()[0] == 0.5
    assert values.isna().tolist() == [False, True, True, True]
    assert words == {word: 2}


def test_numbers_that_were_stored_as_texts_are_numbers():
    values, words = reading.numbers(pd.Series(["0.5", " 1e-3", 2], dtype=object))
    assert values.tolist() == [0.5, 0.001, 2]
    assert not words


@pytest.mark.parametrize(
    ("rows", "values"),
    [
        ("lr;loss\n0,1;3\n0,25;1,234\n", [3, 1.234]),
        ("lr;loss\n0,1;1e-3\n,5;,25\n", ["1e-3", 0.25]),
        ("lr\tloss\n0,1\t3\n0,25\t1,234\n", [3, 1.234]),
        ("lr;loss\n[16, 32];0.5\n16;0.25\n", [0.5, 0.25]),
    ],
)
def test_decimal_commas(tmp_path, rows, values):
    read = frame_of(tmp_path, rows)["loss"].tolist()
    assert read == [0.001 if value == "1e-3" else value for value in values]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "lr;depth;loss\n0,1;3;999\n0,01;4;1.234\n0,2;5;1.050\n",
            "lr is '0,1' in row 1 of the data, loss is '1.234' in row 2: write all numbers one way",
        ),
        ("lr\tloss\n1\t1,234\n2\t999\n", "loss is '1,234' in row 1 of the data, which may be"),
        ("lr|loss\n1.5|1,5\n", "loss is '1,5' in row 1 of the data, lr is '1.5' in row 1"),
    ],
)
def test_commas_that_may_be_either_are_refused(tmp_path, text, words):
    with pytest.raises(ValueError, match=r"t\.csv cannot be read as a table") as error:
        frame_of(tmp_path, text)
    assert words in str(error.value)


LARGE = [2**53 + 1, 2**53, None]


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_whole_numbers_beside_empty_cells_stay_whole(tmp_path, kind):
    """Floats hold no 2**53 + 1: a column of them would have 2**53 twice."""
    file = tmp_path / f"t.{kind}"
    frame = pd.DataFrame({"seed": pd.array(LARGE, "Int64"), "loss": [1, 2, 3]})
    if kind == "csv":
        frame.to_csv(file, index=False)
    elif kind == "parquet":
        frame.to_parquet(file)
    else:
        rows = [{"seed": LARGE[0]}, {"seed": LARGE[1]}, {"loss": 3}]
        file.write_text("\n".join(map(json.dumps, rows)))
    assert reading.read([file])["seed"].tolist() == LARGE


def test_mappings_within_json_are_taken_apart(tmp_path):
    rows = [{"config": {"lr": 0.1, "opt": {"name": "sgd"}}, "loss": math.nan}, {"layers": [1, 2]}]
    frame = frame_of(tmp_path, json.dumps(rows), "t.json")
    assert list(frame) == ["config.lr", "config.opt.name", "loss", "layers"]
    assert frame.loc[0].tolist() == [0.1, "sgd", None, None]
    assert frame.loc[1, "layers"] == "[1, 2]"


def test_rows_that_are_chosen_keep_their_numbers(tmp_path):
    frame = frame_of(tmp_path, "of,loss\na,1\nb,2\na,3\n")
    assert reading.chosen(frame, ["of=a"]).index.tolist() == [0, 2]
