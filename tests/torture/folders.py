"""Folders of studies that hold what nobody expects: foreign files, odd text, wrong types, names.

Each trial changes a copy of a small study and gives commands. It holds if every command does its
work, or ends with status 2 and names what is wrong; and if what is shown can do no harm.
"""

import contextlib
import io
import json
import os
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hpobench.cli import main
from hpobench.storage import seal
from tests.studies import execute, plan

SETTINGS = ("task=bowl", "method=[random,sobol]", "seeds=2", "budget.trials=6")
NASTY = [
    "a\n\\input{/etc/passwd}",
    "$\\frac$ of it",
    "$x",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "[9cm] *a* | `b` & 100% of #1 ~x^2 \\",
    "\x1b[31mred\x07\x00",
    "\u202eevil",
    "\ud800 half",
    "x" * 3000,
    "",
]
ODD_TEXT = [
    b"",
    b"\xff\xfe\x00binary",
    b"[1, 2]",
    b"3",
    b'"text"',
    b"[" * 5000,
    b"a: b: c",
    b"\x00",
]
ODD_VALUES: list[Any] = [None, 3, "x", [], {}, [1], {"a": 1}, True]


def attack(folder: Path, scale: float) -> Counter[str]:
    """Every kind of oddity, with the commands that meet it."""
    whole = plan(folder, *SETTINGS)
    execute(whole)
    counts: Counter[str] = Counter()
    trials = list(_trials())
    step = max(1, round(1 / scale)) if scale < 1 else 1
    for spoil, culprit, commands in trials[::step]:
        copy = folder / "copies" / "study"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(whole.folder, copy)
        seal._examined.cache_clear()
        spoil(copy)
        words = [_try(command, folder, copy, culprit) for command in commands]
        counts[next(filter(None, words), "held")] += 1
    return counts


Trial = tuple[Callable[[Path], object], str, list[str]]


def _trials() -> Iterator[Trial]:
    short, looks = ["run", "markdown", "latex"], ["run", "markdown", "latex", "report", "plot"]
    for spoil in _foreign():
        yield spoil, "parts", short
    for text in ODD_TEXT:
        for name in ("study.json", "config.yaml", "manifest.json"):
            yield (lambda copy, n=name, t=text: (copy / n).write_bytes(t)), name, ["report", *short]
    for name in ("config.yaml", "manifest.json"):
        yield (lambda copy, n=name: _folder_instead(copy / n)), name, ["report", "run"]
    yield (lambda copy: (copy / "figures").write_text("x")), "figures", ["plot"]
    for keys in (["pairs"], ["tasks"], ["methods"], ["settings"], ["name"], ["schema"]):
        yield from _wrong(keys, short)
    for keys in (["pairs", 0, "seeds"], ["pairs", 0, "task"], ["tasks", "bowl", "label"]):
        for spoil, culprit, commands in _wrong(keys, short):
            # A plan of no seeds is a plan: `run` asks before it adds to it, and names the study.
            yield spoil, culprit if "seeds" not in keys else "study", commands
    yield from _wrong(["tasks", "bowl", "optimum"], short)
    for label in NASTY:
        for keys in (["methods", "random", "label"], ["tasks", "bowl", "label"]):
            yield (lambda copy, k=keys, t=label: _set(copy, k, t)), "study.json", looks


def _foreign() -> Iterator[Callable[[Path], object]]:
    names = ("notes", "a b", ".draft", ".draft x y z", "draft", "bowl.random.0-1", "-rf", "\n", "…")
    for name in names:
        yield lambda copy, n=name: (copy / "parts" / n).mkdir()
        yield lambda copy, n=name: (copy / "parts" / n).write_bytes(b"\xff")
    yield lambda copy: (copy / "parts" / "loop").symlink_to(copy / "parts" / "loop")
    yield lambda copy: (copy / "parts" / "up").symlink_to(copy)
    yield lambda copy: os.mkfifo(copy / "parts" / "pipe")
    yield lambda copy: _pipe_instead(next(copy.glob("parts/bowl.sobol*/runs.parquet")))
    yield lambda copy: _folder_instead(next(copy.glob("parts/bowl.sobol*/jobs.parquet")))
    yield lambda copy: _folder_instead(next(copy.glob("parts/bowl.sobol*/seal.json")))


def _pipe_instead(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _wrong(keys: list[Any], commands: list[str]) -> Iterator[Trial]:
    for value in ODD_VALUES:
        yield (lambda copy, v=value: _set(copy, keys, v)), "study.json", commands
    yield (lambda copy: _set(copy, keys, ...)), "study.json", commands


def _set(copy: Path, keys: list[Any], value: Any) -> None:
    """Change the plan on purpose, its sum taken out, as its error says one may; ...: delete."""
    path = copy / "study.json"
    content = json.loads(path.read_text())
    content.pop("sum", None)
    node = content
    for key in keys[:-1]:
        node = node[key]
    if value is ...:
        del node[keys[-1]]
    else:
        node[keys[-1]] = value
    path.write_text(json.dumps(content))


def _try(command: str, folder: Path, copy: Path, culprit: str) -> str:
    """What went wrong, in words; empty if the command held."""
    said, shown = io.StringIO(), io.StringIO()
    output = folder / f"output.{command}"
    output.unlink(missing_ok=True)
    study = ["study", "--runs-dir", str(copy.parent)]
    place = [f"runs_dir={copy.parent}", "name=study", "n_jobs=1", "progress=false"]
    arguments = {
        "run": ["run", *SETTINGS, *place, "--conf", str(folder / "conf")],
        "markdown": ["export", *study, "--output", str(output)],
        "latex": ["export", *study, "--format", "latex", "--output", str(output)],
        "report": ["report", *study, "--output", str(output)],
        "plot": ["plot", *study],
    }[command]
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(shown),
    ):
        warnings.simplefilter("always")
        try:
            status = main(arguments)
        except BaseException as error:
            return f"{command} ended with {type(error).__name__}"
    if status not in (0, 2):
        return f"{command} ended with status {status}"
    if status == 2:
        return "" if culprit in said.getvalue() else f"{command} did not name what is wrong"
    return _harm(command, output)


def _harm(command: str, output: Path) -> str:
    """Whether a name has become markup in what was written."""
    if command == "latex":
        text = output.read_text("utf-8")
        live = re.search(r"\\input|\\frac|(?<!\\)#|\x1b", text)
        return "a name is live in LaTeX" if live else ""
    if command == "markdown":
        text = output.read_text("utf-8")
        live = re.search(r"(?<!\\)<script|(?<!\\)<img|\x1b|^\\\\input", text, re.MULTILINE)
        return "a name is live in Markdown" if live else ""
    if command == "report":
        text = output.read_text("utf-8")
        return (
            "a name is live in the report" if re.search(r"<script>alert|<img src=x", text) else ""
        )
    return ""
