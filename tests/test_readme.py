"""What the guide tells to write down runs as it is printed there."""

import re

import pytest

from hpobench.cli import main
from hpobench.results import load
from hpobench.system.dotted import locate
from tests.rooms import ROOT, modules

GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


def block(language, begin):
    """The block of code whose first line begins so."""
    found = re.search(rf"^```{language}\n({re.escape(begin)}.*?)^```", GUIDE, re.S | re.M)
    assert found, begin
    return found.group(1)


def test_the_searcher_of_two_methods(tmp_path, monkeypatch):
    (tmp_path / "method").mkdir()
    (tmp_path / "mine.py").write_text(block("python", "# DIR/mine.py"))
    head = "# DIR/method/mine.yaml, for hpobench run --conf DIR 'method=[mine,random]' task="
    (tmp_path / "method" / "mine.yaml").write_text(block("yaml", head))
    monkeypatch.chdir(tmp_path)
    settings = (
        "method=[mine,random] task=curves_stable seeds=5 name=compared n_jobs=1 progress=false"
    )
    assert main(["run", "--conf", str(tmp_path), *settings.split()]) == 0
    study = load("runs/compared")
    assert (study.runs["status"] == "ok").all()
    values = study.observations.groupby(["method", "seed"], observed=True)["value"].min()
    best = values.groupby("method", observed=True).mean()
    assert best["mine"] < best["random"]
    names: dict[str, object] = {}
    exec(block("python", "from hpobench.results").replace("runs/mine", "runs/compared"), names)
    assert set(names["curves"].lines) == {"mine", "random"}
    assert names["best"].method in ("mine", "random")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_files_and_names_that_a_page_tells_of_are_there(page):
    text = page.read_text(encoding="utf-8")
    ours = {path.relative_to(ROOT).as_posix() for path in modules().values()}
    ours |= {path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/**/*.py")} | {
        "setup.py"
    }
    for name in re.findall(r"`([a-z_/]+\.py)`", text):
        assert any(path == name or path.endswith(f"/{name}") for path in ours), name
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / link).exists(), link
    for name in re.findall(r"\bhpobench(?:\.[a-z_]+)+(?:\.[A-Z]\w+)?", text):
        if name != "hpobench.sbatch":  # a file that `hpobench sbatch` writes
            locate(name)
