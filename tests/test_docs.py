"""The code and the commands of the documentation run as they are printed, in a folder of their own.

A block that begins with `# file: PATH` is written there; Python runs page by page, in one
namespace; commands run in order. `make test-docs` runs the commands of the chapter, too.
"""

import json
import os
import re
import shlex

import pytest

from hpobench.cli import main
from hpobench.study import catalogue
from tests.rooms import ROOT

PAGES = [
    "README.md",
    "docs/quickstart.md",
    pytest.param("docs/recipes.md", marks=pytest.mark.slow),
    "docs/chapter.md",
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.S | re.M)
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
SLOW = bool(os.environ.get("HPOBENCH_SLOW_TESTS"))


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")


def run_python(text, names):
    exec(compile(text, "page", "exec"), names)


def run_commands(text):
    """The lines that call the program; a study's seeds are few, unless it says how many.

    Without HPOBENCH_SLOW_TESTS they are two in any case.
    """
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words or words[0] != "hpobench":
            assert not words or words[0] in ("make", "pip"), line
            continue
        if words[1] == "run":
            settings = [word.partition("=")[0] for word in words]
            chapter = any(word.startswith("study=chapter/") for word in words)
            few = ["seeds=2"] if "seeds" not in settings and chapter else []
            words += [*few, "progress=false", "n_jobs=1"]
            if not SLOW:
                words = [re.sub(r"^seeds=\d+$", "seeds=2", word) for word in words]
        assert main(words[1:]) == 0, line


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs(page, tmp_path, capsys):
    names = {"__name__": "__main__"}
    text = (ROOT / page).read_text(encoding="utf-8")
    ran = 0
    for language, block in BLOCK.findall(text):
        if found := re.match(r"# file: (\S+)\n", block):
            path = tmp_path / found[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block)
        elif language == "python":
            run_python(block, names)
            ran += 1
        elif language == "" and "hpobench" in block and (SLOW or "study=chapter" not in text):
            run_commands(block)
            ran += 1
    assert ran > 1
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path):
    names = {"__name__": "__main__"}
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            run_python("".join(cell["source"]), names)


def test_there_are_three_notebooks():
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda p: p.name
)
def test_lists_are_quoted_where_a_shell_would_take_them_for_patterns(page):
    """zsh refuses method=[a,b] and glob(a*) without quotes."""
    for language, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language in ("", "sh", "bash", "console"):
            for line in block.splitlines():
                if "hpobench " in line:
                    bare = re.sub(r"'[^']*'|#.*", "", line)
                    assert not re.search(r"=\S*[\[(*]", bare), line


def test_each_study_of_the_chapter_is_on_its_page():
    text = (ROOT / "docs" / "chapter.md").read_text(encoding="utf-8")
    names = [name for name in catalogue.names("study") if name.startswith("chapter/")]
    assert names
    assert all(f"study={name}" in text for name in names)


def test_the_site_has_a_card_for_each_method_and_task_and_a_page_for_each_command():
    from tests import site

    pages = site.pages()
    for group in ("method", "task"):
        text = pages[f"reference/{group}s.md"]
        assert all(f"`{group}={name}`" in text for name in catalogue.names(group))
    assert "## hpobench peers install" in pages["reference/commands.md"]
    assert "### tune" in pages["reference/python.md"]
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert all(f": {name}" in nav for name in pages)
