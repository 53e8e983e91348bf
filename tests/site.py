"""`make docs`: the documentation as a site, in build/site; its reference is made from the code.

Pages are those of docs/, the README and the changes, and one each for the commands (from the
parser), the settings, the methods and tasks (cards, from `conf/` and the shipped evidence), and
what users import (from docstrings). Links to files outside of docs/ become their names.
"""

import argparse
import importlib
import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import yaml

from hpobench.cli import catalog, parser
from hpobench.results.advice.evidence import SHIPPED, Row, read
from hpobench.shown import in_markdown
from hpobench.study import catalogue
from tests.rooms import ROOT

SOURCES = ROOT / "build" / "docs"
MODULES = ("hpobench", "hpobench.results", "hpobench.plots")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)]+)\)")


def main() -> int:
    """Write the pages, then have mkdocs build the site; its exit status."""
    shutil.rmtree(SOURCES, ignore_errors=True)
    SOURCES.mkdir(parents=True)
    for name, text in pages().items():
        path = SOURCES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for picture in [*ROOT.glob("docs/*.png"), *ROOT.glob("docs/*.svg")]:
        shutil.copy(picture, SOURCES)
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--config-file", "mkdocs.yml"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def pages() -> dict[str, str]:
    """All pages by their place below build/docs."""
    made = {path.name: path.read_text(encoding="utf-8") for path in ROOT.glob("docs/*.md")}
    made["index.md"] = (ROOT / "README.md").read_text(encoding="utf-8").replace("](docs/", "](")
    made["changes.md"] = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    made = {
        name: LINK.sub(lambda found: _link(found, set(made)), text) for name, text in made.items()
    }
    return made | {
        "reference/commands.md": "\n".join(commands()),
        "reference/settings.md": settings(),
        "reference/methods.md": "\n".join(cards("method")),
        "reference/tasks.md": "\n".join(cards("task")),
        "reference/python.md": "\n".join(python()),
        "reference/gallery.md": "\n".join(gallery()),
    }


def _link(found: re.Match[str], pages: set[str]) -> str:
    words, target = found[1], found[2]
    place = target.partition("#")[0]
    if re.match(r"\w+:|#", target) or place in pages or place.endswith((".png", ".svg")):
        return found[0]
    return words if words.startswith("`") else f"{words} (`{place.removeprefix('../')}`)"


def commands() -> Iterator[str]:
    """The help of each command."""
    yield "# Commands\n"
    for name, command in _subparsers(parser._parser(), "hpobench"):
        command.formatter_class = argparse.RawDescriptionHelpFormatter
        yield f"## {name}\n\n```\n{command.format_help().rstrip()}\n```\n"


def _subparsers(
    command: argparse.ArgumentParser, name: str
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    group = argparse._SubParsersAction
    below = [action for action in command._actions if isinstance(action, group)]
    if not below:
        yield name, command
    for action in below:
        for word, sub in action.choices.items():
            yield from _subparsers(sub, f"{name} {word}")


def settings() -> str:
    """`conf/config.yaml`, whose comments say what each setting is."""
    text = (ROOT / "conf" / "config.yaml").read_text(encoding="utf-8")
    return f"# Settings\n\n`conf/config.yaml`:\n\n```yaml\n{text}```\n"


def cards(group: str) -> Iterator[str]:
    """A card for each method or task: what it is, its source, its settings, how it fares."""
    evidence = read(SHIPPED) if SHIPPED.exists() else []
    yield f"# {group.capitalize()}s\n"
    for name in catalogue.names(group):
        node = catalogue.read(group, name)
        about = node.pop("about", {})
        yield f"## {in_markdown(str(about.get('label', name)))}\n\n`{group}={name}`\n"
        yield f"{catalog._kind(group, name, node)}: {in_markdown(about.get('summary', ''))}\n"
        yield f"Source: {in_markdown(str(about.get('source', '-')))}\n"
        yield from _faring(group, name, evidence)
        yield f"```yaml\n{yaml.safe_dump(node, sort_keys=False).rstrip()}\n```\n"


def _faring(group: str, name: str, evidence: list[Row]) -> Iterator[str]:
    """How a method fares on each task, or what does on a task, at the end of the shipped runs."""
    mine = [row for row in evidence if getattr(row, group) == name]
    other = "task" if group == "method" else "method"
    last = {}
    for row in sorted(mine, key=lambda row: row.trainings):
        last[getattr(row, other), row.workers] = row
    if not last:
        return
    yield f"| {other} | workers | after | regret |\n|---|---|---|---|"
    for row in sorted(last.values(), key=lambda row: (row.workers, row.regret)):
        after = f"{row.trainings:.0f} trainings"
        yield f"| {getattr(row, other)} | {row.workers} | {after} | {row.regret:.3f} |"
    yield "\nNormalised regret (0: the best value, 1: the median), mean over seeds.\n"


def python() -> Iterator[str]:
    """What users import, with its docstrings."""
    yield "# Python\n"
    for module in MODULES:
        package = importlib.import_module(module)
        yield (
            f"## {module}\n\n{inspect.getdoc(package)}\n"
            if module == "hpobench"
            else f"## {module}\n"
        )
        for name in package.__all__:
            thing = getattr(package, name)
            if not callable(thing):
                continue
            try:
                signature = f"{name}{inspect.signature(thing)}"
            except (TypeError, ValueError):
                signature = name
            yield f"### {name}\n\n```python\n{signature}\n```\n"
            yield f"```text\n{inspect.getdoc(thing) or ''}\n```\n"


def gallery() -> Iterator[str]:
    """The pictures of docs/, as the code that ships has drawn them."""
    yield "# Gallery\n\n`hpobench plot STUDY` and `hpobench report STUDY` draw them.\n"
    for picture in sorted(ROOT.glob("docs/*.png")):
        yield f"## {picture.stem}\n\n![{picture.stem}](../{picture.name})\n"


if __name__ == "__main__":
    sys.exit(main())
