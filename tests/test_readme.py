"""What the README tells to write down runs as it is printed there."""

import re
from pathlib import Path

from hpobench.cli import main
from hpobench.results import load

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def block(language, begin):
    """The block of code whose first line begins so."""
    found = re.search(rf"^```{language}\n({re.escape(begin)}.*?)^```", README, re.S | re.M)
    assert found, begin
    return found.group(1)


def test_the_searcher_of_two_methods(tmp_path, monkeypatch):
    (tmp_path / "method").mkdir()
    (tmp_path / "mine.py").write_text(block("python", "# DIR/mine.py"))
    head = "# DIR/method/mine.yaml, for hpobench run --conf DIR method=[mine,random] task="
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
