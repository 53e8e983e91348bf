"""Names as pieces of paths: never outside their folder, never two in one place."""

import numpy as np
import pytest

from hpobench.system import names

ODD = [
    *[
        "../x",
        "..",
        ".",
        "",
        "a/b",
        "a\\b",
        "/etc/passwd",
        "C:\\x",
        "a\0b",
        "a\nb",
        " a",
        "a ",
        "a.",
    ],
    *[
        "nul",
        "CON.txt",
        "com1",
        "-rf",
        "~",
        "*",
        "$HOME",
        "x" * 300,
        "é" * 100,
        "\udc80",
        "\u202eabc",
    ],
    *["e\u0301", "名" * 40, ".hidden", "a,b", "a=b", "'", '"'],
]


@pytest.mark.parametrize("name", ["random", "asha_tpe", "phoneme", "v1.5+x", "crème", "31", "A-b"])
def test_plain_names_stay(name):
    assert names.as_file_name(name) == name


@pytest.mark.parametrize("name", ODD)
def test_what_is_made_of_a_name_is_one_piece_in_its_folder(name, tmp_path):
    piece = names.as_file_name(name)
    assert piece != name
    path = tmp_path / piece
    path.write_text("x")
    assert path.resolve().parent == tmp_path.resolve()
    assert list(tmp_path.iterdir()) == [path]
    assert len(piece.encode()) <= 60
    assert not piece.startswith((".", "-"))
    # What is made is plain itself.
    assert names.as_file_name(piece) == piece


def test_different_names_have_different_files():
    assert len({names.as_file_name(name).casefold() for name in ODD}) == len(ODD)
    rng = np.random.default_rng(0)
    letters = list("aA/\\.:é_- ")
    many = {"".join(rng.choice(letters, size=rng.integers(1, 5))) for _ in range(3000)}
    made = names.as_file_names(many)
    assert set(made) == many
    assert len({piece.casefold() for piece in made.values()}) == len(many)


def test_upper_and_lower_case_do_not_share_a_file():
    made = names.as_file_names(["Mine", "mine", "MINE"])
    assert made["Mine"] == "Mine"
    assert len({piece.casefold() for piece in made.values()}) == 3


@pytest.mark.parametrize("name", [*ODD])
def test_studies_with_such_names_are_refused(name):
    with pytest.raises(ValueError, match="use letters, digits"):
        names.check_study(name)


def test_studies_may_have_names_of_a_hundred_bytes():
    names.check_study("x" * 100)


def test_parts_and_figures_of_hostile_names_stay_in_their_folder(tmp_path, monkeypatch):
    import hpobench.plots.draw as drawing
    from hpobench.identity import RunKey
    from hpobench.loop.recorder import Recorder
    from hpobench.storage import parts
    from hpobench.storage.arrow import RunRecord
    from tests.results.synthetic import random_study

    hostile = "../../x\0y"
    columns = Recorder()
    record = RunRecord(
        RunKey(hostile, hostile, 0, "f"), columns.observations(), [], columns.job_columns(),
        columns.decision_columns(), 0.0, 0.0,
    )  # fmt: skip
    folder = tmp_path / "study"
    assert parts.write_part(folder, [record]).resolve().parent == (folder / "parts").resolve()
    assert set(parts.inventory(folder)) == {record.key}

    study = random_study(tasks=2, methods=2, seeds=2)
    study.methods = {
        hostile if name == "method_0" else name: f for name, f in study.methods.items()
    }
    for name in ("observations", "runs"):
        rows = getattr(study, name)
        rows["method"] = rows["method"].cat.rename_categories({"method_0": hostile})
    stems = []
    monkeypatch.setattr(drawing, "_save", lambda _drawn, _folder, stem: stems.append(stem) or [])
    drawing.draw_speedups(study, folder, reference=hostile)
    assert len(stems) == 1
    assert names.as_file_name(hostile) in stems[0]
    assert "/" not in stems[0]
