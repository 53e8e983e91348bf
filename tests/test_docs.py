"""The code and the commands of the documentation run as they are printed, in a folder of their own.

A block that begins with `# file: PATH` is written there; Python runs page by page, in one
namespace; commands run in order. `make test-docs` runs the commands of the chapter, too.
"""

import inspect
import json
import os
import re
import shlex

import numpy as np
import pytest
import yaml

from hpobench.cli import main, parser
from hpobench.cli import run as running
from hpobench.cli import tune as tuning
from hpobench.records import Job
from hpobench.results import load
from hpobench.study import catalogue, compose
from hpobench.study.build import build_task
from hpobench.system.dotted import locate
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


# What a page cannot bring: data, models, logs -----------------------------------------------------

CODE = """
import math

class Model:
    def __init__(self, learning_rate, units, seed):
        self.level, self.epochs = abs(math.log10(learning_rate) + 2) + 1 / units, 0

    def train_one_epoch(self):
        self.epochs += 1

    def error(self, data):
        return self.level + data + 1 / self.epochs

    def store(self, path):
        path.write_text(str(self.epochs))

    def restore(self, path):
        self.epochs = int(path.read_text())

validation, test, training = 0.0, 0.1, -0.1
error, test_error, train_error = 0.2, 0.3, 0.1

"""
ERROR = """
def error(learning_rate, units, batch_size, activation, dropout):
    return (learning_rate - 0.1) ** 2 + units / 1000 + dropout
"""


def blocks(page, language, beginning=""):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return [block for of, block in BLOCK.findall(text) if of == language and beginning in block]


def written(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def run_of(tmp_path, *words):
    fixed = ["seeds=1", "budget.trials=3", "n_jobs=1", "progress=false", "name=mine"]
    return main(["run", "--conf", str(tmp_path), *words, *fixed])


@pytest.mark.parametrize("number", range(3))
def test_the_loops_of_own_problem(number, tmp_path):
    """A generator, one that reports, one that saves itself; each with the YAML of the first."""
    code = [block for block in blocks("own-problem.md", "python") if "def train" in block]
    (stated,) = blocks("own-problem.md", "yaml", "loops.TrainingLoop")
    written(tmp_path / "training.py", CODE + code[number])
    written(tmp_path / "task" / "mine.yaml", stated)
    assert len(code) == 3
    # As it is printed, on the simulated clock.
    assert run_of(tmp_path, "task=mine", "method=[random,asha,bohb]") == 0
    rows = load("runs/mine").observations
    assert (rows["status"] == "ok").all()
    assert rows["resource"].max() == 27
    if number < 2:
        assert np.allclose(rows["value"] - rows["train_value"], 0.1)


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ("guide.md", ERROR),
        ("own-problem.md", "def error(learning_rate):\n    return learning_rate\n"),
    ],
)
def test_the_functions_of_own_problem_and_of_the_guide(page, code, tmp_path):
    (stated,) = blocks(page, "yaml", "functions.FunctionTask")
    written(tmp_path / "training.py", code)
    written(tmp_path / "task" / "mine.yaml", stated)
    assert run_of(tmp_path, "task=mine", "method=random") == 0


def test_the_estimator_of_own_problem():
    (stated,) = blocks("own-problem.md", "yaml", "CrossValidation")
    task = build_task(yaml.safe_load(stated))
    job = Job(0, task.space.default(), 0, task.fidelity.r_min)
    assert task.evaluate(job, 0, None).value < 0.5


def test_the_commands_of_tables(tmp_path):
    rows = [f"{0.1 * n},{n % 3},{1 / (n + 1)},{n + 1}" for n in range(9)]
    written(tmp_path / "results.csv", "\n".join(["lr,depth,val_loss,train_time", *rows]))
    for text in blocks("tables.md", "", "hpobench"):
        run_commands(text.replace("seeds=30", "seeds=2"))
    assert len(load("runs/mine").runs) == 6


def test_the_commands_of_logs(tmp_path):
    import optuna

    for name in ("cnn-tpe-seed0", "cnn-random-seed0"):
        study = optuna.create_study(storage=f"sqlite:///{tmp_path}/tuning.db", study_name=name)
        study.optimize(lambda trial: trial.suggest_float("lr", 0, 1), n_trials=2)
    bring, export = blocks("logs.md", "", "hpobench")
    run_commands(bring.replace("hpobench report tuning", ""))
    run_commands(export.replace("export mine", "export tuning"))
    assert (tmp_path / "mine.csv").read_text().count("\n") == 5
    names = optuna.get_all_study_names(f"sqlite:///{tmp_path}/mine.db")
    assert sorted(names) == ["cnn-random-0", "cnn-tpe-0"]
    assert [*(tmp_path / "mine_ioh").iterdir()]


@pytest.mark.parametrize("number", range(2))
def test_the_tasks_of_suites_state_what_their_makers_take(number):
    settings = yaml.safe_load(blocks("suites.md", "yaml")[number])
    family = {name: values[0] for name, values in settings.pop("family", {}).items()}
    maker = locate(settings.pop("_target_"))
    given = {name: value for name, value in settings.items() if name not in ("about", "budget")}
    inspect.signature(maker).bind(**given | family)


ALL = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")]
INLINE = re.compile(r"`(hpobench [^`]+)`")


def commands_of(page):
    """All commands of a page, in blocks and in lines, that are whole."""
    text = page.read_text(encoding="utf-8")
    lines = [line for language, block in BLOCK.findall(text) for line in block.splitlines()]
    found = [line for line in lines if line.startswith("hpobench ")]
    found += INLINE.findall(BLOCK.sub("", text))
    words = [shlex.split(line, comments=True)[1:] for line in found]
    return [some for some in words if "..." not in some and len(some) > 1]


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_each_command_of_a_page_is_one(page, tmp_path):
    """It is parsed; of a study all names and settings are looked up."""
    for place, node in OF_ONES_OWN.items():
        written(tmp_path / f"{place}.yaml", yaml.safe_dump(node))
    for words in commands_of(page):
        options = parser._parse(words)
        texts = getattr(options, "overrides", [])
        # NAME is any; a study in runs/ would have to be stored.
        known = not any(text.split("=")[-1].isupper() or "=runs/" in text for text in texts)
        if options.command in (running.run, tuning.tune) and known:
            settings = [text for text in texts if text != "method=auto"]
            compose.load(["name=it", *settings], [tmp_path])


OF_ONES_OWN = {
    "study/mine": {"comparisons": [{"task": ["branin"], "method": ["random"]}]}
    | {"seeds": 1, "workers": 1},
    "task/mine": {"_target_": "hpobench.tasks.functions.branin"},
    "method/mine": {"_target_": "hpobench.methods.composite.Composite"},
    "method/my_optimizer": {"_target_": "hpobench.methods.composite.Composite"},
    "engine/ours": {"_target_": "dask_jobqueue.PBSCluster"},
}
"""What commands call so, in their folders."""
