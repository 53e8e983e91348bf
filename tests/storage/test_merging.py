"""Merging parts: the same rows, in fewer files, and nothing twice or lost whatever happens."""

import shutil

import pandas as pd
import pytest

from hpobench.cli import main
from hpobench.results import load
from hpobench.storage import merging, parts
from hpobench.study import study as studies
from tests.studies import execute, plan

SETTINGS = ["task=bowl", "method=[random,evolution]", "part_runs=2", "seeds=7", "budget.trials=5"]
TABLES = ("observations", "trials", "jobs", "decisions", "runs")


@pytest.fixture
def study(tmp_path):
    made = plan(tmp_path, *SETTINGS)
    execute(made)
    return made


def tables(study):
    stored = load(study.folder)
    return {name: getattr(stored, name) for name in TABLES}


def check_same(study, before):
    for name, rows in tables(study).items():
        pd.testing.assert_frame_equal(rows, before[name], check_exact=True)


def names(study):
    return sorted(path.name for path in (study.folder / "parts").iterdir())


def test_parts_of_a_pair_become_one_with_the_same_rows(study, tmp_path, capsys):
    before = tables(study)
    assert len(names(study)) == 8
    assert main(["compact", str(study.folder)]) == 0
    assert "8 parts" in capsys.readouterr().out
    assert [name.split(".")[2] for name in names(study)] == ["0-6", "0-6"]
    check_same(study, before)
    assert merging.compact(study.folder) == 0
    assert execute(plan(tmp_path, *SETTINGS)) == 0


def test_a_merged_study_grows_and_is_merged_again(study, tmp_path):
    merging.compact(study.folder)
    more = [s for s in SETTINGS if not s.startswith("seeds")]
    assert execute(plan(tmp_path, *more, "seeds=[7,8,9,10]"), extend=True) == 8
    before = tables(study)
    assert merging.compact(study.folder) == 6
    check_same(study, before)
    # Seeds between those that are merged are still missing, and are run.
    assert execute(plan(tmp_path, *more, "seeds=[12,11,30]"), extend=True) == 6


def test_a_call_merges_what_has_many_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "MANY_PARTS", 4)
    made = plan(tmp_path, *SETTINGS)
    execute(made)
    assert len(names(made)) == 2


def test_a_long_call_merges_as_it_goes(tmp_path, monkeypatch):
    """After each three parts, all that there are become one."""
    monkeypatch.setattr(studies, "MANY_PARTS", 2)
    monkeypatch.setattr(studies, "TIDY_EVERY", 3)
    settings = ["task=curves_stable", "method=random", "budget.trials=3", "seeds=12", "part_runs=1"]
    study = plan(tmp_path, *settings)
    counts = [len(names(study)) for _ in study.run()]
    assert counts == [1, 2, 3, 2, 3, 4, 2, 3, 4, 2, 3, 4]
    assert len(names(study)) == 1
    assert len(load(study.folder).runs) == 12


def test_one_that_was_killed_before_it_removed_the_parts_leaves_nothing_twice(
    study, tmp_path, monkeypatch, recwarn
):
    before = tables(study)
    with monkeypatch.context() as killed:
        killed.setattr(parts, "remove", str)
        merging.compact(study.folder)
    assert len(names(study)) == 10
    check_same(study, before)
    assert not recwarn.list
    assert execute(plan(tmp_path, *SETTINGS)) == 0
    assert len(names(study)) == 2
    check_same(study, before)


def test_a_part_that_only_has_the_name_of_a_merged_one_stays(study):
    part = study.folder / "parts" / names(study)[0]
    shutil.copytree(part, study.folder / "kept")
    merging.compact(study.folder)
    shutil.copytree(study.folder / "kept", part)
    (part / "seal.json").write_text((part / "seal.json").read_text() + "\n")
    parts.clear_up(study.folder)
    assert part.exists()


def test_parts_with_attempts_that_were_replaced_stay(tmp_path):
    settings = ["task=bowl", "method=broken", "seeds=2", "part_runs=1", "budget.trials=5"]
    made = plan(tmp_path, *settings)
    execute(made)
    execute(plan(tmp_path, *settings, "retry_failed=true"))
    assert len(names(made)) == 4
    merging.compact(made.folder)
    assert load(made.folder).runs["status"].tolist() == ["failed", "failed"]
    assert len(parts.inventory(made.folder)) == 2


def test_what_is_stored_of_a_pair_is_found_in_merged_parts(study):
    pair = study.pairs[0]
    merging.compact(study.folder)
    found = parts.stored(study.folder, pair.key(0), [1, 5, 9])
    assert {key.seed: status for key, status in found.items()} == {1: "ok", 5: "ok"}
