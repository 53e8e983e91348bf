"""The rooms of the house, read from the files and their imports.

A room is a folder of a floor (`hpobench/loop/`, `results/anytime/`); a module that lies in none
is a room of its own.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLOORS = ("conf", "methods", "plots", "results")
ROOF = ("", "api", "cli")
"""The door of the package, what programs call and the commands import everything, when needed."""


@cache
def modules() -> dict[str, Path]:
    """The files of the package, by dotted name."""
    found = {}
    for floor in ("hpobench", *FLOORS):
        for path in sorted((ROOT / floor).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if floor != "hpobench" or parts[1] not in FLOORS:
                name = ".".join(parts if floor == "hpobench" else ("hpobench", *parts))
                found[name.removesuffix(".__init__")] = path
    return found


def room(name: str) -> str:
    """The room of a module: `run`, `results.anytime`, or its own name."""
    parts = name.split(".")[1:]
    return ".".join(parts[: 2 if parts and parts[0] in FLOORS else 1])


def imported(path: Path) -> Iterator[str]:
    """What a file imports, as dotted names of modules where they are ours."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in modules() else str(node.module)


@cache
def arrows() -> dict[str, dict[str, Path]]:
    """Which rooms a room imports from, and a file that does."""
    found: dict[str, dict[str, Path]] = {}
    for name, path in modules().items():
        own = found.setdefault(room(name), {})
        for other in imported(path):
            if other.startswith("hpobench.") and room(other) != room(name):
                own.setdefault(room(other), path)
    return found
