"""When a report that is there is taken as it is: pages themselves are made up here."""

import matplotlib as mpl
import pytest

from hpobench.cli import main
from hpobench.plots.report import page, reuse
from hpobench.results.study.stored import fingerprint
from hpobench.system import package
from tests.studies import execute, plan


def run(folder, seeds):
    """A study of so many seeds; more are added to it."""
    planned = plan(folder, "task=bowl", "method=random", f"seeds={seeds}")
    execute(planned, extend=True)
    return planned


@pytest.fixture
def study(tmp_path):
    return run(tmp_path, 2)


@pytest.fixture
def made(study, monkeypatch):
    """How many pages a call of `hpobench report` makes."""
    pages = []

    def write(_folder, output, **_options):
        pages.append(output)
        output.write_text("a page")

    monkeypatch.setattr(page, "write", write)

    def call(*options):
        pages.clear()
        assert main(["report", str(study.folder), *options]) == 0
        return len(pages)

    return call


def test_a_report_that_would_be_the_same_is_not_made_again(study, made, tmp_path):
    report, other = study.folder / "report.html", tmp_path / "mail" / "other.html"
    other.parent.mkdir()
    assert made() == 1
    assert made() == 0
    assert made("--output", str(other)) == 0
    assert other.read_text() == "a page"
    report.write_text("somebody else's page")
    assert made() == 1
    assert report.read_text() == "a page"
    report.unlink()
    assert made() == 1
    assert made("--failed", "last") == 1
    assert made() == 1
    (study.folder / reuse.FILE).write_text("[]")
    assert made() == 1


def test_whatever_it_is_made_from_makes_another(study, made, tmp_path, monkeypatch):
    assert made() == 1
    manifest = study.folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"git"', '"git" '))
    assert made() == 1
    run(tmp_path, 3)
    assert made() == 1
    assert made() == 0
    part = next((study.folder / "parts").iterdir())
    part.rename(tmp_path / "elsewhere")
    assert made() == 1
    with mpl.rc_context({"font.size": 3}):
        assert made() == 1
    assert made() == 1
    monkeypatch.setattr(reuse, "LIBRARIES", ("numpy",))
    assert made() == 1
    assert made() == 0


def test_a_study_with_real_runs_under_way_has_a_new_report_each_time(study, made):
    (study.folder / "journal").mkdir()
    (study.folder / "journal" / "bowl.jsonl").write_text("")
    assert [made(), made()] == [1, 1]


def test_what_happens_to_the_study_meanwhile_is_not_missed(study, made, tmp_path, monkeypatch):
    """Runs are stored while the page is written, and then are gone: the page has them."""

    def write(_folder, output, **_options):
        run(tmp_path, 3)
        output.write_text("a page")

    with monkeypatch.context() as patched:
        patched.setattr(page, "write", write)
        assert main(["report", str(study.folder)]) == 0
    assert made() == 1


def test_another_program_makes_another_report(study, tmp_path, monkeypatch):
    before = reuse.made_from(study.folder, {})
    assert reuse.made_from(study.folder, {}) == before
    root = tmp_path / "program"
    root.mkdir()
    monkeypatch.setattr(package, "folders", lambda: {"": root})
    (root / "module.py").write_text("")
    after = reuse.made_from(study.folder, {})
    assert after != before
    (root / "style.css").write_text("p {}")
    assert reuse.made_from(study.folder, {}) not in (before, after)


def test_parts_without_a_seal_are_looked_at_themselves(study):
    """They are as older versions wrote them; a seal states the hashes of the tables."""
    sealed = fingerprint(study.folder)
    for seal in (study.folder / "parts").glob("*/seal.json"):
        seal.unlink()
    assert fingerprint(study.folder) == sealed
